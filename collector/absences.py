"""Why a half hour of lessons was not measured; pure. Absence is never a zero, never a pass, rarely the line's fault.

What is known of a computer is its reports, light ones every quarter of an hour: a report made in the half hour shows
that the computer was on, its delivery when the school and the collector could hear each other again, and the boots and
boot clocks of the reports around a silence whether the computer was off, asleep, or on without its agent.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Literal, get_args

from msgspec import Struct

from agent.contract.failure import Failure
from collector.slots import Calendar

Absence = Literal[
    "line_down",  # a computer was on, and reached no server, or its report only came long after
    "collector_down",  # reports were made, and nobody's came in: our own fault
    "agent_broken",  # a computer was on, and its probes failed by themselves, or its agent did not run
    "not_tested",  # a computer was on and online; no test was due, or it was left out
    "power_cut",  # all computers that were on went silent together, and started anew
    "asleep",  # computers slept
    "computers_off",  # computers were switched off
    "unheard",  # what comes after the silence has not arrived yet
    "no_computer",  # no computer of the school was heard of in weeks
]
WORDS: tuple[str, ...] = get_args(Absence)

_NETWORK: frozenset[Failure] = frozenset(
    {
        "dns_failed",
        "connect_refused",
        "connect_timeout",
        "unreachable",
        "captive_portal",
        "stalled",
        "no_answer",
        "connection_reset",
        "closed_early",
        "deadline",
    }
)
_OWN: frozenset[Failure] = frozenset({"host_error", "permission_denied"})
_LATE = timedelta(minutes=30)  # an agent with a line delivers within minutes
_TOGETHER = timedelta(minutes=20)  # light reports are a quarter of an hour apart
_ASLEEP_RATIO = 0.9  # of the time by the wall clock; a boot clock that ran less stood still
_FEWEST_FOR_A_CUT = 2  # one computer that goes off was switched off


class Heard(Struct, frozen=True, kw_only=True):
    """A report, as far as it tells that a computer was on: its failures, and whether it measured the line's speed.

    ``monotonic_s`` is the boot clock, which may or may not stand still in sleep (it does on Linux, see Report).
    """

    agent_id: str
    boot_id: str
    monotonic_s: float
    created_at: datetime
    received_at: datetime
    failures: frozenset[str] = frozenset()
    has_answer: bool = True


class _Computer(Struct, frozen=True):
    """One computer's reports in the order in which they were made, and when that was, in seconds since 1970.

    Moments in different zones are slow to compare, and a day has many half hours.
    """

    reports: Sequence[Heard]
    times: Sequence[float]

    def place(self, begins: float, ends: float) -> "_Place":
        """Return where a span lies among the reports."""
        return bisect_left(self.times, begins), bisect_left(self.times, ends), bisect_right(self.times, ends)

    def between(self, place: "_Place") -> Sequence[Heard]:
        """Return the reports made in a span."""
        return self.reports[place[0] : place[1]]

    def around(self, place: "_Place") -> tuple[Heard | None, Heard | None]:
        """Return the reports before and after a span."""
        first, _, last = place
        return (self.reports[first - 1] if first else None), (self.reports[last] if last < len(self.reports) else None)


_Place = tuple[int, int, int]


class Silence(Struct, frozen=True):
    """A span of time in which the collector got no report from anybody."""

    begins: datetime
    ends: datetime


def of_day(
    day: date,
    heard: Sequence[Heard],
    measured: frozenset[datetime],
    calendar: Calendar,
    *,
    now: datetime,
    collector_silences: Sequence[Silence] = (),
) -> dict[str, int]:
    """Count a day's unmeasured half hours of lessons by why they were not measured; the arguments are ``by_slot``'s."""
    return dict(
        Counter(by_slot(day, heard, measured, calendar, now=now, collector_silences=collector_silences).values())
    )


def by_slot(
    day: date,
    heard: Sequence[Heard],
    measured: frozenset[datetime],
    calendar: Calendar,
    *,
    now: datetime,
    collector_silences: Sequence[Silence] = (),
) -> dict[datetime, Absence]:
    """Return a day's unmeasured half hours of lessons with why they were not measured.

    Args:
        day: the local day.
        heard: the school's reports made on that day, and of each computer the last one before and the first one after.
        measured: the slots (``Calendar.slot_of``) that have a speed test.
        calendar: when lessons are.
        now: half hours that are not over yet are not counted.
        collector_silences: when the collector heard nobody.
    """
    by_agent: dict[str, list[Heard]] = {}
    for one in sorted(heard, key=lambda each: (each.created_at, each.boot_id, each.monotonic_s)):
        by_agent.setdefault(one.agent_id, []).append(one)
    heard_of = [_Computer(reports, [one.created_at.timestamp() for one in reports]) for reports in by_agent.values()]
    length = timedelta(minutes=calendar.slot_minutes)
    slot, day_ends = calendar.bounds(day)
    found: dict[datetime, Absence] = {}
    known: dict[tuple[_Place, ...], Absence] = {}
    while slot < min(day_ends, now - length):
        if calendar.is_lesson(slot) and slot not in measured:
            span = slot.timestamp(), (slot + length).timestamp()
            places = tuple([each.place(*span) for each in heard_of])
            # Between the same reports, one half hour is like another.
            if places not in known:
                known[places] = _why(slot, list(zip(heard_of, places, strict=True)), collector_silences)
            found[slot] = known[places]
        slot += length
    return found


def _why(slot: datetime, heard_of: Sequence[tuple[_Computer, _Place]], silences: Sequence[Silence]) -> Absence:
    if not heard_of:
        return "no_computer"
    made = [one for each, place in heard_of for one in each.between(place)]
    if made:
        return _why_untested(made, silences)
    around = [each.around(place) for each, place in heard_of]
    states = Counter(_silent(before, after) for before, after in around)
    if states["on"]:
        return "agent_broken"
    if _is_power_cut(around, slot):
        return "power_cut"
    for state in ("asleep", "off"):
        if states[state]:
            return "asleep" if state == "asleep" else "computers_off"
    return "unheard"


def _why_untested(made: Sequence[Heard], silences: Sequence[Silence]) -> Absence:
    """Say why computers that were on did not measure; one that was online shows that the line was up."""
    online = [one for one in made if one.received_at - one.created_at <= _LATE and not one.failures & _NETWORK]
    if any(one.has_answer for one in online):
        return "not_tested"
    late = [one for one in made if one.received_at - one.created_at > _LATE]
    if late and all(_is_ours(one, silences) for one in late):
        return "collector_down"
    if late or any(one.failures & _NETWORK for one in made):
        return "line_down"
    return "agent_broken" if any(one.failures & _OWN for one in made) else "not_tested"


def _is_ours(one: Heard, silences: Sequence[Silence]) -> bool:
    """Tell whether the collector heard nobody when this report should have come."""
    return not one.failures & _NETWORK and any(
        each.begins <= one.created_at + _LATE and one.created_at <= each.ends for each in silences
    )


def _silent(before: Heard | None, after: Heard | None) -> Literal["on", "asleep", "off", "unknown"]:
    """Say what a computer did in a silence: the same boot goes on through it, or another one begins after."""
    if after is None:
        return "unknown"
    if before is None or before.boot_id != after.boot_id:
        return "off"
    by_wall = (after.created_at - before.created_at).total_seconds()
    by_boot = after.monotonic_s - before.monotonic_s
    return "asleep" if by_boot < _ASLEEP_RATIO * by_wall else "on"


def _is_power_cut(around: Sequence[tuple[Heard | None, Heard | None]], slot: datetime) -> bool:
    """Tell whether the computers that were on went silent within minutes of each other, during the slot's day."""
    lost = [before for before, after in around if before is not None and _silent(before, after) == "off"]
    today = [one for one in lost if one.created_at.astimezone(slot.tzinfo).date() == slot.date()]
    if len(today) < _FEWEST_FOR_A_CUT:
        return False
    newest = max(one.created_at for one in today)
    on_until_then = [one for one in today if newest - one.created_at <= _TOGETHER]
    return len(on_until_then) >= _FEWEST_FOR_A_CUT and len(on_until_then) == len(today)
