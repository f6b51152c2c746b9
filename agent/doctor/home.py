"""Checks of what is on this computer: the software, its settings, its state folder and whom it belongs to."""

import errno
import os
import platform
import secrets
import shutil
import stat
import sys
from contextlib import suppress
from pathlib import Path

import agent
from agent import budget, session
from agent.doctor import words
from agent.doctor.finding import Found, fault, unknown, warning, well
from agent.doctor.installation import Installation
from agent.host import machine
from agent.identity import Identity

_ENROL = "netready-agent enroll --collector URL --token TOKEN"
_LEAST_FREE_BYTES = 10 * 1000 * 1000
_PROBE_BYTES = 4096  # one block: a full disk may still take a few bytes into a file's last one
_SERVICE_STATE = Path("/var/lib/netready")
_SERVICE_SETTINGS = Path("/etc/netready/agent.toml")
_AS_ROOT = "run this as root (sudo netready-agent doctor): it then looks at the service's own folder"


def software(here: Installation) -> Found:
    """Which version, on which Python and system; and whether the service still runs another."""
    bits = 64 if sys.maxsize > 2**32 else 32
    seen = (
        f"netready {agent.__version__} on Python {platform.python_version()} ({bits} bit), "
        f"{platform.system()} {platform.release()} {platform.machine()}"
    )
    last = here.stored.last if here.stored else None
    if last is not None and last.software != session.software():
        return warning(
            f"{seen}; the last report was made by {last.software}",
            "Start the service again, so that it runs the version that is installed.",
        )
    return well(seen)


def settings(here: Installation) -> Found:
    """Whether the settings file can be read, and which one it is."""
    if here.settings_trouble is not None:
        return fault(here.settings_trouble, "Correct that line, or remove the file to go on with the defaults.")
    if here.place.config is None:
        if sys.platform == "linux" and _SERVICE_SETTINGS.exists():
            return warning(f"no settings file is named; the service reads {_SERVICE_SETTINGS}", f"Please {_AS_ROOT}.")
        return well("no settings file is named: the defaults hold")
    return well(f"{here.place.config} is in order")


def state(here: Installation) -> Found:
    """Whether the state folder is there, ours alone, and can be written."""
    folder = here.place.state
    try:
        facts = folder.stat()
    except FileNotFoundError:
        return _no_folder(here)
    except OSError as error:
        return fault(f"{folder} cannot be opened: {_reason(error)}", "Run this as the user who owns it, or as root.")
    if not stat.S_ISDIR(facts.st_mode):
        return fault(f"{folder} is no folder", "Move that file away: the agent makes the folder itself.")
    trouble = _trouble_of_writing(folder)
    if trouble is not None:
        return trouble
    return _room_and_rights(here, facts)


def _room_and_rights(here: Installation, facts: os.stat_result) -> Found:
    folder, most = here.place.state, here.settings.outbox.max_bytes
    free = shutil.disk_usage(folder).free
    seen = f"{folder}, {_owner(facts)}, can be written; {budget.volume(free)} are free on its disk"
    if free < _LEAST_FREE_BYTES + most:
        return warning(seen, f"Free some disk space: up to {budget.volume(most)} of reports may have to wait here.")
    if sys.platform != "win32" and facts.st_mode & (stat.S_IWGRP | stat.S_IRWXO):
        mode = f"{stat.S_IMODE(facts.st_mode):o}"
        return warning(
            f"{seen}; others may look into it (mode {mode})", f'Take their rights away: chmod 700 "{folder}"'
        )
    return well(seen)


def enrolment(here: Installation) -> Found:
    """Whose computer this is, and whether it can still prove it."""
    who = here.identity
    if here.enrolment_trouble is not None:
        return fault(here.enrolment_trouble, "If that does not help, ask the school or region for a new token.")
    if who is None or here.enrolled is None:
        return _no_school(here)
    now = here.place.clock.now()
    seen = f"{who.school.name} (id {who.school.id}), since {words.ago(who.enrolled_at, now)}; computer {who.agent}"
    revoked = here.stored.revoked if here.stored else None
    if revoked is not None:
        return fault(f"the collector no longer wants this computer: {revoked}", f"If that is a mistake: {_ENROL}")
    exposed = _exposed_key(here.place.state)
    if exposed is not None:
        return warning(f"{seen}; other users may read its key", f'Take their rights away: chmod 600 "{exposed}"')
    return well(f"{seen}{_room(here, who)}; its key is here and fits")


def clone(here: Installation) -> Found:
    """Whether this is another machine than the one that enrolled, or another one reports with the same key."""
    who = here.identity
    if who is not None and machine.is_another(who.machine, machine.hints(who.school.id)):
        return fault(
            "this is another machine than the one that was enrolled: its disk was copied, or put into another computer",
            f"Enrol it by itself: {_ENROL} (after a repair with --recover CODE, its old recovery code)",
        )
    if here.stored is None:
        return unknown("the outbox, where that would show, cannot be read", "See the outbox.")
    if here.stored.conflicts:
        reports = words.count(here.stored.conflicts, "report")
        return fault(
            f"the collector refused {reports} because it had others with the same numbers: another computer has this "
            "computer's key, probably by a copied disk image",
            f"Remove {here.place.state} on each copy but one, and enrol each by itself: {_ENROL}",
        )
    return well("no sign of another computer with the same key")


def _no_folder(here: Installation) -> Found:
    if here.identity is None:
        above = next((each for each in here.place.state.parents if each.exists()), None)
        if above is not None and not os.access(above, os.W_OK):
            return fault(
                f"{here.place.state} is not there, and this user may not make it", "Run this as root, or give --state."
            )
        return well(f"{here.place.state} is not there yet: joining a school makes it")
    return fault(f"{here.place.state} is gone", f"Enrol this computer again: {_ENROL}")


def _no_school(here: Installation) -> Found:
    with suppress(OSError):
        if here.place.state != _SERVICE_STATE and _SERVICE_STATE.exists():
            return fault("this user's folder belongs to no school; the service has its own", f"Please {_AS_ROOT}.")
    return fault("this computer belongs to no school yet", f"Let it join its school: {_ENROL}")


def _room(here: Installation, who: Identity) -> str:
    room = here.settings.agent.room or who.room
    return f", room {room}" if room else ", no room given"


def _trouble_of_writing(folder: Path) -> Found | None:
    """Write a small file and remove it: only that tells for certain."""
    probe = folder / f".doctor.{secrets.token_hex(4)}"
    try:
        try:
            with probe.open("xb") as file:
                file.write(secrets.token_bytes(_PROBE_BYTES))
                file.flush()
                os.fsync(file.fileno())
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        advice = {
            errno.ENOSPC: "Free some disk space; until then nothing can be kept.",
            errno.EDQUOT: "Free some of this user's disk quota; until then nothing can be kept.",
            errno.EROFS: "Let the disk be written again, or name another folder with --state (NETREADY_STATE).",
            errno.EACCES: "Run this as the user who owns it, or as root.",
            errno.EPERM: "Run this as the user who owns it, or as root.",
        }.get(error.errno or 0, "Check that disk.")
        return fault(f"{folder} cannot be written: {_reason(error)}", advice)
    return None


def _owner(facts: os.stat_result) -> str:
    if sys.platform == "win32":
        return "there"
    if facts.st_uid == os.geteuid():
        return "owned by root" if facts.st_uid == 0 else "owned by the user who runs this"
    return "owned by another user"


def _exposed_key(folder: Path) -> Path | None:
    if sys.platform == "win32":
        return None
    with suppress(OSError):
        for file in (folder / "key", folder / "key.new"):
            # What others may not even reach, they cannot read.
            reached = folder.stat().st_mode & stat.S_IXOTH
            if reached and file.exists() and file.stat().st_mode & stat.S_IROTH:
                return file
    return None


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
