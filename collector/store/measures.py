"""What the database knows about itself, its jobs and the fleet, for /metrics; asked by the owner, who sees all."""

from msgspec import Struct
from psycopg import sql as compose

from collector.store import jobs
from collector.store.database import Connection
from collector.store.questions import sql

_MOST_COUNTED = 10_000


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
