"""When a test knows enough, rule by rule."""

import pytest

from agent.meter import stop
from agent.meter.estimate import Estimate
from agent.meter.steady import Plateau
from agent.meter.stop import Question, Standing

CAPACITY = Question()
LONG = Question(form="long")
VERDICT = Question(purpose="verdict", level_bps=19e6)
MB = 1_000_000


def found(low: float = 19.8e6, high: float | None = 20.2e6, spread: float = 0.005, blocks: int = 8) -> Estimate:
    return Estimate(20e6, low, high, blocks, spread)


def standing(**changed) -> Standing:
    """A settled test of 2.5 s whose last 2 s were even: enough for everything but the long form."""
    usual = {
        "elapsed_s": 2.5,
        "bytes": 5 * MB,
        "rtt_s": 0.02,
        "coming_bytes": 50_000,
        "plateau": Plateau(0.5, 2.5),
        "found": found(),
        "settled": True,
    }
    return Standing(**{**usual, **changed})


@pytest.mark.parametrize(
    ("changed", "stops"),
    [
        ({}, "converged"),
        ({"settled": False}, None),
        ({"plateau": None}, None),
        ({"found": None, "plateau": None}, None),
        ({"found": Estimate(20e6, None, None)}, None),
        ({"found": found(blocks=2)}, None),
        ({"plateau": Plateau(1.7, 2.5)}, None),
        ({"plateau": Plateau(1.5, 2.5)}, "converged"),
        ({"plateau": Plateau(1.5, 2.5), "rtt_s": 0.1}, None),
        ({"plateau": Plateau(1.0, 2.5, 60e6)}, None),
        ({"plateau": Plateau(0.4, 2.5, 60e6)}, "converged"),
        ({"found": found(spread=0.011)}, None),
        ({"found": found(spread=0.029), "elapsed_s": 3.1}, "converged"),
        ({"found": found(spread=0.031), "elapsed_s": 3.1}, None),
        ({"found": found(spread=0.029), "elapsed_s": 3.1, "rtt_s": 0.1}, None),
        ({"found": found(spread=0.09), "elapsed_s": 5.1}, "converged"),
        ({"found": found(spread=0.11), "elapsed_s": 5.1}, None),
        ({"found": found(spread=0.11), "elapsed_s": 8.3}, "time"),
    ],
)
def test_capacity(changed, stops) -> None:
    """It ends when the rate is even, settled and narrow; later less narrow will do; at the limit in any case."""
    assert stop.decide(CAPACITY, standing(**changed)) == stops


@pytest.mark.parametrize(
    ("changed", "stops"),
    [
        ({}, None),
        ({"bytes": 33 * MB}, None),
        ({"bytes": 33 * MB, "plateau": Plateau(0.5, 3.6), "elapsed_s": 3.6}, "converged"),
        ({"bytes": 31 * MB, "plateau": Plateau(0.5, 3.6), "elapsed_s": 3.6}, None),
        ({"plateau": Plateau(2.0, 5.1, 60e6), "elapsed_s": 5.1}, "converged"),
        ({"plateau": Plateau(2.0, 4.9, 60e6), "elapsed_s": 4.9}, None),
        ({"elapsed_s": 23.9}, None),
        ({"elapsed_s": 24.0}, "time"),
    ],
)
def test_the_long_form(changed, stops) -> None:
    """It ends only when it has seen what is behind a boost, and that for a while."""
    assert stop.decide(LONG, standing(**changed)) == stops


@pytest.mark.parametrize(
    ("changed", "stops"),
    [
        ({}, "verdict"),
        ({"settled": False}, "verdict"),
        ({"plateau": None, "found": found(high=None)}, "verdict"),
        ({"found": found(low=18.9e6, high=21.1e6)}, None),
        ({"found": found(low=19e6)}, "verdict"),
        ({"found": found(low=17e6, high=18.9e6)}, "verdict"),
        ({"found": found(low=17e6, high=19e6)}, None),
        ({"found": found(low=17e6, high=18.9e6), "settled": False}, None),
        ({"found": found(low=17e6, high=None)}, None),
        ({"found": found(low=17e6, high=18.9e6), "plateau": None}, None),
        ({"found": found(low=17e6, high=18.9e6), "plateau": Plateau(1.5, 2.5)}, None),
        ({"found": found(low=17e6, high=18.9e6), "rtt_s": 1.1}, None),
        ({"found": found(blocks=2)}, None),
        ({"found": found(low=18.9e6), "elapsed_s": 4.6}, "time"),
        ({"found": found(low=18.9e6), "elapsed_s": 4.6, "rtt_s": 0.6}, None),
    ],
)
def test_verdict(changed, stops) -> None:
    """That it is enough is settled at once; too little only where the rate is even, lasting and settled."""
    assert stop.decide(VERDICT, standing(**{"bytes": 6 * MB, **changed})) == stops


def test_a_verdict_without_a_level_is_none() -> None:
    """Where nothing is asked nothing is settled."""
    assert stop.decide(Question(purpose="verdict"), standing()) is None


@pytest.mark.parametrize(
    ("counted", "coming_bytes", "stops"),
    [(6.1e6, 0, "bytes"), (5.96e6, 50_000, "bytes"), (5.8e6, 50_000, None), (5.8e6, 250_000, "bytes")],
)
def test_a_byte_limit_counts_what_is_on_its_way(counted, coming_bytes, stops) -> None:
    """What the far end has sent by now, full queue and all, will still arrive: it is part of what the limit allows."""
    question = Question(max_bytes=6 * MB)
    assert stop.decide(question, standing(bytes=int(counted), coming_bytes=coming_bytes, settled=False)) == stops


@pytest.mark.parametrize(
    ("question", "rtt_s", "limit_s"),
    [
        (CAPACITY, 0.0, 8.0), (CAPACITY, 0.1, 9.2), (CAPACITY, 0.6, 15.2), (CAPACITY, 2.0, 19.0),
        (LONG, 0.6, 24.0), (VERDICT, 0.02, 4.6), (VERDICT, 0.6, 16.4), (VERDICT, 2.0, 19.0),
        (Question(max_s=1.5), 0.6, 1.5), (Question(max_s=25.0), 0.0, 8.0),
    ],
)  # fmt: skip
def test_limits(question, rtt_s, limit_s) -> None:
    """A long round trip has more time, up to a limit; a setting can only make it shorter."""
    assert question.limit_s(rtt_s) == pytest.approx(limit_s)


def test_looked_past() -> None:
    """A fall, or more than any bucket holds, shows what is behind a boost; less does not."""
    assert stop.looked_past(Plateau(0, 1, 9e6), 1)
    assert stop.looked_past(Plateau(0, 1), 32 * MB)
    assert not stop.looked_past(Plateau(0, 1), 31 * MB)


@pytest.mark.parametrize(
    ("pace_bps", "max_bytes", "enough"),
    [(None, None, 5.14), (30e6, None, 7.59), (30e6, 20 * MB, 7.59), (30e6, 8 * MB, 6.0), (19e6, 8 * MB, 6.0)],
)
def test_a_small_boost_gives_no_pass(pace_bps, max_bytes, enough) -> None:
    """Above the level it goes on until a bucket of 2 MB would be empty and its end seen, or as far as it may."""
    question = Question(purpose="verdict", level_bps=19e6, pace_bps=pace_bps, max_bytes=max_bytes)
    coming = 50_000  # what is on its way is carried too
    for factor, stops in ((0.99, None), (1.01, "verdict")):
        carried = int(enough * MB * factor) - coming
        assert stop.decide(question, standing(bytes=carried, elapsed_s=1.4)) == stops
