"""Schools, by the share of their measured half hours of lessons in which the target was reached."""

from collector import rankings
from collector.rankings import Counted, Ranked
from collector.store import standings
from collector.store.database import Connection
from collector.words import mark

TITLE = mark("Schools")
ABOUT = mark(
    "Ordered by the share of measured half hours of lessons in which the school's best-placed computer reached the"
    " target in both directions, drawn towards the country's share where little was measured; equal shares by how far"
    " typical speeds reach the target. Schools without enough data come after, those without any test last, without a"
    " rank."
)


class Row(rankings.Row, frozen=True, kw_only=True):
    """One school. ``p25`` is a hard day's speed, the plain one typical, ``p95`` the capacity; see README, Readiness."""

    region: str
    district: str | None
    operator: str | None
    connectivity_type: str | None
    pupils: int | None
    computers: int
    state: str
    reason: str
    days: int = 0
    slots: int = 0
    slots_met: int = 0
    slots_missed: int = 0
    download_p25_bps: float | None = None
    download_p95_bps: float | None = None
    upload_p25_bps: float | None = None
    upload_p95_bps: float | None = None
    missing_download_bps: float | None = None
    missing_upload_bps: float | None = None


def ranked(connection: Connection, window: rankings.Window) -> Ranked[Row]:
    """Rank the schools that the viewer may see."""
    found = standings.schools(connection, window.question())
    rows = [Row(**rankings.of_line(Row, row)) for row in found.rows]
    return Ranked(rows=rows, total=found.total, counted=Counted(**found.counted), synthetic=found.synthetic)
