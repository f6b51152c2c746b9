"""Who is told of what: a message for each subscriber who may see an event and asked for its kind.

Whether somebody may see it the database's own policies say, the very ones that answer the API: an event is read once
as each role and scope that it may concern.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from collector.notices import message, subscribing
from collector.store import notices
from collector.store.database import Database, Viewer
from collector.store.notices import NewDelivery, Planned, Subscriber, Wanted

_AT_ONCE = 500


def run(database: Database, now: datetime) -> None:
    """Make the messages of all events that have none yet."""
    with database.owning() as connection:
        subscribing.end_lapsed(connection, now)
    while True:
        with database.owning() as connection:
            planned = notices.to_plan(connection, _AT_ONCE)
            subscribers = notices.subscribers(connection)
        if not planned:
            return
        made = list(_made(database, planned, subscribers))
        with database.owning() as connection:
            notices.keep_deliveries(connection, made, planned, now)


def _made(database: Database, planned: Sequence[Planned], subscribers: Iterable[Subscriber]) -> Iterator[NewDelivery]:
    groups: dict[Viewer, list[Subscriber]] = {}
    for one in subscribers:
        groups.setdefault(Viewer(one.role, one.scope), []).append(one)
    for viewer, group in groups.items():
        concerned = [one.event_id for one in planned if _may_concern(one, viewer)]
        if not concerned:
            continue
        with database.reading(viewer) as connection:
            seen, _ = notices.events(connection, Wanted(events=concerned), limit=len(concerned))
        for event in seen:
            body = message.encoded(event)
            for one in group:
                if event.at >= one.created_at and (not one.kinds or event.kind in one.kinds):
                    yield NewDelivery(
                        school=event.school, event_id=event.id, kind=event.kind, subscriber=one, body=body
                    )


def _may_concern(one: Planned, viewer: Viewer) -> bool:
    """Tell whether it is worth asking the database, which has the last word, as this viewer."""
    named = {"region": one.region, "operator": one.operator, "school": one.school}
    return viewer.role not in named or named[viewer.role] == viewer.scope
