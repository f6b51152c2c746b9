"""Prebuilt requests over raw sockets, so that what sends the load takes little of the machine that is measured."""

import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

_SOURCES = 200
_IDLE_S = 3.0  # then the other end may be about to close the connection


def request(body: bytes) -> bytes:
    """Return a delivery as it goes over the wire."""
    head = "POST /api/v1/reports HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@dataclass
class Answer:
    """What came back for one request: null where the connection ended first."""

    key: int
    status: int | None
    retry_after_s: float
    body: bytes
    took_s: float


@dataclass
class _Line:
    number: int
    connected: socket.socket | None = None
    key: int = 0
    out: memoryview = field(default_factory=lambda: memoryview(b""))
    got: bytearray = field(default_factory=bytearray)
    began: float = 0.0
    idle_since: float = 0.0


class Load:
    """Keeps up to so many connections busy, one request at a time on each.

    Args:
        address: host and port.
        lines: how many connections.
        next_request: called for a line that is free; gives a key and the bytes of a request, or None where there is
            nothing to send just now on any line; raises StopIteration where this line has sent all it had.
        answered: is told each answer.

    The lines come from different addresses of loopback, as computers of different schools do.
    """

    def __init__(
        self,
        address: tuple[str, int],
        lines: int,
        next_request: Callable[[int], tuple[int, bytes] | None],
        answered: Callable[[Answer], None],
    ) -> None:
        self._address = address
        self._next = next_request
        self._answered = answered
        self._select = selectors.DefaultSelector()
        self._free = deque(_Line(number) for number in range(lines))

    def run(self, is_done: Callable[[], bool], until: float) -> None:
        """Send until ``is_done`` or the monotonic clock says ``until``."""
        while not is_done() and time.monotonic() < until:
            while self._free and self._send_next(self._free[0]):
                pass
            for key, _ in self._select.select(0.02):
                self._go_on(key.data)
        self._select.close()

    def _send_next(self, line: _Line) -> bool:
        """Take the first free line if it has something to send; tell whether to look at the next one."""
        try:
            wanted = self._next(line.number)
        except StopIteration:
            self._free.popleft()
            return True
        if wanted is None:
            return False
        self._free.popleft()
        line.key, content = wanted
        line.out, line.began = memoryview(content), time.perf_counter()
        line.got.clear()
        try:
            if line.connected is not None and line.began - line.idle_since > _IDLE_S:
                line.connected.close()
                line.connected = None
            if line.connected is None:
                source = (f"127.0.1.{1 + line.number % _SOURCES}", 0)
                line.connected = socket.create_connection(self._address, timeout=10, source_address=source)
                line.connected.setblocking(False)
            self._select.register(line.connected, selectors.EVENT_READ | selectors.EVENT_WRITE, line)
        except OSError:
            line.connected = None
            self._finish(line, None, 0.0, b"")
        return True

    def _go_on(self, line: _Line) -> None:
        assert line.connected is not None
        try:
            if line.out:
                line.out = line.out[line.connected.send(line.out) :]
                if not line.out:
                    self._select.modify(line.connected, selectors.EVENT_READ, line)
                return
            chunk = line.connected.recv(262_144)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self._hang_up(line)
            self._finish(line, None, 0.0, b"")
            return
        line.got += chunk
        self._read(line)

    def _read(self, line: _Line) -> None:
        assert line.connected is not None
        head, separator, body = bytes(line.got).partition(b"\r\n\r\n")
        if not separator:
            return
        fields = dict(one.lower().split(b": ", 1) for one in head.split(b"\r\n")[1:])
        if len(body) < int(fields[b"content-length"]):
            return
        if fields.get(b"connection") == b"close":
            self._hang_up(line)
        else:
            self._select.unregister(line.connected)
        self._finish(line, int(head.split()[1]), float(fields.get(b"retry-after", 0)), body)

    def _hang_up(self, line: _Line) -> None:
        assert line.connected is not None
        self._select.unregister(line.connected)
        line.connected.close()
        line.connected = None

    def _finish(self, line: _Line, status: int | None, retry_after_s: float, body: bytes) -> None:
        line.idle_since = time.perf_counter()
        self._free.append(line)
        self._answered(Answer(line.key, status, retry_after_s, body, time.perf_counter() - line.began))


def percentile(values: Iterable[float], share: float) -> float:
    """Return the value that this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
