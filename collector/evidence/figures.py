"""How complete the evidence of a verdict is, in figures; pure."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from agent.contract import measurement, record, report
from agent.contract.errors import MalformedError
from agent.contract.measurement import Throughput
from collector.evidence.told import Finding
from collector.verdicts import standard
from collector.verdicts.facts import Facts, SignedReport
from collector.verdicts.judge import Judgement

_MOST_HOLES = 3


def covered(facts: Facts, judgement: Judgement, rules: str) -> dict[str, Any]:
    """Return how many half hours of lessons there were on the days under contract, and in how many was any test."""
    minutes = standard.parse(rules.encode()).statistics.slot_minutes.value
    lessons = facts.lessons
    wanted = set()
    for span in judgement.verdict.spans:
        at, ends = datetime.combine(span.first, datetime.min.time()), span.last + timedelta(days=1)
        while at.date() < ends:
            if lessons.is_lesson(at):
                wanted.add(at)
            at += timedelta(minutes=minutes)
    tested = {lessons.slot_of(one.at, minutes).replace(tzinfo=None) for one in judgement.tests}
    return {"half_hours": len(wanted), "tested": len(wanted & tested)}


def missing(numbers: Iterable[tuple[str, int]]) -> tuple[int, list[str]]:
    """Return how many reports no computer ever sent or nobody has, by their numbers, and sentences on the first ones.

    Args:
        numbers: computers and the numbers of their reports, shown or known by their hashes.
    """
    by_agent: dict[str, set[int]] = defaultdict(set)
    for agent, number in numbers:
        by_agent[agent].add(number)
    count, told = 0, []
    for agent, known in sorted(by_agent.items()):
        holes = [(low + 1, high - 1) for low, high in itertools.pairwise(sorted(known)) if high - low > 1]
        if holes:
            count += sum(high - low + 1 for low, high in holes)
            spans = ", ".join(f"{low} to {high}" for low, high in holes[:_MOST_HOLES])
            more = ", ..." if len(holes) > _MOST_HOLES else ""
            told.append(f"of computer {agent} these reports never came: {spans}{more}")
    return count, told


def compared(
    reports: Iterable[SignedReport], records: Sequence[tuple[int, str]]
) -> tuple[dict[str, Any], list[Finding]]:
    """Compare the servers' own records (by line) with what the reports say of the same tests."""
    tests = dict(_tests(reports)) if records else {}
    counts = {"with_record": 0, "differing": 0, "only_server": 0}
    told = []
    for number, body in records:
        one = record.decode(record.open_envelope(body.encode()).payload)
        test = tests.get(one.test_id)
        difference = record.differs(test, one) if test is not None else None
        name = "only_server" if test is None else "differing" if difference is not None else "with_record"
        counts[name] += 1
        if difference is not None:
            told.append(Finding(number, f"report and server do not agree: {difference}"))
    return counts, told


def left_out(facts: Facts, reports: Iterable[SignedReport], records: Iterable[tuple[int, str]]) -> list[Finding]:
    """Name the servers' records (by line) that speak for or against the line and that the facts leave out."""
    heard = set(facts.records)
    heard.update(test.record for _, test in _tests(reports) if test.record is not None)
    told = "no report carries this record, and the facts leave it out"
    return [Finding(number, told) for number, body in records if body.encode() not in heard]


def throughputs(payload: bytes) -> list[Throughput]:
    """Return the tests of a report; none of one that cannot be read whole, which the judge counts as unreadable."""
    try:
        measured = [measurement.decode(raw) for raw in report.decode(payload).measurements]
    except (MalformedError, ValueError, ArithmeticError, LookupError):
        return []
    return [one for one in measured if isinstance(one, Throughput)]


def _tests(reports: Iterable[SignedReport]) -> Iterator[tuple[str, Throughput]]:
    return ((test.test_id, test) for one in reports for test in throughputs(one.payload) if test.test_id is not None)
