"""One HTTP/1.1 request as a handler sees it, and the plain answers to one."""

import re
import socket
from collections.abc import Callable
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from agent.meter.errors import HeadError
from agent.meter.http_head import Head

_REQUEST_LINE = re.compile(r"([A-Z]{1,16}) (/[!-~]*) HTTP/1\.[01]")
_MAX_TARGET = 4096
_MAX_PARAMETERS = 64
_TITLES = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    426: "Upgrade Required",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}
_EXTRA = {
    405: ("Allow: GET",),
    426: ("Upgrade: websocket", "Sec-WebSocket-Version: 13"),
    503: ("Retry-After: 10",),
}


class Request(Struct, frozen=True):
    """A request without its body; of a query parameter that comes twice the first counts."""

    method: str
    path: str
    query: dict[str, str]
    head: Head


class Exchange(Struct, frozen=True):
    """A request with the connection it came over.

    ``rest`` are bytes that came behind the request's head; ``stopping`` tells when the reflector shuts down.
    """

    sock: socket.socket
    request: Request
    rest: bytes
    stopping: Callable[[], bool]


Handler = Callable[[Exchange], None]
"""Answers one request; may raise HeadError for an answer of that status, and TransferError when the peer is lost."""


def parse(head: Head) -> Request:
    """Read the request line of a head.

    Raises:
        HeadError: it is no request that this server understands (400).
    """
    match = _REQUEST_LINE.fullmatch(head.start)
    if match is None or len(head.start) > _MAX_TARGET:
        raise HeadError(400, "this is not an HTTP/1.1 request")
    path, _, query = match[2].partition("?")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS)
    except ValueError as error:
        raise HeadError(400, f"the address has more than {_MAX_PARAMETERS} parameters") from error
    return Request(match[1], path, dict(reversed(pairs)), head)


def answer(status: int, sentence: str) -> bytes:
    """Return a whole answer that closes the connection: plain text for 200, a problem document (RFC 9457) otherwise."""
    if status == 200:
        kind, body = "text/plain; charset=utf-8", sentence.encode()
    else:
        kind = "application/problem+json"
        body = msgspec.json.encode({"title": _TITLES[status], "status": status, "detail": sentence})
    lines = (
        f"HTTP/1.1 {status} {_TITLES[status]}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Connection: close",
        *_EXTRA.get(status, ()),
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii") + body
