"""Witnesses: who may cosign checkpoints, and what they send; nobody waits for any of them."""

import hashlib
from datetime import datetime

from collector.errors import NotFound
from collector.evidence import note
from collector.evidence.errors import EvidenceError, NoteError
from collector.store import audit, checkpoints, evidence
from collector.store.audit import Who
from collector.store.checkpoints import CheckpointRecord, Cosignature, WitnessRecord
from collector.store.database import Connection
from collector.store.evidence import LogRecord, Pending

_LONGEST_NAME = 100


def add(connection: Connection, name: str, key: str, who: Who, now: datetime) -> None:
    """Let a witness cosign from now on; its key gets a place in the log.

    Raises:
        EvidenceError: the name or the key cannot be used.
    """
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise EvidenceError(f"a witness has a name of 1 to {_LONGEST_NAME} characters, for people")
    read = note.read_key(key)
    if read.kind != "witness":
        raise NoteError(f"{key} is not the key of a witness but of a log: 'evidence witness --show-key' prints one")
    checkpoints.add_witness(connection, name, read.text, now)
    _make_known(connection, name, read.text, now)
    audit.note(connection, who, "changed", f"witness {name}", now=now, detail={"key": read.text})


def end(connection: Connection, name: str, who: Who, now: datetime) -> None:
    """Let a witness cosign no more. Raises NotFound."""
    checkpoints.end_witness(connection, name, now)
    _make_known(connection, name, "", now)
    audit.note(connection, who, "changed", f"witness {name}", now=now, detail={"ended": True})


def accept(connection: Connection, text: str, now: datetime) -> tuple[CheckpointRecord, list[str]]:
    """Keep what witnesses cosigned of a note; return the checkpoint and the names of those who are known.

    Raises:
        NoteError: it is no checkpoint, or a signature does not fit.
        NotFound: this log has no such checkpoint.
        EvidenceError: no registered witness signed it.
    """
    shown = note.read(text)
    stored = _stored(connection, note.checkpoint_of(shown))
    if note.read(stored.note).body != shown.body:
        raise EvidenceError(
            f"the note is another than the log's checkpoint of {stored.size} entries: keep both, and show them"
        )
    names = []
    for witness in known(connection):
        key = note.read_key(witness.key)
        lines = [line for line in shown.lines if (line.name, line.key_id) == (key.name, key.id)]
        for signed in note.witnessed(shown, [key]):
            one = Cosignature(witness=witness.name, at=signed.at, line=lines[0].text, received_at=now)
            checkpoints.keep_cosignature(connection, stored.log, stored.size, one)
            names.append(witness.name)
    if not names:
        raise EvidenceError("no witness that is registered here signed this; ask whoever runs the collector to add it")
    return stored, names


def known(connection: Connection, log: int = 0) -> list[WitnessRecord]:
    """Return the witnesses that may cosign now, with what each cosigned last of a log."""
    return [one for one in checkpoints.witnesses(connection, log) if one.ended_at is None]


def log_of(connection: Connection, number: int | None) -> LogRecord:
    """Return a log, the one that grows unless a number is named; raises NotFound."""
    found = evidence.newest_log(connection) if number is None else next(iter(evidence.logs(connection, number)), None)
    if found is None:
        raise NotFound("there is no such log" if number is not None else "there is no log yet; it begins with 'serve'")
    return found


def _stored(connection: Connection, said: note.Checkpoint) -> CheckpointRecord:
    log = next((one for one in evidence.logs(connection) if one.origin == said.origin), None)
    found = None if log is None else checkpoints.of_size(connection, log.number, said.size)
    if found is None:
        raise NotFound(f"no checkpoint of {said.size} entries of a log {said.origin!r} was ever signed here")
    return found


def _make_known(connection: Connection, name: str, text: str, now: datetime) -> None:
    sha256 = hashlib.sha256(text.encode()).digest()
    evidence.pend(connection, [Pending(subject="key", key=f"witness/{name}", sha256=sha256, at=now)])
