from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from agent.contract.lan import Echoes, Lan
from agent.contract.measurement import Link
from agent.contract.rules import shipped_rules
from agent.contract.wifi import Crowd, Network, Wifi, WifiConnection
from collector import coverage, findings, ingest, periods, rankings, rollup
from collector.policy import zone_of
from collector.rankings import classrooms
from collector.settings import PolicySettings
from collector.store import rooms
from collector.store.database import MINISTRY, Viewer
from collector.store.figures import DirectionFigures
from collector.store.rooms import ComputerLink, Voice
from tests.fakes.computer import throughput, wire_link

NOW = datetime.now(UTC)
RULES = shipped_rules()
PERIOD = periods.quarter_of(NOW - timedelta(hours=1), zone_of(PolicySettings()))


def own(signal_dbm, number=1, **changes):
    """Return the school's access point, so strong."""
    values = {
        "bssid": f"02:00:00:00:{number // 256:02x}:{number % 256:02x}",
        "ssid": "Mektep",
        "ssid_hex": b"Mektep".hex(),
        "channel": 6,
        "frequency_mhz": 2437,
        "signal_dbm": signal_dbm,
        "signal_p20_dbm": signal_dbm,
        "own": True,
    }
    return Network(**(values | changes))


def stop(signal_dbm, *, medium="wifi", ssid=b"Mektep", gateway="192.168.1.1"):
    """Return what a laptop sees at one place."""
    networks = () if signal_dbm is None else (own(signal_dbm, ssid_hex=ssid.hex(), ssid=ssid.decode()),)
    connection = WifiConnection(source="t", ssid_hex=ssid.hex(), signal_dbm=signal_dbm)
    link = Link(interface="wlan0", medium=medium, adapter="AX210", gateway=gateway, wifi=connection)
    echoes = Echoes(protocol="icmp", sent=20, received=20, median_ms=3.0)
    lan = Lan(interface="wlan0", gateway=gateway, gateway_echoes=echoes)
    return link, Wifi(interface="wlan0", source="t", own_known=True, networks=networks), lan


@pytest.fixture
def deliver(database):
    """Store reports."""

    def _deliver(*reports, now=NOW):
        with database.ingesting() as connection:
            assert {one.answer for one in ingest.accept(connection, reports, now)} <= {"stored"}

    return _deliver


@pytest.fixture
def ranked(database):
    """Add up and judge what waits, and return a ranking as somebody sees it."""

    def look(name, viewer=MINISTRY, period=PERIOD):
        rollup.run(database, rollup.calendars_of(PolicySettings()))
        findings.run(database, zone_of(PolicySettings()))
        with database.reading(viewer) as connection:
            return rankings.get(name).ranked(connection, rankings.Window(period)).rows

    return look


@pytest.fixture
def covered(database):
    """Return the coverage of a school."""

    def _covered(school, viewer=MINISTRY):
        with database.reading(viewer) as connection:
            return coverage.of_school(connection, school, PERIOD)

    return _covered


def at(minutes):
    """Return a time so many minutes ago."""
    return NOW - timedelta(minutes=minutes)


def by_label(found):
    """Return the rooms of a coverage by their labels."""
    return {one.room: one for one in found.by_room}


def test_three_shares_and_what_nobody_measured(database, add_school, enrolled, deliver, covered):
    """Passed of measured, measured of all, and passed of all with unmeasured rooms not covered; borderline apart."""
    school = add_school("0012")
    with database.owning() as connection:
        labels = [f"R{number}" for number in range(10)]
        rooms.keep_rooms(connection, [rooms.RoomRecord(school_id="0012", label=label) for label in labels])
    laptop = enrolled("0012")
    signals = {"R0": -50, "R1": -66, "R2": -69, "R3": -80, "R4": None}
    deliver(*(laptop.report(*stop(dbm), trigger="survey", room=room) for room, dbm in signals.items()))
    found = covered(school)
    assert found.rooms == coverage.Shares(
        total=10, measured=5, passed=2, borderline=2, passed_of_measured=0.4, measured_of_total=0.5, passed_of_total=0.2
    )
    grades = {label: one.grade for label, one in by_label(found).items()}
    assert [grades[label] for label in labels[:6]] == ["good", "good", "weak", "none", "none", None]
    room = by_label(found)["R0"]
    assert (room.by, room.looks, room.adapters, room.gateway_ms) == ("survey", 1, ("AX210",), 3.0)
    assert (room.access_point, room.network, room.channel) == ("02:00:00:00:00:01", "Mektep", 6)


def test_the_newest_walk_counts(add_school, enrolled, deliver, covered):
    """A room that was mended passes: its stops of an earlier walk give way, and three stops of a day have a median."""
    school = add_school("0012")
    laptop = enrolled("0012")
    old, today = 60 * 24 * 5, (30, 20, 10)
    deliver(
        laptop.report(*stop(-85), trigger="survey", room="12", at=at(old)),
        *(
            laptop.report(*stop(dbm), trigger="survey", room="12", at=at(ago))
            for dbm, ago in zip((-60, None, -62), today, strict=True)
        ),
    )
    room = by_label(covered(school))["12"]
    assert (room.signal_dbm, room.looks, room.passes) == (-62, 3, True)


def test_a_fixed_computer_counts_for_nothing_and_a_doubt_against_the_room(add_school, enrolled, deliver, covered):
    """A labelled computer with Wi-Fi speaks without any walk; of two voices the weaker one is believed."""
    school = add_school("0012")
    laptop, fixed = enrolled("0012", 1), enrolled("0012", 2)
    deliver(
        *(fixed.report(*stop(dbm), room="12", at=at(ago)) for dbm, ago in ((-70, 50), (-71, 40), (-72, 30))),
        laptop.report(*stop(-60), trigger="survey", room="12", at=at(20)),
    )
    room = by_label(covered(school))["12"]
    assert (room.by, room.signal_dbm, room.grade) == ("both", -71, "weak")


def test_a_wired_computer_says_nothing_of_wifi(add_school, enrolled, deliver, covered):
    """Its room is in the register and is not measured; one that has a Wi-Fi card beside the cable measures it."""
    school = add_school("0012")
    desk, both = enrolled("0012", 1), enrolled("0012", 2)
    laptop = enrolled("0012", 3)
    deliver(
        desk.report(wire_link(gateway="192.168.1.1"), room="12"),
        both.report(*stop(-60, medium="ethernet"), room="13"),
        laptop.report(*stop(-60), trigger="survey", room="14"),
    )
    found = by_label(covered(school))
    assert (found["12"].measured, found["13"].measured) == (False, True)


def test_a_laptop_at_home_fails_no_room(add_school, enrolled, deliver, covered):
    """On somebody else's Wi-Fi it hears none of the school's: that says nothing of its room. A walk's silence does."""
    school = add_school("0012")
    laptop, desk = enrolled("0012", 1), enrolled("0012", 2)
    deliver(
        desk.report(wire_link(gateway="192.168.1.1"), room="1"),
        laptop.report(*stop(-60), trigger="survey", room="11", at=at(30)),
        laptop.report(*stop(-55), room="12", at=at(20)),
        laptop.report(*stop(None, ssid=b"Home", gateway="192.168.0.1"), room="12", at=at(10)),
        laptop.report(*stop(None, ssid=b"Home"), trigger="survey", room="13", at=at(5)),
    )
    found = by_label(covered(school))
    assert (found["12"].signal_dbm, found["12"].looks) == (-55, 1)
    assert (found["13"].measured, found["13"].grade) == (True, "none")


def test_a_phone_that_walks_along_covers_nothing(add_school, enrolled, deliver, covered):
    """A strong network that is not the school's makes no room pass."""
    school = add_school("0012")
    laptop, desk = enrolled("0012", 1), enrolled("0012", 2)
    deliver(
        desk.report(wire_link(gateway="192.168.1.1"), room="1"),
        laptop.report(*stop(-30, ssid=b"iPhone", gateway="172.20.10.1"), trigger="survey", room="12"),
    )
    found = covered(school)
    assert found.own_ssids_hex == ()
    assert by_label(found)["12"].measured is False


def test_a_computer_that_may_not_tell_the_name_counts_by_its_router(add_school, enrolled, deliver, covered):
    """Where Windows keeps the name to itself, the school's router says which network it is."""
    school = add_school("0012")
    laptop, desk = enrolled("0012", 1), enrolled("0012", 2)
    nameless = Link(
        interface="wlan0", medium="wifi", gateway="192.168.1.1", wifi=WifiConnection(source="wlanapi", signal_dbm=-60)
    )
    elsewhere = msgspec.structs.replace(nameless, gateway="10.9.9.1")
    deliver(
        desk.report(wire_link(gateway="192.168.1.1"), room="1"),
        laptop.report(nameless, room="12"),
        laptop.report(elsewhere, room="13"),
    )
    found = by_label(covered(school))
    assert (found["12"].passes, found["13"].measured) == (True, False)


def test_computers_are_counted_by_their_own_link(add_school, enrolled, deliver, covered):
    """Each fixed computer once, by its newest looks; one whose link nobody knows is not in order, and not measured."""
    school = add_school("0012")
    links = [
        wire_link(gateway="192.168.1.1"),
        wire_link(speed_bps=1e7),
        wire_link(duplex="half"),
        wire_link(speed_bps=None),
        wire_link(packets=1000, errors=50),
    ]
    deliver(*(enrolled("0012", seed).report(link, room=str(seed)) for seed, link in enumerate(links, start=1)))
    deliver(enrolled("0012", 9).report(*stop(-60), trigger="survey", room="1"))
    found = covered(school).computers
    assert (found.total, found.measured, found.passed) == (5, 4, 1)


@pytest.mark.parametrize(
    ("link", "passes"),
    [
        ({"medium": "wifi", "own_dbm": -60.0}, (True, False)),
        ({"medium": "wifi", "own_dbm": -68.0}, (False, True)),
        ({"medium": "wifi"}, None),
        ({"medium": None}, None),
        ({"medium": "cellular", "link_speed_bps": 1e9}, None),
        ({"medium": "ethernet", "link_speed_bps": 1e8, "duplex": "full"}, (True, False)),
        ({"medium": "ethernet", "link_speed_bps": 1e9, "packets": 10, "errors": 2}, (True, False)),
    ],
)
def test_when_a_computers_link_is_in_order(link, passes):
    """By cable above 10 Mbit/s, full duplex and unbroken; on Wi-Fi by the signal; else nobody knows."""
    nothing = {"link_speed_bps": None, "duplex": None, "packets": None, "errors": None, "own_dbm": None}
    made = ComputerLink(**({"school_id": "1", "agent_id": "a"} | nothing | link))
    assert coverage.passes_by_link(made, RULES) == passes


def voice(own_dbm, *, is_survey=False):
    """Return what one walk or computer says of a room."""
    values = dict.fromkeys(("own_bssid", "own_ssid", "own_channel", "adapter", "gateway_ms"))
    return Voice(
        school_id="1", room_key="12", is_survey=is_survey, voice="a", looks=1, newest_at=NOW, own_dbm=own_dbm, **values
    )


@pytest.mark.parametrize(
    ("signals", "signal"),
    [
        ([-60], -60),
        ([-60, -70], -70),
        ([-60, -70, -80], -70),
        ([-60, None], None),
        ([-60, -61, None], -61),
        ([None], None),
    ],
)
def test_the_middle_voice_decides_and_the_lower_of_two(signals, signal):
    """Silence is weaker than every signal."""
    found = coverage.room_result(None, [voice(one) for one in signals], RULES)
    assert found.signal_dbm == signal
    assert found.passes is (signal is not None and signal >= -67)


def test_no_rooms_no_shares():
    """Of nothing there is no share, and none is invented."""
    none = coverage.shares(0, [])
    assert (none.passed_of_measured, none.measured_of_total, none.passed_of_total) == (None, None, None)


def test_the_ranking_of_coverage(database, add_school, enrolled, deliver, ranked):
    """By passed of all rooms: half of the rooms walked stands below all of them; without any measured room, no rank."""
    for school in ("1", "2", "3"):
        add_school(school)
    with database.owning() as connection:
        labels = [("1", "a"), ("1", "b"), ("2", "a"), ("3", "a")]
        rooms.keep_rooms(connection, [rooms.RoomRecord(school_id=school, label=label) for school, label in labels])
        findings.mark_present(connection, "123", NOW, zone_of(PolicySettings()))
    for seed, school in enumerate(("1", "2"), start=1):
        deliver(enrolled(school, seed).report(*stop(-60), trigger="survey", room="a"))
    rows = ranked("coverage")
    assert [(row.id, row.rank, row.rooms_passed_share) for row in rows] == [
        ("2", 1, 1.0),
        ("1", 2, 0.5),
        ("3", None, 0.0),
    ]
    words = [column.words(rows[1]) for column in rankings.get("coverage").columns]
    assert words[:2] == [("50 %", "1 of 2"), ("50 %", "1 of 2")]
    assert ranked("coverage", Viewer("operator", "x")) == []


def test_a_judged_line_does_not_outrank_rooms(add_school, enrolled, deliver, ranked):
    """The order is that of the rooms, whether or not there are enough tests of the school's line."""
    add_school("1", pupils=100)
    add_school("2")
    monday, later = datetime(2026, 11, 16, 4, tzinfo=UTC), datetime(2026, 11, 23, 4, tzinfo=UTC)
    deliver(enrolled("1", 1).report(*stop(-90), trigger="survey", room="a", at=monday), now=later)
    deliver(enrolled("2", 2).report(*stop(-60), trigger="survey", room="a", at=monday), now=later)
    desk = enrolled("1", 3)
    lessons = [monday + timedelta(days=day, hours=hour) for day in range(5) for hour in (0, 3)]
    deliver(*(desk.report(throughput(9e6, 2e6, started_at=when), at=when) for when in lessons), now=later)
    rows = ranked("coverage", period=periods.parse("2026-Q4", zone_of(PolicySettings())))
    assert [(row.id, row.rank, row.meets is None) for row in rows] == [("2", 1, True), ("1", 2, False)]


def test_the_ranking_of_classrooms(add_school, enrolled, deliver, ranked):
    """What rooms get, limited by their Wi-Fi included, beside the line; a computer without a room has no say."""
    add_school("1", pupils=100)
    desk, laptop, office = enrolled("1", 1), enrolled("1", 2), enrolled("1", 3)
    for _ in range(3):
        deliver(
            desk.report(wire_link(), throughput(30e6, 10e6), room="1", at=NOW),
            laptop.report(*stop(-70), throughput(8e6, 6e6, tainted=("link_limited",)), room="2", at=NOW),
            office.report(wire_link(), throughput(40e6, 10e6), at=NOW),
        )
    (row,) = ranked("classrooms")
    assert (row.download_bps, row.line_download_bps, row.share_of_line) == pytest.approx((8e6, 40e6, 0.2), rel=0.003)
    assert (row.computers, row.tests, row.meets, row.line_meets) == (2, 6, False, None)


def figures(typical_bps, *, proven_bps=None, possible_bps=None, tests=3):
    """Return a computer's figures in one direction."""
    return DirectionFigures(
        tests=tests,
        bounded_tests=tests,
        typical_bps=typical_bps,
        proven_bps=typical_bps if proven_bps is None else proven_bps,
        possible_bps=typical_bps if possible_bps is None else possible_bps,
    )


PACED = figures(None, proven_bps=30e6, possible_bps=1e13)


@pytest.mark.parametrize(
    ("computers", "typical_bps", "at_least_bps"),
    [
        ([figures(10e6), figures(20e6), figures(30e6)], 20e6, None),
        ([figures(10e6), PACED], 10e6, None),
        ([figures(10e6), PACED, PACED], None, 30e6),
        ([figures(10e6, tests=2), figures(50e6)], 50e6, None),
    ],
)
def test_the_middle_computer(computers, typical_bps, at_least_bps):
    """The median where lower bounds cannot change it, else what they prove; too few tests have no say."""
    found = classrooms.middle(computers)
    assert (found.typical_bps, found.at_least_bps) == (typical_bps, at_least_bps)
    assert classrooms.middle([None, figures(1e6, tests=1)]) is None


def test_a_school_shows_its_coverage(add_school, enrolled, deliver, client, database):
    """The API's answer has it room by room, the page shows it, and a room's name is only ever text there."""
    add_school("0012")
    laptop = enrolled("0012")
    odd = "<script>alert(1)</script> \u202eغرفة"
    deliver(laptop.report(*stop(-60), trigger="survey", room=odd, floor="2"))
    from collector import access

    with database.owning() as connection:
        token = access.create(connection, role="ministry", scope=None, name="t", days=None, now=NOW)
    found = client.get("/api/v1/schools/0012", headers={"authorization": f"Bearer {token}"}).json()["coverage"]
    assert found["rooms"]["passed_of_total"] == 1.0
    assert found["by_room"][0]["room"] == "<script>alert(1)</script> غرفة"
    page = client.get("/schools/0012").text
    assert "Wi-Fi in the rooms" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>" not in page
    assert client.get("/rankings/coverage").status_code == 200
    assert client.get("/rankings/classrooms").status_code == 200


def test_reports_at_their_limits_are_stored(add_school, enrolled, deliver, covered):
    """256 own networks, 256 crowded channels, the longest label: stored, and the strongest is found."""
    school = add_school("0012")
    laptop = enrolled("0012")
    networks = tuple(own(-90 + number / 10, number, ssid="ы" * 32) for number in range(256))
    foreign = tuple(Crowd(channel=1 + number % 233, networks=2**53, strongest_dbm=-10) for number in range(256))
    full = Wifi(interface="w" * 64, source="s" * 64, own_known=True, networks=networks, foreign=foreign)
    link = Link(interface="wlan0", medium="wifi", adapter="a" * 128, gateway="192.168.1.1", packets=2**53, errors=2**53)
    link = msgspec.structs.replace(link, wifi=WifiConnection(source="t", ssid_hex=b"Mektep".hex()))
    label = "Ұ" * 128
    deliver(laptop.report(link, full, trigger="survey", room=label, floor="f" * 64))
    assert by_label(covered(school))[label].signal_dbm == pytest.approx(-64.5)
