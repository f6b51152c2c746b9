"""Where a line was full and even, on lines that are known."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.meter import series, steady
from tests.fakes.curves import carried, noisy


def ramp(full_bps: float, rtt_s: float, from_bps: float = 2e5):
    """Return a sender that doubles its rate with each round trip until the line is full."""
    return lambda s: min(full_bps, from_bps * 2 ** (s / rtt_s))


def rate_of(curve, plateau) -> float:
    [rate] = series.rates((curve,), [plateau.begin_s, plateau.end_s])
    return rate


@pytest.mark.parametrize("rtt_s", [0.005, 0.03, 0.1, 0.3, 0.6])
@pytest.mark.parametrize("full_bps", [2e6, 20e6, 100e6])
def test_the_ramp_is_left_out(full_bps: float, rtt_s: float) -> None:
    """Slow start, quick or over long round trips, is no part of the plateau, and most of the rest is."""
    full_at_s = next(0.05 * tick for tick in range(2000) if ramp(full_bps, rtt_s)(0.05 * tick) == full_bps)
    end_s = 0.05 * round((full_at_s + 3 + 8 * rtt_s) / 0.05)
    line = carried(ramp(full_bps, rtt_s), end_s)
    found = steady.find((line,), rtt_s, 0.0, end_s)
    assert rate_of(line, found) == pytest.approx(full_bps, rel=0.005)
    assert found.begin_s <= full_at_s + 0.5 + 2 * rtt_s
    assert found.before_bps is None


@pytest.mark.parametrize("rtt_s", [0.1, 0.3, 0.6])
def test_while_the_rate_grows_there_is_no_plateau(rtt_s: float) -> None:
    """At no moment of a ramp is the line taken for full."""
    line = carried(ramp(1e12, rtt_s), 12 * rtt_s)
    for tick in range(1, 12):
        assert steady.find((line,), rtt_s, 0.0, tick * rtt_s) is None


@pytest.mark.parametrize(("boost_s", "boost"), [(1.0, 3.0), (2.5, 3.0), (2.0, 1.4), (4.0, 2.0)])
def test_a_fall_after_a_boost(boost_s: float, boost: float) -> None:
    """What a line gave first and then no more is the boost; the plateau is what came after."""
    line = carried(lambda s: 20e6 * (boost if s < boost_s else 1), boost_s + 3)
    found = steady.find((line,), 0.02, 0.0, boost_s + 3)
    assert found.before_bps == pytest.approx(20e6 * boost, rel=0.02)
    assert found.begin_s == pytest.approx(boost_s, abs=0.3)
    assert rate_of(line, found) == pytest.approx(20e6, rel=0.02)


def test_a_boost_of_two_levels() -> None:
    """Of several falls the highest level is the boost, and the last one the plateau."""
    line = carried(lambda s: 90e6 if s < 1.5 else 60e6 if s < 3 else 20e6, 6)
    found = steady.find((line,), 0.02, 0.0, 6.0)
    assert found.before_bps == pytest.approx(90e6, rel=0.35)
    assert found.begin_s == pytest.approx(3, abs=0.3)


def test_a_rise_is_no_boost() -> None:
    """Where the rate rose, as when other traffic went away, the plateau is the upper level and nothing was boosted."""
    line = carried(lambda s: 10e6 if s < 2 else 20e6, 5)
    found = steady.find((line,), 0.02, 0.0, 5.0)
    assert found.before_bps is None
    assert found.begin_s == pytest.approx(2, abs=0.3)


@pytest.mark.parametrize("rate", [5e4, 2e5, 8e5])
def test_a_slow_line_with_few_packets(rate: float) -> None:
    """Whole packets of a slow line are not taken for ups and downs."""
    line = carried(lambda _s: rate, 8, packet_bytes=1500)
    found = steady.find((line,), 0.04, 0.0, 8.0)
    assert found.before_bps is None
    assert rate_of(line, found) == pytest.approx(rate, rel=0.03)
    assert found.begin_s < 4


def test_noise_does_not_split() -> None:
    """A restless but level line is hardly ever taken for one that fell."""
    fell = [steady.find((noisy(20e6, 5, 0.2, seed),), 0.02, 0.0, 5.0).before_bps is not None for seed in range(100)]
    assert sum(fell) <= 2


def test_a_moment_s_dip_does_not_split() -> None:
    """A short silence, as after a lost packet, is no new level."""
    line = carried(lambda s: 0.0 if 2.0 < s < 2.2 else 20e6, 5)
    found = steady.find((line,), 0.02, 0.0, 5.0)
    assert found.before_bps is None
    assert rate_of(line, found) == pytest.approx(20e6, rel=0.01)


def test_the_test_begins_anew_where_connections_helped() -> None:
    """Only what came after the given beginning is looked at."""
    line = carried(lambda s: 10e6 if s < 2 else 20e6, 5)
    found = steady.find((line,), 0.02, 2.0, 5.0)
    assert (found.begin_s >= 2.0, found.before_bps) == (True, None)
    assert rate_of(line, found) == pytest.approx(20e6, rel=0.001)


@pytest.mark.parametrize("end_s", [0.0, 0.05, 0.3])
def test_too_early_to_tell(end_s: float) -> None:
    """In the first moments nothing is even yet, and nothing breaks."""
    assert steady.find((carried(lambda _s: 20e6, 1),), 0.02, 0.0, end_s) is None
    assert steady.find((), 0.02, 0.0, end_s) is None


def test_mser_cuts_what_spoils_the_mean() -> None:
    """The cut takes the odd beginning, and nothing of an even or an evenly restless series."""
    assert steady._ramp([1, 2, 4, 8, *[10.0] * 20]) == 4
    assert steady._ramp([10.0] * 20) == 0
    assert steady._ramp([9.0, 11.0] * 10) == 0
    assert steady._ramp([]) == 0


@given(st.lists(st.floats(1e3, 1e9), min_size=1, max_size=40))
def test_errors_are_those_of_the_rest(rates: list[float]) -> None:
    """Each cut's squared standard error is the population variance of the rest over its length."""
    expected = [statistics.pvariance(rates[cut:]) / len(rates[cut:]) for cut in range(len(rates))]
    rounding = (1e-5 * max(rates)) ** 2
    assert steady._errors(rates) == pytest.approx(expected, rel=1e-6, abs=rounding)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=120), st.floats(0.001, 1))
def test_any_count_gives_a_part_of_the_test(steps: list[int], rtt_s: float) -> None:
    """Whatever was counted, a plateau lies within the test."""
    line = carried(lambda s: steps[min(int(s / 0.05), len(steps) - 1)] * 160.0, len(steps) * 0.05)
    found = steady.find((line,), rtt_s, 0.0, len(steps) * 0.05)
    if found is not None:
        assert 0 <= found.begin_s < found.end_s == len(steps) * 0.05
