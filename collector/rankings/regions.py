"""Regions, by the share of their judged schools that meet the target."""

from collector import rankings
from collector.rankings import Ranked
from collector.store import schools
from collector.store.database import Connection
from collector.words import mark

TITLE = mark("Regions")
ABOUT = mark(
    "Ordered by the share of judged schools that are ready, drawn towards the country's share where few were judged."
    " Speeds are the median of the schools' typical speeds; a region meets the target when every judged school does. A"
    " school counts where it stood at the time: regions split."
)


class Row(rankings.GroupRow, frozen=True, kw_only=True):
    """One region; ``name`` is the English one."""

    name_kk: str
    name_ru: str


def ranked(connection: Connection, window: rankings.Window) -> Ranked[Row]:
    """Rank the regions in which the viewer may see schools."""
    regions = schools.regions(connection)

    def names(key: str) -> dict[str, str]:
        known = regions[key]
        return {"name": known.name_en, "name_kk": known.name_kk, "name_ru": known.name_ru}

    return rankings.groups(connection, window, Row, "region", names)
