"""Logins that hold: a random id in a cookie, of which the database knows the hash. What ends one ends it everywhere."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from msgspec import Struct

from collector.settings import AccountsSettings
from collector.store import logins
from collector.store.database import Connection, Database
from collector.store.logins import SessionRecord, Stage

_ID_BYTES = 32
_LONGEST_ID = 64
# How long somebody may take between the password and the code, or to think of a new password.
_STEP_S = 600


class Opened(Struct, frozen=True):
    """A session that was just begun: its id, for the cookie only, and what is asked next."""

    session_id: str
    stage: Stage


def begin(connection: Connection, name: str, stage: Stage, settings: AccountsSettings, now: datetime) -> Opened:
    """Begin a session with an id of its own: each step of a login gets a new one, so that none can be planted."""
    session_id = secrets.token_urlsafe(_ID_BYTES)
    length = timedelta(hours=settings.session_hours) if stage == "whole" else timedelta(seconds=_STEP_S)
    logins.keep_session(connection, digest(session_id), name, stage, now=now, ends_at=now + length)
    return Opened(session_id, stage)


def find(database: Database, settings: AccountsSettings, session_id: str, now: datetime) -> SessionRecord | None:
    """Return the session of this id if it still holds."""
    if not 0 < len(session_id) <= _LONGEST_ID:
        return None
    with database.admitting() as connection:
        return logins.session(connection, digest(session_id), now, idle(settings))


def idle(settings: AccountsSettings) -> timedelta:
    """Return how long a session holds that nobody uses."""
    return timedelta(minutes=settings.idle_minutes)


def digest(session_id: str) -> bytes:
    """Return what is stored of a session's id; it is random and long, so one plain hash is enough."""
    return hashlib.sha256(session_id.encode()).digest()


def form_token(cookie: str) -> str:
    """Return what every form carries back: only who can read the cookie or the page knows it."""
    return hmac.new(cookie.encode(), b"netready form", hashlib.sha256).hexdigest()


def is_form_token(cookie: str, given: str) -> bool:
    """Tell whether a form was made for whoever holds this cookie."""
    return hmac.compare_digest(form_token(cookie).encode(), given.encode())
