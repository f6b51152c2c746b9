"""Which schools' lines are judged in breach, and which are measured below the registry's contract and worth a look.

Only a verdict (collector.verdicts) accuses a line. The others are a list of lines to look at, not a finding: their
contract speeds come from the registry, and only undisturbed tests of computers that are not on Wi-Fi, whose own link
could carry the speed, may speak; paced tests are lower bounds and never evidence.
"""

from collections import defaultdict

import msgspec
from msgspec import Struct

from agent.contract.standards import decision_level, shipped_standards
from collector import periods
from collector.periods import Period
from collector.store import figures, schools, verdicts
from collector.store.database import Connection
from collector.store.figures import ComputerFigures, DirectionFigures, StoredTest
from collector.store.schools import SchoolRecord
from collector.store.verdicts import Breaches


class Breach(Struct, frozen=True, kw_only=True):
    """A school whose line was judged in breach, or is typically below the contract that the registry names.

    ``judged``: the months whose verdict on this operator is "breach", which alone is a finding; without any it is a
    line to look at. An operator that the school has no more has a row of its own, without figures: what is measured
    today is another's line. ``name`` is null where whoever asks sees the school no more.
    ``enough_data`` is false with fewer tests than the rule asks. ``tests`` counts those that can speak against a line:
    none that the sender's pace bound.
    """

    id: str
    name: str | None
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
    judged: tuple[str, ...] = ()


def breaches(connection: Connection, period: Period) -> list[Breach]:
    """Return the lines in breach or below contract that the viewer may see, those judged first."""
    judged = {(one.school_id, one.operator): one for one in verdicts.breaches(connection, *periods.months(period))}
    tolerance = shipped_standards().tolerance
    level = decision_level(1, tolerance)
    by_school: dict[str, list[ComputerFigures]] = defaultdict(list)
    for computer in figures.line_tests_in_period(connection, period, level):
        by_school[computer.school_id].append(computer)
    found, names = [], {}
    for school in schools.schools(connection):
        names[school.school_id] = school.name
        of_today = judged.pop((school.school_id, school.operator or ""), None)
        breach = measured(school, by_school.get(school.school_id, []), tolerance)
        if of_today is not None or breach.download_below or breach.upload_below:
            found.append(msgspec.structs.replace(breach, judged=tuple(of_today.months) if of_today else ()))
    found += [_of_another(one, names.get(one.school_id)) for one in judged.values()]
    return sorted(found, key=lambda breach: (not breach.judged, _shortfall(breach), breach.id, breach.operator or ""))


def _of_another(judged: Breaches, name: str | None) -> Breach:
    """Return what is judged of an operator that is not the school's in the registry."""
    return Breach(
        id=judged.school_id,
        name=name,
        operator=judged.operator,
        region=judged.region,
        tests=0,
        enough_data=False,
        download_bps=None,
        upload_bps=None,
        download_contracted_bps=None,
        upload_contracted_bps=None,
        download_below=False,
        upload_below=False,
        synthetic=judged.synthetic,
        evidence=[],
        judged=tuple(judged.months),
    )


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


def measured(school: SchoolRecord, computers: list[ComputerFigures], tolerance: float) -> Breach:
    """Say whether the best-placed computer's typical result is below the registry's contract in a direction."""
    enough = shipped_standards().readiness.minimum_tests
    down = figures.best((one.download() for one in computers), enough)
    up = figures.best((one.upload() for one in computers), enough)
    download_below = _below(down, school.download_contracted_bps, tolerance)
    upload_below = _below(up, school.upload_contracted_bps, tolerance)
    # Lower bounds are no evidence: they do not count as tests that say so.
    speaking = [
        one.bounded_tests for one, below in ((down, download_below), (up, upload_below)) if below and one is not None
    ]
    tests = max(speaking, default=0)
    return Breach(
        id=school.school_id,
        name=school.name,
        operator=school.operator,
        region=school.region_id,
        tests=tests,
        enough_data=tests >= enough,
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
    return min(ratios, default=1.0)
