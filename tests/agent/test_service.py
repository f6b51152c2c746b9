import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from agent import identity, schedule, service, session, turns
from agent.contract.lan import Lan
from agent.contract.measurement import Latency, Link, Throughput
from agent.contract.wire import Hours, Inside, Policy
from agent.errors import PausedError, StateError, UplinkError
from agent.service import Service, SessionTrigger
from agent.settings import Agent, Settings
from tests.agent.conftest import agent_of
from tests.fakes.collector import Scripted

WAIT_S = 20


def start(station, config, *more):
    """Start ``netready-agent run`` as a real process."""
    command = [sys.executable, "-m", "agent", "run", "--state", str(station.state), "--config", str(config), *more]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def read_until(process, words):
    """Read stderr until a line holds these words; return what was read."""
    read = []
    timer = threading.Timer(WAIT_S, process.kill)
    timer.start()
    for line in process.stderr:
        read.append(line)
        if words in line:
            timer.cancel()
            return "".join(read)
    pytest.fail(f"never said {words!r}: {''.join(read)}")


def test_once_measures_and_sends_everything(station, collector):
    """One session, whatever the hours and pauses, and the whole outbox arrives."""
    station.outbox.write_note(f"pause {collector.url}", msgspec.json.encode({"not_before": time.time() + 999}).decode())
    drained = service.once(station)
    assert drained.sent == 1
    assert collector.sequences(station.enrolled.identity.agent) == [1]
    assert station.outbox.contents().reports == 0
    kinds = [type(one) for one in station.outbox.latest()[0].read_measurements()]
    assert kinds == [Link, Latency, Lan, Throughput]


def test_once_has_time_for_everything():
    """Even where every step takes all it may, measuring and sending end within the 120 seconds of ``run --once``."""
    measuring = sum(session.DEADLINES_S.values()) + session.BULK_DEADLINES_S["short"]
    waiting = turns.WITHIN_S + service._LINE_WITHIN_S + session._ALL_ANSWER_WITHIN_S
    assert measuring + waiting + service._ONCE_RESERVE_S < service.ONCE_S


def test_a_slow_session_leaves_the_rest_for_sending(station, collector, add_probe, monkeypatch):
    """Where measuring took nearly all the time, what is not sent in the rest waits, and that is said."""
    monkeypatch.setattr(service, "ONCE_S", 10.0)
    add_probe("engine", "import time; time.sleep(0.2); raise ProbeUnavailable('x')", "purpose: str")
    settings = Settings(probes=station.settings.probes, agent=Agent(engine="engine"))
    with pytest.raises(PausedError, match="time to send was over"):
        service.once(msgspec.structs.replace(station, settings=settings))
    assert station.outbox.contents().reports == 1


def test_the_measurement_is_kept_when_the_collector_is_away(station, collector):
    """First the report is on disk, then it is sent; trouble with the collector costs no result and is noted."""
    collector.answers.append(Scripted(status=500))
    with pytest.raises(UplinkError):
        service.once(station)
    assert station.outbox.contents().reports == 1
    assert "HTTP 500" in (station.outbox.note(service.LAST_TROUBLE) or "")
    assert station.send(whatever_pause=True).sent == 1
    assert station.outbox.note(service.LAST_TROUBLE) == ""


def test_a_new_policy_is_fetched_when_the_collector_has_one(station, collector):
    """The reply to a report says which policy is the newest; the agent fetches it and goes by it."""
    worker = Service(station)
    collector.policy = msgspec.structs.replace(collector.policy, version=5, capacity_sessions_per_day=9)
    worker._light()
    worker._send()
    assert identity.load_policy(station.state).version == 5
    assert worker._policy.capacity_sessions_per_day == 9


def test_a_policy_that_makes_no_sense_here_is_not_taken(station, collector, caplog):
    """An unknown time zone would stop all measuring; the stored policy stays and the log says why."""
    collector.policy = Policy(version=6, hours=Hours(time_zone="Mars/Olympus"))
    Service(station)._safely("policy", station.refresh_policy)
    assert "Mars/Olympus" in caplog.text
    assert identity.load_policy(station.state).version == 1


def test_a_failing_job_does_not_end_the_service(station, caplog):
    """What goes wrong is one line in the log."""

    def fail():
        raise StateError("the disk is full")

    with caplog.at_level(logging.INFO):
        Service(station)._safely("session", fail)
    assert [one.getMessage() for one in caplog.records] == ["session: the disk is full"]


def test_two_programs_never_share_the_line(station, monkeypatch):
    """While one measures, another waits a little and then says so; afterwards the line is free again."""
    monkeypatch.setattr(service, "_LINE_WITHIN_S", 0.3)
    with service.the_line(station.state), pytest.raises(StateError, match="is measuring on this computer"):
        station.measure(("link",), "manual", lambda _: None)
    assert station.measure(("link",), "manual", lambda _: None)[1].sequence == 1


def test_a_clock_that_is_set_back_does_not_silence_the_service(station, monkeypatch):
    """Jobs planned by a clock that was years ahead are planned anew when it is put right."""
    worker = Service(station)
    worker._plan()
    worker._scheduler.start(paused=True)
    try:
        for job in worker._scheduler.get_jobs():
            job.modify(next_run_time=datetime.now(UTC) + timedelta(days=2000))
        worker._clock_ahead_s += 2000 * 86_400
        worker._watch_the_clock()
        planned = {job.id: job.next_run_time for job in worker._scheduler.get_jobs()}
    finally:
        worker._scheduler.shutdown(wait=False)
    assert set(planned) >= {"send", "policy", "session", "light"}
    assert max(planned.values()) < datetime.now(UTC) + timedelta(days=15)


def test_a_job_that_waits_does_not_begin_once_the_service_stops(station):
    """What is queued behind a session when the service is told to end is not begun: the end would wait for it."""
    worker = Service(station)
    worker._stopping = True
    worker._safely("send", lambda: pytest.fail("it began"))


def test_sessions_fire_at_the_drawn_times():
    """APScheduler asks; the pure schedule answers, never the same time twice."""
    agent = "0123456789abcdef0123456789abcdef"
    trigger = SessionTrigger(agent, Policy())
    now = datetime(2026, 11, 23, tzinfo=UTC)
    first = trigger.get_next_fire_time(None, now)
    assert first == schedule.next_session(agent, Policy(), now)
    assert trigger.get_next_fire_time(first, first) > first
    assert trigger.get_next_fire_time(first, first + timedelta(days=30)) > first + timedelta(days=30)


def test_a_session_slept_through_is_made_up_for_later(station):
    """Waking long after the drawn time does not measure at once with everybody else, but plans one session."""
    always = Policy(
        hours=Hours(start="00:00", end="00:00", weekdays=(1, 2, 3, 4, 5, 6, 7)), capacity_sessions_per_day=1
    )
    station.outbox.write_note(service.LAST_SESSION, (datetime.now(UTC) - timedelta(days=3)).isoformat())
    worker = Service(station)
    worker._policy = always
    now = datetime.now(UTC)
    worker._catch_up(now)
    owed = schedule.catch_up(agent_of(station.enrolled.key), always, now - timedelta(days=3), now)
    planned = [job.trigger.run_date for job in worker._scheduler.get_jobs()]
    assert planned == ([owed] if owed else [])
    assert station.outbox.contents().reports == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM for services")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_service_sends_what_waits_and_stops_cleanly(station, collector, quick_config, number):
    """A real process: it sends what was left from before, a second one is refused, a signal ends it with exit 0."""
    station.measure(("link",), "manual", lambda _: None)
    quick_config.write_text(quick_config.read_text() + "\n[uplink]\ninterval_s = 10\n")
    with start(station, quick_config) as process:
        said = read_until(process, "reports, 0 refused")
        second = start(station, quick_config)
        _, refusal = second.communicate(timeout=WAIT_S)
        assert second.returncode == 1
        assert "already runs on this computer" in refusal
        process.send_signal(number)
        _, rest = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0
    assert "Traceback" not in said + rest
    # A first light report may have come to it meanwhile.
    assert collector.sequences(station.enrolled.identity.agent) in ([1], [1, 2])


def test_run_once_ends_with_its_outcome(station, collector, quick_config):
    """Exit 0 if all was sent; 1 with the reason if not, and the report waits."""
    good = start(station, quick_config, "--once")
    out, err = good.communicate(timeout=60)
    assert (good.returncode, out) == (0, "measured; reports sent: 1\n"), err
    collector.refuse[2] = "your clock is wrong"
    refused = start(station, quick_config, "--once")
    _, err = refused.communicate(timeout=60)
    assert refused.returncode == 1
    assert "refused 1 reports, the last because: malformed: your clock is wrong" in err
    collector.answers.append(Scripted(status=503))
    away = start(station, quick_config, "--once")
    _, err = away.communicate(timeout=60)
    assert away.returncode == 1
    assert "come back later" in err
    assert "Traceback" not in err
    assert station.outbox.contents().reports == 1


def test_killed_between_measuring_and_sending_the_report_arrives_exactly_once(station, collector, quick_config):
    """Killed with -9 while the collector is slow to answer: the next run sends it, once."""
    collector.answers.append(Scripted(hang_up=True))
    process = start(station, quick_config, "--once")
    ends = time.monotonic() + 60
    while not collector.requests and time.monotonic() < ends:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
    process.communicate(timeout=WAIT_S)
    assert station.send(whatever_pause=True).sent == 1
    assert collector.sequences(station.enrolled.identity.agent) == [1]


def test_other_computers_of_the_school_may_test_against_this_one(station):
    """With the policy's key the service opens its door and says in its link where; without it, or told not to, not."""
    worker = Service(station)
    worker._meet_peers()
    assert worker._here.peer_port() is None
    identity.save_policy(station.state, msgspec.structs.replace(station.policy(), inside=Inside(peer_key=bytes(32))))
    worker._follow_policy()
    try:
        port = worker._here.peer_port()
        with socket.create_connection(("127.0.0.1", port), WAIT_S) as door:
            assert station.enrolled.identity.agent.encode() in door.recv(4096)
        worker._measure(("link",), "scheduled")
        [link] = station.outbox.latest()[0].read_measurements()
        assert link.peer_port == port
    finally:
        worker._peers.close()
    shut = Service(msgspec.structs.replace(station, settings=Settings(agent=Agent(peer=False))))
    shut._meet_peers()
    assert shut._here.peer_port() is None
    assert station.measure(("link",), "manual", lambda _: None)[0].measurements[0].peer_port is None
