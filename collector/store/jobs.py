"""The record of jobs that run beside the answers, and the lock that lets each run in one process at a time.

The lock is PostgreSQL's (session-level, so a pooler that shares sessions must not stand between): it ends with the
connection of whoever held it, however that process ended, and another takes over.
"""

import contextlib
import zlib
from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from msgspec import Struct
from psycopg.rows import kwargs_row

from collector.store.database import Connection, Database
from collector.store.questions import sql

_CLASS = 0x6E6A6F62  # "njob"

Outcome = Literal["done", "failed"]


class JobRecord(Struct, frozen=True, kw_only=True):
    """What is known of a job: its newest run, its newest success and how often it ran. ``duration_s`` is in seconds."""

    name: str
    started_at: datetime
    run_by: str
    duration_s: float | None
    outcome: Outcome | None
    error: str | None
    succeeded_at: datetime | None
    runs: int
    failures: int


@contextlib.contextmanager
def alone(database: Database, name: str) -> Iterator[Connection | None]:
    """Give a connection while nobody else runs the job, or None where somebody does."""
    with database.owning() as connection:
        connection.autocommit = True  # a transaction held open for the length of a job would keep old rows alive
        row = connection.execute(
            sql("try_job_lock"), {"class": _CLASS, "key": zlib.crc32(name.encode()) - 2**31}
        ).fetchone()
        yield connection if row is not None and row[0] else None


def begin(connection: Connection, name: str, *, every_s: float, run_by: str) -> bool:
    """Note that a job begins if its time has come (by the database's clock); tell whether it has."""
    parameters = {"name": name, "every_s": every_s, "run_by": run_by}
    return connection.execute(sql("begin_job"), parameters).fetchone() is not None


def end(connection: Connection, name: str, *, duration_s: float, error: str | None) -> None:
    """Note how a job ended; ``error`` is the sentence of one that failed."""
    connection.execute(sql("end_job"), {"name": name, "duration_s": duration_s, "error": error})


def jobs(connection: Connection) -> list[JobRecord]:
    """Return what is known of every job that ever ran, by name."""
    with connection.cursor(row_factory=kwargs_row(JobRecord)) as cursor:
        return cursor.execute(sql("jobs")).fetchall()
