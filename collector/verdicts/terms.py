"""What an operator promised for a school's line, and from when to when: which terms hold on a day; pure.

Terms are amended, never overwritten: a later record of the same contract replaces the earlier from the day it names on.
What was known when is kept, so that a verdict can be drawn again as it was.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

from agent.contract.values import Aware

Name = Annotated[str, Meta(min_length=1, max_length=200)]
ContractId = Annotated[str, Meta(min_length=1, max_length=128)]
LineId = Annotated[str, Meta(pattern="^[0-9A-Za-z._-]{1,64}$", max_length=64)]
Way = Literal["download", "upload"]
Which = Literal["most", "normal", "least"]
WAYS: tuple[Way, ...] = ("download", "upload")
Bps = Annotated[int, Meta(ge=1_000, le=10**13)]


class Terms(Struct, frozen=True, kw_only=True):
    """One record of a contract.

    ``number`` counts the records of this contract. ``valid_from`` and ``valid_to`` are days, both included; no end is
    null. ``hours``: when the line has to keep it. ``networks``: the public addresses of this line as CIDR, needed where
    a school has two lines. ``maintenance_h_per_year``: announced works beyond this count. ``price_per_month`` is what a
    reduction is a share of, ``reduction`` how it is counted. Speeds are those of the IP layer: the promised (or most),
    and where the contract names them the normally available one and the least. A speed that was not promised is null,
    and nobody is judged by it.
    """

    school: Annotated[str, Meta(min_length=1, max_length=64)]
    line: LineId = "1"
    contract: ContractId
    number: Annotated[int, Meta(ge=1, le=100_000)] = 1
    operator: Name
    valid_from: date
    valid_to: date | None = None
    download_bps: Bps | None = None
    download_normal_bps: Bps | None = None
    download_minimum_bps: Bps | None = None
    upload_bps: Bps | None = None
    upload_normal_bps: Bps | None = None
    upload_minimum_bps: Bps | None = None
    rtt_ms: Annotated[float, Meta(gt=0, le=10_000)] | None = None
    outage_h_per_year: Annotated[float, Meta(ge=0, le=8784)] | None = None
    hours: Literal["lessons", "always"] = "lessons"
    rule: Annotated[str, Meta(pattern="^[a-z0-9-]{1,64}$")] = "80-80"
    maintenance_h_per_year: Annotated[float, Meta(ge=0, le=8784)] = 0.0
    networks: Annotated[tuple[Annotated[str, Meta(max_length=64)], ...], Meta(max_length=32)] = ()
    price_per_month: Decimal | None = None
    reduction: Literal["none", "proportional", "levels"] = "none"
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] | None = None
    recorded_at: Aware
    author: Name

    def promised_bps(self, way: Way, which: Which = "most") -> int | None:
        """Return a promised speed, null where there is none."""
        known: dict[tuple[Way, Which], int | None] = {
            ("download", "most"): self.download_bps,
            ("download", "normal"): self.download_normal_bps,
            ("download", "least"): self.download_minimum_bps,
            ("upload", "most"): self.upload_bps,
            ("upload", "normal"): self.upload_normal_bps,
            ("upload", "least"): self.upload_minimum_bps,
        }
        return known[way, which]

    def covers(self, day: date) -> bool:
        """Tell whether these terms hold on a day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


class Stretch(Struct, frozen=True, kw_only=True):
    """Days of a month on which the same terms hold for a line; both are included."""

    terms: Terms
    first: date
    last: date


def in_force(records: Iterable[Terms], day: date, *, known_at: datetime | None = None) -> list[Terms]:
    """Return the terms that hold on a day, one a line at most; ``known_at``: by what was recorded until then.

    Of a contract its newest record counts from that record's ``valid_from`` on, the one before until the day before.
    Of two contracts for one line, which nobody should have let in, the one recorded first counts: a second one cannot
    quietly take a line over.
    """
    by_contract: dict[tuple[str, str], Terms] = {}
    for one in sorted(records, key=lambda one: one.number):
        if one.valid_from <= day and (known_at is None or one.recorded_at <= known_at):
            by_contract[one.line, one.contract] = one
    by_line: dict[str, Terms] = {}
    for one in sorted(by_contract.values(), key=lambda one: (one.recorded_at, one.contract)):
        if one.covers(day):
            by_line.setdefault(one.line, one)
    return [by_line[line] for line in sorted(by_line)]


def stretches(records: Sequence[Terms], first: date, last: date, *, known_at: datetime | None = None) -> list[Stretch]:
    """Cut the days from ``first`` to ``last`` where a line's terms change, by line and day."""
    found: list[Stretch] = []
    open_ones: dict[str, Stretch] = {}
    day = first
    while day <= last:
        today = {one.line: one for one in in_force(records, day, known_at=known_at)}
        over = [line for line, one in open_ones.items() if today.get(line) != one.terms]
        found += [open_ones.pop(line) for line in over]
        for line, terms in today.items():
            begun = open_ones[line].first if line in open_ones else day
            open_ones[line] = Stretch(terms=terms, first=begun, last=day)
        day += timedelta(days=1)
    return sorted([*found, *open_ones.values()], key=lambda one: (one.terms.line, one.first))


def quarrels(records: Sequence[Terms], new: Terms) -> list[Terms]:
    """Return the terms of other contracts that hold for the same line on days on which these new ones would."""
    others = [one for one in records if one.line == new.line and one.contract != new.contract]
    days = [day for day in _turning_days([*others, new]) if new.covers(day)]
    held = [in_force(others, day) for day in days]
    return [one for one in others if any(one in each for each in held)]


def _turning_days(records: Iterable[Terms]) -> list[date]:
    """Return the days on which anything can change; between two of them nothing does."""
    days = set()
    for one in records:
        days.add(one.valid_from)
        if one.valid_to is not None and one.valid_to < date.max:
            days.update((one.valid_to, one.valid_to + timedelta(days=1)))
    return sorted(days)
