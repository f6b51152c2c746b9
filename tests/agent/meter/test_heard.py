"""What the echoes of a test tell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.meter import heard


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [(0, 10, 0.0, 0.277533), (0, 100, 0.0, 0.036994), (1, 10, 0.017876, 0.404150), (5, 10, 0.236593, 0.763407),
     (10, 10, 0.722467, 1.0), (81, 263, 0.255289, 0.366205)],
)  # fmt: skip
def test_wilson_against_known_values(hits, trials, low, high) -> None:
    """The interval of a share is Wilson's (Newcombe, 1998, gives 81 of 263 as 0.2553 to 0.3662)."""
    assert heard.wilson(hits, trials) == pytest.approx((low, high), abs=2e-5)


@given(st.integers(1, 10_000), st.data())
def test_wilson_holds_the_share(trials, data) -> None:
    """The interval holds the share itself, within 0 and 1, for every count."""
    hits = data.draw(st.integers(0, trials))
    low, high = heard.wilson(hits, trials)
    assert 0 <= low <= hits / trials + 1e-6
    assert hits / trials - 1e-6 <= high <= 1
