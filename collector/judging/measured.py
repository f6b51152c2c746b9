"""What a school's computers and the test servers said of a month, and what of it one operator's line is judged by."""

import operator
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from msgspec import Struct

from agent.contract import record
from agent.contract.measurement import Throughput
from agent.contract.record import ServerRecord
from collector.evidence.figures import throughputs
from collector.store import agreements, records, verdicts
from collector.store.database import Connection
from collector.store.records import StoredRecord
from collector.verdicts.facts import LeftOut, Lessons, Server, SignedReport
from collector.verdicts.reading import Limits, are_too_many
from collector.verdicts.terms import WAYS, Stretch, Terms, Way, in_force, stretches
from collector.verdicts.twins import EARLIEST, LATEST, Twins, goes_over, network_of
from collector.verdicts.withheld import rate_of

# Ours: many times what computers test in a half hour. Above it more tests say nothing more of the line.
_MOST_EACH = 20  # of each direction
_HALF_HOUR_S = 1800
# Ours: of the facts' line in a bundle, which has as much again beside them.
_MOST_BYTES = 8 * 1024 * 1024


class Month(Struct, frozen=True, kw_only=True):
    """A school's month, as it was known at a moment."""

    school_id: str
    lessons: Lessons
    begins: datetime
    ends: datetime
    known_at: datetime
    limits: Limits


class OfLine(Struct, frozen=True, kw_only=True):
    """One operator's line: its days in the month, all its terms, the test servers, and if the school has another."""

    days: Sequence[Stretch]
    terms: Sequence[Terms]
    servers: Sequence[Server]
    has_other_line: bool


class Shown(Struct, frozen=True, kw_only=True):
    """What an operator's line is judged by: reports, and the servers' records that these do not carry word for word.

    ``of_servers``: all the servers' records of the same tests and days, but for what is beyond the limits.
    ``left_out`` counts what is beyond them.
    """

    reports: tuple[SignedReport, ...]
    records: tuple[bytes, ...]
    of_servers: tuple[StoredRecord, ...]
    left_out: Mapping[LeftOut, int]


class _Report(Struct, frozen=True):
    """A report, when it was made by its own clock, the local day of that, and the tests in it."""

    signed: SignedReport
    made_at: datetime
    day: date
    tests: tuple[Throughput, ...]

    def goes_over(self, networks: Sequence[str], twins: Twins) -> bool:
        """Tell whether all tests surely went over a line; nobody is shown how another operator's line was."""
        known = [twins.of(one, self.made_at).record for one in self.tests]
        return bool(known) and all(one is not None and goes_over(one, networks) for one in known)


class Measured:
    """A school's month, read once for all its lines."""

    def __init__(self, connection: Connection, asked: Month) -> None:
        """Read the reports and the records."""
        self._connection, self._asked = connection, asked
        stored = records.of_school(connection, asked.school_id, asked.begins, asked.ends)
        self._stored = [one for one in stored if one.received_at <= asked.known_at]
        terms = agreements.terms_of(connection, schools=[asked.school_id])
        self._terms = [one for one in terms if one.recorded_at <= asked.known_at]
        self._reports = self._read()

    def shown(self, line: OfLine) -> Shown:
        """Return an operator's own days, and where there are two lines, its own line.

        Of a computer that sent more than it can make the verdict says so, where the operator's own days show that; else
        nothing of it is shown, and counted what would have been.
        """
        networks = [network for one in line.days for network in one.terms.networks]
        mine = [one for one in self._reports if _has(line.days, one.day)]
        if line.has_other_line:
            twins = Twins(line.servers, [one.envelope for one in self._stored])
            mine = [one for one in mine if one.goes_over(networks, twins)]
        flooded = self._too_many(self._reports) - self._too_many(mine)
        # Of one that was not read to its end at least one is, so that the verdict says it.
        sent = Counter(one.signed.agent for one in mine)
        hidden = sum(max(1, sent[agent]) for agent in flooded) if line.days else 0
        mine = [one for one in mine if one.signed.agent not in flooded]
        earlier = self._earlier(mine, line)
        carried = {test.record for one in mine for test in one.tests}
        found = self._of_servers(mine, line, networks)
        of_servers = _limited(found, carried, {test.test_id for one in mine for test in one.tests})
        left_out: dict[LeftOut, int] = {"left_out": len(found) - len(of_servers), "too_many": hidden}
        return Shown(
            reports=tuple(sorted([*(one.signed for one in mine), *earlier], key=lambda one: (one.agent, one.sequence))),
            records=tuple(sorted(one.envelope for one in of_servers if one.envelope not in carried)),
            of_servers=tuple(of_servers),
            left_out={why: count for why, count in left_out.items() if count},
        )

    def _read(self) -> list[_Report]:
        asked, limits = self._asked, self._asked.limits
        span, most = (asked.begins, asked.ends), (limits.reports, limits.payload_bytes)
        read = verdicts.reports(self._connection, asked.school_id, span, asked.known_at, most)
        found = [_Report(signed, made_at, self._day(made_at), ()) for made_at, signed in read]
        flooded = self._too_many(found)
        return [
            one
            if one.signed.agent in flooded
            else _Report(one.signed, one.made_at, one.day, tuple(throughputs(one.signed.payload)))
            for one in found
        ]

    def _too_many(self, found: Iterable[_Report]) -> set[str]:
        """Return the computers that sent more than they can make, by their counts alone."""
        limits = self._asked.limits
        by_agent: dict[str, list[SignedReport]] = {}
        for one in found:
            by_agent.setdefault(one.signed.agent, []).append(one.signed)
        return {agent for agent, sent in by_agent.items() if are_too_many(sent, limits.reports, limits.payload_bytes)}

    def _earlier(self, mine: Sequence[_Report], line: OfLine) -> list[SignedReport]:
        """Return, of computers whose first report of the month came in late, the newest before that did not.

        It shows that the clock was right then: without it nobody knows when the late ones were made. It is another
        operator's if that answered for its day, or for another line on it.
        """
        if line.has_other_line:
            return []
        first: dict[str, _Report] = {}
        for one in mine:
            first.setdefault(one.signed.agent, one)
        clock = timedelta(seconds=self._asked.limits.clock_s)
        late = [one.signed for one in first.values() if abs(one.signed.received_at - one.made_at) > clock]
        if not late:
            return []
        known = (self._asked.begins, self._asked.known_at, clock)
        found = verdicts.reports_before(self._connection, self._asked.school_id, late, known)
        days = [(self._day(made_at), signed) for made_at, signed in found]
        return [
            signed for day, signed in days if stretches(line.terms, day, day) and len(in_force(self._terms, day)) == 1
        ]

    def _of_servers(self, mine: Iterable[_Report], line: OfLine, networks: Sequence[str]) -> list[StoredRecord]:
        """Return the servers' records of the tests in these reports, and all others of these days, reported or not.

        Where there are two lines, those that surely went over this one.
        """
        named: dict[str, list[datetime]] = {}
        for one in mine:
            for test in one.tests:
                if test.test_id is not None:
                    named.setdefault(test.test_id, []).append(one.made_at)

        def is_named(one: StoredRecord) -> bool:
            # Only then: at another time it is another test of the same id, and perhaps of another operator's days.
            return any(EARLIEST <= at - one.began_at <= LATEST for at in named.get(one.test_id, ()))

        return [
            one
            for one in self._stored
            if (is_named(one) or _has(line.days, self._day(one.began_at)))
            and (not line.has_other_line or goes_over(_decoded(one.envelope), networks))
        ]

    def _day(self, at: datetime) -> date:
        return self._asked.lessons.slot_of(at, 1).date()


def _has(days: Iterable[Stretch], day: date) -> bool:
    return any(one.first <= day <= one.last for one in days)


def _decoded(envelope: bytes) -> ServerRecord:
    return record.decode(record.open_envelope(envelope).payload)


class _Ranked(Struct, frozen=True):
    """A record, what it says, and whether its test is reported."""

    stored: StoredRecord
    known: ServerRecord
    is_named: bool

    @property
    def place(self) -> tuple[str, int, str | None]:
        """Return its server, its half hour and its network; tests from elsewhere take no room of the line's own."""
        network = str(network_of(self.known.peers[0])) if len(self.known.peers) == 1 else None
        return self.stored.key_id, int(self.stored.began_at.timestamp()) // _HALF_HOUR_S, network

    @property
    def speaks(self) -> bool:
        """Tell whether it says anything for the line."""
        return any(rate_of(getattr(self.known, way)) is not None for way in WAYS)

    def order(self, way: Way) -> tuple[float, bool, datetime, bytes]:
        """Say where it stands among those of its place: the fastest first, those that say nothing last."""
        rate = rate_of(getattr(self.known, way)) or -1.0
        return -rate, not self.is_named, self.stored.began_at, self.stored.envelope


def _limited(
    found: Sequence[StoredRecord], carried: Collection[bytes | None], named: Collection[str | None]
) -> list[StoredRecord]:
    """Return the records that reports carry, and of all others so many that facts can hold them.

    Of each half hour, server and network those stay that say most for the line, in either direction: whoever fills it
    with tests that say nothing hides no good one. Of the month the first ones of all half hours stay before the second
    of any.
    """
    others = [
        _Ranked(one, _decoded(one.envelope), one.test_id in named) for one in found if one.envelope not in carried
    ]
    number: dict[bytes, int] = {}
    for way in WAYS:
        counted: Counter[tuple[str, int, str | None]] = Counter()
        for one in sorted(others, key=operator.methodcaller("order", way)):
            counted[one.place] += 1
            number[one.stored.envelope] = min(counted[one.place], number.get(one.stored.envelope, _MOST_EACH + 1))
    kept, size = set(carried), 0
    for one in sorted(others, key=lambda one: (not one.speaks, number[one.stored.envelope], one.stored.began_at)):
        if number[one.stored.envelope] > _MOST_EACH:
            continue
        size += len(one.stored.envelope)
        if size > _MOST_BYTES:
            break
        kept.add(one.stored.envelope)
    return [one for one in found if one.envelope in kept]
