"""Schools, by how many of all their rooms the school's own Wi-Fi reaches."""

from agent.contract.rules import shipped_rules
from collector import coverage, rankings
from collector.coverage import Coverage
from collector.periods import Period
from collector.rankings import Column, Ranked
from collector.store.database import Connection
from collector.store.findings import JUDGED, NOTHING_TO_RANK_BY, Finding
from collector.store.schools import SchoolRecord
from collector.words import mark, say

TITLE = mark("Coverage")
SHOWS_SPEEDS = False
_WIFI = shipped_rules().wifi
ABOUT = say(
    "Ordered by the rooms that pass, of all rooms of the school: a room that nobody measured is not covered. A room"
    " passes if its strongest own access point comes with at least {signal} dBm nearly all the time"
    " (20th percentile), by the median of its newest walk with a laptop and of the computers that stand there."
    " Within {borderline} dB of that another adapter may see it the other way: such rooms are counted"
    " on their side, and apart."
    " PCs in order: the fixed computers whose own cable or Wi-Fi is. The last column is the school's line.",
    signal=f"{_WIFI.signal_dbm.value:g}",
    borderline=f"{_WIFI.borderline_db.value:g}",
)
COLUMNS = (
    Column(mark("Rooms pass"), "rooms_passed_share", "share", of=("rooms_passed", "rooms")),
    Column(mark("Measured"), "rooms_measured_share", "share", of=("rooms_measured", "rooms")),
    Column(mark("Of measured"), "rooms_passed_of_measured", "share", of=("rooms_passed", "rooms_measured")),
    Column(mark("Close to the limit"), "rooms_borderline"),
    Column(mark("PCs in order"), "computers_passed_share", "share", of=("computers_passed", "computers")),
)


class Row(rankings.Row, frozen=True, kw_only=True):
    """One school; speeds, ``share`` and ``meets`` are the line's. Shares of rooms are null where there is no room.

    Everything of rooms and computers is null where nobody looked yet.
    """

    region: str
    rooms: int | None = None
    rooms_measured: int | None = None
    rooms_passed: int | None = None
    rooms_borderline: int | None = None
    rooms_passed_share: float | None = None
    rooms_measured_share: float | None = None
    rooms_passed_of_measured: float | None = None
    computers: int | None = None
    computers_measured: int | None = None
    computers_passed: int | None = None
    computers_passed_share: float | None = None


def ranked(connection: Connection, window: rankings.Window) -> Ranked[Row]:
    """Rank the schools that the viewer may see; a school in which no room was measured has no rank."""
    return rankings.of_findings(connection, window, "coverage", Row)


def find(connection: Connection, school: SchoolRecord, period: Period, operator: str) -> Finding | None:
    """Look at one school; rooms are not for operators."""
    return None if operator else finding(coverage.of_school(connection, school, period))


def finding(one: Coverage) -> Finding:
    """Return a school's place by its rooms."""
    rooms, computers = one.rooms, one.computers
    return Finding(
        place=JUDGED if rooms.measured else NOTHING_TO_RANK_BY,
        score=rooms.passed_of_total if rooms.measured else None,
        body={
            "rooms": rooms.total,
            "rooms_measured": rooms.measured,
            "rooms_passed": rooms.passed,
            "rooms_borderline": rooms.borderline,
            "rooms_passed_share": rooms.passed_of_total,
            "rooms_measured_share": rooms.measured_of_total,
            "rooms_passed_of_measured": rooms.passed_of_measured,
            "computers": computers.total,
            "computers_measured": computers.measured,
            "computers_passed": computers.passed,
            "computers_passed_share": computers.passed_of_total,
        },
    )
