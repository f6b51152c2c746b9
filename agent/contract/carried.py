"""Reports that travel by hand: the file a computer without the internet writes, and the receipts carried back to it.

Both are lines of JSON, packed with gzip or not; files of several computers may be joined end to end. The signature of
each report proves it, whoever carried it. A receipt makes a computer forget, so it is sealed with the key that only
the collector and the school's own computers have (``wire.Inside.peer_key``).
"""

import hashlib
import hmac
import zlib
from collections.abc import Iterator
from typing import Annotated, BinaryIO, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from agent.contract.errors import MalformedError, SignatureError
from agent.contract.report import AgentId, SchoolId, Sha256Hex
from agent.contract.signing import Envelope, Signature, pae
from agent.contract.values import Aware, Word
from agent.contract.wire import Receipt

RECEIPTS_TYPE = "application/vnd.netready.receipts+json"
VERSION = 1
MAX_LINE_BYTES = 512 * 1024  # a report of the largest size in base64, its envelope, and room
MAX_LINES = 2_000_000
MAX_UNPACKED_BYTES = 2**32
MAX_SLIP_RECEIPTS = 500

_PIECE_BYTES = 64 * 1024
_GZIP = b"\x1f\x8b"
_HEADER_START = b'{"netready":'
# What a key is used for goes into the hash (BLAKE2b's person), so that no use can be mistaken for another.
_SEAL, _KEY_NAME = b"netready-receipt", b"netready-keyname"
_Kind = TypeVar("_Kind")


class Header(Struct, frozen=True, kw_only=True):
    """The line before one computer's reports. ``sha256`` is over their lines, each ended by a line feed."""

    netready: Literal["reports"] = "reports"
    version: Annotated[int, Meta(ge=1, le=10_000)] = VERSION
    agent: AgentId
    school: SchoolId
    reports: Annotated[int, Meta(ge=0, le=MAX_LINES)]
    sha256: Sha256Hex
    made_at: Aware
    software: Word


class Slip(Struct, frozen=True, kw_only=True):
    """Receipts for reports of one computer, each naming its report by ``sha256``."""

    school: SchoolId
    agent: AgentId
    made_at: Aware
    items: Annotated[tuple[Receipt, ...], Meta(min_length=1, max_length=MAX_SLIP_RECEIPTS)]


def is_header(line: bytes) -> bool:
    """Tell whether a line begins the reports of another computer."""
    return line.startswith(_HEADER_START)


def read_header(line: bytes) -> Header:
    """Read such a line; raises MalformedError."""
    return _read(line, Header, "the heading of a computer's reports")


def seal(slip: Slip, school_key: bytes) -> Envelope:
    """Return the slip in an envelope (DSSE) that only a holder of the school's key can make."""
    payload = msgspec.json.encode(slip)
    signature = Signature(keyid=_key_name(school_key), sig=_seal(payload, school_key))
    return Envelope(payload_type=RECEIPTS_TYPE, payload=payload, signatures=(signature,))


def unseal(envelope: Envelope, school_key: bytes) -> Slip:
    """Return the slip if this school's key sealed exactly these bytes.

    Raises:
        SignatureError: another school's receipts, or changed ones.
        MalformedError: sealed, but no slip.
    """
    if envelope.payload_type != RECEIPTS_TYPE:
        raise SignatureError(f"the envelope says {envelope.payload_type!r}; {RECEIPTS_TYPE!r} was expected")
    name = _key_name(school_key)
    found = next((one.sig for one in envelope.signatures if one.keyid == name), None)
    if found is None:
        raise SignatureError("sealed with the key of another school, or with an older key of this one")
    if not hmac.compare_digest(found, _seal(envelope.payload, school_key)):
        raise SignatureError("the seal does not fit: the receipts were changed on the way")
    return _read(envelope.payload, Slip, "receipts")


def lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Give the lines of a carried file that hold something, with their numbers from 1, and never hold more than one.

    Raises:
        MalformedError: after the lines before it: a line or a file too large, too many lines, damaged or cut off gzip.
    """
    number, rest, size = 0, b"", 0
    for piece in _unpacked(stream):
        size += len(piece)
        if size > MAX_UNPACKED_BYTES:
            raise MalformedError(f"line {number + 1}: more than {MAX_UNPACKED_BYTES >> 30} GiB; import it in parts")
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            number += 1
            if number > MAX_LINES:
                raise MalformedError(f"more than {MAX_LINES} lines; import the file in parts")
            if shown := _bounded(number, line):
                yield number, shown
        _bounded(number + 1, rest)
    if shown := _bounded(number + 1, rest):
        yield number + 1, shown


def _bounded(number: int, line: bytes) -> bytes:
    if len(line) > MAX_LINE_BYTES:
        raise MalformedError(
            f"line {number} is longer than {MAX_LINE_BYTES} bytes: the file is damaged from there on, or is none of "
            "netready's; the rest of it was not read"
        )
    return (line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line).strip()


def _unpacked(stream: BinaryIO) -> Iterator[bytes]:
    """Give the stream's bytes in small pieces, unpacked where it is gzip, of any number of members."""
    piece = stream.read(_PIECE_BYTES)
    if piece.startswith(_GZIP):
        yield from _members(stream, piece)
        return
    while piece:
        yield piece
        piece = stream.read(_PIECE_BYTES)


def _members(stream: BinaryIO, piece: bytes) -> Iterator[bytes]:
    member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        while True:
            plain = member.decompress(piece, _PIECE_BYTES)
            yield plain
            if member.eof:
                piece = member.unused_data or stream.read(_PIECE_BYTES)
                if not piece:
                    return
                member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
                continue
            piece = member.unconsumed_tail
            if not piece and len(plain) < _PIECE_BYTES:
                piece = stream.read(_PIECE_BYTES)
                if not piece:
                    raise MalformedError("the file ends too early: it was not copied whole; copy it again")
    except zlib.error as error:
        raise MalformedError(
            f"the file is damaged from here on, or another kind of file was joined to it ({error}); copy it again, and "
            "give packed and unpacked files one by one"
        ) from error


def _read(line: bytes, kind: type[_Kind], what: str) -> _Kind:
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"not {what}: {error}") from error


def _seal(payload: bytes, school_key: bytes) -> bytes:
    return hashlib.blake2b(pae(RECEIPTS_TYPE, payload), key=school_key, digest_size=32, person=_SEAL).digest()


def _key_name(school_key: bytes) -> str:
    return hashlib.blake2b(key=school_key, digest_size=16, person=_KEY_NAME).hexdigest()
