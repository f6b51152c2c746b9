"""The Windows service under a service control manager of our own: nothing here has run on Windows."""

import ctypes
import sys
import threading
import time

import pytest

from agent.errors import StateError
from agent.windows import dispatcher, entry
from agent.windows.dispatcher import Dispatcher, Status, TableEntry
from tests.fakes.windows import FakeService


@pytest.mark.parametrize(("structure", "bytes_x64"), [(Status, 28), (TableEntry, 16)])
def test_sizes_are_those_of_winsvc_h(structure, bytes_x64) -> None:
    """The structures are as long as Windows' own on x64."""
    assert ctypes.sizeof(structure) == bytes_x64


def serve(windows, work, end=lambda _code: None):
    """Run a service until it ends; the controls come from another thread, as in Windows."""
    return Dispatcher(windows, end).run(work)


@pytest.mark.parametrize("control", [dispatcher.STOP, dispatcher.SHUTDOWN])
def test_stop(control) -> None:
    """Told to stop or to shut down, the service leaves its wait at once and says that it stopped, without a fault."""
    windows = FakeService()
    threading.Timer(0.1, windows.tell, [control]).start()
    began = time.monotonic()
    assert serve(windows, lambda clock: clock.sleep(60)) == 0
    assert time.monotonic() - began < 5
    assert windows.states == [dispatcher.RUNNING, dispatcher.STOP_PENDING, dispatcher.STOPPED]
    assert windows.codes[-1] == (0, 0)


def test_waking_up() -> None:
    """When the computer wakes up, the wait ends, so that the clocks are looked at; other power events are nothing."""
    windows, woken = FakeService(), []

    def work(clock):
        threading.Timer(0.1, windows.tell, [dispatcher.POWER, 0xA]).start()
        clock.sleep(0.3)
        threading.Timer(0.1, windows.tell, [dispatcher.POWER, 0x12]).start()
        began = time.monotonic()
        clock.sleep(60)
        woken.append(time.monotonic() - began)

    serve(windows, work)
    assert woken[0] < 5
    assert windows.states == [dispatcher.RUNNING, dispatcher.STOPPED]


def test_questions_of_windows() -> None:
    """The manager's own question is answered, what was not asked for is refused."""
    windows, answers = FakeService(), []
    serve(windows, lambda _clock: answers.extend(windows.tell(one) for one in (dispatcher.INTERROGATE, 200)))
    assert answers == [0, dispatcher.NOT_IMPLEMENTED]


def test_a_failure_is_told() -> None:
    """Work that fails ends with a code, so that Windows starts it again, and the reason goes on to the log."""
    windows = FakeService()

    def work(_clock):
        raise StateError("the disk is full")

    with pytest.raises(StateError, match="disk is full"):
        serve(windows, work)
    assert (windows.states[-1], windows.codes[-1]) == (dispatcher.STOPPED, (dispatcher.SPECIFIC_ERROR, 1))


def test_a_session_under_way_is_given_up(monkeypatch) -> None:
    """Work that does not end in time is ended after saying so: otherwise Windows takes the stop for a crash."""
    monkeypatch.setattr(dispatcher, "_STOP_WITHIN_S", 0.1)
    windows, ended, release = FakeService(), [], threading.Event()

    def end(code):
        ended.append((code, windows.states[-1]))
        release.set()

    threading.Timer(0.1, windows.tell, [dispatcher.STOP]).start()
    serve(windows, lambda _clock: release.wait(10), end)
    assert ended == [(0, dispatcher.STOPPED)]


def test_started_by_hand() -> None:
    """Somebody who starts the program by hand is told what it is, and how to start it."""
    with pytest.raises(StateError, match="sc start NetreadyAgent"):
        serve(FakeService(by_hand=True), lambda _clock: None)


def test_a_child_is_this_program_again(monkeypatch, capsys) -> None:
    """The installed program runs the modules that its own parts start, and no others."""
    monkeypatch.setattr(entry, "CHILDREN", ("this",))
    assert not entry._be_a_child(["netready-agent.exe", "-P", "-m", "os"])
    assert not entry._be_a_child(["netready-agent.exe", "status"])
    monkeypatch.setattr(sys, "argv", ["netready-agent.exe"])
    assert entry._be_a_child(["netready-agent.exe", "-P", "-m", "this"])
    assert "Zen of Python" in capsys.readouterr().out
