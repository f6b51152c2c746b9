"""A version on trial: kept where it works, taken back where it does not, whatever breaks off in between."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from agent import health
from agent.crashes import Crashes
from agent.errors import InstallError, StateError
from agent.health import Health, Notes
from agent.host.clock import Clock
from agent.updates import trial
from agent.updates.trial import TRIAL_S, Trial, Trials

BEGIN = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)


class PowerCutError(BaseException):
    """Nothing catches it, as nothing catches a power cut."""


class World:
    """A computer: what is installed, how its service fares, and a clock that only ``sleep`` moves."""

    def __init__(self, folder) -> None:
        self.folder = folder / "updates"
        self.state = folder / "state"
        self.state.mkdir()
        self.folder.mkdir()
        self.passed_s = 0.0
        self.installed = "0.1.0"
        self.fares = {"0.1.0": "heard", "0.2.0": "heard"}
        self.cannot = set()
        self.cut_at = None
        self.events = []
        self.slept = 0
        self.clock = Clock(
            wall_s=lambda: BEGIN.timestamp() + self.passed_s, steady_s=lambda: self.passed_s, sleep=self.sleep
        )
        self.starts()

    def install(self, package) -> None:
        if package.name in self.cannot:
            raise InstallError("dpkg ended with 1")
        self.events.append(package.name)
        self._maybe_cut("before")
        self.installed = package.name
        self.starts()
        self._maybe_cut("after")

    def way_back(self, package) -> str:
        return f"#!/bin/sh\nexec install {package}\n"

    def starts(self) -> None:
        """The service of the installed version starts, or crashes before it says anything."""
        self.since = self.passed_s
        if self.fares[self.installed] != "crashes":
            self.notes = Notes(self.state, self.installed, self.clock.now())
            self.notes.begin()

    def sleep(self, seconds) -> None:
        self.passed_s += seconds
        self.slept += 1
        if self.cut_at == ("watching", self.slept):
            raise PowerCutError
        if self.fares[self.installed] == "crashes":
            return
        if self.fares[self.installed].startswith("heard") and self.passed_s - self.since > 60:
            self.notes.heard(self.clock.now())
            if self.fares[self.installed] != "heard" and self.passed_s - self.since > 180:
                life = Crashes(self.state, self.installed, "boot")
                life.begin(self.clock.now())
                life.crashed(self.clock.now(), "ZeroDivisionError in agent/x.py:1 (y)")
        else:
            self.notes.alive(self.clock.now())

    def _maybe_cut(self, when) -> None:
        if self.cut_at == (when, len(self.events)):
            raise PowerCutError

    def trials(self) -> Trials:
        return Trials(self.folder, self, self.state, self.clock)

    def try_it(self, version="0.2.0", **more):
        known = self.trials()
        wanted = Trial(version=version, package=version, before="0.1.0", before_package="0.1.0", **more)
        return known.begin(wanted) or known.settle()

    def left(self) -> set[str]:
        return {one.name for one in self.folder.iterdir()}


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_a_version_that_works_is_kept(world) -> None:
    """It was heard by the collector; nothing of the trial is left."""
    assert world.try_it() == "kept"
    assert world.installed == "0.2.0"
    assert world.passed_s < TRIAL_S
    assert world.left() == set()
    assert world.trials().settle() == "nothing"


def test_a_version_that_crashes_after_it_was_heard_is_taken_back(world) -> None:
    """The collector's answer alone proves little: what falls over minutes later is no version to keep."""
    world.fares["0.2.0"] = "heard, then crashes"
    assert world.try_it() == "taken back"
    assert world.installed == "0.1.0"
    (failed,) = world.trials()._listed()
    assert failed.reason == "its service crashed: ZeroDivisionError in agent/x.py:1 (y)"
    assert world.passed_s < TRIAL_S


def test_crashes_of_before_are_not_held_against_it(world) -> None:
    """Those that another trial of this version left, or the version before had."""
    for version in ("0.1.0", "0.2.0"):
        life = Crashes(world.state, version, "boot")
        life.begin(BEGIN)
        life.crashed(BEGIN, "of old")
    assert world.try_it() == "kept"


@pytest.mark.parametrize("fares", ["crashes", "alive"])
def test_a_version_that_does_not_work_is_taken_back(world, fares) -> None:
    """It crashes at its start, or gets no answer where the one before got it: it goes, and is never tried again."""
    world.fares["0.2.0"] = fares
    assert world.try_it() == "taken back"
    assert world.installed == "0.1.0"
    assert world.trials().failed() == {"0.2.0"}
    assert world.left() == {"failed.json"}


def test_without_a_collector_a_version_has_to_live(world) -> None:
    """Where none was heard before, five minutes without a crash are enough."""
    world.fares["0.2.0"] = "alive"
    assert world.try_it(was_offline=True) == "kept"
    assert trial.ALIVE.total_seconds() <= world.passed_s < TRIAL_S
    world.fares["0.3.0"] = "crashes"
    assert world.try_it("0.3.0", was_offline=True) == "taken back"


def test_a_package_that_cannot_be_installed(world) -> None:
    """What was there is put back whole, for half a package may be in place."""
    world.cannot = {"0.2.0"}
    assert world.try_it() == "taken back"
    assert world.events == ["0.1.0"]
    assert world.trials().failed() == {"0.2.0"}


def test_a_way_back_that_fails_is_not_hidden(world) -> None:
    """It is tried again at the next look: the note stays until it is done."""
    world.fares["0.2.0"] = "crashes"
    world.cannot = {"0.1.0"}
    with pytest.raises(InstallError):
        world.try_it()
    assert "way-back" in world.left()
    world.cannot = set()
    assert world.trials().settle() == "taken back"
    assert world.installed == "0.1.0"


@pytest.mark.parametrize("works", [True, False])
@pytest.mark.parametrize(
    "cut_at", [("before", 1), ("after", 1), ("watching", 1), ("watching", 12), ("before", 2), ("after", 2)]
)
def test_power_cuts_at_any_moment(world, cut_at, works) -> None:
    """Whatever is broken off, the next looks end in a version that works, and nothing is left lying about."""
    world.fares["0.2.0"] = "heard" if works else "crashes"
    world.cut_at = cut_at
    for _ in range(6):
        try:
            if world.trials().settle() == "nothing" and world.installed == "0.1.0" and not world.trials().failed():
                world.try_it()
        except PowerCutError:
            world.cut_at = None
            world.starts()
    assert world.installed == ("0.2.0" if works else "0.1.0")
    assert world.left() <= {"failed.json"}


def test_what_is_always_broken_off_is_given_up(world) -> None:
    """A package during whose installation the computer goes off each time is not tried for ever."""
    for number in range(1, 8):
        world.cut_at = ("before", 2 * number - 1)
        if "0.2.0" in world.trials().failed():
            break
        with pytest.raises(PowerCutError):
            world.try_it()
        assert world.trials().settle() == "taken back"
    assert number == 4


def test_a_trial_that_is_never_watched_to_its_end(world) -> None:
    """A computer that goes off within minutes each time is taken back to what worked."""
    world.fares["0.2.0"] = "alive"
    world.cut_at = ("watching", 3)
    for _ in range(4):
        try:
            if (world.try_it() if "trial.json" not in world.left() else world.trials().settle()) == "taken back":
                break
        except PowerCutError:
            world.cut_at = ("watching", world.slept + 3)
    assert world.installed == "0.1.0"


def test_a_way_back_lies_ready_while_it_is_tried(world) -> None:
    """A script that needs nothing of the version on trial, for a unit that runs when this program does not start."""
    world.cut_at = ("watching", 1)
    with pytest.raises(PowerCutError):
        world.try_it()
    script = world.folder / "way-back"
    assert script.read_text() == "#!/bin/sh\nexec install 0.1.0\n"
    assert script.stat().st_mode & 0o777 == 0o700


def test_what_an_older_trial_said_does_not_count(world) -> None:
    """The note of a version that was heard once and is tried again is removed before."""
    health.write(world.state, Health(version="0.2.0", started_at=BEGIN, alive_at=BEGIN, heard_at=BEGIN))
    world.fares["0.2.0"] = "crashes"
    assert world.try_it() == "taken back"


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"version": 1}', b"\xff"])
def test_a_damaged_note_of_the_trial_is_said(world, damage) -> None:
    """Nothing is guessed about what may be installed."""
    (world.folder / "trial.json").write_bytes(damage)
    with pytest.raises(StateError, match="remove it to go on"):
        world.trials().settle()


def test_a_damaged_list_of_failures_is_an_empty_one(world) -> None:
    """Better to try a version twice than never to change again."""
    (world.folder / "failed.json").write_bytes(b"{")
    assert world.trials().failed() == set()


def test_who_was_not_heard_for_a_day_is_offline() -> None:
    """And who never said anything."""
    note = Health(version="0.1.0", started_at=BEGIN, alive_at=BEGIN, heard_at=BEGIN)
    assert not trial.is_offline(note, BEGIN + timedelta(hours=23))
    assert trial.is_offline(note, BEGIN + timedelta(hours=25))
    assert trial.is_offline(msgspec.structs.replace(note, heard_at=None), BEGIN)
    assert trial.is_offline(None, BEGIN)
