"""Schools, by what their classrooms get; the line's own speed stands beside it."""

from collections.abc import Sequence
from statistics import median_low
from typing import NamedTuple

from agent.contract.standards import Interval, Target, judge, shipped_standards
from collector import rankings, readiness
from collector.periods import Period
from collector.rankings import Column, Ranked
from collector.readiness import Readiness
from collector.store import rooms
from collector.store.database import Connection
from collector.store.figures import ComputerFigures, DirectionFigures
from collector.store.findings import BY_FIGURE, JUDGED, NOTHING_TO_RANK_BY, Finding
from collector.store.schools import SchoolRecord
from collector.words import mark

TITLE = mark("Classrooms")
ABOUT = mark(
    "Ordered by how far the typical speeds of the computers that stand in rooms, over cable and Wi-Fi, reach what the"
    " school needs, in the weaker direction: the median computer. Only one computer of a school tests at a time, so"
    " each should get what the line gives; where it gets less than the line, the difference is lost inside the school."
    " The line's speed is that of the best-placed computer, as in the ranking of schools."
)
COLUMNS = (
    Column(mark("Line down"), "line_download_bps", "mbit", at_least="line_download_at_least_bps"),
    Column(mark("Line up"), "line_upload_bps", "mbit", at_least="line_upload_at_least_bps", is_wide=True),
    Column(mark("Of the line"), "share_of_line", "share"),
    Column(mark("Computers"), "computers", is_wide=True),
)
_FEWEST_COMPUTERS = 2  # one place is no picture of a school


class Row(rankings.Row, frozen=True, kw_only=True):
    """One school; the plain speeds, ``tests`` and ``meets`` are the classrooms', those of the line are named so.

    ``share_of_line`` is the classrooms' download of the line's, null where either is known only as "at least".
    ``share`` is that of the line's half hours. ``computers`` is null where nobody looked yet.
    """

    region: str
    computers: int | None = None
    line_download_bps: float | None = None
    line_upload_bps: float | None = None
    line_download_at_least_bps: float | None = None
    line_upload_at_least_bps: float | None = None
    line_meets: bool | None = None
    share_of_line: float | None = None


class Middle(NamedTuple):
    """The median computer's speed, known or only bounded from below, of so many computers."""

    computers: int
    typical_bps: float | None
    at_least_bps: float | None
    interval: Interval


def ranked(connection: Connection, window: rankings.Window) -> Ranked[Row]:
    """Rank the schools that the viewer may see; those without computers in rooms have no rank."""
    return rankings.of_findings(connection, window, "classrooms", Row, own_answer=True)


def find(connection: Connection, school: SchoolRecord, period: Period, operator: str) -> Finding | None:
    """Look at one school; its rooms are not for operators."""
    if operator:
        return None
    line = readiness.of_school(connection, school, period, cabled=school.operator is not None)
    return finding(line, rooms.classroom_tests(connection, period, school.school_id))


def finding(line: Readiness, computers: Sequence[ComputerFigures]) -> Finding:
    """Return a school's place by what its rooms' computers get, beside its line."""
    download = middle([computer.download() for computer in computers])
    upload = middle([computer.upload() for computer in computers])
    typical = download.typical_bps if download else None
    meets, score = _meets(download, upload, line.target), fitness(download, upload, line.target)
    return Finding(
        place=NOTHING_TO_RANK_BY if score is None else BY_FIGURE if meets is None else JUDGED,
        score=score,
        meets=meets,
        body={
            "meets": meets,
            "tests": sum(computer.tests for computer in computers),
            "download_bps": typical,
            "upload_bps": upload.typical_bps if upload else None,
            "download_at_least_bps": download.at_least_bps if download else None,
            "upload_at_least_bps": upload.at_least_bps if upload else None,
            "required_download_bps": line.target.download_bps,
            "required_upload_bps": line.target.upload_bps,
            "computers": len(computers),
            "line_download_bps": line.download_bps,
            "line_upload_bps": line.upload_bps,
            "line_download_at_least_bps": line.download_at_least_bps,
            "line_upload_at_least_bps": line.upload_at_least_bps,
            "line_meets": line.meets,
            "share_of_line": typical / line.download_bps if typical is not None and line.download_bps else None,
        },
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


def fitness(download: Middle | None, upload: Middle | None, target: Target) -> float | None:
    """Return how far typical speeds reach the target in the weaker direction: 1.0 is exactly the target.

    A speed of which only "at least" is known counts as that.
    """
    ratios = []
    for way, needed in ((download, target.download_bps), (upload, target.upload_bps)):
        measured = None if way is None else way.at_least_bps if way.typical_bps is None else way.typical_bps
        if measured is None or not needed:
            return None
        ratios.append(measured / needed)
    return min(ratios)


def _meets(download: Middle | None, upload: Middle | None, target: Target) -> bool | None:
    ways = [one.interval if one and one.computers >= _FEWEST_COMPUTERS else None for one in (download, upload)]
    return {"PASS": True, "FAIL": False, "UNDECIDED": None}[judge(ways[0], ways[1], target).outcome]
