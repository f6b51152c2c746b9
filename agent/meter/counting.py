"""Who counts the bytes of a direction, as curves of IP-layer bytes over the test's time.

Where the system tells, segments are counted, not bytes: a byte behind a lost packet is handed over only when that one
was sent again, so that bytes come in lumps, while the segments of a busy line arrive evenly (head-of-line blocking).
"""

import ssl
import time
from collections.abc import Callable
from statistics import fmean

from agent.contract.measurement import CountedAt
from agent.host import tcp_info
from agent.host.tcp_info import Arrived
from agent.meter import layers
from agent.meter.errors import TransferError
from agent.meter.lane import FarCount, Lane
from agent.meter.layers import Segment
from agent.meter.loop import TICK_S
from agent.meter.series import Curve

_CLOCK_SLACK_S = 1.0
_SMALL_SEGMENTS, _SMALL_BYTES = 16, 1028  # MSAK begins with 16 KiB in messages of 1 KiB
_LEAST_SEGMENT, _LARGEST_SEGMENT = 256, 9216  # of payload: smaller is no full one, larger crosses no line
_MOSTLY_OURS = 0.5
_SOME_PACKETS_BYTES = 15_000
_OFTEN_S = 0.01  # the far end's word is taken no more often than this: it may say as much as it likes
_TLS_UNSURE = 1 << 17  # of one message of 64 KiB, its records around it
_HANDSHAKE = 16_384  # of bytes in the kernel's count that belong to opening handshakes
_REPEATED, _FULL_SHARE = 1.1, 0.7  # segments may come twice, and a few are not full


class Counter:
    """What every way of counting has in common."""

    counted_at: CountedAt

    def join(self, lane: Lane) -> None:
        """Count this connection too."""
        raise NotImplementedError

    def note(self, now: float) -> None:
        """Record a tick, at ``now`` of time.monotonic."""

    @property
    def bytes(self) -> int:
        """Payload bytes that have certainly arrived."""
        raise NotImplementedError

    def ip_share(self) -> float:
        """IP-layer bytes for each byte of payload."""
        raise NotImplementedError

    def curves(self, began: float) -> tuple[Curve, ...]:
        """Return IP-layer bytes over seconds since ``began``."""
        raise NotImplementedError


class Payload:
    """Payload for each byte of a TCP stream in one direction, and IP-layer bytes for each of them."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self.segment: Segment = layers.segment(lane.sock)

    @property
    def received_share(self) -> float:
        """Bytes of the TCP stream for each byte of payload received."""
        return max(1.0, self._lane.wire_received / max(1, self._lane.payload_received))

    @property
    def sent_share(self) -> float:
        """Bytes of the TCP stream for each byte of payload sent."""
        return max(1.0, self._lane.wire_sent / max(1, self._lane.payload_sent))


class Segments:
    """IP-layer bytes of a connection from the number of data segments that its kernel received, in any order.

    That runs evenly even while a lost segment holds back the bytes behind it. The first segments of a download are
    small, as a protocol's first messages are. Segments beyond any real line's size (loopback) come in every size: there
    the bytes count.
    """

    def __init__(self, segment: Segment, *, small_at_first: bool) -> None:
        self._segment = segment
        self._small = _SMALL_SEGMENTS if small_at_first else 0
        self._last = 0
        self.payload_bytes = 0  # that the segments so far must have carried
        self.curve = Curve()

    def begin(self, time_s: float, told: Arrived) -> None:
        """Count from here on: what came before, while the connection was being opened, was not watched."""
        self._last = told.segments
        self.curve.add(time_s, 0)

    def add(self, time_s: float, told: Arrived) -> None:
        """Take the kernel's counts; one that goes back is refused (ValueError)."""
        more = told.segments - self._last
        header_bytes, full_bytes = self._segment.header_bytes, self._segment.payload_bytes
        if told.segment_bytes >= _LEAST_SEGMENT:
            full_bytes = min(full_bytes, told.segment_bytes)
        if self._segment.payload_bytes > _LARGEST_SEGMENT:
            self.curve.add(time_s, told.in_order_bytes + told.segments * header_bytes)
            self.payload_bytes = told.in_order_bytes
            return
        if more < 0:
            raise ValueError("a counter went back")
        small = min(more, max(0, self._small - self._last))
        mean_bytes = told.in_order_bytes // max(1, told.segments)
        step = small * min(max(_SMALL_BYTES, mean_bytes), full_bytes) + (more - small) * full_bytes
        self.payload_bytes += step
        self.curve.add(time_s, int(self.curve.total) + step + more * header_bytes)
        self._last = told.segments


class Received(Counter):
    """A download, counted here: by segments where the kernel tells, else by the bytes handed over.

    Where those come in lumps (long round trips, a tick without any), by the interface, less other traffic in it.
    """

    def __init__(self, interface: Callable[[], Curve | None], *, is_long: bool) -> None:
        """Count; ``interface`` gives the TCP payload that the network interface has received."""
        self._lanes: list[tuple[Lane, Curve, Segments, Payload]] = []
        self._interface = interface
        self._by_segments = tcp_info.is_told()
        self._is_lumpy = is_long
        self._all = Curve()

    @property
    def counted_at(self) -> CountedAt:  # type: ignore[override]  # known only while it runs
        return "nic" if self._through_interface(0.0) is not None else "receiver"

    def join(self, lane: Lane) -> None:
        payload = Payload(lane)
        segments = Segments(payload.segment, small_at_first=True)
        told = tcp_info.arrived(lane.sock) if self._by_segments else None
        if told is not None:
            segments.begin(time.monotonic(), told)
        self._lanes.append((lane, Curve(), segments, payload))

    @property
    def bytes(self) -> int:
        return sum(lane.payload_received for lane, *_ in self._lanes)

    def note(self, now: float) -> None:
        for lane, curve, segments, _payload in self._lanes:
            curve.add(now, lane.payload_received)
            told = tcp_info.arrived(lane.sock) if self._by_segments and not lane.ended else None
            if told is not None:
                segments.add(now, told)
            elif not lane.ended:
                self._by_segments = False
        self._notice_lumps(now)

    def _notice_lumps(self, now: float) -> None:
        counted, before, seconds = self.bytes, self._all.total, now - self._all.begin_s
        self._all.add(now, counted)
        mean_tick = self._all.gained / max(seconds, TICK_S) * TICK_S
        if seconds > 1.0 and counted == before and mean_tick > _SOME_PACKETS_BYTES:
            self._is_lumpy = True

    def ip_share(self) -> float:
        return fmean(one.received_share * one.segment.ip_per_payload for *_, one in self._lanes)

    def curves(self, began: float) -> tuple[Curve, ...]:
        if self._by_segments:
            return tuple(segments.curve.seen(offset_s=-began) for _, _, segments, _ in self._lanes)
        through = self._through_interface(began)
        if through is not None:
            return (through,)
        return tuple(
            curve.seen(offset_s=-began, factor=payload.received_share * payload.segment.ip_per_payload)
            for _, curve, _, payload in self._lanes
        )

    def _through_interface(self, began: float) -> Curve | None:
        """Return the interface's curve, less the other traffic in it; None where it is not needed or not to be had."""
        if self._by_segments or not self._is_lumpy or not self._lanes:
            return None
        curve = self._interface()
        if curve is None or curve.gained <= 0:
            return None
        ours = min(1.0, sum(lane.wire_received for lane, *_ in self._lanes) / curve.gained)
        segment = self._lanes[0][3].segment
        return curve.seen(offset_s=-began, factor=ours * segment.ip_per_payload) if ours >= _MOSTLY_OURS else None


class Told(Counter):
    """An upload, counted by the far end in its own messages, each connection on the far end's own clock."""

    counted_at: CountedAt = "server"

    def __init__(self) -> None:
        self._lanes: dict[Lane, _FarEnd] = {}

    def join(self, lane: Lane) -> None:
        self._lanes[lane] = _FarEnd(lane)

    def heard(self, lane: Lane, told: FarCount, now: float) -> None:
        """Take what the far end said of a connection.

        Raises:
            TransferError: it cannot be true (protocol_error).
        """
        self._lanes[lane].add(told, now)

    @property
    def bytes(self) -> int:
        return sum(int(far.bytes.total / far.payload.sent_share) for far in self._lanes.values())

    def ip_share(self) -> float:
        return fmean(far.payload.sent_share * far.payload.segment.ip_per_payload for far in self._lanes.values())

    def curves(self, began: float) -> tuple[Curve, ...]:
        by_segments = all(far.by_segments for far in self._lanes.values())
        return tuple(far.curve(by_segments=by_segments).seen(offset_s=-began) for far in self._lanes.values())


class _FarEnd:
    """What the far end counted of one connection."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._made = lane.opened_at
        # A TLS record that went out in part was sent, but nobody was told how much of it.
        self._unsure_bytes = _TLS_UNSURE if isinstance(lane.sock, ssl.SSLSocket) else 0
        self._offset_s = _CLOCK_SLACK_S  # our clock minus theirs, from the message that travelled fastest
        self.payload = Payload(lane)
        self._segments = Segments(self.payload.segment, small_at_first=False)
        self._segments.add(0.0, Arrived(0, 0, 0))
        self.by_segments = True
        self.bytes = Curve()
        self.bytes.add(0.0, 0)

    def curve(self, *, by_segments: bool) -> Curve:
        """Return IP-layer bytes over our clock."""
        offset_s = self._made + self._offset_s
        if by_segments:
            return self._segments.curve.seen(offset_s=offset_s)
        return self.bytes.seen(offset_s=offset_s, factor=self.payload.segment.ip_per_payload)

    def add(self, told: FarCount, now: float) -> None:
        if told.wire_bytes > self._lane.wire_sent + self._unsure_bytes:
            raise TransferError("protocol_error", "the far end claims to have received more than was sent")
        ahead_s = now - self._made - told.clock_s
        if ahead_s < -_CLOCK_SLACK_S:
            raise TransferError("protocol_error", "the far end's clock runs faster than ours")
        self._offset_s = min(self._offset_s, ahead_s)
        if self.bytes.end_s <= told.clock_s < self.bytes.end_s + _OFTEN_S:
            return
        try:
            self.bytes.add(told.clock_s, told.wire_bytes)
            self._add_segments(told)
        except ValueError:
            raise TransferError("protocol_error", "the far end's count went backwards") from None

    def _add_segments(self, told: FarCount) -> None:
        """Believe the far end's count of segments only as far as it fits the bytes that were sent and that it read."""
        if told.kernel is None or not self.by_segments:
            self.by_segments = False
            return
        self._segments.add(told.clock_s, told.kernel)
        most = _REPEATED * (self._lane.wire_sent + self._unsure_bytes) + _HANDSHAKE
        least = _FULL_SHARE * told.wire_bytes - _HANDSHAKE
        self.by_segments = least <= self._segments.payload_bytes <= most


class Acked(Counter):
    """An upload to a far end that does not say what it received: counted by its system's acknowledgements.

    Those of segments in any order run evenly (selective acknowledgements, RFC 2018); bytes in order are the total.
    """

    counted_at: CountedAt = "acked"

    def __init__(self) -> None:
        self._lanes: dict[Lane, tuple[Segments, Payload]] = {}
        self._acked: dict[Lane, int] = {}

    def join(self, lane: Lane) -> None:
        payload = Payload(lane)
        self._lanes[lane] = Segments(payload.segment, small_at_first=False), payload
        self._acked[lane] = 0

    @property
    def bytes(self) -> int:
        return sum(int(acked / self._lanes[lane][1].sent_share) for lane, acked in self._acked.items())

    def note(self, now: float) -> None:
        for lane, (segments, _) in self._lanes.items():
            sent = None if lane.ended else tcp_info.sent(lane.sock)
            if sent is not None:
                self._acked[lane] = max(self._acked[lane], min(sent.acked, lane.wire_sent))
                segments.add(now, Arrived(sent.acked, sent.delivered, 0))

    def ip_share(self) -> float:
        return fmean(payload.sent_share * payload.segment.ip_per_payload for _, payload in self._lanes.values())

    def curves(self, began: float) -> tuple[Curve, ...]:
        return tuple(segments.curve.seen(offset_s=-began) for segments, _ in self._lanes.values())


class Interface(Counter):
    """An upload counted by the network interface: where neither the far end nor the system says what arrived."""

    counted_at: CountedAt = "nic"

    def __init__(self, interface: Callable[[], Curve | None]) -> None:
        """Count by the TCP payload that the network interface has sent."""
        self._interface = interface
        self._lanes: list[tuple[Lane, Payload]] = []

    def join(self, lane: Lane) -> None:
        self._lanes.append((lane, Payload(lane)))

    @property
    def bytes(self) -> int:
        curve = self._interface()
        return 0 if curve is None else int(curve.gained * self._ours(curve))

    def ip_share(self) -> float:
        return fmean(payload.sent_share * payload.segment.ip_per_payload for _, payload in self._lanes)

    def curves(self, began: float) -> tuple[Curve, ...]:
        curve = self._interface()
        if curve is None:
            raise TransferError("host_error", "this system does not count what its network interface sends")
        factor = self._ours(curve) * self._lanes[0][1].segment.ip_per_payload
        return (curve.seen(offset_s=-began, factor=factor),)

    def _ours(self, curve: Curve) -> float:
        """Return the part of the interface's payload that is the test's: no more than it was given."""
        return min(1.0, sum(lane.wire_sent for lane, _ in self._lanes) / max(1.0, curve.gained))
