"""Technologies of access, by the share of their judged schools that meet the target."""

from collector import rankings
from collector.rankings import Ranked
from collector.store.database import Connection
from collector.words import mark

TITLE = mark("Technologies")
ABOUT = mark(
    "Ordered by the share of judged schools that are ready, by the kind of line that the registry names for each school"
    " today. Speeds are the median of the schools' typical speeds."
)


class Row(rankings.GroupRow, frozen=True, kw_only=True):
    """One technology, as the registry writes it: fibre, adsl, satellite, ..."""


def ranked(connection: Connection, window: rankings.Window) -> Ranked[Row]:
    """Rank the technologies of the schools that the viewer may see; schools without one are left out."""
    return rankings.groups(connection, window, Row, "technology", lambda technology: {"name": technology})
