"""The ookla probe: speedtest-cli itself against a real reflector, and against servers that lie, stall and leave."""

import socket
import sys
import time

import psutil
import pytest

from agent.contract.errors import InsecureUrlError, SettingsError
from agent.contract.measurement import Failed, Throughput, decode, encode
from agent.errors import ProbeUnavailable
from agent.host import tcp_info
from agent.meter import layers, witness
from agent.meter.progress import Progress
from agent.probes import ookla
from agent.probes._ookla_talk import Done, Transferred
from agent.probes.ookla import Probe
from agent.reflector.ookla import SIZES, TEST_S
from tests.fakes import reflectors
from tests.fakes.bad_server import BadServer, Behaviour, says, status, wait
from tests.fakes.certificates import Authority

CONFIGURATION = """<settings><client ip="127.0.0.1" lat="{lat}" lon="0"/>
<server-config threadcount="{threads}" ignoreids=""/><download testlength="{length}" threadsperurl="{threads}"/>
<upload testlength="{length}" ratio="5" maxchunkcount="{threads}" threads="{threads}" threadsperurl="4"/></settings>"""
USUAL = {"lat": 0, "threads": 4, "length": TEST_S}


def measured(server: str, deadline_s: float = 20.0, **settings: object) -> Throughput | Failed:
    return Probe(server=server, **{"max_s": 1.0, **settings}).measure(deadline_s)


def answers(bodies: dict[str, bytes | Behaviour]) -> Behaviour:
    """Answer requests by their path; what is unknown is not found."""

    def behave(sock: socket.socket) -> None:
        sock.settimeout(20)
        data = b""
        while b"\r\n\r\n" not in data:
            data += sock.recv(4096)
        path = data.split(b" ", 2)[1].partition(b"?")[0].decode()
        body = bodies.get(path, b"")
        if not isinstance(body, bytes):
            body(sock)
            return
        code = "200 OK" if body else "404 Not Found"
        sock.sendall(f"HTTP/1.1 {code}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)

    return behave


def configured(then: Behaviour, **settings: object) -> Behaviour:
    """Be a server until the download begins."""
    pictures = {f"/speedtest/random{edge}x{edge}.jpg": then for edge in SIZES}
    configuration = CONFIGURATION.format(**{**USUAL, **settings}).encode()
    return answers(
        {"/speedtest-config.php": configuration, "/speedtest/latency.txt": b"test=test\n"} | pictures,
    )


def refuses(sock: socket.socket) -> None:
    sock.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")


def resets(sock: socket.socket) -> None:
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(10_000))
    tcp_info.throw_away_unsent(sock)


def stalls(sock: socket.socket) -> None:
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(10_000))
    wait(sock)


def leaves(sock: socket.socket) -> None:
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(10_000))


def pours(sock: socket.socket) -> None:
    sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        sock.sendall(bytes(1 << 20))


def test_it_measures_both_directions_of_a_real_line(server: str) -> None:
    """A test with speedtest-cli yields both directions, the upload by what was acknowledged."""
    result = measured(server)
    assert isinstance(result, Throughput)
    assert result.engine == "ookla"
    assert result.server == f"http://{server}/speedtest/upload.php"
    assert result.download.counted_at == "receiver"
    assert result.upload is None or result.upload.counted_at in {"acked", "nic"}
    assert result.upload.counted_at == "acked" or sys.platform != "linux"
    for direction in (result.download, result.upload):
        assert direction.stop == "time"
        assert 1.0 <= direction.duration_s < 2.0
        assert direction.ip_bps > direction.goodput_bps > 0
        assert direction.ip_high_bps is None
        assert direction.sustained_bps is None
        assert direction.bytes > 100_000
        assert len(direction.samples_bps) >= 10
    assert result.rtt_idle_ms < 1000
    assert decode(encode(result)) == result


def test_a_byte_limit_ends_it(server: str) -> None:
    """With max_bytes a direction is cut there, but for what both connections had just been handed."""
    result = measured(server, max_bytes=3_000_000, max_s=10.0, connections=2)
    assert isinstance(result, Throughput)
    assert (result.download.stop, result.upload.stop) == ("bytes", "bytes")
    assert result.download.bytes <= 3_000_000 + 2 * 262_144
    assert result.upload.bytes <= 3_000_000 + 2 * 262_144
    assert result.download.connections <= 2


def test_progress_is_told_in_both_phases(server: str, heard: list[Progress]) -> None:
    """Whoever watches hears of download and upload, with rates, in this order."""
    measured(server)
    phases = [entry.phase for entry in heard]
    assert phases == sorted(phases)
    assert set(phases) == {"download", "upload"}
    assert any(entry.ip_bps for entry in heard)


def test_it_refuses_a_verdict(server: str) -> None:
    """A verdict would cost a whole test: the probe says that it cannot, and what can."""
    with pytest.raises(ProbeUnavailable, match="msak"):
        measured(server, purpose="verdict")


def test_tls_with_an_own_authority(tmp_path, authority: Authority, secure_server: str) -> None:
    """Over https the certificate is verified against the own CA, transfers and all; under another it is refused."""
    server = f"https://{secure_server}"
    result = measured(server, ca_file=authority.file)
    assert isinstance(result, Throughput)
    assert result.server == f"{server}/speedtest/upload.php"
    assert result.upload.goodput_bps < result.upload.ip_bps
    assert measured(server, ca_file=Authority(tmp_path, "other").file).failure == "tls_certificate"


def test_an_ipv6_server() -> None:
    """An IPv6 address in brackets is measured like any other."""
    with reflectors.reflector("::1") as place:
        assert isinstance(measured(place), Throughput)


def test_a_public_address_needs_tls() -> None:
    """Plain http to a public address is refused before a packet is sent."""
    with pytest.raises(InsecureUrlError, match="https://"):
        measured("http://8.8.8.8:80")


def test_a_server_that_is_no_address() -> None:
    """A server setting that is no address is refused when the probe is made."""
    with pytest.raises(SettingsError):
        Probe(server="ftp://127.0.0.1")


def test_no_server() -> None:
    """Without a server, and without a number of speedtest.net's, there is nothing to measure against."""
    assert Probe().measure(5.0).failure == "no_server"


PAGE = b"<!DOCTYPE html><html><head><title>Welcome</title></head><form><input type=password></form></html>"


@pytest.mark.parametrize(
    ("behaviour", "failure"),
    [
        (status("403 Forbidden"), "refused_by_server"),
        (status("429 Too Many Requests"), "busy"),
        (status("500 Oops"), "http_status"),
        (status("302 Found", "Location: http://login.example/"), "captive_portal"),
        (status("301 Moved", "Location: /elsewhere"), "redirected"),
        (answers({"/speedtest-config.php": PAGE}), "captive_portal"),
        (answers({"/speedtest-config.php": b"<settings><client/></settings>"}), "protocol_error"),
        (answers({"/speedtest-config.php": b"no XML"}), "protocol_error"),
        (says(b"SSH-2.0-OpenSSH_9.2\r\n"), "protocol_error"),
        (answers({"/speedtest-config.php": pours}), "protocol_error"),
        (answers({"/speedtest-config.php": CONFIGURATION.format(**USUAL).encode()}), "protocol_error"),
        (configured(refuses), "refused_by_server"),
        (configured(resets), "connection_reset"),
        (configured(leaves), "closed_early"),
        (configured(stalls), "stalled"),
    ],
    ids=[
        *("403", "429", "500", "login", "redirect", "page", "empty-settings", "no-xml", "ssh", "endless"),
        *("no-latency", "403-pictures", "reset", "leave", "stall"),
    ],
)
def test_a_server_that_is_none(behaviour: Behaviour, failure: str) -> None:
    """What is no test server, or ends being one, is a failure word and a sentence: never a speed."""
    with BadServer(behaviour) as bad:
        result = measured(bad.server, max_s=5.0)
    assert isinstance(result, Failed)
    assert (result.failure, bool(result.detail)) == (failure, True), result.detail


def test_nothing_listens() -> None:
    """Where nothing listens the word is connect_refused."""
    assert measured("127.0.0.1:1").failure == "connect_refused"


@pytest.mark.parametrize("settings", [{"threads": 10**6}, {"length": 10**9}, {"lat": "nowhere"}, {"threads": -5}])
def test_a_hostile_configuration(settings: dict[str, object]) -> None:
    """Whatever numbers a server's configuration has, threads, requests and time stay within our bounds."""
    with BadServer(configured(stalls, **settings)) as bad:
        began = time.monotonic()
        result = measured(bad.server, max_s=None)
        assert result.failure in {"stalled", "protocol_error"}
        assert bad.connections < 50
    assert time.monotonic() - began < 15


def test_the_child_is_gone_at_the_deadline() -> None:
    """A server that says nothing cannot hold it: at the deadline the child process is ended, and none is left."""
    with BadServer(wait) as bad:
        result = measured(bad.server, 3.0)
    assert result.failure in {"deadline", "stalled"}
    assert not any("_ookla_child" in " ".join(one.cmdline()) for one in psutil.Process().children(recursive=True))


def moved(**changes: object) -> Transferred:
    """Return a transfer of 1 MB/s for three seconds."""
    points = tuple((number / 20, number * 50_000) for number in range(61))
    values = {
        "began": 100.0,
        "took_s": 3.0,
        "points": points,
        "counted_at": "receiver",
        "line_bytes": 3_000_000,
        "payload_share": 1.0,
        "segment": (1448, 52),
        "connections": 8,
        "congestion_control": None,
        "stop": "time",
        "cpu_s": 0.5,
    }
    return Transferred(**{**values, **changes})


def watched(**changes: object) -> witness.Testimony:
    nothing = dict.fromkeys(["interface", "link", "frame", "machine_busy_share"])
    return witness.Testimony(**{**nothing, "segment": layers.USUAL, "ticks": (), "readings": (), **changes})


def told(upload: Transferred, **seen: object) -> Throughput:
    done = Done(server="https://school.test/speedtest/upload.php", ping_ms=30.0, download=moved(), upload=upload)
    return ookla._Seen(done, watched(**seen)).throughput(vpn=None)


def test_an_upload_that_nobody_counted_is_null() -> None:
    """Without acknowledgements and without an interface to count at, the upload is null: never what was handed over."""
    result = told(moved(counted_at=None, points=()))
    assert result.upload is None
    assert result.download.ip_bps == round(8e6 * 1500 / 1448)


def test_a_rate_has_a_lower_bound_and_no_upper_one() -> None:
    """An even rate is a lower bound of the line; nothing shows that the line was full."""
    direction = told(moved()).download
    assert direction.ip_bps * 0.98 < direction.ip_low_bps < direction.ip_bps
    assert direction.ip_high_bps is None


def test_a_rate_that_was_never_even_has_no_bounds() -> None:
    """Of a transfer that grew to its end only the mean is told."""
    growing = tuple((number / 20, int(1000 * 1.2**number)) for number in range(61))
    direction = told(moved(points=growing)).upload
    assert (direction.ip_low_bps, direction.ip_high_bps) == (None, None)
    assert direction.ip_bps == round((growing[-1][1] - 1000) * 8 / 3.0 * 1500 / 1448)


def test_a_busy_processor_is_said() -> None:
    """Where speedtest-cli itself has kept a core busy, the test is marked."""
    assert "host_limited" in told(moved(cpu_s=2.9)).tainted


@pytest.mark.network
def test_speedtest_net() -> None:
    """Against speedtest.net everything goes over TLS, the transfers too."""
    result = Probe(server_id=0, max_s=2.0, max_bytes=5_000_000).measure(40.0)
    assert isinstance(result, Throughput)
    assert result.server.startswith("https://")
