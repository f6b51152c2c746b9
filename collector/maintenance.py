"""Partitions of the growing tables: made before they are needed, taken out when retention says so. Run daily.

The job is safe to repeat and to cut off: each step is a transaction of its own, and none waits long for a lock, so that
deliveries are never held up; what could not be done today is done tomorrow.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

import psycopg
from msgspec import Struct

from collector.errors import DatabaseError
from collector.settings import Settings, StoreSettings
from collector.store import jobs, leases, notices, partitions, records, test_orders
from collector.store.database import Database
from collector.store.partitions import Partition, Table

MONTHS_AHEAD = 3
GROWING = tuple(Table(name, "received_at", "month") for name in ("report", "measurement", "speed_test", "sighting"))
_DAYS = Table("school_day", "day", "year")
# Months found outside of every partition: an old database moved here, or a clock that was years off. Each gets its own.
_MOST_FOUND = 240
# Turns are decided by the last day; what people ask about a lease or an order they ask within weeks.
_LEASES_KEPT = timedelta(days=92)
# Whether a message reached its subscriber is asked within weeks; what was told stays with the event.
_DELIVERIES_KEPT = timedelta(days=90)
_LOCK = "partitions"

_log = logging.getLogger(__name__)


class Done(Struct, frozen=True):
    """What was done, by the names of tables.

    ``found``: how many rows had no partition of their own time; ``forgotten``: old leases and orders that were removed,
    ``deliveries``: old messages, ``expired``: test servers' records and notices that are as old as deleted reports.
    """

    made: Sequence[str] = ()
    found: int = 0
    detached: Sequence[str] = ()
    dropped: Sequence[str] = ()
    forgotten: int = 0
    deliveries: int = 0
    expired: int = 0

    def sentences(self) -> Iterator[str]:
        """Say what was done and what somebody should know."""
        if self.made:
            yield f"partitions made: {', '.join(self.made)}"
        if self.found:
            yield (
                f"rows outside of every partition: {self.found}, moved into their own; maintenance did not run in time,"
                " or this computer's clock was far off when they came"
            )
        if self.detached:
            yield f"older than [store] keep_months, and out of sight now: {', '.join(self.detached)}"
        if self.dropped:
            yield f"deleted: {', '.join(self.dropped)}"
        if self.forgotten:
            yield f"leases and orders older than {_LEASES_KEPT.days} days, deleted: {self.forgotten}"
        if self.deliveries:
            yield f"notices' messages older than {_DELIVERIES_KEPT.days} days, deleted: {self.deliveries}"
        if self.expired:
            yield f"test servers' records and notices older than [store] keep_months, deleted: {self.expired}"


def run(database: Database, settings: Settings) -> None:
    """Do what is due, and log it."""
    done = maintain(database, settings.store, datetime.now(UTC))
    for sentence in done.sentences() if done else ():
        _log.info("%s", sentence)


def maintain(database: Database, settings: StoreSettings, now: datetime) -> Done | None:
    """Make the partitions that will be needed and take out the old ones; None where another process is at it.

    Raises:
        DatabaseError: a table was in use for too long, or the database cannot be used; it is tried again tomorrow.
    """
    with jobs.alone(database, _LOCK) as lock:
        if lock is None:
            return None
        try:
            made, found = _make(database, now)
            detached, dropped = _retire(database, settings, now)
            with database.owning() as connection:
                forgotten = leases.forget_old(connection, now - _LEASES_KEPT)
                forgotten += test_orders.forget_old(connection, now - _LEASES_KEPT)
                deliveries = notices.forget_deliveries(connection, now - _DELIVERIES_KEPT)
            expired = _expire(database, settings, now)
        except psycopg.Error as error:
            raise DatabaseError(f"partitions could not be made or taken out: {error}") from error
        return Done(made, found, detached, dropped, forgotten, deliveries, expired)


def _make(database: Database, now: datetime) -> tuple[list[str], int]:
    made: list[str] = []
    found = 0
    for table in (*GROWING, _DAYS):
        with database.owning() as connection:
            present = {one.begins for one in partitions.attached(connection, table)}
            strays = partitions.strays(connection, table, _MOST_FOUND)
        for begins in sorted({*_due(table, now), *strays} - present):
            with database.owning() as connection:
                found += partitions.make(connection, Partition(table, begins))
            made.append(Partition(table, begins).name)
    return made, found


def _due(table: Table, now: datetime) -> list[date]:
    """Return when the partitions begin that have to be there: the current month and those ahead; years one each way."""
    today = now.astimezone(UTC).date()
    if table.span == "year":
        return [date(today.year + offset, 1, 1) for offset in (-1, 0, 1)]
    return [_month(today, offset) for offset in range(MONTHS_AHEAD + 1)]


def _retire(database: Database, settings: StoreSettings, now: datetime) -> tuple[list[str], list[str]]:
    oldest_kept = settings.kept_from(now)
    if oldest_kept is None:
        return [], []
    detached: list[str] = []
    dropped: list[str] = []
    for table in GROWING:
        with database.owning() as connection:
            old = [one for one in partitions.attached(connection, table) if one.begins < oldest_kept]
        for one in old:
            with database.owning() as connection:
                partitions.detach(connection, one)
            detached.append(one.name)
        if settings.drop_old:
            with database.owning() as connection:
                loose = [one for one in partitions.detached(connection, table) if one.begins < oldest_kept]
                for one in loose:
                    partitions.drop(connection, one)
            dropped += [one.name for one in loose]
    return detached, dropped


def _expire(database: Database, settings: StoreSettings, now: datetime) -> int:
    """Delete what goes with reports that are deleted, and has no partitions; return how many rows."""
    oldest_kept = settings.kept_from(now)
    if oldest_kept is None or not settings.drop_old:
        return 0
    before = datetime.combine(oldest_kept, time(), UTC)
    count = 0
    for forget in (records.forget_old, records.forget_reported, notices.forget_events):
        with database.owning() as connection:
            count += forget(connection, before)
    return count


def _month(day: date, offset: int) -> date:
    months = day.year * 12 + day.month - 1 + offset
    return date(months // 12, months % 12 + 1, 1)
