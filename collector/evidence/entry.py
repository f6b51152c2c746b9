"""What stands in the log: one line of JSON an entry, about anything that a verdict may rest on; pure.

An entry names its subject and carries its SHA-256, never the thing itself: it can be shown to anybody who may see that
there is something, and proves whatever it is shown with.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from agent.contract.report import Sha256Hex
from agent.contract.values import Aware
from collector.evidence.errors import EvidenceError

VERSION = 1
MAX_ENTRY_BYTES = 4096

Subject = Literal[
    "report",  # a computer's signed report; key: agent/sequence
    "record",  # a reflector's signed record of a test; key: server/test
    "contract",  # terms of a school's line, or their amendment; key: line/number/contract
    "exclusion",  # a record of a span of time that does not count; key: id/number
    "dispute",  # a step of a dispute; key: dispute/step
    "verdict",  # one version of a verdict; key: line/month/version
    "key",  # a computer's or a server's key from now on, or its end; key: the key's id
    "rules",  # rules by which verdicts were made, from the first one on; key: their SHA-256
    "log",  # the last checkpoint of the log before this one; key: its origin
]


class Entry(Struct, frozen=True, kw_only=True):
    """One entry. ``at`` is the collector's clock when it took the thing in; ``sha256`` is of the very bytes.

    ``school`` and ``operator`` say who may see it, null where it concerns no single one. ``salt`` keeps a neighbour in
    the tree, who sees the leaf's hash in a proof, from trying out what it may say; reports are varied enough by
    themselves.
    """

    version: Annotated[int, Meta(ge=1, le=1000)] = VERSION
    subject: Subject
    key: Annotated[str, Meta(min_length=1, max_length=256)]
    school: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    operator: Annotated[str, Meta(max_length=300)] | None = None
    at: Aware
    sha256: Sha256Hex
    salt: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")] | None = None


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


def encode(entry: Entry) -> bytes:
    """Return the bytes that are the leaf."""
    return _encoder.encode(entry)


def decode(raw: bytes) -> Entry:
    """Read an entry.

    Raises:
        EvidenceError: it is none, or not written as this program writes it (so that two entries never mean the same).
    """
    try:
        entry = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EvidenceError(f"not an entry of a log: {error}") from error
    if len(raw) > MAX_ENTRY_BYTES or encode(entry) != raw:
        raise EvidenceError("an entry of a log is not written as it has to be: in one line, keys in order")
    return entry
