"""The lines of real schools that the meter is tried on."""

from msgspec import Struct
from msgspec.structs import replace

from tests.lab.shape import Shape


class KnownLine(Struct, frozen=True):
    """An operator's line, both directions. One that is not ``emulated`` is too fast for that and shaped by tbf."""

    name: str
    download: Shape
    upload: Shape
    emulated: bool = True

    @property
    def rtt_ms(self) -> float:
        """The round-trip time of the line when nobody uses it."""
        return self.download.delay_ms + self.upload.delay_ms


def _known(name: str, rates_mbps: tuple[float, float], rtt_ms: float, queues_ms: tuple[float, float]) -> KnownLine:
    download, upload = (
        Shape(rate_bps=rate * 1e6, delay_ms=rtt_ms / 2, queue_ms=queue, seed=seed)
        for seed, (rate, queue) in enumerate(zip(rates_mbps, queues_ms, strict=True), 1)
    )
    return KnownLine(name, download, upload)


def lossy(line: KnownLine, loss_ratio: float) -> KnownLine:
    """Return the line with random loss in both directions."""
    ways = (replace(shape, loss_ratio=loss_ratio) for shape in (line.download, line.upload))
    return KnownLine(line.name, *ways, line.emulated)


def boosted(line: KnownLine, bucket_bytes: int) -> KnownLine:
    """Return the line with a bucket of so many bytes at three times the rate, in both directions."""
    ways = (
        replace(shape, burst_bytes=bucket_bytes, peak_bps=3 * shape.rate_bps) for shape in (line.download, line.upload)
    )
    return KnownLine(f"{line.name}, boosted", *ways, line.emulated)


def of_rates(name: str, rates_mbps: tuple[float, float]) -> KnownLine:
    """Return an ordinary line of these rates: 30 ms of round trip, 100 ms of queue."""
    return _known(name, rates_mbps, 30, (100, 100))


_ALL = (
    _known("ADSL 8/0.8", (8, 0.8), 40, (100, 400)),
    _known("cable 20/5", (20, 5), 30, (100, 100)),
    _known("100/30", (100, 30), 10, (50, 50)),
    _known("LTE 12/4", (12, 4), 60, (500, 500)),
    lossy(_known("LEO 100/12", (100, 12), 45, (100, 100)), 0.003),
    _known("GEO 25/3", (25, 3), 600, (500, 500)),
    _known("300/100", (300, 100), 5, (40, 40)),
    replace(_known("940/940", (940, 940), 0, (20, 20)), emulated=False),
)
LINES = {line.name: line for line in _ALL}
