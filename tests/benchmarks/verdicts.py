"""Does the line reach a target? Our msak probe's answers on every line: clean, boosted, beside other traffic."""

import math
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from tests.benchmarks import answers, page, places, trial
from tests.benchmarks.answers import Asked, Row
from tests.benchmarks.page import Now, Summary
from tests.benchmarks.trial import COMPETING_SHARE, WAYS, Ours
from tests.lab import lines
from tests.lab.far_end import FarEnd, Way
from tests.lab.lines import KnownLine

TARGETS_MBPS = ((20, 5), (50, 5), (100, 20))
BUCKET_BYTES = 2_000_000
_NOTE = "MB: what the line let through in this direction in the whole run, acknowledgements of the other one included."
_BOOSTED_NOTE = (
    f"A bucket of {BUCKET_BYTES / 1e6:g} MB at three times the rate; true is the rate when it is empty. A line faster "
    "than the sender's pace never uses its boost.\nout of reach: not right, and nobody could know within the allowed "
    "data: the level lies between rate and peak, and the boost alone takes\ntoo much of them."
)
_COMPETING_NOTE = (
    f"UDP of {COMPETING_SHARE:.0%} of the line's rate in this direction, the only one judged; the target whose level "
    "is nearest to the rate. marked: seen,\nso that nobody is judged by it. The line's count of bytes is of both, so "
    "the data are not judged."
)


class Case(Struct, frozen=True):
    """A line and a target to ask for; ``beside`` is the direction of other traffic, then the only one judged."""

    far: FarEnd
    target_mbps: tuple[float, float]
    beside: Way | None = None


def run(words: Sequence[str] = ()) -> None:
    """Print the tables; words choose lines by their names."""
    chosen = places.chosen(words)
    _show("Verdicts on clean lines", _NOTE, lambda now: _clean(chosen, now, near_too=not words))
    _show("Verdicts on boosted lines", _BOOSTED_NOTE, lambda now: _boosted(chosen, now))
    _show("Verdicts beside other traffic of this computer", _COMPETING_NOTE, lambda now: _competing(chosen, now))


def _clean(chosen: Sequence[KnownLine], now: Now, *, near_too: bool) -> Iterator[Case]:
    for far in places.each(chosen, now):
        yield from (Case(far, target) for target in TARGETS_MBPS)
    if near_too:
        yield from _near_the_level(now)


def _near_the_level(now: Now) -> Iterator[Case]:
    """Give lines that are as near to a target's decision level as an answer is asked for, with that target."""
    sides = (1 + answers.CLEAR_OF_LEVEL, 1 - answers.CLEAR_OF_LEVEL)
    wanted = [(target, side) for target in TARGETS_MBPS for side in sides]
    near = []
    for (down, up), side in wanted:
        rates = (answers.level_bps(down) * side, answers.level_bps(up) * side)
        near.append(lines.of_rates(f"{side:.0%} of {down}/{up}'s level", rates))
    yield from (Case(far, target) for (target, _), far in zip(wanted, places.each(near, now), strict=True))


def _boosted(chosen: Sequence[KnownLine], now: Now) -> Iterator[Case]:
    for far in places.each([lines.boosted(line, BUCKET_BYTES) for line in chosen], now):
        yield from (Case(far, target) for target in TARGETS_MBPS)


def _competing(chosen: Sequence[KnownLine], now: Now) -> Iterator[Case]:
    for far in places.each(chosen, now):
        yield from (Case(far, _nearest(far, way), way) for way in WAYS)


def _nearest(far: FarEnd, way: Way) -> tuple[float, float]:
    """Return the target whose decision level is nearest to the line's rate: the hardest to answer."""
    rates = {target: answers.level_bps(target[WAYS.index(way)] * 1e6) / far.truth(way) for target in TARGETS_MBPS}
    return min(rates, key=lambda target: abs(math.log(rates[target])))


def _show(title: str, note: str, cases: Callable[[Now], Iterator[Case]]) -> None:
    rows: list[Row] = []
    before = None
    with page.table(title, *answers.COLUMNS, note=note) as made, page.telling() as now:
        for case in cases(now):
            if case.far.line != before:
                made.add_section()
            before = case.far.line
            down, up = case.target_mbps
            now.say(f"{before.name}: verdict for {down}/{up}{_others(case)}")
            found = _ask(case)
            for way, target_mbps in zip(WAYS, case.target_mbps, strict=True):
                if case.beside in {None, way}:
                    row = answers.judge(Asked(case.far, way, target_mbps * 1e6, found, case.beside is not None))
                    made.add_row(before.name, f"{down}/{up}", way, *row.cells)
                    rows.append(row)
    _summarise(title, rows)


def _others(case: Case) -> str:
    return f", other traffic in the {case.beside}" if case.beside else ""


def _ask(case: Case) -> Ours:
    targets = (f"target_{way}_bps={mbps * 1e6}" for way, mbps in zip(WAYS, case.target_mbps, strict=True))
    if case.beside is None:
        return trial.ours(case.far, "purpose=verdict", *targets)
    with case.far.competing(case.beside, COMPETING_SHARE):
        return trial.ours(case.far, "purpose=verdict", *targets)


def _summarise(title: str, rows: Sequence[Row]) -> None:
    summary = Summary(f"{title}: what they must show")
    out_of_reach = [row for row in rows if row.answer == "out of reach"]
    given = [row.answer for row in rows if row.answer not in {"too near", "out of reach"}]
    marked = given.count("marked")
    right = (given.count("right") + marked) / max(1, len(given))
    summary.least(f"right{' or marked' if marked else ''}, of {len(given)}", right, 1)
    summary.most("wrong", given.count("wrong"), 0, "answers")
    if marked:
        summary.told("marked, of these", f"{marked} answers", "nobody is judged by them")
    if out_of_reach:
        wrong = sum(row.outcome != "UNDECIDED" for row in out_of_reach)
        text = f"{len(out_of_reach)} answers: {wrong} wrong, {len(out_of_reach) - wrong} undecided"
        summary.told("out of reach, not among these", text, "the allowed data do not reach past the boost")
    summary.most("worst share of 4 s x target of data", _worst([row.data_share for row in rows]), 1)
    summary.most("worst share of 5 s (GEO: 20 s)", _worst([row.time_share for row in rows]), 1)
    summary.show()


def _worst(shares: Sequence[float]) -> float:
    return max((one for one in shares if not math.isnan(one)), default=math.nan)
