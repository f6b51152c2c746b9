"""Districts, by the share of their judged schools that meet the target."""

from collector import rankings
from collector.rankings import Ranked
from collector.store import schools
from collector.store.database import Connection
from collector.words import mark

TITLE = mark("Districts")
ABOUT = mark(
    "Ordered by the share of judged schools that are ready, drawn towards the country's share where few were judged: a"
    " district of three schools does not top the list by luck. Districts of one name in two regions are two."
)


class Row(rankings.GroupRow, frozen=True, kw_only=True):
    """One district; ``id`` is the region's code and the district's name."""

    region: str


def ranked(connection: Connection, window: rankings.Window) -> Ranked[Row]:
    """Rank the districts in which the viewer may see schools; schools without one are left out."""
    regions = schools.regions(connection)

    def names(key: str) -> dict[str, str]:
        region, _, district = key.partition(" ")
        known = regions.get(region)
        return {"name": f"{district}, {known.name_en}" if known else district, "region": region}

    return rankings.groups(connection, window, Row, "district", names)
