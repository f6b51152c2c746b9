"""As in Germany: the most once a day on two days of three, the normal speed nearly always, the least always.

Source: BNetzA, Vfg. 99/2021 on TKG section 57(4): a deviation if (1) not on at least 2 of 3 days at least once 90 % of
the agreed maximum was reached, or (2) the normally available speed was not reached in 90 % of the measurements, or
(3) the minimum was undershot on at least two days. Theirs is 3 days of 10 tests that somebody runs by hand; ours takes
all days and half hours of a month, and each part has to be broken beyond chance. For (3) one half hour in twenty may be
below: a measurement has an error, and the law's "at least" would accuse a line that is exactly at its minimum.
"""

from collections.abc import Sequence
from fractions import Fraction

from collector.verdicts import outcomes
from collector.verdicts.bounds import Day
from collector.verdicts.outcomes import Outcome
from collector.verdicts.rules import Asked, Month, Numbers, asked_of
from collector.verdicts.terms import WAYS, Way, Which


def asked(month: Month, numbers: Numbers, link_headroom: float) -> list[Asked]:
    """Return what the contract promises: up to three speeds of each direction."""
    found = []
    for way in WAYS:
        best = asked_of(month, way, "most", numbers.best_share, link_headroom)
        if best is not None:
            level, slots = best
            days = _once(slots)
            limit = Fraction(numbers.best_days)
            found.append(Asked(name=f"{way} most", days=days, limit=limit, level=level, outcomes=tuple(slots)))
        found += _often(month, way, "normal", numbers.normal_share, link_headroom)
        found += _often(month, way, "least", numbers.least_share, link_headroom)
    return found


def _once(slots: Sequence[Outcome]) -> tuple[Day, ...]:
    """Count days as good on which the speed was there at least once."""
    return tuple(Day(1, int(day.good > 0)) for _, day in outcomes.days(slots))


def _often(month: Month, way: Way, which: Which, share: str, link_headroom: float) -> list[Asked]:
    known = asked_of(month, way, which, "1", link_headroom)
    if known is None:
        return []
    level, slots = known
    days = tuple(day for _, day in outcomes.days(slots))
    return [Asked(name=f"{way} {which}", days=days, limit=Fraction(share), level=level, outcomes=tuple(slots))]
