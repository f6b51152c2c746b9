"""Records that wait for the collector, in one SQLite file beside the reflector's key.

A record whose ``keep`` returned survives a power cut. Over the bound the oldest are dropped, and counted.
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from agent.errors import StateError
from agent.host import files

MAX_RECORDS = 50_000  # some 60 MB: a busy server's week without its collector
_BUSY_S = 10.0
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_TABLE = "CREATE TABLE IF NOT EXISTS records (id INTEGER PRIMARY KEY AUTOINCREMENT, envelope BLOB NOT NULL)"

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")


class Spool:
    """The records of one state folder; may be used from several threads.

    Raises:
        StateError: from every method: full disk, no permission; says what to do.
    """

    def __init__(self, state: Path, *, most: int = MAX_RECORDS) -> None:
        files.make_private_folder(state)
        self.file = state / "records.sqlite3"
        self._most = most
        self._lock = threading.Lock()
        try:
            self._run(lambda connection: connection.execute(_TABLE))
        except StateError as error:
            if not _is_damage(error):
                raise
            aside = self.file.with_suffix(".damaged")
            self.file.replace(aside)
            _log.error("%s is damaged and was moved to %s; the records in it are not sent", self.file, aside)
            self._run(lambda connection: connection.execute(_TABLE))

    def keep(self, envelope: bytes) -> None:
        """Let a record wait; when this returns, it is on disk."""

        def work(connection: sqlite3.Connection) -> int:
            row = connection.execute("INSERT INTO records (envelope) VALUES (?)", (envelope,)).lastrowid or 0
            return connection.execute("DELETE FROM records WHERE id <= ?", (row - self._most,)).rowcount

        dropped = self._run(work)
        if dropped:
            _log.error("%d records that never reached the collector were dropped: too many wait", dropped)

    def waiting(self, limit: int, after: int = 0) -> list[tuple[int, bytes]]:
        """Return the oldest records behind a number, each with its own."""
        question = "SELECT id, envelope FROM records WHERE id > ? ORDER BY id LIMIT ?"
        return self._run(lambda connection: connection.execute(question, (after, limit)).fetchall())

    def forget(self, rows: Sequence[int]) -> None:
        """Forget records that need not be sent any more."""
        self._run(lambda connection: connection.executemany("DELETE FROM records WHERE id = ?", [(n,) for n in rows]))

    def __len__(self) -> int:
        return int(self._run(lambda connection: connection.execute("SELECT count(*) FROM records").fetchone())[0])

    def _run(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        with self._lock, self._connection() as connection:
            return work(connection)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.file, timeout=_BUSY_S)) as connection, connection:
                connection.execute("PRAGMA journal_mode=TRUNCATE")
                connection.execute("PRAGMA synchronous=FULL")
                yield connection
        except sqlite3.Error as error:
            raise StateError(
                f"the records in {self.file} cannot be kept: {error}; is the disk full, or the folder another user's?"
            ) from error


def _is_damage(error: StateError) -> bool:
    cause = error.__cause__
    return isinstance(cause, sqlite3.DatabaseError) and getattr(cause, "sqlite_errorcode", None) in _DAMAGED
