"""Who counts what, and which far ends are believed."""

import socket
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.host import tcp_info
from agent.host.tcp_info import Arrived
from agent.meter import counting
from agent.meter.counting import Acked, Interface, Received, Segments, Told
from agent.meter.errors import TransferError
from agent.meter.lane import FarCount
from agent.meter.layers import Segment
from agent.meter.series import Curve
from tests.fakes.curves import through
from tests.fakes.lanes import FakeLane

ETHERNET, JUMBO, LOOPBACK = Segment(1448, 52), Segment(8948, 52), Segment(65_483, 52)


def no_interface() -> None:
    return None


# -- segments --------------------------------------------------------------------------------------------------------


def test_segments_are_whole_packets() -> None:
    """Each segment is a packet of 1500 bytes, in order or not."""
    segments = Segments(ETHERNET, small_at_first=False)
    segments.add(0.0, Arrived(0, 0, 1448))
    segments.add(1.0, Arrived(0, 1000, 1448))
    segments.add(2.0, Arrived(2_896_000, 2000, 1448))
    assert [segments.curve.at(time_s) for time_s in (0, 0.5, 1, 2)] == [0, 750_000, 1_500_000, 3_000_000]
    assert segments.payload_bytes == 2_896_000


def test_the_first_segments_of_a_download_are_small() -> None:
    """The first 16 carry a message of 1 KiB each, however they come."""
    for steps in ([40], [1] * 40, [10, 10, 20]):
        segments, seen = Segments(ETHERNET, small_at_first=True), 0
        for step in steps:
            seen += step
            segments.add(float(seen), Arrived(0, seen, 1448))
        assert segments.curve.total == 16 * (1028 + 52) + 24 * 1500


@pytest.mark.parametrize(("told", "carries"), [(1388, 1388), (0, 1448), (255, 1448), (9000, 1448), (256, 256)])
def test_a_line_with_smaller_packets(told: int, carries: int) -> None:
    """What the kernel saw as a full segment counts where it is smaller than ours; nonsense does not."""
    segments = Segments(ETHERNET, small_at_first=False)
    segments.add(1.0, Arrived(0, 100, told))
    assert segments.curve.total == 100 * (carries + 52)


@pytest.mark.parametrize(("segment", "total"), [(JUMBO, 100 * 9000), (LOOPBACK, 7_000_000 + 100 * 52)])
def test_jumbo_packets_and_loopback(segment: Segment, total: int) -> None:
    """Jumbo frames are full packets too; beyond any line's size only the bytes count."""
    segments = Segments(segment, small_at_first=False)
    segments.add(1.0, Arrived(7_000_000, 100, 0))
    assert segments.curve.total == total


def test_segments_cannot_go_back() -> None:
    """A count that goes back is refused."""
    segments = Segments(ETHERNET, small_at_first=False)
    segments.add(1.0, Arrived(0, 10, 1448))
    with pytest.raises(ValueError, match="back"):
        segments.add(2.0, Arrived(0, 9, 1448))


# -- a download, counted here ----------------------------------------------------------------------------------------


def test_a_download_without_a_kernel_that_tells() -> None:
    """The bytes handed over are counted, with the packets and frames around them; no kernel counts a closed socket."""
    lane, counter = FakeLane(), Received(no_interface, is_long=False)
    counter.join(lane)
    counter.note(10.0)
    lane.receive(1_448_000, share=1.01)
    counter.note(11.0)
    assert (counter.bytes, counter.counted_at) == (1_448_000, "receiver")
    assert counter.ip_share() == pytest.approx(1.01 * 1500 / 1448)
    [curve] = counter.curves(began=10.0)
    assert (curve.at(0), curve.at(1)) == (0, pytest.approx(1_515_000))


def lumps(interface) -> Received:
    """Return a download of 2 s whose bytes came at the very end of each second."""
    lane, counter = FakeLane(), Received(interface, is_long=False)
    counter.join(lane)
    for tick in range(41):
        if tick in {20, 40}:
            lane.receive(1_448_000)
        counter.note(tick * 0.05)
    return counter


def test_lumps_are_counted_at_the_interface() -> None:
    """Where bytes come in lumps the interface counts, less its other traffic."""
    counter = lumps(lambda: through((0.0, 0), (2.0, 3_620_000)))
    assert counter.counted_at == "nic"
    [curve] = counter.curves(began=0.0)
    assert curve.at(1) == pytest.approx(1_500_000)


@pytest.mark.parametrize("interface", [no_interface, Curve, lambda: through((0.0, 0), (2.0, 9_000_000))])
def test_an_interface_that_is_no_help(interface) -> None:
    """One that does not count, or is full of other traffic, is not used."""
    counter = lumps(interface)
    assert counter.counted_at == "receiver"
    assert counter.curves(began=0.0)[0].at(0.5) == 0


# -- an upload, counted by the far end -------------------------------------------------------------------------------


class FarEnd:
    """Tells what it counted of one lane, on a clock that began when the lane joined."""

    def __init__(self) -> None:
        self.lane, self.counter = FakeLane(), Told()
        self.counter.join(self.lane)
        self.began = time.monotonic()

    def tells(self, clock_s: float, wire_bytes: int, kernel: Arrived | None = None, *, after_s: float = 0.01) -> None:
        told = FarCount(clock_s=clock_s, wire_bytes=wire_bytes, kernel=kernel)
        self.counter.heard(self.lane, told, self.began + clock_s + after_s)

    def curve(self) -> Curve:
        [curve] = self.counter.curves(self.began)
        return curve


def test_the_far_end_s_bytes_on_its_clock() -> None:
    """Counts stand where the far end counted them, whenever the message came; the quickest one sets the clocks."""
    far = FarEnd()
    far.lane.send(3_000_000, share=1.001)
    far.tells(1.0, 1_000_000, after_s=0.3)
    far.tells(2.0, 2_000_000, after_s=0.1)
    far.tells(3.0, 3_003_000, after_s=0.9)
    assert far.counter.bytes == pytest.approx(3_000_000, abs=1)
    curve = far.curve()
    assert curve.end_s == pytest.approx(3.1, abs=0.01)
    assert curve.at(1.1) == pytest.approx(1_000_000 * 1500 / 1448, rel=0.01)
    assert far.counter.ip_share() == pytest.approx(1.001 * 1500 / 1448)


def test_the_far_end_s_segments() -> None:
    """Where it tells its kernel's segments, those count: even while a lost one holds the bytes back."""
    far = FarEnd()
    far.lane.send(2_896_000)
    far.tells(1.0, 0, Arrived(500, 1000, 1448))
    far.tells(2.0, 2_896_000, Arrived(2_896_500, 2000, 1448))
    assert far.curve().at(1.01) == pytest.approx(1_500_000, rel=0.01)
    assert far.curve().total == 3_000_000


@pytest.mark.parametrize(
    "kernel",
    [
        None,
        Arrived(2_896_000, 20_000, 1448),  # ten times as many as were sent
        Arrived(2_896_000, 2**53, 1448),
        Arrived(2_896_000, 1100, 1448),  # too few for what was read
        Arrived(2_896_000, 2000, 256),  # full ones that would not hold it
    ],
)
def test_segments_that_do_not_fit_the_bytes(kernel) -> None:
    """A kernel's count that cannot be true is set aside, and the bytes count."""
    far = FarEnd()
    far.lane.send(2_896_000)
    far.tells(1.0, 1_448_000, Arrived(1_448_000, 1000, 1448))
    far.tells(2.0, 2_896_000, kernel)
    assert far.curve().total == pytest.approx(3_000_000)


def test_segments_once_distrusted_stay_so() -> None:
    """A far end that told nonsense of its kernel once is not believed again."""
    far = FarEnd()
    far.lane.send(2_896_000)
    far.tells(1.0, 1_448_000)
    far.tells(2.0, 2_896_000, Arrived(2_896_000, 2000, 1448))
    assert far.curve().at(1.01) == pytest.approx(1_500_000, rel=0.01)


@pytest.mark.parametrize(
    ("second", "says"),
    [
        ({"clock_s": 2.0, "wire_bytes": 1_000_001}, "more than was sent"),
        ({"clock_s": 2.0, "wire_bytes": 2**53}, "more than was sent"),
        ({"clock_s": 2.0, "wire_bytes": 499_999}, "backwards"),
        ({"clock_s": 0.9, "wire_bytes": 600_000}, "backwards"),
        ({"clock_s": 9.0, "wire_bytes": 600_000, "after_s": -1.1}, "faster than ours"),
        ({"clock_s": 2.0, "wire_bytes": 600_000, "kernel": Arrived(9, 9, 1448)}, "backwards"),
    ],
)
def test_what_cannot_be_true(second, says) -> None:
    """More than was sent, a count or clock that goes back, a clock that runs ahead: no measurement."""
    far = FarEnd()
    far.lane.send(1_000_000)
    far.tells(1.0, 500_000, Arrived(500_000, 345, 1448))
    with pytest.raises(TransferError, match=says) as caught:
        far.tells(**second)
    assert caught.value.failure == "protocol_error"


@given(
    st.lists(
        st.builds(
            FarCount,
            clock_s=st.floats(0, 2**53 / 1e6),
            wire_bytes=st.integers(0, 2**53),
            kernel=st.none() | st.builds(Arrived, *[st.integers(0, 2**53)] * 3),
        ),
        max_size=8,
    )
)
def test_no_far_end_can_claim_more_than_was_sent(messages) -> None:
    """Whatever it tells, it is refused, or counted as no more than a tenth above what was sent."""
    far = FarEnd()
    far.lane.send(10_000_000)
    for told in messages:
        try:
            far.counter.heard(far.lane, told, far.began + told.clock_s)
        except TransferError:
            return
    most = (1.1 * 10_000_000 + 16_384) * (256 + 52) / 256
    assert far.counter.bytes <= 10_000_000
    assert far.curve().total <= most


def test_a_silent_far_end_has_counted_nothing() -> None:
    """Before the first message there is nothing, not an error."""
    far = FarEnd()
    assert (far.counter.bytes, far.curve().total) == (0, 0)


# -- an upload that nobody tells of ----------------------------------------------------------------------------------


def test_acknowledgements() -> None:
    """Bytes count once the far end's system has acknowledged them."""
    if not tcp_info.is_told():
        pytest.skip("this system does not tell what was acknowledged")
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as sock:
        lane, counter = FakeLane(), Acked()
        lane.sock = sock
        counter.join(lane)
        far, _ = server.accept()
        with far:
            counter.note(0.0)
            sock.sendall(bytes(100_000))
            lane.send(100_000)
            left = 100_000
            while left:
                left -= len(far.recv(left))
            deadline = time.monotonic() + 10
            while tcp_info.sent(sock).acked < 100_000:
                assert time.monotonic() < deadline
            counter.note(1.0)
            assert counter.bytes == 100_000
            assert counter.counted_at == "acked"
            [curve] = counter.curves(0.0)
            assert 100_000 <= curve.at(1.0) < 110_000


def test_an_upload_counted_by_the_interface() -> None:
    """Where only the interface counts, no more than was sent is the test's."""
    lane, counter = FakeLane(), Interface(lambda: through((0.0, 500), (2.0, 4_000_500)))
    counter.join(lane)
    lane.send(3_000_000)
    assert (counter.bytes, counter.counted_at) == (3_000_000, "nic")
    [curve] = counter.curves(0.0)
    assert curve.gained == pytest.approx(3_000_000 * 1500 / 1448)


def test_an_interface_that_does_not_count() -> None:
    """Where not even the interface counts, that is this computer's trouble and no zero."""
    counter = Interface(no_interface)
    counter.join(FakeLane())
    assert counter.bytes == 0
    with pytest.raises(TransferError, match="does not count") as caught:
        counter.curves(0.0)
    assert caught.value.failure == "host_error"


def test_every_way_of_counting_has_its_word() -> None:
    """The words are the contract's."""
    assert {Told.counted_at, Acked.counted_at, Interface.counted_at} == {"server", "acked", "nic"}
    assert counting.Counter.__subclasses__()
