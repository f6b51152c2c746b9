"""How long a line was off line in a month, when that is a breach, and which share of the time it was up; pure.

Nobody can tell which of two lines a computer without any line hangs on: a school that has two has no such figures.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

from collector.verdicts import outages
from collector.verdicts.facts import Facts, number_of
from collector.verdicts.heard import Session
from collector.verdicts.holding import Held, holding
from collector.verdicts.outages import Outage, Sign
from collector.verdicts.standard import Standard
from collector.verdicts.verdict import Availability

MONTHS = 12
_LEAST_OF_A_DAY = timedelta(hours=2)
_DAY = timedelta(days=1)


def signs(
    facts: Facts, held: Sequence[Held], sessions: Sequence[Session], up: Sequence[datetime], by: Standard
) -> list[Sign]:
    """Return when the line was seen up or down on days and at times that count; ``up``: when test servers saw it up."""
    if facts.has_other_line:
        return []
    found: list[Sign] = []
    for one in outages.in_order([*outages.signs(sessions), *(Sign(at, is_up=True) for at in up)]):
        slot = facts.lessons.slot_of(one.at, by.statistics.slot_minutes.value)
        mine = holding(held, slot.date())
        if mine is None:
            continue
        # What does not count ends an outage: nobody answers for the time on its other side as if it were one.
        found.append(Sign(one.at, is_up=True, counts=False) if any(mine.against(one.at, slot)) else one)
    return found


def of_month(
    facts: Facts, held: Sequence[Held], seen: Sequence[Sign], found: Sequence[Outage], by: Standard
) -> Availability | None:
    """Return how long the line was down, and whether that is a breach; null where nobody can tell.

    Args:
        facts: the line's and the month's.
        held: the terms of its days.
        seen: when it was seen up and down.
        found: the outages among that.
        by: what days in a row are a breach.
    """
    if not held or facts.has_other_line:
        return None
    seconds = sum(int((one.ends - one.begins).total_seconds()) for one in found)
    this = number_of(facts.month)
    year = seconds + sum(one.outage_s for one in facts.past if 0 < this - number_of(one.month) < MONTHS)
    most_h = held[-1].terms.outage_h_per_year
    most = None if most_h is None else int(most_h * 3600)
    too_many = by.availability.days_in_a_row.value
    longest, at_end = _rows(facts, held, seen, by)
    return Availability(
        outages=len(found),
        outage_s=seconds,
        outage_year_s=year,
        most_year_s=most,
        days_in_a_row=longest,
        days_at_end=at_end if at_end < too_many else 0,
        # Hours of other months that used the year up are no breach of a month in which the line was never down.
        is_breach=(most is not None and year > most and seconds > 0) or longest >= too_many,
    )


def up_share(facts: Facts, held: Sequence[Held], down: Availability, by: Standard) -> Fraction:
    """Return which share of the time that counts the line was not surely down; ours."""
    minutes = by.statistics.slot_minutes.value
    first, last = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in facts.days)
    at, slots = first - _DAY, 0
    while at < last + 2 * _DAY:
        slot = facts.lessons.slot_of(at, minutes)
        mine = holding(held, slot.date())
        slots += mine is not None and not any(mine.against(at, slot))
        at += timedelta(minutes=minutes)
    return max(Fraction(0), 1 - Fraction(down.outage_s, slots * minutes * 60)) if slots else Fraction(1)


def _rows(facts: Facts, held: Sequence[Held], seen: Sequence[Sign], by: Standard) -> tuple[int, int]:
    """Return the longest row of working days off line and the one at the month's end.

    The row at the end of the month before is carried on, so that one over the edge counts once: where it gets too long.
    """
    minutes = by.statistics.slot_minutes.value
    down = outages.days_down(seen, lambda at: facts.lessons.slot_of(at, minutes).date(), _LEAST_OF_A_DAY)
    first, last = facts.days
    before = number_of(facts.month) - 1
    carried = sum(one.days_down for one in facts.past if number_of(one.month) == before and held[0].holds(first))
    return outages.longest_row(down, _working_days(facts, first, last), carried)


def _working_days(facts: Facts, first: date, last: date) -> list[date]:
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [day for day in days if facts.lessons.timetable.is_school_day(day)]
