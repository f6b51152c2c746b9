import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from agent import cli, diagnosis, identity, session
from agent.contract import rules
from agent.contract.measurement import Latency
from agent.contract.wire import Hours, Inside
from tests.agent.conftest import SCHOOL, as_json
from tests.fakes.collector import Scripted

TIMEOUT_S = 60


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    """The machine's own settings stay out of the tests."""
    monkeypatch.delenv("NETREADY_STATE", raising=False)
    monkeypatch.delenv("NETREADY_CONFIG", raising=False)


@pytest.fixture
def agent(state, quick_config, capsys):
    """Run a command here and return its exit code, stdout and stderr."""

    def run(command, *words):
        code = cli.main([command, *words, "--state", str(state), "--config", str(quick_config)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def wrong_use(*words):
    """Run a command that argparse refuses; return its exit code."""
    with pytest.raises(SystemExit) as ended:
        cli.main(list(words))
    return ended.value.code


def test_without_school_or_server_check_says_what_to_do(agent):
    """Exit 2 and both ways to go on."""
    code, out, err = agent("check")
    assert (code, out) == (2, "")
    assert "check --server ws://HOST:PORT" in err
    assert "netready-agent enroll --collector URL --token TOKEN" in err


def test_check_against_a_server_ends_with_a_verdict(agent, state, reflector_url):
    """A real measurement, the verdict line, the floor judged by being named, and nothing written."""
    code, out, err = agent("check", "--server", reflector_url)
    assert code == 0, out + err
    assert "VERDICT: PASS  download " in out
    assert "Judged by the least that any school needs" in out
    assert not state.exists()


def test_check_by_pupils(agent, reflector_url):
    """A school of 640 needs 32 Mbit/s, and that is what is judged."""
    code, out, _ = agent("check", "--server", reflector_url, "--pupils", "640")
    assert code == 0
    assert "32 down, 5 up Mbit/s (ITU, for 640 pupils)" in out


@pytest.mark.parametrize(
    ("server", "words"),
    [("ws://8.8.8.8:80", "use wss://"), ("ws://a b:1", "is not a URL"), ("ws://a\0b:1", "is not a URL")],
)
def test_check_against_a_server_that_cannot_be_is_wrong_use(agent, server, words):
    """A plain public address or no address at all is refused before anything is measured: exit 2."""
    code, out, err = agent("check", "--server", server)
    assert (code, out) == (2, "")
    assert words in err


def test_check_that_cannot_be_done_is_no_verdict(agent, station):
    """Trouble with the state folder is not a FAIL of the network: exit 4."""
    (station.state / "key").write_text("damaged")
    code, out, err = agent("check")
    assert (code, out) == (4, "")
    assert "the key file" in err
    assert "is damaged" in err


def test_check_without_an_answer_is_undecided(agent, closed_port):
    """No measurement is no verdict: exit 4, the reason, and what to do."""
    code, out, _ = agent("check", "--server", f"ws://127.0.0.1:{closed_port}")
    assert code == 4
    assert "VERDICT: UNDECIDED  no speed could be measured (connect refused)" in out
    assert "tell whoever runs the server" in " ".join(out.split())


def test_check_of_an_enrolled_computer_is_kept_and_sent(agent, station, collector):
    """The session becomes a report like any other; the policy's server and target are used."""
    code, out, err = agent("check", "--json")
    assert code == 0, out + err
    told = as_json(out)
    assert (told["trigger"], told["school"], told["sequence"]) == ("manual", SCHOOL.id, 1)
    assert told["verdict"]["outcome"] == "PASS"
    assert told["diagnosis"]["cause"] == "HEALTHY"
    assert [one["kind"] for one in told["measurements"]] == ["link", "latency", "lan", "throughput"]
    assert collector.sequences(station.enrolled.identity.agent) == [1]


@pytest.mark.parametrize("words", [(), ("--pupils", "40")])
def test_check_on_a_metered_connection_asks_only_a_verdict(agent, station, quick_config, words):
    """What was asked is what --pupils needs, the page says why no more, and --capacity asks how fast the line is."""
    quick_config.write_text(quick_config.read_text() + "\n[agent]\nmetered = true\n")
    _, out, err = agent("check", *words)
    assert "paid for by volume" in out, err
    told = as_json(agent("check", "--json", *words)[1])["measurements"][3]
    assert told["purpose"] == "verdict"
    assert told["download"]["bytes"] <= 4 * 20e6 / 8
    assert as_json(agent("check", "--json", "--capacity", *words)[1])["measurements"][3]["purpose"] == "capacity"


def test_check_against_a_server_on_a_metered_connection(agent, quick_config, reflector_url):
    """A computer of no school pays for its bytes too."""
    quick_config.write_text(quick_config.read_text() + "\n[agent]\nmetered = true\n")
    server = ("--server", reflector_url)
    assert "paid for by volume" in agent("check", *server)[1]
    assert "paid for by volume" not in agent("check", *server, "--capacity")[1]


def test_check_asks_about_the_pupils_that_were_named(agent, station, quick_config):
    """On a metered connection a paced test answers the question of a bigger school too, not the policy's."""
    quick_config.write_text(quick_config.read_text() + "\n[agent]\nmetered = true\n")
    told = as_json(agent("check", "--json", "--pupils", "1000")[1])["measurements"][3]
    assert told["download"]["paced_bps"] == pytest.approx(75e6)


def test_check_keeps_the_result_when_the_collector_is_away(agent, station, collector):
    """The verdict does not depend on the collector; the report waits and the page says so."""
    collector.answers.append(Scripted(status=500))
    code, out, _ = agent("check", "--pupils", "100")
    assert code == 0
    assert "kept on this computer and will be sent later" in " ".join(out.split())
    assert station.outbox.contents().reports == 1


def test_diagnose_looks_at_the_last_sessions(agent, station, collector):
    """What was measured and sent is diagnosed by the policy's contract; exit 0, and the rules are named."""
    collector.policy = msgspec.structs.replace(
        collector.policy, inside=Inside(contracted_download_bps=2e7, contracted_upload_bps=5e6)
    )
    identity.save(station.state, station.enrolled.identity, collector.policy)
    code, out, err = agent("diagnose", "--json")
    assert code == 0, out + err
    assert as_json(out)["cause"] == "INSUFFICIENT"
    assert agent("check", "--json")[0] == 0
    assert station.outbox.contents().reports == 0
    told = as_json(agent("diagnose", "--json")[1])
    assert (told["cause"], told["confidence"]) == ("HEALTHY", "low")
    assert told["rules_version"] == rules.shipped_rules().name
    code, out, _ = agent("diagnose")
    assert code == 0
    assert out.startswith("HEALTHY (low confidence)\n")
    assert f"Rules       {rules.shipped_rules().name}" in out


@pytest.mark.parametrize(("zone", "counted_in"), [("Asia/Almaty", "Asia/Almaty"), ("Asia/Nowhere", "None")])
def test_diagnose_counts_days_by_the_schools_clock(agent, station, collector, monkeypatch, zone, counted_in):
    """The policy's time zone; this computer's own where it has no data of that one, which ends nothing."""
    zones, diagnose = [], diagnosis.diagnose
    monkeypatch.setattr(diagnosis, "diagnose", lambda *asked: zones.append(str(asked[4])) or diagnose(*asked))
    policy = msgspec.structs.replace(collector.policy, hours=Hours(time_zone=zone))
    identity.save(station.state, station.enrolled.identity, policy)
    assert agent("diagnose")[0] == 0
    assert zones == [counted_in]


def test_diagnose_before_enrolment_says_what_to_do(agent):
    """Nothing is kept of a computer that belongs to no school: exit 2 and the ways to go on."""
    code, out, err = agent("diagnose")
    assert (code, out) == (2, "")
    assert "check --server URL" in err


def test_probe_prints_one_json_object(agent, reflector_url):
    """Exit 0 and one line for a measurement."""
    code, out, _ = agent("probe", "latency", "--set", f"server={reflector_url}", "--set", "count=3", "--deadline", "5")
    assert code == 0
    assert out.count("\n") == 1
    told = as_json(out)
    assert (told["kind"], told["sent"]) == ("latency", 3)
    assert told["took_s"] > 0


def test_what_is_tested_by_hand_is_counted_and_never_refused(agent, station, quick_config, reflector_url):
    """A person's probe runs with nothing left of the data budget, and its bytes are in the status; check's too."""
    quick_config.write_text(quick_config.read_text() + "\n[agent]\nmonthly_bytes = 1\n")
    echoes = ("latency", "--set", f"server={reflector_url}", "--set", "count=3")
    assert as_json(agent("probe", *echoes)[1])["received"] == 3
    told = msgspec.json.decode(agent("status", "--json")[1])["budget"]
    assert (told["spent_bytes"], told["left_bytes"]) == (6 * 60, 0)
    document = msgspec.json.decode(agent("check", "--json")[1])
    assert [one["kind"] for one in document["measurements"]] == ["link", "latency", "lan", "throughput"]
    again = msgspec.json.decode(agent("status", "--json")[1])["budget"]
    assert again["spent_bytes"] > document["measurements"][3]["download"]["bytes"]


def test_a_result_is_shown_even_where_it_cannot_be_counted(agent, station, reflector_url):
    """Trouble with the state folder costs the count, not the measurement that a person waits for."""
    (station.state / "identity.json").write_text("{")
    code, out, err = agent("probe", "latency", "--set", f"server={reflector_url}")
    assert (code, as_json(out)["kind"]) == (0, "latency")
    assert "not counted against the month's data budget" in err


def test_a_failed_probe_is_a_result(agent, closed_port):
    """Exit 0 for a failed measurement too: it is a fact about the network."""
    code, out, _ = agent("probe", "msak", "--set", f"server=ws://127.0.0.1:{closed_port}")
    assert (code, as_json(out)["failure"]) == (0, "connect_refused")


def test_a_probe_that_cannot_run_here_exits_3(agent, add_probe):
    """Scripts tell "cannot" from "failed"; people read why."""
    add_probe("absent", "raise ProbeUnavailable('there is no Wi-Fi card')")
    code, out, err = agent("probe", "absent")
    assert (code, as_json(out)["kind"]) == (3, "skipped")
    assert "there is no Wi-Fi card" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nope",), "there are: lan, latency, librespeed, link, msak, ndt7"),
        (("latency", "--set", "colour=red"), "colour"),
        (("latency", "--set", "count"), "expected KEY=VALUE"),
        (("latency", "--set", "count=many"), "count"),
        (("latency", "--set", "server=ftp://x"), "not a URL"),
        (("msak", "--set", "server=ws://8.8.8.8"), "use wss://"),
    ],
)
def test_wrong_use_of_probe_exits_2(agent, words, told):
    """A wrong name, setting or address is one sentence and exit 2."""
    code, out, err = agent("probe", *words)
    assert (code, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1


def test_a_wrong_settings_file_exits_2(state, tmp_path, capsys):
    """The file and the key are named, by every command."""
    file = tmp_path / "bad.toml"
    file.write_text("[uplink]\nspeed = 1\n")
    for words in (["status"], ["run"], ["check"], ["probe", "link"]):
        assert cli.main([*words, "--state", str(state), "--config", str(file)]) == 2
        assert "bad.toml: uplink.speed: there is no such setting" in capsys.readouterr().err


def test_a_wrong_probe_setting_stops_the_service(agent, station, quick_config):
    """The service does not start with a probe that could never run."""
    quick_config.write_text("[probes.msak]\nconnections = 0\n")
    code, _, err = agent("run")
    assert code == 2
    assert "[probes.msak]" in err
    assert str(quick_config) in err


def test_a_wrong_ca_file_stops_the_service(agent, station, quick_config):
    """A CA file that cannot be used is told at the start, with the file and the key, not at the first sending."""
    quick_config.write_text('[agent]\nca_file = "/nowhere/ca.pem"\n')
    code, _, err = agent("run")
    assert code == 2
    assert "agent.ca_file: the CA file /nowhere/ca.pem cannot be used" in err
    assert str(quick_config) in err


def test_run_before_enrolment_exits_2(agent):
    """The missing step is named."""
    code, _, err = agent("run")
    assert code == 2
    assert "netready-agent enroll" in err


def test_enroll_without_a_terminal_asks_nothing(agent, collector, monkeypatch):
    """A roll-out script enrols a computer; the school is printed for the log."""
    code, out, _ = agent("enroll", "--collector", collector.url, "--token", " to ken", "--room", "Room 5")
    assert code == 0
    assert "Enrolled: №12 мектеп-гимназия (id 0012, 640 pupils), Талдықорған, Жетісу облысы, room Room 5" in out
    code, out, _ = agent("status")
    assert code == 0
    assert "№12 мектеп-гимназия" in out
    code, out, err = agent("enroll", "--collector", collector.url, "--token", "other")
    assert code == 0
    assert "This computer belonged to №12" in err


def test_a_refused_enrolment_exits_1_with_the_reason(agent, collector):
    """The collector's sentence reaches the person."""
    code, out, err = agent("enroll", "--collector", collector.url, "--token", "wrong")
    assert (code, out) == (1, "")
    assert "this token is not known here" in err


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
@pytest.mark.parametrize(("answer", "code", "bound"), [("y\n", 0, 1), ("maybe\n\ny\n", 0, 1), ("n\n", 1, 0)])
def test_on_a_terminal_a_person_is_asked(state, collector, answer, code, bound):
    """The school is shown and the person decides; no means that nothing changed."""
    import pty

    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "agent", "enroll", "--collector", collector.url, "--token", "token"]
    with subprocess.Popen(
        [*command, "--state", str(state)], stdin=follower, stdout=follower, stderr=subprocess.DEVNULL
    ) as process:
        timer = threading.Timer(TIMEOUT_S, process.kill)
        timer.start()
        os.close(follower)
        said = b""
        while b"[y/n]" not in said:
            said += os.read(leader, 1024)
        os.write(leader, answer.encode())
        assert process.wait(TIMEOUT_S) == code
        timer.cancel()
    os.close(leader)
    assert "№12 мектеп-гимназия" in said.decode()
    assert len(collector.keys) == bound


def test_status_before_enrolment(agent):
    """Status always works, and as JSON it says that there is no school."""
    assert agent("status")[0] == 0
    code, out, _ = agent("status", "--json")
    assert (code, as_json(out)["enrolled"]) == (0, False)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM for services")
def test_reflect_serves_until_it_is_told_to_stop():
    """One line when ready, real echoes and tests, a clean end on SIGTERM."""
    command = [sys.executable, "-m", "agent", "reflect", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening 127.0.0.1:")
        seen = session.measure("latency", session.Plan(probes={"latency": {"count": 3}}), f"ws://{line.split()[1]}")
        process.send_signal(signal.SIGTERM)
        rest, err = process.communicate(timeout=TIMEOUT_S)
    assert isinstance(seen, Latency)
    assert (process.returncode, rest, err) == (0, "", "")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--tls-cert", "a.pem"), "belong together"),
        (("--tls-cert", "a.pem", "--tls-key", "b.pem"), "cannot be used"),
        (("--listen", "192.0.2.1:0"), "192.0.2.1"),
    ],
)
def test_wrong_use_of_reflect_exits_2(words, told, capsys):
    """A certificate without its key, files that are not there, an address that is not ours: one sentence."""
    assert cli.main(["reflect", "--listen", "127.0.0.1:0", *words]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("nope",),
        ("check", "--pupils", "-1"),
        ("check", "--pupils", "many"),
        ("check", "--pupils", "1000000000000"),
        ("probe", "link", "--deadline", "0"),
        ("probe", "link", "--deadline", "nan"),
        ("reflect", "--listen", "nowhere"),
        ("reflect", "--listen", "host:99999"),
        ("reflect", "--udp", "x"),
        ("enroll", "--token"),
    ],
)
def test_wrong_words_exit_2(words, capsys):
    """The exit code that argparse has for wrong use is the one we document."""
    assert wrong_use(*words) == 2
    assert "usage: netready-agent" in capsys.readouterr().err


def test_the_version_is_printed(capsys):
    """--version says who this is."""
    assert wrong_use("--version") == 0
    assert capsys.readouterr().out.startswith("netready-agent ")


def test_the_help_documents_the_exit_codes(capsys):
    """Scripts rely on them."""
    assert wrong_use("--help") == 0
    told = capsys.readouterr().out
    assert all(f"\n  {code}  " in told for code in range(5))


def test_an_unusable_state_folder_is_a_sentence(tmp_path: Path, collector, capsys):
    """A file where the folder should be: exit 1 and one sentence, no traceback."""
    (tmp_path / "file").write_text("")
    words = ["enroll", "--collector", collector.url, "--token", "token", "--state", str(tmp_path / "file")]
    assert cli.main(words) == 1
    assert "cannot make the folder" in capsys.readouterr().err


def test_a_console_without_the_letters_still_works(state, station):
    """A school's name in Kazakh on an old code page is shown with question marks, not with a traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "agent", "status", "--state", str(state)],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "cp1251"},
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "мектеп-гимназия" in done.stdout.decode("cp1251")
    assert done.stderr == b""
