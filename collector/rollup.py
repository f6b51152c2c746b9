"""Keep what rankings read up to date: days whose facts changed are added up again, then their months and periods.

A delivery only notes which days it touched; this does the work, in small steps, one process at a time. Late data costs
what it touches and no more.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from agent.contract.standards import Target
from collector import absences, policies, policy, readiness, slots
from collector.absences import Heard, Silence
from collector.readiness import Judged
from collector.settings import PolicySettings
from collector.slots import Calendar, LineTest
from collector.store import findings, rollups, schools, verdicts
from collector.store.database import MINISTRY, Connection, Database
from collector.store.rollups import Rollup, SchoolDay
from collector.store.schools import SchoolRecord

_AT_ONCE = 400  # days: about half a second of work in one transaction
_LOCK = 0x726F6C6C  # "roll": one process adds up at a time
_SILENT = timedelta(minutes=30)  # a country's computers report many times a minute
_FEW = 20  # days: at most a tenth of a second's work before an answer


class Held(Struct, frozen=True):
    """What a school's days are held against."""

    calendar: Calendar
    target: Target


class Calendars:
    """When each school has lessons: by the settings file alone, or with what the policies of a database change."""

    def __init__(self, base: PolicySettings) -> None:
        self._base = base

    def at(self, connection: Connection) -> Callable[[SchoolRecord], Calendar]:
        """Return the calendar that holds at a school today."""
        held = self.held(connection)
        return lambda school: held(school).calendar

    def held(self, connection: Connection) -> Callable[[SchoolRecord], Held]:
        """Return what holds at a school today, its target with it."""
        book = policies.book(connection, self._base)

        def of(school: SchoolRecord) -> Held:
            settings = book.of(school)
            return Held(calendar_of(settings), policy.target_of(school, settings))

        return of


def calendars_of(settings: PolicySettings) -> Calendars:
    """Return the calendars of all schools under the settings file's policy and what is changed in it."""
    return Calendars(settings)


@lru_cache(maxsize=1_000)
def calendar_of(settings: PolicySettings) -> Calendar:
    """Return the calendar that a policy sets."""
    return Calendar(ZoneInfo(settings.time_zone), policy.timetable_of(settings), settings.slot_minutes)


def catch_up(database: Database, calendars: Calendars) -> None:
    """Add up the few days that wait, so that what was just stored is seen; many are left to the job."""
    with database.reading(MINISTRY) as connection:
        count = rollups.few_waiting(connection, _FEW + 1)
    if 0 < count <= _FEW:
        run(database, calendars)


def run(database: Database, calendars: Calendars, *, within_s: float | None = None) -> int:
    """Add up all days that wait, or as many as the time allows; return how many there were.

    Each step is one transaction: a crash loses no day, and half a step is never seen.
    """
    ends = None if within_s is None else time.monotonic() + within_s
    total = 0
    while ends is None or time.monotonic() < ends:
        with database.owning() as connection:
            connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
            count = step(connection, calendars)
        total += count
        if count < _AT_ONCE:
            break
    return total


def step(connection: Connection, calendars: Calendars, most: int = _AT_ONCE) -> int:
    """Add up the days that wait longest, and judge their periods; return how many waited."""
    dirty = rollups.waiting(connection, most)
    if not dirty:
        return 0
    known = {one.school_id: one for one in schools.schools_by_id(connection, sorted({one.school_id for one in dirty}))}
    wanted = sorted({(one.school_id, one.day) for one in dirty if one.school_id in known})
    of_school = calendars.held(connection)
    held = {school_id: of_school(known[school_id]) for school_id, _ in wanted}
    _add_up_days(connection, wanted, known, held)
    add_up_periods(connection, wanted, known, held)
    findings.mark(connection, {(school_id, label) for school_id, day in wanted for label in labels_of(day)})
    _mark_verdicts(connection, wanted, held)
    rollups.done(connection, dirty)
    return len(dirty)


def _mark_verdicts(connection: Connection, wanted: Iterable[SchoolDay], held: Mapping[str, Held]) -> None:
    """Have months judged again of which days changed: soon where they are over, else once a day."""
    now = datetime.now(UTC)
    by_due: dict[datetime, list[tuple[str, str]]] = defaultdict(list)
    for school_id, day in wanted:
        month = f"{day:%Y-%m}"
        by_due[verdicts.when_due(month, now, held[school_id].calendar.zone)].append((school_id, month))
    for due, months in by_due.items():
        verdicts.mark(connection, months, now, due)


def _add_up_days(
    connection: Connection, wanted: Sequence[SchoolDay], known: Mapping[str, SchoolRecord], held: Mapping[str, Held]
) -> None:
    spans = {one: held[one[0]].calendar.bounds(one[1]) for one in wanted}
    by_day: dict[SchoolDay, list[LineTest]] = defaultdict(list)
    marks: dict[str, bool] = {}
    for school_id, synthetic, test in rollups.tests_between(
        connection, [(one[0], *span) for one, span in spans.items()]
    ):
        by_day[school_id, test.at.astimezone(held[school_id].calendar.zone).date()].append(test)
        marks[school_id] = synthetic
    now = datetime.now(UTC)
    over = {one: span for one, span in spans.items() if span[1] <= now}
    absent = _absences(connection, over, by_day, held, now)
    rows = []
    for school_id, day in wanted:
        school, tests = known[school_id], by_day[school_id, day]
        synthetic = marks.get(school_id, school.synthetic)
        made = of_day(school, day, tests, held[school_id], synthetic=synthetic) if tests else []
        rows += with_absences(made, school, day, absent.get((school_id, day), {}))
    rollups.replace_days(connection, wanted, rows)


def with_absences(made: list[Rollup], school: SchoolRecord, day: date, missed: dict[str, int]) -> list[Rollup]:
    """Return a day's rows with why half hours were not measured; a day without a test has a row only for that."""
    if missed and not made:
        made = [_untested(school, day)]
    for row in made:
        if row.voice == "any":
            row.figures.absences = missed
    return made


def _untested(school: SchoolRecord, day: date) -> Rollup:
    return Rollup(
        school_id=school.school_id,
        begins=day,
        voice="any",
        operator="",
        region_id=school.region_id,
        synthetic=school.synthetic,
        figures=slots.Figures(),
    )


def _absences(
    connection: Connection,
    over: Mapping[SchoolDay, tuple[datetime, datetime]],
    tests: Mapping[SchoolDay, Sequence[LineTest]],
    held: Mapping[str, Held],
    now: datetime,
) -> dict[SchoolDay, dict[str, int]]:
    """Count, for days that are over, the half hours of lessons that were not measured, by why."""
    by_span: dict[tuple[str, datetime], list[Heard]] = defaultdict(list)
    for school_id, begins, heard in rollups.heard_between(connection, [(one[0], *span) for one, span in over.items()]):
        by_span[school_id, begins].append(heard)
    silent: dict[tuple[datetime, datetime], list[Silence]] = {}
    found = {}
    for (school_id, day), span in over.items():
        if span not in silent:
            silent[span] = rollups.silences(connection, *span, longest=_SILENT)
        calendar = held[school_id].calendar
        measured = frozenset(calendar.slot_of(one.at) for one in tests.get((school_id, day), ()))
        found[school_id, day] = absences.of_day(
            day, by_span[school_id, span[0]], measured, calendar, now=now, collector_silences=silent[span]
        )
    return found


def mark_yesterday(database: Database, zone: ZoneInfo) -> None:
    """Have yesterday looked at once more, for what was not measured and why."""
    yesterday = datetime.now(zone).date() - timedelta(days=1)
    with database.owning() as connection:
        rollups.mark_day(connection, yesterday)


def of_day(school: SchoolRecord, day: date, tests: Sequence[LineTest], held: Held, *, synthetic: bool) -> list[Rollup]:
    """Return the rows of a school's day: one of all its tests, one for each operator in whose time some were made."""
    voices: list[tuple[str, str, Sequence[LineTest]]] = [("any", "", tests)]
    by_operator: dict[str, list[LineTest]] = defaultdict(list)
    for one in tests:
        by_operator[one.operator].append(one)
    voices += [("cable", operator, members) for operator, members in sorted(by_operator.items())]
    return [
        Rollup(
            school_id=school.school_id,
            begins=day,
            voice=voice,
            operator=operator,
            region_id=members[-1].region_id,
            synthetic=synthetic,
            figures=slots.of_day(members, held.calendar, held.target, cabled=voice == "cable"),
        )
        for voice, operator, members in voices
    ]


def add_up_periods(
    connection: Connection, days: Iterable[SchoolDay], known: Mapping[str, SchoolRecord], held: Mapping[str, Held]
) -> None:
    """Add up the months of these days, and judge their months, quarters and years."""
    touched = list(days)
    months = sorted({(school_id, day.replace(day=1)) for school_id, day in touched})
    rollups.replace_months(connection, months, of_months(rollups.days_of_months(connection, months)))
    years = sorted({(school_id, day.replace(month=1, day=1)) for school_id, day in touched})
    by_school: dict[str, list[Rollup]] = defaultdict(list)
    for row in rollups.months_of_years(connection, years):
        by_school[row.school_id].append(row)
    labels = sorted({(school_id, label) for school_id, day in touched for label in labels_of(day)})
    judged = [
        row
        for school_id, label in labels
        for row in judged_rows(known[school_id], label, by_school[school_id], held[school_id].target)
    ]
    rollups.replace_periods(connection, labels, judged)
    rollups.changed(connection, Counter(label for _, label in labels))


def labels_of(day: date) -> tuple[str, str, str]:
    """Return the periods that a day lies in: its month, quarter and year."""
    return f"{day.year}-{day.month:02d}", f"{day.year}-Q{(day.month + 2) // 3}", f"{day.year}"


def judged_rows(school: SchoolRecord, label: str, months: Sequence[Rollup], target: Target) -> list[dict[str, Any]]:
    """Return the rows of school_period for a period: the whole school, and each operator's part of it."""
    inside = [one for one in months if label in labels_of(one.begins)]
    if not inside:
        return []
    any_voice = slots.added(one.figures for one in inside if one.voice == "any")
    cable = slots.added(one.figures for one in inside if one.voice == "cable")
    found = [_judged(school, label, "", inside, readiness.judge(any_voice, cable, target, connected=school.connected))]
    for operator in sorted({one.operator for one in inside if one.operator}):
        own = [one for one in inside if one.operator == operator]
        figures = slots.added(one.figures for one in own)
        found.append(_judged(school, label, operator, own, readiness.judge(figures, figures, target)))
    return found


def _judged(school: SchoolRecord, label: str, operator: str, rows: Sequence[Rollup], judged: Judged) -> dict[str, Any]:
    newest = max(rows, key=lambda row: row.begins)
    absences = slots.added(one.figures for one in rows if one.voice == "any").absences
    return msgspec.structs.asdict(judged) | {
        "school_id": school.school_id,
        "period": label,
        "operator": operator,
        "region_id": newest.region_id,
        "district": school.district,
        "connectivity_type": school.connectivity_type,
        "synthetic": newest.synthetic,
        "pupils": school.pupils,
        "absences": absences,
    }


def of_months(days: Sequence[Rollup]) -> list[Rollup]:
    """Add up days to their months, for each school, voice and operator."""
    groups: dict[tuple[str, date, str, str], list[Rollup]] = defaultdict(list)
    for row in days:
        groups[row.school_id, row.begins.replace(day=1), row.voice, row.operator].append(row)
    return [
        Rollup(
            school_id=school_id,
            begins=begins,
            voice=voice,
            operator=operator,
            region_id=members[-1].region_id,
            synthetic=any(one.synthetic for one in members),
            figures=slots.added(one.figures for one in members),
        )
        for (school_id, begins, voice, operator), members in groups.items()
    ]
