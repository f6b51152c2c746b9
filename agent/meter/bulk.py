"""One direction of a bulk test: let the streams run, record what arrived, notice trouble, stop; then say how fast.

Download is counted here, as it arrives. Upload is counted by the far end, from the messages it sends: what this
computer gave to its own socket says nothing about the line.
"""

import time
from collections.abc import Callable
from typing import Literal

import msgspec
from msgspec import Struct

from agent.contract.measurement import CountedAt, Direction, Stop
from agent.meter import estimate, layers, loop, progress, series, websocket
from agent.meter.errors import TransferError
from agent.meter.estimate import Estimate
from agent.meter.progress import Progress
from agent.meter.series import Curve
from agent.meter.stream import Stream

STALL_S = 3.0  # this long without one more byte is the end
_GOODBYE_S = 0.3  # for the closing handshake; what is on its way after that is thrown away
_CLOCK_SLACK_S = 1.0
_SILENCE_S = 2.0  # the far end reports every 0.4 s at least; so long without is no measurement of the end any more
_TELL_TICKS = 4
_MAX_SAMPLES = 4096
_ITS_SHARE = 0.5  # of the byte limit: a far end that counts whole messages may stop short of it, but not shorter


class Limits(Struct, frozen=True, kw_only=True):
    """When a direction ends: after so many seconds or bytes. ``rtt_s`` says how much of its beginning is left out."""

    seconds: float
    max_bytes: int | None
    rtt_s: float


class _Bulk:
    """What both directions share."""

    phase: Literal["download", "upload"]
    counted_at: CountedAt

    def __init__(self, streams: tuple[Stream, ...], limits: Limits) -> None:
        self.streams = streams
        self.limits = limits
        self.began = time.monotonic()
        self.stop: Stop | None = None
        self.elapsed_s = 0.0
        self._grown_at = self.began
        self._grown_to = 0
        self._ticks = 0
        self._also: Callable[[float], None] | None = None

    # -- what a direction knows ----------------------------------------------------------------------------------

    def counted(self) -> int:
        """Payload bytes that have certainly arrived."""
        raise NotImplementedError

    def curves(self) -> tuple[Curve, ...]:
        """Counts over time since the beginning, one curve for each counter."""
        raise NotImplementedError

    def steady_end_s(self) -> float:
        """Until when the line was certainly kept busy and counted."""
        raise NotImplementedError

    def wire_share(self) -> float:
        """Bytes of the TCP streams for each byte of payload."""
        raise NotImplementedError

    def note(self, now: float) -> None:
        """Record a tick."""

    # -- as it runs ----------------------------------------------------------------------------------------------

    def run(self, also: Callable[[float], None] | None = None) -> None:
        """Run until a limit is reached; ``also`` is called at every tick, for what the protocol has to say meanwhile.

        Raises:
            TransferError: the bytes stopped, or the far end ended first.
        """
        self.began = self._grown_at = time.monotonic()
        self._also = also
        loop.run(self.streams, self._tick, self._has_enough)
        if self.counted() == 0:
            self._stalled()

    def _tick(self, now: float) -> bool:
        self.elapsed_s = now - self.began
        self.note(now)
        counted = self.counted()
        if counted > self._grown_to:
            self._grown_to, self._grown_at = counted, now
        self._tell()
        if self._also is not None:
            self._also(now)
        if self._has_enough():
            self.stop = "bytes"
        elif self.elapsed_s >= self.limits.seconds:
            self.stop = "time"
        elif any(self._left_early(stream) for stream in self.streams):
            self._ended_early()
        elif now - self._grown_at > STALL_S:
            self._stalled()
        return self.stop is None

    def _has_enough(self) -> bool:
        """Whether the byte limit is reached: counted here, or by a far end that closed each stream at its share."""
        limit = self.limits.max_bytes
        if limit is None:
            return False
        counted = self.counted()
        return counted >= limit or (counted >= limit * _ITS_SHARE and all(stream.ended for stream in self.streams))

    def _left_early(self, stream: Stream) -> bool:
        """Whether the far end left a stream; under a byte limit it may, in peace."""
        at_its_share = self.limits.max_bytes is not None and stream.peer_code == websocket.NORMAL_CLOSURE
        if at_its_share:
            return all(one.ended for one in self.streams)  # and still not enough: it was no limit that ended them
        return stream.peer_code is not None or stream.ended

    def _ended_early(self) -> None:
        raise TransferError("closed_early", f"the far end ended the test after {self.elapsed_s:.1f} s, before its time")

    def _stalled(self) -> None:
        what = f"no byte arrived for {STALL_S:.0f} s" if self.counted() else "connected, but not one byte arrived"
        raise TransferError("stalled", what)

    def _tell(self) -> None:
        self._ticks += 1
        if self._ticks % _TELL_TICKS == 0:
            end = self.steady_end_s()
            found = estimate.estimate(self.curves(), max(0.0, end - estimate.BLOCK_S), end)
            rate = found.mean_bps * self.ip_share() if found and self.counted() else None
            share = min(1.0, self.elapsed_s / self.limits.seconds)
            progress.tell(Progress(phase=self.phase, share=share, ip_bps=rate))

    # -- afterwards ----------------------------------------------------------------------------------------------

    def ip_share(self) -> float:
        """Bytes of IP packets for each byte of payload."""
        return self.wire_share() * layers.segment(self.streams[0].sock).ip_per_payload

    def result(self) -> Direction:
        """Say how fast it was; ``bytes`` and ``duration_s`` are those of the whole transfer, warm-up and all.

        Bounds come from the steady part only. Where slow start may reach into it there is no upper one.
        """
        curves, end = self.curves(), self.steady_end_s()
        found = self._estimate(curves, end)
        share = self.ip_share()
        low, high = (None if bound is None else round(bound * share) for bound in (found.low_bps, found.high_bps))
        samples = series.rates(curves, series.edges(0.0, max(end, loop.TICK_S), loop.TICK_S))
        return Direction(
            goodput_bps=round(found.mean_bps),
            ip_bps=round(found.mean_bps * share),
            ip_low_bps=low,
            ip_high_bps=high,
            bytes=self.counted(),
            duration_s=round(self.elapsed_s, 3),
            connections=len(self.streams),
            stop=self.stop or "time",
            counted_at=self.counted_at,
            samples_bps=tuple(float(round(sample * share)) for sample in samples[:_MAX_SAMPLES]),
        )

    def _estimate(self, curves: tuple[Curve, ...], end: float) -> Estimate:
        rtt_s = self.limits.rtt_s
        begin = estimate.warm_up_s(rtt_s, self.limits.seconds)
        if end >= begin + estimate.BLOCK_S:
            found = estimate.estimate(curves, begin, end)
            if found is not None and begin < estimate.slow_start_s(rtt_s):
                found = msgspec.structs.replace(found, high_bps=None)
        else:  # too short to leave anything out: then a mean is all there is
            found = estimate.estimate(curves, 0.0, max(curve.end_s for curve in curves))
            found = found and Estimate(found.mean_bps, None, None)
        if found is None:
            raise TransferError("deadline", "ended too soon to say how fast the line is")
        return found


class Download(_Bulk):
    """Bytes that arrive at this computer."""

    phase = "download"
    counted_at: CountedAt = "receiver"

    def __init__(self, streams: tuple[Stream, ...], limits: Limits) -> None:
        super().__init__(streams, limits)
        self._curve = Curve()

    def counted(self) -> int:
        return sum(stream.payload_received for stream in self.streams)

    def note(self, now: float) -> None:
        self._curve.add(now - self.began, self.counted())

    def curves(self) -> tuple[Curve, ...]:
        return (self._curve,)

    def steady_end_s(self) -> float:
        return self._curve.end_s

    def wire_share(self) -> float:
        return sum(stream.wire_received for stream in self.streams) / max(1, self.counted())

    def _stalled(self) -> None:
        if self.counted() == 0 and any(stream.wire_received > 0 for stream in self.streams):
            raise TransferError("protocol_error", "the far end sends texts where bytes are due")
        super()._stalled()


class Upload(_Bulk):
    """Bytes that the far end says it has received, each stream on the far end's own clock."""

    phase = "upload"
    counted_at: CountedAt = "server"

    def __init__(self, streams: tuple[Stream, ...], limits: Limits) -> None:
        super().__init__(streams, limits)
        self._counters = tuple(_FarCounter(stream) for stream in streams)
        self._idle_at_s: float | None = None  # when the first stream had nothing left to send

    def heard(self, stream: Stream, count: int, far_clock_s: float, now: float) -> None:
        """Take what the far end said of a stream.

        Raises:
            TransferError: it cannot be true (protocol_error).
        """
        self._counters[self.streams.index(stream)].add(count, far_clock_s, now)

    def counted(self) -> int:
        return sum(counter.curve.total for counter in self._counters)

    def note(self, now: float) -> None:
        if self._idle_at_s is None and not all(stream.wants_write for stream in self.streams):
            self._idle_at_s = now - self.began

    def curves(self) -> tuple[Curve, ...]:
        return tuple(counter.curve.shifted(counter.offset_s - self.began) for counter in self._counters)

    def steady_end_s(self) -> float:
        end = min(curve.end_s for curve in self.curves())
        return end if self._idle_at_s is None else min(end, self._idle_at_s)

    def result(self) -> Direction:
        if self.stop == "time" and self.elapsed_s - min(curve.end_s for curve in self.curves()) > _SILENCE_S:
            raise TransferError("stalled", "the far end's counts stopped, or its clock runs slow")
        return super().result()

    def wire_share(self) -> float:
        return sum(stream.wire_sent for stream in self.streams) / max(1, sum(s.payload_sent for s in self.streams))


class _FarCounter:
    """What the far end counted of one stream."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._made = time.monotonic()
        self._offset_s = float("inf")
        self.curve = Curve()
        self.curve.add(0.0, 0)

    @property
    def offset_s(self) -> float:
        """Our clock minus theirs, from the message that travelled fastest."""
        return min(self._offset_s, self._made + _CLOCK_SLACK_S)

    def add(self, count: int, far_clock_s: float, now: float) -> None:
        if count > self._stream.wire_sent:
            raise TransferError("protocol_error", "the far end claims to have received more than was sent")
        if far_clock_s > now - self._made + _CLOCK_SLACK_S:
            raise TransferError("protocol_error", "the far end's clock runs faster than ours")
        self._offset_s = min(self._offset_s, now - far_clock_s)
        try:
            self.curve.add(far_clock_s, count)
        except ValueError:
            raise TransferError("protocol_error", "the far end's count went backwards") from None


def say_goodbye(streams: tuple[Stream, ...]) -> None:
    """End the streams as the protocol asks, but do not wait long for a slow line."""
    for stream in streams:
        stream.finish("done")
    until = time.monotonic() + _GOODBYE_S
    loop.run(streams, lambda now: now < until)
