"""Schools, by what their classrooms get; the line's own speed stands beside it."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import median_low
from typing import NamedTuple

from agent.contract.standards import Interval, Target, judge, shipped_standards
from collector import rankings, readiness
from collector.rankings import Column
from collector.readiness import Readiness
from collector.store import rooms
from collector.store.database import Connection
from collector.store.figures import ComputerFigures, DirectionFigures

TITLE = "Classrooms"
ABOUT = (
    "Ordered by how far the typical speeds of the computers that stand in rooms, over cable and Wi-Fi, reach what the"
    " school needs, in the weaker direction: the median computer. Only one computer of a school tests at a time, so"
    " each should get what the line gives; where it gets less than the line, the difference is lost inside the school."
    " The line's speed is that of the best-placed computer, as in the ranking of schools."
)
COLUMNS = (
    Column("Line down", "line_download_bps", "mbit", at_least="line_download_at_least_bps"),
    Column("Line up", "line_upload_bps", "mbit", at_least="line_upload_at_least_bps", is_wide=True),
    Column("Of the line", "share_of_line", "share"),
    Column("Computers", "computers", is_wide=True),
)
_FEWEST_COMPUTERS = 2  # one place is no picture of a school


class Row(rankings.Row, frozen=True, kw_only=True):
    """One school; the plain speeds, ``tests`` and ``meets`` are the classrooms', those of the line are named so.

    ``share_of_line`` is the classrooms' download of the line's, null where either is known only as "at least".
    """

    region: str
    computers: int
    line_download_bps: float | None
    line_upload_bps: float | None
    line_download_at_least_bps: float | None
    line_upload_at_least_bps: float | None
    line_meets: bool | None
    share_of_line: float | None


class Middle(NamedTuple):
    """The median computer's speed, known or only bounded from below, of so many computers."""

    computers: int
    typical_bps: float | None
    at_least_bps: float | None
    interval: Interval


def rows(connection: Connection, window: rankings.Window) -> list[Row]:
    """Rank the schools that the viewer may see; those without computers in rooms have no rank."""
    by_school: dict[str, list[ComputerFigures]] = defaultdict(list)
    for computer in rooms.classroom_tests(connection, window.period):
        by_school[computer.school_id].append(computer)
    lines = readiness.of_period(connection, window.period, window.region_id, cabled=True)
    return rankings.numbered([_row(line, by_school[line.school.school_id]) for line in lines], rankings.fitness)


def _row(line: Readiness, computers: Sequence[ComputerFigures]) -> Row:
    download = middle([computer.download() for computer in computers])
    upload = middle([computer.upload() for computer in computers])
    own = rankings.of_line(line) | {
        "tests": sum(computer.tests for computer in computers),
        "download_bps": download.typical_bps if download else None,
        "upload_bps": upload.typical_bps if upload else None,
        "download_at_least_bps": download.at_least_bps if download else None,
        "upload_at_least_bps": upload.at_least_bps if upload else None,
        "meets": _meets(download, upload, line.target),
    }
    typical = download.typical_bps if download else None
    return Row(
        **own,
        region=line.school.region_id,
        computers=len(computers),
        line_download_bps=line.download_bps,
        line_upload_bps=line.upload_bps,
        line_download_at_least_bps=line.download_at_least_bps,
        line_upload_at_least_bps=line.upload_at_least_bps,
        line_meets=line.meets,
        share_of_line=typical / line.download_bps if typical is not None and line.download_bps else None,
    )


def middle(computers: Sequence[DirectionFigures | None]) -> Middle | None:
    """Return the median of the computers with enough tests, the lower one of two; None if there is none.

    A computer of which only "at least" is known may be as fast as one likes: the median is known only where that
    cannot change it.
    """
    enough = shipped_standards().readiness.minimum_tests
    known = [one for one in computers if one is not None and one.tests >= enough]
    if not known:
        return None
    low = median_low(one.proven_bps if one.typical_bps is None else one.typical_bps for one in known)
    high = median_low(one.possible_bps if one.typical_bps is None else one.typical_bps for one in known)
    bounds = Interval(
        value_bps=low,
        low_bps=median_low(one.proven_bps for one in known),
        high_bps=median_low(one.possible_bps for one in known),
    )
    if low == high:
        return Middle(len(known), low, None, bounds)
    return Middle(len(known), None, low if low > 0 else None, bounds)


def _meets(download: Middle | None, upload: Middle | None, target: Target) -> bool | None:
    ways = [one.interval if one and one.computers >= _FEWEST_COMPUTERS else None for one in (download, upload)]
    return {"PASS": True, "FAIL": False, "UNDECIDED": None}[judge(ways[0], ways[1], target).outcome]
