"""Regions, by the share of their judged schools that meet the target."""

from collections import defaultdict

import msgspec

from collector import rankings, readiness
from collector.readiness import Readiness
from collector.store import schools
from collector.store.database import Connection

TITLE = "Regions"
ABOUT = (
    "Ordered by the share of judged schools that meet the target. Speeds are the median of the schools' typical speeds;"
    " a region meets the target when every judged school does."
)


class Row(rankings.Row, frozen=True, kw_only=True):
    """One region."""

    name_kk: str
    name_ru: str
    schools: int
    judged: int
    ready: int
    ready_share: float | None
    not_connected: int


def rows(connection: Connection, window: rankings.Window) -> list[Row]:
    """Rank the regions in which the viewer may see schools."""
    names = schools.regions(connection)
    by_region: dict[str, list[Readiness]] = defaultdict(list)
    for one in readiness.of_period(connection, window.period, window.region_id):
        by_region[one.school.region_id].append(one)
    found = [
        Row(
            id=region_id,
            name=names[region_id].name_en,
            name_kk=names[region_id].name_kk,
            name_ru=names[region_id].name_ru,
            **msgspec.structs.asdict(rankings.grouped(members)),
        )
        for region_id, members in by_region.items()
    ]
    return rankings.numbered(found, lambda row: row.ready_share)
