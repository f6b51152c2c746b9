"""Does the line reach a target? Our msak probe's answer for three targets on every clean line, and what it cost."""

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from agent.contract import standards
from agent.contract.measurement import Direction
from tests.benchmarks import page, places, trial
from tests.benchmarks.page import Now, Summary, judged
from tests.benchmarks.trial import WAYS, Ours
from tests.lab import lines
from tests.lab.far_end import FarEnd, Way

TARGETS_MBPS = ((20, 5), (50, 5), (100, 20))
CLEAR_OF_LEVEL = 0.02
DATA_S, TIME_S, TIME_GEO_S = 4.0, 5.0, 20.0
Answer = Literal["right", "wrong", "undecided", "too near", "failed"]
_COLUMNS = ("line", "target", "way", "true", "answer", "MB", "of allowed", "s", "stop", "note")
_NOTE = "MB: what the line let through in this direction in the whole run, acknowledgements of the other one included."


class Row(Struct, frozen=True):
    """One answer: how right, and its data and time as shares of what is allowed."""

    answer: Answer
    data_share: float
    time_share: float


def run(words: Sequence[str] = ()) -> None:
    """Print the tables; words choose lines by their names."""
    rows: list[Row] = []
    with page.table("Verdicts on clean lines", *_COLUMNS, note=_NOTE) as made, page.telling() as now:
        for far in places.each(places.chosen(words), now):
            for target in TARGETS_MBPS:
                now.say(f"{far.line.name}: verdict for {target[0]}/{target[1]}")
                found = _ask(far, target)
                for way, target_mbps in zip(WAYS, target, strict=True):
                    row, cells = _judge(far, way, target_mbps * 1e6, found)
                    rows.append(row)
                    made.add_row(far.line.name, f"{target[0]}/{target[1]}", way, *cells)
            made.add_section()
        for target, far in _near_the_level(now) if not words else ():
            found = _ask(far, target)
            for way, target_mbps in zip(WAYS, target, strict=True):
                row, cells = _judge(far, way, target_mbps * 1e6, found)
                rows.append(row)
                made.add_row(far.line.name, f"{target[0]}/{target[1]}", way, *cells)
    _summarise(rows)


def _near_the_level(now: Now) -> Iterator[tuple[tuple[float, float], FarEnd]]:
    """Give lines that are as near to a target's decision level as an answer is asked for, with that target."""
    tolerance = standards.shipped_standards().tolerance
    wanted = [(target, side) for target in TARGETS_MBPS for side in (1 + CLEAR_OF_LEVEL, 1 - CLEAR_OF_LEVEL)]
    near = []
    for (down, up), side in wanted:
        rates = (standards.decision_level(down, tolerance) * side, standards.decision_level(up, tolerance) * side)
        near.append(lines.of_rates(f"{side:.0%} of {down}/{up}'s level", rates))
    yield from zip((target for target, _ in wanted), places.each(near, now), strict=True)


def _ask(far: FarEnd, target: tuple[float, float]) -> Ours:
    targets = (f"target_{way}_bps={mbps * 1e6}" for way, mbps in zip(WAYS, target, strict=True))
    return trial.ours(far, "purpose=verdict", *targets)


def _judge(far: FarEnd, way: Way, target_bps: float, found: Ours) -> tuple[Row, list[str]]:
    truth = page.megabits(far.truth(way))
    if found.seen is None:
        return Row("failed", 0, 0), [truth, judged("failed", fine=False), *[""] * 4, page.note(found.failure)]
    direction: Direction = getattr(found.seen, way)
    answer = _answer(far.truth(way), target_bps, direction)
    carried = found.spent.carried[way]
    allowed_s = TIME_GEO_S if far.line.rtt_ms >= places.GEO_RTT_MS else TIME_S
    row = Row(answer, carried * 8 / (DATA_S * target_bps), direction.duration_s / allowed_s)
    distrust = found.spent.distrust and f"emulator: {found.spent.distrust}"
    cells = [
        truth,
        judged(answer, fine=answer in {"right", "too near"}),
        f"{carried / 1e6:.2f}",
        judged(page.percent(row.data_share, 0), fine=row.data_share <= 1),
        judged(f"{direction.duration_s:.1f}", fine=row.time_share <= 1),
        direction.stop,
        page.note(_interval(direction), distrust),
    ]
    return row, cells


def _answer(truth_bps: float, target_bps: float, direction: Direction) -> Answer:
    tolerance = standards.shipped_standards().tolerance
    level = standards.decision_level(target_bps, tolerance)
    if abs(truth_bps / level - 1) < CLEAR_OF_LEVEL - 1e-9:
        return "too near"
    outcome = standards.judge_rate(standards.interval_of(direction), target_bps, tolerance)
    if outcome == "UNDECIDED":
        return "undecided"
    return "right" if (outcome == "PASS") == (truth_bps >= level) else "wrong"


def _interval(direction: Direction) -> str:
    low, high = (page.megabits(one) for one in (direction.ip_low_bps, direction.ip_high_bps))
    return f"{page.megabits(direction.ip_bps)} [{low}, {high}]"


def _summarise(rows: Sequence[Row]) -> None:
    summary = Summary("Verdicts: what they must show")
    answers = [row.answer for row in rows if row.answer != "too near"]
    summary.least(f"right, of {len(answers)}", answers.count("right") / max(1, len(answers)), 1)
    summary.most("wrong", answers.count("wrong"), 0, "answers")
    summary.most("worst share of 4 s x target of data", max((row.data_share for row in rows), default=0), 1)
    summary.most("worst share of 5 s (GEO: 20 s)", max((row.time_share for row in rows), default=0), 1)
    summary.show()
