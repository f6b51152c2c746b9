"""One look for a new version, and what follows from it; run by whoever may install, some time after every hour.

Nothing of it is in the resident service, which has no right to replace itself: that only says that it works
(agent.health).
"""

import logging
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

import agent
from agent import health, identity, service
from agent.errors import UpdateError
from agent.host import files
from agent.host.clock import Clock
from agent.settings import Settings
from agent.updates import plan
from agent.updates.trial import Installer, Outcome, Trial, Trials, is_offline
from agent.updates.trust import Repository, Way

_LINE_WITHIN_S = 600.0  # a session that runs ends first

_log = logging.getLogger(__name__)


class Place(Struct, frozen=True, kw_only=True):
    """This installation: what it is, where its service keeps its state, and what replaces it."""

    state: Path
    settings: Settings
    platform: str
    installer: Installer
    clock: Clock = Clock()
    version: str = agent.__version__


def folder_of(place: Place) -> Path:
    """Return where packages and what was tried are kept.

    Root's folder is not in the service's: who has the service could give root another package, or another way back.
    """
    told = place.settings.updates.folder
    if told is not None:
        return Path(told)
    is_roots = sys.platform != "win32" and os.geteuid() == 0
    return Path("/var/lib/netready-updates") if is_roots else place.state / "updates"


def look(place: Place, say: Callable[[str], None], *, only_say: bool = False) -> bool:
    """Finish what was broken off, and change the version if it is time; return False where a version was taken back.

    Args:
        place: this installation.
        say: takes a sentence on what is found or done.
        only_say: change nothing.

    Raises:
        UpdateError: a version is wanted and cannot be had, or this installation has no root of trust.
        InstallError: a version is in place that does not work, and the one before could not be put back.
        NotEnrolledError: there is no policy to go by.
        StateError: the disk does not take it, or another look is under way.
        SettingsError: the policy names something that is no version.
    """
    folder = folder_of(place)
    files.make_private_folder(folder)
    with service.alone(folder / "lock", "another look for a new version is under way"):
        trials = Trials(folder, place.installer, place.state, place.clock)
        if only_say:
            say(_answer(place, trials).reason)
            return True
        outcome = trials.settle()
        if outcome == "nothing":
            answer = _answer(place, trials)
            say(answer.reason)
            if answer.version is None:
                return True
            outcome = _try(place, trials, _fetched(place, folder, answer.version))
        say(f"the version on trial was {outcome}" if outcome != "nothing" else "it is installed after the lessons")
        return outcome != "taken back"


def _answer(place: Place, trials: Trials) -> plan.Answer:
    enrolled = identity.require(place.state).identity
    policy = identity.load_policy(place.state)
    return plan.decide(enrolled.agent, place.version, policy, trials.failed(), place.clock.now())


def _try(place: Place, trials: Trials, trial: Trial) -> Outcome:
    # No test is disturbed; the new version finds the line free.
    with service.the_line(place.state, _LINE_WITHIN_S):
        if plan.is_lesson_soon(identity.load_policy(place.state), place.clock.now()):
            return "nothing"
        outcome = trials.begin(trial)
    return outcome or trials.settle()


def _fetched(place: Place, folder: Path, version: str) -> Trial:
    """Fetch the version and the one that is installed: there is no way forward without a way back."""
    settings = place.settings
    policy = identity.load_policy(place.state)
    mirrors = (*settings.updates.mirrors, *(policy.update.mirrors if policy.update else ()))
    way = Way(settings.agent.ca_file, settings.uplink.proxy)
    repository = Repository(_root(settings), folder, mirrors, way)
    packages = folder / "packages"
    kept = {place.version, version}
    if packages.is_dir():
        for one in packages.iterdir():
            if one.name not in kept:
                shutil.rmtree(one, ignore_errors=True)
    ours = repository.package(place.version, place.platform, packages / place.version / _name(place.platform))
    theirs = repository.package(version, place.platform, packages / version / _name(place.platform))
    seen = health.read(place.state)
    return Trial(
        version=version,
        package=str(theirs),
        before=place.version,
        before_package=str(ours),
        was_offline=is_offline(seen, place.clock.now()),
    )


def _name(platform: str) -> str:
    """Return a file name as the installer of that kind wants it."""
    ending = {"deb": ".deb", "msi": ".msi"}.get(platform.partition("-")[0], "")
    return f"netready-agent{ending}"


def _root(settings: Settings) -> bytes:
    name = settings.updates.root_file
    if name is None:
        raise UpdateError(
            "no root of trust: set [updates] root_file in agent.toml to the root.json of whoever signs the versions"
        )
    root = files.read_if_there(Path(name))
    if root is None:
        raise UpdateError(f"there is no {name}, which [updates] root_file in agent.toml names")
    return root
