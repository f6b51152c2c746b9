"""A TCP server on loopback that misbehaves as told; everything it started ends with it."""

import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from agent.meter import handshake, http_head, throughput1, websocket
from agent.meter.errors import HeadError, TransferError

Behaviour = Callable[[socket.socket], object]
_BLOCK = websocket.frame(websocket.BINARY, b"x" * 60_000, "server")


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
        with suppress(OSError, ssl.SSLError, ValueError, HeadError, TransferError):
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


def page(line: str, html: str, *fields: str) -> Behaviour:
    """Answer with an HTTP status and a page for people."""
    head = "\r\n".join((f"HTTP/1.1 {line}", "Content-Type: text/html; charset=utf-8", *fields, "", ""))
    return says(head.encode() + html.encode())


def drips(answer: bytes) -> Behaviour:
    """Answer so and then with a letter now and again, for ever."""

    def behave(sock: socket.socket) -> None:
        sock.recv(4096)
        sock.sendall(answer)
        while True:
            time.sleep(0.1)
            sock.sendall(b"x")

    return behave


def upgraded(then: Behaviour, upload: Behaviour | None = None) -> Behaviour:
    """Do the throughput1 handshake properly, and misbehave only afterwards; other requests are not found.

    With ``upload`` that is what happens in an upload, and ``then`` in a download only.
    """

    def behave(sock: socket.socket) -> None:
        head, _rest = http_head.read(sock, time.monotonic() + 10)
        sock.settimeout(30)
        if throughput1.DOWNLOAD_PATH not in head.start and throughput1.UPLOAD_PATH not in head.start:
            sock.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        sock.sendall(handshake.accept(head, throughput1.SUBPROTOCOL))
        (upload if upload is not None and throughput1.UPLOAD_PATH in head.start else then)(sock)

    return behave


def floods(sock: socket.socket) -> None:
    """Send binary messages without end, at some 100 Mbit/s."""
    while True:
        sock.sendall(_BLOCK)
        time.sleep(0.005)


def sends(*frames: bytes) -> Behaviour:
    """Send these frames, and then wait until the other side goes."""

    def behave(sock: socket.socket) -> None:
        sock.sendall(b"".join(frames))
        wait(sock)

    return behave


def resets(sock: socket.socket) -> None:
    """Send for a moment, and reset the connection in the middle."""
    for _ in range(20):
        sock.sendall(_BLOCK)
        time.sleep(0.01)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


Message = Callable[[float, int], bytes | None]
"""What a far end says after so many seconds in which it has received so many bytes; None for nothing."""


def told(elapsed_s: float, received: int) -> bytes:
    """Return the true message of an upload's far end."""
    return json.dumps({"Network": {"BytesReceived": received}, "ElapsedTime": int(elapsed_s * 1e6)}).encode()


def talks(message: Message) -> Behaviour:
    """Take an upload at some 100 Mbit/s, and say a message about it every tenth of a second."""

    def behave(sock: socket.socket) -> None:
        began, received, due = time.monotonic(), 0, 0.1
        while piece := sock.recv(65536):
            received += len(piece)
            elapsed_s = time.monotonic() - began
            if elapsed_s >= due:
                due += 0.1
                text = message(elapsed_s, received)
                if text is not None:
                    sock.sendall(websocket.frame(websocket.TEXT, text, "server"))
            time.sleep(0.005)

    return behave
