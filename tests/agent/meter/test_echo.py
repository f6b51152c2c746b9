"""The statistics of round trips."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.meter import echo


def test_known_figures() -> None:
    """Twenty round trips of 1 to 20 ms have these figures."""
    found = echo.summarise([index / 1000 for index in range(1, 21)])
    assert (found.min_ms, found.median_ms, found.p95_ms, found.jitter_ms) == (1, 10.5, 19, 1)


def test_a_single_echo_has_no_jitter() -> None:
    """One round trip has no variation: null, not zero."""
    assert echo.summarise([0.02]).jitter_ms is None


@given(st.lists(st.floats(1e-5, 10), min_size=1, max_size=200))
def test_the_order_holds(rtts: list[float]) -> None:
    """Minimum, median and 95th percentile never change places."""
    found = echo.summarise(rtts)
    assert 0 < found.min_ms <= found.median_ms
    assert found.min_ms <= found.p95_ms <= round(max(rtts) * 1000, 3)


@pytest.mark.parametrize("datagram", [b"", b"NRa1", b"NRa1" + b"x" * 40, echo.request(b"12345678", 1)])
def test_what_is_no_answer(datagram: bytes) -> None:
    """Only an answer of this session counts."""
    assert echo.answered(datagram, b"12345678") is None
