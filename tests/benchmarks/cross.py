"""Other traffic of the same computer meanwhile: is it marked, and do ours and theirs together give the line?"""

import math
from collections.abc import Sequence

from agent.contract.measurement import Direction
from tests.benchmarks import page, places, trial
from tests.benchmarks.page import Summary, judged, megabits, percent
from tests.benchmarks.trial import COMPETING_SHARE, WAYS, Ours
from tests.lab.far_end import Competing, FarEnd, Way

WITHIN = 0.08
_COLUMNS = ("line", "way", "true", "ours", "theirs: said", "arrived", "sum", "error", "marked", "s", "note")
_NOTE = (
    f"UDP of {COMPETING_SHARE:.0%} of the line's rate, one direction at a time; it does not give way. 'arrived' is "
    "what came of it while\nthe whole test ran, idle phase and other direction included; rates in Mbit/s at the "
    "IP layer."
)


def run(words: Sequence[str] = ()) -> None:
    """Print the tables; words choose lines by their names."""
    errors: list[float] = []
    marked: list[bool] = []
    with page.table("Competing traffic of this computer", *_COLUMNS, note=_NOTE) as made, page.telling() as now:
        for far in places.each(places.chosen(words), now):
            for way in WAYS:
                now.say(f"{far.line.name}: other traffic in the {way}")
                with far.competing(way, COMPETING_SHARE) as theirs:
                    found = trial.ours(far)
                cells = _judge(far, way, found, theirs)
                errors.append(_error(far, way, found))
                marked.append(_is_marked(found))
                made.add_row(far.line.name, way, *cells)
    summary = Summary("Competing traffic: what it must show")
    summary.least("marked", sum(marked) / max(1, len(marked)), 1)
    worst = max((math.inf if math.isnan(one) else abs(one) for one in errors), default=math.nan)
    summary.most("worst error of ours plus theirs", worst, WITHIN)
    summary.show()


def _is_marked(found: Ours) -> bool:
    return found.seen is not None and "cross_traffic" in found.seen.tainted


def _error(far: FarEnd, way: Way, found: Ours) -> float:
    if found.seen is None:
        return math.nan
    direction: Direction = getattr(found.seen, way)
    return trial.error(direction.ip_bps + (direction.cross_traffic_bps or 0), far.truth(way))


def _judge(far: FarEnd, way: Way, found: Ours, theirs: Competing) -> list[str]:
    truth = megabits(far.truth(way))
    arrived = megabits(theirs.arrived.ip_bps) if theirs.arrived is not None else "-"
    if found.seen is None:
        return [truth, judged("failed", fine=False), "", arrived, *[""] * 4, page.note(found.failure)]
    direction: Direction = getattr(found.seen, way)
    error = _error(far, way, found)
    distrust = found.spent.distrust and f"emulator: {found.spent.distrust}"
    return [
        truth,
        megabits(direction.ip_bps),
        megabits(direction.cross_traffic_bps),
        arrived,
        megabits(direction.ip_bps + (direction.cross_traffic_bps or 0)),
        judged(percent(error, sign=True), fine=abs(error) <= WITHIN),
        judged("yes" if _is_marked(found) else "no", fine=_is_marked(found)),
        f"{direction.duration_s:.1f}",
        page.note(", ".join((*found.seen.tainted, *found.seen.suspected)), distrust),
    ]
