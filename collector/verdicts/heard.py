"""What a school's tests say about its line, and why some say nothing; pure.

A test is *void* where it says nothing about this line at all, and *weak* where it may speak for the line and never
against it: whatever held it back may have been the reason. Nothing is thrown away; each keeps its reasons.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

from agent.contract import signs, standards
from agent.contract.causes import Contract
from agent.contract.measurement import Direction, Link, Measurement, Throughput, Unknown
from agent.contract.rules import Rules
from agent.contract.signs import Signs
from agent.contract.standards import Interval
from collector import slots
from collector.verdicts.terms import WAYS, Terms, Way
from collector.verdicts.twins import EARLIEST, LATEST, Twin, Twins, first_began, goes_over

Void = Literal[
    "signature",  # not signed with the key of a computer of this school
    "unreadable",  # the report cannot be read
    "too_many",  # its computer sent more in the month than it can make
    "key_revoked",  # came in after the computer's key was no longer trusted
    "chain_forked",  # the computer told two histories, and this is after they part
    "clock",  # the computer's clock was wrong when it was made
    "failed",  # no figure came of it
    "contradiction",  # figures that cannot all be true
    "other_path",  # through a VPN, a proxy or something that this version does not know
    "other_line",  # it went over the school's other line, or nobody can tell over which
    "server_inside",  # against a server in the operator's own network
    "server_unknown",  # against a server that nobody has placed
    "hours",  # outside of the hours that the contract names
    "no_contract",  # on a day without terms for this line
    "excluded",  # in a span that does not count
    "record_differs",  # the server's own record says otherwise
    "told_twice",  # another report, or another place in this one, told of the same test already
    "left_out",  # one of so many of which servers tell that facts do not hold them
]
Weak = Literal[
    "not_wired",  # over Wi-Fi or a mobile network
    "link_unknown",  # nobody can tell how this computer was connected, or how fast its cable is
    "link_narrow",  # a link of less than 1.1 times the level
    "host",  # the computer itself was the limit
    "own_traffic",  # other programs of this computer were on the line
    "line_in_use",  # the router counted the school's own traffic on the line
    "maybe_in_use",  # it looks as if somebody else was on the line, and nobody counted
    "inside",  # the diagnosis names the inside of the school
    "server_limited",  # the server was the limit
    "chain_torn",  # reports before or after it are missing, and nobody knows what they said
    "no_record",  # without the server's own record, although this server makes them
    "unreported",  # only its server tells of it; the school's computers do not, or tell something else
]


class Source(Struct, frozen=True, order=True):
    """Where a test stands: whose report, which one, and the position in it.

    Of a server's own record of a test ``agent`` is the id of the server's key, and ``test_id`` the test's.
    """

    agent: str
    sequence: int
    position: int
    test_id: str = ""


class Eligibility(Struct, frozen=True, kw_only=True):
    """When a test may speak.

    ``twins`` knows the test servers, where they stand and what they signed. ``told_twice`` is where a test is told that
    was told already.
    """

    link_headroom: float
    cpu_busy_ratio: float
    own_traffic_ratio: float
    twins: Twins = Twins((), ())
    has_other_line: bool = False
    told_twice: frozenset[Source] = frozenset()


class Heard(Struct, frozen=True, kw_only=True):
    """One direction of one test as it speaks of the line; no rate where none was measured.

    ``rtt_idle_ms`` is the test's round trip before it filled the line. ``link_bps`` is how fast the computer's cable
    is; whether that is wide enough depends on the level asked for.
    """

    source: Source
    way: Way
    at: datetime
    server: str
    rate: Interval | None
    rtt_idle_ms: float | None = None
    link_bps: float | None = None
    void: tuple[Void, ...] = ()
    weak: tuple[Weak, ...] = ()


class Session(Struct, frozen=True, kw_only=True):
    """One report, read: what it measured, and what is known against it before anything in it is looked at.

    ``received_at`` is by the collector's clock. ``is_in_order``: its own clock, though unproven, lies between its
    computer's proven ones before and after it. That is enough to say on which days the line was down, and not for
    tests.
    """

    agent: str
    sequence: int
    created_at: datetime
    received_at: datetime
    measurements: tuple[Measurement | Unknown, ...]
    void: tuple[Void, ...] = ()
    weak: tuple[Weak, ...] = ()
    is_in_order: bool = False


def of_computer(sessions: Sequence[Session], terms: Terms, rule: Eligibility, rules: Rules) -> list[Heard]:
    """Read all sessions of one computer against one contract."""
    contract = Contract(download_bps=terms.download_bps, upload_bps=terms.upload_bps)
    read = signs.with_tests([one.measurements for one in sessions], contract, rules)
    signs_of = {id(test): sign for test, sign in read if test is not None}
    found: list[Heard] = []
    for session in sessions:
        link = next((one for one in session.measurements if isinstance(one, Link)), None)
        for position, one in enumerate(session.measurements):
            if isinstance(one, Throughput):
                source = Source(session.agent, session.sequence, position)
                test = _Test(one, session, source, link, signs_of[id(one)], rule.twins.of(one, session.created_at))
                other = _other_line(test, terms, rule)
                found += [_heard(test, way, rule, other) for way in WAYS if terms.promised_bps(way) is not None]
    return found


def told_twice(sessions: Iterable[Session], twins: Twins) -> frozenset[Source]:
    """Return where tests are told once more: one test proves once what it proves, whoever repeats it.

    Of several that are told as their server saw them the one that came in first counts: a computer that repeats
    another's tests later takes nothing away from them. An id that was used again is another test, where its server's
    record shows that.
    """
    by_test: dict[tuple[str, datetime | None], list[tuple[bool, datetime, Source]]] = defaultdict(list)
    for session in sessions:
        for position, one in enumerate(session.measurements):
            if isinstance(one, Throughput) and one.test_id is not None:
                source = Source(session.agent, session.sequence, position)
                twin = twins.of(one, session.created_at)
                began = None if twin.record is None else first_began(twin.record)
                order = (not is_believed(one, session, twin), session.received_at, source)
                by_test[one.test_id, began].append(order)
    return frozenset(source for told in by_test.values() for _, _, source in sorted(told)[1:])


def is_believed(test: Throughput, session: Session, twin: Twin) -> bool:
    """Tell whether nothing is known against what a report tells of a test."""
    return not session.void and is_of_session(test, session) and not twin.differs


def is_of_session(test: Throughput, session: Session) -> bool:
    """Tell whether a test was made when its report says that it was."""
    return test.started_at is None or EARLIEST <= session.created_at - test.started_at <= LATEST


class _Test(Struct, frozen=True):
    throughput: Throughput
    session: Session
    source: Source
    link: Link | None
    signs: Signs
    twin: Twin

    @property
    def at(self) -> datetime:
        """When it was made."""
        return self.throughput.started_at or self.session.created_at


def _heard(test: _Test, way: Way, rule: Eligibility, other: Sequence[Void]) -> Heard:
    one = test.throughput
    direction = one.download if way == "download" else one.upload
    void = [*test.session.void, *other, *_void(test, direction, rule)]
    if not is_of_session(one, test.session):
        void.append("clock")
    if test.source in rule.told_twice:
        void.append("told_twice")
    return Heard(
        source=test.source,
        way=way,
        at=test.at,
        server=one.server,
        rate=None if direction is None else standards.interval_of(direction),
        void=tuple(dict.fromkeys(void)),
        rtt_idle_ms=one.rtt_idle_ms,
        link_bps=test.link.speed_bps if test.link is not None else None,
        weak=tuple(dict.fromkeys([*test.session.weak, *_weak(test, direction, rule)])),
    )


def _other_line(test: _Test, terms: Terms, rule: Eligibility) -> list[Void]:
    """Say so where a test contradicts its server's record, or did not surely go over this line."""
    found: list[Void] = ["record_differs"] if test.twin.differs else []
    if test.twin.record is not None and terms.networks:
        return found if goes_over(test.twin.record, terms.networks) else [*found, "other_line"]
    return [*found, "other_line"] if rule.has_other_line else found


def _void(test: _Test, direction: Direction | None, rule: Eligibility) -> Iterator[Void]:
    if direction is None:
        yield "failed"
    elif direction.contradiction is not None:
        yield "contradiction"
    if not slots.HELD_BACK.issuperset(test.throughput.tainted):
        yield "other_path"
    place = rule.twins.place_of(test.throughput.server, test.at)
    if place == "inside":
        yield "server_inside"
    elif place is None:
        yield "server_unknown"


def _weak(test: _Test, direction: Direction | None, rule: Eligibility) -> Iterator[Weak]:
    yield from _link(test.link)
    tainted, seen = test.throughput.tainted, test.signs
    if {"host_limited", "sleep"}.intersection(tainted) or _is_busy(test.throughput, rule):
        yield "host"
    if "cross_traffic" in tainted or (direction is not None and _own_share(direction) > rule.own_traffic_ratio):
        yield "own_traffic"
    if "link_limited" in tainted and test.link is not None:
        yield "link_narrow"
    if "server_limited" in tainted:
        yield "server_limited"
    if seen.counted:
        yield "line_in_use"
    elif seen.suspected and not seen.idle:
        yield "maybe_in_use"
    if seen.inside:
        yield "inside"
    if test.twin.record is None and rule.twins.is_kept_by(test.throughput.server, test.at):
        yield "no_record"


def _link(link: Link | None) -> Iterator[Weak]:
    if link is None or link.medium in (None, "virtual", "loopback"):
        yield "link_unknown"
    elif link.medium != "ethernet":
        yield "not_wired"
    elif link.speed_bps is None:
        yield "link_unknown"
    elif link.duplex == "half":
        yield "link_narrow"


def _is_busy(test: Throughput, rule: Eligibility) -> bool:
    return test.cpu_busy_ratio is not None and test.cpu_busy_ratio > rule.cpu_busy_ratio


def _own_share(direction: Direction) -> float:
    other_bps = direction.cross_traffic_bps or 0.0
    return other_bps / (direction.ip_bps + other_bps) if other_bps else 0.0
