"""A school's week as half hours of lessons: where its target was reached, where not, and why some were not measured."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Literal

from msgspec import Struct

from agent.contract.standards import Target, judge
from collector import absences, slots
from collector.absences import Absence
from collector.slots import Calendar, LineTest
from collector.store import rollups
from collector.store.database import Connection

Outcome = Literal["met", "missed", "open", "absent", "coming"]
"""``open``: tests left it open; ``absent``: no test says anything of the line; ``coming``: it is not over yet."""
DAYS = 7
_SILENT = timedelta(minutes=30)


class Slot(Struct, frozen=True, kw_only=True):
    """One half hour of lessons. ``why`` is null where it was measured, or where nobody can say."""

    begins: datetime
    outcome: Outcome
    tests: int = 0
    why: Absence | None = None


class Day(Struct, frozen=True):
    """A day with its half hours of lessons in order; none where there is no school."""

    day: date
    slots: tuple[Slot, ...]


class Held(Struct, frozen=True, kw_only=True):
    """What a week is judged by; ``cabled``: only computers surely on a cable speak against the line."""

    calendar: Calendar
    target: Target
    cabled: bool
    now: datetime


def monday_of(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def week(connection: Connection, school_id: str, monday: date, held: Held, *, with_reasons: bool) -> tuple[Day, ...]:
    """Return a week of a school; ``with_reasons``: whoever asks may know when its computers were on."""
    days = [monday + timedelta(days=number) for number in range(DAYS)]
    begins, ends = held.calendar.bounds(days[0])[0], held.calendar.bounds(days[-1])[1]
    tests: dict[date, list[LineTest]] = defaultdict(list)
    for _, _, one in rollups.tests_between(connection, [(school_id, begins, ends)]):
        tests[one.at.astimezone(held.calendar.zone).date()].append(one)
    reasons = _reasons(connection, school_id, days, tests, held) if with_reasons else {}
    return tuple(Day(day, of_day(day, tests[day], held, reasons)) for day in days)


def _reasons(
    connection: Connection, school_id: str, days: Sequence[date], tests: Mapping[date, Sequence[LineTest]], held: Held
) -> dict[datetime, Absence]:
    spans = {day: held.calendar.bounds(day) for day in days}
    over = {day: span for day, span in spans.items() if span[0] < held.now}
    by_begin = defaultdict(list)
    asked = [(school_id, *span) for span in over.values()]
    for _, begins, heard in rollups.heard_between(connection, asked) if asked else ():
        by_begin[begins].append(heard)
    found: dict[datetime, Absence] = {}
    for day, (begins, ends) in over.items():
        measured = frozenset(held.calendar.slot_of(one.at) for one in tests.get(day, ()))
        silent = rollups.silences(connection, begins, min(ends, held.now), longest=_SILENT)
        found |= absences.by_slot(
            day, by_begin[begins], measured, held.calendar, now=held.now, collector_silences=silent
        )
    return found


def of_day(
    day: date, tests: Sequence[LineTest], held: Held, reasons: Mapping[datetime, Absence] | None = None
) -> tuple[Slot, ...]:
    """Return a day's half hours of lessons, judged as its period is (collector.slots)."""
    calendar = held.calendar
    by_slot: dict[datetime, list[LineTest]] = defaultdict(list)
    for one in tests:
        by_slot[calendar.slot_of(one.at)].append(one)
    slot, ends = calendar.bounds(day)
    found = []
    while slot < ends:
        if calendar.is_lesson(slot):
            found.append(_slot(slot, by_slot.get(slot, []), held, reasons or {}))
        slot += timedelta(minutes=calendar.slot_minutes)
    return tuple(found)


def _slot(begins: datetime, tests: Sequence[LineTest], held: Held, reasons: Mapping[datetime, Absence]) -> Slot:
    speaking = [one for one in tests if slots.HELD_BACK.issuperset(one.tainted)]
    spoken = [
        slots.speaker(speaking, name, held.target, cabled=held.cabled) if speaking else None
        for name in ("download", "upload")
    ]
    outcome: Outcome = "open" if tests else "absent"
    if any(spoken):
        judged = judge(spoken[0], spoken[1], held.target).outcome
        outcome = "met" if judged == "PASS" else "missed" if judged == "FAIL" else "open"
    elif not tests and begins + timedelta(minutes=held.calendar.slot_minutes) > held.now:
        outcome = "coming"
    return Slot(begins=begins, outcome=outcome, tests=len(tests), why=reasons.get(begins))


def counted(week_days: Sequence[Day]) -> dict[Outcome, int]:
    """Return how many half hours came out how."""
    found: dict[Outcome, int] = {"met": 0, "missed": 0, "open": 0, "absent": 0, "coming": 0}
    for day in week_days:
        for one in day.slots:
            found[one.outcome] += 1
    return found
