"""As in Germany: the most once a day on two days of three, the normal speed nearly always, the least always.

Source: BNetzA, Vfg. 99/2021 on TKG section 57(4): a deviation if (1) not on at least 2 of 3 days at least once 90 % of
the agreed maximum was reached, or (2) the normally available speed was not reached in 90 % of the measurements, or
(3) the minimum was undershot on at least two days. Theirs is 3 days of 10 tests that somebody runs by hand; ours takes
all days and half hours of a month, and each part has to be broken beyond chance. For (3) one half hour in twenty may be
below: a measurement has an error, and the law's "at least" would accuse a line that is exactly at its minimum.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from collector.verdicts.bounds import Day
from collector.verdicts.rules import Asked, Month, Numbers, often
from collector.verdicts.terms import WAYS


def asked(month: Month, numbers: Numbers, link_headroom: float) -> list[Asked]:
    """Return what the contract promises: up to three speeds of each direction."""
    found = []
    for way in WAYS:
        best = often(month, (way, "most"), (numbers.best_share, numbers.best_days), link_headroom, f"{way} most")
        found += [replace(one, days=_once(one.days)) for one in best]
        found += often(month, (way, "normal"), ("1", numbers.normal_share), link_headroom, f"{way} normal")
        found += often(month, (way, "least"), ("1", numbers.least_share), link_headroom, f"{way} least")
    return found


def _once(days: Sequence[Day]) -> tuple[Day, ...]:
    """Count days as good on which the speed was there at least once."""
    return tuple(Day(1, int(day.good > 0)) for day in days)
