"""Counts over time, and the rates between them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.meter import series
from agent.meter.series import Curve
from tests.fakes.curves import through


def test_a_curve_is_straight_between_its_points() -> None:
    """Between points the count is interpolated; before the first it is zero and after the last it stays."""
    line = through((1.0, 0), (2.0, 100), (2.0, 140), (4.0, 160))
    assert [line.at(time_s) for time_s in (0, 1, 1.5, 2, 3, 4, 9)] == [0, 0, 50, 140, 150, 160, 160]
    assert (line.begin_s, line.end_s, line.total, line.gained, len(line)) == (1.0, 4.0, 160, 160, 4)


def test_the_same_points_seen_otherwise() -> None:
    """On another clock and in another unit it is the same curve, and grows with it."""
    line = through((1.0, 50), (2.0, 100))
    seen = line.seen(offset_s=10).seen(offset_s=-1, factor=2.0)
    assert (seen.at(10.5), seen.begin_s, seen.end_s, seen.total, seen.gained) == (150, 10, 11, 200, 100)
    line.add(3.0, 150)
    assert (seen.end_s, seen.at(12)) == (12, 300)


def test_an_empty_curve() -> None:
    """Of nothing there is nothing, and no error."""
    empty = Curve()
    assert (empty.at(3), empty.begin_s, empty.end_s, empty.total, empty.gained, len(empty)) == (0, 0, 0, 0, 0, 0)
    assert series.rates((), [0.0, 1.0]) == [0]


def test_a_counter_cannot_go_back() -> None:
    """A point back in time or in bytes is refused."""
    with pytest.raises(ValueError, match="back"):
        through((1.0, 5), (0.5, 6))
    with pytest.raises(ValueError, match="back"):
        through((1.0, 5), (2.0, 4))


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


@pytest.mark.parametrize(("begin", "end", "count"), [(0, 1, 11), (0, 0.05, 0), (1, 1, 0), (2, 1, 0), (0, 0.3, 4)])
def test_edges_of_whole_steps(begin: float, end: float, count: int) -> None:
    """As many whole steps as fit, in spite of rounding; none where none fits."""
    edges = series.edges(begin, end, 0.1)
    assert len(edges) == count
    assert all(edge <= end + 1e-9 for edge in edges)
