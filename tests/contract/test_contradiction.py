"""A direction of a test whose own figures contradict each other is kept, and proves nothing to anybody."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract import measurement, rules, signs, standards
from agent.contract.causes import Contract
from agent.contract.measurement import Direction, Link, Throughput
from agent.contract.standards import Interval

RULES, CONTRACT = rules.shipped_rules(), Contract(download_bps=50e6, upload_bps=50e6)
CABLE = Link(interface="eth0", medium="ethernet", speed_bps=1e9, duplex="full")
rates = st.floats(0, 1e12)


def direction(**changes: Any) -> Direction:
    """Return what an honest test of 20 Mbit/s tells, changed."""
    values: dict[str, Any] = {
        "goodput_bps": 19.3e6,
        "ip_bps": 20e6,
        "ip_low_bps": 19.8e6,
        "ip_high_bps": 20.2e6,
        "bytes": 12_000_000,
        "duration_s": 5.5,
        "connections": 4,
        "stop": "converged",
        "counted_at": "receiver",
    }
    return Direction(**(values | changes))


def is_a_witness(told: Direction) -> bool:
    """Tell whether a direction proves anything, to a judge of its rate or to a diagnosis."""
    test = Throughput(engine="msak", server="s", download=told)
    [read] = signs.of_computer([[CABLE, test]], CONTRACT, RULES)
    nothing = Interval(value_bps=told.ip_bps, low_bps=0.0, high_bps=None)
    return bool(read.ways) or standards.interval_of(told) != nothing


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"ip_low_bps": None, "ip_high_bps": None},
        {"bytes": 2_700_000, "duration_s": 5.5},  # four seconds of warm-up, as over a satellite
        {"bytes": 35_000_000, "burst_bps": 80e6},  # a boost that ended
        {"bytes": 35_000_000, "samples_bps": (80e6, 80e6, 20e6, 20e6)},  # others came on the line
        {"ip_high_bps": None, "paced_bps": 20e6},
        {"ip_low_bps": 20e6 + 0.4, "ip_high_bps": 20e6 - 0.4 + 1},  # rounded each by itself
    ],
)
def test_honest_directions_do_not_contradict_themselves(changes: dict[str, Any]) -> None:
    """What tests on real lines tell is a witness, warm-ups, boosts and paces included."""
    assert direction(**changes).contradiction is None
    assert is_a_witness(direction(**changes))


@given(low=rates, high=rates)
def test_an_interval_that_is_none_proves_nothing(low: float, high: float) -> None:
    """A low end above the high one, or a rate outside both, is no witness."""
    told = direction(ip_low_bps=low, ip_high_bps=high)
    assert is_a_witness(told) is (low <= 20e6 + 1 and high >= 20e6 - 1 and low <= high)


@given(rate=rates, count=st.integers(0, 2**53), seconds=st.floats(0, 1e6), spread=st.floats(0, 1))
def test_a_rate_that_its_bytes_cannot_give_proves_nothing(
    rate: float, count: int, seconds: float, spread: float
) -> None:
    """Far above or far below what its bytes and seconds give, with nothing in between faster, it is no witness."""
    bounds = {"ip_low_bps": rate * (1 - spread), "ip_high_bps": rate * (1 + spread)}
    told = direction(goodput_bps=rate, ip_bps=rate, bytes=count, duration_s=seconds, **bounds)
    whole = 8 * count / seconds if seconds else math.inf
    if count == 0 or seconds == 0 or rate > 11 * whole or whole > 3 * rate:
        assert told.contradiction is not None
        assert not is_a_witness(told)
    elif whole / 1.5 < rate < 9 * whole:
        assert told.contradiction is None


def test_a_report_with_one_is_read_all_the_same() -> None:
    """It is a fact that the computer said so; the other direction still counts."""
    test = Throughput(engine="msak", server="s", download=direction(bytes=0), upload=direction())
    assert measurement.decode(measurement.encode(test)) == test
    [read] = signs.of_computer([[CABLE, test]], CONTRACT, RULES)
    assert [way.name for way in read.ways] == ["upload"]
