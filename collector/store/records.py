"""Test servers' keys and their own records of tests; the bytes stay as they were signed, whoever they belong to."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct
from psycopg.rows import kwargs_row

from agent.contract.report import AgentId, LeaseId
from agent.contract.values import Aware, TestId, Text
from collector.store import evidence, verdicts
from collector.store.columns import Pack, bigints, moments, packed, texts
from collector.store.database import Connection
from collector.store.evidence import Pending
from collector.store.questions import sql

Place = Literal["inside", "outside"]
LOGGED_AFTER = timedelta(hours=1)  # without a school, where none is known by then
_SOON, _LATER = timedelta(minutes=1), 4
_CLOCK = timedelta(minutes=5)  # that servers' clocks and ours may differ
_REPORTED: dict[str, Pack] = {
    "school_id": texts,
    "test_id": texts,
    "agent_id": texts,
    "sequence": bigints,
    "received_at": moments,
    "region_id": texts,
    "operator": texts,
}


class ServerKey(Struct, frozen=True, kw_only=True):
    """What was recorded of a test server's key: it is believed of tests that began before it ``ended_at``.

    ``place`` is whether the server stands inside or outside of the network of the operators it is used to judge;
    ``operator`` is whose network it is in, where that is known. ``since``: when it was first added.
    """

    key_id: AgentId
    public_key: Annotated[bytes, Meta(min_length=32, max_length=32)]
    url: Text
    place: Place
    operator: Annotated[str, Meta(max_length=200)] | None = None
    since: Aware
    ended_at: Aware | None = None
    author: Text
    recorded_at: Aware


class NewRecord(Struct, frozen=True, kw_only=True):
    """A record whose signature was checked."""

    test_id: TestId
    key_id: AgentId
    lease_id: LeaseId | None
    began_at: datetime
    received_at: datetime
    envelope: bytes


class StoredRecord(Struct, frozen=True, kw_only=True):
    """A server's record of a school's test; ``envelope`` are the bytes that came.

    ``received_at``: since when it is known to be of this school, which is when it came or later.
    """

    test_id: str
    key_id: str
    lease_id: str | None
    began_at: datetime
    received_at: datetime
    envelope: bytes


class MissingTest(Struct, frozen=True, kw_only=True):
    """A test that a server recorded under a lease of the school, and that no report told of.

    ``agent_id`` is the computer that had the lease, null where the lease is no longer known.
    """

    school_id: str
    test_id: str
    key_id: str
    lease_id: str | None
    agent_id: str | None
    began_at: datetime
    received_at: datetime


class _Waiting(Struct, frozen=True, kw_only=True):
    test_id: str
    key_id: str
    lease_id: str | None
    began_at: datetime
    received_at: datetime
    is_logged: bool
    envelope: bytes

    @property
    def key(self) -> dict[str, str | datetime]:
        return {"test_id": self.test_id, "key_id": self.key_id, "began_at": self.began_at}


_Owner = tuple[str, str, str | None]
"""A school with its region and operator."""

_encoder = msgspec.json.Encoder(order="deterministic")


# -- keys ----------------------------------------------------------------------------------------------------------


def keep_key(connection: Connection, key: ServerKey) -> None:
    """Add what is recorded of a key from now on, and let it wait for the log."""
    body = _encoder.encode(key)
    connection.execute(sql("test_server_key_keep"), {"key_id": key.key_id, "url": key.url, "body": body})
    wanted = Pending(
        subject="key",
        key=f"server/{key.key_id}",
        operator=None,
        sha256=hashlib.sha256(body).digest(),
        at=key.recorded_at,
        is_salted=False,
    )
    evidence.pend(connection, [wanted])


def bodies_of_keys(connection: Connection, keys: Sequence[str] | None = None) -> list[bytes]:
    """Return all that was ever recorded of these keys, or of all, as it stands in the log, oldest first by key."""
    rows = connection.execute(sql("test_server_keys"), {"keys": None if keys is None else list(keys)}).fetchall()
    return [bytes(body) for _, _, body in rows]


def keys(connection: Connection, wanted: Sequence[str] | None = None) -> dict[str, ServerKey]:
    """Return what holds of these keys, or of all, by their ids; those that ended too."""
    found = (msgspec.json.decode(body, type=ServerKey) for body in bodies_of_keys(connection, wanted))
    return {one.key_id: one for one in found}


# -- records -------------------------------------------------------------------------------------------------------


def known(connection: Connection, tests: Sequence[str]) -> dict[tuple[str, str, datetime], bytes]:
    """Return the records of these tests that are stored, by test, key and when it began: an id may be used again."""
    rows = connection.execute(sql("record_known"), {"tests": list(tests)}).fetchall()
    return {(test_id, key_id, began_at): bytes(envelope) for test_id, key_id, began_at, envelope in rows}


def keep(connection: Connection, wanted: Iterable[NewRecord]) -> None:
    """Store records, which wait until ``settle`` finds their schools."""
    for one in wanted:
        connection.execute(sql("record_wait"), msgspec.structs.asdict(one))


def keep_reported(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Note which tests reports told of."""
    if rows:
        connection.execute(sql("record_keep_reported"), packed(_REPORTED, rows))


def settle(connection: Connection, tests: Sequence[str], now: datetime, zone: ZoneInfo) -> int:
    """Give the records of these tests to the schools that are known to have run them; return how many.

    What was said of the months of these tests (in the ``zone``) is judged again.
    """
    with connection.cursor(row_factory=kwargs_row(_Waiting)) as cursor:
        found = cursor.execute(sql("record_waiting_of"), {"tests": list(tests)}).fetchall()
    return _settle(connection, found, now, zone)


def settle_due(connection: Connection, now: datetime, zone: ZoneInfo, limit: int) -> tuple[int, int]:
    """Look again at records that wait, as far as it is time for them; return at how many, and how many found a school.

    One whose school nobody knows stands in the log after an hour all the same, and is looked at ever more seldom.
    """
    with connection.cursor(row_factory=kwargs_row(_Waiting)) as cursor:
        found = cursor.execute(sql("record_waiting_due"), {"now": now, "limit": limit}).fetchall()
    return len(found), _settle(connection, found, now, zone)


def _settle(connection: Connection, waiting: Sequence[_Waiting], now: datetime, zone: ZoneInfo) -> int:
    owners = _owners(connection, waiting)
    settled: list[Pending] = []
    months: set[tuple[str, str]] = set()
    for one in waiting:
        owner = owners.get((one.test_id, one.key_id, one.began_at))
        if owner is None:
            settled += _goes_on_waiting(connection, one, now)
        elif _give(connection, one, owner, now):
            settled.append(_pending(one, now, owner))
            months.add((owner[0], f"{one.began_at.astimezone(zone):%Y-%m}"))
    evidence.pend(connection, settled)
    verdicts.mark_changed(connection, months, now, zone)
    return sum(one.school_id is not None for one in settled)


def _owners(connection: Connection, waiting: Sequence[_Waiting]) -> dict[tuple[str, str, datetime], _Owner]:
    """Return whose records these are, by test, key and time: whoever reported the test, else whoever had its lease."""
    if not waiting:
        return {}
    tests = {"tests": sorted({one.test_id for one in waiting})}
    told = {row[0]: row[1:] for row in connection.execute(sql("record_schools_of_tests"), tests).fetchall()}
    owners = {(one.test_id, one.key_id, one.began_at): told[one.test_id] for one in waiting if one.test_id in told}
    lent = [one for one in waiting if one.lease_id is not None and one.test_id not in told]
    if lent:
        asked = {
            "tests": [one.test_id for one in lent],
            "keys": [one.key_id for one in lent],
            "leases": [one.lease_id for one in lent],
            "moments": [one.began_at for one in lent],
            "clock": _CLOCK,
        }
        rows = connection.execute(sql("record_schools_of_leases"), asked).fetchall()
        owners |= {(row[0], row[1], row[2]): row[3:] for row in rows}
    return owners


def _give(connection: Connection, one: _Waiting, owner: _Owner, now: datetime) -> bool:
    """Move a record to its school; false where another process did.

    From ``now`` on it is known to be this school's: what was judged before did not rest on it.
    """
    row = connection.execute(sql("record_leaves"), one.key).fetchone()
    if row is None:
        return False
    values = dict(zip(("lease_id", "envelope"), row, strict=True)) | {"received_at": now}
    values |= dict(zip(("school_id", "region_id", "operator"), owner, strict=True))
    return connection.execute(sql("record_keep"), one.key | values).fetchone() is not None


def _goes_on_waiting(connection: Connection, one: _Waiting, now: datetime) -> list[Pending]:
    age = now - one.received_at
    is_logged = not one.is_logged and age >= LOGGED_AFTER
    due_at = now + max(_SOON, age / _LATER)
    connection.execute(sql("record_waits_on"), one.key | {"due_at": due_at, "is_logged": is_logged})
    return [_pending(one, now)] if is_logged else []


def _pending(one: _Waiting, now: datetime, owner: _Owner | None = None) -> Pending:
    return Pending(
        subject="record",
        key=f"{one.key_id}/{one.test_id}",
        school_id=owner[0] if owner else None,
        operator=owner[2] if owner else None,
        sha256=hashlib.sha256(one.envelope).digest(),
        at=now,
        is_salted=False,  # it holds a signature
    )


def of_school(connection: Connection, school_id: str, begins: datetime, ends: datetime) -> list[StoredRecord]:
    """Return the servers' records of a school's tests that began in this time, in its order."""
    values = {"school_id": school_id, "begins": begins, "ends": ends}
    with connection.cursor(row_factory=kwargs_row(StoredRecord)) as cursor:
        return cursor.execute(sql("records_of_school"), values).fetchall()


def missing(connection: Connection, before: datetime, school_id: str | None = None, *, limit: int) -> list[MissingTest]:
    """Return tests that servers told of before then and no computer has, the newest first."""
    values = {"before": before, "school_id": school_id, "limit": limit}
    with connection.cursor(row_factory=kwargs_row(MissingTest)) as cursor:
        return cursor.execute(sql("records_missing"), values).fetchall()


def forget_waiting(connection: Connection, before: datetime) -> int:
    """Forget the records from before then whose schools nobody knows; return how many."""
    return connection.execute(sql("records_forget_waiting"), {"before": before}).rowcount


def forget_old(connection: Connection, before: datetime) -> int:
    """Delete the servers' records that came in before then; return how many."""
    return connection.execute(sql("records_forget_old"), {"before": before}).rowcount


def forget_reported(connection: Connection, before: datetime) -> int:
    """Forget which tests computers told of before then; return how many."""
    return connection.execute(sql("records_forget_reported"), {"before": before}).rowcount
