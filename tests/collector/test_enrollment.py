import copy
import csv
import hashlib
import io
import threading
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import msgspec
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from agent import cli as agent_cli
from agent import enrollment as joining
from agent import identity
from agent.contract import signing, wire
from agent.contract.errors import MalformedError, SignatureError
from agent.settings import Settings as AgentSettings
from agent.uplink import Uplink
from collector import cli, enrollment, ingest, rollcall, rollup
from collector.enrolling.cli import tokens_of_region
from collector.errors import EnrollmentRefused, NotFound
from collector.settings import FleetSettings, PolicySettings
from collector.store import agents, audit, fleet
from collector.store.audit import Wanted
from collector.store.database import MINISTRY
from tests.fakes.computer import Computer

NOW = datetime.now(UTC)
BOARD = (f"board:{'a' * 64}",)
CODE = "abcde-23456-fghjk-789mn"
CODE_SHA256 = hashlib.sha256(CODE.replace("-", "").encode()).hexdigest()


@pytest.fixture
def region(database, add_school):
    """Three schools of one region and one of another; return a token of the first region."""
    add_school("0012", name="№12 мектеп", district="Қарасай")
    add_school("12", name="Lyceum 12", district="Alatau")
    add_school("AB 7", name="Әл-Фараби атындағы мектеп")
    add_school("99", name="Closed", closed_on=(NOW - timedelta(days=9)).date())
    add_school("0500", name="In Astana", region_id="KZ-71")

    def token(uses=100, days=30, now=NOW):
        with database.owning() as connection:
            return enrollment.create_region_token(connection, "KZ-75", uses=uses, days=days, now=now)

    return token


@pytest.fixture
def enrol(database):
    """Send an enrolment and return the reply."""

    def send(computer, token, now=NOW, **changes):
        with database.ingesting() as connection:
            return enrollment.enroll(connection, computer.enrollment(token, **changes), PolicySettings(), now)

    return send


@pytest.fixture
def choose(database):
    """Ask for the schools of a token."""

    def ask(token, search="", now=NOW):
        with database.ingesting() as connection:
            body = msgspec.json.encode(wire.SchoolsRequest(token=token, search=search))
            return enrollment.schools_to_choose(connection, body, now)

    return ask


@pytest.fixture
def heard(database):
    """Say when a computer was last heard."""

    def was(computer, at):
        with database.owning() as connection:
            connection.execute(
                "update agent set last_seen_at = %s, enrolled_at = %s where agent_id = %s", (at, at, computer.id)
            )

    return was


@pytest.fixture
def keys(database):
    """Return the keys of a computer as pairs of their own and the one before."""

    def of(computer, school="0012"):
        with database.owning() as connection:
            found = agents.keys_of_computer(connection, school, computer.id)
        return [one.agent_id for one in found]

    return of


@pytest.fixture
def listed(database):
    """Return the computers that are judged, as lists show them."""

    def ids():
        with database.owning() as connection:
            return sorted(one.agent_id for one in fleet.computers_to_judge(connection))

    return ids


def test_a_regions_token_lets_an_engineer_choose(region, choose):
    """By a part of the name, the district or the id, whatever the case; with district and region; open schools only."""
    token = region()
    everything = choose(token)
    assert everything.region == "Almaty"
    assert [one.id for one in everything.schools] == ["12", "AB 7", "0012"]  # by name: Latin letters first
    assert [one.id for one in choose(token, "ФАРАБИ").schools] == ["AB 7"]
    assert [one.id for one in choose(token, " қарасай ").schools] == ["0012"]
    (found,) = choose(token, "001").schools
    assert (found.name, found.district, found.region) == ("№12 мектеп", "Қарасай", "Almaty")
    assert choose(token, "astana").schools == ()


def test_a_long_list_is_cut_and_says_so(region, choose, add_school):
    """Fifty at a time, and how many more there are."""
    for number in range(60):
        add_school(f"x{number}")
    found = choose(region())
    assert (len(found.schools), found.more) == (wire.MAX_LISTED_SCHOOLS, 13)


def test_a_schools_own_token_has_nothing_to_choose(region, choose, make_token):
    """The agent then goes on without a list."""
    assert choose(make_token("0012")) == wire.SchoolsReply()


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("2345", "20 characters, this one 4"),
        ("abcde23456fghjk789m0", "no 0, 1, l and o, and this one has 0"),
        ("abcde23456fghjk789mn", "this collector's"),
        ("x" * 128, "20 characters"),
    ],
)
def test_the_list_is_for_holders_of_a_token(region, choose, token, words):
    """Without one there is no list, and the sentence says what is probably wrong with what was typed."""
    region()
    with pytest.raises(EnrollmentRefused, match=words):
        choose(token)


def test_used_up_and_expired_tokens_list_and_enrol_nothing(region, choose, enrol):
    """Both say so, and that a new one has to be asked for."""
    once = region(uses=1)
    enrol(Computer("0012", 1), once, school="0012")
    for ask in (lambda: choose(once), lambda: enrol(Computer("0012", 2), once, school="0012")):
        with pytest.raises(EnrollmentRefused, match=r"used 1 times.*ask for a new one"):
            ask()
    old = region(days=1, now=NOW - timedelta(days=2))
    for ask in (lambda: choose(old), lambda: enrol(Computer("0012", 2), old, school="0012")):
        with pytest.raises(EnrollmentRefused, match=r"expired on .*ask for a new one"):
            ask()
    assert enrol(Computer("0012", 1), once, school="0012").school.id == "0012"  # the reply was lost


def test_a_question_that_is_none_is_malformed(database, region):
    """Not JSON, no token, a token too long."""
    for body in (b"", b"[]", b"{}", b'{"token":""}', msgspec.json.encode({"token": "x" * 129})):
        with database.ingesting() as connection, pytest.raises(MalformedError):
            enrollment.schools_to_choose(connection, body, NOW)


@pytest.mark.parametrize(
    ("asked", "school"), [("0012", "0012"), ("12", "12"), ("ab 7", "AB 7"), ("AB7", "AB 7"), (" 0012 ", "0012")]
)
def test_the_school_of_a_regions_token(region, enrol, asked, school):
    """Spaces and case of an id are forgiven, zeros in front make another school."""
    reply = enrol(Computer(school), region(), school=asked)
    assert (reply.school.id, reply.school.region) == (school, "Almaty")


@pytest.mark.parametrize(
    ("school", "words"),
    [
        (None, "choose the school"),
        ("0500", "has no open school 0500"),  # of another region
        ("99", "has no open school"),
        ("ab 07", "has no open school"),
        ("000AB7", "did you mean AB 7"),
    ],
)
def test_a_regions_token_is_for_open_schools_of_the_region(region, enrol, school, words):
    """Every other one is refused with what to do, and no use is spent."""
    token = region(uses=1)
    with pytest.raises(EnrollmentRefused, match=words):
        enrol(Computer("0012"), token, school=school)
    assert enrol(Computer("0012"), token, school="0012").school.id == "0012"


def test_a_schools_token_names_no_other_school(region, enrol, make_token):
    """The rows of a list mixed up: said before a computer reports for the wrong school."""
    token = make_token("0012", uses=2)
    with pytest.raises(EnrollmentRefused, match=r"for school 0012 .*, not for 12"):
        enrol(Computer("12"), token, school="12")
    assert enrol(Computer("0012"), token, school="0012").school.id == "0012"


def test_older_agents_tokens_are_forgiven_too(region, enrol, make_token):
    """An agent that passes on what was typed enrols nevertheless."""
    token = make_token("0012")
    assert enrol(Computer("0012"), f" {token[:5].upper()}-{token[5:]}\n").school.id == "0012"


def test_what_a_regions_token_does_is_in_the_audit_log(database, region, choose, enrol):
    """Who listed and who enrolled which computer, by the token's mark: it may have to be ended."""
    token = region()
    choose(token, "12")
    computer = Computer("0012")
    enrol(computer, token, school="0012")
    holder = f"holder of region token {enrollment.mark_of(token)}"
    with database.reading(MINISTRY) as connection:
        found = audit.entries(connection, Wanted(who=holder), limit=10)
    assert [(one.what, one.about) for one in found] == [("changed", "school 0012"), ("saw", "region KZ-75")]
    assert found[0].detail["computer"] == computer.id


def test_a_recovery_code_proves_that_it_is_the_same_computer(database, region, enrol, make_token, keys, listed):
    """After a re-image the new key takes the old one's place; lists count one computer, its history has both."""
    old, new = Computer("0012", 1), Computer("0012", 2)
    first = enrol(old, make_token("0012"), recovery_sha256=CODE_SHA256)
    assert (first.recovery_kept, first.succeeds) == (True, None)
    late = old.report()
    reply = enrol(new, make_token("0012"), recover=CODE.upper().replace("-", " "))
    assert (reply.succeeds, reply.recovery_kept) == (old.id, False)
    assert sorted(keys(new)) == sorted(keys(old)) == sorted([new.id, old.id])
    assert listed() == [new.id]
    with database.ingesting() as connection:  # retired, not revoked: what it signed before is taken
        (receipt,) = ingest.accept(connection, [late], NOW)
        assert receipt.answer == "stored"
        (receipt,) = ingest.accept(connection, [new.report()], NOW)
        assert receipt.answer == "stored"


def test_a_chain_of_keys_is_one_computer(region, enrol, make_token, keys, listed):
    """Re-imaged twice: three keys, one computer; each code works once."""
    computers = [Computer("0012", seed) for seed in (1, 2, 3)]
    codes = ["22222222222222222222", "33333333333333333333", "44444444444444444444"]
    hashes = [hashlib.sha256(code.encode()).hexdigest() for code in codes]
    enrol(computers[0], make_token("0012"), recovery_sha256=hashes[0])
    for number in (1, 2):
        token = make_token("0012")
        enrol(computers[number], token, recovery_sha256=hashes[number], recover=codes[number - 1])
        again = enrol(computers[number], token, recovery_sha256=hashes[number], recover=codes[number - 1])
        assert again.succeeds == computers[number - 1].id  # the reply was lost
    assert sorted(keys(computers[0])) == sorted(one.id for one in computers)
    assert listed() == [computers[2].id]
    with pytest.raises(EnrollmentRefused, match="used already"):
        enrol(Computer("0012", 4), make_token("0012"), recover=codes[0])


def test_wrong_and_foreign_codes_enrol_nobody(database, region, enrol, make_token):
    """A code of another school, of a key that was taken out of service, or of nobody; the token is not spent."""
    old = Computer("0012", 1)
    enrol(old, make_token("0012"), recovery_sha256=CODE_SHA256)
    token = make_token("12")
    with pytest.raises(EnrollmentRefused, match="no computer of this school has this recovery code"):
        enrol(Computer("12", 2), token, recover=CODE)
    enrol(Computer("12", 2), token)
    with database.owning() as connection:
        agents.revoke(connection, old.id)
    with pytest.raises(EnrollmentRefused, match="taken out of service, and its code with it"):
        enrol(Computer("0012", 3), make_token("0012"), recover=CODE)


def test_a_silent_machine_that_comes_back_is_the_same_computer(region, enrol, make_token, heard, keys, listed):
    """The same board, the same room, nothing heard for days: the history goes on without any code."""
    old, new = Computer("0012", 1), Computer("0012", 2)
    enrol(old, make_token("0012"), machine=BOARD, room="Room 5")
    heard(old, NOW - timedelta(days=3))
    reply = enrol(new, make_token("0012"), machine=BOARD, room="Room 5")
    assert reply.succeeds == old.id
    assert listed() == [new.id]
    assert sorted(keys(new)) == sorted([old.id, new.id])


@pytest.mark.parametrize(
    ("days", "room", "machine"),
    [
        (1, "Room 5", BOARD),  # it is alive
        (9, "Room 6", BOARD),  # it stands elsewhere
        (9, "Room 5", (f"board:{'b' * 64}",)),  # it is another board
        (9, "Room 5", ()),  # a room alone says nothing: many stand there
    ],
)
def test_a_hint_never_decides_against_a_doubt(region, enrol, make_token, heard, listed, days, room, machine):
    """Alive, elsewhere, or another machine: a new computer."""
    old, new = Computer("0012", 1), Computer("0012", 2)
    enrol(old, make_token("0012"), machine=BOARD, room="Room 5")
    heard(old, NOW - timedelta(days=days))
    assert enrol(new, make_token("0012"), machine=machine, room=room).succeeds is None
    assert listed() == sorted([old.id, new.id])


def test_hints_of_another_school_are_not_looked_at(region, enrol, make_token, heard):
    """A computer that moved is a new one there; its history belongs to the school where it was made."""
    old = Computer("0012", 1)
    enrol(old, make_token("0012"), machine=BOARD)
    heard(old, NOW - timedelta(days=9))
    assert enrol(Computer("12", 2), make_token("12"), machine=BOARD).succeeds is None


def test_a_lab_of_30_clones_is_not_merged(region, enrol, make_token, heard, listed):
    """One image, one hint: thirty computers, before the holidays and, all silent and all imaged anew, after them."""
    lab = [Computer("0012", seed) for seed in range(1, 31)]
    token = make_token("0012", uses=60)
    assert [enrol(one, token, machine=BOARD, room="Lab").succeeds for one in lab] == [None] * 30
    for one in lab:
        heard(one, NOW - timedelta(days=90))
    again = [Computer("0012", seed) for seed in range(101, 131)]
    assert [enrol(one, token, machine=BOARD, room="Lab").succeeds for one in again] == [None] * 30
    assert len(listed()) == 60


def test_clones_with_rooms_of_their_own_find_their_places(region, enrol, make_token, heard):
    """Where each has a label of its own, the label tells the silent ones apart."""
    token = make_token("0012", uses=20)
    lab = {f"Lab, place {seed}": Computer("0012", seed) for seed in range(1, 6)}
    for room, one in lab.items():
        enrol(one, token, machine=BOARD, room=room)
        heard(one, NOW - timedelta(days=90))
    for room, one in lab.items():
        again = Computer("0012", int(room.rsplit(maxsplit=1)[1]) + 100)
        assert enrol(again, token, machine=BOARD, room=room).succeeds == one.id


def test_two_at_once_share_no_place(region, enrol, make_token, heard):
    """Two clones that enrol in the same moment: one goes on with the history, the other is new."""
    old = Computer("0012", 1)
    enrol(old, make_token("0012"), machine=BOARD)
    heard(old, NOW - timedelta(days=9))
    token, told = make_token("0012", uses=8), []
    threads = [
        threading.Thread(target=lambda seed=seed: told.append(enrol(Computer("0012", seed), token, machine=BOARD)))
        for seed in range(2, 6)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert sorted(one.succeeds or "" for one in told) == ["", "", "", old.id]


def leaving(computer, **changes):
    """Return the body with which a computer leaves."""
    request = wire.LeaveRequest(**({"agent": computer.id, "at": NOW} | changes))
    return msgspec.json.encode(signing.sign(wire.LEAVE_TYPE, msgspec.json.encode(request), computer.key))


def test_a_computer_leaves_on_its_own_word(database, region, enrol, make_token, listed):
    """It is off the list from that day; what it measured before is taken late, what it measures later is not."""
    computer = Computer("0012")
    enrol(computer, make_token("0012"))
    before, after = computer.report(at=NOW - timedelta(hours=1)), computer.report(at=NOW + timedelta(days=3))
    with database.ingesting() as connection:
        assert enrollment.leave(connection, leaving(computer), NOW).left_at == NOW
        assert enrollment.leave(connection, leaving(computer), NOW + timedelta(days=1)).left_at == NOW  # said again
    assert listed() == []
    with database.ingesting() as connection:
        receipts = ingest.accept(connection, [before, after], NOW + timedelta(days=3))
    assert [one.answer for one in receipts] == ["stored", "revoked"]
    assert "enrol it again" in receipts[1].detail
    with pytest.raises(EnrollmentRefused, match="netready-agent leave"):
        enrol(computer, make_token("0012"))
    assert enrol(Computer("0012", 2), make_token("0012")).school.id == "0012"


def test_nobody_makes_another_computer_leave(database, region, enrol, make_token, listed):
    """Only the key itself may say so, for itself."""
    mine, other = Computer("0012", 1), Computer("0012", 2)
    token = make_token("0012", uses=2)
    enrol(mine, token)
    enrol(other, token)
    forged = signing.sign(wire.LEAVE_TYPE, msgspec.json.encode(wire.LeaveRequest(agent=other.id, at=NOW)), mine.key)
    as_other = msgspec.structs.replace(
        forged, signatures=(signing.Signature(keyid=other.id, sig=forged.signatures[0].sig),)
    )
    for body, error in (
        (msgspec.json.encode(forged), SignatureError),
        (msgspec.json.encode(as_other), SignatureError),
        (leaving(Computer("0012", 3)), NotFound),
        (mine.enrollment("x"), SignatureError),
        (b"{}", MalformedError),
    ):
        with database.ingesting() as connection, pytest.raises(error):
            enrollment.leave(connection, body, NOW)
    assert len(listed()) == 2


@pytest.fixture
def command(database_url, capsys):
    """Run a command of netready-collector on this database."""
    where = conninfo_to_dict(database_url)
    host, port = quote(str(where["host"]), safe=""), where.get("port", 5432)
    url = f"postgresql://{where['user']}@/{where['dbname']}?host={host}&port={port}"

    def run(*words):
        code = cli.main([*words, "--database", url])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_tokens_for_all_schools_of_a_region(database, region, enrol, command, tmp_path):
    """A row a school with the ready line; ids keep their zeros, tokens work, no row runs as a formula."""
    file = tmp_path / "tokens.csv"
    words = ["enrollment", "file", "--region", "KZ-75", "--collector", "https://c.example/", "--output", str(file)]
    code, _, err = command(*words, "--uses", "2")
    assert (code, "3 schools" in err) == (0, True)
    assert file.stat().st_mode & 0o777 == 0o600
    rows = {row["school_id_govt"]: row for row in csv.DictReader(io.StringIO(file.read_text("utf-8-sig")))}
    assert sorted(rows) == ["0012", "12", "AB 7"]
    row = rows["0012"]
    assert row["command"] == f"netready-agent enroll --collector https://c.example --token {row['token']}"
    assert row["address"] == f"https://c.example/enroll#{row['token']}"
    assert enrol(Computer("0012"), row["token"]).school.id == "0012"
    assert command(*words)[0] == 2  # never over a file that is there
    with database.owning() as connection, pytest.raises(NotFound, match="KZ-99"):
        tokens_of_region(connection, "KZ-99", "https://c.example", uses=1, days=1, now=NOW)


def test_a_regions_token_is_made_listed_and_ended(region, enrol, command):
    """By commands: the mark stands for it, and after its end it enrols nobody."""
    code, out, err = command("enrollment", "create", "--region", "KZ-75", "--uses", "5")
    assert (code, "region KZ-75" in err) == (0, True)
    token = out.strip()
    enrol(Computer("0012"), token, school="0012")
    code, out, _ = command("enrollment", "regions")
    mark = enrollment.mark_of(token)
    assert f"{mark}  KZ-75  used 1 of 5" in out
    assert command("enrollment", "end", mark)[0] == 0
    assert command("enrollment", "end", mark)[0] == 1
    with pytest.raises(EnrollmentRefused, match="expired"):
        enrol(Computer("0012", 2), token, school="0012", now=datetime.now(UTC))
    assert command("enrollment", "create", "--region", "KZ-99")[0] == 1


def test_computers_move_and_leave_by_command(region, enrol, make_token, command, listed):
    """Moved: off the old school's list, with a token for the new one. Left: off the list. Keys: the history."""
    moving, leaving_one = Computer("0012", 1), Computer("0012", 2)
    token = make_token("0012", uses=2)
    enrol(moving, token)
    enrol(leaving_one, token)
    assert command("agents", "move", moving.id, "--school", "0012")[0] == 2
    assert len(listed()) == 2
    code, out, err = command("agents", "move", moving.id, "--school", "12")
    assert (code, "has left school 0012" in err) == (0, True)
    assert enrol(Computer("12", 3), out.strip(), now=datetime.now(UTC)).school.id == "12"
    assert command("agents", "leave", leaving_one.id)[0] == 0
    assert command("agents", "leave", leaving_one.id)[0] == 1
    assert listed() == [Computer("12", 3).id]
    code, out, _ = command("agents", "keys", leaving_one.id)
    assert (code, msgspec.json.decode(out)["ended_by"]) == (0, "left")
    assert command("agents", "keys", "nobody")[0] == 1


def test_a_real_agent_and_a_real_collector(client, region, make_token, tmp_path, capsys, keys, listed, monkeypatch):
    """Over HTTP: a list, a school, a re-image with the code, leaving, and coming back; wrong tokens say what to do."""
    monkeypatch.setattr("agent.host.machine.hints", lambda _school: ())  # this machine runs all of them
    url, token = str(client.base_url).rstrip("/"), region()
    uplink = Uplink(AgentSettings())
    wanted = joining.application(url, f" {token[:4].upper()}-{token[4:]} ", "Үй-жай 5")
    assert [one.id for one in joining.choices(uplink, wanted, "қарасай").schools] == ["0012"]
    assert joining.choices(uplink, joining.application(url, make_token("12"), None)) is None

    def agent(folder, *words):
        code = agent_cli.main([*words, "--state", str(tmp_path / folder)])
        told = capsys.readouterr()
        return code, told.out, told.err

    first = ("enroll", "--collector", url, "--token", token)
    code, _, err = agent("a", *first)
    assert (code, "choose the school" in err) == (1, True)
    code, out, _ = agent("a", *first, "--school", " 0012 ", "--room", "Үй-жай 5")
    assert (code, "№12 мектеп (id 0012, 300 pupils), Қарасай, Almaty, room Үй-жай 5" in out) == (0, True)
    recovery = agent("a", "recovery-code")[1].strip()
    assert recovery in out
    code, out, _ = agent("b", "enroll", f"{url}/enroll#{token}", "--school", "0012", "--recover", recovery)
    assert (code, "Its history goes on" in out) == (0, True)
    old, new = (identity.load(tmp_path / name).identity.agent for name in "ab")
    assert listed() == [new]
    code, _, err = agent("a", *first, "--school", "0012")
    assert (code, "netready-agent leave" in err) == (1, True)
    assert agent("a", "leave")[0] == 0
    recovery = agent("b", "recovery-code")[1].strip()
    assert agent("b", "leave")[0] == 0
    assert listed() == []
    assert agent("b", *first, "--school", "0012", "--recover", recovery)[0] == 0
    assert len(listed()) == 1
    newest = Computer("0012")
    newest.id = listed()[0]
    assert sorted(keys(newest)) == sorted([old, new, newest.id])
    code, _, err = agent("c", "enroll", "--collector", url, "--token", token[:-1], "--school", "0012")
    assert (code, "this one 19" in err) == (1, True)


def test_agents_of_years_ago_enrol_as_they_did(database, region, make_token):
    """What the first version sent is taken, and what it reads is in the answer."""
    computer = Computer("0012")
    asked = {"token": make_token("0012"), "public_key": computer.public_key, "software": "netready-agent/0.1"}
    body = msgspec.json.encode(signing.sign(wire.ENROLLMENT_TYPE, msgspec.json.encode(asked), computer.key))
    with database.ingesting() as connection:
        reply = enrollment.enroll(connection, body, PolicySettings(), NOW)
    told = msgspec.json.decode(msgspec.json.encode(reply))
    assert (told["agent"], told["school"]["id"]) == (computer.id, "0012")
    assert told["policy"]["version"] >= 1


def test_hostile_words_are_stored_as_words(database, region, enrol, make_token):
    """Quotes, Kazakh letters and code in a room's label; what PostgreSQL cannot hold is refused whole."""
    room = 'Ү\'й-жай "5"; drop table agent; -- <b>'
    computer = Computer("0012")
    enrol(computer, make_token("0012"), room=room)
    with database.owning() as connection:
        assert agents.agents_by_id(connection, [computer.id])[computer.id].room == room
    token = region(uses=1)
    with pytest.raises(psycopg.DataError):
        enrol(Computer("0012", 2), token, room="a\0b", school="0012")
    for school in ("'; drop table school; --", "0012\0", "%", "_012"):
        with pytest.raises(EnrollmentRefused):
            enrol(Computer("0012", 2), token, school=school)
    assert enrol(Computer("0012", 2), token, school="0012").school.id == "0012"


def test_a_lab_of_30_clones_with_one_key_is_noticed_and_cured(database, region, enrol, make_token, listed):
    """An image made after the enrolment: each number is stored once, the others are told what to do; then 30 keys."""
    image = Computer("0012")
    token = make_token("0012", uses=31)
    enrol(image, token, machine=BOARD, now=NOW)
    lab = [copy.copy(image) for _ in range(30)]
    start = NOW + timedelta(minutes=1)
    refused = 0
    for minute, quickest in ((1, 7), (2, 14), (3, 7)):
        at = start + timedelta(minutes=minute)
        sent = [one.report(at=at, boot_id=f"boot {number}") for number, one in enumerate(lab)]
        sent = sent[quickest:] + sent[:quickest]
        with database.ingesting() as connection:
            receipts = ingest.accept(connection, sent, at)
        assert sum(one.answer == "stored" for one in receipts) == 1
        told = [one for one in receipts if one.reason == "sequence_conflict"]
        refused += len(told)
        assert all("enroll --new-key" in one.detail for one in told)
    assert refused == 3 * 29
    rollcall.run(database, rollup.calendars_of(PolicySettings()).at, FleetSettings(), start + timedelta(minutes=9))
    with database.reading(MINISTRY) as connection:
        (known,), _ = fleet.by_computer(connection, fleet.Asked(), limit=9, offset=0)
    assert (known.identity, known.refused) == ("copied", refused)
    for seed in range(101, 131):
        assert enrol(Computer("0012", seed), token, machine=BOARD).succeeds is None
    assert len(listed()) == 31
