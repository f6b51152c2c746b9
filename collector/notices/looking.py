"""The job that looks for what people are told of: changed verdicts, steps and deadlines of disputes, silence.

It is idempotent: what an event is decides its id, so that looking again at the same things keeps nothing new.
"""

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from collector.agreements.disputes import working_days
from collector.notices import changes, planning
from collector.notices.changes import Rules
from collector.settings import NoticesSettings, Settings
from collector.store import agreements, notices, schools
from collector.store.database import Connection, Database
from collector.store.notices import Detail, Event, Heard, Kind
from collector.store.schools import SchoolRecord
from collector.verdicts import disputes
from collector.verdicts.disputes import Dispute, WorkingDays

EVERY_S = 300.0
_OVERLAP = timedelta(days=1)  # a verdict is dated when its run began, and may be stored long after
_AT_ONCE = 200
_TOLD: dict[str, Kind] = {
    "opened": "dispute.opened",
    "withdrawn": "dispute.withdrawn",
    "decided": "dispute.decided",
}


def run(database: Database, settings: Settings, *, now: datetime | None = None) -> None:
    """Keep what happened since the last look, and make a message of it for everybody whom it concerns.

    The first look ever finds no old verdicts and steps: who sets this up is not told of the past.
    """
    at = now or datetime.now(UTC)
    with database.owning() as connection:
        mark = notices.mark(connection)
        since = at if mark is None else max(mark.begun_at, mark.looked_to - _OVERLAP)
        judged = notices.schools_judged(connection, since, synthetic=settings.notices.synthetic)
        rules = Rules(
            since=since,
            newest=notices.newest_month(connection),
            breach_months=settings.notices.breach_months,
            of_months=settings.notices.of_months,
        )
    for start in range(0, len(judged), _AT_ONCE):
        with database.owning() as connection:
            notices.keep_events(connection, _of_verdicts(connection, judged[start : start + _AT_ONCE], rules, at))
    with database.owning() as connection:
        notices.keep_events(connection, _of_disputes(connection, settings, since, at))
        silent = notices.silence(connection, settings.notices.silent_days, synthetic=settings.notices.synthetic)
        notices.keep_events(connection, (_of_silence(one, at) for one in silent))
        notices.keep_mark(connection, at)
    planning.run(database, at)


def _of_verdicts(connection: Connection, judged: Sequence[str], rules: Rules, now: datetime) -> Iterator[Event]:
    told: dict[tuple[str, str, str], dict[str, notices.Told]] = {}
    for one in notices.told(connection, judged):
        told.setdefault((one.school, one.line, one.operator), {})[one.month] = one
    of_lines = itertools.groupby(
        notices.closed(connection, judged), key=lambda each: (each.school, each.line, each.operator)
    )
    for line, verdicts in of_lines:
        yield from changes.of_line(list(verdicts), told.get(line, {}), rules, now)


def _of_disputes(connection: Connection, settings: Settings, since: datetime, now: datetime) -> Iterator[Event]:
    found = disputes.all_folded(agreements.steps(connection, agreements.Wanted()))
    days = working_days(settings.policy)
    ids = sorted({one.about.school for one in found})
    known = {one.school_id: one for one in schools.schools_by_id(connection, ids)}
    for one in found:
        school = known.get(one.about.school)
        if school is None or (school.synthetic and not settings.notices.synthetic):
            continue
        for step in one.steps:
            if step.action in _TOLD and step.at > since:
                due = one.decide_until if step.action == "opened" else None
                detail = Detail(dispute=one.id, version=one.about.version, outcome=step.outcome, due=due)
                yield _of_dispute(one, school, (_TOLD[step.action], str(step.number)), detail, now)
        told = _deadline(one, days, settings.notices, now)
        if told is not None:
            yield _of_dispute(one, school, *told, now)


def _deadline(
    one: Dispute, days: WorkingDays, settings: NoticesSettings, now: datetime
) -> tuple[tuple[Kind, str], Detail] | None:
    """Return what there is to say of a dispute's deadline: once when each is near, once when the last has passed."""
    standing = disputes.standing(one, days.day_of(now), days)
    left = standing.days_left
    if left is None or (left > settings.deadline_days and not standing.is_overdue):
        return None
    detail = Detail(
        dispute=one.id, version=one.about.version, waits_for=standing.waits_for, due=standing.until, days=left
    )
    return ("dispute.overdue", "overdue") if standing.is_overdue else ("dispute.due", str(standing.waits_for)), detail


def _of_dispute(one: Dispute, school: SchoolRecord, what: tuple[Kind, str], detail: Detail, now: datetime) -> Event:
    about = one.about
    kind, key = what
    return Event(
        key=f"dispute\0{one.id}\0{key}",
        kind=kind,
        school=about.school,
        region=school.region_id,
        operator=about.operator,
        line=about.line,
        month=about.month,
        number=len(one.steps),
        synthetic=school.synthetic,
        at=now,
        detail=detail,
    )


def _of_silence(one: Heard, now: datetime) -> Event:
    """Return that a school fell silent or is heard again; which of its computers work is no operator's matter."""
    is_silent = one.state == "silent"
    kind: Kind = "school.silent" if is_silent else "school.heard"
    number = one.number + 1 if is_silent else one.number
    return Event(
        key=f"{kind}\0{one.school}\0{number}",
        kind=kind,
        school=one.school,
        region=one.region,
        number=number,
        synthetic=one.synthetic,
        at=now,
        detail=Detail(days=one.days) if is_silent else Detail(),
    )
