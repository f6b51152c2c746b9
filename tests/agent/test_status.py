from datetime import UTC, datetime

import msgspec

from agent import service, status
from agent.contract.wire import Receipt
from agent.settings import Settings


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
    assert seen.next_session is not None
    told = msgspec.json.decode(status.encode(seen))
    assert told["outbox"]["reports"] == 1
    assert [one["trigger"] for one in told["last"]] == ["once", "manual"]
    assert told["last"][1]["measurements"][0]["kind"] == "link"


def test_a_revoked_computer_is_told(station):
    """Whoever wonders why nothing arrives finds the collector's words."""
    station.measure(("link",), "manual", lambda _: None)
    waiting = station.outbox.oldest(station.enrolled.identity.collector, 1)[0]
    station.outbox.settle([(waiting, Receipt(answer="revoked", detail="sold"))])
    seen = status.gather(station.state, station.settings, datetime.now(UTC))
    assert seen.revoked == "sold"
    assert "no longer wants this computer: sold" in "\n".join(status.lines(seen))
