"""Diagnoses of many schools, remembered: reading a country's sessions takes long, and most have no new tests."""

import threading
from collections.abc import Sequence

from msgspec import Struct

from agent.contract.rules import shipped_rules
from collector.diagnosis import SchoolDiagnosis, stored
from collector.periods import Period
from collector.store import sessions
from collector.store.database import Connection
from collector.store.schools import SchoolRecord
from collector.store.sessions import TestMark

_KEPT = 20_000  # about three countries' schools


class Summary(Struct, frozen=True, kw_only=True):
    """A diagnosis without its figures: those are shown for one school at a time."""

    cause: str
    confidence: str
    sentence: str
    not_organised: bool
    line_delivers: bool | None
    computers: int
    slow_computers: int
    rooms: int
    unfit_rooms: int
    defects: str
    rules_version: str


_Question = tuple[tuple[str, ...], str, str, str, TestMark | None]
_known: dict[_Question, Summary] = {}
_lock = threading.Lock()


def of_schools(connection: Connection, schools: Sequence[SchoolRecord], period: Period) -> dict[str, Summary]:
    """Return the summary of each school's diagnosis, by its id, from what the viewer may see."""
    viewer, marks = sessions.viewer(connection), sessions.marks(connection, period)
    rules = shipped_rules().name
    found = {}
    for school in schools:
        # The record tells its contract and pupils; "repr" because it holds a dict.
        question = (viewer, repr(school), period.label, rules, marks.get(school.school_id))
        summary = _known.get(question)
        if summary is None:
            for_operator = viewer[0] == "operator"
            summary = _summary(stored.of_school(connection, school, period, for_operator=for_operator))
            _remember(question, summary)
        found[school.school_id] = summary
    return found


def _remember(question: _Question, summary: Summary) -> None:
    with _lock:
        if len(_known) >= _KEPT:
            _known.pop(next(iter(_known)))
        _known[question] = summary


def _summary(one: SchoolDiagnosis) -> Summary:
    return Summary(
        cause=one.cause,
        confidence=one.confidence,
        sentence=one.sentence,
        not_organised=one.not_organised,
        line_delivers=one.line_delivers,
        computers=one.computers,
        slow_computers=one.slow_computers,
        rooms=one.rooms,
        unfit_rooms=one.unfit_rooms,
        defects=", ".join(sorted({defect.defect for defect in one.defects})),
        rules_version=one.rules_version,
    )
