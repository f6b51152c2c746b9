"""Where in a test the line was full and even: the end of its warm-up, and a fall after a boost; pure.

Warm-up ends as in BBR's "pipe full": three rounds in a row that raise the best rate by less than a tenth (Cardwell et
al., BBR, 2016). What is left of the ramp behind that is cut by MSER: the beginning that makes the standard error of the
rest smallest (White, 1997).
"""

import math
import statistics
from collections.abc import Sequence

from msgspec import Struct

from agent.meter import series
from agent.meter.series import Curve

_GROWTH = 1.1
_FLAT_ROUNDS = 3
_SHORTEST_ROUND_S, _LONGEST_ROUND_S = 0.1, 1.0
_STEP_PACKETS = 15  # fewer packets in one step would be seen as ups and downs of the line
_PACKET_BITS = 12_000
_LEVEL_SHIFT = 0.15
_CLEAR_GAIN = 0.9  # each step cut is evidence lost
_EXACT = 1e-6  # of the rate: less than that is rounding, no variation


class Plateau(Struct, frozen=True):
    """A part of a test in which the rate stayed what it was; times in seconds since the test's beginning.

    ``before_bps`` is the rate of the plateau before it, where the rate fell: the boost. None where it did not fall.
    """

    begin_s: float
    end_s: float
    before_bps: float | None = None


def find(curves: tuple[Curve, ...], rtt_s: float, begin_s: float, end_s: float) -> Plateau | None:
    """Return the last plateau between begin and end; None where the rate still grows."""
    flat_s = warm_up_end(curves, rtt_s, begin_s, end_s)
    if flat_s is None:
        return None
    before = None
    step_s = _step_s(curves, rtt_s, flat_s, end_s)
    while True:
        rates = series.rates(curves, series.edges(flat_s, end_s, step_s))
        shift = _shift(rates)
        if shift is None:
            break
        level = statistics.fmean(rates[:shift])
        if statistics.fmean(rates[shift:]) < level:
            before = max(level, before or 0.0)
        flat_s += shift * step_s
    return Plateau(flat_s + _ramp(rates) * step_s, end_s, before)


def warm_up_end(curves: tuple[Curve, ...], rtt_s: float, begin_s: float, end_s: float) -> float | None:
    """Return from when on the windowed rate no longer grew by a tenth a round; None where it still does.

    A round is one round trip, a window two; both are long enough to hold some packets.
    """
    round_s = max(min(max(rtt_s, _SHORTEST_ROUND_S), _LONGEST_ROUND_S), _step_s(curves, 0.0, begin_s, end_s))
    window_s = 2 * round_s
    best, flat = 0.0, 0
    at_s = begin_s + window_s
    while at_s <= end_s + 1e-9:
        [rate] = series.rates(curves, [at_s - window_s, at_s])
        flat = 0 if rate >= _GROWTH * best or rate == 0 else flat + 1
        best = max(best, rate)
        if flat >= _FLAT_ROUNDS and at_s - begin_s >= 0.5 + 4 * rtt_s:
            return at_s - flat * round_s
        at_s += round_s
    return None


def _step_s(curves: tuple[Curve, ...], rtt_s: float, begin_s: float, end_s: float) -> float:
    """Return how long a step of the series is: short, but with some packets in it, and half a round trip."""
    if end_s <= begin_s:
        return _SHORTEST_ROUND_S
    [mean] = series.rates(curves, [begin_s, end_s])
    return max(_SHORTEST_ROUND_S, rtt_s / 2, min(_STEP_PACKETS * _PACKET_BITS / max(mean, 1.0), _LONGEST_ROUND_S))


def _ramp(rates: Sequence[float]) -> int:
    """Return how many steps of the beginning to leave out: what makes the standard error of the rest smallest."""
    errors = _errors(rates)
    best, chosen = float("inf"), 0
    for cut, error in enumerate(errors[: len(rates) // 2]):
        if error < best * _CLEAR_GAIN:
            best, chosen = error, cut
    return chosen


def _errors(rates: Sequence[float]) -> list[float]:
    """Return the squared standard error of what is left behind each cut; from the end, each in one step (Welford)."""
    errors, mean, squares = [], 0.0, 0.0
    for count, rate in enumerate(reversed(rates), 1):
        step = rate - mean
        mean += step / count
        squares += step * (rate - mean)
        errors.append((squares / count + (_EXACT * mean) ** 2) / count)
    errors.reverse()
    return errors


def _shift(rates: Sequence[float]) -> int | None:
    """Return the step from which on the level is another one, for good; None where there is no such step.

    The split into two even parts with the least squared error; both parts last at least half a second of steps.
    """
    least = 5
    if len(rates) < 2 * least:
        return None
    mean = statistics.fmean(rates)
    steps = [rate - mean for rate in rates]  # small numbers: squares of rates would lose what is to be found
    total = sum(steps)
    best, chosen = sum(step * step for step in steps), None
    squares = best
    head = sum(steps[: least - 1])
    for split in range(least, len(steps) - least + 1):
        head += steps[split - 1]
        tail = total - head
        error = squares - head * head / split - tail * tail / (len(rates) - split)
        if error < best:
            best, chosen = error, split
    if chosen is None:
        return None
    before, after = statistics.fmean(rates[:chosen]), statistics.fmean(rates[chosen:])
    spread = math.sqrt(max(0.0, best) / len(rates))
    clear = abs(after - before) > max(_LEVEL_SHIFT * max(after, before), 3 * spread)
    return chosen if clear else None
