"""The rate of a line from a series, with its confidence: batch means; pure.

Samples of 50 ms depend on each other, so their spread says little. Means over longer blocks hardly do: m is the mean
over the steady part and h = t(0.975, k-1) * s / sqrt(k) over k blocks (batch means; Law and Kelton, ch. 9).
"""

import math
import statistics

from msgspec import Struct

from agent.meter import series
from agent.meter.series import Curve

BLOCK_S = 0.5
MIN_BLOCKS = 3
# t(0.975) for 1, 2, 3, ... degrees of freedom.
_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


class Estimate(Struct, frozen=True):
    """A mean rate in bit/s with its 95 % interval; the bounds are null where there was too little to tell."""

    mean_bps: float
    low_bps: float | None
    high_bps: float | None


def slow_start_s(rtt_s: float) -> float:
    """Return how long slow start and the streams' uneven beginnings may last: a dozen round trips."""
    return 0.5 + 12 * rtt_s


def warm_up_s(rtt_s: float, limit_s: float) -> float:
    """Return how long the beginning of a test is left out of its estimate; never more than half of the test is cut."""
    return min(max(1.0, slow_start_s(rtt_s)), limit_s / 2)


def estimate(curves: tuple[Curve, ...], begin_s: float, end_s: float) -> Estimate | None:
    """Estimate the rate between begin and end; None where nothing lies between them.

    Where MIN_BLOCKS blocks do not fit they are made shorter, and so few make the interval wide by themselves; shorter
    than one block there is a mean but no interval.
    """
    if end_s <= begin_s:
        return None
    [mean] = series.rates(curves, [begin_s, end_s])
    whole = int((end_s - begin_s) / BLOCK_S + 1e-9)
    if whole < 1:
        return Estimate(mean, None, None)
    count = max(MIN_BLOCKS, whole)
    blocks = series.rates(curves, series.edges(begin_s, end_s, (end_s - begin_s) / count))
    half = _t(count - 1) * statistics.stdev(blocks) / math.sqrt(count)
    return Estimate(mean, max(0.0, mean - half), mean + half)


def _t(degrees: int) -> float:
    """Return t(0.975); beyond the table by the Cornish-Fisher term of 1/degrees (Abramowitz and Stegun 26.7.5)."""
    return _T[degrees - 1] if degrees <= len(_T) else 1.96 + 2.372 / degrees
