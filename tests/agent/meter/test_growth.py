"""More connections while they help, and never one left open."""

import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from agent.meter.errors import TransferError
from agent.meter.growth import Growth

PATIENCE_S = 10


class Server:
    """Opens lanes that know whether they were closed, as long as it lets any in."""

    def __init__(self) -> None:
        self.lanes: list[SimpleNamespace] = []
        self.full = False
        self.gate = threading.Event()
        self.gate.set()

    def open(self) -> SimpleNamespace:
        assert self.gate.wait(PATIENCE_S)
        if self.full:
            raise TransferError("busy", "no more")
        lane = SimpleNamespace(closed=False)
        lane.close = lambda: setattr(lane, "closed", True)
        self.lanes.append(lane)
        return lane


@pytest.fixture
def far() -> Server:
    """A server that lets everybody in."""
    return Server()


@pytest.fixture
def make(far: Server) -> Iterator[Callable[..., Growth]]:
    """Make growths that are closed in the end."""
    made = []

    def growth(most: int, rtt_s: float = 0.02) -> Growth:
        made.append(Growth(far.open, 0, most, rtt_s))
        return made[-1]

    yield growth
    far.gate.set()
    for one in made:
        one.close()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def grown(growth: Growth, at_s: float, found_bps: float = 10e6) -> list:
    """Have it ask for more and return what came, at this time of the test."""
    growth.judge(lambda _begin, _end: found_bps, at_s, found_bps)
    until(lambda: all(one.done() for one in growth._opening))
    return growth.joined(at_s)


def test_without_more_it_is_settled(make) -> None:
    """Where no more connections are allowed, no question is left."""
    assert make(0).settled
    assert not make(1).settled


def test_two_at_a_time(make, far) -> None:
    """It asks for two, for no more than are left, and hands each out once."""
    growth = make(3)
    assert len(grown(growth, 1.0)) == 2
    assert growth.joined(1.1) == []
    growth.judge(lambda _begin, _end: 20e6, 2.0, 20e6)
    assert (growth.helped_at_s, growth.settled) == (1.0, False)
    assert len(grown(growth, 2.1, 20e6)) == 1
    assert len(far.lanes) == 3


def test_they_helped(make) -> None:
    """A rate more than a tenth higher is help: the test begins anew there, and the last ones settle it."""
    growth = make(2)
    grown(growth, 1.0)
    growth.judge(lambda _begin, _end: 11.1e6, 2.0, 10.5e6)
    assert (growth.settled, growth.helped_at_s) == (True, 1.0)


def test_they_did_not_help(make) -> None:
    """A tenth or less is none: that settles it, and the test goes on as it was."""
    growth = make(4)
    grown(growth, 1.0)
    growth.judge(lambda _begin, _end: 11e6, 2.0, 10.5e6)
    assert (growth.settled, growth.helped_at_s) == (True, 0.0)


@pytest.mark.parametrize(("rtt_s", "at_s"), [(0.02, 1.3), (0.6, 3.4)])
def test_it_waits_to_see(make, far, rtt_s, at_s) -> None:
    """Before the new connections have had a few round trips nothing is judged, and no more are asked for."""
    growth = make(4, rtt_s)
    grown(growth, 1.0)
    growth.judge(lambda _begin, _end: pytest.fail("too early"), at_s, 10e6)
    assert (growth.settled, growth.helped_at_s, len(far.lanes)) == (False, 0.0, 2)


def test_the_rate_is_taken_after_their_slow_start(make) -> None:
    """What is compared begins two round trips after they joined and ends where the counting does."""
    windows = []
    growth = make(4, 0.1)
    grown(growth, 1.0)
    growth.judge(lambda begin, end: windows.append((begin, end)) or 10e6, 3.0, 10e6)
    assert windows == [(pytest.approx(1.25), 3.0)]


def test_a_server_that_takes_no_more(make, far) -> None:
    """A refusal is no failure of the test: it goes on with what it has, and asks no more."""
    far.full = True
    growth = make(4)
    assert grown(growth, 1.0) == []
    assert growth.settled


def test_nobody_is_asked_twice_meanwhile(make, far) -> None:
    """While connections open the test goes on, and no more are asked for."""
    far.gate.clear()
    growth = make(4)
    for at_s in (1.0, 1.1, 1.2):
        growth.judge(lambda _begin, _end: 10e6, at_s, 10e6)
        assert growth.joined(at_s) == []
    far.gate.set()
    until(lambda: all(one.done() for one in growth._opening))
    assert len(growth.joined(2.0)) == 2
    assert len(far.lanes) == 2


def test_those_that_come_too_late_are_closed(make, far) -> None:
    """A connection that opens after the test's end is closed, and so is one that was open but not handed out."""
    growth = make(2)
    far.gate.clear()
    growth.judge(lambda _begin, _end: 10e6, 1.0, 10e6)
    until(lambda: all(one.running() for one in growth._opening))
    growth.close()
    far.gate.set()
    until(lambda: len(far.lanes) == 2 and all(lane.closed for lane in far.lanes))

    other = make(2)
    other.judge(lambda _begin, _end: 10e6, 1.0, 10e6)
    until(lambda: len(far.lanes) == 4)
    other.close()
    until(lambda: all(lane.closed for lane in far.lanes))


def test_late_refusals_are_nobody_s_trouble(make, far) -> None:
    """A refusal that comes after the end is forgotten: no thread dies of it, and none is left behind."""
    growth = make(2)
    far.gate.clear()
    far.full = True
    growth.judge(lambda _begin, _end: 10e6, 1.0, 10e6)
    growth.close()
    far.gate.set()
    until(lambda: not any(thread.name == "more-connections" for thread in threading.enumerate()))
    assert far.lanes == []


def test_one_that_hangs_holds_nobody_up(make, far) -> None:
    """Where one of two connections does not open, the other is used alone and the late one is closed when it comes."""
    held = threading.Event()
    usual = far.open

    def second_hangs():
        lane = usual()
        if len(far.lanes) == 2:
            held.wait(PATIENCE_S)
        return lane

    far.open = second_hangs
    growth = make(4, 0.02)
    growth.judge(lambda _begin, _end: 10e6, 1.0, 10e6)
    until(lambda: any(one.done() for one in growth._opening))
    assert growth.joined(1.1) == []
    [joined] = growth.joined(1.8)
    held.set()
    until(lambda: sum(lane.closed for lane in far.lanes) == 1)
    assert not joined.closed
    assert not growth.settled


def test_silence_is_a_refusal(make, far) -> None:
    """Where neither opens the test does not wait for ever: it is settled, but nothing shows that the line is full."""
    far.gate.clear()
    growth = make(4, 0.02)
    growth.judge(lambda _begin, _end: 10e6, 1.0, 10e6)
    assert growth.joined(4.0) == []
    assert not growth.settled
    assert growth.joined(4.2) == []
    assert (growth.settled, growth.filled) == (True, False)


def test_what_shows_that_the_line_is_full(make, far) -> None:
    """More connections that did not help show it, or four of them; one alone, or a refusal, shows nothing."""
    assert not make(1).filled
    growth = make(3)
    grown(growth, 1.0)
    assert not growth.filled
    growth.judge(lambda _begin, _end: 10e6, 2.0, 10e6)
    assert growth.filled
    many = make(6)
    for at_s, rate_bps in ((1.0, 10e6), (3.0, 20e6)):
        grown(many, at_s, rate_bps)
        many.judge(lambda _begin, _end, rate=rate_bps: 2 * rate, at_s + 1, rate_bps)
    assert many.filled
    far.full = True
    refused = make(4)
    grown(refused, 1.0)
    assert (refused.settled, refused.filled) == (True, False)
