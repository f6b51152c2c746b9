"""The month as a chart: each judged half hour a mark, what was promised and required as lines; pure figures.

Places are 0 to 1, to the right and upwards; what is drawn of them is the template's matter.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any, get_args

from collector.pack.speech import Speech
from collector.verdicts import exclusions, standard
from collector.verdicts.facts import Facts
from collector.verdicts.judge import Judgement
from collector.verdicts.outcomes import Outcome
from collector.verdicts.rules import Asked
from collector.verdicts.terms import Stretch, Way, Which, stretches

_USUAL = (8 * 60, 18 * 60)
_LINES = 5
_DAY = timedelta(days=1)


class Calendar:
    """Where a moment of the month stands: days side by side, each from the earliest judged minute to the latest."""

    def __init__(self, facts: Facts, outcomes: Sequence[Outcome], slot_minutes: int) -> None:
        minutes = [one.slot.hour * 60 + one.slot.minute for one in outcomes]
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
    """Return a chart for each promised speed of which any half hour was judged, with the part's name."""
    slot_minutes = standard.parse(facts.standard).statistics.slot_minutes.value
    judged = [one for asked in judgement.asked for one in asked.outcomes if one.good is not None]
    calendar = Calendar(facts, judged, slot_minutes)
    return [
        (one.name, _chart(facts, judgement, one, calendar, speech))
        for one in judgement.asked
        if one.level is not None and any(outcome.good is not None for outcome in one.outcomes)
    ]


def promise_of(name: str) -> tuple[Way, Which]:
    """Return which promised speed a part of a rule is about."""
    way, _, which = name.partition(" ")
    return ("upload" if way == "upload" else "download"), next((one for one in get_args(Which) if one == which), "most")


def _chart(facts: Facts, judgement: Judgement, asked: Asked, calendar: Calendar, speech: Speech) -> dict[str, Any]:
    shown = [one for one in asked.outcomes if one.good is not None and one.best is not None]
    lines = list(_levels(facts, asked, calendar))
    rates = [one.best.value_bps for one in shown if one.best is not None]
    step, top = _scale(max([*rates, *(bps for _, _, bps, _ in lines)]))
    return {
        "title": speech.say(f"chart.{promise_of(asked.name)[0]}"),
        "days": [{"x": x, "label": str(day.day), "rest": day.isoweekday() > 5} for x, day in calendar.days],
        "ticks": [
            {"y": number * step / top, "label": speech.number(number * step / 1e6, 3)} for number in _to(top, step)
        ],
        "lines": [{"x1": x1, "x2": x2, "y": bps / top, "kind": kind} for x1, x2, bps, kind in lines],
        "bands": list(_bands(facts, calendar)),
        "outages": [{"x1": calendar.place(one.begins), "x2": calendar.place(one.ends)} for one in judgement.outages],
        "marks": [
            {"x": calendar.place(one.slot), "y": one.best.value_bps / top, "kind": _kind(one)}
            for one in shown
            if one.best is not None
        ],
        "note": speech.say("chart.days", begins=_clock(calendar.begins), ends=_clock(calendar.ends)),
    }


def _kind(one: Outcome) -> str:
    if not one.good:
        return "bad"
    return "least" if one.best is not None and one.best.high_bps is None else "good"


def _levels(facts: Facts, asked: Asked, calendar: Calendar) -> Iterator[tuple[float, float, float, str]]:
    """Yield what was promised and what was required, for the days on which the same terms held."""
    way, which = promise_of(asked.name)
    held = own_stretches(facts)
    newest_bps = held[-1].terms.promised_bps(way, which) if held else None
    if newest_bps is None or asked.level is None:
        return
    share = Fraction(asked.level.bps) / newest_bps
    for one in held:
        promised_bps = one.terms.promised_bps(way, which)
        if promised_bps is not None:
            x1, x2 = calendar.of_day(one.first), calendar.of_day(one.last + _DAY)
            yield x1, x2, float(promised_bps), "promised"
            yield x1, x2, float(share * promised_bps), "required"


def own_stretches(facts: Facts) -> list[Stretch]:
    """Return the month's days under the same terms of this line and operator."""
    found = stretches(facts.terms, *facts.days)
    return [one for one in found if (one.terms.line, one.terms.operator) == (facts.line, facts.operator)]


def left_out(facts: Facts) -> list[exclusions.Span]:
    """Return the spans of the month that did not count."""
    announced_h = standard.parse(facts.standard).exclusions.announced_h.value
    found: dict[exclusions.Span, None] = {}
    for held in own_stretches(facts):
        for one in exclusions.spans(facts.exclusions, held.terms, announced_h):
            days = (facts.lessons.slot_of(one.begins, 1).date(), facts.lessons.slot_of(one.ends, 1).date())
            if days[0] <= held.last and days[1] >= held.first:
                found[one] = None
    return list(found)


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
