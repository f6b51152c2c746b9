"""A note of the service on itself: whoever replaces the program reads there whether the new one works."""

import logging
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Struct

from agent.errors import StateError
from agent.host import files

_FILE = "health.json"
_ALIVE_EVERY = timedelta(minutes=4)
_HEARD_EVERY = timedelta(hours=1)

_log = logging.getLogger(__name__)


class Health(Struct, frozen=True, kw_only=True):
    """Which version works since when; ``alive_at``: its last sign of life, ``heard_at``: the last answer it got."""

    version: str
    started_at: datetime
    alive_at: datetime
    heard_at: datetime | None = None


def read(state: Path) -> Health | None:
    """Return the note; None where there is none or it cannot be read: then nothing is known.

    Raises:
        StateError: the file is there and the system does not let us read it.
    """
    data = files.read_if_there(state / _FILE)
    try:
        return None if data is None else msgspec.json.decode(data, type=Health)
    except msgspec.DecodeError:
        return None


def write(state: Path, health: Health) -> None:
    """Replace the note; raises StateError where that cannot be done."""
    files.write_atomically(state / _FILE, msgspec.json.encode(health))


class Notes:
    """What a service writes of itself: seldom, for the disk's sake; once it was heard, once an hour.

    Args:
        state: the state folder.
        version: what runs.
        now: when it began.
    """

    def __init__(self, state: Path, version: str, now: datetime) -> None:
        self._state = state
        self._written: datetime | None = None
        self._health = Health(version=version, started_at=now, alive_at=now)
        self.is_first_of_version = False

    def begin(self) -> None:
        """Say that it began."""
        before = self._before()
        self.is_first_of_version = before is None or before.version != self._health.version
        self._write(self._health.started_at)

    def alive(self, now: datetime) -> None:
        """Say that it still works, as long as that is all that can be said."""
        if self._health.heard_at is None and self._is_old(now, _ALIVE_EVERY):
            self._write(now)

    def heard(self, now: datetime) -> None:
        """Say that the collector answered."""
        if self._health.heard_at is None or self._is_old(now, _HEARD_EVERY):
            self._health = msgspec.structs.replace(self._health, heard_at=now)
            self._write(now)

    def _is_old(self, now: datetime, span: timedelta) -> bool:
        return self._written is None or abs(now - self._written) >= span

    def _before(self) -> Health | None:
        try:
            return read(self._state)
        except StateError:
            return None  # writing says it

    def _write(self, now: datetime) -> None:
        self._health = msgspec.structs.replace(self._health, alive_at=now)
        self._written = now
        try:
            write(self._state, self._health)
        except StateError as error:  # a service that cannot say that it works works all the same
            _log.warning("%s", error)


def forget(state: Path) -> None:
    """Remove the note, so that the next one is of whoever starts next; raises StateError where that cannot be done."""
    try:
        (state / _FILE).unlink(missing_ok=True)
    except OSError as error:
        raise StateError(f"cannot remove {state / _FILE}: {error.strerror}; check who owns that folder") from error
