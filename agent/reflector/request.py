"""HTTP/1.1 requests as handlers see them, and the answers to them."""

import re
import socket
import ssl
from collections.abc import Callable
from typing import Literal, Protocol
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from agent.host.tcp_info import TcpInfo
from agent.meter import dial
from agent.meter.both_ways import LEASE_PARAMETER
from agent.meter.errors import HeadError
from agent.meter.http_head import Head

TEXT, JSON, XML = "text/plain; charset=utf-8", "application/json; charset=utf-8", "application/xml; charset=utf-8"
_REQUEST_LINE = re.compile(r"([A-Z]{1,16}) (/[!-~]*) HTTP/1\.([01])")
_AUTHORITY = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")  # RFC 3986, 3.2
_MAX_START = 4096 + 64  # ndt7 allows a query of 4096 bytes
_MAX_PARAMETERS = 64
_LEASE = re.compile(r"[0-9a-f]{32}", re.ASCII)
_TITLES = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    413: "Content Too Large",
    426: "Upgrade Required",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    501: "Not Implemented",
    503: "Service Unavailable",
}
_EXTRA = {
    426: ("Upgrade: websocket", "Sec-WebSocket-Version: 13"),
    503: ("Retry-After: 10",),
}


class Request(Struct, frozen=True):
    """A request without its body; of a query parameter that comes twice the first counts.

    ``persists`` tells whether another request could follow over the same connection (RFC 9112, 9.3).
    """

    method: str
    path: str
    query: dict[str, str]
    head: Head
    persists: bool


class Watched(Struct, frozen=True, kw_only=True):
    """What one connection of a test came to; ``began`` and ``ended`` of time.monotonic."""

    way: Literal["download", "upload"]
    peer: str
    lease: str | None
    began: float
    ended: float
    bytes: int
    counted_at: Literal["received", "acked", "given"]
    congestion_control: str | None
    pace_bps: int | None
    tcp_info: TcpInfo | None


class Watch(Protocol):
    """Records tests (agent.reflector.records)."""

    def began(self, test_id: str) -> bool:
        """Count a connection in; false where it is not recorded."""

    def ended(self, test_id: str, seen: Watched) -> None:
        """Take what a connection came to."""


class Exchange(Struct):
    """A request with the connection it came over.

    Attributes:
        rest: bytes that came behind the request's head; whoever reads the body leaves those behind the body.
        stopping: tells when the reflector shuts down.
        reusable: whether the connection may carry another request.
        stays: whether it will, which an answer that said so sets; without one the connection is closed.
        enough: told the bytes of payload that a test has moved so far, says whether it has to end.
        watch: records tests, null where nobody does.
    """

    sock: socket.socket
    request: Request
    rest: bytes
    stopping: Callable[[], bool]
    reusable: bool = False
    stays: bool = False
    enough: Callable[[int], bool] = lambda _bytes: False
    watch: Watch | None = None


Handler = Callable[[Exchange], None]
"""Answers one request; may raise HeadError for an answer of that status, and TransferError when the peer is lost."""

Routes = dict[tuple[str, str], Handler]
"""Handlers by method and path."""


def reading(path: str, handler: Handler) -> Routes:
    """Return the routes of something that can be read."""
    return {("GET", path): handler, ("HEAD", path): handler}


def parse(head: Head) -> Request:
    """Read the request line of a head.

    Raises:
        HeadError: it is no request that this server understands (400).
    """
    match = _REQUEST_LINE.fullmatch(head.start)
    if match is None or len(head.start) > _MAX_START:
        raise HeadError(400, "this is not an HTTP/1.1 request")
    path, _, query = match[2].partition("?")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS)
    except ValueError as error:
        raise HeadError(400, f"the address has more than {_MAX_PARAMETERS} parameters") from error
    return Request(match[1], path, dict(reversed(pairs)), head, _persists(head, match[1], old=match[3] == "0"))


def _persists(head: Head, method: str, *, old: bool) -> bool:
    if method in ("GET", "HEAD") and (head.fields.keys() & {"content-length", "transfer-encoding"}):
        return False  # such a body is not read, and must not be taken for the next request
    return head.lists("connection", "keep-alive") if old else not head.lists("connection", "close")


def number(query: dict[str, str], name: str) -> int | None:
    """Return a whole number of the query, None where it is missing or empty.

    Raises:
        HeadError: it is something else (400).
    """
    text = query.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise HeadError(400, f"the parameter {name} has to be a whole number")
    return int(text)


def lease(asked: Request) -> str | None:
    """Return the collector's permission that a client names, null where it names none."""
    found = asked.query.get(LEASE_PARAMETER, "")
    return found if _LEASE.fullmatch(found) else None


def base_url(exchange: Exchange) -> str:
    """Return the address under which the client reached this server, as it says itself; else the socket's own.

    Raises:
        HeadError: what it says is no host and port (400).
    """
    host, port = exchange.sock.getsockname()[:2]
    authority = exchange.request.head.fields.get("host", dial.authority(host, port))
    if not _AUTHORITY.fullmatch(authority):
        raise HeadError(400, "the header Host has to be a host name or an address, and a port where there is one")
    return f"{'https' if isinstance(exchange.sock, ssl.SSLSocket) else 'http'}://{authority}"


def peer(exchange: Exchange) -> str:
    """Return the client's IP address; an IPv4 one that came to an IPv6 socket as IPv4."""
    return str(exchange.sock.getpeername()[0]).partition("%")[0].removeprefix("::ffff:")


def opening(exchange: Exchange, length: int, kind: str, fields: tuple[str, ...] = ()) -> bytes:
    """Return the head of a 200 with a body of this many bytes, and settle whether the connection stays."""
    exchange.stays = exchange.reusable and not exchange.rest  # a request that did not wait for its turn is not served
    connection = "Connection: keep-alive" if exchange.stays else "Connection: close"
    return _head(200, length, (f"Content-Type: {kind}", connection, *fields))


def reply(exchange: Exchange, body: str, kind: str = TEXT, fields: tuple[str, ...] = ()) -> None:
    """Send a whole 200."""
    content = body.encode()
    head = opening(exchange, len(content), kind, fields)
    exchange.sock.sendall(head if exchange.request.method == "HEAD" else head + content)


def refusal(status: int, sentence: str, fields: tuple[str, ...] = ()) -> bytes:
    """Return an answer other than 200, a problem document (RFC 9457) that closes the connection."""
    body = msgspec.json.encode({"title": _TITLES[status], "status": status, "detail": sentence})
    own = ("Content-Type: application/problem+json", "Connection: close", *_EXTRA.get(status, ()))
    return _head(status, len(body), (*own, *fields)) + body


def _head(status: int, length: int, fields: tuple[str, ...]) -> bytes:
    fixed = (f"HTTP/1.1 {status} {_TITLES[status]}", f"Content-Length: {length}", "Cache-Control: no-store")
    return ("\r\n".join((*fixed, *fields)) + "\r\n\r\n").encode("ascii")
