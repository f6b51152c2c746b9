"""Signed reports waiting for the collector, in one SQLite file, with the chain that numbers them.

A report whose ``append`` returned survives a power cut; a number once given out is never given out again, not even when
the file is lost: numbers are reserved ahead in a second small file, and a new outbox goes on above what was reserved.

The journal is TRUNCATE, not WAL: with synchronous=FULL both are durable, a few commits an hour need no speed, and this
way the outbox is one file without shared memory, on any file system (sqlite.org/pragma.html#pragma_journal_mode).
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from agent.contract import report, wire
from agent.contract.signing import Envelope
from agent.errors import StateError
from agent.host import files

RESERVED_AHEAD = 1000
KEPT_REFUSALS = 200
KEPT_SESSIONS = 24
LONGEST_STEP_S = 86_400.0
_SCHEMA_VERSION = 1
_BUSY_S = 30.0
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

_SCHEMA = """
CREATE TABLE chains (
    agent TEXT PRIMARY KEY, collector TEXT NOT NULL, sequence INTEGER NOT NULL, previous TEXT,
    dropped INTEGER NOT NULL DEFAULT 0, revoked TEXT
) WITHOUT ROWID;
CREATE TABLE reports (
    id INTEGER PRIMARY KEY AUTOINCREMENT, agent TEXT NOT NULL, sequence INTEGER NOT NULL, sha256 TEXT NOT NULL,
    made_s REAL NOT NULL, envelope BLOB NOT NULL, UNIQUE (agent, sequence)
);
CREATE TABLE refused (
    id INTEGER PRIMARY KEY, agent TEXT NOT NULL, sequence INTEGER NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
    refused_at REAL NOT NULL, envelope BLOB NOT NULL
);
CREATE TABLE age (id INTEGER PRIMARY KEY, lived_s REAL NOT NULL, seen_at REAL NOT NULL);
CREATE TABLE latest (trigger TEXT PRIMARY KEY, payload BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

# Added later, and older versions never look at it: no new version of the schema.
_RECENT = (
    "CREATE TABLE IF NOT EXISTS recent (agent TEXT NOT NULL, sequence INTEGER NOT NULL, payload BLOB NOT NULL, "
    "PRIMARY KEY (agent, sequence)) WITHOUT ROWID"
)

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")


class Place(Struct, frozen=True, kw_only=True):
    """Where the next report stands: its number, the hash of the one before (null if unknown).

    ``dropped`` counts those of its agent that were dropped unsent so far, ``waiting`` those that wait to be sent.
    """

    sequence: int
    previous: str | None
    dropped: int
    waiting: int


class Waiting(Struct, frozen=True, kw_only=True):
    """A report on its way: the signed envelope as it will be sent, and the hash of its payload."""

    row: int
    agent: str
    sequence: int
    sha256: str
    envelope: bytes


class Refused(Struct, frozen=True, kw_only=True):
    """A report that the collector will never accept, and why."""

    agent: str
    sequence: int
    reason: str
    detail: str


class Contents(Struct, frozen=True, kw_only=True):
    """What the outbox holds."""

    reports: int
    bytes: int
    dropped: int
    refused: int


class Outbox:
    """The outbox of a state folder. Every call is one transaction; several processes may use it at once.

    Raises:
        StateError: from every method: full disk, no permission; says what to do. Nothing is half done.
    """

    def __init__(
        self, state: Path, *, max_bytes: int, max_age_days: int, clock: Callable[[], float] = time.time
    ) -> None:
        files.make_private_folder(state)
        self.file = state / "outbox.sqlite3"
        self._numbers = state / "outbox.numbers.json"
        self._max_bytes = max_bytes
        self._max_age_s = max_age_days * 86_400.0
        self._clock = clock
        self._run(_check)

    def append(self, agent: str, collector: str, make: Callable[[Place], Envelope]) -> Envelope:
        """Give ``make`` the next place in the agent's chain and keep the signed report it returns.

        When this returns, the report is on disk. Over the bounds, the oldest reports are dropped and counted.
        """
        self._run(lambda connection: self._begin_chain(connection, agent, collector))
        return self._run(lambda connection: self._append(connection, agent, collector, make))

    def collectors(self) -> list[str]:
        """Return the collectors that reports wait for; those of revoked agents wait for nobody."""
        question = (
            "SELECT DISTINCT collector FROM chains JOIN reports USING (agent) WHERE revoked IS NULL ORDER BY collector"
        )
        return self._run(lambda connection: [collector for (collector,) in connection.execute(question)])

    def oldest(self, collector: str, limit: int) -> list[Waiting]:
        """Return the oldest reports that wait for this collector."""
        question = (
            "SELECT id, agent, reports.sequence, sha256, envelope FROM reports JOIN chains USING (agent) "
            "WHERE collector = ? AND revoked IS NULL ORDER BY id LIMIT ?"
        )
        rows = self._run(lambda connection: connection.execute(question, (collector, limit)).fetchall())
        return [Waiting(row=r[0], agent=r[1], sequence=r[2], sha256=r[3], envelope=r[4]) for r in rows]

    def settle(self, answers: Sequence[tuple[Waiting, wire.Receipt]]) -> None:
        """Do what each answer obliges to: forget, keep aside with the reason, or stop sending for that agent."""

        def work(connection: sqlite3.Connection) -> None:
            for waiting, receipt in answers:
                self._settle(connection, waiting, receipt)
            _keep_newest_refusals(connection)

        self._run(work)

    def waiting_agents(self) -> list[str]:
        """Return the agents whose reports wait here; revoked ones wait for nobody."""
        question = "SELECT DISTINCT agent FROM reports JOIN chains USING (agent) WHERE revoked IS NULL ORDER BY agent"
        return self._run(lambda connection: [agent for (agent,) in connection.execute(question)])

    def waiting_of(self, agent: str, after_row: int, limit: int) -> list[Waiting]:
        """Return an agent's oldest reports behind a row."""
        question = (
            "SELECT id, agent, sequence, sha256, envelope FROM reports WHERE agent = ? AND id > ? ORDER BY id LIMIT ?"
        )
        rows = self._run(lambda connection: connection.execute(question, (agent, after_row, limit)).fetchall())
        return [Waiting(row=r[0], agent=r[1], sequence=r[2], sha256=r[3], envelope=r[4]) for r in rows]

    def settle_by_hash(self, agent: str, receipts: Sequence[wire.Receipt]) -> tuple[int, int]:
        """Forget or put aside the reports that carried receipts name, and return how many; they revoke nobody."""

        def work(connection: sqlite3.Connection) -> tuple[int, int]:
            question = "SELECT sha256, id, sequence FROM reports WHERE agent = ?"
            here = {sha256: (row, sequence) for sha256, row, sequence in connection.execute(question, (agent,))}
            counts = {"refused": 0, "forgotten": 0}
            for receipt in receipts:
                sha256 = receipt.sha256 or ""
                if receipt.answer == "revoked" or sha256 not in here:
                    continue
                row, sequence = here.pop(sha256)
                named = Waiting(row=row, agent=agent, sequence=sequence, sha256=sha256, envelope=b"")
                self._settle(connection, named, receipt)
                counts["refused" if receipt.answer == "refused" else "forgotten"] += 1
            _keep_newest_refusals(connection)
            return counts["forgotten"], counts["refused"]

        return self._run(work)

    def contents(self) -> Contents:
        """Count what is here."""
        question = (
            "SELECT (SELECT count(*) FROM reports), (SELECT coalesce(sum(length(envelope)), 0) FROM reports), "
            "(SELECT coalesce(sum(dropped), 0) FROM chains), (SELECT count(*) FROM refused)"
        )
        row = self._run(lambda connection: connection.execute(question).fetchone())
        return Contents(reports=row[0], bytes=row[1], dropped=row[2], refused=row[3])

    def refusals(self, limit: int = 10) -> list[Refused]:
        """Return the newest refused reports."""
        question = "SELECT agent, sequence, reason, detail FROM refused ORDER BY id DESC LIMIT ?"
        rows = self._run(lambda connection: connection.execute(question, (limit,)).fetchall())
        return [Refused(agent=r[0], sequence=r[1], reason=r[2], detail=r[3]) for r in rows]

    def latest(self) -> list[report.Report]:
        """Return the newest report of each trigger, sent or not, the newest first."""
        rows = self._run(lambda connection: connection.execute("SELECT payload FROM latest").fetchall())
        return sorted((report.decode(row[0]) for row in rows), key=lambda one: one.created_at, reverse=True)

    def recent(self, agent: str) -> list[report.Report]:
        """Return this agent's last sessions but the light ones, sent or not, the oldest first."""
        question = "SELECT payload FROM recent WHERE agent = ? ORDER BY sequence"
        rows = self._run(lambda connection: connection.execute(question, (agent,)).fetchall())
        return [report.decode(row[0]) for row in rows]

    def revoked(self, agent: str) -> str | None:
        """Return the collector's words if it no longer wants this agent."""
        question = "SELECT revoked FROM chains WHERE agent = ?"
        row = self._run(lambda connection: connection.execute(question, (agent,)).fetchone())
        return row[0] if row else None

    def welcome(self, agent: str, collector: str) -> None:
        """Send this agent's reports to this collector from now on: it was enrolled, perhaps again."""
        change = "UPDATE chains SET revoked = NULL, collector = ? WHERE agent = ?"
        self._run(lambda connection: connection.execute(change, (collector, agent)))

    def note(self, name: str) -> str | None:
        """Return what was written down under this name."""
        question = "SELECT value FROM notes WHERE name = ?"
        row = self._run(lambda connection: connection.execute(question, (name,)).fetchone())
        return row[0] if row else None

    def write_note(self, name: str, value: str) -> None:
        """Write something small down that must outlive this process."""
        self.change_note(name, lambda _: value)

    def change_note(self, name: str, change: Callable[[str | None], str]) -> None:
        """Write down what ``change`` makes of what was written there, with no other process in between."""

        def work(connection: sqlite3.Connection) -> None:
            row = connection.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
            statement = "INSERT INTO notes VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
            connection.execute(statement, (name, change(row[0] if row else None)))

        self._run(work)

    def _begin_chain(self, connection: sqlite3.Connection, agent: str, collector: str) -> None:
        """Note where a chain begins before numbers are reserved: a crash in between must not look like a lost file."""
        used, previous, dropped = self._chain(connection, agent)
        connection.execute(
            "INSERT INTO chains VALUES (?, ?, ?, ?, ?, NULL) ON CONFLICT (agent) DO NOTHING",
            (agent, collector, used, previous, dropped),
        )

    def _chain(self, connection: sqlite3.Connection, agent: str) -> tuple[int, str | None, int]:
        """Return the last number used, the hash of that report and how many were dropped."""
        question = "SELECT sequence, previous, dropped FROM chains WHERE agent = ?"
        row: tuple[int, str | None, int] | None = connection.execute(question, (agent,)).fetchone()
        return row or (self._reserved().get(agent, 0), None, 0)

    def _reserve(self, connection: sqlite3.Connection, agent: str, sequence: int) -> None:
        """Make sure that the second file knows this number as used, whatever happens to the first."""
        try:
            reserved = self._reserved()
        except StateError:
            # Every chain is in the database, or we would not be here: the file can be written anew from it.
            reserved = dict(connection.execute("SELECT agent, sequence FROM chains").fetchall())
        if sequence > reserved.get(agent, 0):
            ahead = reserved | {agent: sequence - 1 + RESERVED_AHEAD}
            files.write_atomically(self._numbers, msgspec.json.encode(ahead))

    def _append(
        self, connection: sqlite3.Connection, agent: str, collector: str, make: Callable[[Place], Envelope]
    ) -> Envelope:
        used, previous, dropped = self._chain(connection, agent)
        (waiting,) = connection.execute("SELECT count(*) FROM reports WHERE agent = ?", (agent,)).fetchone()
        place = Place(sequence=used + 1, previous=previous, dropped=dropped, waiting=waiting)
        self._reserve(connection, agent, place.sequence)
        envelope = make(place)
        lived_s = self._live(connection)
        sha256 = report.sha256_hex(envelope.payload)
        connection.execute(
            "INSERT INTO chains (agent, collector, sequence, previous) VALUES (?, ?, ?, ?) ON CONFLICT (agent) "
            "DO UPDATE SET collector = excluded.collector, sequence = excluded.sequence, previous = excluded.previous",
            (agent, collector, place.sequence, sha256),
        )
        newest = connection.execute(
            "INSERT INTO reports (agent, sequence, sha256, made_s, envelope) VALUES (?, ?, ?, ?, ?)",
            (agent, place.sequence, sha256, lived_s, msgspec.json.encode(envelope)),
        ).lastrowid
        connection.execute(
            "INSERT INTO latest VALUES (?, ?) ON CONFLICT (trigger) DO UPDATE SET payload = excluded.payload",
            (report.decode(envelope.payload).trigger, envelope.payload),
        )
        _remember(connection, agent, place.sequence, envelope.payload)
        self._drop_oldest(connection, newest or 0, lived_s)
        return envelope

    def _live(self, connection: sqlite3.Connection) -> float:
        """Return the seconds for which this outbox has been in use, by which reports grow old.

        The wall clock alone would let a clock that jumps ahead by a year, or is put right after one, drop everything
        unsent. So each report moves this clock on by what has passed since the last one, but by a day at most.
        """
        now = self._clock()
        row = connection.execute("SELECT lived_s, seen_at FROM age").fetchone()
        lived_s, seen_at = row or (0.0, now)
        lived_s += min(max(0.0, now - seen_at), LONGEST_STEP_S)
        connection.execute("INSERT OR REPLACE INTO age VALUES (1, ?, ?)", (lived_s, now))
        return float(lived_s)

    def _drop_oldest(self, connection: sqlite3.Connection, newest: int, lived_s: float) -> None:
        """Drop what is too old or too much, oldest first, never the report just made; count it for later reports."""
        over = (
            "SELECT id, agent FROM (SELECT id, agent, made_s, "
            "sum(length(envelope)) OVER (ORDER BY id DESC) AS size FROM reports) "
            "WHERE id <> ? AND (size > ? OR made_s < ?)"
        )
        rows = connection.execute(over, (newest, self._max_bytes, lived_s - self._max_age_s)).fetchall()
        for row, agent in rows:
            connection.execute("DELETE FROM reports WHERE id = ?", (row,))
            connection.execute("UPDATE chains SET dropped = dropped + 1 WHERE agent = ?", (agent,))

    def _settle(self, connection: sqlite3.Connection, waiting: Waiting, receipt: wire.Receipt) -> None:
        if receipt.answer == "revoked":
            words = receipt.detail or "the collector no longer wants this computer"
            connection.execute("UPDATE chains SET revoked = ? WHERE agent = ?", (words, waiting.agent))
            return
        if receipt.answer == "refused":
            connection.execute(
                "INSERT INTO refused (agent, sequence, reason, detail, refused_at, envelope) "
                "SELECT agent, sequence, ?, ?, ?, envelope FROM reports WHERE id = ?",
                (receipt.reason or "unknown", receipt.detail or "", self._clock(), waiting.row),
            )
        connection.execute("DELETE FROM reports WHERE id = ?", (waiting.row,))

    def _reserved(self) -> dict[str, int]:
        raw = files.read_if_there(self._numbers)
        if raw is None:
            return {}
        try:
            return msgspec.json.decode(raw, type=dict[str, int])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StateError(
                f"{self._numbers} is damaged, so report numbers could be used twice; move {self._numbers.parent} "
                "away and enrol again with a new token (netready-agent enroll)"
            ) from error

    def _run(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Do the work in one transaction; a damaged file is moved aside and the work done on a new one."""
        try:
            return self._try(work)
        except sqlite3.DatabaseError as error:
            if _code(error) not in _DAMAGED:
                raise StateError(self._sentence(error)) from error
        self._move_aside()
        try:
            return self._try(work)
        except sqlite3.DatabaseError as error:
            raise StateError(self._sentence(error)) from error

    def _try(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        with self._transaction() as connection:
            return work(connection)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.file, timeout=_BUSY_S, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = TRUNCATE")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._lay_out(connection)
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _lay_out(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > _SCHEMA_VERSION:
            raise StateError(f"{self.file} was made by a newer netready; install that version again")
        if version == 0:
            for statement in _SCHEMA.split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        connection.execute(_RECENT)

    def _move_aside(self) -> None:
        now = datetime.fromtimestamp(self._clock(), UTC)
        aside = self.file.with_name(f"outbox.damaged-{now:%Y%m%dT%H%M%S%f}.sqlite3")
        try:
            self.file.replace(aside)
            # A journal of the damaged file must not be played into the new one.
            self.file.with_name(self.file.name + "-journal").unlink(missing_ok=True)
        except OSError as error:
            raise StateError(f"{self.file} is damaged and cannot be moved aside: {error.strerror}") from error
        sentence = (
            f"the outbox was damaged: it was moved to {aside} with the reports not yet sent, and a new one begun; "
            "check this computer's disk"
        )
        _log.error(sentence)
        self.write_note("damaged", sentence)

    def _sentence(self, error: sqlite3.DatabaseError) -> str:
        advice = {
            sqlite3.SQLITE_FULL: "the disk is full; free some space and run this again",
            sqlite3.SQLITE_BUSY: "another netready program keeps it busy; wait for it to end and run this again",
            sqlite3.SQLITE_READONLY: "it may not be written; run this as the user who owns it",
            sqlite3.SQLITE_CANTOPEN: "it may not be opened; run this as the user who owns it",
            sqlite3.SQLITE_IOERR: "the disk fails; check it",
        }.get(_code(error), "give another folder with --state")
        return f"the outbox {self.file} cannot be used ({error}): {advice}"


def _keep_newest_refusals(connection: sqlite3.Connection) -> None:
    connection.execute(
        "DELETE FROM refused WHERE id NOT IN (SELECT id FROM refused ORDER BY id DESC LIMIT ?)", (KEPT_REFUSALS,)
    )


def _remember(connection: sqlite3.Connection, agent: str, sequence: int, payload: bytes) -> None:
    """Keep the last sessions of this computer where it usually stands, for its own diagnosis."""
    if report.decode(payload).trigger in {"light", "survey"}:
        return
    connection.execute("INSERT OR REPLACE INTO recent VALUES (?, ?, ?)", (agent, sequence, payload))
    connection.execute(
        "DELETE FROM recent WHERE agent <> ? OR sequence NOT IN "
        "(SELECT sequence FROM recent WHERE agent = ? ORDER BY sequence DESC LIMIT ?)",
        (agent, agent, KEPT_SESSIONS),
    )


def _check(connection: sqlite3.Connection) -> None:
    """Read the whole file once at start, so that damage is found before a report meets it."""
    (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if answer != "ok":
        error = sqlite3.DatabaseError(answer)
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


def _code(error: sqlite3.DatabaseError) -> int:
    """Return SQLite's primary result code (the low byte of an extended one)."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
