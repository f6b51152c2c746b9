import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from psycopg.conninfo import conninfo_to_dict

from agent.contract.coverage import MAX_ROOMS
from agent.contract.errors import SettingsError
from agent.contract.wifi import WifiConnection
from agent.contract.wire import CameraAsked, PlatformAsked
from collector import cli, ingest, policy, registry
from collector.errors import RegistryError
from collector.settings import PolicySettings
from collector.store import own_networks, rooms, schools
from collector.store.database import MINISTRY, Viewer
from collector.store.own_networks import Association
from tests.collector.test_coverage import stop
from tests.fakes.computer import wire_link

HEADER = "school_id_govt,room,floor\n"
KNOWN = frozenset({"0012", "0013"})


@pytest.fixture
def read(tmp_path):
    """Read a file of this content."""

    def _read(content, known=KNOWN, name="rooms.csv"):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return registry.read_rooms(file, known)

    return _read


def problems(read, content):
    """Return everything that was found wrong with a file."""
    with pytest.raises(RegistryError) as refused:
        read(content)
    return str(refused.value)


def test_a_file_of_rooms_is_read(read):
    """Ids stay text, further columns and empty floors are fine, names of columns may be written freely."""
    found = read(
        "School ID govt;Room;Floor;note\n0012;Каб. 12;2;x\n0013; 12 ;;\n".replace("School ID govt", "school-id govt")
    )
    assert [(one.school_id, one.label, one.floor, one.source) for one in found] == [
        ("0012", "Каб. 12", "2", "register"),
        ("0013", "12", None, "register"),
    ]


@pytest.mark.parametrize(
    ("row", "place"),
    [
        ("0012,,1", "line 2, column room: empty"),
        ("9999,12,1", "line 2, column school_id_govt: there is no school '9999' in the registry"),
        (",12,1", "line 2, column school_id_govt: empty"),
        ("0012," + "x" * 129 + ",1", "line 2, column room: 129 characters"),
        ("0012,12," + "x" * 65, "line 2, column floor: 65 characters"),
        ("0012,\x00,1", "the file has zero bytes"),
        ("0012,\u200d,1", "line 2, column room: empty"),
        ("0012,\x1b[31m12,1", "line 2, column room: '\\u001b[31m12' has the control character U+001B"),
        ("0012,Каб?нет,1", "line 2, column room: 'Каб?нет' has '?' where a letter was"),
        ("0012", "line 2: 1 cells"),
        ('0012,"12,1', "line 2: a quotation mark opens here"),
        ("0012,12,1\n0012,1 2,2", "line 3, column room: '1 2' of this school is already on line 2"),
    ],
)
def test_a_bad_row_is_named_with_line_and_column(read, row, place):
    """Whoever keeps the file finds the cell, in every way a row can be wrong."""
    assert place in problems(read, HEADER + row + "\n")


@pytest.mark.parametrize(
    "header", ["a,b,c\n1,2,3\n", "", "school_id_govt,room\n0012,12\n", "room,room,floor,school_id_govt\n"]
)
def test_a_file_of_something_else_is_refused(read, header):
    """No header, another header, a column missing or twice: said, and nothing is guessed."""
    assert problems(read, header)


def test_right_to_left_rooms_stay_what_they_are(read):
    """Letters of any script are kept; marks that turn the writing around are dropped."""
    (one,) = read(HEADER + "0012,\u202eغرفة ١٢\u202c,\n")
    assert one.label == "غرفة ١٢"


def test_too_many_rooms_in_one_school_are_refused(read):
    """10,000 rows for a school are no rooms; as many as a policy can name are."""
    full = HEADER + "".join(f"0012,{number},\n" for number in range(MAX_ROOMS))
    assert len(read(full)) == MAX_ROOMS
    many = HEADER + "".join(f"0012,{number},\n" for number in range(10_000))
    assert problems(read, many).count(f"more than {MAX_ROOMS} rooms") == 1


def url_of(conninfo):
    """Return the same place as a URL, as the commands take it."""
    parts = conninfo_to_dict(conninfo)
    wanted = {key: parts[key] for key in ("host", "user", "password", "port") if parts.get(key)}
    return f"postgresql:///{parts['dbname']}?{urlencode(wanted)}"


def test_import_takes_all_or_nothing(tmp_path, database, database_url, add_school, capsys):
    """One bad row: exit 1, the line named, and no room kept; without it all are, and again they are renewed."""
    add_school("0012")
    file = tmp_path / "rooms.csv"
    where = ("--database", url_of(database_url))
    command = ["rooms", "import", str(file), *where]
    file.write_text(HEADER + "0012,12,1\n0099,13,1\n")
    assert cli.main(command) == 1
    assert "line 3, column school_id_govt" in capsys.readouterr().err
    with database.reading(MINISTRY) as connection:
        assert rooms.rooms(connection, "0012") == []
    file.write_text(HEADER + "0012,12,1\n0012,2,1\n")
    assert cli.main(command) == 0
    assert "rooms added: 2, renewed: 0" in capsys.readouterr().err
    assert cli.main(command) == 0
    assert "rooms added: 0, renewed: 2" in capsys.readouterr().err
    assert cli.main(["rooms", "remove", "--school", "0012", "--room", "12", *where]) == 0
    assert cli.main(["rooms", "remove", "--school", "0012", "--room", "12", *where]) == 1
    with database.reading(MINISTRY) as connection:
        assert [room.label for room in rooms.rooms(connection, "0012")] == ["2"]


def test_the_register_grows_by_surveys_and_computers(database, add_school, enrolled):
    """A stop and a labelled computer add their rooms once; the register's own words stay, and only a floor is added."""
    add_school("0012")
    with database.owning() as connection:
        rooms.keep_rooms(connection, [rooms.RoomRecord(school_id="0012", label="Каб. 12")])
    computer = enrolled("0012")
    reports = [
        computer.report(*stop(-60), trigger="survey", room="каб 12", floor="3"),
        computer.report(*stop(-60), trigger="survey", room="Каб.12", floor="3"),
        computer.report(*stop(-60), trigger="survey", room="Зал", floor="1"),
        computer.report(wire_link(), room="Библиотека"),
        computer.report(room="nothing measured"),
        computer.report(wire_link(), room=" \u200b "),
    ]
    with database.ingesting() as connection:
        assert {one.answer for one in ingest.accept(connection, reports, datetime.now(UTC))} == {"stored"}
    with database.reading(MINISTRY) as connection:
        found = rooms.rooms(connection, "0012")
    assert {(one.label, one.floor, one.source) for one in found} == {
        ("Каб. 12", "3", "register"),
        ("каб 12", "3", "survey"),
        ("Зал", "1", "survey"),
        ("Библиотека", None, "computer"),
    }


def test_a_computer_cannot_flood_the_register(database, add_school, enrolled):
    """Past the bound reports are stored and rooms are not added."""
    add_school("0012")
    with database.owning() as connection:
        many = [rooms.RoomRecord(school_id="0012", label=str(number)) for number in range(MAX_ROOMS)]
        rooms.keep_rooms(connection, many)
    computer = enrolled("0012")
    with database.ingesting() as connection:
        (answer,) = ingest.accept(
            connection, [computer.report(*stop(-60), trigger="survey", room="one more")], datetime.now(UTC)
        )
    assert answer.answer == "stored"
    with database.reading(MINISTRY) as connection:
        assert len(rooms.rooms(connection, "0012")) == MAX_ROOMS


def test_rooms_are_in_the_order_people_count(database, add_school):
    """2 stands before 10, floors before each other, rooms without a floor last."""
    add_school("0012")
    written = [("10", "1"), ("2", "1"), ("2а", "1"), ("1", "10"), ("1b", "2"), ("Зал", None)]
    with database.owning() as connection:
        rooms.keep_rooms(connection, [rooms.RoomRecord(school_id="0012", label=a, floor=b) for a, b in written])
    with database.reading(MINISTRY) as connection:
        assert [one.label for one in rooms.rooms(connection, "0012")] == ["2", "2а", "10", "1b", "1", "Зал"]


@pytest.mark.parametrize(
    ("viewer", "sees"),
    [
        (MINISTRY, 1),
        (Viewer("region", "KZ-75"), 1),
        (Viewer("region", "KZ-71"), 0),
        (Viewer("school", "0012"), 1),
        (Viewer("school", "0013"), 0),
        (Viewer("operator", "Operator A"), 0),
        (Viewer("nobody"), 0),
    ],
)
def test_who_sees_rooms_and_what_was_seen_in_them(database, add_school, enrolled, viewer, sees):
    """The ministry, the school and its region; never an operator, who judges lines."""
    add_school("0012", operator="Operator A")
    computer = enrolled("0012")
    with database.ingesting() as connection:
        ingest.accept(connection, [computer.report(*stop(-60), trigger="survey", room="12")], datetime.now(UTC))
    with database.reading(viewer) as connection:
        for table in ("room", "sighting"):
            assert connection.execute(f"select count(*) from {table}").fetchone() == (sees,)  # noqa: S608 - our names


def test_rooms_follow_a_school_to_another_region(database, add_school, enrolled):
    """A school that the registry moves is seen with its rooms by the new region."""
    add_school("0012")
    with database.owning() as connection:
        rooms.keep_rooms(connection, [rooms.RoomRecord(school_id="0012", label="12")])
    add_school("0012", region_id="KZ-71")
    with database.reading(Viewer("region", "KZ-71")) as connection:
        assert len(rooms.rooms(connection, "0012")) == 1


def one(agent, medium="wifi", ssid="aa", gateway="192.168.1.1", digest=None, surveyed=False):
    """Return a connection of a computer."""
    return Association(
        school_id="1",
        agent_id=agent,
        medium=medium,
        ssid_hex=ssid,
        gateway=gateway,
        gateway_digest=digest,
        surveyed=surveyed,
    )


CABLE = one("pc", "ethernet", None)
PROVEN = one("pc", "ethernet", None, "192.168.1.1", "d" * 16)


@pytest.mark.parametrize(
    ("seen", "own"),
    [
        ([], ()),
        ([one("a")], ()),  # one laptop, anywhere
        ([one("a", surveyed=True)], ("aa",)),  # carried through the school, and nothing known speaks against it
        ([one("a"), one("b")], ("aa",)),  # two computers meet behind one router
        ([CABLE, one("a")], ()),  # many homes have this address too
        ([CABLE, one("a"), one("b")], ("aa",)),
        ([CABLE, one("a", surveyed=True)], ("aa",)),
        ([CABLE, one("a", ssid="ff", gateway="192.168.43.1", surveyed=True)], ()),  # a phone that walks along
        ([PROVEN, one("a", digest="d" * 16)], ("aa",)),  # the same router, proven
        ([PROVEN, one("a", digest="e" * 16, ssid="ff")], ()),  # a router of the same address at home
        ([CABLE, one("a"), one("b"), one("b", ssid="bb", gateway="10.0.0.1")], ("aa",)),
        ([CABLE, one("a", ssid=""), one("b", ssid=None)], ()),
    ],
)
def test_own_networks_are_learnt_from_the_schools_router(seen, own):
    """A network is the school's where it leads to the school's router, not because some computer once used it."""
    assert own_networks.learn(seen).ssids_hex == own


def test_no_more_networks_than_a_policy_can_name():
    """A computer that invents names cannot make the policy unreadable; those of most computers stay."""
    many = [one(agent, ssid=f"{number:04x}") for number in range(500) for agent in ("a", "b")]
    learnt = own_networks.learn([CABLE, *many, one("c", ssid="01f3")])
    assert len(learnt.ssids_hex) == own_networks.MAX_NETWORKS
    assert learnt.ssids_hex[0] == "01f3"


def test_the_policy_tells_networks_rooms_and_contract(database, add_school, enrolled):
    """What the agents are told of the inside of their school: learnt, registered, still missing, promised."""
    school = add_school("0012", download_contracted_bps=100_000_000, upload_contracted_bps=50_000_000)
    with database.owning() as connection:
        rooms.keep_rooms(connection, [rooms.RoomRecord(school_id="0012", label=label) for label in ("12", "13", "Зал")])
    computer, desk = enrolled("0012", 1), enrolled("0012", 2)
    now = datetime.now(UTC)
    reports = [
        desk.report(wire_link(gateway="192.168.1.1"), room="13"),
        computer.report(*stop(-60), trigger="survey", room="12"),
    ]
    with database.ingesting() as connection:
        ingest.accept(connection, reports, now)
        told = policy.policy_for(
            school, PolicySettings(), policy.inside_of(connection, school, PolicySettings(), now + timedelta(seconds=1))
        )
    assert told.inside.own_ssids_hex == (b"Mektep".hex(),)
    assert told.inside.rooms == ("12", "13", "Зал")
    assert told.inside.rooms_missing == ("13", "Зал")  # a computer with a cable says nothing of Wi-Fi
    assert told.inside.contracted_download_bps == 100_000_000


@pytest.mark.parametrize(
    ("extra", "cameras"),
    [
        ({"cameras": "12"}, 12),
        ({"num_cameras": " 0 "}, 0),
        ({"cameras": "yes", "num_cameras": "4"}, 4),
        ({"cameras": "12", "num_cameras": "?"}, 12),
        ({"cameras": "4.5"}, None),
        ({"cameras": "-3"}, None),
        ({"cameras": "٤"}, None),
        ({"cameras": "10001"}, None),
        ({"cameras": "9" * 2000}, None),
        ({"cabinets": "12"}, None),
    ],
)
def test_the_policy_tells_the_registrys_cameras(database, add_school, extra, cameras):
    """A whole number in a further column of the registry is the number of cameras; of anything else nothing is made."""
    add_school("0012", extra=extra)
    with database.ingesting() as connection:
        school = schools.school(connection, "0012")
        inside = policy.inside_of(connection, school, PolicySettings(), datetime.now(UTC))
    assert inside.cameras_registered == cameras


def test_the_policy_tells_whom_to_ask(database, add_school):
    """The country's platforms and control centres, and the school's cameras by their addresses, as far as they are."""
    urls = "rtsp://10.1.0.7/one; rtsp://10.1.0.8:8554/ http://10.1.0.9/ rtsp:// rtsp://10.1.0.7/one"
    add_school("0012", extra={"camera_urls": urls})
    settings = PolicySettings(
        platforms=(PlatformAsked(name="Kundelik", url="https://kundelik.kz/"),),
        control_centres=(CameraAsked(name="police", url="tcp://10.9.0.1:554"),),
        peer_bytes=5_000_000,
    )
    policy.check_places(settings)
    with database.ingesting() as connection:
        school = schools.school(connection, "0012")
        inside = policy.inside_of(connection, school, settings, datetime.now(UTC))
    assert (inside.platforms, inside.peer_bytes) == (settings.platforms, 5_000_000)
    assert [(one.name, one.kind, one.url) for one in inside.cameras] == [
        ("police", "control_centre", "tcp://10.9.0.1:554"),
        ("camera 1", "camera", "rtsp://10.1.0.7/one"),
        ("camera 2", "camera", "rtsp://10.1.0.8:8554/"),
    ]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"platforms": (PlatformAsked(name="P", url="ftp://x"),)}, "policy.platforms: P: 'ftp://x'"),
        ({"platforms": (PlatformAsked(name="P", url="http://["),)}, "policy.platforms: P"),
        ({"control_centres": (CameraAsked(name="C", url="tcp://10.0.0.1"),)}, "policy.control_centres: C"),
        ({"control_centres": (CameraAsked(name="C", url="tcp://10.0.0.1:99999"),)}, "policy.control_centres: C"),
    ],
)
def test_places_that_nobody_can_ask_stop_the_start(wrong, words):
    """A wrong address is named before any agent is told of it: it would cost agents their whole look."""
    with pytest.raises(SettingsError, match=re.escape(words)):
        policy.check_places(PolicySettings(**wrong))


def test_a_hidden_network_is_no_name(database, add_school, enrolled):
    """An empty name cannot tell one network from another and is not learnt."""
    school = add_school("0012")
    laptop = enrolled("0012")
    hidden = wire_link(medium="wifi", wifi=WifiConnection(source="t", ssid_hex="", signal_dbm=-60))
    with database.ingesting() as connection:
        ingest.accept(connection, [laptop.report(hidden, trigger="survey", room="1")], datetime.now(UTC))
        inside = policy.inside_of(connection, school, PolicySettings(), datetime.now(UTC))
    assert inside.own_ssids_hex == ()
