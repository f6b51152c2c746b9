"""The bucket that paces where the kernel does not."""

import socket
import sys
import time

import pytest

from agent.host import tcp_info
from agent.meter import pacer
from agent.meter.pacer import BURST_S, Pacer

BYTES_PER_S = 1_000_000


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Pacer:
    """Give a pacer without the kernel's help."""
    monkeypatch.setattr(tcp_info, "pace", lambda _sock, _rate_bps: False)
    made = Pacer()
    with socket.socket() as sock:
        made.hold(sock, BYTES_PER_S * 8)
    return made


def test_it_fills_with_time_up_to_a_burst(bucket: Pacer) -> None:
    """At first there is no room, then a little is not worth it, and after any pause there is room for one burst."""
    now = time.monotonic()
    assert bucket.room(now) == 0
    assert bucket.room(now + 10) == bucket.room(now + 20) == BYTES_PER_S * BURST_S


def test_what_was_overdrawn_is_waited_for(bucket: Pacer) -> None:
    """What may not wait is sent all the same; bulk then waits until the mean is the rate again."""
    now = time.monotonic() + 10
    bucket.room(now)
    bucket.sent(int(BYTES_PER_S * (BURST_S + 1)))
    assert bucket.room(now + 1) == 0
    assert bucket.room(now + 1.05) == pytest.approx(BYTES_PER_S * 0.05, abs=2)


def test_a_clock_that_is_read_twice_out_of_order(bucket: Pacer) -> None:
    """An older time than the last gives nothing twice."""
    now = time.monotonic() + 10
    room = bucket.room(now)
    bucket.sent(room)
    assert bucket.room(now - 5) == bucket.room(now) == 0


def test_where_the_kernel_paces_there_is_no_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a rate anything may be sent, and so it may where the kernel holds it back."""
    asked: list[float] = []
    monkeypatch.setattr(tcp_info, "pace", lambda _sock, rate_bps: asked.append(rate_bps) or True)
    free = Pacer()
    assert free.room(time.monotonic()) == sys.maxsize
    with socket.socket() as sock:
        free.hold(sock, 8_000)
    assert free.room(time.monotonic()) == sys.maxsize
    assert asked == [8_000]


@pytest.mark.parametrize(
    ("rate_bps", "largest"), [(10_000, 1024), (1_000_000, 4096), (30_000_000, 131_072), (10_000_000_000, 1 << 20)]
)
def test_messages_fit_the_pace(rate_bps: int, largest: int) -> None:
    """A message is a power of two that passes within a tick, within the protocol's bounds."""
    assert pacer.largest_message(rate_bps, 1 << 20) == largest
