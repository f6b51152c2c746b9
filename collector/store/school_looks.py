"""What a school's pages show beside its answer: single tests, looks at platforms, what became of tests asked for."""

from datetime import datetime

from msgspec import Struct
from psycopg.rows import kwargs_row

from collector.periods import Period
from collector.store.database import Connection
from collector.store.questions import sql


class TestsAsked(Struct, frozen=True, kw_only=True):
    """Which tests are asked for; null: all. ``medium`` may be "unknown"."""

    room: str | None = None
    medium: str | None = None
    disturbed: bool | None = None
    limit: int = 50
    offset: int = 0


class ListedTest(Struct, frozen=True, kw_only=True):
    """One speed test; ``room`` null where nobody said or the viewer may not know, ``stop`` where not measured."""

    agent_id: str
    measured_at: datetime
    room: str | None
    server: str
    purpose: str
    download_bps: float | None
    download_low_bps: float | None
    download_at_least: bool
    upload_bps: float | None
    upload_low_bps: float | None
    upload_at_least: bool
    rtt_idle_ms: float | None
    tainted: list[str]
    medium: str | None
    link_speed_bps: float | None
    synthetic: bool
    total: int
    download_stop: str | None
    upload_stop: str | None


class ServicesLook(Struct, frozen=True, kw_only=True):
    """One look at platforms and cameras; ``body`` is its JSON."""

    measured_at: datetime
    body: str


class Followed(Struct, frozen=True, kw_only=True):
    """A test that was asked of one computer, its turn, and what came of it; null: not yet, or nobody knows."""

    agent_id: str
    order_id: str
    kind: str
    author: str
    at: datetime
    until: datetime
    done_at: datetime | None
    room: str | None
    granted_at: datetime | None
    starts_at: datetime | None
    ends_at: datetime | None
    released_at: datetime | None
    measured_at: datetime | None
    download_bps: float | None
    upload_bps: float | None
    failure: str | None


def tests(connection: Connection, school_id: str, period: Period, asked: TestsAsked) -> list[ListedTest]:
    """Return a school's tests; each knows how many there are in all."""
    parameters = {
        "school_id": school_id,
        "start": period.start,
        "end": period.end,
        "room": asked.room,
        "medium": asked.medium,
        "disturbed": asked.disturbed,
        "limit": asked.limit,
        "offset": asked.offset,
    }
    with connection.cursor(row_factory=kwargs_row(ListedTest)) as cursor:
        return cursor.execute(sql("tests_listed"), parameters).fetchall()


def services(connection: Connection, school_id: str, period: Period, most: int = 60) -> list[ServicesLook]:
    """Return the newest looks at platforms and cameras."""
    parameters = {"school_id": school_id, "start": period.start, "end": period.end, "limit": most}
    with connection.cursor(row_factory=kwargs_row(ServicesLook)) as cursor:
        return cursor.execute(sql("services_looked_at"), parameters).fetchall()


def orders_followed(connection: Connection, school_id: str, since: datetime) -> list[Followed]:
    """Return what became of the tests that were asked of a school's computers since, the newest first."""
    with connection.cursor(row_factory=kwargs_row(Followed)) as cursor:
        return cursor.execute(sql("test_orders_followed"), {"school_id": school_id, "since": since}).fetchall()
