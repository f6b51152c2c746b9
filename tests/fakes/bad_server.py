"""A TCP server on loopback that misbehaves as told; everything it started ends with it."""

import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from agent.meter import handshake, http_head, throughput1

Behaviour = Callable[[socket.socket], None]


class BadServer:
    """Calls ``behave`` with each connection in a thread of its own."""

    def __init__(self, behave: Behaviour, context: ssl.SSLContext | None = None) -> None:
        self._behave = behave
        self._context = context
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.server = f"127.0.0.1:{self.port}"
        self.connections = 0

    def __enter__(self) -> Self:
        """Begin to accept."""
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Close everything; threads that wait on a socket see it end."""
        for sock in (self._listener, *self._open):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                self._open.append(sock)
                threading.Thread(target=self._run, args=(sock,), daemon=True).start()

    def _run(self, sock: socket.socket) -> None:
        with suppress(OSError, ssl.SSLError, ValueError):
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True)
                self._open.append(sock)
            self._behave(sock)
            sock.close()


def wait(sock: socket.socket) -> None:
    """Read and say nothing until the other side goes."""
    sock.settimeout(30)
    while sock.recv(65536):
        pass


def says(answer: bytes) -> Behaviour:
    """Read the request's head and answer so, whatever was asked; then close."""

    def behave(sock: socket.socket) -> None:
        sock.settimeout(30)
        data = b""
        while b"\r\n\r\n" not in data:
            piece = sock.recv(4096)
            if not piece:
                return
            data += piece
        sock.sendall(answer)
        sock.shutdown(socket.SHUT_WR)
        wait(sock)

    return behave


def status(line: str, *fields: str) -> Behaviour:
    """Answer with an HTTP status and no body."""
    return says("\r\n".join((f"HTTP/1.1 {line}", *fields, "Content-Length: 0", "", "")).encode())


def upgraded(then: Behaviour) -> Behaviour:
    """Do the throughput1 handshake properly, and misbehave only afterwards."""

    def behave(sock: socket.socket) -> None:
        head, _rest = http_head.read(sock, time.monotonic() + 10)
        sock.settimeout(30)
        sock.sendall(handshake.accept(head, throughput1.SUBPROTOCOL))
        then(sock)

    return behave
