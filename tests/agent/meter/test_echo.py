"""Echoes and what they show: the statistics of round trips, and the stream beside a test."""

import socket
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.meter import echo
from agent.meter.echo import EchoStream

PATIENCE_S = 10


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


@given(st.binary(max_size=80))
def test_any_datagram_is_looked_at_safely(datagram: bytes) -> None:
    """Whatever comes, nothing is answered that is no request, and nothing longer goes out than came in."""
    back = echo.answer(datagram)
    assert back is None or len(back) == len(datagram) == echo.DATAGRAM_BYTES
    assert echo.answered(datagram, b"12345678") is None or datagram[4:12] == b"12345678"


class Line:
    """A stream and its far end, which answers only when the test says so; the clock is the test's own."""

    def __init__(self, stream: EchoStream, far: socket.socket) -> None:
        self.stream, self._far = stream, far
        self.asked: list[tuple[bytes, object]] = []

    def send(self, *times: float) -> None:
        """Let it be these times, and take what was sent."""
        for now in times:
            before = len(self.stream._sent_at)
            self.stream.tick(now)
            if len(self.stream._sent_at) > before:
                self.asked.append(self._far.recvfrom(2048))

    def answer(self, index: int, now: float | None, times: int = 1) -> None:
        """Let the far end answer one of them, and the stream read it at this time; None: too late to say when."""
        datagram, place = self.asked[index]
        for _ in range(times):
            self._far.sendto(echo.answer(datagram), place)
            self.take(now)

    def say(self, datagram: bytes, now: float) -> None:
        """Let the far end say something else."""
        self._far.sendto(datagram, self.stream.sock.getsockname())
        self.take(now)

    def take(self, now: float | None) -> None:
        """Read, when it has arrived."""
        self.stream.sock.settimeout(PATIENCE_S)
        self.stream.sock.recv(1, socket.MSG_PEEK)
        self.stream.sock.setblocking(False)
        if now is None:
            self.stream.catch_up()
        else:
            self.stream.readable(now)


@pytest.fixture
def line() -> Iterator[Line]:
    """A stream of an echo every 50 ms."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far, socket.socket(type=socket.SOCK_DGRAM) as near:
        far.settimeout(PATIENCE_S)
        far.bind(("127.0.0.1", 0))
        near.connect(far.getsockname())
        yield Line(EchoStream(near, 0.05), far)


def test_the_schedule_does_not_wait(line: Line) -> None:
    """Echoes go out at their times whether or not any came back; a tick too early sends none."""
    line.send(10.0, 10.02, 10.05, 10.10, 10.12, 10.15)
    assert line.stream._sent_at == [10.0, 10.05, 10.10, 10.15]
    assert not line.stream.all_back


def test_a_late_tick_is_not_made_up_for(line: Line) -> None:
    """After a pause there is one echo, not a volley of those that were missed."""
    line.send(10.0, 11.0, 11.01, 11.03, 11.06)
    assert len(line.stream._sent_at) == 3


def test_what_came_back_and_what_did_not(line: Line) -> None:
    """Between two times so many were sent and lost, and those took so long."""
    line.send(10.0, 10.05, 10.10, 10.15)
    line.answer(0, 10.02)
    line.answer(2, 10.16)
    seen = line.stream.between(10.0, 10.12)
    assert (seen.sent, seen.lost, seen.rtts_s) == (3, 1, pytest.approx([0.02, 0.06]))
    assert line.stream.between(11, 12).sent == 0


def test_an_answer_counts_once(line: Line) -> None:
    """A doubled answer changes nothing, nor does one to an echo that was never sent, nor a stranger's."""
    line.send(10.0, 10.05)
    line.answer(0, 10.01, times=2)
    session = line.stream._session
    for datagram in (b"x", b"", echo._LAYOUT.pack(echo.ANSWER, session, 7, b""), echo.request(session, 1)):
        line.say(datagram, 10.06)
    seen = line.stream.between(10, 11)
    assert (seen.sent, seen.lost, seen.rtts_s) == (2, 1, pytest.approx([0.01]))


def test_what_is_read_too_late_is_not_lost(line: Line) -> None:
    """An answer that waited while nobody read was not lost, but how long it took is not known."""
    line.send(10.0, 10.05)
    line.answer(0, None)
    seen = line.stream.between(10, 11)
    assert (seen.sent, seen.lost, seen.rtts_s) == (2, 1, [])


def test_the_last_ones_have_their_time(line: Line) -> None:
    """Under load only those count whose answers could be back by the end."""
    line.send(10.0, 10.05, 10.10, 10.95, 11.0)
    line.answer(0, 10.2)
    line.answer(2, 10.3)
    seen = line.stream.loaded(10.0, 11.0)
    assert (seen.sent, seen.lost) == (3, 1)
    assert line.stream.between(10.0, 11.0).lost == 3


def test_its_own_packets_are_counted(line: Line) -> None:
    """Echoes are on the line too: 60 bytes of an IPv4 packet each way."""
    line.send(10.0, 10.05)
    line.answer(0, 10.06)
    line.stream.tick(10.07)
    assert line.stream.ip_curve("upload").total == 120
    assert line.stream.ip_curve("download").total == 60


def test_a_refusal_ends_it(closed_udp: Callable[[], socket.socket]) -> None:
    """Where the far end's computer says that nobody listens there, it ends at once instead of waiting."""
    with closed_udp() as near:
        stream = EchoStream(near, 0.05)
        deadline = time.monotonic() + PATIENCE_S
        while not stream.ended and time.monotonic() < deadline:
            stream.tick(time.monotonic())
            stream.readable(time.monotonic())
        assert stream.ended
        sent = len(stream._sent_at)
        stream.tick(time.monotonic() + 1)
        assert (len(stream._sent_at), stream.between(0, 1e12).rtts_s) == (sent, [])


@pytest.fixture
def closed_udp() -> Callable[[], socket.socket]:
    """Connect to a port where nobody listens."""

    def connect() -> socket.socket:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
            gone.bind(("127.0.0.1", 0))
            near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            near.connect(gone.getsockname())
        return near

    return connect


def test_a_flood_does_not_hold_it(line: Line) -> None:
    """However many datagrams a far end sends, one turn takes a bounded number of them."""
    line.send(10.0)
    calls = []

    class Flood:
        def recv(self, _size: int) -> bytes:
            calls.append(1)
            assert len(calls) < 10_000, "it never ends"
            return b"x" * 32

    real, line.stream.sock = line.stream.sock, Flood()
    line.stream.readable(10.1)
    line.stream.sock = real
    assert 0 < len(calls) < 10_000
