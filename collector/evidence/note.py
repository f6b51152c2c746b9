"""Signed notes: a few lines of text and who signed them; checkpoints of a log, and what witnesses add; pure.

Sources: C2SP signed-note, tlog-checkpoint and tlog-cosignature (c2sp.org). Any program that knows these reads ours.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from agent.contract.signing import PUBLIC_KEY_BYTES, SIGNATURE_BYTES
from collector.evidence.errors import NoteError
from collector.evidence.merkle import HASH_BYTES, MOST_LEAVES

MAX_NOTE_BYTES = 64 * 1024
MAX_SIGNATURES = 64

Kind = Literal["log", "witness"]
_ALGORITHM: dict[Kind, int] = {"log": 0x01, "witness": 0x04}  # Ed25519; Ed25519 with the time of cosigning
_KIND = {number: kind for kind, number in _ALGORITHM.items()}
_DASH = "\u2014 "
_TIME_BYTES, _ID_BYTES = 8, 4
_CHECKPOINT_LINES = 3


class Key(Struct, frozen=True):
    """Who may sign: a name without spaces and plus signs, as what, and the Ed25519 public key."""

    name: str
    kind: Kind
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes that a signature names its key with."""
        return hashlib.sha256(self.name.encode() + b"\n" + self._typed).digest()[:_ID_BYTES]

    @property
    def text(self) -> str:
        """The key as text: name, id and public key."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(self._typed).decode()}"

    @property
    def _typed(self) -> bytes:
        return bytes([_ALGORITHM[self.kind]]) + self.public


class Line(Struct, frozen=True):
    """A signature under a note: whose by name and key id, and the bytes."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def text(self) -> str:
        """The line as it stands in the note, with its end."""
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


class Note(Struct, frozen=True):
    """A note: its text, which ends with a line's end, and the signatures."""

    body: str
    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        """The whole note, as it is stored and sent."""
        return self.body + "\n" + "".join(line.text for line in self.lines)


class Checkpoint(Struct, frozen=True):
    """What a log says of itself: which log it is, how many leaves it has, and their root."""

    origin: str
    size: int
    root: bytes

    @property
    def body(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


class Cosigned(Struct, frozen=True):
    """A witness's word: it saw this checkpoint then, and it fits all that it had seen of this log before."""

    name: str
    at: datetime


def key(name: str, kind: Kind, public: bytes) -> Key:
    """Return a key.

    Raises:
        NoteError: the name cannot stand in a note, or the key has the wrong length.
    """
    if not name or len(name) > 256 or "+" in name or any(each.isspace() or not each.isprintable() for each in name):
        raise NoteError(f"{name!r} cannot be the name of a key: 1 to 256 characters without spaces and plus signs")
    if len(public) != PUBLIC_KEY_BYTES:
        raise NoteError(f"an Ed25519 key has {PUBLIC_KEY_BYTES} bytes, not {len(public)}")
    return Key(name, kind, public)


def read_key(text: str) -> Key:
    """Read a key from its text.

    Raises:
        NoteError: it is none, or its id is another key's.
    """
    name, plus, rest = text.strip().partition("+")
    key_id, second_plus, typed = rest.partition("+")
    raw = _base64(typed)
    if not plus or not second_plus or not raw or raw[0] not in _KIND:
        raise NoteError("not the key of a log or a witness: expected NAME+ID+KEY, as 'evidence key' prints it")
    found = key(name, _KIND[raw[0]], raw[1:])
    if found.id.hex() != key_id:
        raise NoteError(f"the key of {name} does not fit its id {key_id}: a character of it was changed")
    return found


def read(text: str) -> Note:
    """Read a note; nothing in it is believed until its signatures were checked.

    Raises:
        NoteError: it is no note.
    """
    if len(text.encode()) > MAX_NOTE_BYTES:
        raise NoteError(f"a note has at most {MAX_NOTE_BYTES} bytes")
    if any(ord(each) < 0x20 and each != "\n" for each in text):
        raise NoteError("a note has no control characters")
    body, gap, signed = text.rpartition("\n\n")
    if not gap or not signed.endswith("\n"):
        raise NoteError("not a signed note: text, an empty line, then signatures, each with its line's end")
    rows = signed[:-1].split("\n")
    if len(rows) > MAX_SIGNATURES:
        raise NoteError(f"a note has at most {MAX_SIGNATURES} signatures")
    return Note(body + "\n", tuple(_line(row) for row in rows))


def checkpoint_of(note: Note) -> Checkpoint:
    """Read what a log says in a note; further lines are allowed and passed over.

    Raises:
        NoteError: it is no checkpoint.
    """
    rows = note.body[:-1].split("\n")
    if len(rows) < _CHECKPOINT_LINES or not all(rows):
        raise NoteError("not a checkpoint: origin, size and root, each on its line")
    origin, size, root = rows[:_CHECKPOINT_LINES]
    if not (size.isascii() and size.isdecimal()) or len(size) > len(str(MOST_LEAVES)) or str(int(size)) != size:
        raise NoteError(f"{size!r} is no size of a log")
    raw = _base64(root)
    if len(raw) != HASH_BYTES or int(size) > MOST_LEAVES:
        raise NoteError("the checkpoint's root is no SHA-256 in base64, or its size is beyond all logs")
    return Checkpoint(origin, int(size), raw)


def sign(body: str, name: str, secret: SigningKey) -> Line:
    """Sign a note's text as the log itself does."""
    mine = key(name, "log", bytes(secret.verify_key))
    return Line(name, mine.id, secret.sign(body.encode()).signature)


def cosign(body: str, name: str, secret: SigningKey, at: datetime) -> Line:
    """Sign a checkpoint as a witness does, with the time."""
    mine = key(name, "witness", bytes(secret.verify_key))
    seconds = int(at.timestamp())
    signature = secret.sign(_cosigned(body, seconds)).signature
    return Line(name, mine.id, seconds.to_bytes(_TIME_BYTES) + signature)


def check(note: Note, log: Key) -> None:
    """Check that the log signed this note.

    Raises:
        NoteError: it did not.
    """
    for line in _of(note, log):
        if _fits(log, note.body.encode(), line.signature):
            return
    raise NoteError(f"the note is not signed by {log.name} with the key {log.id.hex()}")


def witnessed(note: Note, witnesses: Sequence[Key]) -> list[Cosigned]:
    """Return which of these witnesses signed a note, and when, the first of each.

    Raises:
        NoteError: a signature says that it is by one of them and is not.
    """
    found = []
    for witness in witnesses:
        lines = _of(note, witness)
        if not lines:
            continue
        raw = lines[0].signature
        seconds = int.from_bytes(raw[:_TIME_BYTES])
        if not _fits(witness, _cosigned(note.body, seconds), raw[_TIME_BYTES:]):
            raise NoteError(f"a cosignature says that it is by {witness.name} and is not")
        found.append(Cosigned(witness.name, _moment(seconds, witness.name)))
    return found


def _cosigned(body: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{body}".encode()


def _moment(seconds: int, name: str) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise NoteError(f"the cosignature by {name} is of no time: {seconds} seconds since 1970") from error


def _of(note: Note, whose: Key) -> list[Line]:
    return [line for line in note.lines if (line.name, line.key_id) == (whose.name, whose.id)]


def _fits(whose: Key, message: bytes, signature: bytes) -> bool:
    if len(signature) != SIGNATURE_BYTES:
        return False
    try:
        VerifyKey(whose.public).verify(message, signature)
    except BadSignatureError:
        return False
    return True


def _line(row: str) -> Line:
    name, space, encoded = row.removeprefix(_DASH).partition(" ")
    raw = _base64(encoded)
    if not row.startswith(_DASH) or not name or not space or len(raw) <= _ID_BYTES:
        raise NoteError("not a signature of a note: a dash, the name, then base64")
    return Line(name, raw[:_ID_BYTES], raw[_ID_BYTES:])


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
