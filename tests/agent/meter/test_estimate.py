"""From counts to rates and their interval."""

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.meter import estimate, series
from agent.meter.series import Curve


def curve(*points: tuple[float, int]) -> Curve:
    made = Curve()
    for point in points:
        made.add(*point)
    return made


def test_a_curve_is_straight_between_its_points() -> None:
    """Between points the count is interpolated; before the first it is zero and after the last it stays."""
    line = curve((1.0, 0), (2.0, 100), (2.0, 140), (4.0, 160))
    assert [line.at(time_s) for time_s in (0, 1, 1.5, 2, 3, 4, 9)] == [0, 0, 50, 140, 150, 160, 160]
    assert (line.total, line.end_s, line.shifted(10).end_s) == (160, 4.0, 14.0)


def test_a_counter_cannot_go_back() -> None:
    """A point back in time or in bytes is refused."""
    with pytest.raises(ValueError, match="back"):
        curve((1.0, 5), (0.5, 6))
    with pytest.raises(ValueError, match="back"):
        curve((1.0, 5), (2.0, 4))


@given(st.lists(st.tuples(st.floats(0.001, 3), st.integers(0, 10**9)), min_size=2, max_size=30), st.floats(0.01, 1))
def test_rates_lose_no_byte(steps: list[tuple[float, int]], step_s: float) -> None:
    """The rates between edges add up to the bytes between the first and the last edge."""
    line, time_s, count = Curve(), 0.0, 0
    line.add(0.0, 0)
    for pause, more in steps:
        time_s, count = time_s + pause, count + more
        line.add(time_s, count)
    edges = series.edges(0.0, time_s, step_s)
    found = series.rates((line,), edges) if edges else []
    expected = line.at(edges[-1]) if edges else 0
    assert sum(rate * step_s / 8 for rate in found) == pytest.approx(expected, rel=1e-6, abs=1)


def test_a_steady_line_has_a_narrow_interval() -> None:
    """Without variation the interval closes in on the rate itself."""
    found = estimate.estimate((curve((0.0, 0), (5.0, 5_000_000)),), 1.0, 5.0)
    assert found.mean_bps == pytest.approx(8e6)
    assert found.low_bps == pytest.approx(8e6)
    assert found.high_bps == pytest.approx(8e6)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    """Over many noisy tests of a known rate about 95 % of the intervals contain it."""
    rng = random.Random(7)  # noqa: S311 - a repeatable experiment
    covered = 0
    for _ in range(400):
        line, count = Curve(), 0
        line.add(0.0, 0)
        for index in range(1, 101):
            count += max(0, round(rng.gauss(50_000, 20_000)))
            line.add(index * 0.05, count)
        found = estimate.estimate((line,), 1.0, 5.0)
        covered += found.low_bps <= 8e6 <= found.high_bps
    assert 0.91 <= covered / 400 <= 0.99


def test_too_short_for_an_interval() -> None:
    """Under one block there is a mean and no bounds; of nothing there is nothing."""
    line = (curve((0.0, 0), (5.0, 5_000_000)),)
    short = estimate.estimate(line, 1.0, 1.4)
    assert (short.mean_bps, short.low_bps, short.high_bps) == (pytest.approx(8e6), None, None)
    assert estimate.estimate(line, 2.0, 2.0) is None


def test_a_short_test_has_a_wide_interval() -> None:
    """Half a second has three blocks of its own, and their few degrees of freedom make the interval wide."""
    noisy = (curve((0.0, 0), (0.2, 200_000), (0.4, 420_000), (0.6, 600_000)),)
    short = estimate.estimate(noisy, 0.0, 0.6)
    assert short.mean_bps == pytest.approx(8e6)
    assert short.low_bps < 7.2e6
    assert short.high_bps > 8.8e6


@pytest.mark.parametrize(("rtt_s", "limit_s", "cut_s"), [(0, 5, 1.0), (0.1, 5, 1.7), (0.6, 5, 2.5), (0.6, 20, 7.7)])
def test_the_warm_up_grows_with_the_round_trip(rtt_s: float, limit_s: float, cut_s: float) -> None:
    """Slow start takes round trips, so the cut does; it never takes more than half of the test."""
    assert estimate.warm_up_s(rtt_s, limit_s) == pytest.approx(cut_s)


def test_the_table_is_student_s() -> None:
    """The table falls towards the normal distribution's quantile."""
    assert sorted(estimate._T, reverse=True) == list(estimate._T)
    assert estimate._t(31) == pytest.approx(2.0395, abs=0.003)
    assert estimate._t(60) == pytest.approx(2.0003, abs=0.001)
    assert estimate._t(10**6) == pytest.approx(statistics.NormalDist().inv_cdf(0.975), abs=0.001)
