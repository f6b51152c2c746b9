"""Leases of schools' lines: who has one, who waits, how computers are placed, what servers carry.

A school's row in lease_turn is locked while its next turn is decided, and a server's row while room on it is given
out: always the school first, then servers by name. So several processes may decide at once.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct
from psycopg.rows import kwargs_row

from collector.store.database import Connection
from collector.store.questions import sql


class LeaseRecord(Struct, frozen=True, kw_only=True):
    """A lease, open or over."""

    agent_id: str
    lease_id: str
    mode: str
    order_id: str | None
    server: str
    reserved_bps: float
    share: float | None
    granted_at: datetime
    starts_at: datetime
    ends_at: datetime
    released_at: datetime | None

    def is_held(self, now: datetime) -> bool:
        """Tell whether it is neither given back nor over."""
        return self.released_at is None and self.ends_at > now


class NewLease(Struct, frozen=True, kw_only=True):
    """A lease to store."""

    school_id: str
    lease_id: str
    agent_id: str
    region_id: str
    mode: str
    order_id: str | None
    purpose: str
    trigger: str
    server: str
    reserved_bps: float
    share: float | None
    granted_at: datetime
    starts_at: datetime
    ends_at: datetime


class WaitRecord(Struct, frozen=True, kw_only=True):
    """An agent that waits, with what was asked of it (null where it comes by itself)."""

    agent_id: str
    lease_id: str
    since: datetime
    due_at: datetime
    seconds: float
    order_id: str | None = None
    kind: str | None = None
    members: int | None = None


class AskedRecord(Struct, frozen=True, kw_only=True):
    """What was asked of a computer: run_now, pair, joint or pause."""

    order_id: str
    kind: str
    members: int


class Placed(Struct, frozen=True, kw_only=True):
    """How a computer was connected when it last looked."""

    agent_id: str
    medium: str
    link_speed_bps: float | None


class ServerLoad(Struct, frozen=True):
    """What a server carries."""

    tests: int = 0
    reserved_bps: float = 0.0


def lock_turn(connection: Connection, school_id: str) -> None:
    """Let nobody else decide about this school until the transaction ends."""
    if connection.execute(sql("lock_lease_turn"), {"school_id": school_id}).fetchone() is None:
        connection.execute(sql("make_lease_turn"), {"school_id": school_id})
        connection.execute(sql("lock_lease_turn"), {"school_id": school_id})


def leases_since(connection: Connection, school_id: str, since: datetime) -> list[LeaseRecord]:
    """Return a school's leases, in the order in which they were given."""
    with connection.cursor(row_factory=kwargs_row(LeaseRecord)) as cursor:
        return cursor.execute(sql("leases_since"), {"school_id": school_id, "since": since}).fetchall()


def lease(connection: Connection, school_id: str, lease_id: str) -> LeaseRecord | None:
    """Return one lease."""
    with connection.cursor(row_factory=kwargs_row(LeaseRecord)) as cursor:
        return cursor.execute(sql("lease_by_id"), {"school_id": school_id, "lease_id": lease_id}).fetchone()


def waits(connection: Connection, school_id: str, now: datetime) -> list[WaitRecord]:
    """Return who waits at a school."""
    with connection.cursor(row_factory=kwargs_row(WaitRecord)) as cursor:
        return cursor.execute(sql("lease_waits"), {"school_id": school_id, "now": now}).fetchall()


def asked_of(connection: Connection, school_id: str, agent_id: str, now: datetime) -> list[AskedRecord]:
    """Return what was asked of a computer and is not done."""
    parameters = {"school_id": school_id, "agent_id": agent_id, "now": now}
    with connection.cursor(row_factory=kwargs_row(AskedRecord)) as cursor:
        return cursor.execute(sql("asked_of_agent"), parameters).fetchall()


def placed(connection: Connection, school_id: str, since: datetime) -> list[Placed]:
    """Return a school's computers, the best-placed first: with a cable, then by the speed of the link."""
    with connection.cursor(row_factory=kwargs_row(Placed)) as cursor:
        rows = cursor.execute(sql("placed_computers"), {"school_id": school_id, "since": since}).fetchall()
    return sorted(rows, key=lambda one: (one.medium != "ethernet", -(one.link_speed_bps or 0), one.agent_id))


def keep_wait(connection: Connection, school_id: str, wait: WaitRecord) -> None:
    """Remember an agent's place in the queue."""
    connection.execute(sql("keep_lease_wait"), {"school_id": school_id, **msgspec.structs.asdict(wait)})


def keep_leases(connection: Connection, leases: Sequence[NewLease], now: datetime, gone: datetime) -> None:
    """Store leases that were given in one turn; those agents wait no more, nor do those due before ``gone``."""
    school_id, agents = leases[0].school_id, [one.agent_id for one in leases]
    with connection.cursor() as cursor:
        cursor.executemany(sql("keep_lease"), [msgspec.structs.asdict(one) for one in leases])
        cursor.executemany(sql("keep_server_load"), [msgspec.structs.asdict(one) for one in leases if one.server])
    connection.execute(sql("end_lease_waits"), {"school_id": school_id, "agents": agents, "gone": gone})
    orders_done(connection, school_id, [one.agent_id for one in leases if one.order_id], now)


def orders_done(connection: Connection, school_id: str, agents: Sequence[str], now: datetime) -> None:
    """Note that these computers make the tests that were asked of them."""
    if agents:
        connection.execute(sql("test_order_is_done"), {"school_id": school_id, "agents": list(agents), "now": now})


def lock_loads(connection: Connection, servers: Sequence[str], now: datetime) -> dict[str, ServerLoad]:
    """Let nobody else give out room on these servers until the transaction ends; return what they carry."""
    parameters = {"servers": list(servers), "now": now}
    locked = connection.execute(sql("lock_test_servers"), parameters).fetchall()
    if len(locked) < len(set(servers)):
        connection.execute(sql("make_test_servers"), parameters)
        connection.execute(sql("lock_test_servers"), parameters)
    connection.execute(sql("end_server_loads"), parameters)
    rows = connection.execute(sql("server_loads"), parameters).fetchall()
    return {server: ServerLoad(int(tests), float(reserved)) for server, tests, reserved in rows}


def release(connection: Connection, school_id: str, agent_id: str, lease_id: str, now: datetime) -> bool:
    """Take back a lease, or a place in the queue; tell whether there was a lease."""
    parameters = {"school_id": school_id, "agent_id": agent_id, "lease_id": lease_id, "now": now}
    connection.execute(sql("end_lease_wait"), parameters)
    row = connection.execute(sql("release_lease"), parameters).fetchone()
    if row is not None:
        connection.execute(sql("release_server_load"), {"server": row[0], "lease_id": lease_id})
    return row is not None


def forget_old(connection: Connection, before: datetime) -> int:
    """Remove leases that were given before, and are over; return how many."""
    return connection.execute(sql("forget_leases"), {"before": before}).rowcount
