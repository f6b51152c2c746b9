"""HTTP/1.1 answers as they come off a connection (RFC 9112): heads checked, bodies counted where they lie; pure."""

from collections.abc import Callable

from agent.meter import http_head
from agent.meter.errors import HeadError, TransferError
from agent.meter.http_head import MAX_HEAD_BYTES, Head

_MAX_LINE = 1024
_MAX_DIGITS = 15
_MAX_TRAILERS = 64
_MAX_INTERIM = 8  # answers of 1xx before the one that counts
_HEX = b"0123456789abcdefABCDEF"


class Body:
    """A body on its way, without its transfer coding; the first bytes of it are kept.

    Attributes:
        payload_bytes: what has come of it.
        is_complete: whether all has come.
    """

    def __init__(self, keep: int) -> None:
        self.payload_bytes = 0
        self.is_complete = False
        self.kept = bytearray()
        self._keep = keep

    def feed(self, data: memoryview) -> int:
        """Take bytes and return how many of them belong to it."""
        self._take(data)
        return len(data)

    def _take(self, piece: memoryview) -> None:
        self.payload_bytes += len(piece)
        if len(self.kept) < self._keep:
            self.kept += piece[: self._keep - len(self.kept)]


class Answers:
    """The answers to the requests of one connection, one after the other.

    Attributes:
        heads, complete: how many have begun, how many are whole.
        payload_bytes: of all bodies.
        persists: whether the far end keeps the connection for another request.
        status, head: of the answer that began last.
    """

    def __init__(self, keep: int = 0) -> None:
        self.heads = self.complete = 0
        self.persists = True
        self.status = 0
        self.head = Head("", {})
        self._keep = keep
        self._before = 0  # payload of the bodies before this one
        self._body: Body | None = None
        self._raw = bytearray()
        self._interim = 0

    @property
    def payload_bytes(self) -> int:
        return self._before + self.body_bytes

    @property
    def body_bytes(self) -> int:
        """Payload of the body that is under way, or of the last one."""
        return self._body.payload_bytes if self._body is not None else 0

    @property
    def kept(self) -> bytes:
        """The first bytes of that body, as many as asked for."""
        return bytes(self._body.kept) if self._body is not None else b""

    @property
    def is_between(self) -> bool:
        """Whether every answer that has begun is whole."""
        return self.complete == self.heads and not self._raw

    def feed(self, data: memoryview) -> int:
        """Take bytes up to the end of a head or of a body, and return how many that were.

        Raises:
            TransferError: they are no HTTP/1.1 answers (protocol_error).
        """
        if self._body is None or self._body.is_complete:
            return self._take_head(data)
        taken = self._body.feed(data)
        self._settle()
        return taken

    def ended(self) -> None:
        """Know that the far end has closed the connection.

        Raises:
            TransferError: in the middle of an answer (closed_early).
        """
        if isinstance(self._body, _ToTheEnd):
            self._body.is_complete = True
            self._settle()
        if not self.is_between:
            raise TransferError("closed_early", "the far end closed the connection in the middle of its answer")
        self.persists = False

    def _settle(self) -> None:
        if self._body is not None and self._body.is_complete:
            self.complete = self.heads

    def _take_head(self, data: memoryview) -> int:
        before = len(self._raw)
        self._raw += data[: MAX_HEAD_BYTES + 1]
        end = self._raw.find(b"\r\n\r\n", max(0, before - 3)) + 4
        if end < 4 or end > MAX_HEAD_BYTES:
            if len(self._raw) > MAX_HEAD_BYTES or not b"HTTP/1.".startswith(self._raw[:7]):
                raise _nonsense("the far end does not answer in HTTP; is this the right address?")
            return len(data)
        try:
            head = http_head.parse(bytes(self._raw[:end]))
        except HeadError as error:
            raise _nonsense(f"the far end's answer is malformed: {error}") from error
        self._raw.clear()
        self._begin(head)
        return end - before

    def _begin(self, head: Head) -> None:
        version, _, rest = head.start.partition(" ")
        status = rest[:3]
        if version not in ("HTTP/1.0", "HTTP/1.1") or not (
            status.isascii() and status.isdecimal() and len(status) == 3
        ):
            raise _nonsense("the far end does not answer in HTTP; is this the right address?")
        if status.startswith("1"):
            self._interim += 1
            if status == "101" or self._interim > _MAX_INTERIM:
                raise _nonsense(f"the far end answers with HTTP status {status}, which nobody asked for")
            return
        self._before += self.body_bytes
        self._interim = 0
        self.status, self.head = int(status), head
        self._body = _body(head, self.status, self._keep)
        self.heads += 1
        old = version == "HTTP/1.0"
        self.persists = head.lists("connection", "keep-alive") if old else not head.lists("connection", "close")
        if isinstance(self._body, _ToTheEnd):
            self.persists = False
        self._settle()


def _body(head: Head, status: int, keep: int) -> Body:
    """Return the body that a head announces (RFC 9112, 6.3)."""
    coding, length = head.fields.get("transfer-encoding"), head.fields.get("content-length")
    if status in (204, 304):
        return _Sized(0, keep)
    if coding is not None:
        if coding.lower() != "chunked":
            raise _nonsense("the far end uses a transfer coding that nobody asked for")
        return _Chunked(keep)
    if length is None:
        return _ToTheEnd(keep)
    if not (length.isascii() and length.isdecimal() and len(length) <= _MAX_DIGITS):
        raise _nonsense("the far end announces a length that is none")
    return _Sized(int(length), keep)


class _Sized(Body):
    """A body whose length was announced."""

    def __init__(self, length: int, keep: int) -> None:
        super().__init__(keep)
        self._length = length
        self.is_complete = length == 0

    def feed(self, data: memoryview) -> int:
        piece = data[: self._length - self.payload_bytes]
        self._take(piece)
        self.is_complete = self.payload_bytes == self._length
        return len(piece)


class _ToTheEnd(Body):
    """A body that ends with the connection."""


class _Chunked(Body):
    """A body in chunks (RFC 9112, 7.1), whose length nobody knows before its end."""

    def __init__(self, keep: int) -> None:
        super().__init__(keep)
        self._left = 0  # of the chunk
        self._line = bytearray()
        self._expects: Callable[[bytes], None] = self._size
        self._trailers = 0

    def feed(self, data: memoryview) -> int:
        position, end = 0, len(data)
        while position < end and not self.is_complete:
            if self._left:
                piece = data[position : position + self._left]
                self._take(piece)
                self._left -= len(piece)
                position += len(piece)
            else:
                position = self._take_line(data, position)
        return position

    def _take_line(self, data: memoryview, position: int) -> int:
        before = len(self._line)
        self._line += data[position : position + _MAX_LINE]
        end = self._line.find(b"\n")
        if end < 0:
            if len(self._line) > _MAX_LINE:
                raise _nonsense("a line between the chunks of the far end's answer is too long")
            return min(position + _MAX_LINE, len(data))
        line = bytes(self._line[:end]).removesuffix(b"\r")
        self._line.clear()
        self._expects(line)
        return position + end + 1 - before

    def _size(self, line: bytes) -> None:
        size = line.partition(b";")[0].strip()
        if not 0 < len(size) <= _MAX_DIGITS or size.strip(_HEX):
            raise _nonsense("a chunk of the far end's answer does not begin with its size")
        self._left = int(size, 16)
        self._expects = self._chunk_end if self._left else self._trailer

    def _chunk_end(self, line: bytes) -> None:
        if line:
            raise _nonsense("a chunk of the far end's answer is longer than it says")
        self._expects = self._size

    def _trailer(self, line: bytes) -> None:
        self._trailers += 1
        if self._trailers > _MAX_TRAILERS:
            raise _nonsense("the far end's answer does not end")
        self.is_complete = not line


def _nonsense(detail: str) -> TransferError:
    return TransferError("protocol_error", detail)
