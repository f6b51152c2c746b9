"""What contracts ask, each rule a module: which figures it looks at, and when one of them is broken; pure.

A rule turns a month of one line into the promises that it makes of it, each weighed beyond chance. Which numbers it
uses are in ``Numbers``, with their source and with what was not verified in that.
"""

from collections.abc import Sequence
from datetime import date, datetime
from fractions import Fraction
from typing import Literal

from msgspec import Struct

from collector.verdicts import outcomes
from collector.verdicts.bounds import Day
from collector.verdicts.heard import Heard
from collector.verdicts.outcomes import Level, Outcome
from collector.verdicts.terms import Terms, Way, Which
from collector.verdicts.weighing import Part, Statistics, weigh


class Echo(Struct, frozen=True):
    """The shortest idle round trip of a slot, by tests that may speak against the line."""

    slot: datetime
    rtt_ms: float


class Month(Struct, frozen=True, kw_only=True):
    """What is known of a line in the days of a month on which the same terms hold.

    ``heard`` is every direction of every test with the slot it lies in; ``echoes`` one for each slot in
    which such a test had an answer.
    """

    terms: Terms
    first: date
    last: date
    heard: tuple[tuple[datetime, Heard], ...]
    echoes: tuple[Echo, ...] = ()


class Asked(Struct, frozen=True, kw_only=True):
    """One promise: its name, the days it is counted by, and which share of them has to be good."""

    name: str
    days: tuple[Day, ...]
    limit: Fraction
    level: Level | None = None
    outcomes: tuple[Outcome, ...] = ()


class Numbers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule's numbers. Shares are exact: they are read as they are written."""

    title: str
    kind: Literal["shares", "german"]
    source: str
    not_verified: str = ""
    speed_share: str = "0.8"
    slot_share: str = "0.8"
    rtt_share: str = "0.95"
    best_share: str = "0.9"
    best_days: str = "2/3"
    normal_share: str = "0.9"
    least_share: str = "0.95"


def often(
    month: Month, promise: tuple[Way, Which], shares: tuple[str, str], link_headroom: float, name: str
) -> list[Asked]:
    """Return that a share of a promised speed has to be there in a share of the half hours, where it was promised.

    ``shares`` are that of the speed and that of the half hours.
    """
    promised_bps = month.terms.promised_bps(*promise)
    if promised_bps is None:
        return []
    bps = float(Fraction(shares[0]) * promised_bps)
    level = Level(way=promise[0], bps=bps, link_bps=link_headroom * bps)
    slots = outcomes.outcomes(month.heard, level)
    days = tuple(day for _, day in outcomes.days(slots))
    return [Asked(name=name, days=days, limit=Fraction(shares[1]), level=level, outcomes=tuple(slots))]


def weighed(asked: Sequence[Asked], statistics: Statistics) -> list[Part]:
    """Weigh all promises of a contract, which share the risk of a wrong accusation."""
    return [weigh(one.name, one.days, one.limit, statistics, len(asked)) for one in asked]
