"""API tokens for people's programs: made by whoever runs the collector, known to it only by their hash."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, get_args

from msgspec import Struct

from collector.errors import AccessDenied, AccountError, NotFound
from collector.settings import AccountsSettings
from collector.store import access, agreements, schools
from collector.store.database import Connection, Database, Role, Viewer

Right = Literal["read", "export", "run-now", "policy", "registry", "audit", "accounts", "agreements", "notices"]
ROLES: tuple[Role, ...] = get_args(Role)
RIGHTS: tuple[Right, ...] = get_args(Right)
SCOPED: frozenset[str] = frozenset({"region", "school", "operator"})
# What a role may do at most. A token may do less; whose data it sees is another matter, and the database's.
ROLE_RIGHTS: dict[Role, tuple[Right, ...]] = {
    "ministry": ("read", "export", "run-now", "policy", "audit", "agreements", "notices"),
    "region": ("read", "export", "run-now", "policy", "agreements", "notices"),
    "school": (
        "read",
        "export",
        "run-now",
        "policy",
        "agreements",
        "notices",
    ),  # its own, and less than wider policies allow
    "operator": ("read", "export", "agreements", "notices"),  # of its own contracts
    "auditor": ("read", "export", "audit", "notices"),
    "admin": RIGHTS,
}
_USUAL: tuple[Right, ...] = ("read", "export")
_USUAL_SETTINGS = AccountsSettings()
_PREFIX = "nr_"


class Holder(Struct, frozen=True):
    """Who holds a token, what it shows, and what may be done with it."""

    name: str
    viewer: Viewer
    rights: tuple[str, ...]


def create(
    connection: Connection,
    *,
    role: Role,
    scope: str | None,
    name: str,
    days: int | None,
    now: datetime,
    rights: Sequence[Right] = _USUAL,
    settings: AccountsSettings = _USUAL_SETTINGS,
) -> str:
    """Make an API token and return it; only its hash is kept. It ends after ``days``, or the settings' usual time.

    Raises:
        AccessDenied: the role needs a scope and has none, or the other way round.
        AccountError: the role has no such right, or the token would hold longer than the settings allow.
        NotFound: the scope names no region, school or operator of the registry.
    """
    check_holder(connection, role, scope)
    beyond = [right for right in rights if right not in ROLE_RIGHTS[role]]
    if beyond:
        allowed = ", ".join(ROLE_RIGHTS[role])
        raise AccountError(f"the role {role} has no right {beyond[0]!r}; what it may have: {allowed}")
    lasting = settings.token_days if days is None else days
    if lasting > settings.token_days_at_most:
        raise AccountError(f"a token holds for at most {settings.token_days_at_most} days here; ask for fewer")
    token = _PREFIX + secrets.token_urlsafe(32)
    access.keep_access(
        connection,
        token_sha256=_hash(token),
        name=name,
        viewer=(role, scope),
        rights=list(rights),
        expires_at=now + timedelta(days=lasting),
    )
    return token


def holder_of(database: Database, token: str, now: datetime) -> Holder:
    """Return who holds a token; raises AccessDenied if nobody does any more."""
    with database.admitting() as connection:
        record = access.access(connection, _hash(token))
        if record is not None and _holds(record, now):
            access.access_was_used(connection, _hash(token), now)
            return Holder(record.name, Viewer(record.role, record.scope), tuple(record.rights))
    if record is None:
        raise AccessDenied("this API token is not known here; check that it was copied whole")
    if record.revoked_at is not None:
        raise AccessDenied("this API token was revoked; ask the ministry's administrator for a new one")
    raise AccessDenied(f"this API token expired on {record.expires_at:%Y-%m-%d}; ask for a new one")


def _holds(record: access.AccessRecord, now: datetime) -> bool:
    return record.revoked_at is None and (record.expires_at is None or now < record.expires_at)


def check_holder(connection: Connection, role: Role, scope: str | None) -> None:
    """Refuse a role without the scope it needs, with one it cannot have, or with one that the registry does not know.

    Raises:
        AccessDenied: the role needs a scope and has none, or the other way round.
        NotFound: the scope names no region, school or operator of the registry.
    """
    if (role in SCOPED) != (scope is not None):
        needs = "needs --scope" if role in SCOPED else "takes no --scope"
        raise AccessDenied(
            f"the role {role} {needs}; region, school and operator are limited to one, the others see all"
        )
    if scope is None:
        return
    known: dict[str, bool] = {
        "region": scope in schools.regions(connection),
        "school": role == "school" and schools.school(connection, scope) is not None,
        "operator": scope in schools.operators(connection) or agreements.has_operator(connection, scope),
    }
    if not known[role]:
        raise NotFound(f"the registry has no {role} {scope!r}; import the registry first, or check the spelling")


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
