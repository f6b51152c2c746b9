"""Checks of the agent's work: what waits, what was measured, whether the service lives, what the computer allows."""

import math
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import psutil

from agent import budget, crashes, schedule, service
from agent.contract.errors import SettingsError
from agent.contract.measurement import Failed, Skipped
from agent.contract.report import Report
from agent.doctor import words
from agent.doctor.finding import Found, fault, unknown, warning, well
from agent.doctor.installation import Installation, Stored
from agent.errors import StateError
from agent.host import files, program
from agent.host import power as host_power
from agent.uplink import Pause

_OLD = timedelta(days=1)  # reports go out every few minutes
_SILENT = timedelta(days=4)  # a weekend and a holiday
_RESTARTS = 3
_UNIT = "netready-agent.service"
_UNIT_FACTS = ("LoadState", "ActiveState", "SubState", "Result", "NRestarts", "UnitFileState")
_ASK_S = 3.0
_IDLE_BYTES = 45 * 1024 * 1024
_MOST_BYTES = 150 * 1024 * 1024
_LATEST_PAUSE_S = 7 * 3600.0  # more than the longest there is


def outbox(here: Installation) -> Found:
    """What waits to be sent, and why it was not."""
    stored = here.stored
    if stored is None:
        return fault(
            here.stored_trouble or "the outbox cannot be read", "Run this as the user who owns it, or as root."
        )
    now = here.place.clock.now()
    seen = f"{words.count(stored.waiting, 'report')} waiting"
    if stored.waiting:
        seen += f" ({budget.volume(stored.waiting_bytes)}"
        seen += f"), the oldest of {words.ago(stored.oldest, now)}" if stored.oldest else ")"
    seen += f", {stored.refused or 'none'} refused, {stored.dropped or 'none'} dropped"
    if stored.refused:
        refusal = stored.refusals[0]
        last = f"{seen}; the last was refused because: {refusal.reason.replace('_', ' ')}: {refusal.detail}"
        return warning(last, "Tell whoever runs the collector; a refused report is kept here and not sent again.")
    if stored.unwanted:
        return warning(f"{seen}; {stored.unwanted} of them are not sent: see the school", "Enrol this computer again.")
    damaged = stored.notes.get("damaged")
    if damaged:
        return warning(f"{seen}; {damaged}", "Check this computer's disk.")
    return _undelivered(stored, seen, now)


def sessions(here: Installation) -> Found:
    """When this computer last measured, what came of it, and when it will measure next."""
    if here.identity is None or here.stored is None:
        return unknown("what was measured cannot be read", "See the state folder and the outbox.")
    now, who = here.place.clock.now(), here.identity
    try:
        following = schedule.next_session(who.agent, here.policy, now)
    except SettingsError as error:
        return fault(str(error), "Install the time zones (the package tzdata) on this computer.")
    note = here.stored.notes.get(service.LAST_SESSION)
    last = _moment(note)
    seen = f"last full session {words.ago(last, now)}" if last else "no full session so far"
    seen += f"; next {words.local(following)}" if following else "; no next one is planned"
    if here.policy.paused:
        return warning(f"{seen}: tests are paused", "Whoever paused them at the collector has to let them go on.")
    if following is None:
        return warning(seen, "Ask the collector's administrator for this school's hours: its policy plans no test.")
    if _is_overdue(here, last or who.enrolled_at, now):
        return warning(seen, "Is the computer on during lessons? If so, see the service.")
    return _came(here.stored.last, seen)


def running(here: Installation, unit: dict[str, str]) -> Found:
    """Whether the service works, and what systemd says of its unit (see ``unit_of_system``)."""
    about = f"; systemd says {unit['ActiveState']} ({unit['SubState']})" if unit else ""
    if unit and unit["Result"] == "start-limit-hit":
        return fault(
            f"the service crashed again and again until systemd gave it up{about}",
            f"Read why (journalctl -u {_UNIT}), then: sudo systemctl reset-failed {_UNIT} and start it.",
        )
    try:
        holder = holder_of(here.place.state / "service.lock")
    except PermissionError:
        return unknown(f"this user may not see whether it runs{about}", "Run this as root.")
    if holder is None:
        return _not_running(here, unit, about)
    restarts = int(unit["NRestarts"]) if unit and unit["NRestarts"].isdigit() else 0
    seen = f"it runs{f' as process {holder}' if holder else ''}{about}"
    if restarts >= _RESTARTS:
        return warning(
            f"{seen}; it was started again {restarts} times after a crash", f"Read why: journalctl -u {_UNIT}"
        )
    return well(seen)


def crashed(here: Installation) -> Found:
    """How often the service ended without being told to, and where in the program."""
    try:
        book = crashes.read(here.place.state)
    except StateError as error:
        return unknown(str(error), "Run this as the user who owns it, or as root.")
    now = here.place.clock.now()
    lately = crashes.recent(book.crashes, now)
    if not lately:
        older = f"; the last crash was {words.ago(book.crashes[-1].at, now)}" if book.crashes else ""
        return well(f"no crash in the last day{older}")
    last = lately[-1]
    seen = f"{len(lately)} crash{'es' if len(lately) > 1 else ''} in the last day; the last, of version {last.version},"
    seen += f" {words.ago(last.at, now)}{'' if last.is_settled else ', soon after its start'}: {last.reason}"
    if book.wait_s:
        seen += f"; so it waits {words.span(book.wait_s)} after a start before it measures"
    if last.reason == crashes.KILLED:
        return warning(seen, "Is there memory enough? See the system's log; if nobody ended it, send this to support.")
    return warning(seen, "Send this page to support; a newer version may have put it right.")


def memory(here: Installation) -> Found:
    """How much memory the running service has."""
    try:
        holder = holder_of(here.place.state / "service.lock")
        if holder is None:
            return well("the service does not run, so it takes none")
        if not holder:
            return unknown("this system does not say which process the service is")
        process = psutil.Process(holder)
        resident, since = process.memory_info().rss, datetime.fromtimestamp(process.create_time(), UTC)
    except (PermissionError, psutil.Error) as error:
        return unknown(f"this system does not tell: {type(error).__name__}", "Run this as root.")
    now = here.place.clock.now()
    seen = f"{resident / 1024**2:.0f} MiB, running since {words.ago(since, now)}"
    if resident > _MOST_BYTES:
        return warning(
            f"{seen}; idle it should have {_IDLE_BYTES // 1024**2} MiB",
            "If no test runs just now, start the service again and send this page to support.",
        )
    return well(seen)


def power(here: Installation) -> Found:
    """Whether the computer runs on its battery, and whether its connection is paid for by volume."""
    battery, least = host_power.battery(), here.settings.agent.least_battery_percent
    seen = "no battery" if battery is None else f"battery {battery.percent:.0f} %"
    if battery is not None and battery.is_plugged is not None:
        seen += ", plugged in" if battery.is_plugged else ", not plugged in"
    if host_power.is_low(least, battery):
        return warning(
            f"{seen}: what fills the line is put off below {least} %",
            "Plug it in; or set [agent] least_battery_percent in agent.toml.",
        )
    if budget.is_metered(here.settings.agent.metered):
        told = "the settings say" if here.settings.agent.metered is not None else "the system says"
        return warning(
            f"{seen}; {told} that the connection is paid for by volume",
            "Then how fast the line is is never asked; if it is not so, set [agent] metered = false in agent.toml.",
        )
    return well(f"{seen}; the connection is not known to be paid for by volume")


def holder_of(lock: Path) -> int | None:
    """Return the process that holds a lock, 0 where the system does not say which, None where nobody does.

    Raises:
        PermissionError: this user may not look.
    """
    if not lock.exists():
        return None
    if sys.platform == "linux" and (process := _holder_by_kernel(lock)):
        return process
    if not os.access(lock, os.R_OK | os.W_OK):
        raise PermissionError(lock)
    try:
        with files.exclusive(lock):
            return None
    except BlockingIOError:
        return 0
    except StateError as error:
        raise PermissionError(str(error)) from error


def _holder_by_kernel(lock: Path) -> int | None:
    """Read Linux' list of locks (proc_locks(5)): it tells who without touching the lock."""
    facts = lock.stat()
    wanted = f"{os.major(facts.st_dev):02x}:{os.minor(facts.st_dev):02x}:{facts.st_ino}"
    try:
        table = Path("/proc/locks").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    for line in table.splitlines():
        fields = line.split()
        if len(fields) >= 6 and fields[1] == "FLOCK" and fields[5] == wanted and fields[4].isdigit():
            return int(fields[4]) or None
    return None


def _not_running(here: Installation, unit: dict[str, str], about: str) -> Found:
    if here.identity is None:
        return well(f"it does not run{about}: before this computer has joined a school there is nothing to do")
    left = (here.place.state / "service.lock").exists()
    seen = f"it does not run{about}" + ("; it ran before: its lock is there, and no process holds it" if left else "")
    if unit and unit["LoadState"] == "masked":
        return fault(seen, f"Somebody switched it off for good: sudo systemctl unmask {_UNIT}")
    if unit and unit["UnitFileState"] == "disabled":
        return fault(seen, f"Let it start by itself: sudo systemctl enable --now {_UNIT}")
    return fault(seen, f"Start it: {f'sudo systemctl start {_UNIT}' if unit else 'netready-agent run'}")


def unit_of_system() -> dict[str, str]:
    """Return what systemd says of the service; empty where there is no systemd or no such service."""
    if not Path("/run/systemd/system").is_dir():
        return {}
    words_of_it = f"--property={','.join(_UNIT_FACTS)}"
    return decode_unit(program.text("systemctl", "show", words_of_it, _UNIT, within_s=_ASK_S))


def decode_unit(told: str) -> dict[str, str]:
    """Read ``systemctl show``; empty where it does not know the service."""
    found = dict(line.split("=", 1) for line in told.splitlines() if "=" in line)
    facts = {name: found.get(name, "") for name in _UNIT_FACTS}
    return facts if facts["LoadState"] in {"loaded", "masked"} else {}


def _undelivered(stored: Stored, seen: str, now: datetime) -> Found:
    trouble = stored.notes.get(service.LAST_TROUBLE)
    pauses = [pause for name, text in stored.notes.items() if name.startswith("pause ") for pause in _pause(text)]
    until = max((pause.not_before for pause in pauses), default=0.0)
    if 0 < until - now.timestamp() < _LATEST_PAUSE_S:
        seen += f"; next try {words.local(datetime.fromtimestamp(until, UTC))}"
    if trouble and stored.waiting:
        return warning(
            f"{seen}; they were not sent because: {trouble}", "See the collector; they are sent by themselves."
        )
    if stored.waiting and stored.oldest is not None and now - stored.oldest > _OLD:
        return warning(seen, "See the service and the collector: reports go out within minutes otherwise.")
    if stored.dropped:
        return warning(seen, "Reports were lost because they waited too long: see the collector.")
    return well(seen)


def _pause(text: str) -> list[Pause]:
    try:
        pause = msgspec.json.decode(text, type=Pause)
    except msgspec.DecodeError:
        return []
    return [pause] if math.isfinite(pause.not_before) else []


def _moment(note: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(note) if note else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def _is_overdue(here: Installation, since: datetime, now: datetime) -> bool:
    """Tell whether sessions were due and none came for days; holidays have none that are due."""
    if here.identity is None or now - since < _SILENT:
        return False
    due = schedule.next_session(here.identity.agent, here.policy, since)
    return due is not None and now - due > _SILENT


def _came(last: Report | None, seen: str) -> Found:
    """Say what came of the last report's measurements."""
    if last is None:
        return well(seen)
    measured = last.read_measurements()
    failed = [one for one in measured if isinstance(one, Failed)]
    skipped = sum(isinstance(one, Skipped) for one in measured)
    parts = [f"{words.count(len(measured) - len(failed) - skipped, 'test')} came out"]
    parts += [f"{one.probe} failed ({one.failure.replace('_', ' ')})" for one in failed[:3]]
    parts += [f"{skipped} could not be run here"] if skipped else []
    seen += f"; in the last report {', '.join(parts)}"
    if measured and failed and len(failed) + skipped == len(measured):
        return warning(seen, "See the test servers and the network; netready-agent diagnose says more.")
    return well(seen)
