"""One look for a new version, from the policy to the program that runs: a real repository and real program files."""

import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import pytest

from agent import health, identity, service
from agent.contract.wire import Hours, Policy, Release, SchoolCard
from agent.errors import NotEnrolledError, StateError, UpdateError
from agent.health import Health
from agent.host.clock import Clock
from agent.identity import Identity
from agent.settings import Settings, Updates
from agent.updates import run
from agent.updates.installers import SingleFile
from tests.agent.updates.conftest import PLATFORM

EVENING = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
LESSON = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
# A program as small as one can be: started, it says that it works, or falls over before it can.
_PROGRAM = """#!{python}
import json, pathlib, sys
version, works = {version!r}, {works!r}
if not works:
    raise SystemExit("a fault of this version")
now = "2026-11-24T16:00:00Z"
note = {{"version": version, "started_at": now, "alive_at": now, "heard_at": now}}
pathlib.Path({note!r}).write_text(json.dumps(note))
"""


class Computer:
    """A computer with one program file, whose service starts again when it is replaced."""

    def __init__(self, folder, versions) -> None:
        self.state = folder / "state"
        identity.files.make_private_folder(self.state)
        self.program = folder / "netready-agent"
        self.versions = versions
        self.said = []
        self.passed_s = 0.0
        self.now = EVENING
        self.settings = self.told()
        self.policy("0.2.0")

    def told(self, **more) -> Settings:
        root = self.state / "root.json"
        root.write_bytes(self.versions.root)
        return Settings(updates=Updates(**{"root_file": str(root), "folder": str(self.state / "updates")} | more))

    def build(self, version: str, *, works: bool = True) -> bytes:
        note = str(self.state / "health.json")
        return _PROGRAM.format(python=sys.executable, version=version, works=works, note=note).encode()

    def policy(self, version: str, **more) -> None:
        wanted = Release(version=version, mirrors=(self.versions.mirror,), **more)
        mine = Identity(
            agent="ab" * 16,
            school=SchoolCard(id="0042", name="Мектеп"),
            collector="https://collector.example",
            room=None,
            enrolled_at=EVENING,
        )
        key = identity.key_to_enroll_with(self.state)
        mine = Identity(**{**{name: getattr(mine, name) for name in mine.__struct_fields__}, "agent": _agent_id(key)})
        identity.save(self.state, mine, Policy(update=wanted, hours=Hours(start="08:00", end="18:00")))

    def look(self, version="0.1.0", *, only_say=False) -> bool:
        # The service is started by whatever starts services; what it cannot do is fail the installation.
        restart = ("/bin/sh", "-c", f"{self.program} 2>/dev/null || true")
        place = run.Place(
            state=self.state,
            settings=self.settings,
            platform=PLATFORM,
            installer=SingleFile(self.program, restart),
            clock=Clock(
                wall_s=lambda: self.now.timestamp() + self.passed_s, steady_s=lambda: self.passed_s, sleep=self.sleep
            ),
            version=version,
        )
        return run.look(place, self.said.append, only_say=only_say)

    def sleep(self, seconds: float) -> None:
        self.passed_s += seconds


def _agent_id(key) -> str:
    from agent.contract.signing import agent_id

    return agent_id(bytes(key.verify_key))


@pytest.fixture
def computer(tmp_path, versions):
    """Version 0.1.0 runs; 0.3.0 works, 0.4.0 falls over at its start."""
    made = Computer(tmp_path, versions)
    versions.add("0.3.0", made.build("0.3.0"))
    versions.add("0.4.0", made.build("0.4.0", works=False))
    versions.add("0.2.9", made.build("0.2.9"))
    made.program.write_bytes(made.build("0.2.9"))
    made.program.chmod(0o755)
    health.write(made.state, Health(version="0.2.9", started_at=EVENING, alive_at=EVENING, heard_at=EVENING))
    return made


def test_a_version_that_works_takes_the_place(computer) -> None:
    """Fetched, verified, installed, started, heard: the new program runs."""
    computer.policy("0.3.0")
    assert computer.look("0.2.9")
    assert computer.program.read_bytes() == computer.build("0.3.0")
    assert health.read(computer.state).version == "0.3.0"
    assert computer.said == ["0.3.0 is wanted", "the version on trial was kept"]
    assert computer.look("0.3.0")
    assert computer.said[-1] == "0.3.0 is installed"


def test_a_version_that_crashes_is_rolled_back(computer) -> None:
    """It never says that it works: the program before is back, runs, and the next look leaves it at that."""
    computer.policy("0.4.0")
    assert not computer.look("0.2.9")
    assert computer.program.read_bytes() == computer.build("0.2.9")
    assert health.read(computer.state).version == "0.2.9"
    assert computer.look("0.2.9")
    assert "did not work here" in computer.said[-1]


def test_nothing_is_changed_where_it_is_only_asked(computer) -> None:
    """--check says what would be done."""
    computer.policy("0.3.0")
    assert computer.look("0.2.9", only_say=True)
    assert computer.said == ["0.3.0 is wanted"]
    assert computer.program.read_bytes() == computer.build("0.2.9")


def test_there_is_no_way_forward_without_a_way_back(computer) -> None:
    """Where nobody gives the package of the installed version, none is replaced."""
    computer.policy("0.3.0")
    with pytest.raises(UpdateError, match=r"there is no 0\.0\.9/linux-x86_64 there"):
        computer.look("0.0.9")
    assert computer.program.read_bytes() == computer.build("0.2.9")


def test_not_in_lessons(computer) -> None:
    """Not even fetched: the line is the lessons'."""
    computer.policy("0.3.0")
    computer.now = LESSON
    assert computer.look("0.2.9")
    assert computer.said == ["0.3.0 waits until the lessons are over"]
    assert not (computer.state / "updates" / "packages").exists()


def test_a_test_that_runs_ends_first(computer, monkeypatch) -> None:
    """The line is had alone while a version is put in place."""
    computer.policy("0.3.0")
    monkeypatch.setattr(run, "_LINE_WITHIN_S", 0.3)
    with service.the_line(computer.state), pytest.raises(StateError, match="is measuring on this computer"):
        computer.look("0.2.9")
    assert computer.program.read_bytes() == computer.build("0.2.9")
    began = threading.Event()

    def measure() -> None:
        with service.the_line(computer.state):
            began.set()
            time.sleep(0.5)

    monkeypatch.setattr(run, "_LINE_WITHIN_S", 30.0)
    thread = threading.Thread(target=measure)
    thread.start()
    began.wait(10)
    assert computer.look("0.2.9")
    thread.join()
    assert computer.program.read_bytes() == computer.build("0.3.0")


def test_two_looks_never_meet(computer) -> None:
    """The second says so and ends."""
    folder = computer.state / "updates"
    identity.files.make_private_folder(folder)
    with service.alone(folder / "lock", "x"), pytest.raises(StateError, match="another look"):
        computer.look("0.2.9")


def test_old_packages_are_removed(computer) -> None:
    """Two lie on the disk at most: the one that runs and the one on trial."""
    for before, after in (("0.2.9", "0.3.0"), ("0.3.0", "0.4.0")):
        computer.policy(after)
        computer.look(before)
    assert {one.name for one in (computer.state / "updates" / "packages").iterdir()} == {"0.3.0", "0.4.0"}


def test_without_a_root_nothing_is_updated(computer) -> None:
    """And who has none is told where it goes."""
    computer.policy("0.3.0")
    computer.settings = Settings(updates=Updates(folder=str(computer.state / "updates")))
    with pytest.raises(UpdateError, match="no root of trust"):
        computer.look("0.2.9")
    computer.settings = computer.told(root_file=str(computer.state / "nowhere.json"))
    with pytest.raises(UpdateError, match=r"there is no .*nowhere\.json"):
        computer.look("0.2.9")


@pytest.mark.parametrize("root", [b"", b"{}", b"not json", b'{"signed": {}, "signatures": []}'])
def test_a_root_that_is_none_is_refused(computer, root) -> None:
    """A damaged or empty file is no trust at all."""
    computer.policy("0.3.0")
    (computer.state / "root.json").write_bytes(root)
    with pytest.raises(UpdateError):
        computer.look("0.2.9")


def test_before_it_belongs_to_a_school_there_is_no_policy(tmp_path, versions) -> None:
    """Nothing is done by itself on a computer that nobody enrolled."""
    made = Computer(tmp_path, versions)
    identity.forget(made.state)
    with pytest.raises(NotEnrolledError):
        made.look()


def test_the_command_says_who_updates_what(tmp_path) -> None:
    """An installation from the sources is left to whoever installed it."""
    asked = [sys.executable, "-m", "agent", "update", "--state", str(tmp_path)]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "was not installed by one of its packages" in done.stderr


def test_root_keeps_packages_where_the_service_cannot_write(computer, monkeypatch) -> None:
    """Else whoever has the service would have root: by another package, or by another way back."""
    place = run.Place(
        state=computer.state, settings=Settings(), platform=PLATFORM, installer=SingleFile(computer.program)
    )
    monkeypatch.setattr(run.os, "geteuid", lambda: 0)
    assert computer.state not in run.folder_of(place).parents
    monkeypatch.setattr(run.os, "geteuid", lambda: 1000)
    assert run.folder_of(place) == computer.state / "updates"
