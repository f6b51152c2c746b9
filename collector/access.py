"""API tokens for people's programs: made by whoever runs the collector, known to it only by their hash."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import get_args

from collector.errors import AccessDenied, NotFound
from collector.store import access, schools
from collector.store.database import Connection, Database, Role, Viewer

ROLES: tuple[Role, ...] = get_args(Role)
SCOPED: frozenset[str] = frozenset({"region", "school", "operator"})
_PREFIX = "nr_"


def create(connection: Connection, *, role: Role, scope: str | None, name: str, days: int | None, now: datetime) -> str:
    """Make an API token and return it; only its hash is kept.

    Raises:
        AccessDenied: the role needs a scope and has none, or the other way round.
        NotFound: the scope names no region, school or operator of the registry.
    """
    if (role in SCOPED) != (scope is not None):
        needs = "needs --scope" if role in SCOPED else "takes no --scope"
        raise AccessDenied(
            f"the role {role} {needs}; region, school and operator are limited to one, the others see all"
        )
    _check_scope(connection, role, scope)
    token = _PREFIX + secrets.token_urlsafe(32)
    access.keep_access(
        connection,
        token_sha256=_hash(token),
        name=name,
        viewer=(role, scope),
        expires_at=None if days is None else now + timedelta(days=days),
    )
    return token


def viewer_of(database: Database, token: str, now: datetime) -> Viewer:
    """Return who holds a token; raises AccessDenied if nobody does any more."""
    with database.reading(Viewer("school", "")) as connection:
        record = access.access(connection, _hash(token))
    if record is None:
        raise AccessDenied("this API token is not known here; check that it was copied whole")
    if record.revoked_at is not None:
        raise AccessDenied("this API token was revoked; ask the ministry's administrator for a new one")
    if record.expires_at is not None and record.expires_at <= now:
        raise AccessDenied(f"this API token expired on {record.expires_at:%Y-%m-%d}; ask for a new one")
    return Viewer(record.role, record.scope)


def _check_scope(connection: Connection, role: Role, scope: str | None) -> None:
    if scope is None:
        return
    known: dict[str, bool] = {
        "region": scope in schools.regions(connection),
        "school": role == "school" and schools.school(connection, scope) is not None,
        "operator": scope in schools.operators(connection),
    }
    if not known[role]:
        raise NotFound(f"the registry has no {role} {scope!r}; import the registry first, or check the spelling")


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
