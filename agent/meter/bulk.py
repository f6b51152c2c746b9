"""One direction of a bulk test: let the connections run, count, stop when enough is known; then say how fast.

The same for every engine: what a protocol has to do stands behind agent.meter.lane.Engine.
"""

import time
from collections.abc import Callable
from contextlib import suppress

import msgspec
from msgspec import Struct

from agent.contract.measurement import Direction, Stop
from agent.host import tcp_info
from agent.meter import estimate, layers, loop, progress, series, steady, stop
from agent.meter.counting import Counter, Told
from agent.meter.echo import Rounds
from agent.meter.errors import TransferError
from agent.meter.estimate import Estimate
from agent.meter.growth import Growth
from agent.meter.lane import Engine, FarCount, Lane, Way
from agent.meter.progress import Progress
from agent.meter.series import Curve
from agent.meter.steady import Plateau
from agent.meter.stop import Question, Standing

STALL_S = 3.0  # this long without one more byte is the end
_STALL_ROUNDS = 4
_SILENCE_S = 2.0  # the far end reports every 0.4 s at least; so long without is no measurement of the end any more
_LOOK_TICKS = 2
_LATELY_S, _LATELY_BLOCK_S = 0.7, 0.1
_UNSENT_BYTES = 128 * 1024  # in the kernel's buffer: enough to keep the line busy, little to throw away at the end
_MAX_SAMPLES = 4096
_ITS_SHARE = 0.5  # of the byte limit: a far end that counts whole messages may stop short of it, but not shorter
_PACED, _NOT_PACED = 0.9, 1.1  # of the pace: between these it was the pace that bound the result


class Setting(Struct, frozen=True, kw_only=True):
    """What a direction is asked, on which line: ``rtt_s`` of the idle line, ``ends_at`` of time.monotonic.

    ``lane_pace_bps`` is the IP-layer pace of each connection, None for none.
    """

    way: Way
    question: Question
    rtt_s: float
    ends_at: float
    lane_pace_bps: float | None = None


class Bulk:
    """A direction from its first connections to its result."""

    def __init__(self, engine: Engine, setting: Setting, counter: Counter, watch: Callable[[float], None]) -> None:
        self._engine = engine
        self._setting = setting
        self._counter = counter
        self._watch_computer = watch
        self._echoes: Rounds | None = None
        self._transfers: list[loop.Transfer] = []
        self.lanes: list[Lane] = []
        self.began = time.monotonic()
        self.stop: Stop | None = None
        self.elapsed_s = 0.0
        self._grown_at = self.began
        self._grown_to = 0
        self._ticks = 0
        self._idle_at_s: float | None = None  # when the first connection had nothing left to send
        self._sent = Curve()
        self._coming_bytes = 0.0
        self._settled = False
        self._growth = Growth(engine.open, 0, 0, setting.rtt_s)
        self._first_lanes = 1
        self.plateau: Plateau | None = None
        self.found: Estimate | None = None

    @property
    def way(self) -> Way:
        """The direction."""
        return self._setting.way

    # -- as it runs ----------------------------------------------------------------------------------------------

    def run(self, lanes: list[Lane], echoes: Rounds | None) -> None:
        """Run on these connections, and more where they help, until enough is known.

        Raises:
            TransferError: the bytes stopped, or the far end ended first.
        """
        self.began = self._grown_at = time.monotonic()
        self._echoes = echoes
        self._transfers += [echoes] if echoes is not None else []
        self._first_lanes = len(lanes)
        self._growth = Growth(self._engine.open, len(lanes), self._engine.most_lanes, self._setting.rtt_s)
        try:
            self._join(lanes)
            loop.run(self._transfers, self._tick, self._has_enough)
        finally:
            self._growth.close()
        if self.stop is None and self._has_enough():
            self.stop = "bytes"
        if self._counter.bytes == 0:
            self._stalled()

    def _join(self, lanes: list[Lane]) -> None:
        self.lanes += lanes  # all of them first: whatever happens to one, the others are closed too
        for lane in lanes:
            self._transfers.append(lane)
            self._counter.join(lane)
            if self._setting.way == "upload":
                tcp_info.keep_unsent_short(lane.sock, _UNSENT_BYTES)
                if self._setting.lane_pace_bps is not None:
                    lane.pace(self._setting.lane_pace_bps / layers.segment(lane.sock).ip_per_payload)
            self._engine.begin(lane, self._heard)

    def _heard(self, lane: Lane, told: FarCount, now: float) -> None:
        if isinstance(self._counter, Told):
            self._counter.heard(lane, told, now)

    def _tick(self, now: float) -> bool:
        self.elapsed_s = now - self.began
        self._ticks += 1
        self._watch_computer(now)
        self._counter.note(now)
        self._sent.add(now, max(int(self._sent.total), sum(_sent_bytes(lane) for lane in self.lanes)))
        self._engine.tick(now)
        if self._echoes is not None:
            self._echoes.tick(now)
        if self._idle_at_s is None and self._setting.way == "upload" and self._has_idle_lane():
            self._idle_at_s = self.elapsed_s
        self._join(self._growth.joined(self.elapsed_s))
        counted = self._counter.bytes
        if counted > self._grown_to:
            self._grown_to, self._grown_at = counted, now
        if self._ticks % _LOOK_TICKS == 0 or self._has_enough():
            self._look(counted)
        if self.stop is None:
            self._watch(now, counted)
        return self.stop is None

    def _has_enough(self) -> bool:
        limit = self._setting.question.max_bytes
        return limit is not None and self._counter.bytes + self._coming_bytes >= limit

    def _has_idle_lane(self) -> bool:
        return not all(lane.wants_write or lane.waits for lane in self.lanes)

    def _look(self, counted: int) -> None:
        """See where the test stands: how fast, whether that is enough to know, whether more connections would help."""
        setting, curves, end_s = self._setting, self._curves(), self._counted_to_s()
        begin_s = self._growth.helped_at_s
        self.plateau = steady.find(curves, setting.rtt_s, begin_s, end_s)
        self.found = None
        if self.plateau is not None:
            self.found = estimate.estimate(curves, self.plateau.begin_s, end_s, setting.rtt_s)
        if self.found is not None and not self._growth.filled:
            self.found = msgspec.structs.replace(self.found, high_bps=None)
        rising = self._rising(curves, end_s) if self.found is None else None
        if self.found is not None and self._may_need_more(self.found.mean_bps):
            self._growth.judge(
                lambda start, stop_s: series.rates(curves, [start, stop_s])[0], end_s, self.found.mean_bps
            )
        settled = self._growth.settled or (self.found is not None and self._is_at_pace(self.found.mean_bps))
        self._settled = settled
        counted_ip_bytes = counted * self._counter.ip_share()
        self._coming_bytes = self._on_its_way_bytes(counted_ip_bytes, self.found or rising)
        standing = Standing(
            elapsed_s=self.elapsed_s,
            bytes=int(counted_ip_bytes),
            rtt_s=setting.rtt_s,
            coming_bytes=self._coming_bytes,
            plateau=self.plateau,
            found=self.found or rising,
            settled=settled,
        )
        self.stop = stop.decide(setting.question, standing)
        if self.stop is None and time.monotonic() >= setting.ends_at:
            self.stop = "time"
        self._tell(curves, end_s)

    def _on_its_way_bytes(self, counted_bytes: float, found: Estimate | None) -> float:
        """Return what will still arrive if the test ends now: what is sent by now, or asked for a round trip ago.

        That round trip is the one with the queue that the test has filled.
        """
        if found is None or counted_bytes <= 0:
            return 0.0  # where the far end's kernel has all of a small test before its program has read any of it
        if self._setting.way == "upload":
            return max(0.0, self._sent.total * layers.segment(self.lanes[0].sock).ip_per_payload - counted_bytes)
        loaded_rtt_s = max(self._setting.rtt_s, self._echoes.latest_s if self._echoes is not None else 0.0)
        return found.mean_bps / 8 * loaded_rtt_s

    def _rising(self, curves: tuple[Curve, ...], end_s: float, since_s: float = 0.0) -> Estimate | None:
        """Return how fast it was of late where it still grows: the line can do that, and more perhaps."""
        begin_s = max(since_s, end_s / 3, end_s - max(_LATELY_S, self._setting.rtt_s))
        found = estimate.estimate(curves, begin_s, end_s, 0.0, least_block_s=_LATELY_BLOCK_S)
        return None if found is None or found.mean_bps <= 0 else msgspec.structs.replace(found, high_bps=None)

    def _may_need_more(self, rate_bps: float) -> bool:
        """Tell whether more connections could change the answer; each brings its own pace, which lessons would feel."""
        level_bps = self._setting.question.level_bps
        return not self._is_at_pace(rate_bps) and (level_bps is None or rate_bps < level_bps)

    @property
    def _pace_bps(self) -> float | None:
        """The pace of all connections together."""
        lane_bps = self._setting.lane_pace_bps
        return None if lane_bps is None else lane_bps * len(self.lanes)

    def _is_at_pace(self, rate_bps: float) -> bool:
        """Tell whether the pace bound a rate, that of the first connections at least: part of it is from their time.

        One clearly above the pace of all shows that the sender does not keep to it.
        """
        lane_bps, pace_bps = self._setting.lane_pace_bps, self._pace_bps
        if lane_bps is None or pace_bps is None:
            return False
        return _PACED * lane_bps * self._first_lanes <= rate_bps <= _NOT_PACED * pace_bps

    def _watch(self, now: float, counted: int) -> None:
        """Notice trouble."""
        gone = [lane for lane in self.lanes if lane.left is not None]
        if gone:
            limit = self._setting.question.max_bytes
            at_its_limit = (
                limit is not None and counted >= limit * _ITS_SHARE and all(one.left == "peace" for one in gone)
            )
            if not at_its_limit:
                what = f"the far end ended the test after {self.elapsed_s:.1f} s, before its time"
                raise TransferError("closed_early", what)
            self.stop = "bytes"
        elif now - self._grown_at > STALL_S + _STALL_ROUNDS * self._setting.rtt_s:
            self._stalled()

    def _stalled(self) -> None:
        if self._counter.bytes == 0 and any(lane.wire_received > 1024 for lane in self.lanes):
            if self._setting.way == "download":
                raise TransferError("protocol_error", "the far end sends texts where bytes are due")
            raise TransferError("protocol_error", "the far end talks, but does not say what it received")
        what = f"no byte arrived for {STALL_S:.0f} s" if self._counter.bytes else "connected, but not one byte arrived"
        raise TransferError("stalled", what)

    def _tell(self, curves: tuple[Curve, ...], end_s: float) -> None:
        rate = None
        if end_s > 0.2:
            [rate] = series.rates(curves, [max(0.0, end_s - 0.5), end_s])
        share = min(1.0, self.elapsed_s / self._setting.question.limit_s(self._setting.rtt_s))
        progress.tell(Progress(phase=self._setting.way, share=share, ip_bps=rate))

    # -- what is counted -----------------------------------------------------------------------------------------

    def _curves(self) -> tuple[Curve, ...]:
        curves = self._counter.curves(self.began)
        if self._echoes is not None:
            curves += (self._echoes.ip_curve(self._setting.way).seen(offset_s=-self.began),)
        return curves

    def _counted_to_s(self) -> float:
        """Until when the line was certainly kept busy and counted."""
        curves = self._counter.curves(self.began)
        end_s = min((curve.end_s for curve in curves if len(curve)), default=0.0)  # one may have joined just now
        return end_s if self._idle_at_s is None else min(end_s, self._idle_at_s)

    # -- afterwards ----------------------------------------------------------------------------------------------

    def result(self) -> Direction:
        """Say how fast it was; ``bytes`` and ``duration_s`` are those of the whole transfer, warm-up and all.

        Bounds come from the plateau. Where the rate still grew at the end, what it had reached is a lower bound.

        Raises:
            TransferError: there is nothing to tell from.
        """
        curves, end_s = self._curves(), self._counted_to_s()
        silent_s = self.elapsed_s - end_s
        if silent_s > _SILENCE_S + self._setting.rtt_s and self._idle_at_s is None:
            raise TransferError("stalled", "the far end's counts stopped, or its clock runs slow")
        found = self._final(curves, end_s)
        pace_bps = self._pace_bps
        is_paced = pace_bps is not None and found.mean_bps <= _NOT_PACED * pace_bps
        # Cut off before it was known whether more connections would have carried more.
        is_cut = self.stop in ("time", "bytes") and not self._settled
        high_bps = None if is_cut or self._is_at_pace(found.mean_bps) else found.high_bps
        plateau = self.plateau if self.found is not None else None
        looked_past = plateau is not None and stop.looked_past(plateau, self._counter.bytes)
        boost = plateau.before_bps if plateau is not None else None
        samples = series.rates(curves, series.edges(0.0, max(end_s, loop.TICK_S), loop.TICK_S))
        return Direction(
            goodput_bps=round(found.mean_bps / self._counter.ip_share()),
            ip_bps=round(found.mean_bps),
            ip_low_bps=None if found.low_bps is None else round(found.low_bps),
            ip_high_bps=None if high_bps is None else round(high_bps),
            bytes=self._counter.bytes,
            duration_s=round(self.elapsed_s, 3),
            connections=len(self.lanes),
            stop=self.stop or "time",
            counted_at=self._counter.counted_at,
            burst_bps=None if boost is None else round(boost),
            sustained_bps=round(found.mean_bps) if looked_past else None,
            paced_bps=round(pace_bps) if is_paced and pace_bps is not None else None,
            congestion_control=self._congestion_control(),
            samples_bps=tuple(float(round(sample)) for sample in samples[:_MAX_SAMPLES]),
        )

    def _final(self, curves: tuple[Curve, ...], end_s: float) -> Estimate:
        found = self.found
        if found is None or found.low_bps is None:
            # Even, if at all, for too short a time to have bounds: what it was of late is a lower one.
            since_s = 0.0 if self.plateau is None else self.plateau.begin_s
            found = self._rising(curves, end_s, since_s) or found
        if found is None:
            raise TransferError("deadline", "ended too soon to say how fast the line is")
        return found

    def _congestion_control(self) -> str | None:
        return tcp_info.congestion_control(self.lanes[0].sock) if self._setting.way == "upload" else None

    @property
    def steady(self) -> tuple[float, float]:
        """From when to when the line was evenly full, on time.monotonic; the last third where it never was."""
        begin_s = self.plateau.begin_s if self.plateau is not None else self.elapsed_s * 2 / 3
        return self.began + begin_s, self.began + self.elapsed_s

    def own_payload(self, begin: float, end: float) -> float:
        """Return the TCP payload of this direction that went through the interface between two times, in bytes."""
        if self._setting.way == "upload":
            return self._sent.at(end) - self._sent.at(begin)
        curves = self._counter.curves(0.0)
        ip_bytes = sum(curve.at(end) - curve.at(begin) for curve in curves)
        return ip_bytes / layers.segment(self.lanes[0].sock).ip_per_payload


def _sent_bytes(lane: Lane) -> int:
    """Return what a lane has put on the line, repeats too where the kernel tells."""
    told = None if lane.ended else tcp_info.sent(lane.sock)
    return lane.wire_sent if told is None else told.with_repeats


def say_goodbye(lanes: list[Lane]) -> None:
    """End the lanes as the protocol asks, as far as that can be said at once.

    Whoever waits for the answer is sent the rest of a message meanwhile, and pays for it.
    """
    for lane in lanes:
        with suppress(TransferError):  # it is gone already
            lane.finish("done")
            lane.writable(time.monotonic())
