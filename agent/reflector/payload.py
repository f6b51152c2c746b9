"""Bulk bytes over HTTP: random ones out, any in; each transfer has an end in bytes and in time.

Both ways cost little: one shared buffer goes out, and what comes in is thrown away unread, in the kernel where it can.
"""

import socket
import ssl
import sys
import time

from agent.contract import ticket
from agent.host import tcp_info
from agent.meter import payload
from agent.meter.errors import HeadError, TransferError
from agent.reflector.request import Exchange, opening

MAX_BODY_BYTES = 4 << 30
MAX_TRANSFER_S = 60.0  # a browser's test asks for a quarter of it
IDLE_S = 10.0  # without a byte moving, which among several connections on a slow line happens for seconds
_UNSENT_BYTES = 1 << 20
_MAX_LINE = 1024
_SCRATCH = memoryview(bytearray(1 << 20))  # written by every upload at once and read by nobody


def send_random(exchange: Exchange, length: int, kind: str, fields: tuple[str, ...] = ()) -> None:
    """Answer with this many random bytes.

    Raises:
        TransferError: the client is so slow that it took longer than MAX_TRANSFER_S (stalled).
        OSError: the client left, or took nothing for IDLE_S.
    """
    sock = exchange.sock
    sock.sendall(opening(exchange, length, kind, fields))
    if exchange.request.method == "HEAD":
        return
    sock.settimeout(IDLE_S)
    tcp_info.keep_unsent_short(sock, _UNSENT_BYTES)
    until = time.monotonic() + MAX_TRANSFER_S
    block, moved = payload.block(), 0
    while moved < length:
        if time.monotonic() > until:
            raise TransferError("stalled", f"the client takes longer than {MAX_TRANSFER_S:g} s")
        moved += sock.send(block[: length - moved])
        if exchange.enough(moved):
            raise TransferError("closed_early", "the client has had as many bytes as it may")


def count(exchange: Exchange) -> int:
    """Read the request's body, throw it away, and return how many bytes it was.

    Raises:
        HeadError: the body is malformed (400), too long (413), too slow (408), coded in a way unknown here (501), or
            more than the client may send (503).
        TransferError: the client left in the middle (closed_early).
        OSError: the connection broke.
    """
    coding = exchange.request.head.fields.get("transfer-encoding")
    announced = _announced(exchange.request.head.fields.get("content-length"), coding)
    incoming = _Incoming(exchange)
    if exchange.request.head.lists("expect", "100-continue") and not exchange.rest:
        exchange.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        length = announced if coding is None else _chunks(incoming)
        if coding is None:
            incoming.skip(length)
    except TimeoutError as error:
        raise HeadError(408, f"no more of the body came for {IDLE_S:g} s") from error
    exchange.rest = incoming.rest
    return length


def _announced(length: str | None, coding: str | None) -> int:
    """Return the body's length as its head says it, 0 where the head leaves it to the coding or to nothing."""
    if coding is not None:
        if coding.lower() != "chunked":
            raise HeadError(501, "of the transfer codings only chunked is understood")
        if length is not None:  # RFC 9112, 6.1: somebody in between may see another request than we do
            raise HeadError(400, "a body has either a Content-Length or a Transfer-Encoding")
        return 0
    length = length or "0"
    if not (length.isascii() and length.isdecimal() and len(length) <= 19):
        raise HeadError(400, "the header Content-Length has to be a whole number")
    return _bounded(int(length))


def _bounded(length: int) -> int:
    if length > MAX_BODY_BYTES:
        raise HeadError(413, f"a body may have at most {MAX_BODY_BYTES} bytes")
    return length


def _chunks(incoming: "_Incoming") -> int:
    """Skip a chunked body (RFC 9112, 7.1) and return its length without the coding."""
    total = 0
    while size := _chunk_size(incoming.line()):
        total = _bounded(total + size)
        incoming.skip(size)
        if incoming.line():
            raise HeadError(400, "a chunk of the body is longer than it says")
    while incoming.line():
        pass  # trailer fields say nothing to us; each takes time, which is bounded
    return total


def _chunk_size(line: bytes) -> int:
    size = line.partition(b";")[0].strip()
    if not 0 < len(size) <= 16 or size.strip(b"0123456789abcdefABCDEF"):
        raise HeadError(400, "a chunk of the body does not begin with its size")
    return int(size, 16)


class _Incoming:
    """Takes a body off a connection: lines that are looked at, and bytes that are not."""

    def __init__(self, exchange: Exchange) -> None:
        self.rest = exchange.rest
        self._sock = exchange.sock
        self._exchange = exchange
        self._moved = 0
        self._until = time.monotonic() + MAX_TRANSFER_S
        # With MSG_TRUNC Linux drops what TCP received without copying it (tcp(7)); TLS has to be read.
        plain = sys.platform == "linux" and not isinstance(exchange.sock, ssl.SSLSocket)
        self._flags = int(socket.MSG_TRUNC) if plain else 0
        exchange.sock.settimeout(IDLE_S)

    def skip(self, length: int) -> None:
        """Take this many bytes."""
        known = min(length, len(self.rest))
        self.rest = self.rest[known:]
        length -= self._checked(known) if known else 0
        while length:
            length -= self._checked(self._sock.recv_into(_SCRATCH, min(length, len(_SCRATCH)), self._flags))

    def line(self) -> bytes:
        """Take a line and return it without its end."""
        while b"\r\n" not in self.rest:
            if len(self.rest) > _MAX_LINE:
                raise HeadError(400, f"a line between the body's chunks is longer than {_MAX_LINE} bytes")
            piece = self._sock.recv(4096)
            self._checked(len(piece))
            self.rest += piece
        line, _, self.rest = self.rest.partition(b"\r\n")
        return line

    def _checked(self, received: int) -> int:
        if not received:
            raise TransferError("closed_early", "the client left in the middle of its body")
        if time.monotonic() > self._until:
            raise HeadError(408, f"the body takes longer than {MAX_TRANSFER_S:g} s")
        self._moved += received
        if self._exchange.enough(self._moved):
            raise HeadError(503, ticket.REFUSALS["bytes"], (f"{ticket.REFUSAL_HEADER}: bytes",))
        return received
