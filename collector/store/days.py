"""A school's time: its measured days with their figures, and its months as they were judged."""

from collections.abc import Iterator
from datetime import date

from msgspec import Struct
from psycopg.rows import kwargs_row

from collector.store.database import Connection
from collector.store.questions import sql


class SchoolDay(Struct, frozen=True, kw_only=True):
    """A day on which a school was measured or should have been.

    ``slots`` are half hours of lessons with a test; in ``slots_met`` the target was reached, in ``slots_missed`` not,
    the others leave it open. A mean is of those half hours in which a speed was bounded; null without one. ``absences``
    counts the half hours without a test by why.
    """

    day: date
    region_id: str
    tests: int
    undisturbed: int
    slots: int
    slots_met: int
    slots_missed: int
    download_mean_bps: float | None
    upload_mean_bps: float | None
    absences: dict[str, int]


class SchoolMonth(Struct, frozen=True, kw_only=True):
    """A month as it was judged; its fields are described at ``collector.readiness.Readiness``."""

    period: str
    region_id: str
    tests: int
    computers: int
    days: int
    slots: int
    slots_met: int
    slots_missed: int
    share: float | None
    share_low: float | None
    share_high: float | None
    download_bps: float | None
    download_at_least_bps: float | None
    upload_bps: float | None
    upload_at_least_bps: float | None
    meets: bool | None
    state: str
    reason: str
    absences: dict[str, int]


class History(Struct, frozen=True):
    """What was measured of a school, day by day, and what its months say."""

    days: list[SchoolDay]
    months: list[SchoolMonth]


def history(connection: Connection, school_id: str, begins: date, ends: date) -> History:
    """Return a school's days from one (included) to another (not), and the months they lie in, the oldest first."""
    span = {"school_id": school_id, "begins": begins, "ends": ends}
    labels = {"school_id": school_id, "periods": list(_months(begins, ends))}
    # A school's days lie on as many pages of the disk. Planned as few, they would be fetched one after the other; this
    # way they are read ahead together, which takes half the time.
    connection.execute("select set_config('enable_indexscan', 'off', true)")
    with connection.cursor(row_factory=kwargs_row(SchoolDay)) as cursor:
        found = cursor.execute(sql("days_of_school"), span).fetchall()
    connection.execute("select set_config('enable_indexscan', 'on', true)")
    with connection.cursor(row_factory=kwargs_row(SchoolMonth)) as cursor:
        return History(found, cursor.execute(sql("months_of_school"), labels).fetchall())


def _months(begins: date, ends: date) -> Iterator[str]:
    month = begins.replace(day=1)
    while month < ends:
        yield f"{month:%Y-%m}"
        month = date(month.year + month.month // 12, month.month % 12 + 1, 1)
