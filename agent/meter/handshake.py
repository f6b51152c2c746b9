"""The WebSocket opening handshake (RFC 6455, section 4) for both sides; pure, no sockets."""

import base64
import hashlib
import os

from msgspec import Struct

from agent.meter import interception
from agent.meter.errors import HeadError, TransferError
from agent.meter.http_head import Head

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3


def new_key() -> str:
    """Return a fresh Sec-WebSocket-Key."""
    return base64.b64encode(os.urandom(16)).decode("ascii")


def accept_key(key: str) -> str:
    """Return the Sec-WebSocket-Accept that answers a key (RFC 6455, 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key.encode("latin-1") + _GUID, usedforsecurity=False).digest()).decode("ascii")


def request(target: str, host: str, key: str, subprotocol: str, user_agent: str, *fields: str) -> bytes:
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
        *fields,
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


class Asked(Struct, frozen=True, kw_only=True):
    """What a client asked for: under which key, whom, and whether over TLS from a certificate that was trusted."""

    key: str
    subprotocol: str
    host: str = ""
    encrypted: bool = False


def status(head: Head) -> int:
    """Return the status of a server's answer.

    Raises:
        TransferError: it is no HTTP answer (protocol_error).
    """
    version, _, rest = head.start.partition(" ")
    if not version.startswith("HTTP/1.") or not (rest[:3].isascii() and rest[:3].isdecimal()):
        raise TransferError("protocol_error", "the far end does not answer in HTTP; is this the right port?")
    return int(rest[:3])


def check_response(head: Head, asked: Asked, body_start: bytes = b"") -> None:
    """Check a server's answer to the opening request; the beginning of another answer's body helps to tell whose it is.

    Raises:
        TransferError: it did not switch to this subprotocol; the word says why as far as the answer tells.
    """
    code = status(head)
    if code != 101:
        what = interception.answered(code, head.fields, body_start, host=asked.host, encrypted=asked.encrypted)
        raise TransferError(*what)
    if not head.lists("upgrade", "websocket"):
        raise _half_switched(head, asked, "the far end switched protocols, but not to WebSocket")
    if head.fields.get("sec-websocket-accept") != accept_key(asked.key):
        what_was = "without" if "sec-websocket-accept" not in head.fields else "with a wrong"
        raise _half_switched(
            head,
            asked,
            f"the far end switched to WebSocket {what_was} Sec-WebSocket-Accept: not in answer to this request",
        )
    if head.fields.get("sec-websocket-protocol") != asked.subprotocol:
        raise _half_switched(head, asked, f"the far end speaks WebSocket, but not {asked.subprotocol}")


def _half_switched(head: Head, asked: Asked, what: str) -> TransferError:
    """Return the failure of a switch that is none: a proxy's where it has left its mark, else a broken server's."""
    sign = None if asked.encrypted else interception.proxy_sign(head.fields)
    if sign is None:
        return TransferError("protocol_error", what)
    return TransferError("intercepted", f"{what}; a proxy stands in between, its mark is {sign}")


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
