"""Judge what waits; close months that are over; keep a new version wherever facts changed what had been said.

While a month goes on its verdicts are preliminary. Some days after its end, when late reports are in, every line is
judged, then how rare a breach has to be among all lines of its operator, and each verdict becomes version 1. Whatever
changes later makes a version more, and nothing is ever overwritten.
"""

import logging
import time
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import psycopg
from msgspec import structs

from collector.errors import DatabaseError
from collector.judging import gathering
from collector.settings import PolicySettings, Settings
from collector.store import schools, verdicts
from collector.store.database import Connection, Database
from collector.store.schools import SchoolRecord
from collector.store.verdicts import PRELIMINARY, Due, Held, Line, Made, Place
from collector.verdicts import canonical, discovery, verdict
from collector.verdicts.facts import Facts, days_of, named, number_of
from collector.verdicts.judge import judge
from collector.verdicts.standard import shipped_standard
from collector.verdicts.verdict import Verdict

EVERY_S = 60.0
_AT_ONCE = 20
_WITHIN_S = 50.0
_LATER = timedelta(hours=1)
# What came in before that is committed: nothing slips in under a verdict later. What is marked for a new fact waits as
# long; what is marked for no new fact is marked as of then.
_SETTLED = timedelta(minutes=2)

_log = logging.getLogger(__name__)


def run(database: Database, settings: Settings, *, now: datetime | None = None, within_s: float = _WITHIN_S) -> int:
    """Judge what is due and close what is over, as far as the time allows; return how many schools were judged."""
    at = now or datetime.now(UTC)
    ends = time.monotonic() + within_s
    _begin_months(database, settings.policy, at)
    count = 0
    while time.monotonic() < ends:
        with database.owning() as connection:
            waiting = verdicts.due(connection, at, at - _SETTLED, _AT_ONCE)
        for one in waiting:
            _judge_school(database, one, settings.policy, at)
            count += 1
            if time.monotonic() >= ends:
                return count
        if not waiting and not _close_one(database, at):
            break
    return count


def _begin_months(database: Database, base: PolicySettings, now: datetime) -> None:
    """Mark every line of months that ended long enough ago, from the first contract on."""
    days = timedelta(days=shipped_standard().verdicts.closed_after_days.value)
    local = (now - days).astimezone(ZoneInfo(base.time_zone)).date()
    last = number_of(gathering.month_of(local)) - 1
    with database.owning() as connection:
        first = verdicts.first_month(connection)
        if first is None:
            return
        begun = verdicts.months(connection)
        # A contract that was recorded years late brings back no more than a year.
        for number in range(max(number_of(first), last - 11), last + 1):
            month = named(number)
            if month not in begun:
                verdicts.begin_month(connection, month, now)
                verdicts.mark_all(connection, month, days_of(month)[1], now - _SETTLED)


def _judge_school(database: Database, one: Due, base: PolicySettings, now: datetime) -> None:
    try:
        with database.owning() as connection:
            verdicts.one_judge_at_a_time(connection)
            # First: what judging marks anew, even this very month, stays marked.
            verdicts.done(connection, one)
            found = schools.schools_by_id(connection, [one.school_id])
            if found:
                judge_school(connection, found[0], one.month, base, now - _SETTLED)
    except (DatabaseError, psycopg.OperationalError):
        raise
    except Exception:  # noqa: BLE001 - a mistake over one school must not keep all others from being judged
        _log.exception("school %s cannot be judged for %s; tried again in an hour", one.school_id, one.month)
        with database.owning() as connection:
            verdicts.put_off(connection, one, now + _LATER)


def judge_school(
    connection: Connection, school: SchoolRecord, month: str, base: PolicySettings, now: datetime
) -> list[Verdict]:
    """Judge all lines of a school in a month, and keep what is new; in the caller's transaction."""
    is_closed = verdicts.months(connection).get(month) is not None
    known = {(one.line, one.operator): one for one in verdicts.newest(connection, school.school_id, month)}
    place = Place(region_id=school.region_id, synthetic=school.synthetic)
    final = [pair for pair, one in known.items() if one.version > PRELIMINARY]
    made, operators = [], set()
    for facts in gathering.facts_of(connection, gathering.Asked(school, month), base, now, also=final):
        held = known.get((facts.line, facts.operator))
        one = _judged(connection, facts)
        made.append(one.verdict)
        verdicts.keep_rules(connection, facts.standard, facts.causes)
        if not is_closed:
            verdicts.keep(connection, one, place, PRELIMINARY, now)
        elif held is None or held.version == PRELIMINARY or held.sha256 != _sha256(one.verdict):
            verdicts.keep(connection, one, place, (held.version if held else PRELIMINARY) + 1, now)
            _tell_later_months(connection, one.verdict, held, now)
            operators.add(facts.operator)
    kept = [] if is_closed else [(one.line, one.operator) for one in made]
    verdicts.forget_open(connection, school.school_id, month, kept)
    for operator in sorted(operators):
        _renew_discovery(connection, operator, month, now)
    return made


def _sha256(one: Verdict) -> bytes:
    return canonical.sha256(canonical.encode(one))


def _judged(connection: Connection, facts: Facts) -> Made:
    """Judge; where something is broken, also by how rare that is among the operator's lines."""
    found = judge(facts).verdict
    rare = verdicts.discovery(connection, facts.operator, facts.month)
    if rare is None or found.state != "breach":
        return Made(found, facts)
    with_others = structs.replace(facts, discovery=rare)
    return Made(judge(with_others).verdict, with_others)


def _tell_later_months(connection: Connection, now_is: Verdict, before: Held | None, now: datetime) -> None:
    """Mark later months that rest on this one, if what they rest on changed."""
    was = verdict.decode(before.body) if before is not None else None
    if was is not None and _what_counts_later(was) == _what_counts_later(now_is):
        return
    line = Line(now_is.school, now_is.line)
    last = named(number_of(now_is.month) + 11)
    later = verdicts.later_months(connection, line, now_is.operator, now_is.month, last)
    verdicts.mark(connection, [(now_is.school, month) for month in later], now, now)


def _what_counts_later(one: Verdict) -> tuple[bool, int]:
    return one.state == "breach", one.availability.outage_s if one.availability is not None else 0


def _renew_discovery(connection: Connection, operator: str, month: str, now: datetime) -> None:
    """Look anew how rare a breach has to be; where that changed, the operator's accused lines are judged again."""
    table = shipped_standard().statistics
    found = discovery.of_operator(
        verdicts.chances(connection, month, operator), Fraction(table.discovery.value), Fraction(table.risk.value)
    )
    if found == verdicts.discovery(connection, operator, month):
        return
    verdicts.keep_discovery(connection, operator, month, found, now)
    verdicts.mark(connection, [(one, month) for one in verdicts.accused(connection, month, operator)], now, now)


def _close_one(database: Database, now: datetime) -> bool:
    """Make the verdicts of one month final whose lines are all judged; tell whether there was any."""
    with database.owning() as connection:
        verdicts.one_judge_at_a_time(connection)
        for month, closed_at in sorted(verdicts.months(connection).items()):
            if closed_at is None and not verdicts.waits(connection, month, now):
                for operator in verdicts.operators(connection, month):
                    _renew_discovery(connection, operator, month, now - _SETTLED)
                verdicts.close_month(connection, month, now)
                verdicts.mark_all(connection, month, days_of(month)[1], now - _SETTLED)
                return True
    return False
