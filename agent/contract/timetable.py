"""When a school has lessons: shifts by the local clock, weekdays, terms, holidays and extra days. Pure.

Both sides go by it: the agent when it plans its sessions, the collector when it judges half hours of lessons.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from agent.contract.wire import Policy, Shift, Term

DAY_MINUTES = 24 * 60


class Span(Struct, frozen=True):
    """A span of time in UTC; ``end`` does not belong to it."""

    start: datetime
    end: datetime


class Timetable(Struct, frozen=True, kw_only=True):
    """A school's lessons. A shift belongs to the day on which it begins, also where it passes midnight."""

    shifts: tuple[Shift, ...]
    time_zone: str
    weekdays: tuple[Annotated[int, Meta(ge=1, le=7)], ...] = (1, 2, 3, 4, 5)
    terms: tuple[Term, ...] = ()
    holidays: tuple[date, ...] = ()
    extra_days: tuple[date, ...] = ()

    def is_school_day(self, day: date) -> bool:
        """Tell whether there are lessons on this local day. A single extra day comes before everything else."""
        if day in self.extra_days:
            return True
        in_term = not self.terms or any(term.first <= day <= term.last for term in self.terms)
        return in_term and day.isoweekday() in self.weekdays and day not in self.holidays

    def lessons(self, day: date, zone: ZoneInfo) -> tuple[Span, ...]:
        """Return the shifts that begin on this local day, in order; none where there are no lessons.

        An hour that the clock skips or repeats is as long as it really is.
        """
        if not self.is_school_day(day):
            return ()
        spans = (Span(moment(day, start, zone), moment(day, start + length, zone)) for start, length in self.windows())
        return tuple(span for span in spans if span.start < span.end)

    def windows(self) -> tuple[tuple[int, int], ...]:
        """Return each shift's first minute of the day and its length in minutes, in order."""
        return tuple(sorted(window(shift.start, shift.end) for shift in self.shifts))


def of_policy(policy: Policy) -> Timetable:
    """Return the lessons that a policy tells of."""
    hours = policy.hours
    return Timetable(
        shifts=policy.shifts or (Shift(start=hours.start, end=hours.end),),
        time_zone=hours.time_zone,
        weekdays=hours.weekdays,
        terms=policy.terms,
        holidays=policy.holidays,
        extra_days=policy.extra_days,
    )


def window(start: str, end: str) -> tuple[int, int]:
    """Return the first minute and how many there are; what ends before it starts passes midnight."""
    first, last = (int(clock[:2]) * 60 + int(clock[3:]) for clock in (start, end))
    return first, (last - first) % DAY_MINUTES or DAY_MINUTES


def moment(day: date, minute: int, zone: ZoneInfo, second: int = 0) -> datetime:
    """Return in UTC when the local clock shows so many minutes after this day's midnight."""
    local = datetime.combine(day, time.min) + timedelta(minutes=minute, seconds=second)
    return local.replace(tzinfo=zone).astimezone(UTC)
