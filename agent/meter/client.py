"""Open the WebSockets of a test: one address for all of them, in parallel, within a deadline."""

import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor

from msgspec import Struct

from agent import __version__
from agent.meter import dial, handshake, http_head
from agent.meter.dial import Address, Endpoint
from agent.meter.errors import HeadError, TransferError
from agent.meter.stream import BUFFER_BYTES, Stream

USER_AGENT = f"netready-agent/{__version__}"


class Opening(Struct, frozen=True, kw_only=True):
    """What all streams of a test have in common."""

    endpoint: Endpoint
    target: str
    subprotocol: str
    context: ssl.SSLContext | None
    deadline: float


class Opened(Struct, frozen=True):
    """The streams, and the shortest TCP handshake among them: the round trip of the still idle line."""

    streams: tuple[Stream, ...]
    rtt_s: float

    def close(self) -> None:
        """Close all."""
        for stream in self.streams:
            stream.close()


def open_streams(opening: Opening, connections: int) -> Opened:
    """Open this many streams; the address that answered the first one serves all.

    Raises:
        TransferError: one of them could not be opened; then none is left open.
    """
    host, port = opening.endpoint.host, opening.endpoint.port
    places = dial.addresses(host, port, socket.SOCK_STREAM, opening.deadline)
    buffer = bytearray(BUFFER_BYTES)
    opened = [_open(opening, places, buffer)]
    places = [_peer_of(opened[0][0].sock)]
    with ThreadPoolExecutor(connections, thread_name_prefix="open-stream") as pool:
        others = [pool.submit(_open, opening, places, buffer) for _ in range(connections - 1)]
    opened += [other.result() for other in others if other.exception() is None]
    result = Opened(tuple(stream for stream, _ in opened), min(rtt for _, rtt in opened))
    for other in others:
        if (error := other.exception()) is not None:
            result.close()
            raise error
    return result


def _peer_of(sock: socket.socket) -> Address:
    return socket.AddressFamily(sock.family), sock.getpeername()


def _open(opening: Opening, places: list[Address], buffer: bytearray) -> tuple[Stream, float]:
    sock, rtt_s = dial.connect(places, opening.deadline)
    if opening.context is not None:
        sock = dial.secure(sock, opening.context, opening.endpoint.host, opening.deadline)
    try:
        return Stream(sock, "client", buffer, _shake_hands(sock, opening)), rtt_s
    except BaseException:
        sock.close()
        raise


def _shake_hands(sock: socket.socket, opening: Opening) -> bytes:
    """Do the opening handshake; return the bytes that came right behind it."""
    key = handshake.new_key()
    request = handshake.request(opening.target, opening.endpoint.authority, key, opening.subprotocol, USER_AGENT)
    sock.settimeout(max(0.001, opening.deadline - time.monotonic()))
    try:
        sock.sendall(request)
        head, rest = http_head.read(sock, opening.deadline)
    except OSError as error:
        raise TransferError.of(error, "the opening request could not be sent") from error
    except HeadError as error:
        raise TransferError("protocol_error", f"the far end does not answer in HTTP: {error}") from error
    handshake.check_response(head, key, opening.subprotocol)
    return rest
