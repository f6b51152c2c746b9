"""Weeks of one computer in fast time: power cuts, sleep, clocks set wrong, full disks, a new key, a collector away.

The agent is the real service in a process of its own (``fast_agent``), killed with SIGKILL at random moments; the disk
is a real one that is full when it is full. What it says is on disk is compared with what the collector stored.
"""

import contextlib
import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, Self

from msgspec import Struct

from tests.fakes.fast_agent import SharedClock

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
LIGHT_S = 900.0
_LAST_LOOKS = 12
_LOOK_HOURS = 0.19  # no part of the times between reports: a report made just before each look would always wait
_QUICK = """
from typing import ClassVar
from msgspec import Struct
from agent.errors import ProbeUnavailable
class Probe(Struct, frozen=True, kw_only=True):
    takes_the_line: ClassVar[bool] = False
    needs_server: ClassVar[bool] = False
"""
_UNAVAILABLE = """
    def measure(self, deadline_s):
        raise ProbeUnavailable("not measured in fast time")
"""
_SETTINGS = """
[agent]
engine = "quick"
peer = false
[probes.latency]
count = 2
interval_s = 0.005
[probes.link]
count_s = 0.0
"""
_ANSWERS_WITHIN_S = 300.0


class FarEnd(Protocol):
    """A collector that can be told what happens to it."""

    url: str

    def token(self) -> str:
        """Return a token that enrols one computer."""

    def revoke(self, agent: str) -> None:
        """Take a computer out of service."""

    def leave(self) -> None:
        """Be away."""

    def come_back(self) -> None:
        """Answer again."""

    def stored(self) -> Counter[tuple[str, int]]:
        """Return how often each report is stored, by agent and number."""


class Look(Struct, frozen=True):
    """What the process held at a moment: bytes in memory, open files and sockets, and its age in seconds."""

    rss: int
    handles: int
    age_s: float


class Outcome(Struct, kw_only=True):
    """What became of everything."""

    days: float = 0.0
    blows: Counter[str] = Counter()
    kept: int = 0  # said to be on disk
    stored: int = 0
    lost: int = 0  # said to be on disk, and neither stored nor there
    twice: int = 0
    gaps: int = 0  # numbers that no report has
    refused: int = 0
    unwanted: int = 0  # on disk still, under the key that was revoked
    waiting: int = 0  # on disk still, under the key that is not
    made_share: float = 0.0  # of the light reports that were due while it was on and its disk had room
    strays: tuple[str, ...] = ()  # files in the state folder that nobody needs
    looks: list[Look] = []

    def growth(self) -> tuple[int, int]:
        """Return by how much memory and handles grew from the first to the last look of the longest life."""
        return self.looks[-1].rss - self.looks[0].rss, max(look.handles for look in self.looks) - self.looks[0].handles


class Computer:
    """A computer that is treated badly; ``disk`` is where its state is, ``folder`` what outlives everything."""

    def __init__(self, folder: Path, disk: Path, far_end: FarEnd, seed: int) -> None:
        self.outcome = Outcome(blows=Counter(), looks=[])
        self._folder = folder
        self._state = disk / "state"
        self._ballast = disk / "ballast"
        self._far_end = far_end
        self._chance = random.Random(seed)  # noqa: S311 - a plan that can be repeated
        self._process: subprocess.Popen[str] | None = None
        self._pace_s = 0.2  # of real time for an hour, as it was lately
        self._born_s = 0.0
        self._awake_s = 0.0  # with room on the disk
        self._full = False
        (folder / "probes").mkdir()
        for name, settings in (("quick", "    purpose: str = ''\n"), ("lan", ""), ("services", "")):
            text = _QUICK + settings + _UNAVAILABLE
            (folder / "probes" / f"{name}.py").write_text(text)
        (folder / "agent.toml").write_text(_SETTINGS)
        (folder / "state").symlink_to(self._state)
        (folder / "ledger").touch()
        self._clock = SharedClock(folder / "clock")
        self._clock.move(time.time() - 40 * DAY_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def enroll(self) -> str:
        """Enrol with a new token, as a person does, and return who it is now."""
        command = ["enroll", "--collector", self._far_end.url, "--token", self._far_end.token()]
        done = subprocess.run(
            [sys.executable, "-m", "agent", *command, "--state", str(self._state)],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return self._agent()

    def work(self, hours: float, *, look: bool = False) -> None:
        """Be on for so many hours; switched on first if it is off."""
        process = self._on()
        ends, began = self._clock.wall_s() + hours * HOUR_S, time.monotonic()
        before_s = self._clock.steady_s()
        said = self._ask(process, ends)
        self._awake_s += 0 if self._full else self._clock.steady_s() - before_s
        self._pace_s = 0.5 * self._pace_s + 0.5 * (time.monotonic() - began) / hours
        if look:
            age_s = self._clock.steady_s() - self._born_s
            self.outcome.looks.append(Look(said["rss"], said["handles"], age_s))
        self._pass(hours * HOUR_S)

    def cut(self, within_hours: float = 1.0) -> None:
        """Cut the power at any moment of the next hours, in the middle of whatever it does."""
        process = self._on()
        before_s = self._clock.steady_s()
        assert process.stdin is not None
        process.stdin.write(f"{self._clock.wall_s() + within_hours * HOUR_S}\n")
        process.stdin.flush()
        time.sleep(self._chance.random() * self._pace_s * within_hours)
        process.kill()
        process.communicate()
        self._process = None
        passed_s = self._clock.steady_s() - before_s
        self._awake_s += 0 if self._full else passed_s
        self._pass(passed_s)
        self.outcome.blows["power cuts"] += 1

    def sleep(self, hours: float) -> None:
        """Sleep: the process stays, the steady clock stands still."""
        self._on()
        self._clock.move(hours * HOUR_S)
        self._pass(hours * HOUR_S)
        self.outcome.blows["sleeps"] += 1

    def off(self, hours: float) -> None:
        """Be shut down properly for so long."""
        if self._process is not None:
            self._process.communicate("", timeout=60)
            self._process = None
        self._clock.move(hours * HOUR_S)
        self._pass(hours * HOUR_S)
        self.outcome.blows["shut down"] += 1

    def set_clock(self, days: float) -> None:
        """Set the wall's clock wrong, or right again."""
        self._clock.move(days * DAY_S)
        self.outcome.blows["clock jumps"] += 1

    def fill_disk(self) -> None:
        """Leave no byte on the disk."""
        with self._ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            for size in (65_536, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(b"\0" * size)
        self._full = True
        self.outcome.blows["full disks"] += 1

    def free_disk(self) -> None:
        """Let there be room again."""
        self._ballast.unlink()
        self._full = False

    def lose_key(self) -> None:
        """Be taken out of service, notice, and be enrolled again while the service runs."""
        old = self._agent()
        self._far_end.revoke(old)
        self.work(6)
        assert self.enroll() != old
        self.outcome.blows["new keys"] += 1

    def waits(self) -> bool:
        """Tell whether a report under the key in use is on the disk still."""
        with contextlib.closing(sqlite3.connect(self._state / "outbox.sqlite3")) as connection:
            (count,) = connection.execute("SELECT count(*) FROM reports WHERE agent = ?", (self._agent(),)).fetchone()
        return bool(count)

    def check(self) -> Outcome:
        """Compare what was said to be on disk with what is stored."""
        found, outcome = self._far_end.stored(), self.outcome
        lines = (self._folder / "ledger").read_text().split("\n")[:-1]
        kept = {(agent, int(number)) for agent, number in (line.split() for line in lines)}
        with contextlib.closing(sqlite3.connect(self._state / "outbox.sqlite3")) as connection:
            held = set(connection.execute("SELECT agent, sequence FROM reports"))
            (outcome.refused,) = connection.execute("SELECT count(*) FROM refused").fetchone()
        ours = self._agent()
        outcome.kept, outcome.stored = len(kept), len(found)
        outcome.lost = len(kept - set(found) - held)
        outcome.twice = sum(count > 1 for count in found.values())
        outcome.waiting = sum(agent == ours for agent, _ in held)
        outcome.unwanted = len(held) - outcome.waiting
        outcome.gaps = sum(_gaps(agent, set(found) | held) for agent in {agent for agent, _ in found})
        outcome.made_share = len(kept) / (self._awake_s / LIGHT_S)
        needed = {"identity.json", "key", "policy.json", "outbox.sqlite3", "outbox.sqlite3-journal"}
        needed |= {"outbox.numbers.json", "service.lock", "session.lock", "health.json", "crashes.json"}
        outcome.strays = tuple(sorted({one.name for one in self._state.iterdir()} - needed))
        return outcome

    def _on(self) -> "subprocess.Popen[str]":
        while self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.fakes.fast_agent", str(self._folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            self._born_s = self._clock.steady_s()
            said = self._read(self._process)
            if "error" in said:  # systemd starts it again a minute later
                self._process.communicate()
                self._process = None
                self.outcome.blows["starts that failed"] += 1
                self._clock.move(60.0, 60.0)
        return self._process

    def _ask(self, process: "subprocess.Popen[str]", until_s: float) -> dict[str, Any]:
        assert process.stdin is not None
        process.stdin.write(f"{until_s}\n")
        process.stdin.flush()
        return self._read(process)

    def _read(self, process: "subprocess.Popen[str]") -> dict[str, Any]:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the service ended: {(self._folder / 'log').read_text()[-2000:]}"
        return json.loads(line)

    def _agent(self) -> str:
        return str(json.loads((self._state / "identity.json").read_text())["agent"])

    def _pass(self, seconds: float) -> None:
        self.outcome.days += seconds / DAY_S


def _gaps(agent: str, numbered: set[tuple[str, int]]) -> int:
    numbers = {sequence for one, sequence in numbered if one == agent}
    return max(numbers) - len(numbers)


def live(computer: Computer, far_end: FarEnd, days: int, outage_days: float, say: Callable[[str], None]) -> Outcome:
    """Live so many days: bad ones for half of the time, then a collector that is away, then one life without a blow."""
    computer.enroll()
    bad = max(1.0, (days - outage_days) * 0.6)
    blows = _bad_days(computer)
    while computer.outcome.days < bad:
        next(blows)
        say(f"day {computer.outcome.days:.1f}: {dict(computer.outcome.blows)}")
    computer.off(1)
    computer.work(4, look=False)
    far_end.leave()
    computer.outcome.blows["collector away, days"] += round(outage_days)
    until = computer.outcome.days + outage_days
    while computer.outcome.days < until:
        computer.work(6, look=True)
        say(f"day {computer.outcome.days:.1f}: the collector is away")
        computer.sleep(6)
    far_end.come_back()
    while computer.outcome.days < days:
        computer.work(6, look=True)
        say(f"day {computer.outcome.days:.1f}: quiet")
    for _ in range(_LAST_LOOKS):  # the last one may have been made a moment ago, or its answer got lost
        if computer.waits():
            computer.work(_LOOK_HOURS)
    return computer.check()


def _bad_days(computer: Computer) -> Iterator[None]:
    """Deal one blow after the other, and work in between; never ends."""
    while True:
        for _ in range(3):
            computer.cut()
            yield
            computer.work(1)
        computer.sleep(9)
        yield
        computer.work(2)
        for wrong_days in (-2.0, 400.0):
            computer.set_clock(wrong_days)
            computer.work(2)
            computer.cut()
            computer.set_clock(-wrong_days)
            yield
            computer.work(2)
        computer.fill_disk()
        computer.work(1)
        computer.cut()
        yield
        computer.work(1)
        computer.free_disk()
        computer.work(1)
        if not computer.outcome.blows["new keys"]:
            computer.lose_key()
            yield
        computer.work(3)
        computer.off(10)
        yield


def unavailable() -> str | None:
    """Return why there can be no such life here."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "a small disk to fill needs root on Linux"
    return None
