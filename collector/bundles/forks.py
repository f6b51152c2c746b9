"""The reports that show that a computer told two histories, for the bundle of a verdict that does not believe it."""

from collections.abc import Collection, Iterator

from msgspec import Struct

from collector.bundles.proving import Prover
from collector.evidence import entry, reports
from collector.evidence.bundle import ForkRecord
from collector.store import bundles
from collector.store.bundles import StoredReport
from collector.store.database import Connection
from collector.verdicts.facts import Facts


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
        shown: reports that the bundle shows anyway. Others are shown whole if they are of the operator's days: it sees
            nobody else's.
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
        is_here = report is not None and (pair in shown or _is_own(facts, report))
        yield ForkRecord(
            agent=one.agent,
            sequence=one.sequence,
            before_sha256=sha256[one.agent, one.sequence - 1],
            before=before,
            sha256=sha256[pair],
            place=place,
            payload=report.payload.decode() if report is not None and is_here else None,
            signature=report.signature if report is not None and is_here else None,
            why=None if is_here else "not kept" if report is None else "not of this line",
        )


def _is_own(facts: Facts, one: StoredReport) -> bool:
    made_at = reports.made_at(one.created_at, one.received_at)
    return not facts.has_other_line and reports.is_of_line(facts, made_at)


def _hashes(connection: Connection, school_id: str, wanted: list[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """Return the SHA-256 of reports by their entries, which are kept for longer than they."""
    keys = {f"{agent}/{number}": (agent, number) for agent, number in wanted}
    said = [entry.decode(one.entry) for one in bundles.entries(connection, [school_id], "report", list(keys))]
    return {keys[one.key]: one.sha256 for one in said}
