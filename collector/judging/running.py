"""Judge what waits; close months that are over; keep a new version wherever facts changed what had been said.

While a month goes on its verdicts are preliminary. Some days after its end, when late reports are in, every line is
judged, then how rare a breach has to be among all lines of its operator, and each verdict becomes version 1. Whatever
changes later makes a version more, and nothing is ever overwritten.

How rare a breach has to be changes with every late fact of any line of the operator. By itself that makes no version:
only where it turns a breach into a doubt, or back. So a verdict names the threshold that it was made by, which is not
always the newest one; by both it comes to the same state.
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
from collector.store.verdicts import PRELIMINARY, Due, Line, Made, Place
from collector.verdicts import canonical, discovery, verdict
from collector.verdicts.facts import Facts, Past, days_of, named, number_of
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

# Of the errors that psycopg calls operational, those of what was asked: they come again, however well the database is.
_OF_A_QUESTION = (
    psycopg.errors.ProgramLimitExceeded,
    psycopg.errors.StatementTooComplex,
    psycopg.errors.TooManyArguments,
    psycopg.errors.TooManyColumns,
    psycopg.errors.QueryCanceled,
)

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
            _judge_school(database, one, settings, at)
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


def _judge_school(database: Database, one: Due, settings: Settings, now: datetime) -> None:
    kept_from = settings.store.kept_from(now)
    try:
        with database.owning() as connection:
            verdicts.one_judge_at_a_time(connection)
            # First: what judging marks anew, even this very month, stays marked.
            verdicts.done(connection, one)
            if kept_from is not None and days_of(one.month)[0] <= kept_from:
                # Without reports nothing is known of any month: what was said when they were here stays. The oldest
                # month that is kept is not whole: it is there for the first hours of the next.
                _log.info("%s of school %s is not judged again: its reports are not kept", one.month, one.school_id)
                return
            found = schools.schools_by_id(connection, [one.school_id])
            if found:
                judge_school(connection, found[0], one.month, settings.policy, now - _SETTLED)
    except Exception as error:  # a mistake over one school must not keep all others from being judged
        if _is_of_the_database(error):
            raise
        _log.exception("school %s cannot be judged for %s; tried again in an hour", one.school_id, one.month)
        with database.owning() as connection:
            verdicts.put_off(connection, one, now + _LATER)


def _is_of_the_database(error: Exception) -> bool:
    """Tell whether an error is of the database itself, and not of what this school made it do: that comes again."""
    cause = error.__cause__ if isinstance(error, DatabaseError) else error
    if isinstance(cause, psycopg.OperationalError):
        return not isinstance(cause, _OF_A_QUESTION)
    return isinstance(error, DatabaseError)


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
        before = verdict.decode(held.body) if held is not None else None
        was = before if held is not None and held.version > PRELIMINARY else None
        one = _judged(connection, facts)
        made.append(one.verdict)
        if not is_closed:
            verdicts.keep(connection, one, place, PRELIMINARY, now)
        elif _said(was) != _said(one.verdict):
            verdicts.keep(connection, one, place, (held.version if held else PRELIMINARY) + 1, now)
            _tell_later_months(connection, one.verdict, was, now)
            if _chance(before) != _chance(one.verdict):
                operators.add(facts.operator)
    kept = [] if is_closed else [(one.line, one.operator) for one in made]
    verdicts.forget_open(connection, school.school_id, month, kept)
    for operator in sorted(operators):
        _renew_discovery(connection, operator, month, now)
    return made


def _said(one: Verdict | None) -> bytes | None:
    """Return all that a verdict says but for how rare a breach had to be among the operator's lines."""
    return None if one is None else canonical.encode(structs.replace(one, discovery=None))


def _chance(one: Verdict | None) -> float | None:
    """Return what a verdict adds to how rare a breach has to be; null where it says nothing of the line."""
    return None if one is None else discovery.counted(one.state, one.chance)


def _judged(connection: Connection, facts: Facts) -> Made:
    """Judge; where something is broken, also by how rare that is among the operator's lines."""
    rare = verdicts.discovery(connection, facts.operator, facts.month)
    with_others = structs.replace(facts, discovery=rare)
    return Made(judge(with_others).verdict, with_others)


def _tell_later_months(connection: Connection, now_is: Verdict, was: Verdict | None, now: datetime) -> None:
    """Mark later months that rest on this one, if what they rest on changed.

    ``was`` is null where nothing final was said: later months were judged as if there had been nothing.
    """
    rested_on = Past(month=now_is.month, is_breach=False) if was is None else verdict.past_of(was)
    if rested_on == verdict.past_of(now_is):
        return
    line = Line(now_is.school, now_is.line)
    last = named(number_of(now_is.month) + 11)
    later = verdicts.later_months(connection, line, now_is.operator, now_is.month, last)
    verdicts.mark(connection, [(now_is.school, month) for month in later], now, now)


def _renew_discovery(connection: Connection, operator: str, month: str, now: datetime) -> None:
    """Look anew how rare a breach has to be; lines whose state that changes are judged again."""
    table = shipped_standard().statistics
    risk = Fraction(table.risk.value)
    found = discovery.of_operator(verdicts.chances(connection, month, operator), Fraction(table.discovery.value), risk)
    if found == verdicts.discovery(connection, operator, month):
        return
    verdicts.keep_discovery(connection, operator, month, found, now)
    others = verdicts.decided_otherwise(connection, month, operator, found.most_chance, float(risk))
    verdicts.mark(connection, [(one, month) for one in others], now, now)


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
