from datetime import UTC, datetime

import pytest

from agent import session
from agent.contract import report, signing
from agent.contract.errors import InsecureUrlError, SettingsError
from agent.contract.measurement import Failed, Latency, Link, Skipped, Throughput
from agent.session import Plan, Session
from tests.agent.conftest import QUICK


def test_a_session_measures_everything_in_order(reflector_url):
    """Link, latency and speed are really measured, one after the other, each with its begin and duration."""
    told: list[str] = []
    before = datetime.now(UTC)
    seen = session.run(session.CAPACITY, Plan(servers=(reflector_url,), probes=QUICK), told.append)
    assert told == ["link", "latency", "msak"]
    assert [type(one) for one in seen.measurements] == [Link, Latency, Throughput]
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


def test_a_public_address_without_tls_is_refused():
    """Measuring in the open over the internet is not done; the sentence names the address."""
    with pytest.raises(InsecureUrlError, match=r"8\.8\.8\.8"):
        session.measure("msak", Plan(), "ws://8.8.8.8:80")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"nope": {}}, r"a\.toml: \[probes\.nope\].*there are: latency, link, msak"),
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
