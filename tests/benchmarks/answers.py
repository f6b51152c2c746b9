"""The answer to "does the line reach the target?": is it right, could it be, and what did it cost?"""

import math
from typing import Literal

from msgspec import Struct

from agent.contract import standards
from agent.contract.measurement import Direction
from agent.contract.standards import Outcome
from tests.benchmarks import page, places
from tests.benchmarks.page import judged
from tests.benchmarks.trial import Ours
from tests.lab.far_end import FarEnd, Way
from tests.lab.shape import Shape

CLEAR_OF_LEVEL = 0.02
DATA_S, TIME_S, TIME_GEO_S = 4.0, 5.0, 20.0
SEEN_AFTER_S = 0.9  # of the steady rate, to tell the end of a boost from a disturbance
Answer = Literal["right", "wrong", "undecided", "failed", "too near", "out of reach", "marked"]
COLUMNS = ("line", "target", "way", "true", "answer", "MB", "of allowed", "s", "stop", "note")
_FINE = {"right", "too near", "marked"}


class Asked(Struct, frozen=True):
    """One direction of one test, and the target that it was asked for.

    ``beside_others`` tells that other traffic of this computer ran in this direction: then a marked test judges nobody,
    and what the line let through is not ours alone.
    """

    far: FarEnd
    way: Way
    target_bps: float
    found: Ours
    beside_others: bool = False

    @property
    def shape(self) -> Shape:
        """The line in this direction; its rate, not its boost, is the truth."""
        return getattr(self.far.line, self.way)


class Row(Struct, frozen=True):
    """One answer: how right, what was said, and data and time as shares of what is allowed, where they are known."""

    answer: Answer
    cells: list[str]
    outcome: Outcome | None = None
    data_share: float = math.nan
    time_share: float = math.nan


def judge(asked: Asked) -> Row:
    """Judge one answer."""
    found, truth = asked.found, page.megabits(asked.shape.rate_bps)
    if found.seen is None:
        return Row("failed", [truth, judged("failed", fine=False), *[""] * 4, page.note(found.failure)])
    direction: Direction = getattr(found.seen, asked.way)
    outcome = standards.judge_rate(standards.interval_of(direction), asked.target_bps, _tolerance())
    answer = _answer(asked, outcome)
    carried = math.nan if asked.beside_others else found.spent.carried[asked.way]
    data_share = carried * 8 / (DATA_S * asked.target_bps)
    time_share = direction.duration_s / (TIME_GEO_S if asked.far.line.rtt_ms >= places.GEO_RTT_MS else TIME_S)
    cells = [
        truth,
        answer if answer == "out of reach" else judged(answer, fine=answer in _FINE),
        *_data(carried, data_share),
        judged(f"{direction.duration_s:.1f}", fine=time_share <= 1),
        direction.stop,
        page.note(f"{outcome} {_interval(direction)}", *_remarks(asked, answer)),
    ]
    return Row(answer, cells, outcome, data_share, time_share)


def level_bps(target_bps: float) -> float:
    """Return the decision level of a target."""
    return standards.decision_level(target_bps, _tolerance())


def _tolerance() -> float:
    return standards.shipped_standards().tolerance


def _answer(asked: Asked, outcome: Outcome) -> Answer:
    truth, level = asked.shape.rate_bps, level_bps(asked.target_bps)
    if asked.beside_others and "cross_traffic" in asked.found.seen.tainted:
        return "marked"
    if abs(truth / level - 1) < CLEAR_OF_LEVEL - 1e-9:
        return "too near"
    if outcome == ("PASS" if truth >= level else "FAIL"):
        return "right"
    if _out_of_reach(asked.shape, asked.target_bps) is not None:
        return "out of reach"
    return "undecided" if outcome == "UNDECIDED" else "wrong"


def _out_of_reach(shape: Shape, target_bps: float) -> str | None:
    """Return the arithmetic by which the data of a verdict cannot show where a boost ends; None where they can.

    Where rate and peak lie on the same side of the level, the boost hides nothing. Fewer bytes than at the full peak
    do not empty a bucket: a slower sender gives it more time to fill again.
    """
    if shape.peak_bps is None or not shape.rate_bps < level_bps(target_bps) <= shape.peak_bps:
        return None
    boost = shape.burst_bytes * shape.peak_bps / (shape.peak_bps - shape.rate_bps)
    after = SEEN_AFTER_S * shape.rate_bps / 8
    allowed = DATA_S * target_bps / 8
    if boost + after <= allowed:
        return None
    return f"boost {boost / 1e6:.2f} MB + {SEEN_AFTER_S} s steady {after / 1e6:.2f} MB > allowed {allowed / 1e6:.2f} MB"


def _remarks(asked: Asked, answer: Answer) -> list[str | None]:
    spent, seen = asked.found.spent, asked.found.seen
    return [
        _out_of_reach(asked.shape, asked.target_bps) if answer == "out of reach" else None,
        ", ".join(seen.tainted),
        spent.distrust and f"emulator: {spent.distrust}",
    ]


def _data(carried: float, share: float) -> list[str]:
    if math.isnan(carried):
        return ["-", "-"]
    return [f"{carried / 1e6:.2f}", judged(page.percent(share, 0), fine=share <= 1)]


def _interval(direction: Direction) -> str:
    low, high = (page.megabits(one) for one in (direction.ip_low_bps, direction.ip_high_bps))
    return f"{page.megabits(direction.ip_bps)} [{low}, {high}]"
