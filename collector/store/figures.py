"""Figures over stored tests: typical results per computer, and the tests behind them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from psycopg.rows import kwargs_row
from psycopg.sql import SQL

from collector.periods import Period
from collector.store.database import Connection
from collector.store.questions import sql

# Above every line and below half of 1e13, which "unlimited" counts as: with as many tests open as bounded, the
# median is the middle of the two.
_HALF_ARE_OPEN_BPS = 1e12


class ComputerFigures(Struct, frozen=True, kw_only=True):
    """One computer's undisturbed tests in a period; ``tests`` counts the disturbed ones too.

    The plain rates are medians of the tests with an upper bound, which ``bounded_tests`` counts. ``proven``: at least
    half of the tests reached it, with the others (paced, or too short) as lower bounds. ``possible``: half leave it
    open, those as unlimited.
    """

    school_id: str
    agent_id: str
    tests: int
    download_tests: int
    download_bounded_tests: int
    download_bps: float | None
    download_proven_bps: float | None
    download_possible_bps: float | None
    upload_tests: int
    upload_bounded_tests: int
    upload_bps: float | None
    upload_proven_bps: float | None
    upload_possible_bps: float | None

    def download(self) -> "DirectionFigures | None":
        """Return the download's figures, or None if it was never measured undisturbed."""
        rates = (self.download_bps, self.download_proven_bps, self.download_possible_bps)
        return _direction(self.download_tests, self.download_bounded_tests, *rates)

    def upload(self) -> "DirectionFigures | None":
        """Return the upload's figures, or None if it was never measured undisturbed."""
        rates = (self.upload_bps, self.upload_proven_bps, self.upload_possible_bps)
        return _direction(self.upload_tests, self.upload_bounded_tests, *rates)


class DirectionFigures(Struct, frozen=True, kw_only=True):
    """One computer's figures in one direction.

    ``typical_bps`` is never made of lower bounds: null where no test had an upper bound, or where those that had one
    are the slow exceptions among paced tests that mostly proved more. ``at_least_bps`` is what is known instead.
    """

    tests: int
    bounded_tests: int
    typical_bps: float | None
    proven_bps: float
    possible_bps: float

    @property
    def at_least_bps(self) -> float | None:
        """What at least half of the tests proved; null where a typical speed says more, or where they prove nothing."""
        return self.proven_bps if self.typical_bps is None and self.proven_bps > 0 else None


def best(computers: Iterable[DirectionFigures | None], enough: int) -> DirectionFigures | None:
    """Return the best-placed computer; one with too few tests speaks only where no other has enough."""
    measured = [one for one in computers if one is not None]
    trusted = [one for one in measured if one.tests >= enough]
    return max(trusted or measured, key=lambda one: max(one.proven_bps, one.typical_bps or 0.0), default=None)


def _direction(
    tests: int, bounded_tests: int, median: float | None, proven: float | None, possible: float | None
) -> DirectionFigures | None:
    if proven is None or possible is None:
        return None
    # Half of the tests or more were held back by their pace at more than the others reached: those others are dips.
    are_exceptions = median is not None and median < proven and possible > _HALF_ARE_OPEN_BPS
    return DirectionFigures(
        tests=tests,
        bounded_tests=bounded_tests,
        typical_bps=None if are_exceptions else median,
        proven_bps=proven,
        possible_bps=possible,
    )


class StoredTest(Struct, frozen=True, kw_only=True):
    """One stored speed test; rates at the IP layer."""

    agent_id: str
    sequence: int
    position: int
    measured_at: datetime
    engine: str
    server: str
    purpose: str
    download_bps: float | None
    download_low_bps: float | None
    download_high_bps: float | None
    download_at_least: bool
    upload_bps: float | None
    upload_low_bps: float | None
    upload_high_bps: float | None
    upload_at_least: bool
    rtt_idle_ms: float | None
    tainted: list[str]
    medium: str | None
    link_speed_bps: float | None
    synthetic: bool


class StoredFailure(Struct, frozen=True, kw_only=True):
    """A probe that failed or could not run."""

    agent_id: str
    sequence: int
    position: int
    measured_at: datetime
    kind: str
    probe: str | None
    failure: str | None
    detail: str | None


def computers_in_period(
    connection: Connection, period: Period, school_id: str | None = None, *, cabled: bool = False
) -> list[ComputerFigures]:
    """Return typical results of every computer that tested in the period; ``cabled``: those surely over a cable."""
    return figures_of(connection, "tests_in_period", _window(period, school_id) | {"cabled": cabled})


def line_tests_in_period(
    connection: Connection, period: Period, level: float, school_id: str | None = None
) -> list[ComputerFigures]:
    """Return typical results of the tests that may speak for a contracted line; ``level`` is 1 - tolerance."""
    return figures_of(connection, "line_tests_in_period", _window(period, school_id) | {"level": level})


def figures_of(connection: Connection, tests: str, parameters: Mapping[str, object]) -> list[ComputerFigures]:
    """Return typical results of every computer, of the tests that this question chooses."""
    question = SQL(sql("computers_in_period")).format(tests=SQL(sql(tests)))
    with connection.cursor(row_factory=kwargs_row(ComputerFigures)) as cursor:
        return cursor.execute(question, parameters).fetchall()


def school_tests(connection: Connection, school_id: str, period: Period, limit: int = 200) -> list[StoredTest]:
    """Return a school's speed tests in the period, newest first."""
    with connection.cursor(row_factory=kwargs_row(StoredTest)) as cursor:
        return cursor.execute(sql("school_tests"), _window(period, school_id) | {"limit": limit}).fetchall()


def school_failures(connection: Connection, school_id: str, period: Period, limit: int = 200) -> list[StoredFailure]:
    """Return what failed or could not run at a school in the period, newest first."""
    with connection.cursor(row_factory=kwargs_row(StoredFailure)) as cursor:
        return cursor.execute(sql("school_failures"), _window(period, school_id) | {"limit": limit}).fetchall()


def _window(period: Period, school_id: str | None) -> dict[str, Any]:
    return {"start": period.start, "end": period.end, "school_id": school_id}
