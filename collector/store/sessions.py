"""What was measured in the sessions of a school's computers, as its agents sent it."""

from datetime import datetime

from msgspec import Struct
from psycopg.rows import kwargs_row

from collector.periods import Period
from collector.store.database import Connection
from collector.store.questions import sql

NEWEST_SESSIONS = 24  # of each computer: some working days, which is what repeats and days ask for


class StoredMeasurement(Struct, frozen=True, kw_only=True):
    """One measurement of a session; ``body`` is its JSON, ``room`` null where the viewer may not know it."""

    agent_id: str
    sequence: int
    room: str | None
    measured_at: datetime
    body: str


class TestMark(Struct, frozen=True, kw_only=True):
    """How many speed tests of a school there are, and when the newest was."""

    school_id: str
    tests: int
    newest: datetime


def of_school(connection: Connection, school_id: str, period: Period) -> list[StoredMeasurement]:
    """Return what the computers of a school measured in their newest sessions of the period, session by session."""
    asked = {"school_id": school_id, "start": period.start, "end": period.end, "sessions": NEWEST_SESSIONS}
    with connection.cursor(row_factory=kwargs_row(StoredMeasurement)) as cursor:
        return cursor.execute(sql("sessions_of_school"), asked).fetchall()


def marks(connection: Connection, period: Period) -> dict[str, TestMark]:
    """Return for each school with speed tests in the period by what to notice that there are new ones."""
    with connection.cursor(row_factory=kwargs_row(TestMark)) as cursor:
        found = cursor.execute(sql("tests_by_school"), {"start": period.start, "end": period.end}).fetchall()
    return {one.school_id: one for one in found}


def viewer(connection: Connection) -> tuple[str, ...]:
    """Return who is asking and which database answers."""
    row = connection.execute(sql("viewer")).fetchone() or ()
    return tuple(str(part) for part in row)
