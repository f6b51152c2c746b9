"""Regions, by the share of their judged schools that meet the target."""

from collections import defaultdict

from collector import rankings, readiness
from collector.readiness import Readiness
from collector.store import schools
from collector.store.database import Connection

TITLE = "Regions"
ABOUT = (
    "Ordered by the share of judged schools that meet the target. Speeds are the median of the schools' typical speeds;"
    " a region meets the target when every judged school does."
)


class Row(rankings.GroupRow, frozen=True, kw_only=True):
    """One region; ``name`` is the English one."""

    name_kk: str
    name_ru: str


def rows(connection: Connection, window: rankings.Window) -> list[Row]:
    """Rank the regions in which the viewer may see schools."""
    regions = schools.regions(connection)
    by_region: dict[str, list[Readiness]] = defaultdict(list)
    for one in readiness.of_period(connection, window.period, window.region_id):
        by_region[one.school.region_id].append(one)
    found = []
    for key, members in by_region.items():
        names = regions[key]
        row = rankings.group_row(Row, key, names.name_en, members, name_kk=names.name_kk, name_ru=names.name_ru)
        found.append(row)
    return rankings.numbered(found, lambda row: row.ready_share)
