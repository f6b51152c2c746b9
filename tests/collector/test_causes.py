"""The diagnosis of stored sessions, as the API, the ranking and the pages answer it."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from agent.contract.rules import shipped_rules
from collector import access, ingest, rankings, readiness
from collector.diagnosis import remembered, stored
from collector.periods import Period
from collector.rankings import causes
from collector.store import sessions
from collector.store.database import MINISTRY, Viewer
from collector.store.sessions import NEWEST_SESSIONS
from tests.fakes.computer import Computer, batch
from tests.fakes.sessions import at, cable, lan, peer, radio, scan, throughput

SLOW = (37e6, 19.6e6)
NOW = datetime(2025, 10, 15, 9, tzinfo=UTC)  # in the past of every clock
PERIOD = Period("now", NOW - timedelta(days=40), NOW + timedelta(days=1))


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
    computer, almaty = enrolled("0007", 1), ZoneInfo("Asia/Almaty")
    for hours in range(4):
        when = datetime(2025, 10, 15, 3, tzinfo=almaty) + timedelta(hours=hours)
        seen = at(when.astimezone(UTC), cable(), throughput(*SLOW), lan())
        client.post("/api/v1/reports", content=batch(computer.report(*seen, at=when.astimezone(UTC))))
    period = Period("now", PERIOD.start.astimezone(almaty), PERIOD.end.astimezone(almaty))
    with database.reading(MINISTRY) as connection:
        seen = stored.of_school(connection, school, period)
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


def test_the_operator_sees_the_cause_and_not_the_schools_defects(database, school, enrolled, deliver):
    """An operator is judged by it, so it sees it; addresses inside the school are not its business, nor rooms."""
    deliver(enrolled("0007", 1), cable(), throughput(*SLOW), lan(dhcp_servers=("10.1.0.1", "10.1.0.9")))
    deliver(enrolled("0007", 2), cable(), throughput(*SLOW), lan(), minutes=5)
    own = told(database, school, Viewer("operator", "Operator A"))
    assert (own.cause, own.confidence, own.defects) == ("ISP_LINE", "high", ())
    assert all(one.reference.room is None for one in own.evidence)
    assert told(database, school, Viewer("operator", "Operator B")).cause == "INSUFFICIENT"
    assert told(database, school).defects
    window = rankings.Window(PERIOD)
    for viewer, defects in ((Viewer("operator", "Operator A"), ""), (MINISTRY, "rogue_dhcp")):
        with database.reading(viewer) as connection:
            assert [row.defects for row in causes.rows(connection, window)] == [defects]


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


def test_the_ranking_names_causes(database, school, add_school, enrolled, deliver):
    """Sure causes first, healthy schools after them, those without data last and without a rank."""
    add_school("0008", download_contracted_bps=100_000_000)
    add_school("0009")
    deliver(enrolled("0007", 1), cable(), throughput(*SLOW), lan())
    deliver(enrolled("0008", 2), cable(), throughput(), lan())
    window = rankings.Window(PERIOD)
    with database.reading(MINISTRY) as connection:
        rows = causes.rows(connection, window)
    assert [(row.id, row.rank, row.cause) for row in rows] == [
        ("0007", 1, "ISP_LINE"),
        ("0008", 2, "HEALTHY"),
        ("0009", None, "INSUFFICIENT"),
    ]
    assert rows[0].rules_version == shipped_rules().name
    assert rows[0].named == "ISP LINE"


def test_what_was_remembered_is_read_again_when_there_is_news(database, school, enrolled, deliver):
    """The same answer as without memory, after new tests and for another viewer too."""

    def remembered_cause(viewer=MINISTRY):
        with database.reading(viewer) as connection:
            found = [one.school for one in readiness.of_period(connection, PERIOD)]
            return {key: one.cause for key, one in remembered.of_schools(connection, found, PERIOD).items()}

    computer = enrolled("0007", 1)
    deliver(computer, cable(), throughput(*SLOW), lan())
    assert remembered_cause() == remembered_cause() == {"0007": "ISP_LINE"}
    deliver(computer, cable(), throughput(), lan(), count=12)
    assert remembered_cause() == {"0007": told(database, school).cause} == {"0007": "HEALTHY"}
    assert remembered_cause(Viewer("operator", "Operator B")) == {}


def test_the_api_and_the_page_say_it(client, database, school, enrolled, deliver):
    """One school's answer has its diagnosis with evidence and rules, the page the sentence; the list its causes."""
    with database.owning() as connection:
        token = access.create(connection, role="ministry", scope=None, name="test", days=None, now=NOW)
    deliver(enrolled("0007", 1), cable(), throughput(), lan(double_nat=True))
    deliver(enrolled("0007", 2), cable(duplex="half"), throughput(*SLOW), lan(), minutes=3)
    asked = {"headers": {"authorization": f"Bearer {token}"}, "params": {"period": str(NOW.year)}}
    found = client.get("/api/v1/schools/0007", **asked).json()["diagnosis"]
    assert found["cause"] == "LAN_WIRED"
    assert found["evidence"]
    assert found["rules_version"] == shipped_rules().name
    text = client.get(f"/schools/0007?period={NOW.year}").text
    assert "LAN WIRED" in text
    assert "not properly organised" in text
    assert "half duplex" in text
    assert "Two routers stand one behind the other" in text
    row = client.get("/api/v1/rankings/causes", **asked).json()["items"][0]
    assert (row["cause"], row["slow_computers"], row["computers"]) == ("LAN_WIRED", 1, 2)
    assert "LAN WIRED" in client.get(f"/rankings/causes?period={NOW.year}").text
