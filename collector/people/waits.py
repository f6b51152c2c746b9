"""Wrong passwords and codes cost time: counted per account and per address, in the database, by all processes alike."""

import hashlib
import math
from datetime import datetime

from collector.errors import TooManyTries
from collector.settings import AccountsSettings
from collector.store import logins
from collector.store.database import Connection, Database
from collector.store.logins import Patience, Wait, WaitKind
from collector.words import say

# SP 800-63B, 3.2.2: no more than 100 failures in a row for one account.
MOST_FAILURES = 100
# A school's computers share one address; its people may mistype more often than one of them.
_PEOPLE_AT_AN_ADDRESS = 4

Key = tuple[WaitKind, bytes]


def account(name: str) -> Key:
    """Return what is counted for an account, whether it exists or not."""
    return "account", _digest(name)


def second(name: str) -> Key:
    """Return what is counted for an account's second factor."""
    return "second", _digest(name)


def address(place: str) -> Key:
    """Return what is counted for an address."""
    return "address", _digest(place)


def take(database: Database, settings: AccountsSettings, keys: list[Key], now: datetime) -> None:
    """Count a try for each key before it is made; keys in the same order everywhere, so that nobody waits in a circle.

    Raises:
        TooManyTries: one of them has to wait. Then nothing is counted.
    """
    with database.admitting() as connection:
        for kind, key in keys:
            if not logins.take_a_try(connection, kind, key, _patience(settings, kind), now):
                raise _too_many(logins.wait(connection, kind, key), kind, now)


def give_back(connection: Connection, keys: list[Key], now: datetime) -> None:
    """Say that a try was right: an account's failures are forgotten, at an address only this one."""
    for kind, key in keys:
        if kind == "address":
            logins.give_back_try(connection, kind, key, now)
        else:
            logins.end_wait(connection, kind, key)
    logins.forget_old_waits(connection, now)


def lift(connection: Connection, name: str) -> bool:
    """Let somebody try again at once; return False where nobody had to wait."""
    return any([logins.end_wait(connection, *account(name)), logins.end_wait(connection, *second(name))])


def _patience(settings: AccountsSettings, kind: WaitKind) -> Patience:
    if kind == "address":
        free = settings.free_failures * _PEOPLE_AT_AN_ADDRESS
        return Patience(free=free, longest_s=settings.longest_wait_s, most=2**31 - 1)
    return Patience(free=settings.free_failures, longest_s=settings.longest_wait_s, most=MOST_FAILURES)


def _too_many(wait: Wait | None, kind: WaitKind, now: datetime) -> TooManyTries:
    if wait is not None and kind != "address" and wait.failures >= MOST_FAILURES:
        return TooManyTries(
            say("{n} wrong tries in a row: an administrator has to unlock this account", n=MOST_FAILURES), None
        )
    seconds = max(1, math.ceil((wait.until - now).total_seconds())) if wait is not None else 1
    return TooManyTries(say("too many wrong tries; the next one is possible in {seconds} s", seconds=seconds), seconds)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
