"""Is a share of good slots below what was promised, beyond chance? Exact tails for days that are alike; pure.

All in integers, fractions and decimals: two computers come to the very same digits, which floating point would not
promise. Sources: Kish, Survey Sampling (1965), 8.2 (design effect); Fleiss, Levin, Paik, Statistical Methods for Rates
and Proportions (2003), 15.2 (intraclass correlation by analysis of variance); Clopper and Pearson, Biometrika 1934.
"""

from collections.abc import Sequence
from decimal import Context, Decimal
from fractions import Fraction

from msgspec import Struct

_EXACT = Context(prec=40)
_GRID = 10_000
_MOST_ALIKE = Fraction(999, 1000)  # wholly alike slots are one slot; a little less keeps every weight above zero


class Day(Struct, frozen=True):
    """How many slots of a day were judged, and how many of them were good."""

    judged: int
    good: int


class Sample(Struct, frozen=True):
    """A month of days that are alike: ``effective`` is how many independent slots its slots are worth."""

    judged: int
    good: int
    days: int
    correlation: Fraction
    design_effect: Fraction

    @property
    def effective(self) -> Fraction:
        return self.judged / self.design_effect


def sample_of(days: Sequence[Day], *, least: Fraction, pooled: Fraction, enough_days: int) -> Sample:
    """Add up days, and say how alike the slots of one day are.

    Args:
        days: those with at least one judged slot count.
        least: the correlation is taken to be this at least; what days show of it is partly chance.
        pooled: taken, if it is more, where there are fewer days than ``enough_days`` to show any.
        enough_days: from so many days on the correlation is the days' own.
    """
    seen = [day for day in days if day.judged]
    judged, good = sum(day.judged for day in seen), sum(day.good for day in seen)
    correlation = max(least, correlation_of(seen) or Fraction(0))
    if len(seen) < enough_days:
        correlation = max(correlation, pooled)
    typical = Fraction(sum(day.judged**2 for day in seen), judged) if judged else Fraction(1)
    return Sample(judged, good, len(seen), correlation, 1 + (typical - 1) * correlation)


def correlation_of(days: Sequence[Day]) -> Fraction | None:
    """Return the intraclass correlation of the slots of a day, 0 to 1; null where the days cannot show any."""
    judged, good, number = sum(day.judged for day in days), sum(day.good for day in days), len(days)
    if number < 2 or judged == number:
        return None
    within_days = sum((Fraction(day.good**2, day.judged) for day in days), Fraction(0))
    between = (within_days - Fraction(good**2, judged)) / (number - 1)
    within = (good - within_days) / (judged - number)
    size = (judged - Fraction(sum(day.judged**2 for day in days), judged)) / (number - 1)
    total = between + (size - 1) * within
    return min(Fraction(1), max(Fraction(0), (between - within) / total)) if total else None


def tail(sample: Sample, share: Fraction) -> Decimal:
    """Return how likely so few good slots, or fewer, are on a line whose true share of good slots is this.

    The count is beta-binomial with the mean and the variance that such days add up to; where days are not alike at all
    that is the binomial distribution itself.
    """
    if sample.judged == 0 or share == 1:
        return Decimal(int(sample.good == sample.judged))
    bad = 1 - share
    alike = min(_MOST_ALIKE, (sample.design_effect - 1) / (sample.judged - 1)) if sample.judged > 1 else Fraction(0)
    good_weight, bad_weight, step = (_decimal(one) for one in (share * (1 - alike), bad * (1 - alike), alike))
    all_weight = _EXACT.add(good_weight, bad_weight)
    chance = Decimal(1)
    for drawn in range(sample.judged):
        more = _EXACT.multiply(step, Decimal(drawn))
        chance = _EXACT.multiply(chance, _EXACT.divide(_EXACT.add(bad_weight, more), _EXACT.add(all_weight, more)))
    total = chance
    for good in range(sample.good):
        left = sample.judged - good
        rises = _EXACT.add(good_weight, _EXACT.multiply(step, Decimal(good)))
        falls = _EXACT.add(bad_weight, _EXACT.multiply(step, Decimal(left - 1)))
        ratio = _EXACT.divide(_EXACT.multiply(rises, Decimal(left)), _EXACT.multiply(falls, Decimal(good + 1)))
        chance = _EXACT.multiply(chance, ratio)
        total = _EXACT.add(total, chance)
    return min(Decimal(1), total)


def most_that_is_likely(sample: Sample, risk: Decimal) -> Fraction:
    """Return the largest true share, in ten-thousandths, at which this sample is no rarer than ``risk``.

    That is the one-sided upper bound of the share: a promise above it is broken beyond chance.
    """
    low, high = 0, _GRID
    while low < high:
        middle = (low + high + 1) // 2
        if tail(sample, Fraction(middle, _GRID)) >= risk:
            low = middle
        else:
            high = middle - 1
    return Fraction(low, _GRID)


def _decimal(value: Fraction) -> Decimal:
    return _EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))
