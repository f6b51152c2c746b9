"""Which lines are measured below what their contract promises: the first honest form.

Contract speeds come from the registry. Only undisturbed tests of computers that are not on Wi-Fi, whose own link could
carry the speed, may speak; paced tests are lower bounds and never evidence. Fair statistics over slots, exclusions and
disputes are another issue: this is a list of lines to look at, not a finding of breach.
"""

from collections import defaultdict

import msgspec
from msgspec import Struct

from agent.contract.standards import decision_level, shipped_standards
from collector.periods import Period
from collector.store import figures, schools
from collector.store.database import Connection
from collector.store.figures import ComputerFigures, DirectionFigures, StoredTest
from collector.store.schools import SchoolRecord


class Breach(Struct, frozen=True, kw_only=True):
    """A line typically below its contract; ``enough_data`` is false with fewer tests than the rule asks.

    ``tests`` counts those that can speak against a line: none that the sender's pace bound.
    """

    id: str
    name: str
    operator: str | None
    region: str
    tests: int
    enough_data: bool
    download_bps: float | None
    upload_bps: float | None
    download_contracted_bps: int | None
    upload_contracted_bps: int | None
    download_below: bool
    upload_below: bool
    synthetic: bool
    evidence: list[StoredTest]


def breaches(connection: Connection, period: Period) -> list[Breach]:
    """Return the lines measured below contract that the viewer may see, the furthest below first."""
    tolerance = shipped_standards().tolerance
    level = decision_level(1, tolerance)
    by_school: dict[str, list[ComputerFigures]] = defaultdict(list)
    for computer in figures.line_tests_in_period(connection, period, level):
        by_school[computer.school_id].append(computer)
    found = []
    for school in schools.schools(connection):
        breach = judge_line(school, by_school.get(school.school_id, []), tolerance)
        if breach is not None:
            found.append(breach)
    return sorted(found, key=lambda breach: (_shortfall(breach), breach.id))


def with_evidence(connection: Connection, breach: Breach, period: Period) -> Breach:
    """Add the tests behind a breach, newest first; none that a sender's pace bound in the direction at issue."""
    evidence = [
        test
        for test in figures.school_tests(connection, breach.id, period)
        if not test.tainted
        and test.medium not in ("wifi", "cellular")
        and (
            (breach.download_below and not test.download_at_least) or (breach.upload_below and not test.upload_at_least)
        )
    ]
    return msgspec.structs.replace(breach, evidence=evidence)


def judge_line(school: SchoolRecord, computers: list[ComputerFigures], tolerance: float) -> Breach | None:
    """Say whether the best-placed computer's typical result is below contract in a direction; None if it is not."""
    enough = shipped_standards().readiness.minimum_tests
    down = figures.best((one.download() for one in computers), enough)
    up = figures.best((one.upload() for one in computers), enough)
    download_below = _below(down, school.download_contracted_bps, tolerance)
    upload_below = _below(up, school.upload_contracted_bps, tolerance)
    # Lower bounds are no evidence: they do not count as tests that say so.
    judged = [
        one.bounded_tests for one, below in ((down, download_below), (up, upload_below)) if below and one is not None
    ]
    if not judged:
        return None
    return Breach(
        id=school.school_id,
        name=school.name,
        operator=school.operator,
        region=school.region_id,
        tests=max(judged),
        enough_data=max(judged) >= enough,
        download_bps=down.typical_bps if down else None,
        upload_bps=up.typical_bps if up else None,
        download_contracted_bps=school.download_contracted_bps,
        upload_contracted_bps=school.upload_contracted_bps,
        download_below=download_below,
        upload_below=upload_below,
        synthetic=school.synthetic,
        evidence=[],
    )


def _below(line: DirectionFigures | None, contracted_bps: int | None, tolerance: float) -> bool:
    """Tell whether even what the tests leave possible, with every lower bound as unlimited, is below the contract."""
    if line is None or contracted_bps is None:
        return False
    return line.possible_bps < decision_level(contracted_bps, tolerance)


def _shortfall(breach: Breach) -> float:
    ratios = [
        measured / contracted
        for measured, contracted in (
            (breach.download_bps, breach.download_contracted_bps),
            (breach.upload_bps, breach.upload_contracted_bps),
        )
        if measured is not None and contracted is not None
    ]
    return min(ratios)
