"""Schools, by how many of all their rooms the school's own Wi-Fi reaches."""

from agent.contract.rules import shipped_rules
from collector import coverage, rankings, readiness
from collector.coverage import Coverage, Shares
from collector.rankings import Column
from collector.readiness import Readiness
from collector.store.database import Connection

TITLE = "Coverage"
SHOWS_SPEEDS = False
_WIFI = shipped_rules().wifi
ABOUT = (
    "Ordered by the rooms that pass, of all rooms of the school: a room that nobody measured is not covered. A room"
    f" passes if its strongest own access point comes with at least {_WIFI.signal_dbm.value:g} dBm nearly all the time"
    " (20th percentile), by the median of its newest walk with a laptop and of the computers that stand there."
    f" Within {_WIFI.borderline_db.value:g} dB of that another adapter may see it the other way: such rooms are counted"
    " on their side, and apart."
    " PCs in order: the fixed computers whose own cable or Wi-Fi is. The last column is the school's line."
)
COLUMNS = (
    Column("Rooms pass", "rooms_passed_share", "share", of=("rooms_passed", "rooms")),
    Column("Measured", "rooms_measured_share", "share", of=("rooms_measured", "rooms")),
    Column("Of measured", "rooms_passed_of_measured", "share", of=("rooms_passed", "rooms_measured")),
    Column(f"Within {_WIFI.borderline_db.value:g} dB", "rooms_borderline"),
    Column("PCs in order", "computers_passed_share", "share", of=("computers_passed", "computers")),
)


class Row(rankings.Row, frozen=True, kw_only=True):
    """One school; speeds and ``meets`` are the line's. Shares are of 1, null where there is nothing to share."""

    region: str
    rooms: int
    rooms_measured: int
    rooms_passed: int
    rooms_borderline: int
    rooms_passed_share: float | None
    rooms_measured_share: float | None
    rooms_passed_of_measured: float | None
    computers: int
    computers_measured: int
    computers_passed: int
    computers_passed_share: float | None


def rows(connection: Connection, window: rankings.Window) -> list[Row]:
    """Rank the schools that the viewer may see; a school in which no room was measured has no rank."""
    lines = readiness.of_period(connection, window.period, window.region_id)
    covered = coverage.of_period(connection, window.period, window.region_id)
    found = [_row(line, one) for line, (_, one) in zip(lines, covered, strict=True)]
    return rankings.numbered(found, _score, judged_first=False)


def _score(row: Row) -> float | None:
    return row.rooms_passed_share if row.rooms_measured else None


def _row(line: Readiness, one: Coverage) -> Row:
    rooms: Shares = one.rooms
    return Row(
        **rankings.of_line(line),
        region=line.school.region_id,
        rooms=rooms.total,
        rooms_measured=rooms.measured,
        rooms_passed=rooms.passed,
        rooms_borderline=rooms.borderline,
        rooms_passed_share=rooms.passed_of_total,
        rooms_measured_share=rooms.measured_of_total,
        rooms_passed_of_measured=rooms.passed_of_measured,
        computers=one.computers.total,
        computers_measured=one.computers.measured,
        computers_passed=one.computers.passed,
        computers_passed_share=one.computers.passed_of_total,
    )
