import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]

# What the supervisor starts in these tests: a process that notes what happens to it and does what its place says.
CHILD = """
import json, os, signal, sys, time
orders = json.loads(sys.stdin.buffer.readline())
def note(what):
    with open(f"{os.environ['NOTES']}/{os.getpid()}", "a") as notes:
        notes.write(json.dumps([time.monotonic(), orders["place"], what, os.getpid()]) + "\\n")
def end(*_):
    note("told to end")
    if "stubborn" not in orders["place"]:
        sys.exit(0)
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGHUP, lambda *_: note("hung up"))
note("started")
if "broken" in orders["place"]:
    sys.exit(3)
print("ready", flush=True)
if not sys.stdin.buffer.read():
    note("left alone")
"""

SUPERVISOR = """
import socket, sys
from pathlib import Path
from collector import metrics
from collector.orders import Orders
from collector.settings import Settings
from collector.supervisor import Supervisor
folder = sys.argv[1]
with socket.create_server(("127.0.0.1", 0)) as listener:
    supervisor = Supervisor(
        listener=listener, folder=Path(folder), drain_s=float(sys.argv[2]), passes_hangup=sys.argv[3] == "yes",
        module="child_of_test",
    )
    wanted = [
        Orders(role="answer", place=place, settings=Settings(), folder=folder, listener=listener.fileno())
        for place in sys.argv[4:]
    ]
    whole = supervisor.run(wanted, lambda: print("ready", listener.getsockname()[1], flush=True))
sys.exit(0 if whole else 1)
"""


class Family:
    """A supervisor in a process of its own, and what its children noted."""

    def __init__(self, folder: Path, *places: str, drain_s: float = 5.0, passes_hangup: bool = False) -> None:
        (folder / "child_of_test.py").write_text(CHILD)
        self.noted = folder / "notes"
        self.noted.mkdir()
        environment = os.environ | {"NOTES": str(self.noted), "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
        hangup = "yes" if passes_hangup else "no"
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISOR, str(folder), str(drain_s), hangup, *places],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ready(self) -> int:
        """Wait until all children are ready; return the port."""
        assert self.process.stdout is not None
        word, port = self.process.stdout.readline().split()
        assert word == "ready"
        return int(port)

    def notes(self) -> list[tuple[str, str, int]]:
        """Return what the children noted so far."""
        lines = [line for file in self.noted.iterdir() for line in file.read_text().splitlines()]
        return [(place, what, pid) for _, place, what, pid in sorted(json.loads(line) for line in lines)]

    def count(self, place: str, what: str) -> int:
        """Count what one of the children noted."""
        return sum((at, word) == (place, what) for at, word, _ in self.notes())

    def pids(self) -> set[int]:
        """Return every process that was ever started."""
        return {pid for _, what, pid in self.notes() if what == "started"}

    def wait_for(self, condition) -> None:
        """Wait for something that must happen."""
        ends = time.monotonic() + 30
        while not condition():
            if time.monotonic() >= ends:
                running = self.alive()
                self.process.kill()
                assert self.process.stderr is not None
                said = self.process.stderr.read() if not running else ""  # they write there too, and would keep it open
                pytest.fail(f"noted: {self.notes()}; still running: {running}; said: {said}")
            time.sleep(0.02)

    def end(self) -> tuple[int, str]:
        """Tell it to end; return its exit status and what it logged."""
        self.process.send_signal(signal.SIGTERM)
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said

    def alive(self) -> set[int]:
        """Return the children that still run."""
        return {pid for pid in self.pids() if psutil.pid_exists(pid) and not _is_dead(pid)}


def _is_dead(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def family(tmp_path):
    """Start supervisors; neither they nor their children outlive the test."""
    made: list[Family] = []

    def start(*places: str, **how) -> Family:
        made.append(Family(tmp_path, *places, **how))
        return made[-1]

    yield start
    for one in made:
        one.process.kill()
        one.process.communicate(timeout=30)
        for pid in one.alive():
            os.kill(pid, signal.SIGKILL)


def test_a_dead_process_is_started_again(family):
    """Kill -9 of one leaves the others alone, and another takes its place."""
    one = family("a", "b")
    one.ready()
    victim = next(pid for place, _, pid in one.notes() if place == "a")
    os.kill(victim, signal.SIGKILL)
    one.wait_for(lambda: one.count("a", "started") == 2)
    code, said = one.end()
    assert (code, one.count("b", "started")) == (0, 1)
    assert "a was killed by SIGKILL; it is started again in 0.5 s" in said


def test_one_that_cannot_start_is_tried_ever_more_seldom(family):
    """A lasting fault does not eat the computer, and is in the log with its exit status."""
    one = family("broken")
    one.wait_for(lambda: one.count("broken", "started") == 3)
    _, said = one.end()
    pauses = [line.rsplit(" ", 2)[-2] for line in said.splitlines() if "exit status 3" in line]
    assert pauses[:2] == ["0.5", "1.0"]


def test_nobody_accepts_any_more_once_told_to_end(family):
    """After the end the address is free at once, and every process was told and has ended."""
    one = family("a", "b")
    port = one.ready()
    assert one.end()[0] == 0
    assert one.count("a", "told to end") == one.count("b", "told to end") == 1
    assert one.alive() == set()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_who_does_not_end_within_the_limit_is_killed(family):
    """The end comes in any case, and its exit status tells that it was not a whole one."""
    one = family("stubborn", drain_s=-14.0)  # one second beyond the drain is left
    one.ready()
    code, said = one.end()
    assert code == 1
    assert "stubborn did not end within the limit and is killed" in said
    assert one.alive() == set()


def test_children_of_a_killed_supervisor_are_left_alone_and_know_it(family):
    """Kill -9 of the supervisor ends the standard input of all, so that none goes on as an orphan."""
    one = family("a", "b")
    one.ready()
    one.process.kill()
    one.wait_for(lambda: one.count("a", "left alone") == one.count("b", "left alone") == 1)
    one.wait_for(lambda: one.alive() == set())


def test_a_hangup_is_passed_on_where_something_can_be_read_again(family):
    """SIGHUP reaches every process where there are certificates, and nothing ends."""
    one = family("a", "b", passes_hangup=True)
    one.ready()
    one.process.send_signal(signal.SIGHUP)
    one.wait_for(lambda: one.count("a", "hung up") == one.count("b", "hung up") == 1)
    assert one.end()[0] == 0


def test_a_hangup_without_certificates_is_the_end(family):
    """A closed terminal does not leave a collector behind."""
    one = family("a")
    one.ready()
    one.process.send_signal(signal.SIGHUP)
    _, _ = one.process.communicate(timeout=60)
    assert one.process.returncode == 0
    assert one.alive() == set()


def test_a_password_in_the_url_is_on_no_command_line(family):
    """What the processes are told goes through a pipe."""
    one = family("a")
    one.ready()
    (pid,) = one.pids()
    assert psutil.Process(pid).cmdline()[1:] == ["-m", "child_of_test"]
    one.end()
