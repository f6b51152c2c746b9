"""Byte counts over time, and the rates between them; pure."""

from bisect import bisect_right
from itertools import pairwise


class Curve:
    """How many bytes one counter had counted when: points in rising time, straight lines between them."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._counts: list[int] = []
        self._offset_s = 0.0
        self._factor = 1.0

    def add(self, time_s: float, count: int) -> None:
        """Add a point; one that goes back in time or in bytes is refused (ValueError)."""
        if self._times and (time_s < self._times[-1] or count < self._counts[-1]):
            raise ValueError("a counter went back")
        self._times.append(time_s)
        self._counts.append(count)

    def seen(self, *, offset_s: float = 0.0, factor: float = 1.0) -> "Curve":
        """Return the same points, those added later too, on another clock and in another unit."""
        curve = Curve()
        curve._times, curve._counts = self._times, self._counts
        curve._offset_s, curve._factor = self._offset_s + offset_s, self._factor * factor
        return curve

    def __len__(self) -> int:
        return len(self._times)

    @property
    def begin_s(self) -> float:
        """When the first point was counted; 0 without points."""
        return self._times[0] + self._offset_s if self._times else 0.0

    @property
    def end_s(self) -> float:
        """When the last point was counted; 0 without points."""
        return self._times[-1] + self._offset_s if self._times else 0.0

    @property
    def total(self) -> float:
        """The last count; 0 without points."""
        return self._counts[-1] * self._factor if self._counts else 0

    @property
    def gained(self) -> float:
        """What was counted since the first point; 0 without points."""
        return (self._counts[-1] - self._counts[0]) * self._factor if self._counts else 0

    def at(self, time_s: float) -> float:
        """Return the count at a time, interpolated; before the first point 0, after the last one its count."""
        return self._at(time_s - self._offset_s) * self._factor

    def _at(self, time_s: float) -> float:
        index = bisect_right(self._times, time_s)
        if index == 0:
            return 0.0
        if index == len(self._times):
            return float(self._counts[-1])
        before, after = self._times[index - 1], self._times[index]
        share = (time_s - before) / (after - before)
        return self._counts[index - 1] + share * (self._counts[index] - self._counts[index - 1])


def rates(curves: tuple[Curve, ...], edges: list[float]) -> list[float]:
    """Return the rate of all curves together between each pair of edges, in bit/s."""
    totals = [sum(curve.at(edge) for curve in curves) for edge in edges]
    return [
        8 * (after - before) / (end - start)
        for (start, end), (before, after) in zip(pairwise(edges), pairwise(totals), strict=True)
    ]


def edges(begin_s: float, end_s: float, step_s: float) -> list[float]:
    """Return the edges of as many whole steps as fit between begin and end; empty where none fits."""
    steps = int((end_s - begin_s) / step_s + 1e-9)
    return [begin_s + step_s * index for index in range(steps + 1)] if steps > 0 else []
