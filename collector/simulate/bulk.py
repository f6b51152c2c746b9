"""What a simulated country's sessions come to, straight into the tables that rankings read: no reports, no computers.

The same sessions and the same pure functions as on the long way of signed reports, so that a country's year is there in
minutes. Nothing stands behind these figures: a day that is added up again, as when a policy changes, finds no test and
goes.
"""

import functools
import multiprocessing
import os
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from datetime import date, timedelta
from typing import Any

from msgspec import Struct

from agent.contract.report import Report
from collector import absences, rollup
from collector.absences import Heard, Silence
from collector.errors import SimulationError
from collector.rollup import Calendars, Held
from collector.simulate import rooms
from collector.simulate.computers import Computer, Plan, computers
from collector.simulate.country import Site, sites
from collector.simulate.sending import Progress, keep_country
from collector.simulate.sessions import Session, link_speed_bps, sessions
from collector.slots import Calendar, LineTest
from collector.store import filling, partitions, rollups
from collector.store.database import Connection, Database
from collector.store.filling import Rows
from collector.store.partitions import Partition, Table
from collector.store.questions import sql
from collector.store.rollups import Rollup
from collector.store.schools import SchoolRecord

_SCHOOLS_AT_ONCE = 20  # some seconds of work, some megabytes of rows
_DAYS = Table("school_day", "day", "year")
_LATER = timedelta(days=1)


class Filled(Struct, frozen=True, kw_only=True):
    """What a simulation put in; ``school_days`` are days on which a school was measured."""

    schools: int
    tests: int
    school_days: int
    rows: dict[str, int]


class Added(Struct, frozen=True):
    """Schools' days, their months, and their judged periods as the tables' rows."""

    days: list[Rollup]
    months: list[Rollup]
    periods: list[dict[str, Any]]


class _Written(Struct, frozen=True):
    schools: int
    tests: int
    school_days: int
    labels: set[str]
    rows: list[Rows]


def fill(database: Database, plan: Plan, calendars: Calendars, progress: Progress | None = None) -> Filled:
    """Put a synthetic country and the figures of its schools into the database.

    Raises:
        SimulationError: synthetic schools have figures there already.
    """
    country = sites(plan.schools, plan.seed)
    with database.owning() as connection:
        _refuse_a_second_time(connection, [site.school.school_id for site in country])
    with database.owning() as connection:
        keep_country(connection, country)
    _make_partitions(database, {day.year for day in plan.school_days()})
    counted = Filled(schools=0, tests=0, school_days=0, rows={})
    labels: set[str] = set()
    with database.owning() as connection:
        held = calendars.held(connection)
    for written in _written_by_many(country, plan, held):
        with database.owning() as connection:
            for rows in written.rows:
                filling.fill(connection, rows)
        counted = _with(counted, written)
        labels |= written.labels
        if progress is not None:
            progress(counted.schools, len(country))
    with database.owning() as connection:
        rollups.renew_prior(connection, sorted(labels))
    with database.owning() as connection:
        connection.execute("analyze school, school_day, school_month, school_period")
    return counted


def _refuse_a_second_time(connection: Connection, school_ids: Sequence[str]) -> None:
    row = connection.execute(sql("any_figures_of_schools"), {"schools": list(school_ids)}).fetchone()
    if row is not None:
        raise SimulationError(
            f"the synthetic school {row[0]} has computers or figures already; fill another database (another --data)"
        )


def _make_partitions(database: Database, years: Iterable[int]) -> None:
    with database.owning() as connection:
        there = {one.begins.year for one in partitions.attached(connection, _DAYS)}
        for year in sorted(set(years) - there):
            partitions.make(connection, Partition(_DAYS, date(year, 1, 1)))


def _with(counted: Filled, written: _Written) -> Filled:
    added = {rows.table: counted.rows.get(rows.table, 0) + rows.count for rows in written.rows}
    return Filled(
        schools=counted.schools + written.schools,
        tests=counted.tests + written.tests,
        school_days=counted.school_days + written.school_days,
        rows=counted.rows | added,
    )


def _written_by_many(country: Sequence[Site], plan: Plan, held: Callable[[SchoolRecord], Held]) -> Iterator[_Written]:
    """Add schools up in as many processes as there are processors, and yield them in order."""
    processes = os.cpu_count() or 1
    # Not forked: the database's pools have threads.
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as executor:
        under_way: deque[Future[_Written]] = deque()
        for first in range(0, len(country), _SCHOOLS_AT_ONCE):
            part = [(site, held(site.school)) for site in country[first : first + _SCHOOLS_AT_ONCE]]
            under_way.append(executor.submit(_write, part, plan))
            if len(under_way) > 2 * processes:  # no more than the database takes
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def _write(part: Sequence[tuple[Site, Held]], plan: Plan) -> _Written:
    """Add some schools up and write their rows down; runs in a process of its own."""
    added = [add_up(site, plan, Held(_same(held.calendar), held.target)) for site, held in part]
    # By day, as a country's days come in: a school's year lies on as many pages of the disk.
    days = sorted((row for one in added for row in one.days), key=lambda row: row.begins)
    months = [row for one in added for row in one.months]
    periods = [row for one in added for row in one.periods]
    whole = [row for row in days if row.voice == "any"]
    return _Written(
        schools=len(part),
        tests=sum(row.figures.tests for row in whole),
        school_days=len(whole),
        labels={row["period"] for row in periods},
        rows=[
            filling.written("school_day", [rollups.values(row, begins="day") for row in days]),
            filling.written("school_month", [rollups.values(row, begins="month") for row in months]),
            filling.written("school_period", periods),
        ],
    )


@functools.lru_cache(maxsize=1_000)
def _same(calendar: Calendar) -> Calendar:
    """Return one and the same calendar for equal ones: what it was asked before is then found quickly."""
    return calendar


def add_up(site: Site, plan: Plan, held: Held) -> Added:
    """Add a school's sessions up, just as ``collector.rollup`` does with what is stored of their reports."""
    school = site.school
    known = _known(site, plan)
    by_day: dict[date, list[LineTest]] = defaultdict(list)
    heard: dict[date, list[Heard]] = defaultdict(list)
    for one, test in known:
        day = one.created_at.astimezone(held.calendar.zone).date()
        heard[day].append(one)
        if test is not None:
            by_day[day].append(test)
    days = [row for day in sorted(heard) for row in _rows_of_day(school, day, by_day[day], _around(heard, day), held)]
    months = rollup.of_months(days)
    labels = sorted({label for day in heard for label in rollup.labels_of(day)})
    return Added(
        days, months, [row for label in labels for row in rollup.judged_rows(school, label, months, held.target)]
    )


def _rows_of_day(
    school: SchoolRecord, day: date, tests: list[LineTest], heard: list[Heard], held: Held
) -> list[Rollup]:
    calendar = held.calendar
    made = rollup.of_day(school, day, tests, held, synthetic=school.synthetic) if tests else []
    begins, ends = calendar.bounds(day)
    measured = frozenset(calendar.slot_of(one.at) for one in tests)
    # As with a simulation by the long way: all was delivered afterwards, and nobody was heard meanwhile.
    silences = [Silence(begins, ends)]
    missed = absences.of_day(day, heard, measured, calendar, now=ends + _LATER, collector_silences=silences)
    return rollup.with_absences(made, school, day, missed)


def _around(heard: Mapping[date, list[Heard]], day: date) -> list[Heard]:
    """Return what was heard on a day, the one before and the one after."""
    return [one for offset in (-1, 0, 1) for one in heard.get(day + timedelta(days=offset), ())]


def _known(site: Site, plan: Plan) -> list[tuple[Heard, LineTest | None]]:
    """Return what a school's computers report, as far as it is added up, in the order of time."""
    known: list[tuple[Heard, LineTest | None]] = []
    for computer in computers(site, plan):
        known += [(_heard(computer, session), _test(computer, session)) for session in sessions(computer, plan)]
        known += [(_heard_walking(stop), None) for stop in rooms.walk(computer, plan, 0, None)]
    return sorted(known, key=lambda one: (one[1].at if one[1] else one[0].created_at, one[0].agent_id))


def _test(computer: Computer, session: Session) -> LineTest | None:
    shows = session.shows
    if shows is None:
        return None
    return LineTest(
        agent_id=computer.agent_id,
        at=shows.at,
        region_id=computer.site.school.region_id,
        operator=computer.site.school.operator or "",
        is_cabled=computer.wifi_bps is None,
        link_speed_bps=link_speed_bps(computer),
        tainted=shows.tainted,
        download=shows.download.interval,
        upload=shows.upload.interval,
    )


def _heard(computer: Computer, session: Session) -> Heard:
    return Heard(
        agent_id=computer.agent_id,
        boot_id=session.boot_id,
        monotonic_s=session.monotonic_s,
        created_at=session.ended_at,
        received_at=session.ended_at + _LATER,
        failures=frozenset({session.failure} if session.failure else ()),
        has_answer=session.shows is not None,
    )


def _heard_walking(stop: Report) -> Heard:
    return Heard(
        agent_id=stop.agent,
        boot_id=stop.boot_id,
        monotonic_s=stop.monotonic_s,
        created_at=stop.created_at,
        received_at=stop.created_at + _LATER,
        has_answer=False,
    )
