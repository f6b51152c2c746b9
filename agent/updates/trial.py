"""A version on trial: installed, watched until it shows that it works, and taken back where it does not.

Everything is written down before it is done, so that a power cut at any moment leaves something to go on from; and the
way back lies ready as a file of its own (``way-back``) that needs nothing of the version on trial.
"""

import logging
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

import msgspec
from msgspec import Struct

from agent import crashes, health
from agent.crashes import Crash
from agent.errors import InstallError, StateError
from agent.health import Health
from agent.host import files
from agent.host.clock import Clock

TRIAL_S = 900.0
# For so long it has to go on after it was heard: a crash is known once its service was started again, a minute later.
GOES_ON_S = 180.0
# Without a collector to be heard, this long without a crash is what can be asked of a version.
ALIVE = timedelta(minutes=5)
_OFFLINE_AFTER = timedelta(days=1)
_POLL_S = 5.0
_MOST_FAILED = 20
_MOST_TIMES = 3
_TRIAL, _FAILED, _WAY_BACK = "trial.json", "failed.json", "way-back"

_log = logging.getLogger(__name__)


class Installer(Protocol):
    """What puts a package in place of the installed one and starts the service again."""

    def install(self, package: Path) -> None:
        """Install it; raises InstallError saying why not."""

    def way_back(self, package: Path) -> str | None:
        """Return a script that installs this package without us; null where the system has none."""


class Trial(Struct, frozen=True, kw_only=True):
    """What is being tried.

    ``was_offline``: the collector was not heard before; ``looks``: how often somebody began to watch it.
    """

    version: str
    package: str
    before: str
    before_package: str
    was_offline: bool = False
    is_installed: bool = False
    looks: int = 0


class Failed(Struct, frozen=True, kw_only=True):
    """A version that was taken back, and why."""

    version: str
    at: datetime
    reason: str
    was_broken_off: bool = False


Outcome = Literal["kept", "taken back", "nothing"]


class Trials:
    """The versions tried on this computer.

    Args:
        folder: where it is written down; it belongs to whoever may install.
        installer: how packages are installed.
        state: the service's state folder, where it says how it is.
        clock: the time.
    """

    def __init__(self, folder: Path, installer: Installer, state: Path, clock: Clock) -> None:
        self._folder = folder
        self._installer = installer
        self._state = state
        self._health = partial(health.read, state)
        self._forget_health = partial(health.forget, state)
        self._clock = clock

    def failed(self) -> set[str]:
        """Return the versions that are not tried again: taken back once, or broken off time and again."""
        listed = self._listed()
        broken = Counter(one.version for one in listed if one.was_broken_off)
        often = {version for version, times in broken.items() if times >= _MOST_TIMES}
        return often | {one.version for one in listed if not one.was_broken_off}

    def begin(self, trial: Trial) -> Outcome | None:
        """Put a version in place; ``settle`` brings the trial to its end. Returns "taken back" if that was it already.

        Raises:
            InstallError: neither the new version nor the one before could be installed.
            StateError: nothing was begun, for it could not be written down.
        """
        script = self._installer.way_back(Path(trial.before_package))
        if script is not None:
            files.write_atomically(self._folder / _WAY_BACK, script.encode())
            (self._folder / _WAY_BACK).chmod(0o700)
        self._write(trial)
        self._forget_health()
        try:
            self._installer.install(Path(trial.package))
        except InstallError as error:
            return self._take_back(trial, f"it could not be installed: {error}")
        self._write(msgspec.structs.replace(trial, is_installed=True))
        return None

    def settle(self) -> Outcome:
        """Bring a trial to its end, also one that a power cut or a crash broke off; "nothing" where there is none.

        Raises:
            InstallError: the version before could not be put back.
            StateError: what was written down is damaged, or cannot be.
        """
        data = files.read_if_there(self._folder / _TRIAL)
        if data is None:
            return "nothing"
        try:
            trial = msgspec.json.decode(data, type=Trial)
        except msgspec.DecodeError as error:
            raise StateError(f"{self._folder / _TRIAL} is damaged ({error}); remove it to go on") from error
        if not trial.is_installed:
            return self._take_back(trial, "its installation was broken off", was_broken_off=True)
        if trial.looks >= _MOST_TIMES:
            return self._take_back(trial, "the computer went off again and again while it was tried")
        self._write(msgspec.structs.replace(trial, looks=trial.looks + 1))
        return self._watch(trial)

    def _watch(self, trial: Trial) -> Outcome:
        began_s = self._clock.steady_s()  # clocks are set, most of all in the minutes after a start
        worked_s, known = None, len(self._crashes(trial.version))
        while True:
            seen, now_s = self._health(), self._clock.steady_s()
            if worked_s is None and seen is not None and _works(seen, trial):
                worked_s = now_s
            fallen = self._crashes(trial.version)[known:]
            if fallen:
                return self._take_back(trial, f"its service crashed: {fallen[-1].reason}")
            if worked_s is not None and now_s - worked_s >= GOES_ON_S:
                _log.info("version %s works", trial.version)
                self._end()
                return "kept"
            if worked_s is None and now_s - began_s >= TRIAL_S:
                return self._take_back(trial, _why_not(seen, trial))
            self._clock.sleep(_POLL_S)

    def _crashes(self, version: str) -> tuple[Crash, ...]:
        try:
            return tuple(one for one in crashes.read(self._state).crashes if one.version == version)
        except StateError as error:
            _log.warning("%s", error)
            return ()

    def _take_back(self, trial: Trial, reason: str, *, was_broken_off: bool = False) -> Outcome:
        _log.error("version %s is taken back: %s", trial.version, reason)
        newest = Failed(version=trial.version, at=self._clock.now(), reason=reason[:500], was_broken_off=was_broken_off)
        listed = [*self._listed(), newest][-_MOST_FAILED:]
        files.write_atomically(self._folder / _FAILED, msgspec.json.encode(listed))
        self._forget_health()
        self._installer.install(Path(trial.before_package))
        self._end()
        return "taken back"

    def _end(self) -> None:
        # The note first: a way back that is left over without a trial is never gone.
        for name in (_TRIAL, _WAY_BACK):
            (self._folder / name).unlink(missing_ok=True)

    def _write(self, trial: Trial) -> None:
        files.write_atomically(self._folder / _TRIAL, msgspec.json.encode(trial))

    def _listed(self) -> tuple[Failed, ...]:
        data = files.read_if_there(self._folder / _FAILED)
        try:
            return () if data is None else msgspec.json.decode(data, type=tuple[Failed, ...])
        except msgspec.DecodeError as error:
            _log.warning("the list of versions that failed cannot be read: %s", error)
            return ()


def _works(seen: Health, trial: Trial) -> bool:
    if seen.version != trial.version:
        return False
    return seen.heard_at is not None or (trial.was_offline and (seen.alive_at - seen.started_at) >= ALIVE)


def _why_not(seen: Health | None, trial: Trial) -> str:
    if seen is None or seen.version != trial.version:
        return "its service did not start"
    return "its service did not get an answer from the collector, which the version before had"


def is_offline(seen: Health | None, now: datetime) -> bool:
    """Tell whether the collector was not heard for a day, so that no new version can be asked to hear it at once."""
    return seen is None or seen.heard_at is None or now - seen.heard_at > _OFFLINE_AFTER
