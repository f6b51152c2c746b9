"""What the tests of a day say of a school's line, half hour by half hour; pure.

A slot is a school's half hour of lessons. In it the best-placed test speaks, for each direction: what any test reached
the line can carry, and more than the best one left possible it did not give. What a test's own computer, link, pace or
neighbours held back is a lower bound, and no more. Days add up to months and months to years, because only counts are
kept: of slots, and of speeds in bins narrower than the meter's own uncertainty.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

from agent.contract.standards import Interval, Target, decision_level, judge
from agent.contract.timetable import DAY_MINUTES, Timetable

Counts = dict[int, int]
Tally = dict[str, Counts]

_FIRST_BPS, _STEP = 1e4, 1.005  # the middle of a bin is at most 0.25 % off, less than a meter can tell
# Where only these stand, a test gave less than the line: a lower bound. Any other word (vpn, proxy, one of tomorrow)
# may mean another path, and the test says nothing of the line.
HELD_BACK = frozenset({"cross_traffic", "host_limited", "link_limited", "server_limited", "sleep"})
_LINK_HEADROOM = 1.1


class Calendar(Struct, frozen=True, cache_hash=True):
    """A school's lessons cut into slots, each beginning at a whole multiple of ``slot_minutes`` of the local hour."""

    zone: ZoneInfo
    timetable: Timetable
    slot_minutes: int = 30

    def slot_of(self, at: datetime) -> datetime:
        """Return the beginning of the slot that a moment lies in, in local time."""
        local = at.astimezone(self.zone)
        return local.replace(minute=local.minute - local.minute % self.slot_minutes, second=0, microsecond=0)

    def is_lesson(self, slot: datetime) -> bool:
        """Tell whether lessons go on when this slot (of ``slot_of``) begins."""
        return _is_lesson(self, slot.date(), slot.hour * 60 + slot.minute)

    def bounds(self, day: date) -> tuple[datetime, datetime]:
        """Return when a local day begins and when it is over."""
        begin, end = (datetime.combine(one, time(), self.zone) for one in (day, day + timedelta(days=1)))
        return begin, end


@lru_cache(maxsize=100_000)  # a year's slots of some calendars: many schools ask the same
def _is_lesson(calendar: Calendar, day: date, minute: int) -> bool:
    return are_lessons(calendar.timetable, day, minute)


def are_lessons(timetable: Timetable, day: date, minute: int) -> bool:
    """Tell whether lessons go on at a minute of a local day."""

    def goes_on(day: date, minute: int) -> bool:
        within = any(start <= minute < start + length for start, length in timetable.windows())
        return within and timetable.is_school_day(day)

    # A shift that passes midnight belongs to the day before.
    return goes_on(day, minute) or goes_on(day - timedelta(days=1), minute + DAY_MINUTES)


class LineTest(Struct, frozen=True, kw_only=True):
    """A stored speed test, as far as it speaks of the line."""

    agent_id: str
    at: datetime
    region_id: str
    operator: str
    is_cabled: bool
    link_speed_bps: float | None
    tainted: tuple[str, ...]
    download: Interval | None
    upload: Interval | None


class Figures(Struct, kw_only=True):
    """What adds up: counts of slots of lessons, sums of speeds that were bounded, and counts in bins.

    ``slots_met`` reached the target, ``slots_missed`` did not; the other slots left it open. ``histograms`` has by name
    how often a speed lay in a bin: "download" and "upload" where it was bounded, "..._at_least" where only a lower
    bound is known, all of lessons; the same with "any_" before it at any hour; and "agents": tests by computer.
    """

    tests: int = 0
    undisturbed: int = 0
    slots: int = 0
    slots_met: int = 0
    slots_missed: int = 0
    download_sum_bps: float = 0.0
    download_count: int = 0
    upload_sum_bps: float = 0.0
    upload_count: int = 0
    judged_days: int = 0
    met_squared: int = 0
    met_by_judged: int = 0
    judged_squared: int = 0
    histograms: dict[str, dict[str, int]] = {}
    absences: dict[str, int] = {}

    @property
    def judged(self) -> int:
        return self.slots_met + self.slots_missed


def of_day(tests: Sequence[LineTest], calendar: Calendar, target: Target, *, cabled: bool) -> Figures:
    """Add up one day's tests of a school; ``cabled``: others prove what they reached, and nothing against the line."""
    figures = Figures(tests=len(tests), undisturbed=sum(not one.tainted for one in tests))
    by_slot: dict[datetime, list[LineTest]] = defaultdict(list)
    agents: dict[str, int] = defaultdict(int)
    for one in tests:
        agents[one.agent_id] += 1
        if HELD_BACK.issuperset(one.tainted):
            by_slot[calendar.slot_of(one.at)].append(one)
    tallies: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for slot, members in by_slot.items():
        _count(figures, tallies, members, target, cabled=cabled, is_lesson=calendar.is_lesson(slot))
    tallies["agents"] = agents
    figures.histograms = {name: dict(counts) for name, counts in tallies.items()}
    if figures.judged:
        figures.judged_days = 1
        figures.met_squared = figures.slots_met**2
        figures.met_by_judged = figures.slots_met * figures.judged
        figures.judged_squared = figures.judged**2
    return figures


def _count(
    figures: Figures,
    tallies: dict[str, dict[str, int]],
    members: Sequence[LineTest],
    target: Target,
    *,
    cabled: bool,
    is_lesson: bool,
) -> None:
    spoken = {name: speaker(members, name, target, cabled=cabled) for name in ("download", "upload")}
    for name, interval in spoken.items():
        if interval is None:
            continue
        is_bounded = interval.high_bps is not None
        kind = name if is_bounded else f"{name}_at_least"
        binned = str(bin_of(interval.value_bps if is_bounded else interval.low_bps))
        tallies[f"any_{kind}"][binned] += 1
        if is_lesson:
            tallies[kind][binned] += 1
            if is_bounded:
                setattr(figures, f"{name}_sum_bps", getattr(figures, f"{name}_sum_bps") + interval.value_bps)
                setattr(figures, f"{name}_count", getattr(figures, f"{name}_count") + 1)
    if is_lesson and any(spoken.values()):
        outcome = judge(spoken["download"], spoken["upload"], target).outcome
        figures.slots += 1
        figures.slots_met += outcome == "PASS"
        figures.slots_missed += outcome == "FAIL"


def speaker(tests: Iterable[LineTest], name: str, target: Target, *, cabled: bool) -> Interval | None:
    """Return what the best-placed of these tests says of the line in a direction ("download" or "upload")."""
    known = [one for test in tests if (one := _of_line(test, name, target, cabled=cabled)) is not None]
    if not known:
        return None
    best = max(known, key=lambda one: (one.value_bps, one.low_bps))
    return Interval(value_bps=best.value_bps, low_bps=max(one.low_bps for one in known), high_bps=best.high_bps)


def _of_line(test: LineTest, name: str, target: Target, *, cabled: bool) -> Interval | None:
    interval = test.download if name == "download" else test.upload
    if interval is None:
        return None
    wanted = (target.download_bps or target.download_floor_bps) if name == "download" else target.upload_bps
    level = decision_level(wanted, target.tolerance)
    is_narrow = test.link_speed_bps is not None and test.link_speed_bps < _LINK_HEADROOM * level
    if test.tainted or is_narrow or (cabled and not test.is_cabled):
        return Interval(value_bps=interval.value_bps, low_bps=interval.low_bps, high_bps=None)
    return interval


def added(parts: Iterable[Figures]) -> Figures:
    """Return the sum."""
    total = Figures()
    tallies: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    absences: dict[str, int] = defaultdict(int)
    for one in parts:
        for name in _ADDITIVE:
            setattr(total, name, getattr(total, name) + getattr(one, name))
        for name, counts in one.histograms.items():
            tally = tallies[name]
            for binned, count in counts.items():
                tally[binned] += count
        for reason, count in one.absences.items():
            absences[reason] += count
    total.histograms = {name: dict(counts) for name, counts in tallies.items()}
    total.absences = dict(absences)
    return total


_ADDITIVE = tuple(name for name in Figures.__struct_fields__ if name not in ("histograms", "absences"))


def bin_of(bps: float) -> int:
    """Return the bin that a rate falls into; each is 0.5 % wider than the one before."""
    return 0 if bps <= _FIRST_BPS else 1 + int(math.log(bps / _FIRST_BPS) / math.log(_STEP))


def middle_of(binned: int) -> float:
    """Return the rate in the (geometric) middle of a bin, in bit/s."""
    return _FIRST_BPS if binned == 0 else _FIRST_BPS * _STEP ** (binned - 0.5)


def quantile(bounded: Mapping[str, int], at_least: Mapping[str, int], share: float) -> float | None:
    """Return the rate that this share of the slots stay at or below, in bit/s; null where lower bounds hide it.

    Lower bounds are right-censored observations: the product-limit estimator (Kaplan and Meier, JASA 1958) gives each
    its say up to its bound. Their middle would make a line seem slower than it is, leaving them out slower still.
    """
    events = {int(binned): count for binned, count in bounded.items()}
    censored = {int(binned): count for binned, count in at_least.items()}
    at_risk = sum(events.values()) + sum(censored.values())
    above = 1.0
    for binned in sorted({*events, *censored}):
        if at_risk and events.get(binned):
            above *= 1 - events[binned] / at_risk
            if above <= 1 - share + 1e-12:
                return middle_of(binned)
        at_risk -= events.get(binned, 0) + censored.get(binned, 0)
    return None


def proven(bounded: Mapping[str, int], at_least: Mapping[str, int]) -> float | None:
    """Return what at least half of the slots reached, lower bounds taken as if they were all; null for nothing."""
    reached = {binned: bounded.get(binned, 0) + at_least.get(binned, 0) for binned in {*bounded, *at_least}}
    half = quantile(reached, {}, 0.5)
    return None if half is None or half <= _FIRST_BPS else half
