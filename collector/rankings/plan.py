"""What to buy and what to repair, by region and operator: the roadmap that a region signs."""

from typing import Any

from agent.contract.standards import decision_level, shipped_standards
from collector import rankings
from collector.rankings import Column, Counted, Ranked
from collector.store import schools, standings
from collector.store.database import Connection
from collector.words import mark

TITLE = mark("Plan")
ABOUT = mark(
    "Each school that is not ready stands once, under what comes first for it. Buy: the contract promises less than the"
    " school needs. Line: the operator's line gives less than its contract. Full: the school's own traffic fills the"
    " line; buy more or put it in order. Inside: the school's own network or computers, also where other causes stand"
    " beside them. Measure: nobody can say yet what it lacks or why. Connect: there is no line; it lacks all that it"
    " needs. Mbit/s are what typical downloads lack of the need, added up. Unfit rooms are those that their own network"
    " keeps slow. Ordered by how many schools are below the target or without a line."
)
NO_OPERATOR = mark("no operator")
SHOWS_SPEEDS = False
RESTS_ON_FINDINGS = True
COLUMNS = (
    Column(mark("Schools"), "schools", is_wide=True),
    Column(mark("Ready"), "ready_share", "share", of=("ready", "judged")),
    Column(mark("Below"), "lacking", lacking="missing_download_bps"),
    Column(mark("Buy"), "buy_schools", lacking="buy_download_bps"),
    Column(mark("Line"), "repair_line_schools", lacking="repair_line_download_bps"),
    Column(mark("Full"), "full_line_schools", lacking="full_line_download_bps"),
    Column(mark("Inside"), "repair_inside_schools", lacking="repair_inside_download_bps"),
    Column(mark("Unfit rooms"), "unfit_rooms", is_wide=True),
    Column(mark("Measure"), "measure_schools", lacking="measure_download_bps"),
    Column(mark("Connect"), "connect_schools", lacking="connect_download_bps"),
)


class Row(rankings.GroupRow, frozen=True, kw_only=True):
    """A region's schools with one operator, or with none. The parts of ``schools`` are ``ready`` and the six tasks.

    ``lacking`` were judged below the target. ``missing`` is what all lack that have a line and are not ready; null, as
    in each part, where it is known of no school. ``unfit_rooms`` are those of schools whose cause is known.
    """

    region: str
    operator: str | None
    lacking: int
    missing_upload_bps: float | None
    buy_schools: int
    buy_download_bps: float | None
    buy_upload_bps: float | None
    repair_line_schools: int
    repair_line_download_bps: float | None
    repair_line_upload_bps: float | None
    full_line_schools: int
    full_line_download_bps: float | None
    full_line_upload_bps: float | None
    repair_inside_schools: int
    repair_inside_download_bps: float | None
    repair_inside_upload_bps: float | None
    unfit_rooms: int | None
    measure_schools: int
    measure_download_bps: float | None
    measure_upload_bps: float | None
    connect_schools: int
    connect_download_bps: float | None
    connect_upload_bps: float | None


def ranked(connection: Connection, window: rankings.Window) -> Ranked[Row]:
    """Plan for the regions and operators whose schools the viewer may see."""
    known = shipped_standards()
    need = known.chosen()
    figures: dict[str, Any] = {
        "floor_bps": need.download_bps,
        "per_pupil_bps": need.per_pupil_bps,
        "upload_bps": need.upload_bps,
        "level": decision_level(1.0, known.tolerance),
    }
    regions = schools.regions(connection)
    found = standings.plan(connection, window.question() | figures)
    rows = [rankings.group(Row, row, {"name": _name(row, regions)}) for row in found.rows]
    return Ranked(rows=rows, total=found.total, counted=Counted(**found.counted), synthetic=found.synthetic)


def _name(row: dict[str, Any], regions: dict[str, schools.RegionRecord]) -> str:
    region = regions[row["region"]].name_en if row["region"] in regions else row["region"]
    return f"{region}, {row['operator'] or NO_OPERATOR}"
