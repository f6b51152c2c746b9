"""One measuring program on one known line: what it said, and what it cost in time, data, processor and memory."""

import math
import sys
import time

import msgspec
from msgspec import Struct

from agent.contract import measurement
from agent.contract.measurement import Throughput
from tests.lab.far_end import FarEnd, Way

IP_PER_GOODPUT = 1500 / 1448  # IPv4 and TCP with timestamps on an MTU of 1500
WAYS: tuple[Way, Way] = ("download", "upload")
COMPETING_SHARE = 0.2  # of the line's rate, where other traffic of this computer is tried
_OURS_S = 90
_WRAPPER_S = 15
_SETTLE_S = 0.1


class Spent(Struct, frozen=True, kw_only=True):
    """What a child process cost (see measured.py); ``carried`` is what the line let through, in bytes of each way.

    ``distrust`` says why the line was not what it should have been meanwhile.
    """

    wall_s: float
    cpu_s: float
    rss_mib: float
    exit: int | None
    output: str
    errors: str
    carried: dict[str, float] = {}
    distrust: str | None = None

    def plus(self, other: "Spent") -> "Spent":
        """Return both together, as of one program run twice."""
        return msgspec.structs.replace(
            other,
            wall_s=self.wall_s + other.wall_s,
            cpu_s=self.cpu_s + other.cpu_s,
            rss_mib=max(self.rss_mib, other.rss_mib),
            carried={way: self.carried[way] + other.carried[way] for way in WAYS},
            distrust=self.distrust or other.distrust,
        )

    @property
    def failure(self) -> str | None:
        """What went wrong, None for nothing."""
        if self.exit is None:
            return f"did not end within {self.wall_s:.0f} s"
        last = (self.errors.strip() or self.output.strip()).splitlines()[-1:]
        return None if self.exit == 0 else f"exit {self.exit}: {' '.join(last)}"


def spend(far: FarEnd, timeout_s: float, *command: str) -> Spent:
    """Run a command in the school, on its line with empty queues and full buckets."""
    far.become(far.line)
    before = far.client.traffic()
    wrapper = (sys.executable, "-m", "tests.benchmarks.measured", str(timeout_s))
    output = far.client.run(*wrapper, *command, timeout_s=timeout_s + _WRAPPER_S)
    spent = msgspec.json.decode(output, type=Spent)
    ways = far.line.download, far.line.upload
    time.sleep(
        max(way.delay_ms + way.queue_ms for way in ways) / 1000 + _SETTLE_S
    )  # what is on its way is paid for too
    return msgspec.structs.replace(spent, carried=_carried(far, before), distrust=far.distrust())


def _carried(far: FarEnd, before: tuple[int, int]) -> dict[str, float]:
    counts = far.counts()
    if counts is None:  # the kernel's line: its interface counters, which know no queue and too few headers
        return dict(
            zip(WAYS, (now - then for now, then in zip(far.client.traffic(), before, strict=True)), strict=True)
        )
    return {way: getattr(counts, way).bytes_out for way in WAYS}


class Ours(Struct, frozen=True):
    """A test of ours: the measurement, or the sentence why there is none."""

    seen: Throughput | None
    failure: str | None
    spent: Spent

    def ip_bps(self, way: Way) -> float | None:
        """Return the IP-layer rate of a direction."""
        direction = None if self.seen is None else getattr(self.seen, way)
        return None if direction is None else direction.ip_bps


def ours(far: FarEnd, *settings: str, pinned: bool = False) -> Ours:
    """Measure with the msak probe, settings as KEY=VALUE; ``pinned`` leaves it one core."""
    core = ("taskset", "-c", "0") if pinned else ()
    probe = ("-m", "tests.lab.measure", "msak", str(_OURS_S), f"server={far.address}:{far.port}")
    return told(spend(far, _OURS_S + 10, *core, sys.executable, *probe, *settings))


def told(spent: Spent) -> Ours:
    """Read what the probe said."""
    if spent.failure is not None:
        return Ours(None, spent.failure, spent)
    seen = measurement.decode(spent.output.encode())
    if isinstance(seen, Throughput) and seen.download is not None and seen.upload is not None:
        return Ours(seen, None, spent)
    return Ours(None, f"{getattr(seen, 'failure', '')}: {getattr(seen, 'detail', seen)}", spent)


def error(bps: float | None, truth_bps: float) -> float:
    """Return by which share a rate is off; not a number where there is none."""
    return math.nan if bps is None else bps / truth_bps - 1
