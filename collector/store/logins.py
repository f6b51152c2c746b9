"""Who is logged in, and who has to wait after wrong passwords. Shared by all processes through the database."""

from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct
from psycopg.rows import kwargs_row

from collector.store.database import Connection, Role
from collector.store.questions import sql

Stage = Literal["second", "password", "enrol", "whole"]
WaitKind = Literal["account", "second", "address"]


class SessionRecord(Struct, frozen=True, kw_only=True):
    """A login that holds. ``stage``: what is still asked; only a ``whole`` one shows anything."""

    name: str
    full_name: str | None
    role: Role
    scope: str | None
    stage: Stage
    local: bool
    second_factor: bool
    begun_at: datetime
    ends_at: datetime


class Wait(Struct, frozen=True):
    """How often somebody failed, and until when there is no further try."""

    failures: int
    until: datetime


class Patience(Struct, frozen=True, kw_only=True):
    """``free`` failures cost nothing, then waits double up to ``longest_s`` seconds; after ``most`` none is left."""

    free: int
    longest_s: float
    most: int


def keep_session(
    connection: Connection, session_sha256: bytes, name: str, stage: Stage, *, now: datetime, ends_at: datetime
) -> None:
    """Store a session by the hash of its id, and forget those that are over."""
    connection.execute(sql("end_old_login_sessions"), {"now": now})
    values = {"session_sha256": session_sha256, "name": name, "stage": stage, "now": now, "ends_at": ends_at}
    connection.execute(sql("keep_login_session"), values)


def session(connection: Connection, session_sha256: bytes, now: datetime, idle: timedelta) -> SessionRecord | None:
    """Return the session of this id if it still holds, and note that it is in use."""
    values = {"session_sha256": session_sha256, "now": now, "idle_since": now - idle}
    with connection.cursor(row_factory=kwargs_row(SessionRecord)) as cursor:
        found = cursor.execute(sql("login_session"), values).fetchone()
    if found is not None:
        connection.execute(sql("login_session_was_seen"), {"session_sha256": session_sha256, "now": now})
    return found


def count_sessions(connection: Connection, name: str, now: datetime, idle: timedelta) -> int:
    """Return in how many places somebody is logged in."""
    values = {"name": name, "now": now, "idle_since": now - idle}
    row = connection.execute(sql("count_login_sessions"), values).fetchone()
    return row[0] if row else 0


def end_session(connection: Connection, session_sha256: bytes) -> str | None:
    """End one session; return whose it was."""
    row = connection.execute(sql("end_login_session"), {"session_sha256": session_sha256}).fetchone()
    return row[0] if row else None


def end_sessions(connection: Connection, name: str) -> int:
    """End every session of an account; return how many there were."""
    return connection.execute(sql("end_login_sessions"), {"name": name}).rowcount


def take_a_try(connection: Connection, kind: WaitKind, key_sha256: bytes, patience: Patience, now: datetime) -> bool:
    """Count a try as failed before it is made; return False where none is left for now."""
    values = {
        "kind": kind,
        "key_sha256": key_sha256,
        "now": now,
        "free": patience.free,
        "longest_s": patience.longest_s,
        "most": patience.most,
    }
    return connection.execute(sql("take_a_try"), values).rowcount == 1


def wait(connection: Connection, kind: WaitKind, key_sha256: bytes) -> Wait | None:
    """Return how long somebody has to wait."""
    row = connection.execute(sql("wait_of"), {"kind": kind, "key_sha256": key_sha256}).fetchone()
    return Wait(*row) if row else None


def give_back_try(connection: Connection, kind: WaitKind, key_sha256: bytes, now: datetime) -> None:
    """Take back one try that did not fail, and no other's."""
    connection.execute(sql("give_back_try"), {"kind": kind, "key_sha256": key_sha256, "now": now})


def end_wait(connection: Connection, kind: WaitKind, key_sha256: bytes) -> bool:
    """Forget all failures; return False where there were none."""
    return connection.execute(sql("end_wait"), {"kind": kind, "key_sha256": key_sha256}).rowcount == 1


def forget_old_waits(connection: Connection, now: datetime) -> None:
    """Forget failures that are too old to say anything."""
    connection.execute(sql("forget_old_waits"), {"now": now})
