"""Reach a server: address from a setting, names, connections and TLS; everything within a deadline.

Deadlines are times of ``time.monotonic``. What fails is a TransferError with its failure word.
"""

import errno
import os
import queue
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import TypeVar, cast
from urllib.parse import quote

from msgspec import Struct

from agent.contract.errors import SettingsError
from agent.contract.failure import Failure
from agent.host import transport
from agent.meter import tls
from agent.meter.errors import TransferError

_Result = TypeVar("_Result")
Place = tuple[str, int] | tuple[str, int, int, int]
Address = tuple[socket.AddressFamily, Place]

_STAGGER_S = 0.25  # RFC 8305, 5: connection attempt delay
_PENDING = frozenset({0, errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", errno.EWOULDBLOCK)})
_WEBSOCKET_SCHEME = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
_HTTP_SCHEME = {"ws": "http", "wss": "https", "http": "http", "https": "https"}


class Endpoint(Struct, frozen=True):
    """Where a server is: whether over TLS, its host and port, and the path its tests stand under."""

    scheme: str
    host: str
    port: int
    prefix: str = ""

    @property
    def authority(self) -> str:
        """HOST:PORT, an IPv6 address in brackets."""
        return authority(self.host, self.port)

    @property
    def url(self) -> str:
        """The address as a URL."""
        return f"{self.scheme}://{self.authority}{self.prefix}"

    @property
    def is_secure(self) -> bool:
        """Whether it is spoken to over TLS."""
        return self.scheme in ("wss", "https")


def authority(host: str, port: int) -> str:
    """Return HOST:PORT, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def endpoint(server: str) -> Endpoint:
    """Read a server setting: a ws, wss, http or https URL, or HOST:PORT, which means ws.

    Raises:
        SettingsError: it is neither.
    """
    return _endpoint(server, _WEBSOCKET_SCHEME)


def http_endpoint(server: str) -> Endpoint:
    """Read the setting of a server that is spoken to in HTTP: the same URLs, or HOST:PORT, which means http.

    Raises:
        SettingsError: it is neither.
    """
    return _endpoint(server, _HTTP_SCHEME)


def _endpoint(server: str, schemes: dict[str, str]) -> Endpoint:
    url = server.strip() if "://" in server else f"ws://{server.strip()}"
    parts = transport.parse(url, tuple(schemes))
    scheme, host = schemes[parts.scheme], parts.hostname or ""
    try:
        host = host if host.isascii() else host.encode("idna").decode("ascii")  # мектеп.қаз is xn--...
    except UnicodeError as error:
        raise SettingsError(f"{server!r} has a host name that cannot exist: {error}") from error
    return Endpoint(scheme, host, transport.port_of(parts), quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~"))


def within(deadline: float, what: str, late: Failure, work: Callable[[], _Result]) -> _Result:
    """Do blocking work that knows no time limit (a name look-up) in a thread, and wait no longer than the deadline.

    Raises:
        TransferError: out of time, with the word ``late``. What the work itself raises rises as it is.
    """
    answers: queue.SimpleQueue[tuple[_Result | None, BaseException | None]] = queue.SimpleQueue()

    def answer() -> None:
        try:
            answers.put((work(), None))
        except BaseException as error:  # noqa: BLE001 - carried to the waiting thread and raised there
            answers.put((None, error))

    threading.Thread(target=answer, name=what, daemon=True).start()
    try:
        result, error = answers.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        raise TransferError(late, f"{what} took too long") from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # without an error there is a result


def check_security(target: Endpoint, deadline: float) -> str | None:
    """Return a warning where the endpoint is plain but allowed to be (see transport.check_security).

    Raises:
        InsecureUrlError: plain, to a public address.
        TransferError: the name cannot be resolved.
    """
    parts = transport.parse(target.url, tuple(_HTTP_SCHEME))
    return _resolving(target.host, deadline, lambda: transport.check_security(parts))


def addresses(host: str, port: int, kind: socket.SocketKind, deadline: float) -> list[Address]:
    """Return every address of a host, in the system's order of preference.

    Raises:
        TransferError: the name cannot be resolved (dns_failed).
    """
    answers = _resolving(host, deadline, lambda: socket.getaddrinfo(host, port, type=kind))
    return [(family, cast(Place, place)) for family, _, _, _, place in answers]


def _resolving(host: str, deadline: float, work: Callable[[], _Result]) -> _Result:
    try:
        return within(deadline, f"looking up {host}", "dns_failed", work)
    except (socket.gaierror, UnicodeError) as error:
        raise TransferError("dns_failed", f"the name {host} cannot be resolved: {error}") from error


def connect(places: list[Address], deadline: float, receive_bytes: int | None = None) -> tuple[socket.socket, float]:
    """Connect to the first address that answers, trying the next one every 250 ms (RFC 8305).

    Args:
        places: The addresses, in order of preference.
        deadline: When to give up.
        receive_bytes: Room for what arrives unread: so much, or little more, a far end can send unasked.

    Returns:
        The connected socket, non-blocking, and the seconds its handshake took: one round trip.

    Raises:
        TransferError: none answered.
    """
    attempts = _Attempts(receive_bytes)
    try:
        waiting = list(places)
        next_start = time.monotonic()
        while waiting or attempts.open:
            now = time.monotonic()
            if now >= deadline:
                break
            if waiting and (now >= next_start or not attempts.open):
                attempts.begin(waiting.pop(0), now)
                next_start = now + _STAGGER_S
            winner = attempts.wait(min(deadline, next_start) if waiting else deadline)
            if winner is not None:
                return winner
    finally:
        attempts.close()
    if attempts.error is None:
        raise TransferError(
            "connect_timeout", "the server does not answer; is it switched on, and is no firewall between?"
        )
    raise TransferError.of(attempts.error, "the server cannot be reached")


class _Attempts:
    """Connection attempts under way."""

    def __init__(self, receive_bytes: int | None) -> None:
        self.error: OSError | None = None
        self.open: dict[socket.socket, float] = {}
        self._receive_bytes = receive_bytes
        self._selector = selectors.DefaultSelector()

    def begin(self, place: Address, now: float) -> None:
        family, address = place
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            self.error = error
            return
        sock.setblocking(False)
        if self._receive_bytes is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_bytes)
        try:
            code = sock.connect_ex(address)
        except OSError as error:  # an address with a zone that this computer has not
            sock.close()
            self.error = error
            return
        if code not in _PENDING:
            sock.close()
            self.error = OSError(code, os.strerror(code))
            return
        self.open[sock] = now
        self._selector.register(sock, selectors.EVENT_WRITE)

    def wait(self, until: float) -> tuple[socket.socket, float] | None:
        """Wait for the first to connect; forget those that fail, and keep why."""
        for key, _events in self._selector.select(max(0.0, until - time.monotonic())):
            sock = key.fileobj
            if not isinstance(sock, socket.socket):
                continue
            began = self._forget(sock)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code == 0:
                return sock, time.monotonic() - began
            sock.close()
            self.error = OSError(code, os.strerror(code))
        return None

    def _forget(self, sock: socket.socket) -> float:
        self._selector.unregister(sock)
        return self.open.pop(sock)

    def close(self) -> None:
        for sock in list(self.open):
            self._forget(sock)
            sock.close()
        self._selector.close()


class Dialler:
    """Connects to the one address of a server that answered first; may be used from several threads.

    Attributes:
        rtt_s: the shortest TCP handshake so far: a round trip of the line as it was then.
    """

    def __init__(self, endpoint: Endpoint, context: ssl.SSLContext | None) -> None:
        """Dial this server, over TLS where there is a context."""
        self.rtt_s = float("inf")
        self._endpoint = endpoint
        self._context = context
        self._lock = threading.Lock()
        self._places: list[Address] = []

    def dial(self, deadline: float) -> socket.socket:
        """Return one more connection.

        Raises:
            TransferError: there is none.
        """
        host, sock = self._endpoint.host, None
        with self._lock:  # the first finds the address that answers, the others wait for it
            if not self._places:
                places = addresses(host, self._endpoint.port, socket.SOCK_STREAM, deadline)
                sock, rtt_s = connect(places, deadline)
                self._places = [(socket.AddressFamily(sock.family), sock.getpeername())]
        if sock is None:
            sock, rtt_s = connect(self._places, deadline)
        self.rtt_s = min(self.rtt_s, rtt_s)
        return sock if self._context is None else tls.secure(sock, self._context, host, deadline)
