from datetime import UTC, datetime

import msgspec

from agent import budget, service, status
from agent.contract.wire import Receipt
from agent.settings import Agent, Settings
from tests.fakes.computer import paced, throughput


def test_before_enrolment_it_says_what_to_do(state):
    """An unenrolled computer's status is the command that is missing."""
    seen = status.gather(state, Settings(), datetime.now(UTC))
    assert not seen.enrolled
    assert "netready-agent enroll" in "\n".join(status.lines(seen))
    assert not state.exists()


def test_everything_is_told(station):
    """School, last results, what waits, what was refused, what troubles and when the next test is."""
    station.measure(("link",), "manual", lambda _: None)
    station.measure(("link", "latency", "msak"), "once", lambda _: None)
    waiting = station.outbox.oldest(station.enrolled.identity.collector, 1)[0]
    station.outbox.settle([(waiting, Receipt(answer="refused", reason="malformed", detail="no good"))])
    station.outbox.write_note(service.LAST_TROUBLE, "is this computer online?")
    seen = status.gather(station.state, station.settings, datetime.now(UTC))
    text = "\n".join(status.lines(seen))
    assert "№12 мектеп-гимназия (id 0012, 640 pupils), Талдықорған, Жетісу облысы" in text
    assert "Waiting    1 reports" in text
    assert "refused no. 1: malformed: no good" in text
    assert "is this computer online?" in text
    assert "download " in text
    assert "Data       " in text
    assert f"taken by tests in {seen.budget.month}, no limit set" in text
    assert seen.next_session is not None
    told = msgspec.json.decode(status.encode(seen))
    assert told["outbox"]["reports"] == 1
    assert told["budget"]["spent_bytes"] > 1_000_000
    assert told["budget"]["limit_bytes"] is None
    assert [one["trigger"] for one in told["last"]] == ["once", "manual"]
    assert told["last"][1]["measurements"][0]["kind"] == "link"


def test_the_data_budget_is_told(station):
    """How much the month's tests took, and what is left of how much."""
    now = datetime(2026, 11, 23, 9, tzinfo=UTC)
    budget.spend(station.outbox, station.policy(), 12_500_000, now)
    settings = Settings(agent=Agent(monthly_bytes=5_000_000_000))
    seen = status.gather(station.state, settings, now)
    assert "Data       12.5 MB taken by tests in 2026-11, 5 GB of 5 GB left" in status.lines(seen)
    assert msgspec.json.decode(status.encode(seen))["budget"] == {
        "month": "2026-11",
        "spent_bytes": 12_500_000,
        "limit_bytes": 5_000_000_000,
        "left_bytes": 4_987_500_000,
    }


def test_a_paced_result_is_told_as_at_least():
    """What the sender's pace bound is a lower bound in the status too."""
    made = throughput(0, 0, purpose="verdict", download=paced(30e6), upload=None)
    assert status._words(made) == "download at least 29.7 Mbit/s, upload not measured (verdict)"


def test_a_revoked_computer_is_told(station):
    """Whoever wonders why nothing arrives finds the collector's words."""
    station.measure(("link",), "manual", lambda _: None)
    waiting = station.outbox.oldest(station.enrolled.identity.collector, 1)[0]
    station.outbox.settle([(waiting, Receipt(answer="revoked", detail="sold"))])
    seen = status.gather(station.state, station.settings, datetime.now(UTC))
    assert seen.revoked == "sold"
    assert "no longer wants this computer: sold" in "\n".join(status.lines(seen))
