"""The audit log: who logged in, and what each saw, exported and changed. It is only ever added to."""

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct
from psycopg.rows import kwargs_row
from psycopg.types.json import Jsonb

from collector.store.database import Connection, Role
from collector.store.questions import sql

What = Literal["logged in", "logged out", "refused", "saw", "exported", "changed"]


class Who(Struct, frozen=True):
    """Somebody who does something. ``role`` is null at the command line; ``address`` is already shortened."""

    name: str
    role: Role | None = None
    scope: str | None = None
    address: str | None = None


class AuditEntry(Struct, frozen=True, kw_only=True):
    """One thing that somebody did. ``about``: a school, a file, an account."""

    entry_id: int
    at: datetime
    who: str
    role: Role | None
    scope: str | None
    address: str | None
    what: str
    about: str | None
    detail: dict[str, Any]


class Wanted(Struct, frozen=True, kw_only=True):
    """Which entries are asked for; null asks for all."""

    who: str | None = None
    what: str | None = None
    about: str | None = None
    since: datetime | None = None


def note(
    connection: Connection,
    who: Who,
    what: What,
    about: str | None = None,
    *,
    now: datetime,
    detail: dict[str, Any] | None = None,
) -> None:
    """Add an entry, in the transaction of what it tells of: what is undone was not done."""
    values = {
        "at": now,
        "who": who.name,
        "role": who.role,
        "scope": who.scope,
        "address": who.address,
        "what": what,
        "about": about,
        "detail": Jsonb(detail or {}),
    }
    connection.execute(sql("keep_audit_entry"), values)


def entries(connection: Connection, wanted: Wanted, *, limit: int, before: int | None = None) -> list[AuditEntry]:
    """Return entries, newest first; ``before``: older than this one."""
    values = _filters(wanted) | {"limit": limit, "before": before}
    with connection.cursor(row_factory=kwargs_row(AuditEntry)) as cursor:
        return cursor.execute(sql("audit_entries"), values).fetchall()


def count(connection: Connection, wanted: Wanted) -> int:
    """Return how many entries there are."""
    row = connection.execute(sql("count_audit_entries"), _filters(wanted)).fetchone()
    return row[0] if row else 0


def _filters(wanted: Wanted) -> dict[str, object]:
    return {field: getattr(wanted, field) for field in wanted.__struct_fields__}
