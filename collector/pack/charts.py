"""The month as charts: each judged half hour a mark, what was promised and required as lines; pure figures.

Places are 0 to 1, to the right and upwards; what is drawn of them is the template's matter.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any, get_args

from msgspec import Struct

from collector.pack.speech import Speech
from collector.verdicts import exclusions, standard
from collector.verdicts.facts import Facts
from collector.verdicts.judge import Judgement
from collector.verdicts.outcomes import Outcome
from collector.verdicts.rules import Asked
from collector.verdicts.terms import Stretch, Way, Which

ROUND_TRIP = "round trip"
_USUAL = (8 * 60, 18 * 60)
_LINES = 5
_DAY = timedelta(days=1)
_TALLEST = 4  # times what was promised: one round trip of seconds would press all others to the ground


class Mark(Struct, frozen=True):
    """A half hour: when it began, its figure in the chart's unit, and what kind of mark stands for it."""

    slot: datetime
    value: float
    kind: str


class Line(Struct, frozen=True):
    """A figure that held from a day to another, both included."""

    first: date
    last: date
    value: float
    kind: str


class Plot(Struct, frozen=True, kw_only=True):
    """What one chart shows of a part of the verdict; higher marks than ``top`` stand at the upper edge."""

    part: str
    title: str
    marks: Sequence[Mark]
    lines: Sequence[Line]
    top: float | None = None


class Calendar:
    """Where a moment of the month stands: days side by side, each from the earliest judged minute to the latest."""

    def __init__(self, facts: Facts, slots: Sequence[datetime], slot_minutes: int) -> None:
        minutes = [one.hour * 60 + one.minute for one in slots]
        self._facts = facts
        self._first, last = facts.days
        self._days = (last - self._first).days + 1
        self.begins = min((*minutes, _USUAL[0]))
        self.ends = max((*(one + slot_minutes for one in minutes), _USUAL[1]))

    def place(self, at: datetime) -> float:
        """Return the place of a moment; nights take no room."""
        local = self._facts.lessons.slot_of(at, 1)
        within = (local.hour * 60 + local.minute - self.begins) / (self.ends - self.begins)
        return self.of_day(local.date()) + min(1.0, max(0.0, within)) / self._days

    def of_day(self, day: date) -> float:
        """Return where a day begins."""
        return min(1.0, max(0.0, (day - self._first).days / self._days))

    @property
    def days(self) -> list[tuple[float, date]]:
        """The days with the places where they begin."""
        found = (self._first + timedelta(days=number) for number in range(self._days))
        return [(self.of_day(day), day) for day in found]


def charts(facts: Facts, judgement: Judgement, speech: Speech) -> list[tuple[str, dict[str, Any]]]:
    """Return a chart for each part of the verdict of which any half hour was judged, with the part's name."""
    slot_minutes = standard.parse(facts.standard).statistics.slot_minutes.value
    found = plots(facts, judgement)
    calendar = Calendar(facts, [one.slot for plot in found for one in plot.marks], slot_minutes)
    return [(plot.part, _chart(facts, judgement, plot, calendar, speech)) for plot in found]


def plots(facts: Facts, judgement: Judgement) -> list[Plot]:
    """Return the half hours of each part of the verdict that were judged, and what was promised and required."""
    slot_minutes = standard.parse(facts.standard).statistics.slot_minutes.value
    return [*_speeds(facts, judgement), *_round_trips(facts, judgement, slot_minutes)]


def promise_of(name: str) -> tuple[Way, Which]:
    """Return which promised speed a part of a rule is about."""
    way, _, which = name.partition(" ")
    return ("upload" if way == "upload" else "download"), next((one for one in get_args(Which) if one == which), "most")


def left_out(facts: Facts) -> list[exclusions.Span]:
    """Return the spans of the month that did not count."""
    announced_h = standard.parse(facts.standard).exclusions.announced_h.value
    found: dict[exclusions.Span, None] = {}
    for held in facts.stretches:
        for one in exclusions.spans(facts.exclusions, held.terms, announced_h):
            days = (facts.lessons.slot_of(one.begins, 1).date(), facts.lessons.slot_of(one.ends, 1).date())
            if days[0] <= held.last and days[1] >= held.first:
                found[one] = None
    return list(found)


def _speeds(facts: Facts, judgement: Judgement) -> Iterator[Plot]:
    """Yield a plot for each promised speed, in Mbit/s."""
    for asked in judgement.asked:
        marks = [
            Mark(one.slot, one.best.value_bps / 1e6, _kind(one))
            for one in asked.outcomes
            if one.good is not None and one.best is not None
        ]
        if marks:
            way = promise_of(asked.name)[0]
            yield Plot(part=asked.name, title=f"chart.{way}", marks=marks, lines=list(_levels(facts, asked)))


def _kind(one: Outcome) -> str:
    if not one.good:
        return "bad"
    return "least" if one.best is not None and one.best.high_bps is None else "good"


def _levels(facts: Facts, asked: Asked) -> Iterator[Line]:
    """Yield what was promised and what was required, for the days on which the same terms held."""
    way, which = promise_of(asked.name)
    held = facts.stretches
    newest_bps = held[-1].terms.promised_bps(way, which) if held else None
    if newest_bps is None or asked.level is None:
        return
    share = Fraction(asked.level.bps) / newest_bps
    for one in held:
        promised_bps = one.terms.promised_bps(way, which)
        if promised_bps is not None:
            yield Line(one.first, one.last, promised_bps / 1e6, "promised")
            yield Line(one.first, one.last, float(share * promised_bps) / 1e6, "required")


def _round_trips(facts: Facts, judgement: Judgement, slot_minutes: int) -> Iterator[Plot]:
    """Yield the plot of round trips, in milliseconds, where the rule asks for them and the contract names a longest."""
    if all(one.name != ROUND_TRIP for one in judgement.asked):
        return
    promised = [(one, one.terms.rtt_ms) for one in facts.stretches if one.terms.rtt_ms is not None]
    shortest: dict[datetime, float] = {}
    for one in judgement.tests:  # as the judge takes them: of each half hour the shortest that may speak
        if not one.void and not one.weak and one.rtt_idle_ms is not None:
            slot = facts.lessons.slot_of(one.at, slot_minutes)
            shortest[slot] = min(shortest.get(slot, one.rtt_idle_ms), one.rtt_idle_ms)
    marks = list(_echoes(shortest, promised))
    if marks:
        lines = [Line(held.first, held.last, most_ms, "required") for held, most_ms in promised]
        top = _TALLEST * max(one.value for one in lines)
        yield Plot(part=ROUND_TRIP, title="chart.round trip", marks=marks, lines=lines, top=top)


def _echoes(shortest: dict[datetime, float], promised: Sequence[tuple[Stretch, float]]) -> Iterator[Mark]:
    for slot in sorted(shortest):
        most_ms = next((most_ms for held, most_ms in promised if held.first <= slot.date() <= held.last), None)
        if most_ms is not None:
            yield Mark(slot, shortest[slot], "good" if shortest[slot] <= most_ms else "bad")


def _chart(facts: Facts, judgement: Judgement, plot: Plot, calendar: Calendar, speech: Speech) -> dict[str, Any]:
    most = max([*(one.value for one in plot.marks), *(one.value for one in plot.lines)])
    is_cut = plot.top is not None and most > plot.top
    step, top = _scale(plot.top if is_cut and plot.top is not None else most)
    notes = [speech.say("chart.days", begins=_clock(calendar.begins), ends=_clock(calendar.ends))]
    notes += [speech.say("chart.cut")] if is_cut else []
    return {
        "title": speech.say(plot.title),
        "days": [{"x": x, "label": str(day.day), "rest": day.isoweekday() > 5} for x, day in calendar.days],
        "ticks": [{"y": number * step / top, "label": speech.number(number * step, 3)} for number in _to(top, step)],
        "lines": [
            {"x1": calendar.of_day(one.first), "x2": calendar.of_day(one.last + _DAY), "y": one.value / top}
            | {"kind": one.kind}
            for one in plot.lines
        ],
        "bands": list(_bands(facts, calendar)),
        "outages": [{"x1": calendar.place(one.begins), "x2": calendar.place(one.ends)} for one in judgement.outages],
        "marks": [
            {"x": calendar.place(one.slot), "y": min(1.0, one.value / top), "kind": one.kind} for one in plot.marks
        ],
        "note": " ".join(notes),
    }


def _bands(facts: Facts, calendar: Calendar) -> Iterator[dict[str, float]]:
    for one in left_out(facts):
        x1, x2 = calendar.place(one.begins), calendar.place(one.ends)
        if x1 < x2:
            yield {"x1": x1, "x2": x2}


def _scale(most: float) -> tuple[float, float]:
    """Return a round step and the top of an axis that holds ``most``."""
    rough = most / _LINES
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return step, step * math.ceil(most * 1.04 / step)


def _to(top: float, step: float) -> range:
    return range(round(top / step) + 1)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
