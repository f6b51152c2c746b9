"""When to measure: times drawn from a hash of the agent's id, so that a country's computers never start together.

Pure: the same agent, day and policy give the same times on every run. The day is cut into as many equal parts as there
are sessions and each part gets one, so that tests neither bunch up nor leave the afternoon empty.
"""

import hashlib
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agent.contract.errors import SettingsError
from agent.contract.wire import Hours, Policy

# Everybody else's cron jobs run on the hour; a clock that is a minute wrong would put us there too.
AVOIDED_MINUTES = frozenset({0, 1, 59})
ON_TIME = timedelta(seconds=90)
_CATCH_UP_S = (60, 1200)
_DAY_MINUTES = 24 * 60
_DAYS_AHEAD = 15  # hours with one weekday leave gaps of a week; none at all leave nothing to wait for


def sessions(agent: str, day: date, policy: Policy) -> list[datetime]:
    """Return the capacity sessions that begin in the hours of this local day, in UTC, in order."""
    hours = policy.hours
    if day.isoweekday() not in hours.weekdays:
        return []
    zone = zone_of(hours)
    minutes = _usable_minutes(hours)
    count = policy.capacity_sessions_per_day
    midnight = datetime.combine(day, datetime.min.time())
    times = []
    for slot in range(count):
        part = minutes[slot * len(minutes) // count : (slot + 1) * len(minutes) // count]
        if part:
            draw = _draw(agent, day.isoformat(), str(slot))
            local = midnight + timedelta(minutes=part[draw % len(part)], seconds=draw // len(part) % 60)
            times.append(local.replace(tzinfo=zone).astimezone(UTC))
    return sorted(times)


def next_session(agent: str, policy: Policy, after: datetime) -> datetime | None:
    """Return the first session later than ``after``, or None if the policy has none."""
    today = after.astimezone(zone_of(policy.hours)).date()
    for days in range(-1, _DAYS_AHEAD):
        for moment in sessions(agent, today + timedelta(days=days), policy):
            if moment > after:
                return moment
    return None


def latest_session(agent: str, policy: Policy, now: datetime) -> datetime | None:
    """Return the last session of today or yesterday that should have begun by now."""
    today = now.astimezone(zone_of(policy.hours)).date()
    planned = [moment for days in (-1, 0) for moment in sessions(agent, today + timedelta(days=days), policy)]
    return max((moment for moment in planned if moment <= now), default=None)


def catch_up(agent: str, policy: Policy, last: datetime | None, now: datetime) -> datetime | None:
    """Return when to make up for sessions that were slept through, or None.

    However many were missed, they are made up for once, a drawn delay from now so that computers that wake together do
    not measure together, and only within the hours. A computer that never measured has missed nothing.
    """
    planned = latest_session(agent, policy, now)
    if planned is None or last is None or last >= planned or not is_open(policy.hours, now):
        return None
    begin = now.astimezone(UTC) + timedelta(seconds=_between(*_CATCH_UP_S, _draw(agent, planned.isoformat())))
    following = next_session(agent, policy, now)
    return begin if is_open(policy.hours, begin) and (following is None or begin < following) else None


def is_open(hours: Hours, now: datetime) -> bool:
    """Tell whether the policy's hours include this moment."""
    local = now.astimezone(zone_of(hours))
    start, length = _window(hours)
    minute = local.hour * 60 + local.minute
    if (minute - start) % _DAY_MINUTES >= length:
        return False
    began = local.date() if minute >= start else local.date() - timedelta(days=1)
    return began.isoweekday() in hours.weekdays


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


def _window(hours: Hours) -> tuple[int, int]:
    """Return the first minute of the hours and how many there are; hours that end before they start pass midnight."""
    start, end = (int(clock[:2]) * 60 + int(clock[3:]) for clock in (hours.start, hours.end))
    return start, (end - start) % _DAY_MINUTES or _DAY_MINUTES


def _usable_minutes(hours: Hours) -> list[int]:
    start, length = _window(hours)
    return [minute for minute in range(start, start + length) if minute % 60 not in AVOIDED_MINUTES]


def _between(least: int, most: int, draw: int) -> int:
    return least + draw % (most - least)


def _draw(*words: str) -> int:
    return int.from_bytes(hashlib.sha256("\n".join(words).encode()).digest()[:8], "big")
