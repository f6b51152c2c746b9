"""What waits is given its place in the log, by one process at a time, in an order that no worker decides; a job.

A place, the tree over it and the end of the waiting are one transaction: whoever is killed in between leaves all of it
undone.
"""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from collector.evidence import entry, merkle
from collector.evidence.entry import Entry
from collector.evidence.errors import LogStopped
from collector.evidence.tiles import appended
from collector.ledger import guarding
from collector.ledger.keeping import Keeping, keeping_of
from collector.settings import Settings
from collector.store import copying, evidence
from collector.store.database import Connection, Database
from collector.store.evidence import LogRecord, Pending

BATCH = 20_000


def run(database: Database, settings: Settings) -> int:
    """Give all that waits its place; return how many that were.

    Raises:
        LogStopped: the log must not go on; says what to do.
    """
    keeping, given = keeping_of(settings), 0
    while True:
        with database.owning() as connection:
            log = opened(connection, settings, keeping, datetime.now(UTC))
            wanted = [] if log.stopped else evidence.take(connection, BATCH)
            append(connection, log, wanted)
        if log.stopped:
            raise LogStopped(log.stopped)
        given += len(wanted)
        if len(wanted) < BATCH:
            return given


def opened(connection: Connection, settings: Settings, keeping: Keeping, now: datetime) -> LogRecord:
    """Return the log that grows, begun if there is none, for this transaction alone; note whether it stands still."""
    evidence.one_at_a_time(connection)
    log = evidence.newest_log(connection)
    if log is None:
        origin = settings.evidence.origin or f"netready/{secrets.token_hex(8)}"
        return begun(connection, keeping, 1, origin, now=now)
    stopped = guarding.trouble(connection, keeping, log)
    if evidence.stop_log(connection, log.number, stopped):
        log = evidence.newest_log(connection) or log
    return log


def begun(
    connection: Connection, keeping: Keeping, number: int, origin: str, *, now: datetime, before: str | None = None
) -> LogRecord:
    """Begin a log; return it."""
    log = LogRecord(
        number=number,
        origin=origin,
        public_key=bytes(keeping.made_key().verify_key),
        size=0,
        begun_at=now,
        ended_at=None,
        reason=None,
        stopped=None,
        before=before,
    )
    evidence.begin_log(connection, log)
    return log


def append(connection: Connection, log: LogRecord, wanted: Sequence[Pending]) -> None:
    """Give these the next places."""
    if not wanted:
        return
    regions = evidence.regions(connection, sorted({one.school_id for one in wanted if one.school_id}))
    rows, leaves = [], []
    for index, one in enumerate(wanted, log.size):
        raw = entry.encode(_entry(one))
        leaves.append(merkle.leaf_hash(raw))
        rows.append(
            {
                "school_id": one.school_id or "",
                "log": log.number,
                "index": index,
                "region_id": regions.get(one.school_id or "", ""),
                "operator": one.operator or "",
                "subject": one.subject,
                "key": one.key,
                "at": one.at,
                "entry": raw,
            }
        )
    tiles = appended(lambda level, number: evidence.tile(connection, log.number, level, number), log.size, leaves)
    evidence.append(connection, log, copying.written("log_entry", rows), tiles)


def _entry(one: Pending) -> Entry:
    return Entry(
        subject=one.subject,
        key=one.key,
        school=one.school_id,
        operator=one.operator,
        at=one.at,
        sha256=one.sha256.hex(),
        salt=secrets.token_hex(16) if one.is_salted else None,
    )
