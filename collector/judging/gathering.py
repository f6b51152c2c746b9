"""The facts of a line's month, read from the database as they are known now."""

import functools
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import UNSET, Struct

from agent.contract import rules as causes
from agent.contract import shipped
from collector import policies, policy
from collector.evidence import servers
from collector.judging.measured import Measured, Month, OfLine
from collector.settings import PolicySettings
from collector.store import agreements, records, verdicts
from collector.store.database import Connection
from collector.store.records import StoredRecord
from collector.store.schools import SchoolRecord
from collector.store.verdicts import Line
from collector.verdicts import standard
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
from collector.verdicts.terms import Terms, stretches

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
    has_other_line = len({one.terms.line for one in held}) > 1
    keys = servers.known_at(map(servers.decode, records.bodies_of_keys(connection)), now)
    limits = shipped_standard().limits()
    measured = Measured(
        connection,
        Month(school_id=school.school_id, lessons=lessons, begins=begins, ends=ends, known_at=now, limits=limits),
    )
    for line, operator in wanted:
        terms = tuple(_of(contracts, line, operator))
        mine = [one for one in held if (one.terms.line, one.terms.operator) == (line, operator)]
        placed = servers.with_others(_placed_by_policy(settings), servers.registered(keys, operator, lessons, month))
        shown = measured.shown(OfLine(days=mine, terms=terms, servers=placed, has_other_line=has_other_line))
        yield Facts(
            school=school.school_id,
            line=line,
            month=month,
            operator=operator,
            standard=shipped_standard().raw,
            causes=_causes(),
            lessons=lessons,
            terms=terms,
            exclusions=tuple(
                one for one in _exclusions(connection, school, (begins, ends), line, operator) if one.recorded_at <= now
            ),
            servers=placed,
            keys=tuple(verdicts.keys(connection, school.school_id, shown.reports, now)),
            known=tuple(_known(connection, school.school_id, shown.reports, now)),
            reports=shown.reports,
            records=shown.records,
            has_other_line=has_other_line,
            left_out=shown.left_out or UNSET,
            past=tuple(_past(connection, school, line, operator, month)),
        )


def drawn_from(
    connection: Connection, facts: Facts, known_at: datetime
) -> tuple[list[SignedReport], list[StoredRecord]]:
    """Return the reports that facts were drawn from, when that was known, and the test servers' records of their days.

    Of a school with two lines the records are those of the tests in these reports, and those that surely went over this
    line. Facts without their rules are taken to be drawn by those in force.
    """
    begins, ends = _bounds(facts.month, ZoneInfo(facts.lessons.timetable.time_zone))
    by = standard.parse(facts.standard) if facts.standard else shipped_standard()
    month = Month(
        school_id=facts.school,
        lessons=facts.lessons,
        begins=begins,
        ends=ends,
        known_at=known_at,
        limits=by.limits(),
    )
    line = OfLine(days=facts.stretches, terms=facts.terms, servers=facts.servers, has_other_line=facts.has_other_line)
    shown = Measured(connection, month).shown(line)
    return list(shown.reports), list(shown.of_servers)


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


def _placed_by_policy(settings: PolicySettings) -> list[Server]:
    return [Server(url=one.url, place=one.place) for one in settings.all_servers if one.place in ("inside", "outside")]


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
    return Lessons(timetable=policy.timetable_of(settings), clock=clock_of(_offsets(settings.time_zone, month)))


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
