"""From counts to a rate and its interval: exact on even lines, honest on uneven ones."""

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.meter import estimate
from agent.meter.estimate import SYSTEMATIC
from tests.fakes.curves import carried, noisy, through


@given(st.floats(1e5, 1e9), st.floats(0.7, 20), st.floats(0, 0.2))
def test_an_even_line_is_measured_exactly(rate: float, seconds: float, rtt_s: float) -> None:
    """Without variation only the systematic part is left of the interval, at every rate."""
    line = through((0.0, 0), (30.0, round(rate * 30 / 8)))
    found = estimate.estimate((line,), 1.0, 1.0 + max(seconds, 3.1 * estimate.block_s(rate, rtt_s)), rtt_s)
    assert found.mean_bps == pytest.approx(rate, rel=1e-4)
    assert found.low_bps == pytest.approx(rate * (1 - SYSTEMATIC), rel=1e-4)
    assert found.high_bps == pytest.approx(rate * (1 + SYSTEMATIC), rel=1e-4)
    assert found.spread == pytest.approx(0, abs=1e-6)


def test_connections_add_up() -> None:
    """Several connections that share a line unevenly are one even line."""
    shares = carried(lambda s: 6e6 if s < 2 else 2e6, 4), carried(lambda s: 2e6 if s < 2 else 6e6, 4)
    found = estimate.estimate(shares, 0.5, 4.0, 0.02)
    assert found.mean_bps == pytest.approx(8e6, rel=1e-4)
    assert found.spread < 1e-4


@pytest.mark.parametrize("seconds", [0.8, 1.2, 2.0, 4.0])
def test_the_interval_covers_the_truth_as_often_as_it_says(seconds: float) -> None:
    """Over many noisy tests of a known rate 95 % of the intervals contain it, trimmed or not."""
    trials, covered = 300, 0
    for seed in range(trials):
        found = estimate.estimate((noisy(8e6, seconds, 0.3, seed),), 0.0, seconds, 0.02)
        covered += found.low_bps <= 8e6 <= found.high_bps
    assert covered / trials >= 0.93


@pytest.mark.parametrize("blocks", [3, 5, 6, 7, 11, 20, 40])
def test_the_statistical_part_alone(blocks: int) -> None:
    """Of the trimmed mean's own intervals 95 % hold the mean of what the blocks were drawn from."""
    rng = random.Random(blocks)  # noqa: S311 - a repeatable experiment
    trials, covered = 2000, 0
    for _ in range(trials):
        mean, half = estimate.middle(sorted(rng.gauss(100, 10) for _ in range(blocks)))
        covered += abs(mean - 100) <= half
    assert 0.93 <= covered / trials <= 0.985


def test_idle_moments_are_left_out() -> None:
    """A sender that now and then leaves the line idle does not lower what the line can do."""
    line = carried(lambda s: 0.0 if s % 1.5 < 0.15 else 20e6, 6)
    found = estimate.estimate((line,), 0.0, 6.0, 0.02)
    assert found.mean_bps == pytest.approx(20e6, rel=0.005)
    assert found.low_bps < 20e6 < found.high_bps


def test_too_short_for_an_interval() -> None:
    """Where three blocks do not fit there is a mean and no bounds; of nothing there is nothing."""
    line = (through((0.0, 0), (5.0, 5_000_000)),)
    short = estimate.estimate(line, 1.0, 1.4, 0.0)
    assert (short.mean_bps, short.low_bps, short.high_bps) == (pytest.approx(8e6), None, None)
    assert (short.blocks, short.spread) == (0, None)
    assert estimate.estimate(line, 2.0, 2.0, 0.0) is None
    assert estimate.estimate(line, 2.0, 1.0, 0.0) is None
    long_rtt = estimate.estimate(line, 1.0, 2.7, 0.6)
    assert long_rtt.low_bps is None


def test_a_silent_line_has_no_interval() -> None:
    """No bytes are no rate with bounds: nothing is proven by silence."""
    found = estimate.estimate((through((0.0, 0), (5.0, 0)),), 0.0, 5.0, 0.0)
    assert (found.mean_bps, found.low_bps, found.high_bps) == (0, None, None)


def test_few_blocks_make_a_wide_interval() -> None:
    """Three blocks have few degrees of freedom, and the interval says so."""
    uneven = (through((0.0, 0), (0.2, 200_000), (0.4, 420_000), (0.6, 600_000)),)
    short = estimate.estimate(uneven, 0.0, 0.6, 0.0)
    assert short.mean_bps == pytest.approx(8e6)
    assert short.blocks == 3
    assert short.low_bps < 7.2e6
    assert short.high_bps > 8.8e6


@given(st.lists(st.integers(0, 10**7), min_size=4, max_size=60))
def test_bounds_are_in_order(steps: list[int]) -> None:
    """Whatever was counted, the mean lies between its bounds and the lower one is no negative rate."""
    line, total = [(0.0, 0)], 0
    for index, step in enumerate(steps, 1):
        total += step
        line.append((index * 0.1, total))
    found = estimate.estimate((through(*line),), 0.0, len(steps) * 0.1, 0.0)
    if found is not None and found.low_bps is not None:
        assert 0 <= found.low_bps <= found.mean_bps <= found.high_bps


def test_the_table_is_student_s() -> None:
    """The table falls towards the normal distribution's quantile, and so does what follows it."""
    assert sorted(estimate._T, reverse=True) == list(estimate._T)
    assert estimate._t(31) == pytest.approx(2.0395, abs=0.003)
    assert estimate._t(60) == pytest.approx(2.0003, abs=0.001)
    assert estimate._t(10**6) == pytest.approx(statistics.NormalDist().inv_cdf(0.975), abs=0.001)
