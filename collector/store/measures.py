"""What the database knows about itself, its jobs and the fleet, for /metrics; asked by the owner, who sees all."""

from datetime import UTC, datetime

from msgspec import Struct
from psycopg import sql as compose

from collector.store import checkpoints, evidence, jobs
from collector.store.checkpoints import CheckpointRecord, WitnessRecord
from collector.store.database import Connection
from collector.store.evidence import LogRecord
from collector.store.questions import sql

_MOST_COUNTED = 10_000


class LogMeasures(Struct, frozen=True, kw_only=True):
    """The log that grows, what waits for a place in it (counted to 10000), its checkpoint and its witnesses."""

    log: LogRecord | None
    waiting: int
    oldest_waiting_s: float
    checkpoint: CheckpointRecord | None
    witnesses: list[WitnessRecord]


class Measures(Struct, frozen=True, kw_only=True):
    """Sizes are in bytes, ages in seconds. ``wal_bytes`` is null where the owner may not look."""

    database_bytes: int
    wal_written: int
    wal_bytes: int | None
    dirty_days: int
    oldest_dirty_s: float
    default_rows: dict[str, int]
    jobs: list[jobs.JobRecord]
    computers: dict[tuple[str, str], int]
    schools: dict[tuple[str, str], int]
    log: LogMeasures


def measures(connection: Connection) -> Measures:
    """Return all of it."""
    size = connection.execute(sql("database_size")).fetchone()
    dirty = connection.execute(sql("dirty_days")).fetchone()
    assert size is not None  # noqa: S101 - aggregates always return a row
    assert dirty is not None  # noqa: S101
    fleet = connection.execute(sql("fleet_counts")).fetchall()
    return Measures(
        database_bytes=size[0],
        wal_written=int(size[1]),
        wal_bytes=_wal_bytes(connection) if size[2] else None,
        dirty_days=dirty[0],
        oldest_dirty_s=dirty[1],
        default_rows=_default_rows(connection),
        jobs=jobs.jobs(connection),
        computers={(region, state): count for kind, region, state, count in fleet if kind == "computer"},
        schools={(region, state): count for kind, region, state, count in fleet if kind == "school"},
        log=_log(connection),
    )


def _log(connection: Connection) -> LogMeasures:
    log = evidence.newest_log(connection)
    waiting, since = evidence.waiting(connection, _MOST_COUNTED)
    return LogMeasures(
        log=log,
        waiting=waiting,
        oldest_waiting_s=max(0.0, (datetime.now(UTC) - since).total_seconds()) if since else 0.0,
        checkpoint=checkpoints.newest(connection, log.number) if log else None,
        witnesses=checkpoints.witnesses(connection, log.number) if log else [],
    )


def _wal_bytes(connection: Connection) -> int:
    row = connection.execute(sql("wal_size")).fetchone()
    return int(row[0]) if row else 0


def _default_rows(connection: Connection) -> dict[str, int]:
    """Count what fell into default partitions, as far as it matters: anything but none needs a look."""
    counted = {}
    for schema, name in connection.execute(sql("default_partitions")).fetchall():
        question = compose.SQL("select count(*) from (select 1 from {} limit {}) as counted").format(
            compose.Identifier(schema, name), compose.Literal(_MOST_COUNTED)
        )
        row = connection.execute(question).fetchone()
        counted[name] = row[0] if row else 0
    return counted
