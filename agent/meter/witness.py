"""What this computer itself did while a direction of a test ran: its other traffic, its processor, its sleep, its link.

The witness only watches; the judgements are drawn from its testimony afterwards, and are pure.
"""

import sys
import time
from collections.abc import Mapping
from itertools import pairwise
from typing import Literal

import psutil
from msgspec import Struct

from agent.host import counters, link
from agent.host.counters import Counters, FrameHeader
from agent.host.link import LinkFacts
from agent.meter.lane import Way
from agent.meter.layers import Segment
from agent.meter.series import Curve

_READING_SHARE = 0.01  # of the measuring thread's time; a system where reading is slow is read less often
_SLACK_S = 0.1  # two ticks: a window's edge is never exactly one
# Above this the one thread that moves the bytes has hardly waited for any: the kernel's work for it shares its core.
THREAD_LIMIT = 0.85
# Above this no core had time left; systems count idle time in steps of a hundredth of a second.
MACHINE_LIMIT = 0.97
_ASLEEP_S = 1.0
_STALLED_S = 3.0  # a loop that ticks every 0.05 s is late by so much only when the computer, or all of it, stood still
LINK_SHARE = 0.9  # a full wired link carries 97.5 % of its rate in IP packets of 1500 bytes (1538 on the wire)
# What Ethernet negotiates, in bit/s. Wi-Fi has none of these rates, so that where the system tells a speed but not the
# medium, it is not taken for a cable.
_ETHERNET_BPS = frozenset({1e7, 1e8, 1e9, 2.5e9, 5e9, 1e10, 2.5e10, 4e10, 1e11})
# Parts of other times (Linux: of user and nice; Windows: of system), which would be counted twice.
_COUNTED_ELSEWHERE = frozenset({"guest", "guest_nice", "interrupt", "dpc"})
_IDLE = frozenset({"idle", "iowait"})


class Tick(Struct, frozen=True, gc=False):
    """The clocks at one moment of the loop.

    Attributes:
        at_s: time.monotonic().
        wall_s: time.time().
        thread_ns: processor time of the measuring thread.
        slept_s: how much further a clock that runs on while the computer sleeps is; null where there is none.
    """

    at_s: float
    wall_s: float
    thread_ns: int
    slept_s: float | None


class Reading(Struct, frozen=True, gc=False):
    """The interface's counters at one moment; null once they could not be read."""

    at_s: float
    counters: Counters | None


class NicRates(Struct, frozen=True, kw_only=True):
    """What the interface received and sent over a window, in bit/s: frames as it counts them, and the TCP payload."""

    rx_bps: float
    tx_bps: float
    rx_payload_bps: float | None
    tx_payload_bps: float | None


class Testimony(Struct, frozen=True, kw_only=True):
    """All that was seen, and what follows from it for a window [begin_s, end_s] of time.monotonic().

    ``segment`` is one of the test's connections: what it carries and the headers around it. What cannot be known is
    null: no interface, counters that were reset, a window that was not watched.
    """

    interface: str | None
    link: LinkFacts | None
    frame: FrameHeader | None
    segment: Segment
    ticks: tuple[Tick, ...]
    readings: tuple[Reading, ...]
    machine_busy_share: float | None

    def rates(self, begin_s: float, end_s: float) -> NicRates | None:
        """Return the interface's rates over a window."""
        received, sent = (self._passed(self._curve(name), begin_s, end_s) for name in ("rx_bytes", "tx_bytes"))
        if received is None or sent is None:
            return None
        payload = [self._passed(self.payload_curve(way), begin_s, end_s) for way in ("download", "upload")]
        bits_per_s = 8 / (end_s - begin_s)
        return NicRates(
            rx_bps=received * bits_per_s,
            tx_bps=sent * bits_per_s,
            rx_payload_bps=None if payload[0] is None else payload[0] * bits_per_s,
            tx_payload_bps=None if payload[1] is None else payload[1] * bits_per_s,
        )

    def payload_curve(self, way: Way) -> Curve | None:
        """Return the TCP payload that the interface received (download) or sent (upload), of all its traffic.

        It runs evenly where the application is handed bytes in lumps, because one is missing before them.
        """
        if self.frame is None:
            return None
        frame_bytes = self.frame.rx_bytes if way == "download" else self.frame.tx_bytes
        return self._curve("rx_bytes" if way == "download" else "tx_bytes", frame_bytes + self.segment.header_bytes)

    def cross_traffic(self, begin_s: float, end_s: float, own_payload_bytes: float, way: Way) -> float | None:
        """Return the traffic of this computer beside the test's, in IP-layer bit/s.

        ``own_payload_bytes`` are the TCP payload of all connections of the test in the window, with framing and TLS.
        For an upload give what the kernel has sent, repeats too (TCP_INFO bytes_sent): the interface has sent those.
        On loopback there is no such thing as a line to share: null.
        """
        if self.link is not None and self.link.medium == "loopback":
            return None
        passed = self._passed(self.payload_curve(way), begin_s, end_s)
        if passed is None:
            return None
        return max(0.0, passed - own_payload_bytes) * self.segment.ip_per_payload * 8 / (end_s - begin_s)

    def thread_share(self, begin_s: float, end_s: float) -> float | None:
        """Return the share of one core that the measuring thread has used."""
        curve = Curve()
        for tick in self.ticks:
            curve.add(tick.at_s, tick.thread_ns - self.ticks[0].thread_ns)
        used_ns = self._passed(curve, begin_s, end_s)
        return None if used_ns is None else used_ns / 1e9 / (end_s - begin_s)

    def host_limited(self, begin_s: float, end_s: float) -> str | None:
        """Say how this computer's processor was the limit; None where it was not, as far as is known."""
        thread = self.thread_share(begin_s, end_s)
        if thread is not None and thread > THREAD_LIMIT:
            return f"the test itself kept one processor core {thread:.0%} busy"
        if self.machine_busy_share is not None and self.machine_busy_share > MACHINE_LIMIT:
            return f"all processor cores of this computer were {self.machine_busy_share:.0%} busy"
        return None

    def standstill_s(self, begin_s: float, end_s: float) -> float:
        """Return for how long the computer slept or stood still in a window; 0 where it did not."""
        return sum(
            _standstill(before, after)
            for before, after in pairwise(self.ticks)
            if after.at_s > begin_s and before.at_s < end_s
        )

    def link_limited(self, ip_bps: float) -> str | None:
        """Say how the cable was the limit; None where it was not, as far as is known.

        A nominal Wi-Fi rate alone proves nothing: about half of it is overhead, and it changes with every frame.
        """
        speed = None if self.link is None else self.link.speed_bps
        if self.link is None or speed is None or ip_bps < LINK_SHARE * speed:
            return None
        if self.link.medium != "ethernet" and (self.link.medium is not None or speed not in _ETHERNET_BPS):
            return None
        return f"the cable of this computer runs at {speed / 1e6:g} Mbit/s, and the test filled it"

    def _curve(self, name: Literal["rx_bytes", "tx_bytes"], header_bytes: int = 0) -> Curve | None:
        """Return a count over time, less ``header_bytes`` for each packet; None where the counting broke off."""
        curve, total = Curve(), 0
        packets = "rx_packets" if name == "rx_bytes" else "tx_packets"
        if self.readings:
            curve.add(self.readings[0].at_s, 0)
        for before, after in pairwise(self.readings):
            if before.counters is None or after.counters is None:
                return None
            step = counters.step(before.counters, after.counters)
            if step is None:
                return None
            total += counters.payload_bytes(getattr(step, name), getattr(step, packets), header_bytes)
            curve.add(after.at_s, total)
        return curve if len(curve) > 1 else None

    def _passed(self, curve: Curve | None, begin_s: float, end_s: float) -> float | None:
        """Return what a curve rose by in a window; None where the window was not watched."""
        if curve is None or not self.ticks or end_s <= begin_s:
            return None
        if begin_s < self.ticks[0].at_s - _SLACK_S or end_s > self.ticks[-1].at_s + _SLACK_S:
            return None
        return curve.at(end_s) - curve.at(begin_s)


class Witness:
    """Watches the computer during one direction; made, ticked and finished in the measuring thread."""

    def __init__(self, interface: str | None) -> None:
        raw = None if interface is None else link.fetch(interface)
        self._interface = interface
        self._link = None if raw is None else link.decode(raw)
        self._frame = None if raw is None else counters.frame_header(raw)
        self._read = None if interface is None else counters.reader(interface)
        self._ticks: list[Tick] = []
        self._readings: list[Reading] = []
        self._next_reading_s = 0.0
        self._machine = machine_times()
        self.tick(time.monotonic())

    def tick(self, now: float) -> None:
        """Take down the clocks and, if it is time, the counters; ``now`` is time.monotonic()."""
        self._ticks.append(Tick(now, time.time(), time.thread_time_ns(), _slept_s()))
        if self._read is not None and now >= self._next_reading_s:
            self._take_reading()

    def finish(self, segment: Segment) -> Testimony:
        """Look a last time, and return what was seen; ``segment`` is that of one of the test's connections."""
        self._next_reading_s = 0.0
        self.tick(time.monotonic())
        return self.so_far(segment)

    def so_far(self, segment: Segment) -> Testimony:
        """Return what was seen up to the last tick."""
        return Testimony(
            interface=self._interface,
            link=self._link,
            frame=self._frame,
            segment=segment,
            ticks=tuple(self._ticks),
            readings=tuple(self._readings),
            machine_busy_share=busy_share(self._machine, machine_times()),
        )

    def _take_reading(self) -> None:
        began, began_ns = time.monotonic(), time.thread_time_ns()
        told = None if self._read is None else self._read()
        ended, cost_s = time.monotonic(), (time.thread_time_ns() - began_ns) / 1e9
        # The counters are of some moment in between, which matters where reading takes long.
        self._readings.append(Reading((began + ended) / 2, told))
        self._next_reading_s = ended + cost_s / _READING_SHARE


def _slept_s() -> float | None:
    """Return a clock that runs on in sleep less the one that does not; None on Windows, where time.monotonic() does."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
    if sys.platform == "darwin":
        return time.clock_gettime(time.CLOCK_MONOTONIC_RAW) - time.monotonic()
    return None


def _standstill(before: Tick, after: Tick) -> float:
    slept = 0.0 if before.slept_s is None or after.slept_s is None else after.slept_s - before.slept_s
    # Some clocks do not tell, or sleep themselves: then both of the others jump.
    gap = min(after.at_s - before.at_s, after.wall_s - before.wall_s)
    return (slept if slept > _ASLEEP_S else 0.0) + (gap if gap > _STALLED_S else 0.0)


def machine_times() -> dict[str, float]:
    """Return the processor times of the whole machine since it started, in seconds, by name."""
    return dict(psutil.cpu_times()._asdict())


def busy_share(before: Mapping[str, float], after: Mapping[str, float]) -> float | None:
    """Return the share of all cores' time that was not idle; None where no time was counted.

    Time that a hypervisor took away ("steal") is busy: this computer could not use it.
    """
    passed = {name: after[name] - before.get(name, 0.0) for name in after if name not in _COUNTED_ELSEWHERE}
    total = sum(passed.values())
    idle = sum(passed.get(name, 0.0) for name in _IDLE)
    return min(1.0, max(0.0, (total - idle) / total)) if total > 0 else None
