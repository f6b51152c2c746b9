"""A line shaped to a known rate is measured as what it is."""

import sys

import pytest

from agent.contract import measurement
from agent.contract.measurement import Latency, Link, Throughput
from tests.lab import namespaces
from tests.lab.namespaces import SERVER_IP, Line

pytestmark = pytest.mark.root
_TRIES = 5


def measured(line: Line, name: str, *settings: str) -> object:
    command = (sys.executable, "-m", "tests.lab.measure", name, "40", *settings)
    return measurement.decode(line.client.run(*command, timeout_s=60).encode())


def rightly(line: Line, rates_mbps: tuple[float, float], *settings: str) -> Throughput:
    """Measure until both directions are within 5 % of the line's IP rate, and return that.

    A machine that stands still takes from a shaped line and never adds to it: too little may be the machine's, and is
    measured again; too much never is.
    """
    line.shape(*(rate * 1e6 for rate in rates_mbps))
    right = [namespaces.ip_rate(rate * 1e6) for rate in rates_mbps]
    for _ in range(_TRIES):
        result = measured(line, "msak", *settings)
        assert isinstance(result, Throughput), result
        found = [result.download.ip_bps, result.upload.ip_bps]
        assert all(one < 1.05 * rate for one, rate in zip(found, right, strict=True)), result
        if all(one > 0.95 * rate for one, rate in zip(found, right, strict=True)):
            return result
    pytest.fail(f"{_TRIES} times too little; the last: {found} of {right} bit/s, {result}")


@pytest.mark.parametrize("rates_mbps", [(20, 5), (50, 10), (8, 0.8), (5, 20)])
def test_the_rate_of_a_shaped_line(line: Line, rates_mbps: tuple[float, float]) -> None:
    """Both directions are within 5 % of the line's IP rate, and the rate is inside its interval."""
    download = rightly(line, rates_mbps, f"server={SERVER_IP}:9000").download
    assert download.ip_low_bps < download.ip_bps < download.ip_high_bps


def test_ipv4_and_ipv6_say_the_same(line: Line, place: str) -> None:
    """Larger headers change the goodput, not the IP rate."""
    rightly(line, (20, 5), f"server={place}", "max_s=3")


def test_a_byte_limit_on_a_slow_line(line: Line) -> None:
    """A limit of bytes is kept on the line itself, and the rate is still about right."""
    line.shape(20e6, 5e6)
    before = line.client.traffic()
    result = measured(line, "msak", f"server={SERVER_IP}:9000", "max_bytes=2000000", "max_s=10")
    after = line.client.traffic()
    assert result.download.stop == "bytes"
    assert result.upload.stop in {"bytes", "converged"}  # 5 Mbit/s are known with less
    for direction, passed in zip(
        (result.download, result.upload), (after[0] - before[0], after[1] - before[1]), strict=True
    ):
        assert direction.bytes <= 2_000_000 + 4096
        assert passed < 2_000_000 * 1.15  # headers, acknowledgements and retransmissions are traffic too


def test_latency_and_link(line: Line) -> None:
    """On the idle line echoes come back at once, and the link is a virtual one without a pretended speed."""
    line.shape(20e6, 5e6)
    echoes = measured(line, "latency", f"server={SERVER_IP}:9000")
    assert isinstance(echoes, Latency)
    assert echoes.loss_ratio == 0
    link = measured(line, "link", f"server={SERVER_IP}:9000", "count_s=0.1")
    assert isinstance(link, Link)
    assert (link.interface, link.medium, link.speed_bps, link.duplex) == ("line", "virtual", None, None)
