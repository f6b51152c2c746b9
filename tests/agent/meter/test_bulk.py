"""What a direction says of itself, from counts that are known."""

import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from agent.contract import standards
from agent.meter import bulk
from agent.meter.bulk import Bulk, Setting
from agent.meter.counting import Counter
from agent.meter.errors import TransferError
from agent.meter.estimate import SYSTEMATIC
from agent.meter.growth import Growth
from agent.meter.series import Curve
from agent.meter.stop import Question
from tests.fakes.curves import carried
from tests.fakes.lanes import FakeLane

IP_SHARE = 1500 / 1448


class Known(Counter):
    """Has counted what the test says."""

    counted_at = "receiver"

    def __init__(self, curve: Curve) -> None:
        self.curve = curve

    def join(self, lane: FakeLane) -> None:
        """Know the lane."""

    @property
    def bytes(self) -> int:
        return int(self.curve.total / IP_SHARE)

    def ip_share(self) -> float:
        return IP_SHARE

    def curves(self, began: float) -> tuple[Curve, ...]:  # noqa: ARG002 - its clock is the test's own
        return (self.curve,)


def looked(
    rate: Callable[[float], float], seconds: float, rtt_s: float = 0.02, question: Question | None = None
) -> Bulk:
    """Return a download that has run so long at this rate, and looked at it a last time."""
    return at_the_end(carried(rate, seconds), seconds, rtt_s, question)


def at_the_end(
    curve: Curve, seconds: float, rtt_s: float = 0.02, question: Question | None = None, connections: int = 4
) -> Bulk:
    engine = SimpleNamespace(open=FakeLane, most_lanes=1, tells_count=True, begin=lambda *_: None, tick=lambda _: None)
    question = question or Question()
    setting = Setting(
        way="download",
        question=question,
        rtt_s=rtt_s,
        ends_at=time.monotonic() + 60,
        lane_pace_bps=question.pace_bps,
    )
    run = Bulk(engine, setting, Known(curve), lambda _now: None)
    run.lanes = [FakeLane()]
    run._growth = Growth(FakeLane, connections, connections, rtt_s)
    run.elapsed_s = seconds
    run._look(run._counter.bytes)
    return run


def test_an_even_direction_has_both_bounds() -> None:
    """On a quick line the even part bounds the rate from both sides, and goodput is what of it was payload."""
    result = looked(lambda _s: 20e6, 5.0).result()
    assert result.ip_bps == pytest.approx(20e6, rel=1e-4)
    assert result.goodput_bps == pytest.approx(20e6 / IP_SHARE, rel=1e-4)
    assert result.ip_low_bps == pytest.approx(20e6 * (1 - SYSTEMATIC), rel=1e-4)
    assert result.ip_high_bps == pytest.approx(20e6 * (1 + SYSTEMATIC), rel=1e-4)
    assert (result.stop, result.burst_bps, result.paced_bps) == ("converged", None, None)
    assert len(result.samples_bps) == 100


@pytest.mark.parametrize("rtt_s", [0.1, 0.6])
def test_a_direction_that_still_grows_is_bounded_from_below_only(rtt_s: float) -> None:
    """What was reached last can be proven, nothing above it: a line that was not filled is never called slow."""
    result = looked(lambda s: 1e6 * 2 ** (s / rtt_s), 6 * rtt_s, rtt_s).result()
    assert result.ip_high_bps is None
    for wanted in (result.ip_bps * 10, result.ip_bps * 1.5):
        assert standards.judge_rate(standards.interval_of(result), wanted, 0.05) == "UNDECIDED"


@pytest.mark.parametrize(("before_bps", "after_bps"), [(5e9, 26e9), (26e9, 5e9)])
def test_a_level_that_came_late_is_bounded_from_below_by_itself(before_bps: float, after_bps: float) -> None:
    """Half a second at a new level, as a busy computer's loopback has it, proves that level and no other one."""
    result = looked(lambda s: before_bps if s < 2.45 else after_bps, 3.0, question=Question(max_s=3.0)).result()
    assert (result.ip_high_bps, result.stop) == (None, "time")
    assert result.ip_low_bps == pytest.approx(after_bps, rel=0.02)
    assert standards.judge_rate(standards.interval_of(result), 20_000_000, 0.05) == "PASS"


@pytest.mark.parametrize("seconds", [0.2, 0.5])
def test_a_direction_that_was_cut_short_proves_nothing(seconds: float) -> None:
    """A mean over slow start has no upper bound, whoever cut it short."""
    result = looked(lambda _s: 20e6, seconds, question=Question(max_s=seconds)).result()
    assert (result.stop, result.ip_high_bps) == ("time", None)
    assert standards.judge_rate(standards.interval_of(result), 200_000_000, 0.05) == "UNDECIDED"


def test_a_fall_is_told() -> None:
    """A line that boosted first is what it was afterwards, and the boost stands beside it."""
    result = looked(lambda s: 60e6 if s < 2 else 20e6, 6.0).result()
    assert result.sustained_bps == result.ip_bps == pytest.approx(20e6, rel=0.01)
    assert result.burst_bps == pytest.approx(60e6, rel=0.05)


def test_a_short_test_does_not_claim_to_have_looked_past_a_boost() -> None:
    """Without a fall, and with less carried than a bucket holds, nothing is called sustained; with more it is."""
    assert looked(lambda _s: 20e6, 3.0).result().sustained_bps is None
    long = looked(lambda _s: 100e6, 4.0).result()
    assert (long.sustained_bps, long.burst_bps) == (long.ip_bps, None)


def test_a_paced_direction_is_a_lower_bound() -> None:
    """What the pace bound has no upper bound; a line slower than the pace has one."""
    question = Question(purpose="verdict", level_bps=19e6, pace_bps=30e6)
    paced = looked(lambda _s: 30e6, 3.0, question=question).result()
    assert (paced.stop, paced.ip_high_bps, paced.paced_bps, paced.is_lower_bound) == ("verdict", None, 30e6, True)
    slow = looked(lambda _s: 15e6, 3.0, question=question).result()
    assert slow.ip_high_bps == pytest.approx(15e6 * (1 + SYSTEMATIC), rel=1e-3)
    assert (slow.stop, slow.is_lower_bound) == ("verdict", False)


def test_a_pace_that_nobody_keeps_is_none() -> None:
    """A far end that sends clearly faster than it was asked to is measured like any other, and no pace is claimed."""
    question = Question(purpose="verdict", level_bps=95e6, pace_bps=30e6)
    ignored = looked(lambda _s: 60e6, 3.0, question=question).result()
    assert (ignored.paced_bps, ignored.is_lower_bound) == (None, False)
    assert ignored.ip_high_bps == pytest.approx(60e6 * (1 + SYSTEMATIC), rel=1e-3)
    assert ignored.stop == "verdict"


@pytest.mark.parametrize(("connections", "is_bounded"), [(1, False), (3, False), (4, True)])
def test_too_few_connections_prove_nothing_above(connections: int, is_bounded: bool) -> None:
    """Where nothing shows that more connections would carry no more, a line is never called slow."""
    run = at_the_end(carried(lambda _s: 15e6, 4.0), 4.0, connections=connections)
    assert (run.result().ip_high_bps is not None) == is_bounded
    asked = Question(purpose="verdict", level_bps=19e6)
    verdict = at_the_end(carried(lambda _s: 15e6, 3.0), 3.0, question=asked, connections=connections)
    assert (verdict.stop == "verdict") == is_bounded


@pytest.mark.parametrize("reason", ["time", "converged", "bytes"])
def test_counts_that_stopped_are_no_measurement(reason: str) -> None:
    """Counts that end long before the test, silence or a slow clock, are a stall, whatever ended the test."""
    run = at_the_end(carried(lambda _s: 20e6, 3.0), 6.0)
    run.stop = reason
    with pytest.raises(TransferError) as caught:
        run.result()
    assert caught.value.failure == "stalled"


def test_nothing_counted_is_no_zero() -> None:
    """A direction without bytes has no rate: it fails, and the sentence says why."""
    with pytest.raises(TransferError) as caught:
        looked(lambda _s: 0.0, 1.0).result()
    assert caught.value.failure == "deadline"


@pytest.mark.parametrize(
    ("left", "counted", "failure"),
    [("early", 900, "closed_early"), ("peace", 400, "closed_early"), ("peace", 600, None)],
)
def test_a_far_end_that_leaves(left: str, counted: int, failure: str | None) -> None:
    """It may leave in peace near the byte limit; anything else is a broken test and not half of a whole one."""
    run = at_the_end(carried(lambda _s: 20e6, 1.0), 1.0, question=Question(max_bytes=1000))
    run.stop = None
    run.lanes[0].left = left
    if failure is None:
        run._watch(time.monotonic(), counted)
        assert run.stop == "bytes"
    else:
        with pytest.raises(TransferError) as caught:
            run._watch(time.monotonic(), counted)
        assert caught.value.failure == failure


def test_a_stall_waits_longer_on_a_long_line() -> None:
    """Without one more byte for three seconds, and some round trips, it is over."""
    for rtt_s, patience_s in ((0.0, bulk.STALL_S), (0.6, bulk.STALL_S + 2.4)):
        run = at_the_end(carried(lambda _s: 20e6, 1.0), 1.0, rtt_s)
        run._watch(run._grown_at + patience_s - 0.1, 1)
        with pytest.raises(TransferError, match="no byte arrived for 3 s"):
            run._watch(run._grown_at + patience_s + 0.1, 1)
