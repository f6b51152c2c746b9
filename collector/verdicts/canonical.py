"""How things that a verdict rests on are written: in the one way that is hashed, shown, exported and judged; pure."""

import hashlib
from typing import TypeVar

import msgspec
from msgspec import Struct

_Kind = TypeVar("_Kind", bound=Struct)
_encoder = msgspec.json.Encoder(order="deterministic")


def encode(value: Struct) -> bytes:
    """Return a struct as JSON on one line, its fields in the order of their declaration, sets and maps sorted."""
    return _encoder.encode(value)


def settled(value: _Kind) -> _Kind:
    """Return a struct as it is read back from its bytes (where 1 is a float, 1.0), so that these are its only ones."""
    return decode(encode(value), type(value))


def decode(raw: bytes, kind: type[_Kind]) -> _Kind:
    """Read what ``encode`` wrote; raises msgspec.DecodeError for anything else."""
    return msgspec.json.decode(raw, type=kind)


def sha256(raw: bytes) -> bytes:
    """Return the SHA-256 that the log keeps of the bytes."""
    return hashlib.sha256(raw).digest()
