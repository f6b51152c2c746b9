"""Is the stated uncertainty honest? Many short capacity tests: how often the 95 % interval holds the truth."""

import math
import statistics
from collections.abc import Sequence

from msgspec import Struct

from agent.contract.measurement import Direction
from tests.benchmarks import page, places, trial
from tests.benchmarks.page import Now, Summary, percent
from tests.benchmarks.trial import WAYS, Ours
from tests.lab.far_end import FarEnd, Way

TESTS = 200  # each measures both directions
HOLDS, HALF_WIDTH = 0.9, 0.02
_COLUMNS = ("line", "way", "tests", "failed", "no interval", "late", "hold", "half-width", "error", "worst", "bias")
_NOTE = (
    "late: tests whose line the emulator could not keep to; they count under 'all', not for the limits. hold: of the "
    "intervals with two\nbounds. half-width and error are medians, bias is the mean error with its sign."
)


class Interval(Struct, frozen=True):
    """One direction of one test, all as shares of the truth; the bounds are not numbers where there are none."""

    line: str
    way: Way
    error: float
    low: float = math.nan
    high: float = math.nan
    late: bool = False
    failure: str | None = None

    @property
    def is_bounded(self) -> bool:
        """Tell whether it has two bounds."""
        return not (math.isnan(self.low) or math.isnan(self.high))

    @property
    def holds(self) -> bool:
        """Tell whether the truth lies within."""
        return self.low <= 0 <= self.high


def run(words: Sequence[str] = ()) -> None:
    """Print the tables; a number among the words is how many tests, the others choose lines by their names."""
    tests = next((int(word) for word in words if word.isdecimal()), TESTS)
    lines = places.chosen(word for word in words if not word.isdecimal())
    seen: list[Interval] = []
    with page.telling() as now:
        try:
            # The lines in turn: a disturbance of some minutes so falls on all of them.
            for emulated in (True, False):
                alike = [line for line in lines if line.emulated == emulated]
                share = round(tests * len(alike) / len(lines))
                for far in places.each([alike[number % len(alike)] for number in range(share)] if alike else [], now):
                    seen += _test(far, now, f"test {len(seen) // len(WAYS) + 1} of {tests}")
        finally:
            _show(seen)


def _test(far: FarEnd, now: Now, which: str) -> list[Interval]:
    now.say(f"{which}: {far.line.name}")
    found = trial.ours(far)
    return [_interval(far, way, found) for way in WAYS]


def _interval(far: FarEnd, way: Way, found: Ours) -> Interval:
    late = found.spent.distrust is not None
    if found.seen is None:
        return Interval(far.line.name, way, math.nan, late=late, failure=found.failure)
    direction: Direction = getattr(found.seen, way)
    rates = (direction.ip_bps, direction.ip_low_bps, direction.ip_high_bps)
    return Interval(far.line.name, way, *(trial.error(one, far.truth(way)) for one in rates), late)


def _show(seen: Sequence[Interval]) -> None:
    with page.table("Interval honesty", *_COLUMNS, note=_NOTE) as made:
        for line in dict.fromkeys(one.line for one in seen):
            for way in WAYS:
                made.add_row(line, way, *_cells([one for one in seen if (one.line, one.way) == (line, way)]))
        made.add_section()
        made.add_row("all", "", *_cells(seen))
    for failed in (one for one in seen if one.failure is not None and one.way == WAYS[0]):
        page.console.print(f"FAILED: {failed.line}: {failed.failure}", markup=False)
    in_time = [one for one in seen if not one.late]
    bounded = [one for one in in_time if one.is_bounded]
    summary = Summary("Interval honesty: what it must show")
    summary.least(f"95 % intervals that hold the truth, of {len(bounded)}", _share(bounded), HOLDS)
    summary.most("median half-width", _median([_half_width(one) for one in bounded]), HALF_WIDTH)
    summary.most("tests that failed", sum(one.failure is not None for one in in_time) / len(WAYS), 0, "tests")
    summary.show()


def _cells(some: Sequence[Interval]) -> list[str]:
    errors = [one.error for one in some if not math.isnan(one.error)]
    bounded = [one for one in some if one.is_bounded]
    return [
        *map(str, (len(some), len(some) - len(errors), len(errors) - len(bounded), sum(one.late for one in some))),
        percent(_share(bounded), 0),
        percent(_median([_half_width(one) for one in bounded]), 2),
        percent(_median([abs(one) for one in errors]), 2),
        percent(max(map(abs, errors), default=math.nan), 2),
        percent(statistics.fmean(errors) if errors else math.nan, 2, sign=True),
    ]


def _share(some: Sequence[Interval]) -> float:
    return sum(one.holds for one in some) / len(some) if some else math.nan


def _half_width(one: Interval) -> float:
    return (one.high - one.low) / 2


def _median(figures: Sequence[float]) -> float:
    return statistics.median(figures) if figures else math.nan
