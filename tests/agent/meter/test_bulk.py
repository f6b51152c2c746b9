"""What a direction says of itself, from counts that are known."""

import socket
from collections.abc import Iterator

import pytest

from agent.contract import standards
from agent.meter.bulk import Download, Limits
from agent.meter.stream import Stream


@pytest.fixture
def stream() -> Iterator[Stream]:
    """A stream over a real connection."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as sock:
        yield Stream(sock, "client", bytearray(1024))


def downloaded(stream: Stream, seconds: float, rtt_s: float, rate_bps: float = 20e6) -> Download:
    """Return a download of five seconds that ran so long at this rate."""
    run = Download((stream,), Limits(seconds=5.0, max_bytes=None, rtt_s=rtt_s))
    for tick in range(round(seconds / 0.05) + 1):
        run._curve.add(tick * 0.05, round(tick * 0.05 * rate_bps / 8))
    run.elapsed_s = seconds
    stream.wire_received = stream._parser.payload_bytes = run._curve.total
    return run


def test_a_steady_direction_has_both_bounds(stream) -> None:
    """On a quick line the steady part bounds the rate from both sides."""
    result = downloaded(stream, 5.0, 0.01).result()
    assert result.goodput_bps == pytest.approx(20e6, rel=0.001)
    assert result.ip_low_bps == pytest.approx(result.ip_bps, rel=0.001)
    assert result.ip_high_bps == pytest.approx(result.ip_bps, rel=0.001)


@pytest.mark.parametrize("seconds", [0.5, 1.4, 2.9])
def test_a_direction_that_never_became_steady_has_none(stream, seconds) -> None:
    """A mean that includes slow start proves nothing, however many blocks it has; so it decides nothing."""
    result = downloaded(stream, seconds, 0.6).result()
    assert (result.ip_low_bps, result.ip_high_bps) == (None, None)
    target = 20_000_000
    for wanted in (target * 10, target // 10):
        assert standards.judge_rate(standards.interval_of(result), wanted, 0.05) == "UNDECIDED"


def test_a_line_too_long_for_the_time_is_bounded_from_below_only(stream) -> None:
    """Where a dozen round trips do not fit into what is left out, the line may be faster than was seen."""
    result = downloaded(stream, 5.0, 0.6).result()
    assert result.ip_low_bps == pytest.approx(result.ip_bps, rel=0.001)
    assert result.ip_high_bps is None
