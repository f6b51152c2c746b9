import os
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from agent import crashes, doctor, service
from agent.crashes import Book, Crashes
from agent.errors import StateError
from agent.host import supervisor
from agent.host.clock import Clock
from agent.service import Service
from agent.watch import Watch, looks_within

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
WAIT_S = 30


@pytest.fixture
def lives(tmp_path):
    """Begin a life on this computer; returns it with how long it was told to wait."""

    def begin(version="1.0", boot="monday", at=NOW):
        life = Crashes(tmp_path, version, boot)
        return life, life.begin(at)

    return begin


def test_a_first_life_and_one_after_a_clean_end_wait_for_nothing(lives, tmp_path):
    """Nothing crashed: nothing is written of it."""
    life, wait_s = lives()
    assert wait_s == 0
    life.ended()
    assert lives()[1] == 0
    assert crashes.read(tmp_path).crashes == ()


def test_what_crashes_again_and_again_waits_ever_longer(lives, tmp_path):
    """A minute, five, a quarter of an hour, an hour; then an hour each time, and the file does not grow."""
    waits = [lives()[1] for _ in range(20)]
    assert waits[:6] == [0, 60, 300, 900, 3600, 3600]
    book = crashes.read(tmp_path)
    assert len(book.crashes) == 10
    assert {one.reason for one in book.crashes} == {crashes.KILLED}


def test_a_life_that_settled_is_no_part_of_a_loop(lives, tmp_path):
    """Ten minutes of work end the loop; that it was killed later is kept all the same."""
    lives()
    life, wait_s = lives()
    assert wait_s == 60
    life.alive(599)
    assert crashes.read(tmp_path).in_a_row == 1
    life.alive(600)
    assert lives()[1] == 0
    assert [one.is_settled for one in crashes.read(tmp_path).crashes] == [False, True]


@pytest.mark.parametrize("other", [{"version": "1.1"}, {"boot": "tuesday"}])
def test_another_version_and_another_boot_begin_afresh(lives, tmp_path, other):
    """A new version is given its own chance, and a computer that lost its power did not crash."""
    for _ in range(4):
        lives()
    assert lives(**other)[1] == 0
    assert len(crashes.read(tmp_path).crashes) == (4 if "version" in other else 3)


def test_whoever_stops_and_starts_it_is_not_made_to_wait(lives):
    """He has put something right, and looks whether it helped."""
    for _ in range(4):
        life, _ = lives()
    life.ended()
    assert lives()[1] == 0


@pytest.mark.parametrize("written", [b"", b"{", b"[]", b'{"in_a_row": "x"}', b'{"in_a_row": -5}', b"\xff" * 100_000])
def test_a_damaged_book_stops_nobody(lives, tmp_path, written):
    """It is only a note."""
    (tmp_path / "crashes.json").write_bytes(written)
    assert lives()[1] == 0


def test_a_disk_that_takes_nothing_stops_nobody(lives, tmp_path, monkeypatch, caplog):
    """The service works without its note, and says that there is none."""

    def refuse(*_):
        raise StateError("the disk is full")

    monkeypatch.setattr("agent.host.files.write_atomically", refuse)
    assert lives()[1] == 0
    assert "the disk is full" in caplog.text


def fail():
    """Raise an error whose words are secret."""
    crashes.read("password=hunter2")  # no folder: agent/crashes.py itself fails


def test_the_place_is_told_and_the_words_are_not():
    """Module, line and function of this program; an error's own words may hold what is secret."""
    with pytest.raises(TypeError) as caught:
        fail()
    told = crashes.place_of(caught.value)
    assert told.startswith("TypeError in agent/crashes.py:")
    assert told.endswith("(read)")
    assert "hunter2" not in told


def test_a_thread_that_hangs_is_found_where_it_is():
    """What the watch tells of a job that does not end: its name, and where its thread is."""
    watch, let_go = Watch(looks=3), threading.Event()
    stuck = threading.Thread(target=lambda: (watch.began("session"), service.wait(0), let_go.wait()), daemon=True)
    stuck.start()
    time.sleep(0.1)
    try:
        told = [watch.look() for _ in range(5)]
    finally:
        let_go.set()
        stuck.join()
    assert told[:3] == [None, None, None]
    assert "the job 'session' did not end; it was in threading.py:" in told[3]


def test_who_does_something_is_never_called_stuck():
    """A job that begins, or ends, is enough; nothing at all is not."""
    watch = Watch(looks=2)
    for _ in range(10):
        watch.began("send")
        assert watch.look() is None
        watch.ended()
        assert watch.look() is None
    assert watch.look() is None
    assert watch.look() == "no job began any more, though some were due"


def test_seldom_jobs_are_given_more_looks():
    """Where reports are sent once a day, a day without a job is none that hangs."""
    assert looks_within(300, 60) == 40
    assert looks_within(86_400, 60) * 60 > 2 * 86_400


def test_a_stuck_service_ends_itself_and_the_next_one_knows_why(station, monkeypatch):
    """The process ends with a code that has it started again; the crash is written down with its place."""
    ended = []
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr("logging.shutdown", lambda: None)
    worker = Service(station)
    worker._crashes.begin(NOW)
    worker._watch = Watch(looks=2)
    worker._watch_the_work()
    assert ended == []
    worker._watch_the_work()
    assert ended == [70]
    (crash,) = crashes.read(station.state).crashes
    assert crash.reason == "stuck: no job began any more, though some were due"


def test_a_service_that_crashed_waits_before_it_works(station, caplog):
    """Nothing is measured in the wait; to be told to stop ends it at once."""
    for _ in range(2):
        Crashes(station.state, service.agent.__version__, service.identity.boot_id()).begin(NOW)
    slept, began = [], time.monotonic()

    def sleep(seconds):
        slept.append(seconds)
        if sum(slept) >= 200:
            raise KeyboardInterrupt

    steady = Clock(steady_s=lambda: sum(slept), sleep=sleep)
    assert Service(service.station(station.state, station.settings, steady)).run() is False
    assert slept == [60.0] * 4
    assert "waiting 5 min" in caplog.text
    assert station.outbox.contents().reports == 0
    assert time.monotonic() - began < WAIT_S
    assert crashes.read(station.state).in_a_row == 0


def test_a_bug_in_the_service_is_written_down(station, monkeypatch):
    """The error goes on to whoever started it, and its place is kept."""

    def fail(self):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(Service, "_watch_the_clock", fail)
    steady = Clock(sleep=lambda _: None)
    with pytest.raises(ZeroDivisionError):
        Service(service.station(station.state, station.settings, steady)).run()
    (crash,) = crashes.read(station.state).crashes
    assert crash.reason.startswith("ZeroDivisionError in agent/service.py:")
    assert "secret" not in crash.reason


@pytest.fixture
def systemd(tmp_path):
    """Listen where systemd does; returns the environment and what was said so far."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(WAIT_S)

        def said():
            return sock.recv(4096).decode()

        yield {"NOTIFY_SOCKET": str(tmp_path / "notify")}, said


def test_what_systemd_is_told(systemd):
    """The words of sd_notify(3), a status in one line; a socket that is gone, or none, troubles nobody."""
    environment, said = systemd
    supervisor.ready("measuring\nfor  School", environment)
    assert said() == "READY=1\nSTATUS=measuring for School"
    supervisor.alive(None, environment)
    assert said() == "WATCHDOG=1"
    supervisor.stopping(environment)
    assert said() == "STOPPING=1"
    supervisor.alive(None, {"NOTIFY_SOCKET": "/nowhere/at/all"})
    supervisor.alive(None, {"NOTIFY_SOCKET": "@" + "x" * 200})
    assert not supervisor.is_there({})


def test_the_abstract_socket_of_a_container(tmp_path):
    """An @ stands for the null byte of an abstract socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        name = f"netready-{os.getpid()}-{time.monotonic_ns()}"
        sock.bind(f"\0{name}")
        sock.settimeout(WAIT_S)
        supervisor.alive("x", {"NOTIFY_SOCKET": f"@{name}"})
        assert sock.recv(100) == b"WATCHDOG=1\nSTATUS=x"


def test_the_real_service_says_that_it_works(station, systemd, tmp_path):
    """As a process: ready once it measures, and on its way out when it is told to stop."""
    environment, said = systemd
    process = subprocess.Popen(
        [sys.executable, "-m", "agent", "run", "--state", str(station.state)],
        env=dict(os.environ) | environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert said().startswith("READY=1\nSTATUS=measuring for ")
        process.terminate()
        assert said() == "STOPPING=1"
        assert process.wait(WAIT_S) == 0
    finally:
        process.kill()
        process.wait()
    assert not crashes.read(station.state).is_alive


def test_a_service_with_wrong_settings_does_not_spin(station, systemd, tmp_path):
    """Under systemd it says what is wrong and waits, so that it is not started again every minute of a day."""
    environment, said = systemd
    config = tmp_path / "agent.toml"
    config.write_text("[agent]\nengine = 5\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "agent", "run", "--state", str(station.state), "--config", str(config)],
        env=dict(os.environ) | environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        status = said()
        assert status.startswith("READY=1\nSTATUS=cannot work, trying again in 15 min: ")
        assert "engine" in status
        assert said() == "WATCHDOG=1"
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
        assert "engine" in process.stderr.read()
        process.stderr.close()


def test_the_doctor_tells_of_crashes(station, lives, tmp_path):
    """How many, of which version, where, and what to do; without any it says so."""
    place = doctor.Place(state=station.state, config=None, environment={})

    def said():
        return {one.name: one for one in doctor.examine(place, offline=True).findings}["crashes"]

    assert (said().result, said().seen) == ("ok", "no crash in the last day")
    now = datetime.now(UTC)
    Crashes(station.state, "1.0", "monday").begin(now - timedelta(days=3))
    Crashes(station.state, "1.0", "monday").begin(now - timedelta(days=2))
    assert said().seen.startswith("no crash in the last day; the last crash was 20")
    Crashes(station.state, "1.0", "monday").begin(now - timedelta(hours=2))
    found = said()
    assert found.result == "warning"
    assert found.seen.startswith("1 crash in the last day; the last, of version 1.0, ")
    assert "soon after its start: it ended without a word" in found.seen
    assert found.seen.endswith("so it waits 5 minutes after a start before it measures")
    assert Book().wait_s == 0
