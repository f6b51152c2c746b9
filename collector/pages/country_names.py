"""Names of units and periods in the language of the page, and the addresses that lead from figure to figure."""

from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlencode

from collector import periods
from collector.context import Asker, In
from collector.errors import NotAllowed
from collector.pages.asking import speech
from collector.periods import Period
from collector.store.schools import RegionRecord
from collector.words import mark, say

ALL_SEEING = ("ministry", "auditor", "admin")
STATES: dict[str, str] = {
    "ready": mark("meets the target"),
    "not ready": mark("does not meet the target"),
    "not enough data": mark("not enough data"),
    "not connected": mark("not connected"),
}
"""The answers on a school, as lists and filters name them."""
_PERIODS_SHOWN = 5


def region_name(known: Mapping[str, RegionRecord], code: str) -> str:
    """Return a region's name in the page's language; its code where it has none."""
    found = known.get(code)
    return code if found is None else str(getattr(found, f"name_{speech().language}"))


def by_name(known: Mapping[str, RegionRecord]) -> list[tuple[str, str]]:
    """Return codes and names of all regions, in the alphabet's order."""
    named = [(code, region_name(known, code)) for code in known]
    return sorted(named, key=lambda one: speech().sort_key(one[1]))


def recent(context: In, chosen: Period) -> list[str]:
    """Return the period looked at and the last five quarters, newest first."""
    labels = row_of_periods(context.period(None), _PERIODS_SHOWN)
    return labels if chosen.label in labels else [chosen.label, *labels]


def row_of_periods(last: Period, count: int = _PERIODS_SHOWN) -> list[str]:
    """Return a period and those of its kind before it, newest first."""
    found = [last]
    while len(found) < count:
        found.append(periods.before(found[-1]))
    return [one.label for one in found]


def address(path: str, /, **query: object) -> str:
    """Return the address of a page with its filters; those that are null are left out."""
    kept = {name: value for name, value in query.items() if value is not None}
    return path + (f"?{urlencode(kept)}" if kept else "")


def region_address(code: str, period: str) -> str:
    """Return where a region's page is."""
    return address(f"/regions/{quote(code, safe='')}", period=period)


def district_address(region: str, name: str, period: str) -> str:
    """Return where a district's page is; its name may hold anything."""
    return address(f"/districts/{quote(region, safe='')}/{quote(name)}", period=period)


def school_address(school_id: str, period: str | None = None) -> str:
    """Return where a school's page is."""
    return address(f"/schools/{quote(school_id)}", period=period)


def require_country(person: Asker) -> None:
    """Raise NotAllowed for those who do not see the whole country."""
    if person.viewer.role not in ALL_SEEING:
        raise NotAllowed(
            say("the country's page is for the ministry, auditors and administrators; begin at your own first page")
        )


def require_region(person: Asker, code: str) -> None:
    """Raise NotAllowed for those who do not see this whole region."""
    viewer = person.viewer
    if viewer.role not in ALL_SEEING and (viewer.role, viewer.scope) != ("region", code):
        raise NotAllowed(say("this region's page is for the region itself, the ministry, auditors and administrators"))


def any_synthetic(rows: Iterable[object]) -> bool:
    """Tell whether a row is of schools that a program made up."""
    return any(getattr(row, "synthetic", False) for row in rows)
