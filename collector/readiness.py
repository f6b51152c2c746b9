"""Is a school's network fit for lessons? Judged from the stored tests of a period; pure but for ``of_period``.

The best-placed computer speaks for the line: of the computers with enough undisturbed tests, the one with the best
typical (median) result, for each direction. Paced tests prove "at least" and leave the rest open: they count for
"meets", and no typical speed is made of them.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from agent.contract.standards import Interval, Standards, Target, Verdict, shipped_standards, target_for
from agent.contract.standards import judge as standards_judge
from collector.periods import Period
from collector.store import figures, schools
from collector.store.database import Connection
from collector.store.figures import ComputerFigures, DirectionFigures
from collector.store.schools import SchoolRecord

State = Literal["ready", "not ready", "not enough data", "not connected"]


class Readiness(Struct, frozen=True, kw_only=True):
    """A school's answer for a period. ``meets`` is null where there is not enough to say yes or no.

    Where lower bounds are all that is known of a typical speed it is null, and ``at_least`` says what they prove.
    """

    school: SchoolRecord
    tests: int
    computers: int
    download_bps: float | None
    upload_bps: float | None
    download_at_least_bps: float | None
    upload_at_least_bps: float | None
    target: Target
    meets: bool | None
    state: State
    reason: str


def of_period(
    connection: Connection,
    period: Period,
    region_id: str | None = None,
    standards: Standards | None = None,
    *,
    cabled: bool = False,
) -> list[Readiness]:
    """Judge every school the viewer may see, in the order of their ids; ``cabled``: by computers with a cable only."""
    by_school: dict[str, list[ComputerFigures]] = defaultdict(list)
    for computer in figures.computers_in_period(connection, period, cabled=cabled):
        by_school[computer.school_id].append(computer)
    rules = standards or shipped_standards()
    return [
        judge(school, by_school.get(school.school_id, []), rules) for school in schools.schools(connection, region_id)
    ]


def of_school(connection: Connection, school: SchoolRecord, period: Period) -> Readiness:
    """Judge one school."""
    return judge(school, figures.computers_in_period(connection, period, school.school_id), shipped_standards())


def judge(school: SchoolRecord, computers: Sequence[ComputerFigures], standards: Standards) -> Readiness:
    """Judge one school from its computers' typical results."""
    target = target_for(school.pupils, standards)
    enough = standards.readiness.minimum_tests
    download = figures.best((computer.download() for computer in computers), enough)
    upload = figures.best((computer.upload() for computer in computers), enough)
    judged = standards_judge(_interval(download, enough), _interval(upload, enough), target)
    meets = {"PASS": True, "FAIL": False, "UNDECIDED": None}[judged.outcome]
    return Readiness(
        school=school,
        tests=sum(computer.tests for computer in computers),
        computers=len(computers),
        download_bps=download.typical_bps if download else None,
        upload_bps=upload.typical_bps if upload else None,
        download_at_least_bps=download.at_least_bps if download else None,
        upload_at_least_bps=upload.at_least_bps if upload else None,
        target=target,
        meets=meets,
        state=_state(school, meets, bool(computers)),
        reason=_reason(school, target, judged, (download, upload), enough),
    )


def _interval(best: DirectionFigures | None, enough: int) -> Interval | None:
    if best is None or best.tests < enough:
        return None
    value = best.typical_bps if best.typical_bps is not None else best.proven_bps
    return Interval(value_bps=value, low_bps=best.proven_bps, high_bps=best.possible_bps)


def _state(school: SchoolRecord, meets: bool | None, tested: bool) -> State:
    if school.connected is False and not tested:
        return "not connected"
    return {True: "ready", False: "not ready", None: "not enough data"}[meets]  # type: ignore[return-value]


def _reason(
    school: SchoolRecord,
    target: Target,
    judged: Verdict,
    best: tuple[DirectionFigures | None, DirectionFigures | None],
    enough: int,
) -> str:
    if best == (None, None):
        untested = "No undisturbed speed test in this period."
        return "The registry says this school has no line." if school.connected is False else untested
    if judged.outcome == "FAIL":
        return _shortfall(target, judged, best)
    if judged.outcome == "PASS":
        is_known = all(one is not None and one.typical_bps is not None for one in best)
        paced = "Most tests prove that the target is reached; how fast the line is they did not ask."
        return "Typical download and upload reach the target." if is_known else paced
    fewest = min(one.tests if one else 0 for one in best)
    if fewest < enough:
        return f"Too few undisturbed tests on one computer: {fewest} of {enough} needed."
    if target.download_bps is None:
        return "The registry does not say how many pupils there are, so the target is not known."
    return "The tests so far prove only 'at least', and less than the target; a full test is needed."


def _shortfall(target: Target, judged: Verdict, best: tuple[DirectionFigures | None, DirectionFigures | None]) -> str:
    outcomes = (judged.download, judged.upload)
    needs = (target.download_bps or target.download_floor_bps, target.upload_bps)
    short = [
        f"{name} is typically {one.typical_bps / 1e6:.1f} of {need / 1e6:.1f} Mbit/s"
        for name, outcome, one, need in zip(("Download", "Upload"), outcomes, best, needs, strict=True)
        if outcome == "FAIL" and one is not None and one.typical_bps is not None
    ]
    return "; ".join(short) + "."
