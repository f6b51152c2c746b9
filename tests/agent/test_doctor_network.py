import json
import shutil
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from agent import doctor, identity
from agent.contract.wire import Policy
from agent.host.clock import Clock
from agent.identity import Identity
from tests.agent.conftest import SCHOOL, agent_of
from tests.fakes.bad_server import BadServer
from tests.fakes.certificates import Authority
from tests.fakes.collector import Scripted, running

ROOT = Path(__file__).parents[2]
DAY_S = 86_400


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    """The machine's own proxies stay out of the tests."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def enrolled(state, key):
    """Make this computer belong to a school at a collector."""

    def enrol(url, policy=None):
        state.mkdir(mode=0o700)
        (state / "key").write_text(bytes(key).hex())
        (state / "key").chmod(0o600)
        who = Identity(agent=agent_of(key), school=SCHOOL, collector=url, enrolled_at=datetime.now(UTC))
        identity.save(state, who, policy or Policy())

    return enrol


def examined(state, *, config=None, clock=None):
    """Return what the doctor found, by the check's name."""
    place = doctor.Place(state=state, config=config, environment={}, clock=clock or Clock())
    seen = doctor.examine(place)
    assert seen.took_s < 20
    return {one.name: one for one in seen.findings}


def known_to(collector, key):
    """Let a collector know a computer's key."""
    collector.keys[agent_of(key)] = (bytes(key.verify_key), SCHOOL.id)


def test_a_collector_on_the_own_network(state, key, enrolled, collector):
    """Plain http is told as what it is; the collector knows this computer; little is sent."""
    enrolled(collector.url)
    known_to(collector, key)
    found = examined(state)
    assert [found[name].result for name in ("names", "proxy", "tls", "clock", "collector")] == ["ok"] * 5
    assert "none is used" in found["tls"].seen
    assert "of the collector's" in found["clock"].seen
    assert "policy 1" in found["collector"].seen
    assert sorted(collector.requests) == [("GET", "/api/v1/policy"), ("GET", "/healthz")]


@pytest.mark.parametrize(
    ("wrong_s", "result", "words"),
    [
        (3 * DAY_S, "fault", "3 days (259200 s) ahead of"),
        (-3 * DAY_S, "fault", "3 days (259200 s) behind"),
        (120, "warning", "2 minutes (120 s) ahead of"),
        (5, "ok", "within 5 s"),
    ],
)
def test_a_clock_that_is_wrong(state, key, enrolled, collector, wrong_s, result, words):
    """By the collector's own Date: which way and by how much, and what to do about it."""
    enrolled(collector.url)
    known_to(collector, key)
    # At the middle of a second, so that a machine that dawdles a little does not change the number.
    found = examined(state, clock=Clock(wall_s=lambda: time.time() + wrong_s))["clock"]
    assert found.result == result
    numbers = {words, words.replace("9200", "9199"), words.replace("9200", "9201"), words.replace("120", "119")}
    numbers |= {words.replace("120", "121"), words.replace("5 s", "4 s"), words.replace("5 s", "6 s")}
    assert any(each in found.seen for each in numbers), found.seen
    assert ("NTP" in found.advice) is (result != "ok")


@pytest.mark.parametrize("named", [False, True], ids=["without the school's CA", "with the school's CA"])
def test_a_filter_that_reads_traffic(state, key, enrolled, tmp_path, named):
    """Who shows the certificate is named; with the school's authority in ca_file it is trusted, and that is said."""
    authority = Authority(tmp_path, subject="/O=Fortinet/CN=FortiGate CA")
    config = tmp_path / "agent.toml"
    config.write_text(f'[agent]\nca_file = "{authority.file}"\n' if named else "")
    with running(authority.issue()) as collector:
        enrolled(collector.url)
        known_to(collector, key)
        found = examined(state, config=config)
    if named:
        assert found["tls"].result == found["collector"].result == found["clock"].result == "ok"
        assert "trusted only by the authority in ca_file: issued by FortiGate CA of Fortinet" in found["tls"].seen
        return
    assert found["tls"].result == found["collector"].result == "fault"
    assert "a filter shows its own certificate for localhost" in found["tls"].seen
    assert "FortiGate CA" in found["tls"].seen
    assert "ca_file" in found["tls"].advice
    assert found["clock"].result == "ok"
    assert "answers in the collector's place" in found["clock"].seen
    assert {path for _, path in collector.requests} == {"/healthz"}  # nothing signed went that way


def test_a_certificate_that_has_expired(state, enrolled, tmp_path):
    """Its dates are told beside this computer's clock, which is the usual reason."""
    authority = Authority(tmp_path)
    config = tmp_path / "agent.toml"
    config.write_text(f'[agent]\nca_file = "{authority.file}"\n')
    with running(authority.issue(days=-1)) as collector:
        enrolled(collector.url)
        found = examined(state, config=config)["tls"]
    assert found.result == "fault"
    assert "expired on" in found.seen
    assert "this computer's clock says" in found.seen


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Scripted(body=b"[1, 2"), "not a netready collector's answer"),
        (Scripted(body=b'{"version": "x", "servers": 7}'), "not a netready collector's answer"),
        (Scripted(status=302, headers={"Location": "http://login.example/?key=s3cret-value"}), "login page stands in"),
        (Scripted(body=b"<html><title>Log in</title><input type=password>", headers={"Content-Type": "text/html"}),
         "a login page ('Log in') answered instead of the collector"),
        (Scripted(status=401), "does not know this computer"),
        (Scripted(status=500), "could not take it"),
        (Scripted(hang_up=True), "does not speak HTTP"),
        (Scripted(body=b"x" * 2_000_000), "answers too much"),
    ],
    ids=["half", "lies", "redirect", "login", "unknown", "broken", "hangs up", "floods"],
)  # fmt: skip
def test_a_collector_that_lies(state, enrolled, collector, answer, words):
    """Nonsense, login pages, floods and silence each are one sentence that says what it may be."""
    enrolled(collector.url)
    collector.answers.extend([answer] * 6)
    found = examined(state)["collector"]
    assert found.result == "fault"
    assert words in found.seen
    assert "s3cret" not in found.seen


def test_a_date_that_is_nonsense(state, key, enrolled, collector):
    """A collector that tells no time leaves the clock unknown, with the reason."""
    enrolled(collector.url)
    known_to(collector, key)
    collector.answers.extend([Scripted(headers={"Date": "x"}, hang_up=True)] * 4)
    found = examined(state)["clock"]
    assert found.result == "unknown"
    assert "told no time" in found.seen


def test_a_key_that_was_revoked_since(state, key, enrolled, collector):
    """The collector is asked with this computer's signature: a key that it took back is found at once."""
    enrolled(collector.url)
    gone = b'{"title": "gone", "status": 410, "detail": "taken out of service"}'
    collector.answers.extend([Scripted(status=410, body=gone)] * 4)
    found = examined(state)["collector"]
    assert found.result == "fault"
    assert "no longer wants this computer: taken out of service" in found.seen
    assert "netready-agent enroll" in found.advice


def test_a_collector_that_drips(state, enrolled, tmp_path):
    """Whatever the far end does, the page comes within its time."""

    def drip(sock):
        sock.recv(4096)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            sock.sendall(b" ")
            time.sleep(0.3)

    config = tmp_path / "agent.toml"
    config.write_text("[uplink]\ntimeout_s = 1.0\n")
    with BadServer(drip) as server:
        enrolled(f"http://{server.server}")
        found = examined(state, config=config)
    assert found["collector"].result == "fault"
    assert "did not answer in time" in found["collector"].seen


def test_a_proxy_is_told_without_its_password(state, enrolled, collector, monkeypatch, closed_port):
    """Where it comes from and whether it can be reached; who may use it is nobody's business."""
    enrolled(collector.url)
    monkeypatch.setenv("HTTP_PROXY", f"http://teacher:s3cret-word@127.0.0.1:{closed_port}")
    monkeypatch.setenv("NO_PROXY", "")
    found = examined(state)
    assert found["proxy"].result == "fault"
    assert f"127.0.0.1:{closed_port} (by the environment or the system's settings)" in found["proxy"].seen
    told = msgspec.json.encode([*found.values()])
    assert b"s3cret" not in told
    assert b"teacher" not in told


def test_a_proxy_that_works_is_used_for_the_collector_only(state, enrolled, collector, monkeypatch):
    """What is asked of the collector goes through it, and its name need not be known here."""
    enrolled("http://10.255.255.1:8800")
    monkeypatch.setenv("HTTP_PROXY", collector.url)
    monkeypatch.setenv("NO_PROXY", "")
    found = examined(state)
    assert found["proxy"].result == "ok"
    assert "the proxy's name is an address" in found["names"].seen
    assert {path for _, path in collector.requests} == {
        "http://10.255.255.1:8800/healthz",
        "http://10.255.255.1:8800/api/v1/policy",
    }


def test_a_pac_file_in_the_settings_is_for_windows(state, enrolled, collector, tmp_path):
    """Settings that name one are refused with what to write instead."""
    enrolled(collector.url)
    config = tmp_path / "agent.toml"
    config.write_text('[uplink]\nproxy = "http://proxy.school.example/wpad.pac"\n')
    found = examined(state, config=config)["settings"]
    assert found.result == "fault"
    assert "is a PAC file: on Windows write" in found.seen


def test_test_servers_are_only_called(state, key, enrolled, collector, closed_port):
    """One connection each and not a byte: those that do not answer are named."""
    heard = []
    with BadServer(lambda sock: heard.append(sock.recv(100))) as server:
        policy = Policy(servers=(f"ws://{server.server}", f"ws://127.0.0.1:{closed_port}"))
        enrolled(collector.url, policy)
        known_to(collector, key)
        found = examined(state)["servers"]
        assert server.connections == 1
    assert found.result == "warning"
    assert "1 of 2 can be reached" in found.seen
    assert f"ws://127.0.0.1:{closed_port}: Connection refused" in found.seen
    assert heard in ([], [b""])


# One namespace of its own; a pair of interfaces leads out of it to nobody.
_ALONE = ("unshare", "--user", "--map-root-user", "--net", "--mount", "sh", "-c")
_PAIR = "ip link set lo up && ip link add near type veth peer name far && ip link set near up && ip link set far up"


def in_a_namespace(setup, state):
    """Run the doctor where the network is as ``setup`` makes it; skip where the system allows no namespaces."""
    if (
        shutil.which("unshare") is None
        or subprocess.run([*_ALONE, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no network namespaces here")
    began = time.monotonic()
    done = subprocess.run(
        [*_ALONE, f'{setup} && exec "$@"', "sh", sys.executable, "-m", "agent", "doctor", "--json", "--state", state],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert time.monotonic() - began < 25
    return {one["name"]: one for one in json.loads(done.stdout)["findings"]}


def test_no_network_at_all(state, enrolled):
    """No cable: route, addresses, names and the collector each say it in their own words."""
    enrolled("https://collector.example.kz")
    found = in_a_namespace("true", str(state))
    assert found["route"]["result"] == found["ip"]["result"] == "fault"
    assert found["ip"]["seen"] == "IPv4 no, IPv6 no"
    assert found["names"]["result"] == found["collector"]["result"] == "fault"
    assert found["state"]["result"] == "ok"


def test_no_names_on_a_network_that_works(state, enrolled, tmp_path):
    """The name server is silent: the route is there, the name is not found, and the page says which of both it is."""
    enrolled("https://collector.example.kz")
    resolver = tmp_path / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.9\noptions timeout:1 attempts:1\n")
    setup = (
        f"{_PAIR} && ip address add 10.1.0.2/24 dev near && ip route add default via 10.1.0.1 "
        f"&& mount --bind {resolver} $(readlink -f /etc/resolv.conf)"
    )
    found = in_a_namespace(setup, str(state))
    assert found["route"]["result"] == "ok"
    assert "router 10.1.0.1" in found["route"]["seen"]
    assert found["names"]["result"] == "fault"
    assert "the collector's name collector.example.kz is not found" in found["names"]["seen"]
    assert "by 1 name server" in found["names"]["seen"]
    assert "DHCP" in found["names"]["advice"]


def test_no_ipv4(state, enrolled):
    """A network of IPv6 only: told as such, which is no fault by itself."""
    enrolled("https://[fd00::2]")
    setup = f"{_PAIR} && ip -6 address add fd00::2/64 dev near nodad && ip -6 route add default dev near"
    found = in_a_namespace(setup, str(state))
    assert found["ip"]["result"] == "warning"
    assert found["ip"]["seen"] == "IPv4 no, IPv6 yes"
    assert found["route"]["result"] == "ok"


def test_an_address_that_the_computer_gave_itself(state, enrolled):
    """169.254...: the router's DHCP gave none, and that is the fault."""
    enrolled("https://10.9.9.9")
    own = "ip address add 169.254.7.8/16 dev near && ip address add 10.9.9.9/32 dev lo"
    setup = f"{_PAIR} && {own} && ip route add default dev near src 169.254.7.8"
    found = in_a_namespace(setup, str(state))
    assert found["ip"]["result"] == "fault"
    assert "DHCP" in found["ip"]["advice"]
    assert "169.254.7.8" not in found["ip"]["seen"]


def test_a_collector_whose_name_leads_nowhere(state, enrolled, closed_port):
    """A refused connection is the collector's trouble, not the name's."""
    assert socket.getaddrinfo("localhost", closed_port)
    enrolled(f"http://localhost:{closed_port}")
    found = examined(state)
    assert found["names"].result == "ok"
    assert found["collector"].result == "fault"
    assert "Connection refused" in found["collector"].seen
