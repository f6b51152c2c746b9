"""WebSocket framing (RFC 6455, section 5) for bulk transfer, both sides; pure, no sockets.

Binary payload is counted and thrown away where it lies; only text and control frames are ever copied.
"""

from typing import Literal

from msgspec import Struct

from agent.meter.errors import TransferError

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_OPCODES = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})
NORMAL_CLOSURE = 1000
MAX_FRAME_BYTES = 1 << 24  # ndt7's largest message; a longer one is a peer gone wrong
MAX_TEXT_BYTES = 1 << 16
_MAX_CONTROL_BYTES = 125  # RFC 6455, 5.5

Role = Literal["client", "server"]


class Message(Struct, frozen=True):
    """A text or control message that somebody has to look at."""

    opcode: int
    data: bytes


def header(opcode: int, length: int, role: Role) -> bytes:
    """Return the header of a final frame.

    A client's mask key is 0, so that the payload on the wire is the payload itself: masking guards browsers' proxies
    from chosen bytes (RFC 6455, 10.3), and our payload is random or our own JSON.
    """
    masked = 0x80 if role == "client" else 0
    first = bytes((0x80 | opcode,))
    if length <= _MAX_CONTROL_BYTES:
        size = bytes((masked | length,))
    elif length < 1 << 16:
        size = bytes((masked | 126,)) + length.to_bytes(2, "big")
    else:
        size = bytes((masked | 127,)) + length.to_bytes(8, "big")
    return first + size + (b"\0\0\0\0" if masked else b"")


def frame(opcode: int, payload: bytes, role: Role) -> bytes:
    """Return one whole frame."""
    return header(opcode, len(payload), role) + payload


def close_frame(code: int, reason: str, role: Role) -> bytes:
    """Return a close frame (RFC 6455, 5.5.1)."""
    return frame(CLOSE, code.to_bytes(2, "big") + reason.encode()[: _MAX_CONTROL_BYTES - 2], role)


class Parser:
    """Takes bytes as they come; counts binary payload, hands back the other messages.

    Attributes:
        payload_bytes: binary payload seen so far, also of messages not yet complete.
    """

    def __init__(self, role: Role) -> None:
        """Parse for this role: a server insists on masked frames, a client on unmasked ones (RFC 6455, 5.1)."""
        self.payload_bytes = 0
        self._expects_mask = role == "server"
        self._head = bytearray()
        self._in_payload = False
        self._left = 0  # payload bytes of the current frame still to come
        self._opcode = BINARY
        self._final = True
        self._mask = b""
        self._kept = bytearray()  # payload of the current text or control frame
        self._message: int | None = None  # opcode of a fragmented message in progress
        self._text = bytearray()

    def feed(self, data: memoryview) -> list[Message]:
        """Take the bytes and return the messages that they complete.

        Raises:
            TransferError: the bytes are no WebSocket frames, or frames beyond the limits (protocol_error).
        """
        messages: list[Message] = []
        position, end = 0, len(data)
        while position < end or (self._in_payload and self._left == 0):
            if not self._in_payload:
                position = self._take_header(data, position)
                continue
            step = min(self._left, end - position)
            if self._opcode == BINARY:
                self.payload_bytes += step
            else:
                self._kept += data[position : position + step]
            position += step
            self._left -= step
            if self._left == 0:
                self._in_payload = False
                messages += self._complete()
        return messages

    @property
    def bulk_left(self) -> int:
        """Bytes still to come of the binary frame under way; nobody looks at them."""
        return self._left if self._in_payload and self._opcode == BINARY else 0

    def skip(self, count: int) -> None:
        """Count bytes of the binary frame under way that were thrown away unseen, at most ``bulk_left``."""
        self.payload_bytes += count
        self._left -= count
        if self._left == 0:
            self._in_payload = False
            self._complete()

    def _take_header(self, data: memoryview, position: int) -> int:
        """Collect header bytes; when the header is whole, start its payload. Returns the new position."""
        wanted = self._header_size()
        while len(self._head) < wanted:
            if position == len(data):
                return position
            step = wanted - len(self._head)
            self._head += data[position : position + step]
            position = min(position + step, len(data))
            wanted = self._header_size()
        self._start_payload()
        return position

    def _header_size(self) -> int:
        if len(self._head) < 2:
            return 2
        length = self._head[1] & 0x7F
        return 2 + {126: 2, 127: 8}.get(length, 0) + (4 if self._head[1] & 0x80 else 0)

    def _start_payload(self) -> None:
        first, second = self._head[0], self._head[1]
        masked, length = bool(second & 0x80), second & 0x7F
        if length >= 126:
            length = int.from_bytes(self._head[2 : 4 if length == 126 else 10], "big")
        self._mask = bytes(self._head[-4:]) if masked else b""
        self._head.clear()
        self._check(first, length, masked=masked)
        self._left, self._final, self._opcode = length, bool(first & 0x80), first & 0x0F
        if self._opcode == CONTINUATION and self._message == BINARY:
            self._opcode = BINARY
        self._kept.clear()
        self._in_payload = True

    def _check(self, first: int, length: int, *, masked: bool) -> None:
        opcode, final = first & 0x0F, bool(first & 0x80)
        kept = opcode == TEXT or (opcode == CONTINUATION and self._message == TEXT)
        problem = None
        if first & 0x70 or opcode not in _OPCODES:
            problem = "a frame with reserved bits or an unknown type"
        elif masked != self._expects_mask:
            problem = "a frame without a mask" if self._expects_mask else "a masked frame"
        elif opcode >= CLOSE and (not final or length > _MAX_CONTROL_BYTES):
            problem = "a control frame that is fragmented or too long"
        elif length > MAX_FRAME_BYTES or (kept and len(self._text) + length > MAX_TEXT_BYTES):
            problem = f"a frame of {length} bytes, more than is allowed"
        elif (opcode == CONTINUATION) == (self._message is None) and opcode < CLOSE:
            problem = "fragments in the wrong order"
        if problem is not None:
            raise TransferError("protocol_error", f"the far end broke the WebSocket protocol: {problem}")

    def _complete(self) -> tuple[Message, ...]:
        """End the current frame; return the message that it completes, if anybody has to see it."""
        data = _unmask(self._kept, self._mask)
        if self._opcode >= CLOSE:
            return (Message(self._opcode, data),)
        kind = self._message if self._message is not None else self._opcode
        self._message = None if self._final else kind
        if kind == BINARY:
            return ()
        self._text += data
        if not self._final:
            return ()
        text = bytes(self._text)
        self._text.clear()
        return (Message(TEXT, text),)


def _unmask(data: bytearray, mask: bytes) -> bytes:
    if not mask.strip(b"\0"):
        return bytes(data)
    return bytes(byte ^ mask[index & 3] for index, byte in enumerate(data))


def close_code(data: bytes) -> int | None:
    """Return the status code of a close frame, None where it has none."""
    return int.from_bytes(data[:2], "big") if len(data) >= 2 else None
