"""API tokens of people's programs, kept as hashes."""

from datetime import datetime

from msgspec import Struct
from psycopg.rows import kwargs_row

from collector.store.database import Connection, Role
from collector.store.questions import sql


class AccessRecord(Struct, frozen=True, kw_only=True):
    """A token's holder and rights."""

    name: str
    role: Role
    scope: str | None
    expires_at: datetime | None
    revoked_at: datetime | None


def keep_access(
    connection: Connection,
    *,
    token_sha256: bytes,
    name: str,
    viewer: tuple[Role, str | None],
    expires_at: datetime | None,
) -> None:
    """Store a new API token by its hash."""
    connection.execute(
        sql("keep_access"),
        {
            "token_sha256": token_sha256,
            "name": name,
            "role": viewer[0],
            "scope": viewer[1],
            "expires_at": expires_at,
        },
    )


def access(connection: Connection, token_sha256: bytes) -> AccessRecord | None:
    """Return whose token this is."""
    with connection.cursor(row_factory=kwargs_row(AccessRecord)) as cursor:
        return cursor.execute(sql("access"), {"token_sha256": token_sha256}).fetchone()


def revoke_access(connection: Connection, name: str) -> int:
    """Revoke every token of this name; return how many that ended."""
    return connection.execute(sql("revoke_access"), {"name": name}).rowcount
