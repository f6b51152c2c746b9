"""Read and parse the head of an HTTP/1.1 message (RFC 9112): the start line and the fields, never the body."""

import re
import socket
import time
from contextlib import suppress

from msgspec import Struct

from agent.meter.errors import HeadError, TransferError

MAX_HEAD_BYTES = 8192
MAX_FIELDS = 64
_END = b"\r\n\r\n"
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Head(Struct, frozen=True):
    """A start line, and the fields by lower-case name; fields that came twice are joined by a comma."""

    start: str
    fields: dict[str, str]

    def lists(self, field: str, word: str) -> bool:
        """Tell whether a comma-separated field contains the word, in any case."""
        return word.lower() in (item.strip().lower() for item in self.fields.get(field, "").split(","))


def parse(raw: bytes) -> Head:
    """Parse a head that ends with an empty line.

    Raises:
        HeadError: not a head as RFC 9112 sections 2 and 5 describe it (400), or too many fields (431).
    """
    start, *lines = raw.removesuffix(_END).decode("latin-1").split("\r\n")
    if len(lines) > MAX_FIELDS:
        raise HeadError(431, f"the message has more than {MAX_FIELDS} header fields")
    fields: dict[str, str] = {}
    for line in (start, *lines):
        if any(character in line for character in "\r\n\0"):
            raise HeadError(400, "the message head contains a control character")
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _FIELD_NAME.fullmatch(name):
            raise HeadError(400, f"{line[:60]!r} is not a header field")
        key, value = name.lower(), value.strip(" \t")
        fields[key] = f"{fields[key]}, {value}" if key in fields else value
    return Head(start, fields)


def read(sock: socket.socket, deadline: float) -> tuple[Head, bytes]:
    """Read one head and return it with the bytes that already came behind it.

    Args:
        sock: A connected socket, plain or TLS.
        deadline: When it must be complete (``time.monotonic`` seconds), however slowly the bytes drip.

    Raises:
        HeadError: malformed, or longer than MAX_HEAD_BYTES.
        TransferError: the peer closed, reset or stalled.
    """
    data = bytearray()
    while (end := data.find(_END)) < 0:
        if len(data) > MAX_HEAD_BYTES:
            raise HeadError(431, f"the message head is longer than {MAX_HEAD_BYTES} bytes")
        piece = _receive(sock, deadline)
        if not piece:
            raise TransferError("closed_early", "the connection was closed before the message head was complete")
        data += piece
    end += len(_END)
    if end > MAX_HEAD_BYTES:
        raise HeadError(431, f"the message head is longer than {MAX_HEAD_BYTES} bytes")
    return parse(bytes(data[:end])), bytes(data[end:])


def body_start(sock: socket.socket, head: Head, rest: bytes, most: int, deadline: float) -> bytes:
    """Return the beginning of the body behind a head, for a look at who speaks; less where it breaks off.

    Args:
        sock: The connection.
        head: The head.
        rest: The bytes that came behind it.
        most: So many bytes are enough.
        deadline: When to be content with what has come.
    """
    length = head.fields.get("content-length", "")
    if length.isascii() and length.isdecimal() and len(length) <= 15:
        most = min(most, int(length))
    with suppress(TransferError):
        while len(rest) < most and (piece := _receive(sock, deadline)):
            rest += piece
    return rest[:most]


def _receive(sock: socket.socket, deadline: float) -> bytes:
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TransferError("stalled", "the message head was not complete in time")
    sock.settimeout(remaining)
    try:
        return sock.recv(4096)
    except OSError as error:
        raise TransferError.of(error, "the message head could not be read") from error
