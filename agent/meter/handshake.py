"""The WebSocket opening handshake (RFC 6455, section 4) for both sides; pure, no sockets."""

import base64
import hashlib
import os

from agent.contract.failure import Failure
from agent.meter.errors import HeadError, TransferError
from agent.meter.http_head import Head

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3


def new_key() -> str:
    """Return a fresh Sec-WebSocket-Key."""
    return base64.b64encode(os.urandom(16)).decode("ascii")


def accept_key(key: str) -> str:
    """Return the Sec-WebSocket-Accept that answers a key (RFC 6455, 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key.encode("latin-1") + _GUID, usedforsecurity=False).digest()).decode("ascii")


def request(target: str, host: str, key: str, subprotocol: str, user_agent: str) -> bytes:
    """Return a client's opening request (RFC 6455, 4.1)."""
    lines = (
        f"GET {target} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: {subprotocol}",
        f"User-Agent: {user_agent}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def check_response(head: Head, key: str, subprotocol: str) -> None:
    """Check a server's answer to the opening request.

    Raises:
        TransferError: it did not switch to this subprotocol; the word says why as far as the status tells.
    """
    version, _, rest = head.start.partition(" ")
    status = rest[:3]
    if not version.startswith("HTTP/1.") or not status.isdecimal():
        raise TransferError("protocol_error", "the far end does not answer in HTTP; is this the right port?")
    if status != "101":
        raise _unexpected(int(status), head)
    fits = head.lists("upgrade", "websocket") and head.fields.get("sec-websocket-accept") == accept_key(key)
    if not fits or head.fields.get("sec-websocket-protocol") != subprotocol:
        raise TransferError("protocol_error", f"the far end switched protocols, but not to {subprotocol}")


_WORDS: dict[int, Failure] = {
    401: "refused_by_server",
    403: "refused_by_server",
    429: "busy",
    503: "busy",
    511: "redirected",  # Network Authentication Required (RFC 6585): a login page stands in the way
}


def _unexpected(status: int, head: Head) -> TransferError:
    detail = f"the far end answered with HTTP status {status} instead of starting the test"
    if status in _WORDS:
        wait = head.fields.get("retry-after")
        return TransferError(_WORDS[status], f"{detail}; it asks to wait {wait[:40]}" if wait else detail)
    if 300 <= status < 400:
        target = head.fields.get("location", "an unnamed place")[:200]
        return TransferError("redirected", f"the far end sends us to {target}; often that is a login page")
    return TransferError("http_status", detail)


def accept(head: Head, subprotocol: str) -> bytes:
    """Return a server's answer that switches to the subprotocol.

    Raises:
        HeadError: the request does not ask for a WebSocket of this subprotocol; its status is the one to answer with.
    """
    key = head.fields.get("sec-websocket-key", "")
    if not (head.lists("upgrade", "websocket") and head.lists("connection", "upgrade") and _is_key(key)):
        raise HeadError(426, "this address speaks WebSocket; ask for an upgrade to websocket")
    if head.fields.get("sec-websocket-version") != "13":
        raise HeadError(426, "this address speaks version 13 of WebSocket")
    if not head.lists("sec-websocket-protocol", subprotocol):
        raise HeadError(400, f"the header Sec-WebSocket-Protocol has to name {subprotocol}")
    lines = (
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept_key(key)}",
        f"Sec-WebSocket-Protocol: {subprotocol}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _is_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except ValueError:
        return False
