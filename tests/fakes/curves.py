"""Byte counts over time as a line of a known rate would make them."""

import random
from collections.abc import Callable

from agent.meter.series import Curve

TICK_S = 0.05


def through(*points: tuple[float, int]) -> Curve:
    """Return a curve through these points."""
    made = Curve()
    for point in points:
        made.add(*point)
    return made


def carried(rate_bps: Callable[[float], float], seconds: float, packet_bytes: int = 1) -> Curve:
    """Return what a line carries whose rate changes with time, counted every tick in whole packets."""
    made, total, step_s = Curve(), 0.0, TICK_S / 10
    for step in range(round(seconds / step_s) + 1):
        if step % 10 == 0:
            made.add(step * step_s, int(total / packet_bytes + 1e-6) * packet_bytes)
        total += rate_bps((step + 0.5) * step_s) * step_s / 8
    return made


def noisy(rate_bps: float, seconds: float, spread: float, seed: int) -> Curve:
    """Return what a line carries whose rate differs from tick to tick by this share (normal, independent)."""
    rng = random.Random(seed)  # noqa: S311 - a repeatable experiment
    made, total = Curve(), 0.0
    for tick in range(round(seconds / TICK_S) + 1):
        made.add(tick * TICK_S, int(total))
        total += max(0.0, rng.gauss(rate_bps, spread * rate_bps)) * TICK_S / 8
    return made
