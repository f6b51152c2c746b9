"""When to measure and what to ask: times drawn from a hash of the agent's id, so that a country never starts together.

Pure: the same agent, day and policy give the same times on every run. The day's lessons, all shifts together, are cut
into as many equal parts as there are sessions and each part gets one, so that tests neither bunch up nor leave the
afternoon empty; one more session lies in the quiet hours. Lessons are not disturbed: there the cheap question is asked
("verdict"), and how fast the line is ("capacity") in the quiet hours, or at the end of the last shift where no computer
is ever on then.
"""

import hashlib
import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from agent.contract import timetable
from agent.contract.errors import SettingsError
from agent.contract.measurement import Form, Purpose
from agent.contract.timetable import DAY_MINUTES, Span
from agent.contract.wire import Hours, Policy

# Everybody else's cron jobs run on the hour; a clock that is a minute wrong would put us there too.
AVOIDED_MINUTES = frozenset({0, 1, 59})
ON_TIME = timedelta(seconds=90)
_CATCH_UP_S = (60, 1200)
_DAYS_AHEAD = 400  # summer holidays last for months; with no lessons at all there is nothing to wait for
_CAPACITY_SHARE = 4  # a capacity test takes at most one in so many of the bytes that are left


class Wanted(Struct, frozen=True):
    """What a session asks of the line."""

    purpose: Purpose
    form: Form = "short"


VERDICT, CAPACITY, LONG_CAPACITY = Wanted("verdict"), Wanted("capacity"), Wanted("capacity", "long")


class Known(Struct, frozen=True, kw_only=True):
    """What the choice of a question rests on.

    ``last_capacity`` and ``last_long`` are when such tests last came out, null if never; ``since`` is when this
    computer joined its school. ``left_bytes`` is what is left of the month's data budget, null without one;
    ``verdict_bytes`` and ``long_bytes`` are what such tests take here, the latter null where nobody knows yet.
    """

    since: datetime
    last_capacity: datetime | None = None
    last_long: datetime | None = None
    metered: bool = False
    left_bytes: int | None = None
    verdict_bytes: int = 0
    long_bytes: int | None = None


def wanted(agent: str, policy: Policy, known: Known, now: datetime) -> Wanted:
    """Return what the scheduled session that begins now asks.

    In the quiet hours: capacity, in its long form once the last long one is as old as the policy allows. During
    lessons: a verdict, unless a capacity test is overdue; then the day's last session makes up for it, and any session
    once it is overdue twice over. A metered connection is never asked for its capacity, nor one whose data budget runs
    low: a test takes at most a quarter of what is left.
    """
    if known.metered or not _may_take(known, known.verdict_bytes):
        return VERDICT
    may_be_long = known.left_bytes is None or (known.long_bytes is not None and _may_take(known, known.long_bytes))
    if is_quiet(policy, now):
        is_due = _days(policy, known.last_long, now) >= policy.long_capacity_days
        return LONG_CAPACITY if is_due and may_be_long else CAPACITY
    if may_be_long and _lessons_must_do(agent, policy, known.last_long, known.since, now):
        return LONG_CAPACITY
    return CAPACITY if _lessons_must_do(agent, policy, known.last_capacity, known.since, now) else VERDICT


def capacity_share(left_bytes: int) -> int:
    """Return how much of what is left of a month's data budget a capacity test may take."""
    return left_bytes // _CAPACITY_SHARE


def _may_take(known: Known, needed_bytes: int) -> bool:
    return known.left_bytes is None or needed_bytes <= capacity_share(known.left_bytes)


def _lessons_must_do(agent: str, policy: Policy, last: datetime | None, since: datetime, now: datetime) -> bool:
    """Tell whether a capacity test is so overdue that it is made during lessons.

    One that was made in quiet hours shows that this computer is on then: tonight comes first.
    """
    allowed = policy.long_capacity_days
    if _days(policy, last or since, now) >= 2 * allowed:
        return True
    grace = 1 if last is not None and is_quiet(policy, last) else 0
    return _days(policy, last, now) >= allowed + grace and _is_last_of_lessons(agent, policy, now)


def _days(policy: Policy, last: datetime | None, now: datetime) -> float:
    """Return how many days ago that was; without end if never, or if a clock that was wrong put it into the future."""
    if last is None or last > now:
        return math.inf
    zone = zone_of(policy.hours)
    return (now.astimezone(zone).date() - last.astimezone(zone).date()).days


def _is_last_of_lessons(agent: str, policy: Policy, now: datetime) -> bool:
    following = _first(lambda day: sessions(agent, day, policy), policy, now)
    return following is None or _lessons_day(policy, following) != _lessons_day(policy, now)


def planned(agent: str, day: date, policy: Policy) -> list[datetime]:
    """Return all sessions of this local day in UTC, in order: those in lessons and the one in the quiet hours.

    There are none while somebody has the tests paused.
    """
    if policy.paused:
        return []
    return sorted(sessions(agent, day, policy) + quiet_sessions(agent, day, policy))


def sessions(agent: str, day: date, policy: Policy) -> list[datetime]:
    """Return the sessions that begin in the hours of lessons of this local day, in UTC, in order."""
    lessons = timetable.of_policy(policy)
    if not lessons.is_school_day(day):
        return []
    minutes = sorted(set(chain.from_iterable(map(_usable_minutes, lessons.windows()))))
    count = policy.capacity_sessions_per_day
    times = []
    for slot in range(count):
        part = minutes[slot * len(minutes) // count : (slot + 1) * len(minutes) // count]
        if part:
            times.append(_drawn(_draw(agent, day.isoformat(), str(slot)), part, day, zone_of(policy.hours)))
    return sorted(times)


def quiet_sessions(agent: str, day: date, policy: Policy) -> list[datetime]:
    """Return the one session in the quiet hours of this local day, or none; minutes that lessons have are not quiet."""
    quiet = _quiet_hours(policy)
    if day.isoweekday() not in quiet.weekdays or not policy.capacity_sessions_per_day:
        return []
    zone = zone_of(quiet)
    taken = [span for days in (-1, 0, 1) for span in _lessons(policy, day + timedelta(days=days))]
    minutes = [
        minute
        for minute in _usable_minutes(timetable.window(quiet.start, quiet.end))
        if not _within(taken, timetable.moment(day, minute, zone))
    ]
    return [_drawn(_draw(agent, day.isoformat(), "quiet"), minutes, day, zone)] if minutes else []


def next_session(agent: str, policy: Policy, after: datetime) -> datetime | None:
    """Return the first session later than ``after``, or None if the policy has none."""
    return _first(lambda day: planned(agent, day, policy), policy, after)


def latest_session(agent: str, policy: Policy, now: datetime) -> datetime | None:
    """Return the last session of today or yesterday that should have begun by now."""
    return _latest(lambda day: planned(agent, day, policy), policy, now)


def catch_up(agent: str, policy: Policy, last: datetime | None, now: datetime) -> datetime | None:
    """Return when to make up for sessions that were slept through, or None.

    However many were missed, they are made up for once, a drawn delay from now so that computers that wake together do
    not measure together, and only within hours of the same kind: what was missed at night does not disturb lessons. A
    computer that never measured has missed nothing.
    """
    plan = quiet_sessions if is_quiet(policy, now) else sessions
    missed = _latest(lambda day: plan(agent, day, policy), policy, now)
    if policy.paused or missed is None or last is None or last >= missed or not _same_hours(policy, now, now):
        return None
    begin = now.astimezone(UTC) + timedelta(seconds=_between(*_CATCH_UP_S, _draw(agent, missed.isoformat())))
    following = next_session(agent, policy, now)
    return begin if _same_hours(policy, now, begin) and (following is None or begin < following) else None


def is_open(hours: Hours, now: datetime) -> bool:
    """Tell whether the hours include this moment."""
    return _ends(hours, now) is not None


def in_lessons(policy: Policy, now: datetime) -> bool:
    """Tell whether there are lessons at this moment, in any shift."""
    return _lesson(policy, now) is not None


def is_quiet(policy: Policy, now: datetime) -> bool:
    """Tell whether this moment lies in the quiet hours; lessons come first where the two overlap."""
    return is_open(_quiet_hours(policy), now) and not in_lessons(policy, now)


def closes_at(policy: Policy, now: datetime) -> datetime | None:
    """Return when the shift or the quiet hours that include this moment end, in UTC; None outside of both."""
    lesson = _lesson(policy, now)
    return lesson.end if lesson is not None else _ends(_quiet_hours(policy), now)


def phase_s(agent: str, interval_s: int) -> int:
    """Return this agent's offset within an interval, so that light probes of a country are spread over it."""
    return _draw(agent, "phase") % interval_s


def zone_of(hours: Hours) -> ZoneInfo:
    """Return the time zone of the hours; raises SettingsError for one that this computer does not know."""
    try:
        return ZoneInfo(hours.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SettingsError(
            f"the policy's time zone {hours.time_zone!r} is not known on this computer; "
            "install its time zone data (package tzdata)"
        ) from error


def _quiet_hours(policy: Policy) -> Hours:
    quiet = policy.quiet_hours
    return Hours(start=quiet.start, end=quiet.end, weekdays=quiet.weekdays, time_zone=policy.hours.time_zone)


def _same_hours(policy: Policy, one: datetime, other: datetime) -> bool:
    """Tell whether both moments lie in lessons, or both in quiet hours."""
    quiet = is_quiet(policy, one), is_quiet(policy, other)
    return all(quiet) or (not any(quiet) and in_lessons(policy, one) and in_lessons(policy, other))


def _lesson(policy: Policy, now: datetime) -> Span | None:
    """Return the shift that includes this moment; shifts may pass midnight."""
    today = now.astimezone(zone_of(policy.hours)).date()
    spans = chain.from_iterable(_lessons(policy, today + timedelta(days=days)) for days in (-1, 0))
    return next((span for span in spans if span.start <= now < span.end), None)


def _lessons_day(policy: Policy, now: datetime) -> date:
    """Return the local day to which the lessons of this moment belong."""
    lesson = _lesson(policy, now)
    return (lesson.start if lesson else now).astimezone(zone_of(policy.hours)).date()


def _lessons(policy: Policy, day: date) -> tuple[Span, ...]:
    return timetable.of_policy(policy).lessons(day, zone_of(policy.hours))


def _within(spans: list[Span], moment: datetime) -> bool:
    return any(span.start <= moment < span.end for span in spans)


def _ends(hours: Hours, now: datetime) -> datetime | None:
    """Return when the hours that include this moment end; None if they do not. They may pass midnight."""
    zone = zone_of(hours)
    local = now.astimezone(zone)
    start, length = timetable.window(hours.start, hours.end)
    since = (local.hour * 60 + local.minute - start) % DAY_MINUTES
    began = local.date() if local.hour * 60 + local.minute >= start else local.date() - timedelta(days=1)
    if since >= length or began.isoweekday() not in hours.weekdays:
        return None
    return timetable.moment(began, start + length, zone)


def _usable_minutes(window: tuple[int, int]) -> list[int]:
    start, length = window
    return [minute for minute in range(start, start + length) if minute % 60 not in AVOIDED_MINUTES]


def _first(plan: Callable[[date], list[datetime]], policy: Policy, after: datetime) -> datetime | None:
    today = after.astimezone(zone_of(policy.hours)).date()
    for days in range(-1, _DAYS_AHEAD):
        for moment in plan(today + timedelta(days=days)):
            if moment > after:
                return moment
    return None


def _latest(plan: Callable[[date], list[datetime]], policy: Policy, now: datetime) -> datetime | None:
    today = now.astimezone(zone_of(policy.hours)).date()
    times = [moment for days in (-1, 0) for moment in plan(today + timedelta(days=days))]
    return max((moment for moment in times if moment <= now), default=None)


def _drawn(draw: int, minutes: list[int], day: date, zone: ZoneInfo) -> datetime:
    return timetable.moment(day, minutes[draw % len(minutes)], zone, draw // len(minutes) % 60)


def _between(least: int, most: int, draw: int) -> int:
    return least + draw % (most - least)


def _draw(*words: str) -> int:
    return int.from_bytes(hashlib.sha256("\n".join(words).encode()).digest()[:8], "big")
