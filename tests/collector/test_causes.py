"""The diagnosis of stored sessions, as the API, the ranking and the pages answer it."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from agent.contract.rules import shipped_rules
from collector import access, findings, ingest, periods, rankings, rollup
from collector.diagnosis import stored
from collector.rankings import causes
from collector.settings import PolicySettings
from collector.store import sessions
from collector.store.database import MINISTRY, Viewer
from collector.store.sessions import NEWEST_SESSIONS
from tests.fakes.computer import Computer, batch
from tests.fakes.sessions import at, cable, lan, peer, radio, scan, throughput

SLOW = (37e6, 19.6e6)
NOW = datetime(2025, 10, 15, 9, tzinfo=UTC)  # in the past of every clock
ALMATY = ZoneInfo("Asia/Almaty")
PERIOD = periods.parse("2025-Q4", ALMATY)


@pytest.fixture
def deliver(client):
    """Let a computer deliver sessions of the last days, ``minutes`` apart from those of others."""

    def send(computer: Computer, *measurements, count: int = 4, minutes: int = 0) -> None:
        for number in range(count):
            at = NOW - timedelta(days=1 + number % 2, hours=2 * (number // 2), minutes=minutes)
            seen = [msgspec.structs.replace(one, started_at=at) for one in measurements]
            answer = client.post("/api/v1/reports", content=batch(computer.report(*seen, at=at)))
            assert [one["answer"] for one in answer.json()["items"]] == ["stored"]

    return send


@pytest.fixture
def school(add_school):
    """A school whose line was promised 100/20 Mbit/s."""
    return add_school(
        "0007", operator="Operator A", download_contracted_bps=100_000_000, upload_contracted_bps=20_000_000
    )


@pytest.fixture
def ranked(database):
    """Add up and judge what waits, and return the ranking as somebody sees it."""

    def look(viewer: Viewer = MINISTRY):
        rollup.run(database, rollup.calendars_of(PolicySettings()))
        findings.run(database, ALMATY)
        with database.reading(viewer) as connection:
            return causes.ranked(connection, rankings.Window(PERIOD)).rows

    return look


def told(database, school, viewer=MINISTRY):
    """Return the school's diagnosis as this viewer sees it."""
    with database.reading(viewer) as connection:
        return stored.of_school(connection, school, PERIOD, for_operator=viewer.role == "operator")


def test_the_bodies_that_were_sent_are_diagnosed(database, school, enrolled, deliver):
    """Link, test, wiring and Wi-Fi of a session come together again, each figure with its computer."""
    deliver(enrolled("0007", 1), cable(), throughput(), lan(), peer())
    deliver(enrolled("0007", 2), radio(-80), throughput(*SLOW), lan(dhcp_servers=("10.1.0.1", "10.1.0.9")), minutes=3)
    seen = told(database, school)
    assert (seen.cause, seen.confidence, seen.line_delivers, seen.not_organised) == (
        "WIFI_COVERAGE",
        "high",
        True,
        True,
    )
    assert [one.defect for one in seen.defects] == ["rogue_dhcp"]
    assert {one.reference.agent for one in seen.evidence if one.reference.kind != "sessions"} == {
        Computer("0007", 1).id,
        Computer("0007", 2).id,
    }


def test_days_are_the_schools(database, school, enrolled, client):
    """Tests of one morning at school are of one day, also where midnight in UTC lies between them."""
    computer = enrolled("0007", 1)
    for hours in range(4):
        when = datetime(2025, 10, 15, 3, tzinfo=ALMATY) + timedelta(hours=hours)
        seen = at(when.astimezone(UTC), cable(), throughput(*SLOW), lan())
        client.post("/api/v1/reports", content=batch(computer.report(*seen, at=when.astimezone(UTC))))
    seen = told(database, school)
    assert (seen.cause, seen.days) == ("INSUFFICIENT", 1)


def test_without_sessions_there_is_no_verdict(database, school):
    """A school that never measured is not judged."""
    assert told(database, school).cause == "INSUFFICIENT"


def test_only_the_newest_sessions_of_a_computer_are_read(database, school, enrolled, deliver):
    """A line that was mended is not held against its past for ever."""
    computer = enrolled("0007", 1)
    deliver(computer, cable(), throughput(*SLOW), lan(), minutes=60 * 24 * 7)
    assert told(database, school).cause == "ISP_LINE"
    deliver(computer, cable(), throughput(), lan(), count=NEWEST_SESSIONS)
    assert told(database, school).cause == "HEALTHY"


def test_the_operator_sees_the_cause_and_not_the_schools_defects(database, school, enrolled, deliver, ranked):
    """An operator is judged by it, so it sees it; addresses inside the school are not its business, nor rooms."""
    deliver(enrolled("0007", 1), cable(), throughput(*SLOW), lan(dhcp_servers=("10.1.0.1", "10.1.0.9")))
    deliver(enrolled("0007", 2), cable(), throughput(*SLOW), lan(), minutes=5)
    own = told(database, school, Viewer("operator", "Operator A"))
    assert (own.cause, own.confidence, own.defects) == ("ISP_LINE", "high", ())
    assert all(one.reference.room is None for one in own.evidence)
    assert told(database, school, Viewer("operator", "Operator B")).cause == "INSUFFICIENT"
    assert told(database, school).defects
    for viewer, defects in ((Viewer("operator", "Operator A"), ""), (MINISTRY, "rogue_dhcp")):
        assert [row.defects for row in ranked(viewer)] == [defects]


def test_the_stops_of_a_walk_say_nothing_of_where_a_laptop_stands(database, school, enrolled, deliver):
    """A weak signal that a laptop met on its walk is no reason for its slow tests elsewhere."""
    laptop = enrolled("0007", 1)
    walk = laptop.report(*at(NOW, radio(-85), scan()), at=NOW, trigger="survey", room="9")
    stand = laptop.report(*at(NOW, scan()), at=NOW)
    with database.ingesting() as connection:
        ingest.accept(connection, [walk, stand], datetime.now(UTC))
    with database.reading(MINISTRY) as connection:
        seen = sessions.of_school(connection, "0007", PERIOD)
    assert [one.sequence for one in seen] == [2]


def test_the_ranking_names_causes(school, add_school, enrolled, deliver, ranked):
    """Sure causes first, healthy schools after them, those without data last and without a rank."""
    add_school("0008", download_contracted_bps=100_000_000)
    add_school("0009")
    deliver(enrolled("0007", 1), cable(), throughput(*SLOW), lan())
    deliver(enrolled("0008", 2), cable(), throughput(), lan())
    rows = ranked()
    assert [(row.id, row.rank, row.cause) for row in rows] == [
        ("0007", 1, "ISP_LINE"),
        ("0008", 2, "HEALTHY"),
        ("0009", None, "INSUFFICIENT"),
    ]
    assert rows[0].rules_version == shipped_rules().name
    assert rows[0].named == "ISP LINE"


def test_the_api_and_the_page_say_it(client, database, school, enrolled, deliver):
    """One school's answer has its diagnosis with evidence and rules, the page the sentence; the list its causes."""
    with database.owning() as connection:
        token = access.create(connection, role="ministry", scope=None, name="test", days=None, now=datetime.now(UTC))
    deliver(enrolled("0007", 1), cable(), throughput(), lan(double_nat=True))
    deliver(enrolled("0007", 2), cable(duplex="half"), throughput(*SLOW), lan(), minutes=3)
    asked = {"headers": {"authorization": f"Bearer {token}"}, "params": {"period": str(NOW.year)}}
    found = client.get("/api/v1/schools/0007", **asked).json()["diagnosis"]
    assert found["cause"] == "LAN_WIRED"
    assert found["evidence"]
    assert found["rules_version"] == shipped_rules().name
    text = client.get(f"/schools/0007?period={NOW.year}").text
    assert "cables and switches" in text
    assert "not properly organised" in text
    assert "half duplex" in text
    assert "Two routers stand one behind the other" in text
    row = client.get("/api/v1/rankings/causes", **asked).json()["items"][0]
    assert (row["cause"], row["slow_computers"], row["computers"]) == ("LAN_WIRED", 1, 2)
    assert "wiring and switches" in client.get(f"/rankings/causes?period={NOW.year}").text
