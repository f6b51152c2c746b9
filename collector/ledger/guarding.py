"""Is the log in this database still the one that was shown? Compared with its files before anything is added to it.

A log that goes on after its database was restored from an old backup shows two histories: whoever kept a checkpoint
would see a forger. So it stands still until somebody decides; reports are stored all the while.
"""

from msgspec import Struct

from collector.evidence import merkle, note
from collector.evidence.errors import EvidenceError, NoteError, ProofError
from collector.evidence.note import Checkpoint, Note
from collector.ledger.keeping import Keeping
from collector.ledger.trees import tree_of
from collector.store import checkpoints, evidence
from collector.store.database import Connection
from collector.store.evidence import LogRecord

_NEXT = "or begin the next log with 'netready-collector evidence restart-log --reason TEXT'"


class Seen(Struct, frozen=True):
    """The checkpoint in the file: the note, and what it says."""

    note: Note
    checkpoint: Checkpoint


def trouble(connection: Connection, keeping: Keeping, log: LogRecord) -> str | None:
    """Return why the newest log must not go on, as a sentence that says what to do; null where it may."""
    try:
        _check_key(keeping, log)
        known = evidence.logs(connection)
        seen = last_seen(keeping, known)
        newest = checkpoints.newest(connection, log.number)
        if seen is None and newest is not None and keeping.is_alone:
            return (
                "the file with the log's last checkpoint is missing, so nobody can tell whether this database is the"
                f" newest: bring {keeping.checkpoint_file(known[0].origin).name} back, {_NEXT}"
            )
        if seen is not None and seen.checkpoint.origin == log.origin:
            _check(connection, log, seen.checkpoint, "was shown to others")
        if newest is not None:
            _check(connection, log, note.checkpoint_of(note.read(newest.note)), "is stored here")
        merkle.root(tree_of(connection, log.number).node, log.size)
    except ProofError as error:
        return f"the log in the database is damaged ({error}): restore the newest backup, {_NEXT}"
    except EvidenceError as error:
        return str(error)
    return None


def last_seen(keeping: Keeping, known: list[LogRecord]) -> Seen | None:
    """Return the checkpoint in the file; null where there is no file.

    Raises:
        EvidenceError: it is damaged, or of a log that this database does not know.
    """
    found = keeping.newest(known[0].origin)
    if found is None:
        return None
    said = note.checkpoint_of(found)
    if found.text in {one.before for one in known}:  # of a log that ended, and may be all that is known of it
        return Seen(found, said)
    log = next((one for one in known if one.origin == said.origin), None)
    if log is None:
        raise EvidenceError(
            f"the last checkpoint is of the log {said.origin}, which this database does not know: it was restored from"
            f" an older backup. Restore the newest one, {_NEXT}"
        )
    note.check(found, note.key(log.origin, "log", log.public_key))
    return Seen(found, said)


def _check_key(keeping: Keeping, log: LogRecord) -> None:
    key = keeping.key()
    if key is None:
        raise EvidenceError(
            f"the log's key is not here: bring {keeping.key_file.name} and the file with its last checkpoint from where"
            f" the collector ran before ([evidence] key_file and checkpoint_file name other places), {_NEXT}"
        )
    if bytes(key.verify_key) != log.public_key:
        raise NoteError(f"{keeping.key_file.name} is not the key of the log {log.origin}: bring the right one, {_NEXT}")


def _check(connection: Connection, log: LogRecord, said: Checkpoint, where: str) -> None:
    if said.size > log.size:
        raise EvidenceError(
            f"the log has {log.size} entries, and a checkpoint of {said.size} {where}: the database was restored from"
            f" an older backup. Restore the newest one, {_NEXT}"
        )
    if merkle.root(tree_of(connection, log.number).node, said.size) != said.root:
        raise EvidenceError(
            f"the log's first {said.size} entries are others than in the checkpoint that {where}: the database was"
            f" restored and went on, or was changed. Restore the newest backup, {_NEXT}"
        )
