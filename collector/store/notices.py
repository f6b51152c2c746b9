"""Notices: what happened, who wants to be told, and what became of each message."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Literal, get_args

import msgspec
from msgspec import Struct
from psycopg.rows import dict_row, kwargs_row
from psycopg.types.json import Jsonb

from collector.store.database import Connection, Role
from collector.store.questions import sql

Kind = Literal[
    "breach.opened",  # a line broke its contract that had kept it, as far as was known
    "breach.continuing",  # it did again in a later month
    "breach.ended",  # it kept its contract again
    "breach.withdrawn",  # a month's verdict is no breach any more
    "dispute.opened",
    "dispute.withdrawn",
    "dispute.decided",
    "dispute.due",  # a deadline is near
    "dispute.overdue",  # it has passed without a decision
    "school.silent",
    "school.heard",  # it is heard again
    "test",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
Channel = Literal["webhook", "email"]
State = Literal["waiting", "delivered", "dead"]
HeldBy = Literal["account", "token"]


class Detail(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is told of an event beside where and when; null where it does not apply.

    ``state`` is the verdict's, ``sha256`` of its bytes, ``months`` how many of the last closed ones were a breach,
    ``days`` school days of silence, or working days left until ``due``.
    """

    state: str | None = None
    chance: float | None = None
    is_recurring: bool | None = None
    sha256: str | None = None
    months: int | None = None
    dispute: str | None = None
    version: int | None = None
    outcome: str | None = None
    waits_for: str | None = None
    due: date | None = None
    days: int | None = None


class Event(Struct, frozen=True, kw_only=True):
    """Something that happened. ``key`` says what, so that it is kept once; ``is_late``: kept, and nobody is told."""

    key: str
    kind: Kind
    school: str
    region: str
    operator: str = ""
    line: str = ""
    month: str = ""
    number: int
    synthetic: bool
    is_late: bool = False
    at: datetime
    detail: Detail = Detail()

    @property
    def id(self) -> str:
        """Return the event's id: the same for everybody who is told of it, however often that is tried."""
        return hashlib.sha256(self.key.encode()).hexdigest()[:32]


class ListedEvent(Struct, frozen=True, kw_only=True):
    """An event as whoever may see it is told. ``name`` is the school's, null where the viewer does not see it."""

    id: str
    kind: Kind
    school: str
    name: str | None
    region: str
    operator: str | None
    line: str | None
    month: str | None
    number: int
    synthetic: bool
    is_late: bool
    at: datetime
    detail: Detail


class Closed(Struct, frozen=True, kw_only=True):
    """The newest version of a closed month's verdict."""

    school: str
    line: str
    operator: str
    month: str
    version: int
    state: str
    region: str
    synthetic: bool
    judged_at: datetime
    chance: float | None
    is_recurring: bool
    sha256: str


class Told(Struct, frozen=True, kw_only=True):
    """What was last told of a month of a line."""

    school: str
    line: str
    operator: str
    month: str
    kind: Kind
    is_late: bool


class Heard(Struct, frozen=True, kw_only=True):
    """A school that fell silent, or is heard again; ``number``: how often it had fallen silent before."""

    school: str
    region: str
    state: str
    days: int
    synthetic: bool
    number: int


class Mark(Struct, frozen=True):
    """When was looked for events first, and until when."""

    begun_at: datetime
    looked_to: datetime


class Planned(Struct, frozen=True):
    """An event whose deliveries are not made yet."""

    school: str
    event_id: str
    region: str
    operator: str


class Subscriber(Struct, frozen=True, kw_only=True):
    """Somebody who is told what their role and scope may see; ``kinds`` empty: of everything.

    ``holder`` is the name of the account or API token whose access it rests on; null where it rests on none.
    """

    id: str
    name: str
    role: Role
    scope: str | None
    channel: Channel
    address: str
    kinds: tuple[Kind, ...]
    author: str
    held_by: HeldBy | None = None
    holder: str | None = None
    created_at: datetime
    ended_at: datetime | None = None
    ended_why: str | None = None


class Lapsed(Struct, frozen=True, kw_only=True):
    """A subscription whose holder's access is gone; ``has_account``: there is one in use, which sees something else."""

    id: str
    name: str
    held_by: HeldBy
    holder: str
    role: Role
    scope: str | None
    has_account: bool


class NewDelivery(Struct, frozen=True, kw_only=True):
    """A message to a subscriber, as the bytes that every try sends."""

    school: str
    event_id: str
    kind: Kind
    subscriber: Subscriber
    body: bytes


class Due(Struct, frozen=True, kw_only=True):
    """A message that is to be sent now."""

    school: str
    event_id: str
    subscriber_id: str
    kind: Kind
    tries: int
    created_at: datetime
    body: bytes


class Tried(Struct, frozen=True, kw_only=True):
    """What became of a try."""

    state: State
    next_at: datetime
    outcome: str


class Delivery(Struct, frozen=True, kw_only=True):
    """A message to a subscriber, and what became of it. ``id`` is the event's; ``outcome`` of the newest try."""

    id: str
    subscriber: str
    kind: Kind
    school: str | None
    state: State
    tries: int
    created_at: datetime
    tried_at: datetime | None
    next_at: datetime | None
    outcome: str | None


class Wanted(Struct, frozen=True, kw_only=True):
    """Which events are asked for; null asks for all."""

    events: Sequence[str] | None = None
    school_id: str | None = None
    kind: str | None = None
    since: datetime | None = None


def mark(connection: Connection) -> Mark | None:
    """Return until when was looked for events; null before the first time."""
    row = connection.execute(sql("notice_mark")).fetchone()
    return Mark(*row) if row else None


def keep_mark(connection: Connection, looked_to: datetime) -> None:
    """Note until when was looked for events."""
    connection.execute(sql("notice_keep_mark"), {"looked_to": looked_to})


def schools_judged(connection: Connection, since: datetime, *, synthetic: bool) -> list[str]:
    """Return the schools of which a verdict was made since."""
    asked = {"since": since, "synthetic": synthetic}
    return [row[0] for row in connection.execute(sql("notice_schools_judged"), asked).fetchall()]


def closed(connection: Connection, schools: Sequence[str]) -> list[Closed]:
    """Return the newest versions of all closed months of schools' lines, by line, in the order of months."""
    with connection.cursor(row_factory=kwargs_row(Closed)) as cursor:
        return cursor.execute(sql("notice_verdicts"), {"schools": list(schools)}).fetchall()


def told(connection: Connection, schools: Sequence[str]) -> list[Told]:
    """Return what was last told of each month of schools' lines."""
    with connection.cursor(row_factory=kwargs_row(Told)) as cursor:
        return cursor.execute(sql("notice_told"), {"schools": list(schools)}).fetchall()


def newest_month(connection: Connection) -> str | None:
    """Return the newest month that is closed."""
    row = connection.execute(sql("notice_newest_month")).fetchone()
    return row[0] if row else None


def silence(connection: Connection, days: int, *, synthetic: bool) -> list[Heard]:
    """Return schools that are silent for at least so many school days, or heard again, and were not told of yet."""
    with connection.cursor(row_factory=kwargs_row(Heard)) as cursor:
        return cursor.execute(sql("notice_silence"), {"days": days, "synthetic": synthetic}).fetchall()


def keep_events(connection: Connection, events: Iterable[Event]) -> None:
    """Keep events; what is known already stays as it was."""
    rows = [
        {
            "school": one.school,
            "event_id": one.id,
            "kind": one.kind,
            "region": one.region,
            "operator": one.operator,
            "line": one.line,
            "month": one.month,
            "number": one.number,
            "synthetic": one.synthetic,
            "is_late": one.is_late,
            "at": one.at,
            "detail": Jsonb(msgspec.to_builtins(one.detail)),
        }
        for one in events
    ]
    with connection.cursor() as cursor:
        cursor.executemany(sql("notice_keep_event"), rows)


def events(connection: Connection, wanted: Wanted, *, limit: int, offset: int = 0) -> tuple[list[ListedEvent], int]:
    """Return events that the viewer may see, the newest first, and how many there are in all."""
    asked = msgspec.structs.asdict(wanted) | {"limit": limit, "offset": offset}
    if wanted.events is not None:
        asked["events"] = list(wanted.events)
    rows, total = _counted(connection, "notice_events", asked)
    return [msgspec.convert(row, ListedEvent) for row in rows], total


def to_plan(connection: Connection, limit: int) -> list[Planned]:
    """Return events whose deliveries are not made yet, the oldest first."""
    return [Planned(*row) for row in connection.execute(sql("notice_to_plan"), {"limit": limit}).fetchall()]


def keep_deliveries(
    connection: Connection, new: Iterable[NewDelivery], planned: Sequence[Planned], now: datetime
) -> None:
    """Keep messages that are to be sent, and note that these events have theirs."""
    with connection.cursor() as cursor:
        cursor.executemany(sql("notice_keep_delivery"), [_row(one, now) for one in new])
    asked = {"schools": [one.school for one in planned], "events": [one.event_id for one in planned], "now": now}
    connection.execute(sql("notice_is_planned"), asked)


def keep_test(connection: Connection, new: NewDelivery, now: datetime) -> None:
    """Keep a message that somebody asked for; for the role that stores."""
    connection.execute(sql("notice_keep_test"), _row(new, now))


def _row(new: NewDelivery, now: datetime) -> dict[str, Any]:
    return {
        "school": new.school,
        "event_id": new.event_id,
        "subscriber_id": new.subscriber.id,
        "kind": new.kind,
        "role": new.subscriber.role,
        "scope": new.subscriber.scope or "",
        "body": new.body,
        "now": now,
    }


def keep_subscriber(connection: Connection, one: Subscriber, secret: bytes | None) -> None:
    """Keep a subscriber; ``secret`` is what a webhook's messages are signed with."""
    values = msgspec.structs.asdict(one) | {"scope": one.scope or "", "kinds": list(one.kinds), "secret": secret}
    connection.execute(sql("notice_keep_subscriber"), values)


def subscribers(
    connection: Connection, *, subscriber_id: str | None = None, with_ended: bool = False
) -> list[Subscriber]:
    """Return the subscribers that the viewer may see, in the order in which they came."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(sql("notice_subscribers"), {"id": subscriber_id, "ended": with_ended}).fetchall()
    return [msgspec.convert(row, Subscriber) for row in rows]


def lapsed(connection: Connection, now: datetime) -> list[Lapsed]:
    """Return the subscriptions whose holder may not see any more what they tell; for the owner alone."""
    with connection.cursor(row_factory=kwargs_row(Lapsed)) as cursor:
        return cursor.execute(sql("notice_lapsed"), {"now": now}).fetchall()


def end_subscriber(connection: Connection, subscriber_id: str, why: str, now: datetime) -> bool:
    """Send a subscriber nothing more; tell whether anything was sent until now."""
    values = {"id": subscriber_id, "why": why, "now": now}
    return connection.execute(sql("notice_end_subscriber"), values).fetchone() is not None


def secrets(connection: Connection) -> dict[str, bytes]:
    """Return what each webhook's messages are signed with; for the owner alone."""
    return {row[0]: bytes(row[1]) for row in connection.execute(sql("notice_secrets")).fetchall()}


def due(connection: Connection, now: datetime, each: int) -> list[Due]:
    """Return what is to be sent now, at most so many of each subscriber."""
    with connection.cursor(row_factory=kwargs_row(Due)) as cursor:
        return cursor.execute(sql("notice_due"), {"now": now, "each": each}).fetchall()


def was_tried(connection: Connection, one: Due, tried: Tried, now: datetime) -> None:
    """Note what became of a try."""
    values = msgspec.structs.asdict(tried) | {
        "school": one.school,
        "event_id": one.event_id,
        "subscriber_id": one.subscriber_id,
        "now": now,
    }
    connection.execute(sql("notice_delivery_was_tried"), values)


def drop_waiting(connection: Connection, kept: Iterable[str], outcome: str) -> int:
    """Send nothing more to subscribers that are not kept; return how many messages that ends."""
    return connection.execute(sql("notice_drop_waiting"), {"kept": list(kept), "outcome": outcome}).rowcount


def deliveries(
    connection: Connection, subscriber: str | None, state: str | None, *, limit: int, offset: int
) -> tuple[list[Delivery], int]:
    """Return messages to subscribers that the viewer may see, the newest first, and how many there are in all."""
    asked = {"subscriber": subscriber, "state": state, "limit": limit, "offset": offset}
    rows, total = _counted(connection, "notice_deliveries", asked)
    return [msgspec.convert(row, Delivery) for row in rows], total


def forget_deliveries(connection: Connection, before: datetime) -> int:
    """Delete messages from before then that wait no more; return how many."""
    return connection.execute(sql("notice_forget_deliveries"), {"before": before}).rowcount


def forget_events(connection: Connection, before: datetime) -> int:
    """Delete what happened before then, but for whether a school is silent; return how many."""
    told = connection.execute(sql("notice_forget_events"), {"before": before}).rowcount
    return told + connection.execute(sql("notice_forget_silence"), {"before": before}).rowcount


def _counted(connection: Connection, name: str, asked: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(sql(name), asked).fetchall()
        if not rows and asked["offset"]:  # beyond the end: how many there are is asked of the beginning
            first = cursor.execute(sql(name), asked | {"limit": 1, "offset": 0}).fetchone()
            return [], first["total"] if first else 0
    return rows, rows[0]["total"] if rows else 0
