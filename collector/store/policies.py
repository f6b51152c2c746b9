"""What agents are told, as the country, a region or a school changed it; only ever added to."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from msgspec import Struct
from psycopg.rows import kwargs_row
from psycopg.types.json import Jsonb

from collector.store.audit import Who
from collector.store.database import Connection
from collector.store.questions import sql

_LOCK = 0x706F6C69  # "poli": changes get their numbers in the order in which they are seen


class Scope(Struct, frozen=True):
    """For whom something is told: a school, else a region, else the country."""

    region_id: str = ""
    school_id: str = ""

    def __str__(self) -> str:
        if self.school_id:
            return f"school:{self.school_id}"
        return f"region:{self.region_id}" if self.region_id else "country"


class PolicyChange(Struct, frozen=True, kw_only=True):
    """One version of what a scope sets; ``body`` has only those fields. ``role`` is null at the command line."""

    scope: str
    version: int
    number: int
    author: str
    role: str | None
    at: datetime
    note: str
    body: dict[str, Any]


def newest(
    connection: Connection, scopes: Sequence[Scope] | None, until: datetime | None = None
) -> dict[str, PolicyChange]:
    """Return what holds, or held at a moment, of these scopes or of all; one that never set anything is missing."""
    names = None if scopes is None else [str(scope) for scope in scopes]
    with connection.cursor(row_factory=kwargs_row(PolicyChange)) as cursor:
        rows = cursor.execute(sql("newest_policy_changes"), {"scopes": names, "until": until}).fetchall()
    return {row.scope: row for row in rows}


def history(connection: Connection, scope: Scope) -> list[PolicyChange]:
    """Return all versions of a scope, the newest first."""
    with connection.cursor(row_factory=kwargs_row(PolicyChange)) as cursor:
        return cursor.execute(sql("policy_history"), {"scope": str(scope)}).fetchall()


def newest_number(connection: Connection) -> int:
    """Return a number that grows with every change anywhere."""
    row = connection.execute(sql("newest_policy_number")).fetchone()
    return int(row[0]) if row else 0


def one_change_at_a_time(connection: Connection) -> None:
    """Let nobody else change a policy until the transaction ends."""
    connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))


def keep(
    connection: Connection, scope: Scope, body: dict[str, Any], *, who: Who, note: str, now: datetime
) -> PolicyChange:
    """Add a version; after ``one_change_at_a_time``."""
    parameters = {
        "scope": str(scope),
        "region_id": scope.region_id,
        "school_id": scope.school_id,
        "author": who.name,
        "role": who.role,
        "at": now,
        "note": note,
        "body": Jsonb(body),
    }
    with connection.cursor(row_factory=kwargs_row(PolicyChange)) as cursor:
        kept = cursor.execute(sql("keep_policy_change"), parameters).fetchone()
    assert kept is not None  # noqa: S101 - just kept
    return kept


def touch_days(connection: Connection, scope: Scope, since: date) -> None:
    """Have the days since then of the scope's schools added up again."""
    parameters = {
        "since": since,
        "region_id": scope.region_id if not scope.school_id else "",
        "school_id": scope.school_id,
    }
    connection.execute(sql("days_that_a_policy_changes"), parameters)
