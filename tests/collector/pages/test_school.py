"""A school's pages: who sees what, what is said for what is missing, hostile names, three languages."""

import html
import re
from datetime import UTC, datetime, timedelta

import pytest

from agent.contract.measurement import Failed
from agent.contract.services import Service, Services
from agent.contract.standards import target_for
from collector import ingest, rollup
from collector.pages import school_week
from collector.settings import PolicySettings
from collector.store import rooms
from collector.store.database import MINISTRY
from collector.store.rooms import RoomRecord
from tests.fakes.computer import throughput, wire_link

HOSTILE = '<b>"Мектеп" & \u202eкері\u202c</b> ' + "ұ" * 260
NOW = datetime.now(UTC)
TABS = ("schools", "tests", "rooms", "history", "board")
PERIOD = {"period": str(NOW.year)}
STYLE = re.compile(r"<[^>]+\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=")


@pytest.fixture
def deliver(database):
    """Store reports, as if they had just come."""

    def store(*envelopes: bytes) -> None:
        with database.ingesting() as connection:
            ingest.accept(connection, list(envelopes), datetime.now(UTC))

    return store


@pytest.fixture
def measured(add_school, enrolled, deliver, database):
    """A school with a room, tests, a failure and a look at platforms."""
    add_school(
        "0012",
        name=HOSTILE,
        operator="Operator A",
        connectivity_type="fibre",
        download_contracted_bps=10_000_000,
        upload_contracted_bps=10_000_000,
    )
    computer = enrolled("0012")
    look = Services(
        services=(
            Service(name="Kundelik", host="kundelik.kz", first_byte_ms=80.0),
            Service(name="<i>EDUS</i>", host="edus.kz", failure="dns_failed"),
        )
    )
    for minutes in range(200, 100, -10):
        at = NOW - timedelta(minutes=minutes)
        deliver(computer.report(wire_link(), throughput(9e6, 9e6), at=at))
    deliver(computer.report(Failed(probe="msak", failure="busy", detail="<u>later</u>"), look))
    with database.owning() as connection:
        rooms.keep_rooms(connection, [RoomRecord(school_id="0012", label="<s>101</s>", floor="1")])
    rollup.run(database, rollup.calendars_of(PolicySettings()))
    return computer


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("language", ["kk", "ru", "en"])
def test_a_school_without_anything_says_what_is_missing(client, add_school, tab, language) -> None:
    """No pupils, contract, operator, room or test: each page opens, in each language."""
    add_school("0001", pupils=None)
    answer = client.get(f"/{tab}/0001", params={"lang": language})
    assert answer.status_code == 200
    assert answer.headers["content-language"] == language
    assert not STYLE.search(answer.text)


def test_what_is_missing_and_how_to_add_it(client, add_school) -> None:
    """The overview names the registry's columns, and the way to enrol and to walk."""
    add_school("0001", pupils=None)
    page = client.get("/schools/0001").text
    for column in ("num_students", "connectivity_type", "operator", "download_speed_contracted"):
        assert f"column {column}" in page or f"columns {column}" in page
    assert "/it/enrol/0001" in page
    assert "netready-agent survey" in page
    assert "NOT ENOUGH DATA" in page
    assert html.unescape("The school&#39;s job") in html.unescape(page)


def test_a_closed_line_is_the_office(client, add_school) -> None:
    """A school that the registry calls unconnected needs a line, not a test."""
    add_school("0001", connected=False)
    page = html.unescape(client.get("/schools/0001").text)
    assert "The registry says this school has no line." in page
    assert "The education office's job" in page


def test_the_overview_of_a_measured_school(client, measured) -> None:
    """Speeds, platforms, failures; a contract below the target is said; names are only text."""
    page = client.get("/schools/0012", params=PERIOD).text
    assert "<b>&#34;" not in page.replace("&lt;b&gt;", "")
    assert "&lt;b&gt;" in page
    assert "<i>EDUS" not in page
    assert "Kundelik" in page
    assert "less than the target" in page
    assert "the server was busy" in page
    assert not STYLE.search(page)


@pytest.mark.parametrize(
    ("query", "count"),
    [({}, 10), ({"medium": "ethernet"}, 10), ({"medium": "wifi"}, 0), ({"state": "disturbed"}, 0), ({"room": "9"}, 0)],
)
def test_filters_of_tests_stand_in_the_address(client, measured, query, count) -> None:
    """Each filter alone; nothing found is a sentence."""
    page = client.get("/tests/0012", params=PERIOD | query).text
    assert f"{count} test" in page
    assert ("No test fits this" in page) == (count == 0)


@pytest.mark.parametrize(
    "query", [{"page": "9999999999"}, {"week": "nonsense"}, {"week": "9999-12-31"}, {"year": "77"}]
)
def test_nonsense_in_the_address(client, measured, query) -> None:
    """Falls back to what there is, or is refused in words; never an error of ours."""
    for tab in TABS:
        assert client.get(f"/{tab}/0012", params=query).status_code in (200, 400, 404, 422)


def test_a_room_that_nobody_measured_counts(client, measured) -> None:
    """The denominator is all rooms."""
    page = client.get("/rooms/0012", params=PERIOD).text
    assert "0 of 1" in page
    assert "&lt;s&gt;101&lt;/s&gt;" in page
    assert "<s>" not in page


def test_the_history_links_to_its_months(client, measured) -> None:
    """Each month leads to its answer and its tests."""
    page = client.get("/history/0012").text
    assert f"/schools/0012?period={NOW:%Y}-" in page
    assert f"/tests/0012?period={NOW:%Y}-" in page


def test_an_operator_sees_the_line_and_nothing_inside(client, measured, bearer, add_school) -> None:
    """No room, no platform, no to-do, no defect; another's school is not there."""
    add_school("0002", operator="Operator B")
    token = bearer("operator", "Operator A")
    page = client.get("/schools/0012", params=PERIOD, headers=token).text
    for inside in ("101", "Kundelik", "Wi-Fi in the rooms", "/it/", "/rooms/"):
        assert inside not in page
    assert client.get("/rooms/0012", headers=token).status_code == 404
    assert client.get("/it/0012", headers=token).status_code == 403
    assert client.get("/schools/0002", headers=token).status_code == 404


def test_scopes(client, measured, bearer, add_school) -> None:
    """A school sees itself, a region its schools."""
    add_school("0002", region_id="KZ-71")
    for tab in (*TABS, "it"):
        assert client.get(f"/{tab}/0002", headers=bearer("school", "0012")).status_code == 404
        assert client.get(f"/{tab}/0002", headers=bearer("region", "KZ-75")).status_code == 404
        assert client.get(f"/{tab}/0012", headers=bearer("region", "KZ-75")).status_code == 200


def test_a_week_is_judged_slot_by_slot(database, measured) -> None:
    """What was measured and missed is missed; nothing measured is absent, what is to come is coming."""
    calendar = rollup.calendar_of(PolicySettings())
    held = school_week.Held(calendar=calendar, target=target_for(300), cabled=False, now=NOW)
    monday = school_week.monday_of(NOW.astimezone(calendar.zone).date())
    with database.reading(MINISTRY) as connection:
        week = school_week.week(connection, "0012", monday, held, with_reasons=True)
    counted = school_week.counted(week)
    assert counted["met"] == 0
    for day in week:
        for slot in day.slots:
            assert (slot.outcome == "coming") == (
                not slot.tests and slot.begins + timedelta(minutes=calendar.slot_minutes) > NOW
            )
            assert slot.why is None or slot.outcome == "absent"
