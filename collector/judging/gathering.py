"""The facts of a line's month, read from the database as they are known now."""

import functools
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from agent.contract import measurement, record, report, shipped
from agent.contract import rules as causes
from agent.contract.errors import MalformedError
from agent.contract.measurement import Throughput
from agent.contract.timetable import Timetable
from collector import policies
from collector.settings import PolicySettings
from collector.store import agreements, records, verdicts
from collector.store.database import Connection
from collector.store.records import StoredRecord
from collector.store.schools import SchoolRecord
from collector.store.verdicts import Line
from collector.verdicts.exclusions import Exclusion
from collector.verdicts.facts import (
    Facts,
    Known,
    Lessons,
    Past,
    Server,
    SignedReport,
    clock_of,
    days_of,
    named,
    number_of,
)
from collector.verdicts.standard import shipped_standard
from collector.verdicts.terms import Stretch, Terms, stretches
from collector.verdicts.twins import Twins, goes_over

_MONTHS = 11  # before this one: a year in all
_DAY = timedelta(days=1)


class Asked(Struct, frozen=True):
    """A school's month."""

    school: SchoolRecord
    month: str


def facts_of(
    connection: Connection, asked: Asked, base: PolicySettings, now: datetime, also: Iterable[tuple[str, str]] = ()
) -> Iterator[Facts]:
    """Yield the facts of a school's month, for each line and each operator that has to answer for it.

    An operator's facts are of its own days and its own contracts: it is shown nobody else's. ``also``: lines and
    operators of which something was said before, whether they still have terms or not.
    """
    school, month = asked.school, asked.month
    recorded = agreements.terms_of(connection, schools=[school.school_id])
    contracts = [one for one in recorded if one.recorded_at <= now]
    held = stretches(contracts, *days_of(month))
    wanted = sorted({*((one.terms.line, one.terms.operator) for one in held), *also})
    if not wanted:
        return
    settings = policies.effective(connection, school, base, _until(month, base, now))
    begins, ends = _bounds(month, ZoneInfo(settings.time_zone))
    lessons = _lessons(settings, month)
    tests = _tests(connection, school.school_id, lessons, (begins, ends, now))
    stored = records.of_school(connection, school.school_id, begins, ends)
    sent = [one.envelope for one in stored if one.received_at <= now]
    has_other_line = len({one.terms.line for one in held}) > 1
    for line, operator in wanted:
        mine = [one for one in held if (one.terms.line, one.terms.operator) == (line, operator)]
        servers = tuple(_servers(connection, settings, operator, (begins, ends)))
        shown = _shown(tests, mine, Twins(servers, sent), has_other_line=has_other_line)
        reports = [one.signed for one in shown]
        yield Facts(
            school=school.school_id,
            line=line,
            month=month,
            operator=operator,
            standard=shipped_standard().raw,
            causes=_causes(),
            lessons=lessons,
            terms=tuple(_of(contracts, line, operator)),
            exclusions=tuple(
                one for one in _exclusions(connection, school, (begins, ends), line, operator) if one.recorded_at <= now
            ),
            servers=servers,
            keys=tuple(verdicts.keys(connection, school.school_id, sorted({one.agent for one in reports}))),
            known=tuple(_known(connection, school.school_id, reports, now)),
            reports=tuple(reports),
            records=tuple(_uncarried(shown, sent)),
            has_other_line=has_other_line,
            past=tuple(_past(connection, school, line, operator, month)),
        )


class _Tests(Struct, frozen=True):
    """A report, the local day on which it was made, and the tests in it."""

    signed: SignedReport
    day: date
    throughputs: tuple[Throughput, ...]

    def is_of(self, mine: Sequence[Stretch]) -> bool:
        return any(one.first <= self.day <= one.last for one in mine)

    def goes_over(self, mine: Sequence[Stretch], twins: Twins) -> bool:
        """Tell whether all tests surely went over this line; nobody is shown how another operator's line was."""
        networks = [network for one in mine for network in one.terms.networks]
        known = [twins.of(one).record for one in self.throughputs]
        return bool(known) and all(one is not None and goes_over(one, networks) for one in known)


def _tests(
    connection: Connection, school_id: str, lessons: Lessons, span: tuple[datetime, datetime, datetime]
) -> list[_Tests]:
    slot = shipped_standard().statistics.slot_minutes.value
    return [
        _Tests(signed, lessons.slot_of(created_at, slot).date(), tuple(_throughputs(signed.payload)))
        for created_at, signed in verdicts.reports(connection, school_id, *span)
    ]


def _shown(tests: Iterable[_Tests], mine: Sequence[Stretch], twins: Twins, *, has_other_line: bool) -> list[_Tests]:
    """Return the reports of an operator's own days, and where there are two lines, of its own line."""
    return [one for one in tests if one.is_of(mine) and (not has_other_line or one.goes_over(mine, twins))]


def drawn_from(
    connection: Connection, facts: Facts, known_at: datetime
) -> tuple[list[SignedReport], list[StoredRecord]]:
    """Return the reports that facts were drawn from, when that was known, and the test servers' records of their days.

    Of a school with two lines the records are those of the tests in these reports alone.
    """
    zone = ZoneInfo(facts.lessons.timetable.time_zone)
    begins, ends = _bounds(facts.month, zone)
    mine = [
        one
        for one in stretches(facts.terms, *facts.days)
        if (one.terms.line, one.terms.operator) == (facts.line, facts.operator)
    ]
    stored = [one for one in records.of_school(connection, facts.school, begins, ends) if one.received_at <= known_at]
    twins = Twins(facts.servers, [one.envelope for one in stored])
    tests = _tests(connection, facts.school, facts.lessons, (begins, ends, known_at))
    shown = _shown(tests, mine, twins, has_other_line=facts.has_other_line)
    named = {test.test_id for one in shown for test in one.throughputs}
    days = [(each.first, each.last) for each in mine]
    of_servers = [
        one
        for one in stored
        if one.test_id in named
        or (
            not facts.has_other_line
            and any(first <= facts.lessons.slot_of(one.began_at, 1).date() <= last for first, last in days)
        )
    ]
    return [one.signed for one in shown], of_servers


def _throughputs(payload: bytes) -> Iterator[Throughput]:
    try:
        for raw in report.decode(payload).measurements:
            one = measurement.decode(raw)
            if isinstance(one, Throughput):
                yield one
    except MalformedError:  # of a newer schema: kept, and judged by nobody here
        return


def _uncarried(shown: Iterable[_Tests], sent: Sequence[bytes]) -> list[bytes]:
    """Return the servers' records of these tests that their reports do not carry word for word."""
    tests = {test.test_id: test.record for one in shown for test in one.throughputs if test.test_id is not None}
    found = []
    for envelope in sent:
        payload = record.open_envelope(envelope).payload
        test = record.decode(payload).test_id
        if test in tests and tests[test] != envelope:
            found.append(envelope)
    return sorted(found)


def _exclusions(
    connection: Connection, school: SchoolRecord, span: tuple[datetime, datetime], line: str, operator: str
) -> list[Exclusion]:
    """Return what concerns this line and operator, from the beginning of the year: works use up a year's allowance."""
    found = agreements.exclusions(
        connection,
        school_id=school.school_id,
        region_id=school.region_id,
        begins=datetime(span[0].year, 1, 1, tzinfo=UTC),
        ends=span[1],
    )
    return [one for one in found if one.operator in (None, operator) and one.line in (None, line)]


def _past(connection: Connection, school: SchoolRecord, line: str, operator: str, month: str) -> list[Past]:
    first = named(number_of(month) - _MONTHS)
    return verdicts.past(connection, Line(school.school_id, line), operator, first, month)


def _until(month: str, base: PolicySettings, now: datetime) -> datetime:
    """Return when to look at the policy: at the month's end, or now in one that goes on."""
    return min(now, _bounds(month, ZoneInfo(base.time_zone))[1])


def _bounds(month: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return when a month begins and is over."""
    first, last = days_of(month)
    begins, ends = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, last + _DAY))
    return begins, ends


def _of(records_of_terms: Iterable[Terms], line: str, operator: str) -> list[Terms]:
    found = [one for one in records_of_terms if (one.line, one.operator) == (line, operator)]
    return sorted(found, key=lambda one: (one.contract, one.number))


def _servers(
    connection: Connection, settings: PolicySettings, operator: str, span: tuple[datetime, datetime]
) -> list[Server]:
    """Return the test servers with their place as this operator's lines see them.

    A server that was registered with its key counts before one that only the policy names.
    """
    begins, ends = span
    found = {
        one.url: Server(url=one.url, place=one.place)
        for one in settings.all_servers
        if one.place in ("inside", "outside")
    }
    for one in sorted(records.keys(connection).values(), key=lambda one: one.since):
        # A key of later says nothing of these days, one that ended before them neither.
        if one.since >= ends or (one.ended_at is not None and one.ended_at <= begins):
            continue
        is_inside = one.place == "inside" and one.operator in (None, operator)
        place: Literal["inside", "outside"] = "inside" if is_inside else "outside"
        found[one.url] = Server(url=one.url, place=place, public=one.public_key)
    return [found[url] for url in sorted(found)]


def _known(connection: Connection, school_id: str, reports: Sequence[SignedReport], now: datetime) -> list[Known]:
    """Return the reports of the same computers beside and between those that are shown."""
    shown = {(one.agent, one.sequence) for one in reports}
    numbers: dict[str, list[int]] = {}
    for agent, sequence in shown:
        numbers.setdefault(agent, []).append(sequence)
    spans = [(agent, min(found) - 1, max(found)) for agent, found in sorted(numbers.items())]
    near = verdicts.neighbours(connection, school_id, spans, now)
    return [one for one in near if (one.agent, one.sequence) not in shown]


def _lessons(settings: PolicySettings, month: str) -> Lessons:
    return Lessons(
        timetable=Timetable(
            shifts=settings.all_shifts,
            time_zone=settings.time_zone,
            weekdays=settings.weekdays,
            terms=settings.terms,
            holidays=settings.holidays,
            extra_days=settings.extra_days,
        ),
        clock=clock_of(_offsets(settings.time_zone, month)),
    )


@functools.lru_cache(maxsize=500)
def _offsets(zone: str, month: str) -> tuple[tuple[datetime, int], ...]:
    """Return how far the local clock is ahead of UTC, in minutes, from which moments on, over a month and its edges."""
    begins, ends = _bounds(month, ZoneInfo(zone))
    found: list[tuple[datetime, int]] = []
    at = begins - _DAY
    while at < ends + _DAY:
        ahead = at.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
        minutes = int(ahead.total_seconds()) // 60
        if not found or found[-1][1] != minutes:
            found.append((at, minutes))
        at += timedelta(minutes=15)
    return tuple(found)


@functools.cache
def _causes() -> bytes:
    raw = shipped.path("diagnosis.toml").read_bytes()
    causes.parse(raw)
    return raw


def month_of(day: date) -> str:
    """Return a day's month."""
    return f"{day:%Y-%m}"
