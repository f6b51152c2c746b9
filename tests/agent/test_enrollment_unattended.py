import hashlib
import logging
import os
import subprocess
import sys
import threading
import time

import msgspec
import pytest

from agent import cli, enrollment, identity
from agent.contract import wire
from agent.contract.errors import SettingsError
from agent.enrollment import from_file, unattended
from agent.errors import EnrollmentError, StateError, UplinkError
from agent.host import machine
from agent.settings import Settings
from agent.uplink import Uplink
from tests.agent.conftest import OTHER_SCHOOL, SCHOOL, report_maker
from tests.fakes.collector import Scripted

KAZAKH = wire.SchoolCard(id="0100", name="Ә. Бөкейхан атындағы №5 мектеп", district="Қарасай")


@pytest.fixture
def uplink():
    """The way to the collector."""
    return Uplink(Settings())


@pytest.fixture
def write(tmp_path, collector):
    """Write an enroll.toml, the collector's address in it."""

    def made(text, name="enroll.toml", encoding="utf-8"):
        file = tmp_path / name
        file.write_bytes(f'collector = "{collector.url}"\n{text}'.encode(encoding))
        return file

    return made


@pytest.fixture
def run(state, outbox, uplink):
    """Enrol unattended with these files; where it has to wait, ``meanwhile`` is done and time goes on."""

    def done(*files, meanwhile=None, once=False):
        waits = []

        def sleep(seconds):
            waits.append(seconds)
            assert len(waits) < 1000
            if meanwhile is not None:
                meanwhile(len(waits))

        return unattended(files, state, uplink, outbox, "Room 1", once=once, sleep=sleep), sum(waits)

    return done


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_enrols_once_and_loses_its_token(state, uplink, outbox, collector, write, encoding):
    """A room in Kazakh letters, as any editor saved it; the token is gone from the disk, the rest still tells."""
    file = write('token = " TO-KEN "\nroom = "Үй-жай «Әліппе» \\"5\\""\n', encoding=encoding)
    joined = from_file(file, state, uplink, outbox)
    assert (joined.identity.school, joined.identity.room) == (SCHOOL, 'Үй-жай «Әліппе» "5"')
    left = file.read_text(encoding="utf-8")
    assert "token =" not in left
    assert enrollment.read_file(file).room == 'Үй-жай «Әліппе» "5"'
    with pytest.raises(SettingsError, match="holds no token"):
        from_file(file, state, uplink, outbox)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('token = "to"ken"', "cannot be read.*double quotes"),
        ("token = 12", "token: expected `str | null`, got `int`"),
        ('token = "t"\nschool = 0012', "cannot be read"),
        ('tokn = "t"', "tokn: there is no such setting"),
        ('token = "абвгд"', "enroll.toml: the token holds"),
        ('token = "t"\nroom = "' + "r" * 129 + '"', "enroll.toml: the room's label"),
        ("x" * 70_000, "too long"),
    ],
)
def test_a_file_with_a_mistake_names_it(state, uplink, outbox, write, text, words):
    """The sentence names the file and what is wrong: a quote too many, a number, a word that nobody knows."""
    with pytest.raises(SettingsError, match=words):
        from_file(write(text), state, uplink, outbox)


def test_a_file_in_another_code_page_is_told_so(state, uplink, outbox, tmp_path):
    """Letters of Windows-1251 are no UTF-8, and are not guessed."""
    file = tmp_path / "enroll.toml"
    file.write_bytes('room = "Кабинет"'.encode("cp1251"))
    with pytest.raises(SettingsError, match="save it as UTF-8"):
        from_file(file, state, uplink, outbox)


def test_a_line_as_it_was_given_may_be_the_token(state, uplink, outbox, collector, tmp_path):
    """Whoever fills in a property pastes what the region sent."""
    file = tmp_path / "enroll.toml"
    file.write_text(f'token = "netready-agent enroll --collector {collector.url} --token token"')
    assert from_file(file, state, uplink, outbox).identity.school == SCHOOL


def test_a_regions_token_takes_the_school_from_the_file(state, uplink, outbox, collector, write):
    """The id goes to the collector with its zeros."""
    collector.region = (KAZAKH, OTHER_SCHOOL)
    assert from_file(write('token = "region"\nschool = " 0100 "'), state, uplink, outbox).identity.school == KAZAKH


def test_the_service_enrols_itself_and_waits_for_the_network(state, run, collector, write):
    """An installation before the network is up: tried again, sooner at first, until it works."""
    collector.answers.extend([Scripted(hang_up=True), Scripted(status=503), Scripted(hang_up=True)])
    joined, waited_s = run(write('token = "token"'))
    assert (joined.identity.school, joined.identity.room) == (SCHOOL, "Room 1")
    assert waited_s == 30 + 60 + 120
    assert identity.load(state).identity == joined.identity


def test_a_refused_file_is_tried_again_when_somebody_corrects_it(run, collector, write):
    """A wrong token is not asked about over and over; a corrected file is taken at once."""
    file = write('token = "wrong"')

    def correct(step):
        if step == 3:
            write('token = "token" # corrected')

    joined, waited_s = run(file, meanwhile=correct)
    assert joined.identity.school == SCHOOL
    assert waited_s == 30
    assert sum(path == wire.ENROLL_PATH for _, path in collector.requests) == 3


def test_somebody_may_enrol_by_hand_meanwhile(state, outbox, uplink, run, collector, write):
    """The service sees it and goes on; the useless token leaves the disk."""
    file = write('token = "wrong"')

    def by_hand(step):
        if step == 2:
            enrollment.join(state, uplink, outbox, enrollment.application(collector.url, "other", None), None)

    joined, _ = run(file, meanwhile=by_hand)
    assert joined is None
    assert identity.load(state).identity.school == OTHER_SCHOOL
    assert enrollment.read_file(file).token is None


def test_a_broken_file_stops_no_enrolled_computer(state, outbox, uplink, run, collector, write, caplog):
    """The computer measures; the log says what is wrong with the file that it does not need."""
    enrollment.join(state, uplink, outbox, enrollment.application(collector.url, "token", None), None)
    assert run(write('token = "to"ken"')) == (None, 0)
    assert "is not needed" in caplog.text
    assert "double quotes" in caplog.text


def test_once_waits_for_nobody(run, write):
    """A script gets the sentence."""
    with pytest.raises(EnrollmentError, match="not known here"):
        run(write('token = "wrong"'), once=True)


def test_nothing_to_do_without_a_file(run, tmp_path):
    """No file: the service says itself that the computer belongs to no school."""
    assert run(tmp_path / "enroll.toml") == (None, 0)


def test_a_token_that_cannot_be_removed_is_told(state, uplink, outbox, write, caplog, monkeypatch):
    """A folder that belongs to root: the computer is enrolled, and the log names the file that has to go."""
    file = write('token = "token"')

    def refuse(path, data):
        raise StateError(f"cannot write {path}: Permission denied")

    monkeypatch.setattr(
        "agent.enrollment.files.write_atomically",
        lambda path, data: refuse(path, data) if path == file else path.write_bytes(data),
    )
    with caplog.at_level(logging.WARNING):
        assert from_file(file, state, uplink, outbox).identity.school == SCHOOL
    assert "delete that file" in caplog.text


def test_enroll_with_a_file(state, collector, write, capsys):
    """``enroll --file`` does the same by hand, and a line may be pasted without any option."""
    file = write('token = "token"')
    assert cli.main(["enroll", "--file", str(file), "--state", str(state)]) == 0
    assert "Recovery code: " in capsys.readouterr().out
    assert cli.main(["enroll", "--file", str(file), "--token", "x", "--state", str(state)]) == 2
    line = f"netready-agent enroll --collector {collector.url} --token other"
    assert cli.main(["enroll", line, "--state", str(state)]) == 0
    assert cli.main(["enroll", "oth-ER", "--state", str(state)]) == 0  # the collector is known
    assert "Recovery code" in (told := capsys.readouterr().out)
    assert told.count("Recovery code") == 1  # shown when the key is new


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
def test_on_a_terminal_the_school_is_picked_from_a_list(state, collector):
    """The address is pasted when asked for; a part of a name is searched, a number picks, and it is asked once more."""
    import pty

    collector.region = (OTHER_SCHOOL, KAZAKH)
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "agent", "enroll", "--state", str(state)]
    with subprocess.Popen(command, stdin=follower, stdout=follower, stderr=subprocess.DEVNULL) as process:
        timer = threading.Timer(60, process.kill)
        timer.start()
        os.close(follower)
        said = b""
        for question, answer in (
            ("were given: ", f"{collector.url}/enroll#REGION"),
            ("or id: ", "nowhere"),
            ("or id: ", "Бөкейхан"),
            ("search again): ", "1"),
            ("[y/n] ", "иә"),
        ):
            while not said.endswith(question.encode()):
                said += os.read(leader, 1024)
            os.write(leader, f"{answer}\n".encode())
            said += b"|"
        assert process.wait(60) == 0
        timer.cancel()
    os.close(leader)
    assert "No school of this region has that" in said.decode()
    assert "1  Ә. Бөкейхан атындағы №5 мектеп (id 0100), Қарасай" in said.decode()
    assert identity.load(state).identity.school == KAZAKH


@pytest.mark.skipif(sys.platform == "win32", reason="ends the service with a signal")
def test_the_service_enrols_before_it_starts(state, collector):
    """``run`` as a service: the file in the state folder is used, its token removed, and the service works on."""
    state.mkdir()
    file = state / enrollment.FILE_NAME
    file.write_text(f'collector = "{collector.url}"\ntoken = "token"\n', encoding="utf-8")
    command = [sys.executable, "-m", "agent", "run", "--state", str(state)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        timer = threading.Timer(60, process.kill)
        timer.start()
        lines = iter(process.stderr.readline, "")
        assert any("enrolled: school 0012" in line for line in lines)
        while not (state / "service.lock").exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.terminate()
        process.stderr.read()
        process.wait(60)
        timer.cancel()
    assert identity.load(state).identity.school == SCHOOL
    assert enrollment.read_file(file).token is None


def test_leaving_sends_what_waits_first(state, uplink, outbox, collector):
    """Nothing is lost: the reports arrive, the collector is told, then the key and the school are forgotten."""
    joined = enrollment.join(state, uplink, outbox, enrollment.application(collector.url, "token", None), None)
    outbox.append(joined.identity.agent, collector.url, report_maker(identity.load(state).key))
    collector.answers.append(Scripted(hang_up=True))
    with pytest.raises(UplinkError, match="nothing was changed"):
        enrollment.leave(state, uplink, outbox)
    assert identity.load(state) is not None
    assert enrollment.leave(state, uplink, outbox) == joined.identity
    assert collector.sequences(joined.identity.agent) == [1]
    assert collector.left == [joined.identity.agent]
    assert identity.load(state) is None
    assert not (state / "key").exists()


def test_leave_and_recovery_code_as_commands(state, collector, capsys):
    """Both say what they did; without a school both say so and exit 2."""
    where = ["--state", str(state)]
    assert cli.main(["leave", *where]) == cli.main(["recovery-code", *where]) == 2
    assert cli.main(["enroll", "--collector", collector.url, "--token", "token", *where]) == 0
    capsys.readouterr()
    assert cli.main(["recovery-code", *where]) == 0
    code = capsys.readouterr().out.strip()
    (sent,) = {one.recovery_sha256 for one in collector.enrollments if not one.preview}
    assert sent == hashlib.sha256(code.replace("-", "").encode()).hexdigest()
    assert enrollment.recovery_sha256(code.upper()) == sent
    assert cli.main(["leave", *where]) == 0
    assert "has left №12" in capsys.readouterr().out


def test_moving_tells_the_school_before(state, uplink, outbox, collector):
    """The old school's list has no dead computer in it."""
    first = enrollment.join(state, uplink, outbox, enrollment.application(collector.url, "token", None), None)
    second = enrollment.join(state, uplink, outbox, enrollment.application(collector.url, "other", None), None)
    assert second.left_told
    assert collector.left == [first.identity.agent]


def test_an_older_collector_knows_nothing_of_all_this(state, uplink, outbox, collector):
    """It answers without the new fields: the computer is enrolled, and no code is promised."""
    wanted = enrollment.application(collector.url, "token", None)
    assert enrollment.choices(uplink, wanted) is None
    joined = enrollment.join(state, uplink, outbox, wanted, None)
    raw = msgspec.json.decode((state / "identity.json").read_bytes())
    for name in ("machine", "recovery_kept"):
        del raw[name]
    (state / "identity.json").write_bytes(msgspec.json.encode(raw))  # as an agent before wrote it
    assert identity.load(state).identity.agent == joined.identity.agent
    assert not enrollment.is_copy(identity.load(state).identity)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"agent": "a" * 32}, UplinkError, "another computer"),
        ({"school": {"id": "00\u001b[31m12", "name": "x"}}, UplinkError, "no school has"),
        ({"school": {"id": "x" * 65, "name": "x"}}, UplinkError, "not a netready collector"),
        ({"school": {"id": "0012", "name": "x" * 2_000_000}}, UplinkError, "answers too much"),
        ({"policy": {"hours": {"start": "99:99"}}}, UplinkError, "not a netready collector"),
    ],
)
def test_a_collector_that_lies_is_not_believed(state, uplink, outbox, collector, change, error, words):
    """Another key's id, a school nobody can read, an endless answer: a sentence, and nothing is stored."""
    key = identity.key_to_enroll_with(state)
    card = {"id": "0012", "name": "n"}
    from agent.contract.signing import agent_id

    honest = {"agent": agent_id(bytes(key.verify_key)), "school": card, "policy": {}}
    collector.answers.append(Scripted(body=msgspec.json.encode(honest | change)))
    with pytest.raises(error, match=words):
        enrollment.join(state, uplink, outbox, enrollment.application(collector.url, "token", None), None)
    assert identity.load(state) is None


def test_control_characters_never_reach_the_terminal(state, uplink, outbox, collector):
    """Names from outside are shown as one line of letters."""
    collector.tokens["token"] = wire.SchoolCard(id="1", name="A\x1b[2J\nB", district="C\x07", region="D\u202e")
    shown = []
    wanted = enrollment.application(collector.url, "token", None)
    enrollment.join(state, uplink, outbox, wanted, lambda card: shown.append(card) or True)
    assert all(text.isprintable() for text in (shown[0].name, shown[0].district, shown[0].region))


def test_a_school_other_than_the_shown_one_is_not_joined(state, uplink, outbox, collector):
    """First one school for the person, then another for the key: nothing is stored and the key is given up."""

    def confirm(_):
        collector.tokens["token"] = OTHER_SCHOOL
        return True

    with pytest.raises(EnrollmentError, match="first named school 0012 and then 0013"):
        enrollment.join(state, uplink, outbox, enrollment.application(collector.url, "token", None), confirm)
    assert identity.load(state) is None


def test_a_token_of_another_school_than_the_named_one(state, uplink, outbox, collector):
    """A row of a list mixed up: said before anything is bound."""
    with pytest.raises(EnrollmentError, match=r"for school 0012 .*, not for 0013"):
        enrollment.join(state, uplink, outbox, enrollment.application(collector.url, "token", None, "0013"), None)
    assert collector.keys == {}


def test_a_copied_disk_does_not_measure_with_the_others_key(state, uplink, outbox, collector, run, write, monkeypatch):
    """The machine is another than the one that enrolled: it stops with a sentence, or takes a new key from a file."""
    board = ["1" * 31 + "2"]
    monkeypatch.setattr(machine, "board_id", lambda: board[0])
    first = enrollment.join(state, uplink, outbox, enrollment.application(collector.url, "token", None), None)
    assert run() == (None, 0)
    board[0] = "1" * 31 + "3"
    with pytest.raises(StateError, match="its disk was copied"):
        run()
    joined, _ = run(write('token = "token"'))
    assert joined.is_new
    assert joined.identity.agent != first.identity.agent
    assert collector.left == []  # the other machine goes on with its key
    assert run() == (None, 0)


def test_a_key_that_came_with_a_copied_disk_is_not_enrolled(state, uplink, outbox, collector, monkeypatch):
    """An image made while an enrolment was under way: each copy makes its own key, as long as machines differ."""
    monkeypatch.setattr(machine, "board_id", lambda: "1" * 31 + "2")
    first = identity.key_to_enroll_with(state)
    assert identity.key_to_enroll_with(state) == first
    monkeypatch.setattr(machine, "board_id", lambda: "1" * 31 + "3")
    assert identity.key_to_enroll_with(state) != first


def test_a_copy_that_cannot_be_told_apart_gets_its_key_by_hand(state, collector, capsys):
    """Virtual machines with one id: ``--new-key`` makes a second computer, and the first goes on with its own."""
    words = ["enroll", "--collector", collector.url, "--token", "token", "--state", str(state)]
    assert cli.main(words) == 0
    first = identity.load(state).identity.agent
    assert cli.main(words) == 0
    assert identity.load(state).identity.agent == first
    assert cli.main([*words, "--new-key"]) == 0
    assert identity.load(state).identity.agent != first
    assert collector.left == []


def test_a_computer_out_of_service_takes_a_new_file(state, outbox, uplink, collector, run, write):
    """Moved by its region: the collector takes no more of it, and the file enrols it at its new school."""
    first = enrollment.join(state, uplink, outbox, enrollment.application(collector.url, "token", None), None)
    collector.revoked.add(first.identity.agent)
    outbox.append(first.identity.agent, collector.url, report_maker(identity.load(state).key))
    with pytest.raises(UplinkError):
        uplink.drain(outbox)
    assert run() == (None, 0)
    joined, _ = run(write('token = "other"'))
    assert joined.identity.school == OTHER_SCHOOL


def test_a_new_system_on_the_same_board_is_the_same_machine():
    """The board decides where it is known; where only the system is, that does; what is unknown decides nothing."""
    board, other = f"board:{'a' * 64}", f"board:{'b' * 64}"
    system, new = f"system:{'c' * 64}", f"system:{'d' * 64}"
    assert not machine.is_another((board, system), (board, new))
    assert machine.is_another((board, system), (other, system))
    assert machine.is_another((system,), (board, new))
    assert not machine.is_another((board,), (system,))
    assert not machine.is_another((), (board,))


def test_hints_say_nothing_outside_of_a_school(monkeypatch):
    """The id itself is not in them, and two schools cannot compare theirs."""
    monkeypatch.setattr(machine, "board_id", lambda: "0123456789abcdef" * 2)
    monkeypatch.setattr(machine, "system_id", lambda: None)
    (here,), (there,) = machine.hints("0012"), machine.hints("0013")
    assert here != there
    assert "0123456789abcdef" not in here
    assert msgspec.convert([here], tuple[wire.MachineHint, ...])


@pytest.mark.parametrize(
    "text", [None, "", "0" * 32, "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", "03000200-0400-0500-0006-000700080009", "abc"]
)
def test_what_many_boards_say_is_no_id(text):
    """An id that its maker never filled in would make one computer of many."""
    assert machine.usable(text) is None


def test_the_uuid_of_an_smbios_table():
    """A table as GetSystemFirmwareTable returns it: another structure and its strings before "System Information"."""
    bios = bytes([0, 0x12, 0, 0]) + bytes(14) + b"vendor\0version\0\0"
    uuid = bytes.fromhex("33221100554477668899aabbccddeeff")
    system = bytes([1, 0x1B, 1, 0, 1, 2, 3, 4]) + uuid + bytes(3) + b"maker\0\0"
    table = bytes(8) + bios + system
    assert machine.smbios_uuid(table) == "00112233445566778899aabbccddeeff"
    assert machine.smbios_uuid(bytes(8) + bios) is None
    for cut in range(len(table)):
        machine.smbios_uuid(table[:cut])  # never an error
