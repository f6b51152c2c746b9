"""The next log, where one cannot go on: it begins with the last word of the one before, for everybody to see."""

import hashlib
from datetime import datetime

from msgspec import Struct

from collector.errors import NotFound
from collector.evidence import merkle, note
from collector.evidence.errors import NoteError, ProofError
from collector.evidence.note import Note
from collector.ledger import sequencing
from collector.ledger.guarding import Seen
from collector.ledger.keeping import Keeping, keeping_of
from collector.ledger.trees import tree_of
from collector.settings import Settings
from collector.store import audit, checkpoints, evidence
from collector.store.audit import Who
from collector.store.database import Connection, Database
from collector.store.evidence import LogRecord, Pending

_MOST_CHECKPOINTS = 1_000


class Restarted(Struct, frozen=True, kw_only=True):
    """What became of it: the log that began, and how many entries of the old one wait for a place in it."""

    log: LogRecord
    again: int


def restart(database: Database, settings: Settings, reason: str, who: Who, now: datetime) -> Restarted:
    """End the newest log and begin the next one, whose first entry is the last checkpoint of the one that ended.

    What no sound checkpoint of the old log covers waits for its place in the new one.

    Raises:
        NotFound: there is no log yet.
        KeepingError: the key cannot be made or read.
    """
    keeping = keeping_of(settings)
    with database.owning() as connection:
        evidence.one_at_a_time(connection)
        old = evidence.newest_log(connection)
        if old is None:
            raise NotFound("there is no log yet; it begins with the first report, while 'serve' runs")
        known = evidence.logs(connection)
        last = _last_word(connection, keeping, known)
        evidence.end_log(connection, old.number, reason, now)
        number = _number(known, last)
        log = sequencing.begun(
            connection, keeping, number, f"{known[0].origin}/{number}", now=now, before=last.note.text if last else None
        )
        sequencing.append(connection, log, [_first(old, last, now)])
        again = evidence.pend_again(connection, old.number, _covered(connection, old))
        detail = {"after": old.origin, "reason": reason, "again": again}
        audit.note(connection, who, "changed", f"log {log.origin}", now=now, detail=detail)
    return Restarted(log=log, again=again)


def _first(old: LogRecord, last: Seen | None, now: datetime) -> Pending:
    origin, text = (last.checkpoint.origin, last.note.text) if last else (old.origin, "")
    return Pending(subject="log", key=origin, sha256=hashlib.sha256(text.encode()).digest(), at=now, is_salted=False)


def _last_word(connection: Connection, keeping: Keeping, known: list[LogRecord]) -> Seen | None:
    """Return the newest checkpoint that is known, the file's or the database's; null where none was ever signed."""
    stored = checkpoints.newest(connection, known[-1].number)
    of_database = _seen(note.read(stored.note)) if stored else None
    try:
        of_file = _seen(found) if (found := keeping.newest(known[0].origin)) else None
    except NoteError:  # damaged: it says nothing
        of_file = None
    if of_database is None or of_file is None:
        return of_database or of_file
    if of_file.checkpoint.origin == of_database.checkpoint.origin:
        return of_file if of_file.checkpoint.size >= of_database.checkpoint.size else of_database
    return of_database if of_file.checkpoint.origin in {one.origin for one in known} else of_file


def _seen(found: Note) -> Seen:
    return Seen(found, note.checkpoint_of(found))


def _number(known: list[LogRecord], last: Seen | None) -> int:
    """Return the number after every log that is known, be it one that the database has forgotten."""
    told = last.checkpoint.origin.removeprefix(f"{known[0].origin}/") if last else ""
    return 1 + max(known[-1].number, int(told) if told.isascii() and told.isdecimal() and len(told) < 9 else 1)


def _covered(connection: Connection, log: LogRecord) -> int:
    """Return the size of the newest checkpoint that the stored tree still proves."""
    tree = tree_of(connection, log.number)
    for one in checkpoints.of_log(connection, log.number, limit=_MOST_CHECKPOINTS):
        try:
            if one.size <= log.size and merkle.root(tree.node, one.size) == one.root:
                return one.size
        except ProofError:
            continue
    return 0
