import json
import os
import signal
import time
from datetime import UTC, datetime

import msgspec
import psutil
import pytest
from nacl.signing import SigningKey

from agent import identity, outbox
from agent.contract import measurement, report, signing
from tests.fakes.computer import throughput, wire_link

pytestmark = pytest.mark.timeout(400)


def settle(condition, within_s: float = 60.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_a_school_measures_and_the_ministry_sees_it_ranked(place):
    """Real agent, reflector, collector and PostgreSQL: from the registry to the rank."""
    place.reflect()
    place.serve()
    place.join_a_school()
    place.agent("run", "--once")
    (row,) = json.loads(place.collector("ranking", "schools", "--format", "json"))["items"]
    assert (row["id"], row["name"], row["rank"], row["tests"], row["meets"]) == ("0042", "Мектеп", 1, 1, None)
    assert row["download_bps"] > 20e6
    assert row["upload_bps"] > 5e6
    status = json.loads(place.agent("status", "--json"))
    assert status["school"]["id"] == "0042"


def test_an_agent_killed_between_measuring_and_sending_loses_nothing(place):
    """A kill -9 after the report is on disk: the next start sends it, once, and the chain goes on."""
    place.reflect()
    collector = place.serve()
    place.join_a_school()
    collector.send_signal(signal.SIGSTOP)  # connections are taken, answers never come: the agent hangs in sending
    agent = place.start("netready-agent", "run", "--once")
    settle(lambda: place.waiting() == 1)
    agent.kill()
    agent.wait()
    collector.send_signal(signal.SIGCONT)
    place.agent("run", "--once")
    assert place.waiting() == 0
    assert place.sequences() == [1, 2]


def test_a_collector_killed_during_ingest_stores_each_report_exactly_once(place):
    """A kill -9 of the collector again and again while a full outbox drains: at the end all is there, once."""
    place.reflect()
    collector = place.serve()
    place.join_a_school()
    for _ in range(3):
        _fill_outbox(place, 150)
        before = place.waiting()
        agent = place.start("netready-agent", "run", "--once")
        settle(lambda before=before: place.waiting() < before)
        os.kill(collector.pid, signal.SIGKILL)
        collector.wait()
        agent.kill()
        agent.wait()
        collector = place.serve()
    place.agent("run", "--once")
    assert place.waiting() == 0
    newest = max(place.sequences())
    assert newest > 450
    (row,) = json.loads(place.collector("ranking", "schools", "--format", "json"))["items"]
    assert row["tests"] == newest


def test_a_database_killed_under_the_collector_comes_back_by_itself(place):
    """A kill -9 of the embedded PostgreSQL, and then of both: what was stored is there, and new reports are stored."""
    place.reflect()
    collector = place.serve()
    place.join_a_school()
    place.agent("run", "--once")
    os.kill(place.postmaster(), signal.SIGKILL)
    place.wait_for(place.address + "/healthz")
    place.agent("run", "--once")
    os.kill(collector.pid, signal.SIGKILL)
    os.kill(place.postmaster(), signal.SIGKILL)
    collector.wait()
    place.serve()
    place.agent("run", "--once")
    assert place.sequences() == [1, 2, 3]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_collector_that_is_asked_to_end_takes_its_database_along(place, number):
    """After SIGTERM or Ctrl-C nothing runs any more, and the exit status says that all was well."""
    collector = place.serve()
    database = psutil.Process(place.postmaster())
    collector.send_signal(number)
    assert collector.wait(30) == 0
    # Where pid 1 is slow to bury an orphan, its name stays for a while.
    assert not database.is_running() or database.status() == psutil.STATUS_ZOMBIE


def _fill_outbox(place, count: int) -> None:
    """Put signed reports of this very computer into its outbox, as many sessions would have."""
    enrolled = identity.require(place.state)
    box = outbox.Outbox(place.state, max_bytes=2**26, max_age_days=90)
    key: SigningKey = enrolled.key
    for _ in range(count):

        def make(place_in_chain: outbox.Place) -> signing.Envelope:
            seen = (measurement.encode(wire_link()), measurement.encode(throughput(30e6, 6e6)))
            made = report.Report(
                agent=enrolled.identity.agent,
                school=enrolled.identity.school.id,
                sequence=place_in_chain.sequence,
                previous=place_in_chain.previous,
                boot_id=identity.boot_id(),
                created_at=datetime.now(UTC),
                monotonic_s=identity.boot_clock_s(),
                time_zone="UTC",
                software="netready test",
                trigger="scheduled",
                measurements=tuple(msgspec.Raw(one) for one in seen),
            )
            return signing.sign(report.PAYLOAD_TYPE, report.encode(made), key)

        box.append(enrolled.identity.agent, enrolled.identity.collector, make)
