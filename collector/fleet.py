"""How the country's computers are: who still reports, who fell silent, which share a key; pure.

Days are school days: a computer that is off over the holidays is not silent. A computer is its key and nothing else:
serial numbers and board ids of hardware repeat over hundreds of schools and are neither asked for nor looked at. So a
disk that was copied makes two computers of one name, and what their boots and numbers tell gives them away:

- ``copied``: two computers use one key now. Their boots' numbers interleave, or one boot goes on reporting after
  another boot was refused for a number that was already used, or the clock since boot went back and forth.
- ``restored``: one computer went back to an earlier state (its disk was re-imaged, a snapshot restored): numbers were
  used again, or its clock since boot went back once, and then it went on alone.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Literal, get_args

from msgspec import Struct

from collector.settings import FleetSettings
from collector.slots import Calendar
from collector.store.fleet import SchoolFleet
from collector.words import mark

State = Literal["live", "at_risk", "silent", "never_reported"]
SchoolState = Literal["live", "at_risk", "silent", "never_reported", "none_enrolled"]
"""That of the school's best computer: one that reports is enough to see the line."""
Identity = Literal["one", "restored", "copied"]

MOST_DAYS = 1_000

ADVICE: dict[Identity, str] = {
    "one": "",
    "restored": mark(
        "this computer went back to an earlier state (a re-imaged disk or a restored snapshot); its reports of used"
        " numbers were refused, and it goes on by itself: nothing to do unless it happens again"
    ),
    "copied": mark(
        "two computers use this one's key (a copied disk); enrol the copy anew, and make disk images before the agent"
        " is enrolled"
    ),
}


class Boot(Struct, frozen=True, kw_only=True):
    """What stored reports tell of one boot: its numbers, when they came in, how often its clock went back."""

    boot_id: str
    first_sequence: int
    last_sequence: int
    first_at: datetime
    last_at: datetime
    went_back: int = 0


class Refusals(Struct, frozen=True, kw_only=True):
    """The reports of one boot that were refused because their numbers were already used."""

    boot_id: str
    first_at: datetime
    last_at: datetime
    refused: int


class Newest(Struct, frozen=True, kw_only=True):
    """What a computer's newest report tells: how long it waited (seconds) and how many waited beside it."""

    delay_s: float
    waiting: int | None
    dropped: int | None


def state_of(
    last_seen_at: datetime | None, enrolled_at: datetime, calendar: Calendar, now: datetime, settings: FleetSettings
) -> tuple[State, int]:
    """Return a computer's state, and how many whole school days it has missed since it was last heard (or enrolled)."""
    today = now.astimezone(calendar.zone).date()
    days = missed_days(calendar, (last_seen_at or enrolled_at).astimezone(calendar.zone).date(), today)
    if last_seen_at is None:
        return "never_reported", days
    if days >= settings.silent_days:
        return "silent", days
    return ("at_risk" if days >= settings.at_risk_days else "live"), days


@lru_cache(maxsize=4096)
def missed_days(calendar: Calendar, heard: date, today: date) -> int:
    """Count the school days between the day something was heard and today, neither included; ``MOST_DAYS`` at most."""
    between = (heard + timedelta(days=number) for number in range(1, min((today - heard).days, MOST_DAYS)))
    return sum(calendar.timetable.is_school_day(day) for day in between)


def is_delayed(newest: Newest, settings: FleetSettings) -> bool:
    """Tell whether reports pile up on a computer. Where it says that none waits, only its clock is wrong."""
    return newest.delay_s >= 3600 * settings.backlog_hours and newest.waiting != 0


def identity_of(boots: Sequence[Boot], refusals: Sequence[Refusals]) -> Identity:
    """Return what a key's boots and refusals tell: one computer, one that went back, or two."""
    if _interleave(boots) or _outlived(boots, refusals) or any(one.went_back > 1 for one in boots):
        return "copied"
    return "restored" if refusals or any(one.went_back for one in boots) else "one"


def _interleave(boots: Sequence[Boot]) -> bool:
    """Tell whether a boot has numbers on both sides of another's: one computer's boots follow each other."""
    highest = 0
    for one in sorted(boots, key=lambda one: one.first_sequence):
        if one.first_sequence < highest:
            return True
        highest = max(highest, one.last_sequence)
    return False


def _outlived(boots: Sequence[Boot], refusals: Sequence[Refusals]) -> bool:
    """Tell whether a boot was heard before and after another boot's refusal: both computers are on."""
    return any(
        one.first_at < refused.first_at < one.last_at and one.boot_id != refused.boot_id
        for one in boots
        for refused in refusals
    )


class RegionFleet(Struct, frozen=True, kw_only=True):
    """A region's schools counted by the state of their best computer, and its computers by theirs."""

    id: str
    name: str
    schools: int
    live_schools: int
    at_risk_schools: int
    silent_schools: int
    never_reported_schools: int
    none_enrolled_schools: int
    computers: int
    live: int
    at_risk: int
    silent: int
    never_reported: int
    restored: int
    copied: int
    delayed: int
    versions: dict[str, int]
    synthetic: bool


_COUNTED = ("computers", "live", "at_risk", "silent", "never_reported", "restored", "copied", "delayed")


def by_region(schools: Sequence[SchoolFleet], names: Mapping[str, str]) -> list[RegionFleet]:
    """Add up schools by region; the region with the largest share of schools that are not live comes first."""
    members: dict[str, list[SchoolFleet]] = defaultdict(list)
    for one in schools:
        members[one.region].append(one)
    rows = [_region(region, names.get(region, region), found) for region, found in members.items()]
    return sorted(rows, key=lambda row: (row.live_schools / row.schools, row.id))


def _region(region: str, name: str, members: Sequence[SchoolFleet]) -> RegionFleet:
    states = Counter(one.state for one in members)
    versions: Counter[str] = Counter()
    for one in members:
        versions.update(one.versions)
    return RegionFleet(
        id=region,
        name=name,
        schools=len(members),
        versions=dict(versions.most_common()),
        synthetic=any(one.synthetic for one in members),
        **{f"{state}_schools": states[state] for state in get_args(SchoolState)},
        **{name: sum(getattr(one, name) for one in members) for name in _COUNTED},
    )
