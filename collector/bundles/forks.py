"""The reports that show that a computer told two histories, for the bundle of a verdict that does not believe it."""

from collections.abc import Collection, Iterator

from msgspec import Struct

from collector.bundles.proving import Prover
from collector.evidence import entry, reports
from collector.evidence.bundle import ForkRecord, Why
from collector.store import agreements, bundles
from collector.store.bundles import StoredReport
from collector.store.database import Connection
from collector.verdicts.facts import Facts
from collector.verdicts.terms import in_force


class _Fork(Struct, frozen=True):
    agent: str
    sequence: int


def told(
    connection: Connection, prover: Prover, facts: Facts, shown: Collection[tuple[str, int]]
) -> Iterator[ForkRecord]:
    """Yield, of each such computer of the facts, the report that does not continue the one before it.

    Args:
        connection: for all reports of the school.
        prover: finds their places.
        facts: those that name the computers.
        shown: reports that the bundle shows anyway. Others are shown whole if they are of the operator's days, on which
            the school had no other line: it sees nobody else's.
    """
    forks = [_Fork(one.agent, one.forked_from) for one in facts.keys if one.forked_from is not None]
    if not forks:
        return
    wanted = [(one.agent, number) for one in forks for number in (one.sequence - 1, one.sequence)]
    stored = {(one.agent, one.sequence): one for one in bundles.reports(connection, facts.school, wanted)}
    sha256 = _hashes(connection, facts.school, wanted) | {pair: one.sha256.hex() for pair, one in stored.items()}
    found = [one for one in forks if {(one.agent, one.sequence), (one.agent, one.sequence - 1)} <= sha256.keys()]
    pairs = [(one.agent, number) for one in found for number in (one.sequence - 1, one.sequence)]
    things = [(f"{agent}/{number}", sha256[agent, number]) for agent, number in pairs]
    places = prover.places(connection, [facts.school], "report", things)
    for one, before, place in zip(found, places[::2], places[1::2], strict=True):
        pair = (one.agent, one.sequence)
        report = stored.get(pair)
        why = None if pair in shown else _why_not(connection, facts, report)
        is_here = report is not None and why is None
        yield ForkRecord(
            agent=one.agent,
            sequence=one.sequence,
            before_sha256=sha256[one.agent, one.sequence - 1],
            before=before,
            sha256=sha256[pair],
            place=place,
            payload=report.payload.decode() if report is not None and is_here else None,
            signature=report.signature if report is not None and is_here else None,
            why=why,
        )


def _why_not(connection: Connection, facts: Facts, one: StoredReport | None) -> Why | None:
    """Return why a report is not shown; null where it is of the operator's own days."""
    if one is None:
        return "not kept"
    made_at = reports.made_at(one.created_at, one.received_at)
    if facts.has_other_line or not reports.is_of_line(facts, made_at):
        return "not of this line"
    terms = agreements.terms_of(connection, schools=[facts.school])
    # The facts know of the month's lines alone, and the report may be of an earlier one.
    return None if len(in_force(terms, facts.lessons.slot_of(made_at, 1).date())) == 1 else "of a day with two lines"


def _hashes(connection: Connection, school_id: str, wanted: list[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """Return the SHA-256 of reports by their entries, which are kept for longer than they."""
    keys = {f"{agent}/{number}": (agent, number) for agent, number in wanted}
    said = [entry.decode(one.entry) for one in bundles.entries(connection, [school_id], "report", list(keys))]
    return {keys[one.key]: one.sha256 for one in said}
