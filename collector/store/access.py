"""API tokens of people's programs, kept as hashes."""

from datetime import datetime

from msgspec import Struct
from psycopg.rows import kwargs_row

from collector.store.database import Connection, Role
from collector.store.questions import sql


class AccessRecord(Struct, frozen=True, kw_only=True):
    """A token's holder and rights. ``expires_at`` is null only in tokens of before tokens had to end."""

    name: str
    role: Role
    scope: str | None
    rights: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


def keep_access(
    connection: Connection,
    *,
    token_sha256: bytes,
    name: str,
    viewer: tuple[Role, str | None],
    rights: list[str],
    expires_at: datetime,
) -> None:
    """Store a new API token by its hash."""
    connection.execute(
        sql("keep_access"),
        {
            "token_sha256": token_sha256,
            "name": name,
            "role": viewer[0],
            "scope": viewer[1],
            "rights": rights,
            "expires_at": expires_at,
        },
    )


def access(connection: Connection, token_sha256: bytes) -> AccessRecord | None:
    """Return whose token this is."""
    with connection.cursor(row_factory=kwargs_row(AccessRecord)) as cursor:
        return cursor.execute(sql("access"), {"token_sha256": token_sha256}).fetchone()


def access_list(connection: Connection) -> list[AccessRecord]:
    """Return every token there ever was, by holder; never the tokens themselves."""
    with connection.cursor(row_factory=kwargs_row(AccessRecord)) as cursor:
        return cursor.execute(sql("access_list")).fetchall()


def access_was_used(connection: Connection, token_sha256: bytes, now: datetime) -> None:
    """Remember to the minute when a token was last used."""
    connection.execute(sql("access_was_used"), {"token_sha256": token_sha256, "now": now})


def revoke_access(connection: Connection, name: str) -> int:
    """Revoke every token of this name; return how many that ended."""
    return connection.execute(sql("revoke_access"), {"name": name}).rowcount
