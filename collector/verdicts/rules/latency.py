"""The round trip: of the half hours, so many answer within the promised time.

Source: FCC DA 18-710 (2018): 95 % of all round trips at most 100 ms, lost packets count as failures. Theirs counts
packets; ours the best of a half hour, so that a busy computer is not the operator's fault, and a half hour without any
answer is told by availability instead.
"""

from collections import defaultdict
from datetime import date
from fractions import Fraction

from collector.verdicts.bounds import Day
from collector.verdicts.rules import Asked, Month, Numbers


def round_trips(month: Month, numbers: Numbers) -> list[Asked]:
    """Return the promise about round trips, if the contract names one."""
    most_ms = month.terms.rtt_ms
    if most_ms is None:
        return []
    by_day: dict[date, list[bool]] = defaultdict(list)
    for one in month.echoes:
        by_day[one.slot.date()].append(one.rtt_ms <= most_ms)
    days = tuple(Day(len(by_day[day]), sum(by_day[day])) for day in sorted(by_day))
    return [Asked(name="round trip", days=days, limit=Fraction(numbers.rtt_share))]
