"""What goes out to the public and to Giga: judged schools of a period, and single tests."""

from collections.abc import Iterator
from datetime import date, datetime

from msgspec import Struct
from psycopg.rows import kwargs_row

from collector.periods import Period
from collector.store.database import Connection
from collector.store.questions import sql

_PAGE = 2_000


class OpenSchool(Struct, frozen=True, kw_only=True):
    """A real school and how it was judged in a period; all but the registry's columns null where it was not."""

    school_id: str
    name: str
    region_id: str
    district: str | None
    latitude: float | None
    longitude: float | None
    pupils: int | None
    connectivity_type: str | None
    connected: bool | None
    closed_on: date | None
    state: str | None
    meets: bool | None
    computers: int
    days: int | None
    slots: int | None
    slots_met: int | None
    slots_missed: int | None
    share: float | None
    share_low: float | None
    share_high: float | None
    download_p25_bps: float | None
    download_bps: float | None
    download_p95_bps: float | None
    upload_p25_bps: float | None
    upload_bps: float | None
    upload_p95_bps: float | None
    download_at_least_bps: float | None
    upload_at_least_bps: float | None
    required_download_bps: float | None
    required_upload_bps: float | None
    missing_download_bps: float | None


class SingleTest(Struct, frozen=True, kw_only=True):
    """A speed test and its report; rates are of the application's bytes, null where only a lower bound is known."""

    measured_at: datetime
    received_at: datetime
    school_id: str
    payload_sha256: bytes
    trigger: str
    software: str
    position: int
    giga_id_school: str | None
    engine: str
    server: str
    rtt_idle_ms: float | None
    tainted: list[str]
    download_bps: float | None
    upload_bps: float | None
    data_downloaded: int | None
    data_uploaded: int | None


def open_schools(connection: Connection, period: Period) -> list[OpenSchool]:
    """Return the real schools of a period, in the order of their ids."""
    parameters = {"period": period.label, "start": period.start.date()}
    with connection.cursor(row_factory=kwargs_row(OpenSchool)) as cursor:
        return cursor.execute(sql("open_schools"), parameters).fetchall()


def single_tests(connection: Connection, period: Period) -> Iterator[SingleTest]:
    """Give a period's tests of real schools, a page at a time: there may be millions."""
    with connection.cursor(name="single_tests", row_factory=kwargs_row(SingleTest)) as cursor:
        cursor.itersize = _PAGE
        yield from cursor.execute(sql("single_tests"), {"start": period.start, "end": period.end})
