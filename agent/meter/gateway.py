"""Echoes to the first router beside a throughput test: they tell what the way inside the school adds.

They run in a thread of their own and can neither delay nor fail the test: what they cannot know is null.
"""

import ipaddress
import time
from collections.abc import Mapping
from contextlib import ExitStack

from msgspec import Struct

from agent.contract.measurement import GatewayEchoes
from agent.host import addresses, ping
from agent.host.path import Path
from agent.host.ping import Pinger, Sample
from agent.meter.lane import Way

# So few bytes a second that they are no load, and what routers that count pings allow.
_IDLE_S, _LOADED_S = 0.05, 0.1

Window = tuple[float, float]


class Windows(Struct, frozen=True, kw_only=True):
    """Which time was which, by time.monotonic: the idle line, and each direction evenly full."""

    idle: Window
    loaded: Mapping[Way, Window]


class Gateway:
    """The echoes to one router during one test; made and asked by the measuring thread."""

    def __init__(self, address: str) -> None:
        self._began = time.monotonic()
        self._loaded_from: float | None = None
        self._pinger = Pinger(address, _IDLE_S).start()

    def load_begins(self) -> None:
        """Note that the line is idle no more."""
        if self._loaded_from is None:
            self._loaded_from = time.monotonic()
            self._pinger.interval_s = _LOADED_S

    def told(self, steady: Mapping[Way, Window]) -> GatewayEchoes | None:
        """End, and say what the echoes showed; ``steady`` is when each direction was evenly full."""
        samples = self._pinger.stop()
        idle = self._began, self._loaded_from or self._began
        return summarise(self._pinger.protocol, samples, Windows(idle=idle, loaded=steady))

    def close(self) -> None:
        """End."""
        self._pinger.stop()


def beside(path: Path | None, stack: ExitStack) -> Gateway | None:
    """Send echoes to the first router of the test's interface until the stack closes; None where there is none."""
    if path is None or ipaddress.ip_address(path.source.partition("%")[0]).is_loopback:
        return None
    router = addresses.gateway(path.interface)
    if router is None:
        return None
    made = Gateway(router)
    stack.callback(made.close)
    return made


def summarise(protocol: str, samples: tuple[Sample, ...], windows: Windows) -> GatewayEchoes | None:
    """Say what the echoes of each window showed; None where none was sent in any."""
    idle = _within(samples, windows.idle)
    download, upload = (
        _within(samples, windows.loaded[way]) if way in windows.loaded else () for way in ("download", "upload")
    )
    counted = idle + download + upload
    if not counted:
        return None
    resting, downloading, uploading = (ping.summarise(each) for each in (idle, download, upload))
    return GatewayEchoes(
        protocol=protocol,
        sent=len(counted),
        received=sum(sample.rtt_s is not None for sample in counted),
        idle_ms=resting.median_ms,
        idle_p95_ms=resting.p95_ms,
        download_ms=downloading.median_ms,
        download_p95_ms=downloading.p95_ms,
        upload_ms=uploading.median_ms,
        upload_p95_ms=uploading.p95_ms,
        loss_ratio=ping.loss_ratio(counted),
    )


def _within(samples: tuple[Sample, ...], window: Window) -> tuple[Sample, ...]:
    return tuple(sample for sample in samples if window[0] <= sample.sent_at < window[1])
