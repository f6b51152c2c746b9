"""The connections that speedtest-cli gets in the child process: dialled and secured as ours are, and counted.

What it has read from a file and handed to a socket has not been sent; here the kernel is asked what was acknowledged.
"""

import contextlib
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from agent.host import tcp_info
from agent.meter import layers
from agent.meter.dial import Dialler, Endpoint
from agent.meter.errors import TransferError
from agent.meter.layers import Segment

_SILENCE_S = 10.0
_OPENING_S = 10.0
_UNSENT_BYTES = 64 * 1024  # of each connection: what waits in buffers when time is over has to be thrown away
_WRITTEN_BYTES = 8192  # http.client hands over a body in such pieces; with TLS each is a record of its own


class Trouble(ConnectionError):  # noqa: N818 - named like the TransferError it carries, not a new kind of error
    """A TransferError in the only clothes that speedtest-cli lets pass: those of an OSError."""

    def __init__(self, error: TransferError) -> None:
        super().__init__(str(error))
        self.error = error


class Count:
    """What one connection has carried; ``acked`` and ``line_sent`` stay 0 where the system does not tell."""

    def __init__(
        self, moved: Callable[[int], None], failed: Callable[[OSError], None], is_over: Callable[[], bool]
    ) -> None:
        """Count; ``moved`` is told of all bytes, ``failed`` what goes wrong; ``is_over`` says when no more is read."""
        self.moved, self.failed, self.is_over = moved, failed, is_over
        self.received = self.handed = self.acked = self.line_sent = 0

    def note(self, sock: socket.socket) -> None:
        """Ask the kernel."""
        told = tcp_info.sent(sock)
        if told is not None:
            self.acked, self.line_sent = max(self.acked, told.acked), max(self.line_sent, told.with_repeats)


class Counted(socket.socket):
    """A socket that keeps count, also of the moment before it is closed."""

    count: Count | None = None

    def recv_into(self, *arguments: Any, **options: Any) -> int:
        if self.count is not None and self.count.is_over():
            return 0  # a connection that was shut still hands over what had arrived: up to megabytes
        try:
            size = super().recv_into(*arguments, **options)
        except OSError as error:
            self._failed(error)
            raise
        if self.count is not None:
            self.count.received += size
            self.count.moved(size)
        return size

    def sendall(self, data: Any, *flags: Any) -> None:
        try:
            super().sendall(data, *flags)
        except OSError as error:
            self._failed(error)
            raise
        if self.count is not None:
            self.count.handed += len(data)
            self.count.moved(len(data))

    def close(self) -> None:
        self.look()
        super().close()

    def look(self) -> None:
        """Bring the count up to date, as long as there is a connection."""
        if self.count is not None and self.fileno() >= 0:
            self.count.note(self)

    def _failed(self, error: OSError) -> None:
        if self.count is not None:
            self.count.failed(error)


class _CountedTls(Counted, ssl.SSLSocket):
    """The same over TLS."""


class Connections:
    """All connections of one phase of the test: made, counted, and cut when it is over.

    Attributes:
        trouble: what went wrong with them first, unless it was us who ended them.
        segment, payload_share_in, payload_share_out: of the connection made last.
        congestion_control: of the sender here.
        limit_bytes: when so many were handed over in either direction, all are cut; ``full_at`` says when that was.
    """

    def __init__(self, only: Endpoint | None, context: ssl.SSLContext, most_bytes: int | None, deadline: float) -> None:
        """Connect to ``only``, or to any place over TLS; no answer may have more than ``most_bytes``."""
        self.trouble: TransferError | None = None
        self.segment: Segment = layers.USUAL
        self.payload_share_in = self.payload_share_out = 1.0
        self.congestion_control: str | None = None
        self.most_at_once = 0
        self.limit_bytes: int | None = None
        self.full_at: float | None = None
        self._moved_bytes = 0
        self._only = only
        self._context = context
        context.sslsocket_class = _CountedTls
        self._most_bytes = most_bytes
        self._deadline = deadline
        self._lock = threading.Lock()
        self._diallers: dict[Endpoint, Dialler] = {}
        self._live: weakref.WeakSet[Counted] = weakref.WeakSet()
        self._counts: list[Count] = []
        self._cut = False

    def open(self, host: str, port: int, *, encrypted: bool) -> Counted:
        """Connect, within our deadlines; raises Trouble."""
        place = Endpoint("https" if encrypted else "http", host, port)
        if self._only is not None and (place.host, place.port) != (self._only.host, self._only.port):
            raise self._noted(TransferError("redirected", f"the server sends us to {place.url}"))
        with self._lock:
            context = self._context if encrypted else None
            dialler = self._diallers.setdefault(place, Dialler(place, context))
        try:
            sock = dialler.dial(min(self._deadline, time.monotonic() + _OPENING_S))
        except TransferError as error:
            raise self._noted(error) from error
        return self._joined(sock)

    def _joined(self, sock: socket.socket) -> Counted:
        counted = sock if isinstance(sock, Counted) else Counted(fileno=sock.detach())
        counted.count = count = Count(self._moved, self._failed, self._is_over)
        counted.settimeout(_SILENCE_S)
        tcp_info.keep_unsent_short(counted, _UNSENT_BYTES)
        tcp_info.throw_away_unsent(counted)
        counted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as http.client has it, and speedtest-cli not
        record = layers.record_overhead(counted)
        with self._lock:
            self._live.add(counted)
            self._counts.append(count)
            self.segment = layers.segment(counted)
            self.congestion_control = tcp_info.congestion_control(counted)
            self.payload_share_in = layers.TLS_RECORD_BYTES / (layers.TLS_RECORD_BYTES + record)
            self.payload_share_out = _WRITTEN_BYTES / (_WRITTEN_BYTES + record)
            is_late = self._cut
        if is_late:
            counted.close()
            raise Trouble(TransferError("deadline", "the test is over"))
        return counted

    def _noted(self, error: TransferError) -> Trouble:
        self.note_trouble(error)
        return Trouble(error)

    def _failed(self, error: OSError) -> None:
        self.note_trouble(TransferError.of(error, "the connection broke"))

    def _moved(self, size: int) -> None:
        with self._lock:
            self._moved_bytes += size
            is_full = self.limit_bytes is not None and self._moved_bytes >= self.limit_bytes and self.full_at is None
            if is_full:
                self.full_at = time.monotonic()
        if is_full:
            self.cut()

    def _is_over(self) -> bool:
        return self._cut or self.full_at is not None

    def note_trouble(self, error: TransferError) -> None:
        """Keep what went wrong first."""
        if not self._cut and self.trouble is None:
            self.trouble = error

    def look(self) -> None:
        """Bring the counts of living connections up to date, and cut those that answer far too much."""
        with self._lock:
            live = list(self._live)
            self.most_at_once = max(self.most_at_once, sum(sock.fileno() >= 0 for sock in live))
        for sock in live:
            sock.look()
            if self._most_bytes is not None and sock.count is not None and sock.count.received > self._most_bytes:
                self.note_trouble(TransferError("protocol_error", "the far end answers far too much"))
                _shut(sock)

    @property
    def received(self) -> int:
        """Bytes that were handed over, TLS records taken off."""
        return sum(count.received for count in self._counts)

    @property
    def handed(self) -> int:
        """Bytes that were given to sockets: the most that can have been sent."""
        return sum(count.handed for count in self._counts)

    @property
    def acked(self) -> int:
        """Bytes of TCP payload that the far end has acknowledged."""
        return sum(count.acked for count in self._counts)

    @property
    def line_sent(self) -> int:
        """Bytes of TCP payload that were sent, repeats too."""
        return sum(count.line_sent for count in self._counts)

    def cut(self) -> None:
        """End all of them now; what is unsent is thrown away, off the line."""
        with self._lock:
            self._cut = True
            live = list(self._live)
        for sock in live:
            _shut(sock)


def _shut(sock: Counted) -> None:
    """Wake whoever waits on it; they close it then."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)  # under TLS too: its own would take the session from the readers
