"""What test servers saw of a line by themselves: it speaks for the line, never against it; pure.

A school that kept its good tests back, or said of them that they went through a VPN, would make a sound line look bad.
The servers tell of them all the same.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from msgspec import Struct, structs

from agent.contract import signing
from agent.contract.measurement import Throughput
from agent.contract.record import Counted, ServerRecord
from agent.contract.standards import Interval
from collector import slots
from collector.verdicts.facts import Facts, Server, authority_of
from collector.verdicts.heard import Eligibility, Heard, Session, Source, Void, is_believed
from collector.verdicts.terms import WAYS, Terms
from collector.verdicts.twins import Twins, began_at, first_began, goes_over, network_of, read

_LEAST_S = 1.0  # what a queue on the way takes in at once says nothing of the line; ours


class Alone(Struct, frozen=True):
    """A server's record that speaks by itself, the server, and whether a believed report tells of the test too.

    ``position`` is its place in time among the server's records of tests that were given the same id.
    """

    record: ServerRecord
    server: Server
    is_told: bool
    position: int = 0


class Recorded(Struct, frozen=True):
    """What servers outside recorded, and the networks (CIDR) that the tests of believed reports came from."""

    alone: tuple[Alone, ...] = ()
    networks: tuple[str, ...] = ()


def recorded(facts: Facts, sessions: Iterable[Session], twins: Twins) -> Recorded:
    """Return the servers' records; of two of one server and test that contradict each other neither.

    Tests of the same id that began at different times are several: an id that is used again hides none of them.
    """
    tests = [(one, each) for one in sessions for each in one.measurements if isinstance(each, Throughput)]
    told = {record: test for session, test in tests for record in _told(test, session, twins)}
    found: dict[tuple[str, str, datetime], list[Alone]] = defaultdict(list)
    servers = [one for one in facts.servers if one.public is not None and one.place == "outside"]
    carried = (bytes(test.record) for _, test in tests if test.record is not None)
    for raw in sorted({*facts.records, *carried}):
        for one, server in _signed(raw, servers):
            found[one.test_id, authority_of(server.url), first_began(one)].append(Alone(one, server, one in told))
    # What a report says went through a VPN did not come from the line's own network.
    near = (record for record, test in told.items() if slots.HELD_BACK.issuperset(test.tainted))
    alone = [members[0] for _, members in sorted(found.items()) if all(one == members[0] for one in members)]
    return Recorded(
        alone=tuple(_numbered(alone)),
        networks=tuple(sorted({str(network_of(peer)) for record in near for peer in record.peers})),
    )


def _numbered(alone: Iterable[Alone]) -> Iterator[Alone]:
    counted: Counter[tuple[str, str]] = Counter()
    for one in alone:
        test = (one.record.test_id, authority_of(one.server.url))
        yield structs.replace(one, position=counted[test])
        counted[test] += 1


def heard(one: Alone, terms: Terms, rule: Eligibility, networks: Sequence[str]) -> Iterator[Heard]:
    """Yield what a record proves of a line under these terms: at least what the server counted.

    What a believed report tells of as well is counted there, and proves here only if it surely went over this line.
    What a server only gave to its system to send may not have gone over any line.
    """
    is_of_line = _is_of_line(one.record, terms, rule, networks)
    if one.is_told and not is_of_line:
        return
    void: tuple[Void, ...] = () if is_of_line else ("other_line",)
    key_id = signing.agent_id(one.server.public or b"")
    for way in WAYS:
        bps = rate_of(getattr(one.record, way))
        if bps is None or terms.promised_bps(way) is None:
            continue
        counted: Counted = getattr(one.record, way)
        yield Heard(
            source=Source(agent=key_id, sequence=0, position=one.position, test_id=one.record.test_id),
            way=way,
            at=counted.began_at,
            server=one.server.url,
            rate=Interval(value_bps=bps, low_bps=bps, high_bps=None),
            void=void,
            weak=() if one.is_told else ("unreported",),
        )


def rate_of(counted: Counted | None) -> float | None:
    """Return how fast a direction surely was; null where that says nothing of the line."""
    if counted is None or counted.lasted_s < _LEAST_S or counted.counted_at == "given":
        return None
    return 8 * counted.bytes / counted.lasted_s


def seen(found: Recorded, terms: Terms, rule: Eligibility) -> Iterator[datetime]:
    """Yield when servers saw tests over a line under these terms: it was up then."""
    for one in found.alone:
        if _is_of_line(one.record, terms, rule, found.networks):
            yield from began_at(one.record)


def _told(test: Throughput, session: Session, twins: Twins) -> Iterator[ServerRecord]:
    """Yield the record that bears out what a believed report tells of a test."""
    twin = twins.of(test, session.created_at)
    if twin.record is not None and is_believed(test, session, twin):
        yield twin.record


def _signed(raw: bytes, servers: Sequence[Server]) -> Iterator[tuple[ServerRecord, Server]]:
    for one in servers:
        found = read(raw, one.public or b"")
        if found is not None and all(one.counts(at) for at in began_at(found)):
            yield found, one
            return


def _is_of_line(known: ServerRecord, terms: Terms, rule: Eligibility, networks: Sequence[str]) -> bool:
    """Tell whether a test surely went over a line.

    By the networks of its contract; else by those that the line's own reported tests came from, so that somebody
    elsewhere who names the school's lease clears nobody.
    """
    if terms.networks:
        return goes_over(known, terms.networks)
    return not rule.has_other_line and goes_over(known, networks)
