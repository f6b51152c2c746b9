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


def of_school(connection: Connection, school_id: str, period: Period) -> list[StoredMeasurement]:
    """Return what the computers of a school measured in their newest sessions of the period, session by session."""
    asked = {"school_id": school_id, "start": period.start, "end": period.end, "sessions": NEWEST_SESSIONS}
    with connection.cursor(row_factory=kwargs_row(StoredMeasurement)) as cursor:
        return cursor.execute(sql("sessions_of_school"), asked).fetchall()
