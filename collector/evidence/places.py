"""The logs of a bundle: whose they are, who cosigned them, and whether a thing stands where the bundle says; pure."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from collector.evidence import bundle, entry, merkle, note
from collector.evidence.bundle import Place
from collector.evidence.entry import Entry, Subject
from collector.evidence.errors import EvidenceError, ProofError
from collector.evidence.note import Checkpoint, Key


class Trust(Struct, frozen=True, kw_only=True):
    """Whom somebody believes who verifies: logs' keys, told by another way than the bundle, and witnesses' keys.

    Without any log's key that of the bundle is believed, which proves only that the bundle agrees with itself.
    ``at_least``: how many of the witnesses must have seen everything.
    """

    logs: tuple[Key, ...] = ()
    witnesses: tuple[Key, ...] = ()
    at_least: int = 0


class Seen(Struct, frozen=True):
    """How much of a log a witness saw at the most, and when."""

    witness: str
    log: str
    size: int
    at: datetime


class Thing(Struct, frozen=True, kw_only=True):
    """What should stand in the log.

    ``school`` is null where it concerns no single one; ``may_lack_school``: nobody may have known it in time.
    """

    subject: Subject
    key: str
    sha256: str
    school: str | None
    may_lack_school: bool = False


class KnownLog(Struct, frozen=True, kw_only=True):
    """A log as its checkpoints show it. ``witnessed``: how many entries enough witnesses saw."""

    key: Key
    newest: Checkpoint
    witnessed: int
    seen: tuple[Seen, ...]

    def entry_at(self, place: Place) -> Entry:
        """Return the entry that stands in a place.

        Raises:
            EvidenceError: none does, or too few witnesses saw it.
        """
        raw = place.entry.encode()
        found = entry.decode(raw)
        root = merkle.root_with(merkle.leaf_hash(raw), place.index, self.newest.size, place.proof)
        if root != self.newest.root:
            raise ProofError(f"it does not stand at {place.index} of the log: its proof leads to another root")
        if place.index >= self.witnessed:
            raise ProofError(
                f"its place {place.index} was not seen by enough witnesses: together they saw {self.witnessed} entries"
            )
        return found


def known_log(record: bundle.Log, trust: Trust) -> KnownLog:
    """Check a log's checkpoints.

    Raises:
        EvidenceError: they are not its own, contradict each other, or the key is not the one that is believed.
    """
    key = note.read_key(record.key)
    if trust.logs and key.public not in {one.public for one in trust.logs}:
        raise EvidenceError(f"the log {key.name} is signed with another key ({key.id.hex()}) than the one you gave")
    said = []
    notes = [note.read(one.note) for one in record.checkpoints]
    for text in notes:
        note.check(text, key)
        checkpoint = note.checkpoint_of(text)
        if checkpoint.origin != key.name:
            raise EvidenceError(f"a checkpoint is of the log {checkpoint.origin}, not of {key.name}")
        said.append(checkpoint)
    newest = said[-1]
    for one, signed in zip(said, record.checkpoints, strict=True):
        merkle.check_consistency((one.size, one.root), (newest.size, newest.root), signed.consistency)
    seen = [
        Seen(each.name, key.name, one.size, each.at)
        for one, text in zip(said, notes, strict=True)
        for each in note.witnessed(text, trust.witnesses)
    ]
    return KnownLog(key=key, newest=newest, witnessed=_witnessed(seen, newest.size, trust.at_least), seen=tuple(seen))


def check_thing(logs: dict[int, KnownLog], place: Place, thing: Thing, *, at: datetime | None = None) -> Entry:
    """Check that a thing stands in its place, taken in at that time if one is given; return its entry.

    Raises:
        EvidenceError: it does not, or something else does.
    """
    log = logs.get(place.log)
    if log is None:
        raise EvidenceError(f"the bundle shows no log {place.log}, in which it should stand")
    found = log.entry_at(place)
    if (found.subject, found.key) != (thing.subject, thing.key):
        raise EvidenceError(
            f"in its place stands {found.subject} {found.key!r}; {thing.subject} {thing.key!r} should stand there"
        )
    if found.sha256 != thing.sha256:
        raise EvidenceError(f"the log has other bytes of {thing.subject} {thing.key!r}: their SHA-256 differs")
    if found.school != thing.school and not (thing.may_lack_school and found.school is None):
        raise EvidenceError(f"the log has it of school {found.school!r}; {thing.school!r} should stand there")
    if at is not None and found.at != at:
        raise EvidenceError(f"it came in on {bundle.moment(found.at)} by the log, not on {bundle.moment(at)}")
    return found


def sha256_of(text: str) -> str:
    """Return the SHA-256 of a text's bytes, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def _witnessed(seen: Sequence[Seen], size: int, at_least: int) -> int:
    """Return how many entries were seen by at least so many witnesses: whoever saw more saw what comes before."""
    if at_least == 0:
        return size
    most: dict[str, int] = {}
    for one in seen:
        most[one.witness] = max(one.size, most.get(one.witness, 0))
    ordered = sorted(most.values(), reverse=True)
    return ordered[at_least - 1] if len(ordered) >= at_least else 0
