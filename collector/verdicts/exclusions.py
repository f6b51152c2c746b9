"""Spans of time that do not count against a line: who said so, when, and how far announced works may go; pure.

Records are only ever added: the newest of an exclusion holds, so that a withdrawal is a record too. Source of the
kinds: NTIA, BEAD performance measures (2025-09-19), which exempts announced maintenance, the customer's power and
equipment, and declared disasters; holidays are ours.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from agent.contract.values import Aware, Text
from collector.verdicts.terms import LineId, Name, Terms

Kind = Literal["planned_works", "power_cut", "school_disconnection", "force_majeure", "holiday"]
State = Literal[
    "claimed",  # says somebody whom it may help; counts once the other side, the region or the ministry confirms it
    "in_force",
    "withdrawn",  # by whoever filed it
    "refused",  # by the ministry or the region
]
KINDS: tuple[Kind, ...] = get_args(Kind)
ExclusionId = Annotated[str, Meta(pattern="^[0-9a-f]{16}$", max_length=16)]
RegionId = Annotated[str, Meta(pattern="^[A-Z]{2}-[0-9A-Z]{1,3}$", max_length=6)]


class Exclusion(Struct, frozen=True, kw_only=True):
    """One record of an exclusion.

    It is for whom all of ``school``, ``line``, ``operator`` and ``region`` name that are not null; one of school,
    operator and region is. ``number`` counts its records. ``announced_at``: when those concerned were told, by the
    collector's clock unless the ministry or the region vouches for another time. ``dispute``: whose decision it
    follows from.
    """

    id: ExclusionId
    number: Annotated[int, Meta(ge=1, le=1_000)] = 1
    state: State
    kind: Kind
    school: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    line: LineId | None = None
    operator: Name | None = None
    region: RegionId | None = None
    begins: Aware
    ends: Aware
    announced_at: Aware
    recorded_at: Aware
    author: Name
    role: Annotated[str, Meta(max_length=16)] | None = None
    reason: Text = ""
    dispute: Annotated[str, Meta(pattern="^[0-9a-f]{16}$", max_length=16)] | None = None

    def concerns(self, terms: Terms) -> bool:
        """Tell whether it is for a line under these terms; the school's region is looked at by whoever collects."""
        return (
            self.school in (None, terms.school)
            and self.line in (None, terms.line)
            and self.operator in (None, terms.operator)
        )


class Span(Struct, frozen=True, order=True):
    """From and to (not included) when nothing counts, and which exclusion says so."""

    begins: datetime
    ends: datetime
    exclusion: str
    kind: Kind


def newest(records: Iterable[Exclusion], *, known_at: datetime | None = None) -> list[Exclusion]:
    """Return each exclusion as its newest record says, by when it begins.

    ``known_at``: as what was recorded until then says.
    """
    found: dict[str, Exclusion] = {}
    for one in sorted(records, key=lambda one: one.number):
        if known_at is None or one.recorded_at <= known_at:
            found[one.id] = one
    return sorted(found.values(), key=lambda one: (one.begins, one.ends, one.id))


def spans(records: Sequence[Exclusion], terms: Terms, announced_h: float) -> tuple[Span, ...]:
    """Return when nothing counts for a line under these terms, in the order of time.

    Args:
        records: those of the school, its region and the whole country, from the beginning of the first year asked
            about: announced works use up what the contract allows in a calendar year (UTC) in the order of time, and
            what goes beyond that counts. Works that are withdrawn before they begin are none; afterwards they stay as
            they were, so that nobody gets back hours that turned out good.
        terms: what holds for the line.
        announced_h: planned works have to be announced so many hours ahead, else they count.
    """
    held = [one for one in newest(records) if _holds(one) and one.concerns(terms)]
    works = [one for one in held if one.kind == "planned_works" and _is_announced(one, announced_h)]
    others = [one for one in held if one.kind != "planned_works"]
    found = [Span(one.begins, one.ends, one.id, one.kind) for one in others if one.begins < one.ends]
    return tuple(sorted([*found, *_allowed(works, timedelta(hours=terms.maintenance_h_per_year))]))


def within(found: Sequence[Span], moment: datetime) -> Span | None:
    """Return which of these spans (in the order of time) a moment lies in, null where it counts."""
    until = bisect_right(found, moment, key=lambda one: one.begins)
    return next((one for one in found[:until] if moment < one.ends), None)


def _holds(one: Exclusion) -> bool:
    was_worked = one.kind == "planned_works" and one.state == "withdrawn" and one.recorded_at >= one.begins
    return one.state == "in_force" or was_worked


def _is_announced(one: Exclusion, announced_h: float) -> bool:
    return one.begins - one.announced_at >= timedelta(hours=announced_h)


def _allowed(works: Sequence[Exclusion], a_year: timedelta) -> list[Span]:
    """Cut works where a year's allowance ends; hours that two of them share are used once."""
    left: dict[int, timedelta] = {}
    found: list[Span] = []
    done = datetime.min.replace(tzinfo=UTC)
    for one in works:
        begins = max(done, one.begins.astimezone(UTC))
        ends = one.ends.astimezone(UTC)
        while begins < ends:
            year_ends = datetime(begins.year + 1, 1, 1, tzinfo=UTC)
            until = min(ends, year_ends, begins + left.get(begins.year, a_year))
            left[begins.year] = left.get(begins.year, a_year) - (until - begins)
            if begins < until:
                found.append(Span(begins, until, one.id, one.kind))
            begins = min(ends, year_ends)
        done = max(done, ends)
    return found
