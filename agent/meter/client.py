"""Open the WebSockets of a test: one address for all of them, each within a deadline."""

import socket
import ssl
import time

from msgspec import Struct

from agent import __version__
from agent.meter import handshake, http_head, interception
from agent.meter.dial import Dialler, Endpoint
from agent.meter.errors import HeadError, TransferError
from agent.meter.handshake import Asked
from agent.meter.stream import BUFFER_BYTES, Stream

_PAGE_S = 2.0  # for the beginning of a page that answers instead
USER_AGENT = f"netready-agent/{__version__}"


class Opening(Struct, frozen=True, kw_only=True):
    """What all streams of a test have in common; ``within_s`` is for each, ``fields`` are further header lines."""

    endpoint: Endpoint
    target: str
    subprotocol: str
    context: ssl.SSLContext | None
    within_s: float
    fields: tuple[str, ...] = ()


class Opener:
    """Opens streams to the one address of a server that answered first; may be used from several threads."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._buffer = bytearray(BUFFER_BYTES)
        self._dialler = Dialler(opening.endpoint, opening.context)

    @property
    def rtt_s(self) -> float:
        """The shortest TCP handshake so far: a round trip of the line as it was then."""
        return self._dialler.rtt_s

    def open(self) -> Stream:
        """Open one stream.

        Raises:
            TransferError: it could not be opened.
        """
        opening, deadline = self._opening, time.monotonic() + self._opening.within_s
        sock = self._dialler.dial(deadline)
        try:
            return Stream(sock, "client", self._buffer, _shake_hands(sock, opening, deadline))
        except BaseException:
            sock.close()
            raise


def _shake_hands(sock: socket.socket, opening: Opening, deadline: float) -> bytes:
    """Do the opening handshake; return the bytes that came right behind it."""
    key = handshake.new_key()
    request = handshake.request(
        opening.target, opening.endpoint.authority, key, opening.subprotocol, USER_AGENT, *opening.fields
    )
    sock.settimeout(max(0.001, deadline - time.monotonic()))
    try:
        sock.sendall(request)
        head, rest = http_head.read(sock, deadline)
    except OSError as error:
        raise TransferError.of(error, "the opening request could not be sent") from error
    except HeadError as error:
        raise TransferError("protocol_error", f"the far end does not answer in HTTP: {error}") from error
    asked = Asked(
        key=key,
        subprotocol=opening.subprotocol,
        host=opening.endpoint.host,
        encrypted=opening.context is not None,
    )
    body = b""
    if handshake.status(head) != 101:
        until = min(deadline, time.monotonic() + _PAGE_S)
        body = http_head.body_start(sock, head, rest, interception.BODY_BYTES, until)
    handshake.check_response(head, asked, body)
    return rest
