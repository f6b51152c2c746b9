"""Half hour by half hour: did the line give what was promised? The best eligible computer speaks; pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from msgspec import Struct

from agent.contract.standards import Interval
from collector.verdicts.bounds import Day
from collector.verdicts.heard import Heard, Source
from collector.verdicts.terms import Way


class Outcome(Struct, frozen=True, kw_only=True):
    """One slot in one direction. ``good`` is null where nobody who may speak could tell.

    ``spoke`` are the tests that it rests on: those that may speak against the line, and any that proved it good.
    ``by_record``: it would be bad, were it not for a server's own record of a test.
    """

    slot: datetime
    way: Way
    level_bps: float
    good: bool | None
    best: Interval | None
    spoke: tuple[Source, ...]
    by_record: bool = False


class Level(Struct, frozen=True, kw_only=True):
    """What is asked of a direction, and how fast a cable has to be to speak against the line there."""

    way: Way
    bps: float
    link_bps: float


def outcomes(by_slot: Iterable[tuple[datetime, Heard]], level: Level) -> list[Outcome]:
    """Judge the slots of one direction against a level, in the order of time."""
    slots: dict[datetime, list[Heard]] = defaultdict(list)
    for slot, one in by_slot:
        if one.way == level.way and not one.void and one.rate is not None:
            slots[slot].append(one)
    return [_outcome(slot, slots[slot], level) for slot in sorted(slots)]


def days(found: Iterable[Outcome]) -> list[tuple[date, Day]]:
    """Count judged and good slots by day."""
    judged: dict[date, list[bool]] = defaultdict(list)
    for one in found:
        if one.good is not None:
            judged[one.slot.date()].append(one.good)
    return [(day, Day(len(judged[day]), sum(judged[day]))) for day in sorted(judged)]


def _outcome(slot: datetime, tests: Sequence[Heard], level: Level) -> Outcome:
    """Say good where the line may have given it, bad only where everybody who may speak says that it did not.

    A test that may not speak against the line still proves what it reached, but opens no slot by itself: else the slots
    would be chosen by how they came out.
    """
    telling = [one for one in tests if _may_speak(one, level) and _can_tell(one, level.bps)]
    proving = [one for one in tests if _proves(one, level.bps)]
    spoke = tuple(sorted({one.source for one in (*telling, *proving)})) if telling else ()
    rates = [one.rate for one in (*telling, *proving) if one.rate is not None]
    best = max(rates, key=lambda one: (one.value_bps, one.low_bps)) if telling else None
    by_report = any(not one.source.test_id for one in proving) or any(_may_be(one, level.bps) for one in telling)
    return Outcome(
        slot=slot,
        way=level.way,
        level_bps=level.bps,
        good=by_report or bool(proving) if telling else None,
        best=best,
        spoke=spoke,
        by_record=bool(telling) and bool(proving) and not by_report,
    )


def _may_speak(one: Heard, level: Level) -> bool:
    """Tell whether a test may speak against the line: nothing else can have been the reason."""
    return not one.weak and one.link_bps is not None and one.link_bps >= level.link_bps


def _can_tell(one: Heard, level_bps: float) -> bool:
    """A lower bound below the level leaves it open."""
    return one.rate is not None and (one.rate.high_bps is not None or one.rate.low_bps >= level_bps)


def _proves(one: Heard, level_bps: float) -> bool:
    return one.rate is not None and one.rate.low_bps >= level_bps


def _may_be(one: Heard, level_bps: float) -> bool:
    """An interval that the level lies in counts for the operator: in doubt for the accused."""
    return one.rate is not None and one.rate.high_bps is not None and one.rate.high_bps >= level_bps
