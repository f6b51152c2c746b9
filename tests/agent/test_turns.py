import logging
import socket
import time
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from agent import identity, service, session, turns
from agent.contract import wire
from agent.contract.measurement import Skipped, Throughput
from agent.contract.wire import LeaseReply
from agent.service import Service
from agent.session import Plan, Question
from agent.turns import Turn
from tests.fakes.collector import Scripted

LEASE = "ab" * 16


@pytest.fixture
def leased(station):
    """A station whose policy says that the collector is asked."""
    identity.save_policy(station.state, msgspec.structs.replace(station.policy(), lease=True))
    return station


def wait(seconds: float) -> LeaseReply:
    """Return the answer "not yet"."""
    return LeaseReply(state="wait", retry_after_s=seconds, position=1, detail="another computer is measuring")


def jobs(worker: Service) -> dict[str, datetime]:
    """Return the jobs that are planned once."""
    return {job.id: job.trigger.run_date for job in worker._scheduler.get_jobs() if hasattr(job.trigger, "run_date")}


def reports(station) -> list[tuple[str, str | None, list[type]]]:
    """Return what was kept: trigger, lease and kinds of measurements."""
    return [
        (one.trigger, one.lease, [type(seen) for seen in one.read_measurements()]) for one in station.outbox.latest()
    ]


def test_a_session_asks_for_the_line_and_gives_it_back(leased, collector):
    """What is wanted is said, the lease stands in the report, and the line is free again before the report is sent."""
    Service(leased)._full_session()
    [asked] = collector.wishes
    assert (asked.trigger, asked.servers) == ("scheduled", leased.policy().servers)
    assert asked.seconds > session.BULK_DEADLINES_S["short"]
    assert collector.released == [asked.lease]
    paths = [path for _, path in collector.requests]
    assert paths.index(wire.RELEASE_PATH) < paths.index(wire.REPORTS_PATH)
    assert [one[1] for one in reports(leased)] == [asked.lease]


def test_who_has_to_wait_comes_back_with_the_same_wish(leased, collector):
    """Nothing is measured meanwhile; the next question names the same lease, and then it is this computer's turn."""
    collector.leases.append(wait(60))
    worker = Service(leased)
    worker._full_session()
    assert reports(leased) == []
    due = jobs(worker)["scheduled turn"]
    assert timedelta(seconds=50) < due - datetime.now(UTC) <= timedelta(seconds=60)
    worker._scheduler.get_job("scheduled turn").args[1]()
    first, second = collector.wishes
    assert first.lease == second.lease
    assert [one[1] for one in reports(leased)] == [first.lease]


def test_the_wait_ends_with_the_hours(leased, collector, caplog):
    """A turn that would come after the session's hours is given up, in one line of the log."""
    collector.leases.append(wait(60))
    worker = Service(leased)
    with caplog.at_level(logging.INFO):
        worker._session("scheduled", datetime.now(UTC) + timedelta(seconds=30))
    assert "was not free within its hours" in caplog.text
    assert jobs(worker) == {}
    assert collector.released == [collector.wishes[0].lease]


def test_without_an_answer_the_session_goes_on(leased, collector):
    """No collector, an error or nonsense: the time was drawn so that computers seldom meet."""
    worker = Service(leased)
    for answer in (Scripted(status=500), Scripted(status=200, body=b"[]")):
        collector.answers.append(answer)
        worker._session("scheduled", datetime.now(UTC))
        [(_, lease, kinds)] = reports(leased)
        assert (lease, kinds[3]) == (None, Throughput)
    assert collector.sequences(leased.enrolled.identity.agent) == [1, 2]


def test_a_collector_that_is_silent_is_waited_for_seconds(leased, monkeypatch):
    """A connection that is accepted and never answered costs five seconds, not a session."""
    monkeypatch.setattr(turns, "WITHIN_S", 1.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        who = msgspec.structs.replace(leased.enrolled.identity, collector=address)
        here = msgspec.structs.replace(leased, enrolled=msgspec.structs.replace(leased.enrolled, identity=who))
        began = time.monotonic()
        turn = here.ask("scheduled", within_s=1.5)
        assert time.monotonic() - began < 10
    assert turn.reply is None
    assert turn.granted is None


def test_enough_leaves_the_line_alone(leased, collector):
    """The session takes place without filling the line, and the report says why."""
    collector.leases.append(LeaseReply(state="enough", detail="this half hour's tests are made"))
    Service(leased)._full_session()
    [(_, lease, kinds)] = reports(leased)
    assert (lease, kinds[3]) == (None, Skipped)
    assert leased.outbox.latest()[0].read_measurements()[3].reason == "this half hour's tests are made"
    assert collector.released == []


def test_paused_tests_are_not_made(leased, collector):
    """Nothing is measured, and the policy that says so is fetched."""
    collector.policy = msgspec.structs.replace(collector.policy, version=9, paused=True, lease=True)
    collector.leases.append(LeaseReply(state="paused"))
    worker = Service(leased)
    worker._full_session()
    assert reports(leased) == []
    assert worker._policy.paused


def test_once_waits_a_few_seconds_and_goes_on(leased, collector):
    """A turn that does not come within five seconds is not waited for; the place in the queue is given back."""
    collector.leases.extend([wait(0.2), wait(30)])
    assert service.once(leased).sent == 1
    assert {one.lease for one in collector.wishes} == set(collector.released)
    assert reports(leased)[0][:2] == ("once", None)
    collector.leases.append(wait(0.2))
    service.once(leased)
    assert collector.wishes[-1].lease in {lease for _, lease, _ in reports(leased)}


def test_a_person_does_not_wait(leased, collector):
    """``check`` asks nobody."""
    leased.measure(("link",), "manual", lambda _: None)
    assert collector.wishes == []


def test_a_session_that_was_asked_for_runs_once(station, collector):
    """The word comes with the receipts; repeated while it waits it changes nothing, and the lease is asked for."""
    collector.orders = ("later_word", "run_now")
    worker = Service(station)
    worker._light()
    worker._send()
    [ordered] = [job for job in worker._scheduler.get_jobs() if job.id == "ordered turn"]
    worker._send()
    collector.orders = ()
    ordered.args[1]()
    assert [one.trigger for one in collector.wishes] == ["ordered"]
    assert "ordered" in {trigger for trigger, _, _ in reports(station)}
    assert not worker._ordered


def test_a_server_that_does_not_answer_is_given_back(leased, collector, reflector_url):
    """Another server is asked for in its place, and the test goes to that one only."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        dead = f"ws://127.0.0.1:{closed.getsockname()[1]}"
    both = msgspec.structs.replace(leased.policy(), servers=(dead, reflector_url))
    identity.save_policy(leased.state, both)
    collector.leases.extend(
        [LeaseReply(state="granted", server=server, ends_in_s=100) for server in (dead, reflector_url)]
    )
    turn = leased.ask("scheduled")
    assert [one.servers for one in collector.wishes] == [(dead, reflector_url), (reflector_url,)]
    assert collector.released == [collector.wishes[0].lease]
    assert turn.applied(Plan(servers=both.servers)).servers == (reflector_url,)


def test_a_share_of_the_target_is_asked_for():
    """In a joint test each computer is held against its part."""
    reply = LeaseReply(state="granted", share=0.25, ticket=f"e30.{'A' * 86}")
    plan = Plan(question=Question(target_download_bps=400e6, target_upload_bps=20e6))
    question = Turn(lease=LEASE, reply=reply).applied(plan).question
    assert (question.target_download_bps, question.target_upload_bps, question.lease) == (100e6, 5e6, LEASE)
    assert question.ticket == reply.ticket


@pytest.mark.parametrize("name", ["msak", "ndt7", "librespeed", "services"])
def test_the_probes_show_the_lease_s_ticket(name):
    """What fills the line, and the video lesson, have the ticket that came with the lease."""
    plan = Plan(question=Question(lease=LEASE, ticket=f"e30.{'A' * 86}"))
    assert session._make(name, plan, "ws://127.0.0.1:1").ticket == plan.question.ticket


@pytest.mark.parametrize(
    "text", ["a b", "x", f"e30.{'A' * 85}", f"e30\r\nHost: x.{'A' * 86}", f"{'e' * 3000}.{'A' * 86}"]
)
def test_a_collector_cannot_write_headers(text):
    """A ticket goes into a request as it came: one that is not written as tickets are is not read at all."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode({"state": "granted", "ticket": text}), type=LeaseReply)


def test_a_turn_that_is_over_is_not_used():
    """Who was held up longer than its lease lasts does not fill the line in another's turn."""
    turn = Turn(lease=LEASE, reply=LeaseReply(state="granted"), ends_at=time.monotonic() + 30)
    assert "was over" in (turn.applied(Plan()).refusal or "")


def test_the_reflector_writes_the_lease_down(reflector_url, caplog):
    """Each connection of a test is a line with its lease, from when to when."""
    plan = Plan(servers=(reflector_url,), question=Question(purpose="verdict", lease=LEASE))
    with caplog.at_level(logging.INFO, logger="agent.reflector.server"):
        seen = session.measure("msak", plan, reflector_url)
        assert isinstance(seen, Throughput)
        deadline = time.monotonic() + 10
        while f"lease={LEASE} path=/throughput/v1/upload" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.05)
    assert f"test lease={LEASE} path=/throughput/v1/download began=" in caplog.text
    assert f"test lease={LEASE} path=/throughput/v1/upload began=" in caplog.text
