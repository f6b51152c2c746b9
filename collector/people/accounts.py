"""Accounts of people: made and ended by administrators. How somebody gets in with one is in collector.people.login."""

import re
from datetime import datetime

from msgspec import Struct

from collector import access
from collector.errors import AccountError, NotFound
from collector.people import passwords, waits
from collector.store import accounts, audit, logins
from collector.store.accounts import NewAccount
from collector.store.audit import Who
from collector.store.database import MINISTRY, Connection, Database, Role
from collector.words import say

NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{1,62}[a-z0-9]", re.ASCII)
# Accounts that another login vouches for are called so; nobody can make a local one that looks like theirs.
SUBJECT_PREFIX = "sso-"
_LONGEST_FULL_NAME = 200


class Wanted(Struct, frozen=True, kw_only=True):
    """An account as somebody asks for it."""

    name: str
    role: Role
    scope: str | None = None
    full_name: str | None = None


def create(database: Database, wanted: Wanted, by: Who, now: datetime) -> str:
    """Make a local account and return its first password, which its holder has to change.

    Raises:
        AccountError: the name cannot be one, or is taken.
        AccessDenied, NotFound: the role and the scope do not fit each other or the registry.
    """
    name = normal_name(wanted.name)
    if NAME.fullmatch(name) is None or name.startswith(SUBJECT_PREFIX):
        raise AccountError(
            say("an account's name has 3 to 64 of a to z, 0 to 9, and . _ @ + - between them; not sso- in front")
        )
    with database.reading(MINISTRY) as connection:
        access.check_holder(connection, wanted.role, wanted.scope)
    password = passwords.first_password()
    made = NewAccount(
        name=name,
        full_name=plain(wanted.full_name),
        role=wanted.role,
        scope=wanted.scope,
        password_hash=passwords.hashed(password),
        now=now,
    )
    with database.admitting() as connection:
        if not accounts.keep_account(connection, made):
            raise AccountError(say("there is an account {name} already; choose another name", name=repr(name)))
        detail = {"account": "created", "role": wanted.role, "scope": wanted.scope}
        audit.note(connection, by, "changed", f"account {name}", now=now, detail=detail)
    return password


def disable(database: Database, name: str, by: Who, now: datetime) -> None:
    """Take an account out of use and end its sessions. Its API tokens are ended with 'access revoke'."""
    name = normal_name(name)
    if by.role is not None and by.name == name:
        raise AccountError(say("nobody disables the account they are logged in with; another administrator has to"))
    with database.admitting() as connection:
        if not accounts.disable(connection, name, now):
            raise NotFound(say("no account {name} is in use", name=repr(name)))
        ended = logins.end_sessions(connection, name)
        detail = {"account": "disabled", "sessions": ended}
        audit.note(connection, by, "changed", f"account {name}", now=now, detail=detail)


def enable(database: Database, name: str, by: Who, now: datetime) -> None:
    """Take an account into use again, with the password it had."""
    name = normal_name(name)
    with database.admitting() as connection:
        if not accounts.enable(connection, name):
            raise NotFound(say("no account {name} is out of use", name=repr(name)))
        audit.note(connection, by, "changed", f"account {name}", now=now, detail={"account": "enabled"})


def reset_password(database: Database, name: str, by: Who, now: datetime, *, second_factor: bool = False) -> str:
    """Give an account a new first password and end its sessions; ``second_factor``: forget that too."""
    name = normal_name(name)
    password = passwords.first_password()
    password_hash = passwords.hashed(password)
    with database.admitting() as connection:
        if not accounts.change_password(connection, name, password_hash, must_change=True, now=now):
            raise NotFound(say("there is no local account {name}", name=repr(name)))
        if second_factor:
            accounts.remove_second_factor(connection, name)
        logins.end_sessions(connection, name)
        waits.lift(connection, name)
        detail = {"account": "password reset", "second factor removed": second_factor}
        audit.note(connection, by, "changed", f"account {name}", now=now, detail=detail)
    return password


def unlock(database: Database, name: str, by: Who, now: datetime) -> bool:
    """Let somebody who mistyped too often try again at once; return False where nobody had to wait."""
    name = normal_name(name)
    with database.admitting() as connection:
        _existing(connection, name)
        lifted = waits.lift(connection, name)
        audit.note(connection, by, "changed", f"account {name}", now=now, detail={"account": "unlocked"})
    return lifted


def normal_name(name: str) -> str:
    """Return an account's name as it is stored: people write their own in several ways."""
    return name.strip().lower()


def plain(text: str | None) -> str | None:
    """Return a person's name without what cannot be printed, null where nothing is left."""
    shown = "".join(letter for letter in text or "" if letter.isprintable()).strip()
    return shown[:_LONGEST_FULL_NAME] or None


def _existing(connection: Connection, name: str) -> None:
    if NAME.fullmatch(name) is None or accounts.account(connection, name) is None:
        raise NotFound(say("there is no account {name}", name=repr(name)))
