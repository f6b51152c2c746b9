from datetime import UTC, datetime

import pytest

from agent import session
from agent.contract import report, signing
from agent.contract.errors import InsecureUrlError, SettingsError
from agent.contract.lan import Lan
from agent.contract.measurement import Failed, Latency, Link, Skipped, Throughput
from agent.session import Plan, Question, Session
from tests.agent.conftest import QUICK


def test_a_session_measures_everything_in_order(reflector_url):
    """Link, latency and speed are really measured, one after the other, each with its begin and duration."""
    told: list[str] = []
    before = datetime.now(UTC)
    seen = session.run(session.full("msak"), Plan(servers=(reflector_url,), probes=QUICK), told.append)
    assert told == ["link", "latency", "lan", "msak"]
    assert [type(one) for one in seen.measurements] == [Link, Latency, Lan, Throughput]
    ends = before
    for one in seen.measurements:
        assert one.started_at is not None
        assert one.started_at >= ends
        assert one.took_s is not None
        ends = one.started_at
    assert sum(one.took_s or 0 for one in seen.measurements) <= seen.session_s + 0.01


def test_without_a_server_that_is_what_is_reported():
    """A collector that names no server is a fact, not a crash; the link is measured all the same."""
    seen = session.run(("link", "latency"), Plan(probes=QUICK)).measurements
    assert isinstance(seen[0], Link)
    assert isinstance(seen[1], Failed)
    assert (seen[1].probe, seen[1].failure) == ("latency", "no_server")
    assert seen[1].started_at is not None


def test_a_failed_probe_is_a_measurement(closed_port):
    """A server that does not listen becomes a failure word, and the session goes on."""
    seen = session.run(("msak", "link"), Plan(servers=(f"ws://127.0.0.1:{closed_port}",), probes=QUICK)).measurements
    assert isinstance(seen[0], Failed)
    assert (seen[0].probe, seen[0].failure) == ("msak", "connect_refused")
    assert isinstance(seen[1], Link)


def test_a_light_session_looks_inside_where_nothing_comes_back(closed_port):
    """Where nothing beyond the router answers, what the school's own network says belongs to the same report."""
    told: list[str] = []
    silent = Plan(servers=(f"ws://127.0.0.1:{closed_port}",), probes=QUICK | {"lan": {"active": True}})
    seen = session.run(session.LIGHT, silent, told.append).measurements
    assert told == ["latency", "lan"]
    assert isinstance(seen[0], Failed)
    assert isinstance(seen[1], Lan)
    assert not seen[1].dhcp_asked
    seen = session.run(("link", "latency"), silent).measurements
    assert [type(one) for one in seen] == [Link, Failed]


def test_a_light_session_is_light_otherwise(reflector_url):
    """An answer needs no look inside, nor does a computer that nobody gave a server."""
    for servers, kind in (((reflector_url,), Latency), ((), Failed)):
        seen = session.run(session.LIGHT, Plan(servers=servers, probes=QUICK)).measurements
        assert [type(one) for one in seen] == [kind]


def test_a_bug_in_a_probe_costs_only_that_probe(add_probe, caplog):
    """Whatever a probe raises is logged with its name and recorded; the next probe runs."""
    add_probe("broken", "raise ZeroDivisionError('oops')")
    seen = session.run(("broken", "link"), Plan(probes=QUICK)).measurements
    assert isinstance(seen[0], Failed)
    assert (seen[0].probe, seen[0].failure, seen[0].detail) == ("broken", "host_error", "ZeroDivisionError: oops")
    assert "the probe broken has a bug" in caplog.text
    assert isinstance(seen[1], Link)


def test_a_servers_words_cannot_spoil_a_report(add_probe):
    """Control characters and novels from outside are tamed before they are signed."""
    add_probe("told", "raise ValueError('a\\x00b\\x1b[31m' + 'x' * 9999)")
    seen = session.run(("told",), Plan()).measurements[0]
    assert isinstance(seen, Failed)
    assert seen.detail.startswith("ValueError: a b [31mx")
    assert len(seen.detail) == 2000


def test_a_probe_that_cannot_run_here_is_skipped(add_probe):
    """What this computer cannot do is nobody's fault and counted apart."""
    add_probe("absent", "raise ProbeUnavailable('there is no Wi-Fi card; plug one in')")
    seen = session.run(("absent",), Plan()).measurements[0]
    assert isinstance(seen, Skipped)
    assert (seen.probe, seen.reason) == ("absent", "there is no Wi-Fi card; plug one in")


def test_an_expected_error_is_recorded_without_a_traceback(add_probe, caplog):
    """A setting that turns out wrong while measuring is one sentence in the report and in the log."""
    add_probe("misled", "raise SettingsError('the CA file is no certificate')")
    seen = session.run(("misled",), Plan()).measurements[0]
    assert isinstance(seen, Failed)
    assert (seen.failure, seen.detail) == ("host_error", "the CA file is no certificate")
    assert "Traceback" not in caplog.text


def test_the_first_server_that_answers_is_used(closed_port, reflector_url):
    """A dead server in the list costs moments, not the session; if all are dead the first one's failure is told."""
    dead = f"ws://127.0.0.1:{closed_port}"
    assert session.first_that_answers((dead, reflector_url)) == reflector_url
    assert session.first_that_answers(("not a url", reflector_url)) == reflector_url
    assert session.first_that_answers((dead, dead + "/x")) == dead
    assert session.first_that_answers(()) is None


def test_a_server_in_the_settings_wins(reflector_url, closed_port):
    """A line in agent.toml overrides the policy for this computer."""
    plan = Plan(servers=(f"ws://127.0.0.1:{closed_port}",), probes={"latency": {"server": reflector_url, "count": 3}})
    assert isinstance(session.run(("latency",), plan).measurements[0], Latency)


ASKED = ("purpose: str", "form: str", "target_download_bps: float", "target_upload_bps: float", "max_bytes: int | None")
TELL = "return Failed(probe='engine', failure='busy', detail=f'{self} {deadline_s}')"
QUESTION = Question(
    purpose="verdict", form="long", target_download_bps=32e6, target_upload_bps=5e6, max_bytes=10_000_000
)


def told(plan: Plan, deadline_s: float | None = None) -> str:
    """Return the settings and the deadline with which the probe ``engine`` was run."""
    seen = session.measure("engine", plan, "ws://127.0.0.1:1", deadline_s)
    assert isinstance(seen, Failed)
    return seen.detail


def test_an_engine_is_asked_the_sessions_question(add_probe):
    """Purpose, form, targets and the limit of bytes reach whatever engine is run, with the time its form needs."""
    add_probe("engine", TELL, *ASKED)
    asked = "purpose='verdict', form='long', target_download_bps=32000000.0, target_upload_bps=5000000.0"
    assert f"{asked}, max_bytes=10000000) 90.0" in told(Plan(question=QUESTION))
    assert told(Plan()).endswith(
        "purpose='capacity', form='short', target_download_bps=None, target_upload_bps=None, max_bytes=None) 60.0"
    )
    assert told(Plan(), deadline_s=5.0).endswith(" 5.0")


def test_an_engine_without_such_settings_is_not_asked(add_probe):
    """An engine that cannot be told its form is run all the same, with the settings it has."""
    add_probe("engine", TELL, "purpose: str")
    assert "Probe(purpose='verdict')" in told(Plan(question=QUESTION))
    assert session.settings_of("engine") == {"purpose"}
    assert session.settings_of("no such probe") == frozenset()


def test_what_agent_toml_says_wins_but_not_over_the_budget(add_probe):
    """A line in agent.toml is the administrator's word; a limit of bytes there can only be a smaller one."""
    add_probe("engine", TELL, *ASKED)
    own = Plan(question=QUESTION, probes={"engine": {"purpose": "capacity", "max_bytes": 99_000_000}})
    assert "purpose='capacity', form='long'" in told(own)
    assert "max_bytes=10000000" in told(own)
    smaller = Plan(question=QUESTION, probes={"engine": {"max_bytes": 5_000_000}})
    assert "max_bytes=5000000" in told(smaller)


def test_what_is_refused_is_a_recorded_fact(add_probe):
    """Without bytes left the engine is not run, the reason stands in the report, and the other probes run."""
    add_probe("engine", "raise AssertionError('it was run')", *ASKED)
    seen = session.run(session.full("engine"), Plan(probes=QUICK, refusal="the month's data budget is used up"))
    assert [type(one) for one in seen.measurements] == [Link, Failed, Lan, Skipped]
    refused = seen.measurements[3]
    assert isinstance(refused, Skipped)
    assert (refused.probe, refused.reason) == ("engine", "the month's data budget is used up")
    assert refused.started_at is not None


@pytest.mark.parametrize("engine", ["latency", "nope"])
def test_an_engine_that_is_none_stops_the_start(engine):
    """``engine`` has to name a probe that fills the line; the sentence names those that do."""
    with pytest.raises(SettingsError, match=rf"a\.toml: agent\.engine: '{engine}' is no probe that fills.*msak"):
        session.check_settings(Plan(engine=engine), "a.toml")


def test_a_public_address_without_tls_is_refused():
    """Measuring in the open over the internet is not done; the sentence names the address."""
    with pytest.raises(InsecureUrlError, match=r"8\.8\.8\.8"):
        session.measure("msak", Plan(), "ws://8.8.8.8:80")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"nope": {}}, r"a\.toml: \[probes\.nope\].*there are: lan, latency, "),
        ({"msak": {"colour": 1}}, r"a\.toml: \[probes\.msak\].*colour"),
        ({"latency": {"count": -1}}, r"a\.toml: \[probes\.latency\].*count"),
    ],
)
def test_wrong_probe_settings_stop_the_start(table, words):
    """The file, the probe and the setting are named before anything is measured."""
    with pytest.raises(SettingsError, match=words):
        session.check_settings(Plan(probes=table), "a.toml")


def test_right_probe_settings_pass():
    """Settings as in the example do not stop the start, although the server comes later."""
    session.check_settings(Plan(probes=QUICK), "a.toml")


def test_a_session_becomes_a_signed_report(station):
    """What was seen is signed as it is, with who, where and when, and waits in the outbox."""
    seen = Session(measurements=(Skipped(probe="wifi", reason="no card"),), session_s=1.5, server=None)
    made = session.record(seen, "manual", station.enrolled, "Room 5", station.outbox)
    waiting = station.outbox.oldest(station.enrolled.identity.collector, 9)
    assert len(waiting) == 1
    envelope = signing.decode_envelope(waiting[0].envelope)
    payload = signing.verify(envelope, report.PAYLOAD_TYPE, bytes(station.enrolled.key.verify_key))
    assert report.decode(payload) == made
    assert (made.agent, made.school, made.room) == (station.enrolled.identity.agent, "0012", "Room 5")
    assert (made.trigger, made.session_s, made.sequence) == ("manual", 1.5, 1)
    assert made.read_measurements() == list(seen.measurements)
    assert made.software.startswith("netready-agent/")


def test_a_report_says_how_many_wait_before_it(station):
    """The collector sees a backlog without believing any clock."""
    seen = Session(measurements=(Skipped(probe="wifi", reason="no card"),), session_s=1.5, server=None)
    made = [session.record(seen, "manual", station.enrolled, None, station.outbox) for _ in range(3)]
    assert [one.waiting for one in made] == [0, 1, 2]
