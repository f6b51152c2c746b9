"""The ways to send echoes and take their answers: an ICMP socket, TCP handshakes, Windows' own call.

Used by one thread at a time. A way that cannot be opened raises OSError; afterwards trouble is a lost echo.
"""

import errno
import ipaddress
import os
import selectors
import socket
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from agent.host import icmp, windows_icmp
from agent.host.icmp import Answered

PORTS = (80, 443, 53)  # what routers listen on, or refuse
_TOKEN = struct.Struct("!8sI")  # who asks, and the number of the echo: 16 bits wrap
_MOST_AT_ONCE = 256  # a far end that floods us does not keep the thread from its schedule
_PATIENCE_S, _FINDING_S = 1.0, 0.5
_MOST_UNDERWAY = 64
_SO_TIMESTAMPNS = 35  # Linux, include/uapi/asm-generic/socket.h
_TIMESPEC = struct.Struct("@ll")
_WINDOWS_THREADS = 10
_ANSWERS = {0, errno.ECONNREFUSED}
_UNDERWAY = {errno.EINPROGRESS, errno.EWOULDBLOCK}


class Echoing:
    """A way to echo: ``sent_at`` holds when each was sent (time.monotonic), ``rtts_s`` the round trips by number."""

    protocol = "icmp"

    def __init__(self) -> None:
        self.sent_at: list[float] = []
        self.rtts_s: dict[int, float] = {}

    def send(self) -> None:
        """Send the next echo."""
        raise NotImplementedError

    def wait(self, until: float) -> None:
        """Take answers until this moment (time.monotonic)."""
        raise NotImplementedError

    def close(self) -> None:
        """Free what it holds."""
        raise NotImplementedError

    def round_trip(self, number: int, patience_s: float) -> float | None:
        """Return the round trip of an echo; None where it did not come back in time."""
        rtt_s = self.rtts_s.get(number)
        return rtt_s if rtt_s is not None and rtt_s <= patience_s else None


class SocketEchoing(Echoing):
    """Echoes over an ICMP socket. Linux says when an answer arrived, however late this thread gets to read it."""

    def __init__(self, address: str) -> None:
        """Open the socket; raises PermissionError, or another OSError where there is no way to the address."""
        super().__init__()
        family, where = icmp.place(address)
        self._version = icmp.version_of(family)
        self._session = os.urandom(8)
        self._identifier = int.from_bytes(self._session[:2], "big")
        self._wall: list[float] = []
        self._sock = icmp.open_socket(family)
        try:
            self._sock.connect(where)
        except OSError:
            self._sock.close()
            raise
        if sys.platform == "linux":
            with suppress(OSError):
                self._sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._sock, selectors.EVENT_READ)

    def send(self) -> None:
        number = len(self.sent_at)
        payload = _TOKEN.pack(self._session, number)
        packet = icmp.request(self._version, self._identifier, number, payload)
        self.sent_at.append(time.monotonic())
        self._wall.append(time.time())
        with suppress(OSError):  # no buffer, no route for a moment: it is lost, and counted so
            self._sock.send(packet)

    def wait(self, until: float) -> None:
        while True:
            left = until - time.monotonic()
            if not self._selector.select(max(0.0, left)):
                return
            for _turn in range(_MOST_AT_ONCE):
                if not self._take():
                    break
            if time.monotonic() >= until:
                return

    def _take(self) -> bool:
        """Take one packet; False where none waits."""
        try:
            packet, ancillary, _flags, _sender = self._sock.recvmsg(2048, 64)
        except OSError as error:  # what a router said of an earlier echo is reported here too, once
            return error.errno not in {errno.EAGAIN, errno.EWOULDBLOCK}
        now = time.monotonic()
        answer = icmp.decode(packet, self._version)
        if not isinstance(answer, Answered) or len(answer.payload) != _TOKEN.size:
            return True
        session, number = _TOKEN.unpack(answer.payload)
        if session == self._session and number < len(self.sent_at) and number not in self.rtts_s:
            waited_s = now - self.sent_at[number]
            arrived = _arrival(ancillary)
            stamped_s = waited_s if arrived is None else arrived - self._wall[number]
            # A clock that was set meanwhile gives itself away: the answer was here before it was read.
            self.rtts_s[number] = stamped_s if 0 < stamped_s < waited_s else waited_s
        return True

    def close(self) -> None:
        self._selector.close()
        self._sock.close()


def _arrival(ancillary: list[tuple[int, int, bytes]]) -> float | None:
    """Return when the kernel took the packet in, in seconds of time.time()."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) and len(data) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            return float(seconds + nanoseconds / 1e9)
    return None


class HandshakeEchoing(Echoing):
    """TCP handshakes, given up as soon as the far end has answered; that nothing listens there is an answer."""

    protocol = "tcp"

    def __init__(self, address: str, ports: tuple[int, ...] = PORTS) -> None:
        """Find the first of the ports that answers; raises TimeoutError where none does, OSError without a way."""
        super().__init__()
        self._selector = selectors.DefaultSelector()
        self._places = [icmp.place(address, port) for port in ports]
        until = time.monotonic() + _FINDING_S
        for each in self._places:
            self._knock(len(self.sent_at), each)
        while not self.rtts_s and self._selector.get_map() and time.monotonic() < until:
            self._take(until)
        found = next(iter(self.rtts_s), None)
        self._forget(before=float("inf"))
        self.sent_at, self.rtts_s = [], {}
        if found is None:
            self._selector.close()
            raise TimeoutError(errno.ETIMEDOUT, f"{address} answers on none of the ports {ports}")
        self._place = self._places[found]

    def send(self) -> None:
        self._forget(before=time.monotonic() - _PATIENCE_S)
        self._knock(len(self.sent_at), self._place)

    def wait(self, until: float) -> None:
        while (left := until - time.monotonic()) > 0:
            if self._selector.get_map():
                self._take(until)
            else:
                time.sleep(left)
        if self._selector.get_map():
            self._take(time.monotonic())

    def close(self) -> None:
        self._forget(before=float("inf"))
        self._selector.close()

    def _knock(self, number: int, where: icmp.Place) -> None:
        self.sent_at.append(time.monotonic())
        if len(self._selector.get_map()) >= _MOST_UNDERWAY:
            return
        with suppress(OSError):  # no socket, no way for a moment: lost
            sock = socket.socket(where[0], socket.SOCK_STREAM)
            sock.setblocking(False)
            # Given up at once, without a connection that waits to be forgotten.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            reason = sock.connect_ex(where[1])
            if reason in _UNDERWAY:
                self._selector.register(sock, selectors.EVENT_WRITE, number)
                return
            sock.close()
            if reason in _ANSWERS:
                self.rtts_s[number] = time.monotonic() - self.sent_at[number]

    def _take(self, until: float) -> None:
        ready = self._selector.select(max(0.0, until - time.monotonic()))
        now = time.monotonic()
        for key, _events in ready:
            sock = key.fileobj
            assert isinstance(sock, socket.socket)  # noqa: S101 - for the type checker: nothing else is registered
            reason = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if reason in _ANSWERS:
                self.rtts_s[key.data] = now - self.sent_at[key.data]
            self._selector.unregister(sock)
            sock.close()

    def _forget(self, before: float) -> None:
        """Give up those that were sent before this moment."""
        for key in list(self._selector.get_map().values()):
            if self.sent_at[key.data] < before:
                self._selector.unregister(key.fileobj)
                if isinstance(key.fileobj, socket.socket):
                    key.fileobj.close()


class WindowsEchoing(Echoing):
    """Windows' own call, which waits: so each echo waits in a thread of its own. Never run on Windows."""

    def __init__(self, address: str) -> None:
        """Try the call once; raises OSError where Windows has none for this address."""
        super().__init__()
        try:
            self._address = str(ipaddress.IPv4Address(address))
        except ValueError as error:
            raise OSError(errno.EAFNOSUPPORT, f"{address} is no IPv4 address") from error
        windows_icmp.echo(self._address, b"netready", patience_s=0.001)
        self._threads = ThreadPoolExecutor(_WINDOWS_THREADS, thread_name_prefix="echo")

    def send(self) -> None:
        number = len(self.sent_at)
        self.sent_at.append(time.monotonic())
        self._threads.submit(self._echo, number)

    def _echo(self, number: int) -> None:
        with suppress(OSError):
            told = windows_icmp.echo(self._address, b"netready", patience_s=_PATIENCE_S)
            if told is not None and told[0].status == windows_icmp.SUCCESS and told[0].address == self._address:
                self.rtts_s[number] = told[1]

    def wait(self, until: float) -> None:
        time.sleep(max(0.0, until - time.monotonic()))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
