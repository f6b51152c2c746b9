"""The roll call: a job that looks at what came in since the last one and judges how every computer and school is.

Each report is looked at once, a little after it came in, so that one whose transaction took long is not passed over.
A long backlog is looked at day by day, each in a transaction of its own, and then all is judged in one.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from collector import fleet
from collector.fleet import Boot, Newest, Refusals
from collector.settings import FleetSettings
from collector.slots import Calendar
from collector.store import fleet as stored
from collector.store import schools
from collector.store.database import Connection, Database
from collector.store.fleet import ComputerToJudge, Key, Mark, Row, StoredBoot
from collector.store.schools import SchoolRecord

Calendars = Callable[[Connection], Callable[[SchoolRecord], Calendar]]

SETTLED_AFTER = timedelta(minutes=2)
_AT_ONCE = timedelta(days=1)


def run(database: Database, calendars: Calendars, settings: FleetSettings, now: datetime) -> None:
    """Look at what came in and judge the fleet."""
    history = timedelta(days=settings.history_days)
    with database.owning() as connection:
        known = stored.mark(connection) or Mark(looked_to=now - history, judged_at=None)
    until = max(known.looked_to, now - SETTLED_AFTER)
    for begin, end in _spans(max(known.looked_to, now - history), until):
        with database.owning() as connection:
            stored.look_at_boots(connection, begin, end)
            stored.keep_mark(connection, Mark(looked_to=end, judged_at=known.judged_at))
    with database.owning() as connection:
        stored.forget(connection, now - history)
        calendar = calendars(connection)
        calendar_of = {one.school_id: calendar(one) for one in schools.schools(connection)}
        stored.keep_health(connection, _states(stored.computers_to_judge(connection), calendar_of, now, settings))
        _judge_identities(connection, known.judged_at - SETTLED_AFTER if known.judged_at else now - history, settings)
        stored.keep_schools(connection)
        stored.keep_mark(connection, Mark(looked_to=until, judged_at=now))


def _spans(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    while since < until:
        end = min(since + _AT_ONCE, until)
        yield since, end
        since = end


def _states(
    computers: Iterable[ComputerToJudge], calendar_of: Mapping[str, Calendar], now: datetime, settings: FleetSettings
) -> Iterator[Row]:
    """Yield the rows of the computers of which something changed."""
    for one in computers:
        state, days = fleet.state_of(one.last_seen_at, one.enrolled_at, calendar_of[one.school_id], now, settings)
        if one.is_known and (one.state, one.days) == (state, days):
            continue
        yield {
            "school_id": one.school_id,
            "agent_id": one.agent_id,
            "region_id": one.region_id,
            "state": state,
            "days": days,
            "room": one.room,
            "software": one.software,
            "last_seen_at": one.last_seen_at,
            "enrolled_at": one.enrolled_at,
            "synthetic": one.synthetic,
        }


def _judge_identities(connection: Connection, since: datetime, settings: FleetSettings) -> None:
    keys = stored.computers_to_look_at(connection, since)
    boots: dict[Key, list[StoredBoot]] = defaultdict(list)
    for boot in stored.boots(connection, keys):
        boots[boot.school_id, boot.agent_id].append(boot)
    refusals: dict[Key, list[Refusals]] = defaultdict(list)
    for one in stored.refusals(connection, keys):
        refusals[one.school_id, one.agent_id].append(
            Refusals(boot_id=one.boot_id, first_at=one.first_at, last_at=one.last_at, refused=one.refused)
        )
    stored.keep_identities(connection, (_identity(key, boots[key], refusals[key], settings) for key in keys))


def _identity(key: Key, boots: list[StoredBoot], refusals: list[Refusals], settings: FleetSettings) -> Row:
    judged = fleet.identity_of([_boot(one) for one in boots], refusals)
    last = boots[-1] if boots else None
    newest = Newest(delay_s=last.delay_s, waiting=last.waiting, dropped=last.dropped) if last else None
    return {
        "school_id": key[0],
        "agent_id": key[1],
        "identity": judged,
        "refused": sum(one.refused for one in refusals),
        "delay_s": newest.delay_s if newest else None,
        "waiting": newest.waiting if newest else None,
        "dropped": newest.dropped if newest else None,
        "is_delayed": newest is not None and fleet.is_delayed(newest, settings),
    }


def _boot(one: StoredBoot) -> Boot:
    return Boot(
        boot_id=one.boot_id,
        first_sequence=one.first_sequence,
        last_sequence=one.last_sequence,
        first_at=one.first_at,
        last_at=one.last_at,
        went_back=one.went_back,
    )
