"""A bundle: the evidence of verdicts in one file, so that anybody can check it without database and network; pure.

JSON Lines. Each line is a pair: a check value and a record. The check value continues that of the line before, so that
whatever is changed on the way shows on the very line. README.md beside this file tells it to other programs.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, structs
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from agent.contract import signing
from agent.contract.report import MAX_PAYLOAD_BYTES, AgentId, Sha256Hex
from agent.contract.signing import SIGNATURE_BYTES
from agent.contract.values import Aware
from collector.evidence.entry import MAX_ENTRY_BYTES
from collector.evidence.errors import EvidenceError
from collector.evidence.merkle import HASH_BYTES, MOST_LEAVES
from collector.evidence.note import MAX_NOTE_BYTES
from collector.verdicts.disputes import DisputeId
from collector.verdicts.facts import Month

FORMAT = "netready-bundle"
VERSION = 1
SEAL_TYPE = "application/vnd.netready.bundle-seal+json"
MAX_LINE_BYTES = 64 * 1024 * 1024  # the facts of a hundred computers with two lines have 30 MiB
MOST_CHECKPOINTS = 64
PIECE_BYTES = 4 * 1024 * 1024  # of an attached file

_CHECK_BYTES = 8
_OPENS, _BETWEEN, _CLOSES = b'["', b'",', b"]\n"
_RECORD_AT = len(_OPENS) + 2 * _CHECK_BYTES + len(_BETWEEN)
_FIRST = bytes(32)

Name = Annotated[str, Meta(min_length=1, max_length=300)]
Hash = Annotated[bytes, Meta(min_length=HASH_BYTES, max_length=HASH_BYTES)]
Proof = Annotated[tuple[Hash, ...], Meta(max_length=64)]
LogNumber = Annotated[int, Meta(ge=1, le=1_000_000)]
Version = Annotated[int, Meta(ge=0, le=1_000_000)]


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Anything in a line."""


class Wanted(Part, frozen=True, kw_only=True):
    """What somebody asked for; null asks for all. Months and versions left out: the newest version of each month.

    ``region``: only what one region may see. ``files``: those attached to disputes, too.
    """

    region: Name | None = None
    school: Name | None = None
    line: Name | None = None
    month: Month | None = None
    operator: Name | None = None
    version: Version | None = None
    files: bool = False


class Header(Part, frozen=True, kw_only=True, tag_field="kind", tag="header"):
    """The first line: what this is, and by which program it was made."""

    format: Annotated[str, Meta(max_length=64)] = FORMAT
    version: Annotated[int, Meta(ge=1, le=1000)] = VERSION
    wanted: Wanted
    made_at: Aware
    made_by: Annotated[str, Meta(max_length=200)]


class Signed(Part, frozen=True, kw_only=True):
    """A checkpoint: the note with its cosignatures, and the proof that it is the beginning of the last one shown."""

    note: Annotated[str, Meta(max_length=MAX_NOTE_BYTES)]
    consistency: Proof = ()


class Log(Part, frozen=True, kw_only=True, tag_field="kind", tag="log"):
    """A log: its key as text, and checkpoints, the smallest first; proofs lead to the last of them."""

    number: LogNumber
    key: Annotated[str, Meta(max_length=1000)]
    checkpoints: Annotated[tuple[Signed, ...], Meta(min_length=1, max_length=MOST_CHECKPOINTS)]


class Place(Part, frozen=True, kw_only=True):
    """Where a thing stands in a log: the entry (its text is the leaf), its index, and the proof of inclusion."""

    log: LogNumber
    index: Annotated[int, Meta(ge=0, lt=MOST_LEAVES)]
    entry: Annotated[str, Meta(max_length=MAX_ENTRY_BYTES)]
    proof: Proof


class _Logged(Part, frozen=True, kw_only=True):
    """A thing as its very bytes (all are UTF-8), and its place; null: it has none yet that a checkpoint covers."""

    body: Annotated[str, Meta(max_length=1024 * 1024)]
    place: Place | None


class Rules(_Logged, frozen=True, kw_only=True, tag_field="kind", tag="rules"):
    """Rules by which somebody judged, letter by letter; verdicts name them by their SHA-256."""


class ServerKey(_Logged, frozen=True, kw_only=True, tag_field="kind", tag="server key"):
    """What was recorded of a test server's key."""


class VerdictRecord(_Logged, frozen=True, kw_only=True, tag_field="kind", tag="verdict"):
    """A verdict. All lines up to the next verdict (or the seal) are what it rests on."""

    version: Version
    judged_at: Aware
    synthetic: bool


class LeftOut(Part, frozen=True, kw_only=True, tag_field="kind", tag="left out"):
    """A verdict that would stand here, and why neither it nor what it rests on does."""

    school: Name
    line: Name
    month: Month
    operator: Name
    version: Version
    why: Annotated[str, Meta(min_length=1, max_length=2000)]


class FactsRecord(Part, frozen=True, kw_only=True, tag_field="kind", tag="facts"):
    """The facts that the verdict names by their SHA-256: all but reports, rules, and how rare a breach has to be."""

    body: Annotated[str, Meta(max_length=MAX_LINE_BYTES)]


class ComputerRecord(Part, frozen=True, kw_only=True, tag_field="kind", tag="computer"):
    """A computer of the facts (``keys``), which was enrolled with its key."""

    agent: AgentId
    place: Place | None


class AgentKeyRecord(_Logged, frozen=True, kw_only=True, tag_field="kind", tag="agent key"):
    """What was recorded of a computer's key: from when on it is not believed, and why."""


Why = Literal["not kept", "not of this line", "of a day with two lines"]


class ForkRecord(Part, frozen=True, kw_only=True, tag_field="kind", tag="fork"):
    """The report (``sequence``) from which on a computer of the facts told two histories, and the one before it.

    It is shown whole unless it is not kept any more, not of the operator's days and line, or of a day on which nobody
    can tell of which line it is: ``why``.
    """

    agent: AgentId
    sequence: Annotated[int, Meta(ge=1, le=2**53)]
    before_sha256: Sha256Hex
    before: Place | None
    sha256: Sha256Hex
    place: Place | None
    payload: Annotated[str, Meta(max_length=MAX_PAYLOAD_BYTES)] | None = None
    signature: Annotated[bytes, Meta(max_length=128)] | None = None
    why: Why | None = None


class ContractRecord(_Logged, frozen=True, kw_only=True, tag_field="kind", tag="contract"):
    """Terms of the facts."""


class ExclusionRecord(_Logged, frozen=True, kw_only=True, tag_field="kind", tag="exclusion"):
    """An exclusion of the facts."""


class PastRecord(_Logged, frozen=True, kw_only=True, tag_field="kind", tag="past"):
    """The verdict on an earlier month that the facts tell of."""

    version: Version


class DisputeRecord(_Logged, frozen=True, kw_only=True, tag_field="kind", tag="dispute"):
    """A step of a dispute about this month, whichever version it was about."""


class FileRecord(Part, frozen=True, kw_only=True, tag_field="kind", tag="file"):
    """A piece of a file that a step of a dispute attached, the first one 0; the step has its size and SHA-256."""

    dispute: DisputeId
    number: Annotated[int, Meta(ge=1, le=1_000)]
    piece: Annotated[int, Meta(ge=0, le=1_000)]
    content: Annotated[bytes, Meta(min_length=1, max_length=PIECE_BYTES)]


class StubRecord(Part, frozen=True, kw_only=True, tag_field="kind", tag="stub"):
    """A report that the verdict does not rest on (``known`` in the facts): it holds a computer's chain together.

    Of one that stands between reports of the operator's own days payload and signature are here: they show of which day
    it says that it is.
    """

    agent: AgentId
    sequence: Annotated[int, Meta(ge=0, le=2**53)]
    place: Place | None
    payload: Annotated[str, Meta(max_length=MAX_PAYLOAD_BYTES)] | UnsetType = UNSET
    signature: Annotated[bytes, Meta(max_length=128)] | UnsetType = UNSET


class ReportRecord(Part, frozen=True, kw_only=True, tag_field="kind", tag="report"):
    """A computer's report: the signed payload letter by letter, and the signature (DSSE)."""

    agent: AgentId
    sequence: Annotated[int, Meta(ge=1, le=2**53)]
    received_at: Aware
    payload: Annotated[str, Meta(max_length=MAX_PAYLOAD_BYTES)]
    signature: Annotated[bytes, Meta(max_length=128)]
    place: Place | None


class TestRecord(_Logged, frozen=True, kw_only=True, tag_field="kind", tag="record"):
    """A test server's own record of a test, in its envelope."""


class Seal(Part, frozen=True, kw_only=True, tag_field="kind", tag="seal"):
    """The last line: how many lines come before it, what their check values led to, and the newest log's signature."""

    lines: Annotated[int, Meta(ge=1)]
    sha256: Hash
    signature: Annotated[bytes, Meta(min_length=SIGNATURE_BYTES, max_length=SIGNATURE_BYTES)] | None = None


Record = (
    Header
    | Log
    | Rules
    | ServerKey
    | VerdictRecord
    | LeftOut
    | FactsRecord
    | ComputerRecord
    | AgentKeyRecord
    | ForkRecord
    | ContractRecord
    | ExclusionRecord
    | PastRecord
    | DisputeRecord
    | FileRecord
    | StubRecord
    | ReportRecord
    | TestRecord
    | Seal
)

_encoder = msgspec.json.Encoder(order="deterministic")
_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


class BundleError(EvidenceError):
    """A line of a bundle that is not what it has to be."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what}")
        self.line, self.what = line, what


class Line(Struct, frozen=True):
    """A line that was read: its number from 1, the record, and what the check values before it led to."""

    number: int
    record: Record
    before: bytes


class Writer:
    """Writes the lines of one bundle."""

    def __init__(self) -> None:
        self._lines, self._chain = 0, _FIRST

    def line(self, record: Record) -> bytes:
        """Return a record's line.

        Raises:
            BundleError: nobody could read it.
        """
        return self.raw(encoded(record, self._lines + 1))

    def raw(self, raw: bytes) -> bytes:
        """Return the line of a record that was encoded."""
        self._lines += 1
        self._chain = _continued(self._chain, raw)
        return b"".join([_OPENS, self._chain[:_CHECK_BYTES].hex().encode(), _BETWEEN, raw, _CLOSES])

    def seal(self, key: SigningKey | None) -> bytes:
        """Return the last line; ``key`` is that of the newest log, null where it is not here."""
        seal = Seal(lines=self._lines, sha256=self._chain)
        if key is not None:
            seal = structs.replace(seal, signature=key.sign(_sealed(seal)).signature)
        return self.line(seal)


def encoded(record: Record, number: int) -> bytes:
    """Return a record's bytes; ``number`` is that of its line.

    Raises:
        BundleError: nobody could read them.
    """
    raw, kind = _encoder.encode(record), record.__struct_config__.tag
    size = _RECORD_AT + len(raw) + len(_CLOSES)
    if size > MAX_LINE_BYTES:
        what = (
            f"the record ({kind}) would have {size:,} bytes, more than the {MAX_LINE_BYTES:,} that are read of a line;"
            " ask for single months, and tell whoever runs the collector"
        )
        raise BundleError(number, what)
    try:
        _decoded(raw, number)
    except BundleError as error:
        what = f"the record ({kind}) is one that 'evidence verify' could not read: {error.what}"
        raise BundleError(number, what) from error
    return raw


def check_seal(seal: Seal, public_key: bytes) -> None:
    """Check that this key sealed a bundle.

    Raises:
        EvidenceError: it did not.
    """
    try:
        VerifyKey(public_key).verify(_sealed(seal), seal.signature or b"")
    except (BadSignatureError, ValueError) as error:
        raise EvidenceError("the seal is not signed with the newest log's key") from error


def read(lines: Iterable[bytes]) -> Iterator[Line]:
    """Read a bundle line by line, the first one a header and the last one the seal.

    Args:
        lines: the file's lines with their ends; longer ones may be cut after ``MAX_LINE_BYTES`` + 1.

    Raises:
        BundleError: a line is not as it was written, or not in its place; nothing after it can be read.
    """
    chain, number, record = _FIRST, 0, None
    for number, line in enumerate(lines, 1):
        if isinstance(record, Seal):
            raise BundleError(number, "something comes after the seal; nothing belongs there")
        before, (chain, raw) = chain, _opened(line, chain, number)
        record = _decoded(raw, number)
        if isinstance(record, Header) != (number == 1):
            raise BundleError(number, "a bundle begins with its header, and has one")
        yield Line(number, record, before)
    if not isinstance(record, Seal):
        raise BundleError(number + 1, "the bundle ends before its seal: the rest of the file is missing")


def moment(at: datetime) -> str:
    """Return a moment as sentences say it."""
    return f"{at:%Y-%m-%d %H:%M:%S %Z}"


def _opened(line: bytes, chain: bytes, number: int) -> tuple[bytes, bytes]:
    """Return what the check values lead to with this line, and its record's bytes."""
    if len(line) > MAX_LINE_BYTES:
        raise BundleError(number, f"longer than {MAX_LINE_BYTES} bytes, as no line is")
    raw = line[_RECORD_AT : -len(_CLOSES)]
    continued = _continued(chain, raw)
    if line != b"".join([_OPENS, continued[:_CHECK_BYTES].hex().encode(), _BETWEEN, raw, _CLOSES]):
        raise BundleError(
            number,
            "it does not follow the line before: it was changed, or lines were left out, added or moved before it",
        )
    return continued, raw


def _decoded(raw: bytes, number: int) -> Record:
    try:
        record = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(number, f"not a record of a bundle: {error}") from error
    if _encoder.encode(record) != raw:
        raise BundleError(number, "not written as it has to be: keys in their order, no spaces")
    if isinstance(record, Header) and (record.format, record.version) != (FORMAT, VERSION):
        raise BundleError(number, f"{record.format} {record.version}: this program reads {FORMAT} {VERSION}")
    return record


def _continued(chain: bytes, raw: bytes) -> bytes:
    return hashlib.sha256(chain + raw).digest()


def _sealed(seal: Seal) -> bytes:
    return signing.pae(SEAL_TYPE, _encoder.encode(structs.replace(seal, signature=None)))
