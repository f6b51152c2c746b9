"""From byte counts over time to a rate and its 95 % interval; pure.

Neighbouring samples of a TCP transfer depend on each other, so their spread says little. Means over longer blocks
hardly do (batch means; Law and Kelton, ch. 9). Of the blocks the quarter with the lowest and the quarter with the
highest rates are left out, because a sender that lost packets, or probes for a shorter round trip, leaves the line idle
for a moment. The mean of the middle half has the interval of Yuen (1974): m +- t(0.975, h-1) * sw / ((h/k) * sqrt(k)),
from the Winsorised deviation sw, with h of k blocks kept. SYSTEMATIC * m is added: what no repetition shows has to be
stated too.
"""

import math
import statistics

from msgspec import Struct

from agent.meter import series
from agent.meter.series import Curve

MIN_BLOCKS = 3
# Headers are reckoned for full packets with timestamps, the clocks of two computers drift, and a sender that lost a
# packet leaves the line idle for a moment: together below 1 % on every line of the lab (make bench).
SYSTEMATIC = 0.0075
_BLOCK_S = 0.2
_BLOCK_PACKETS = 20
_TRIMMED_FROM = 6
_PACKET_BITS = 12_000
# t(0.975) for 1, 2, 3, ... degrees of freedom.
_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


class Estimate(Struct, frozen=True):
    """A mean rate in bit/s with its 95 % interval; the bounds are null where there was too little to tell.

    ``blocks`` is how many blocks it comes from, ``spread`` the statistical part of the half-width over the mean.
    """

    mean_bps: float
    low_bps: float | None
    high_bps: float | None
    blocks: int = 0
    spread: float | None = None


def block_s(rate_bps: float, rtt_s: float, least_s: float = _BLOCK_S) -> float:
    """Return how long a block is: some packets, and a round trip, so that blocks hardly depend on each other."""
    return max(least_s, rtt_s, min(1.0, _BLOCK_PACKETS * _PACKET_BITS / max(rate_bps, 1.0)))


def estimate(
    curves: tuple[Curve, ...], begin_s: float, end_s: float, rtt_s: float, *, least_block_s: float = _BLOCK_S
) -> Estimate | None:
    """Estimate the rate between begin and end; None where nothing lies between them.

    Where MIN_BLOCKS blocks do not fit there is a mean but no interval.
    """
    if end_s <= begin_s:
        return None
    [mean] = series.rates(curves, [begin_s, end_s])
    count = int((end_s - begin_s) / block_s(mean, rtt_s, least_block_s) + 1e-9)
    if count < MIN_BLOCKS or mean <= 0:
        return Estimate(mean, None, None)
    blocks = sorted(series.rates(curves, series.edges(begin_s, end_s, (end_s - begin_s) / count)))
    mean, half = middle(blocks)
    bound = half + SYSTEMATIC * mean
    return Estimate(mean, max(0.0, mean - bound), mean + bound, count, half / mean) if mean > 0 else None


def middle(blocks: list[float]) -> tuple[float, float]:
    """Return the mean of the middle half of sorted blocks and the half-width of its 95 % interval."""
    count = len(blocks)
    cut = count // 4 if count >= _TRIMMED_FROM else 0
    kept = blocks[cut : count - cut]
    winsorised = [kept[0]] * cut + kept + [kept[-1]] * cut
    half = _t(len(kept) - 1) * statistics.stdev(winsorised) * math.sqrt(count) / len(kept)
    return statistics.fmean(kept), half


def _t(degrees: int) -> float:
    """Return t(0.975); beyond the table by the Cornish-Fisher term of 1/degrees (Abramowitz and Stegun 26.7.5)."""
    return _T[degrees - 1] if degrees <= len(_T) else 1.96 + 2.372 / degrees
