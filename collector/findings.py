"""Keep what rankings of schools rest on: each school's causes, coverage and classrooms, found one school at a time.

Adding up a school's days marks its periods (collector.rollup); this looks at them again: in a job, and where few wait
before an answer. Facts are read as whoever the finding is for, through row-level security: what is kept for an operator
rests on nothing that it may not see.
"""

import logging
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import psycopg

from agent.contract.errors import SettingsError
from agent.contract.rules import shipped_rules
from collector import periods, rankings
from collector.errors import DatabaseError
from collector.store import findings, schools
from collector.store.database import MINISTRY, Connection, Database, Viewer
from collector.store.findings import Due, Found

_log = logging.getLogger(__name__)
_AT_ONCE = 200  # school periods: some seconds' work
_FEW = 60  # school periods: twenty schools' months, quarters and years
_FEW_SCHOOLS = 20
_PATIENCE_S = 1.0


def catch_up(database: Database, label: str, zone: ZoneInfo) -> None:
    """Look again at the few schools that wait in a period, so that an answer has their newest; many are the job's."""
    with database.reading(MINISTRY) as connection:
        count = findings.count_due(connection, label, _FEW_SCHOOLS + 1)
    if 0 < count <= _FEW_SCHOOLS:
        run(database, zone, label=label, within_s=_PATIENCE_S)


def run(database: Database, zone: ZoneInfo, *, label: str | None = None, within_s: float | None = None) -> int:
    """Look again at all that waits, in one period or in all, or at as much as the time allows; return how much it was.

    What was looked at within the hour is left alone unless few wait. Each school's period is one transaction; several
    processes may do this at once.
    """
    ends = None if within_s is None else time.monotonic() + within_s
    total = 0
    with database.owning() as connection:
        while True:
            with connection.transaction():
                waiting = findings.due(connection, label, few=_FEW, limit=_AT_ONCE)
            for one in waiting:
                if ends is not None and time.monotonic() >= ends:
                    return total
                _renew_or_put_off(database, connection, one, zone)
                total += 1
            if len(waiting) < _AT_ONCE:
                return total


def judge_by_new_rules(database: Database, now: datetime, zone: ZoneInfo) -> int:
    """Mark the present periods' findings that older rules made; return how many. Past periods stay as judged."""
    with database.owning() as connection:
        return findings.mark_of_other_rules(connection, _present(now, zone), shipped_rules().name)


def mark_present(connection: Connection, school_ids: Iterable[str], now: datetime, zone: ZoneInfo) -> None:
    """Note that what is not measured, as the register of rooms, has changed at schools."""
    labels = _present(now, zone)
    findings.mark(connection, [(school_id, label) for school_id in school_ids for label in labels])


def _present(now: datetime, zone: ZoneInfo) -> tuple[str, str, str]:
    today = now.astimezone(zone).date()
    return f"{today.year}", periods.quarter_of(now, zone).label, f"{today:%Y-%m}"


def _renew_or_put_off(database: Database, connection: Connection, one: Due, zone: ZoneInfo) -> None:
    try:
        renew(database, connection, one, zone)
    except (DatabaseError, psycopg.OperationalError):
        raise
    except Exception:  # noqa: BLE001 - a mistake over one school must not keep all others from being looked at
        _log.exception("school %s cannot be judged for %s; tried again in an hour", one.school_id, one.period)
        with connection.transaction():
            findings.put_off(connection, one)


def renew(database: Database, connection: Connection, one: Due, zone: ZoneInfo) -> None:
    """Find anew all that rankings keep of a school's period; ``connection`` is the owner's."""
    try:
        found = _seen(database, one.school_id, periods.parse(one.period, zone))
    except SettingsError:  # of a clock that was decades off: nobody can ask for such a period
        found = []
    with connection.transaction():
        findings.replace(connection, one, found, shipped_rules().name)


def _seen(database: Database, school_id: str, period: periods.Period) -> list[Found]:
    """Look at a school as everybody sees it, and as its operator does."""
    with database.reading(MINISTRY) as connection:
        school = schools.school(connection, school_id)
        found = [] if school is None else list(_found(connection, school, period, ""))
    if school is not None and school.operator:
        with database.reading(Viewer("operator", school.operator)) as connection:
            found += _found(connection, school, period, school.operator)
    return found


def _found(
    connection: Connection, school: schools.SchoolRecord, period: periods.Period, operator: str
) -> Iterator[Found]:
    for name in rankings.names():
        find = rankings.get(name).find
        finding = find(connection, school, period, operator) if find is not None else None
        if finding is not None:
            yield Found(ranking=name, operator=operator, finding=finding)
