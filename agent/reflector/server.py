"""The reflector's one TCP port and its UDP echo: accept, limit, hand over to the protocol, stop cleanly.

A thread for each connection, so that a protocol is written as one plain function; its table entry is all it needs here.
"""

import errno
import logging
import os
import selectors
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Self

import msgspec
from msgspec import Struct

from agent.contract import ticket
from agent.contract.errors import SettingsError
from agent.host import tcp_info
from agent.meter import dial, echo, http_head
from agent.meter.errors import HeadError, TransferError
from agent.reflector import health, librespeed, msak, ndt7, ookla, request, sharing, source, video
from agent.reflector.echo import EchoServer
from agent.reflector.gate import Gate
from agent.reflector.nonces import Nonces
from agent.reflector.request import Exchange, Handler, Routes, Watch

_log = logging.getLogger(__name__)

ROUTES: Routes = {**health.ROUTES, **msak.ROUTES, **ndt7.ROUTES, **librespeed.ROUTES, **ookla.ROUTES, **video.ROUTES}
MAX_CONNECTIONS = 128
MAX_PER_SOURCE = 48  # a dozen usual tests behind one school's address, or one of the most connections behind another
MAX_REFUSALS = 16  # told "come back later" at a time, which under TLS takes a handshake; beyond it there is no answer
HEAD_S = 5.0  # for TLS and the request's head together, however slowly they come; also between two requests
REUSE_S = 60.0  # from the first request to the last one over the same connection
_POLL_S = 0.1
_STOP_S = 1.5
_PAIRS = 20  # tries to find a port that is free for TCP and for UDP
_BACKLOG = 128


class Offer(Struct, frozen=True, kw_only=True):
    """What is served, and to whom: to everybody, or only to this source (see agent.reflector.source).

    ``under`` are handlers of all that stands under a path, which ends with a slash. ``watch`` records tests.
    ``gate`` says which tests are let in; null: all are.
    """

    routes: Routes
    only: str | None = None
    under: Routes = {}
    watch: Watch | None = None
    gate: Gate | None = None


EVERYTHING = Offer(routes=ROUTES)


def serve(
    listen: tuple[str, int],
    udp_port: int | None,
    tls: tuple[str, str] | None,
    ready: Callable[[str], None],
    stop: threading.Event,
    *,
    offer: Offer = EVERYTHING,
) -> None:
    """Serve until ``stop`` is set; everything is closed within about two seconds of it.

    Args:
        listen: Host and port; port 0 takes a free one, host "" or "::" means every address of this computer.
        udp_port: The UDP echo's port; None for the TCP port's number.
        tls: PEM files of the certificate chain and of its key; None for plain http and ws.
        ready: Told ``listening HOST:PORT udp PORT`` once everything listens.
        stop: Set by whoever wants it to end.
        offer: What is served, and to whom.

    Raises:
        OSError: it cannot listen there; says where and why.
        SettingsError: the certificate or its key cannot be used.
    """
    context = None if tls is None else server_context(*tls)
    with ExitStack() as stack:
        tcp, udp = listening(listen, udp_port, stack)
        ready(said(tcp, udp))
        serve_on(tcp, udp, context, stop, offer)


def said(tcp: socket.socket, udp: socket.socket) -> str:
    """Return the line that says where it listens."""
    host, port = tcp.getsockname()[:2]
    return f"listening {dial.authority(host, port)} udp {udp.getsockname()[1]}"


def serve_on(
    tcp: socket.socket, udp: socket.socket, context: ssl.SSLContext | None, stop: threading.Event, offer: Offer
) -> None:
    """Serve on sockets that listen already, until ``stop`` is set."""
    offer, echoes = _with_echo(offer, udp)
    with _Connections(context, stop, offer) as connections, selectors.DefaultSelector() as selector:
        selector.register(tcp, selectors.EVENT_READ, lambda: connections.accept(tcp))
        selector.register(udp, selectors.EVENT_READ, echoes.answer)
        while not stop.is_set():
            for key, _events in selector.select(_POLL_S):
                key.data()


def _with_echo(offer: Offer, udp: socket.socket) -> tuple[Offer, EchoServer]:
    """Return the UDP echo, and the offer with a place where nonces for it are handed out to everybody it serves."""
    if offer.only is not None:  # it knows its one visitor already
        return offer, EchoServer(udp, offer.only)
    nonces, gate = Nonces(), offer.gate
    needed = gate is not None and gate.wants_leases
    routes = {**offer.routes, ("GET", echo.NONCE_PATH): nonces.route(needed=needed)}
    knows = nonces.is_good if needed else None
    refused = gate.metrics.count_refusal if gate is not None else lambda _cause: None
    return msgspec.structs.replace(offer, routes=routes), EchoServer(udp, knows=knows, refused=refused)


def server_context(certificate: str, key: str) -> ssl.SSLContext:
    """Return what speaks TLS with these PEM files; raises SettingsError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"the certificate {certificate} with the key {key} cannot be used: {error}") from error
    return context


def listening(
    listen: tuple[str, int], udp_port: int | None, stack: ExitStack, *, shared: bool = False
) -> tuple[socket.socket, socket.socket]:
    """Bind both ports; where both may be any number, find one that is free for both.

    ``shared`` lets other sockets that were bound like this have the same numbers (see agent.reflector.sharing).

    Raises:
        OSError: it cannot listen there; says where and why.
    """
    host, port = listen
    for attempt in range(1, _PAIRS + 1):
        tcp = _bind(host, port, socket.SOCK_STREAM, shared=shared)
        try:
            number = tcp.getsockname()[1] if udp_port is None else udp_port
            udp = _bind(host, number, socket.SOCK_DGRAM, shared=shared)
        except OSError:
            tcp.close()
            if port != 0 or udp_port is not None or attempt == _PAIRS:
                raise
            continue
        stack.enter_context(tcp)
        stack.enter_context(udp)
        tcp.listen(_BACKLOG)
        return tcp, udp
    raise AssertionError  # the last attempt returns or raises


def _bind(host: str, port: int, kind: socket.SocketKind, *, shared: bool) -> socket.socket:
    what = "TCP" if kind is socket.SOCK_STREAM else "UDP"
    place = dial.authority(host or "*", port)
    try:
        family, _, _, _, address = socket.getaddrinfo(host or None, port, type=kind, flags=socket.AI_PASSIVE)[0]
        sock = socket.socket(family, kind)
    except (OSError, UnicodeError) as error:
        raise OSError(errno.EADDRNOTAVAIL, f"cannot listen on {place}: {error}; is the address right?") from error
    try:
        if family == socket.AF_INET6 and host in ("", "::"):
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if os.name != "nt" and kind is socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sharing.prepare(sock)
        sock.bind(address)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        code = error.errno or errno.EADDRINUSE
        raise OSError(code, f"cannot listen on {what} {place}: {_why(error)}") from error
    return sock


def _why(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program already uses this port; stop it or choose another port"
    if error.errno == errno.EACCES:
        return "not permitted; ports below 1024 usually need administrator rights"
    return error.strerror or str(error)


class _Connections:
    """The connections that are open, each with its thread."""

    def __init__(self, context: ssl.SSLContext | None, stop: threading.Event, offer: Offer) -> None:
        self._context = context
        self._offer = offer
        self._stop = stop
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._admitted: Counter[str] = Counter()  # connections by source

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        """End every connection; their threads see the end of their sockets."""
        self._stop.set()
        with self._lock:
            left = dict(self._open)
        until = time.monotonic() + _STOP_S
        for sock in left:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in left.values():
            thread.join(max(0.0, until - time.monotonic()))

    def accept(self, listener: socket.socket) -> None:
        """Accept one connection; beyond its source's share or ours it is told to come back later."""
        try:
            sock, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                _log.warning("no connection can be accepted just now: %s", error)
                time.sleep(_POLL_S)
            return
        whose = source.of(address[0])
        if self._offer.only is not None and whose != self._offer.only:
            sock.close()
            return
        if self._offer.gate is not None:
            self._offer.gate.metrics.count_connection()
        with self._lock:
            refusal = self._no_room(whose)
            if refusal is not None and self._offer.gate is not None:
                self._offer.gate.refused(refusal)
            if refusal and len(self._open) - self._admitted.total() >= MAX_REFUSALS:
                sock.close()
                return
            thread = threading.Thread(target=self._run, args=(sock, whose, refusal), name="connection", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # the system gives no more threads
                _log.warning("no connection can be served just now: %s", error)
                sock.close()
                return
            self._open[sock] = thread
            self._count_open()
            if not refusal:
                self._admitted[whose] += 1

    def _count_open(self) -> None:
        if self._offer.gate is not None:
            self._offer.gate.metrics.set_open_connections(len(self._open))

    def _no_room(self, whose: str) -> HeadError | None:
        """Return why there is no room for one more connection of this source, None if there is."""
        if self._admitted.total() >= MAX_CONNECTIONS:
            return _busy("full", f"all {MAX_CONNECTIONS} connections are in use; come back later")
        most = MAX_PER_SOURCE if self._offer.gate is None else self._offer.gate.connections
        if self._admitted[whose] >= most:
            sentence = f"{most} connections from your network are in use; come back when they have ended"
            return _busy("connections", sentence)
        return None

    def _run(self, sock: socket.socket, whose: str, refusal: HeadError | None) -> None:
        talking = sock
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            talking = self._secured(sock)
            if refusal:
                _refuse(talking, refusal)
            else:
                _talk(talking, self._stop.is_set, self._offer, whose)
        except (TransferError, OSError) as error:
            _log.debug("a connection ended: %s", error)  # clients come and go; the client knows why it left
        finally:
            with self._lock:
                del self._open[sock]
                self._count_open()
                if not refusal:
                    self._admitted -= Counter((whose,))
            talking.close()
            sock.close()

    def _secured(self, sock: socket.socket) -> socket.socket:
        sock.settimeout(HEAD_S)
        if self._context is None:
            return sock
        # A duplicate, so that the table keeps a plain socket: shutting an SSLSocket down from another thread is unsafe.
        return self._context.wrap_socket(sock.dup(), server_side=True)


def _busy(cause: str, sentence: str) -> HeadError:
    return HeadError(503, sentence, (f"{ticket.REFUSAL_HEADER}: {cause}",))


def _refuse(sock: socket.socket, why: HeadError) -> None:
    """Refuse without waiting for the request."""
    sock.sendall(request.refusal(why.status, str(why), why.fields))
    _close_gently(sock)


def _talk(sock: socket.socket, stopping: Callable[[], bool], offer: Offer, whose: str) -> None:
    """Have each request answered by its protocol, until one ends the connection."""
    last = time.monotonic() + REUSE_S
    try:
        while _serve_one(sock, stopping, offer, whose, last):
            pass
    except HeadError as error:
        if offer.gate is not None:
            offer.gate.refused(error)
        sock.settimeout(HEAD_S)
        sock.sendall(request.refusal(error.status, str(error), error.fields))
    _close_gently(sock)


def _serve_one(sock: socket.socket, stopping: Callable[[], bool], offer: Offer, whose: str, last: float) -> bool:
    """Read one request and have it answered; True if another may follow. None does after ``last``."""
    head, rest = http_head.read(sock, time.monotonic() + HEAD_S)
    asked = request.parse(head)
    handler = _route(asked, offer)
    sock.settimeout(HEAD_S)
    reusable = asked.persists and time.monotonic() < last
    exchange = Exchange(sock, asked, rest, stopping, reusable=reusable, watch=offer.watch)
    began = time.time()
    counts = None if offer.gate is None or not _is_listed(asked, offer) else offer.gate.admit(asked, whose)
    if counts is not None:
        exchange.enough = counts
    try:
        handler(exchange)
    finally:
        _record(asked, began, time.time())
        if counts is not None and offer.gate is not None:
            offer.gate.metrics.count_control(tcp_info.congestion_control(sock))
    return exchange.stays


def _record(asked: request.Request, began: float, ended: float) -> None:
    """Write down a connection of a test that was made under a collector's lease: the far end's own word on it."""
    lease = request.lease(asked)
    if lease is not None:
        _log.info("test lease=%s path=%s began=%.3f ended=%.3f", lease, asked.path, began, ended)


def _route(asked: request.Request, offer: Offer) -> Handler:
    routes = offer.routes
    handler = routes.get((asked.method, asked.path)) or offer.under.get((asked.method, _folder(asked.path)))
    if handler is not None:
        return handler
    methods = ", ".join(sorted(method for method, path in routes if path == asked.path))
    if not methods:
        raise HeadError(404, f"nothing is at {asked.path[:200]}; this is a netready reflector")
    raise HeadError(405, f"{asked.method} is not understood at {asked.path}; use {methods}", (f"Allow: {methods}",))


def _is_listed(asked: request.Request, offer: Offer) -> bool:
    """Tell whether it is for what everybody finds here, not for a place that is found under another (a record)."""
    return (asked.method, asked.path) in offer.routes


def _folder(path: str) -> str:
    return path[: path.rfind("/") + 1]


def _close_gently(sock: socket.socket) -> None:
    """Wait a moment for the peer to close first: closing on unread bytes would reset what it has yet to read."""
    sock.setblocking(True)
    sock.settimeout(0.5)
    sock.shutdown(socket.SHUT_WR)
    until = time.monotonic() + 0.5
    while time.monotonic() < until and sock.recv(65536):
        pass
