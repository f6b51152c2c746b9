"""The msak probe against a real reflector, and against servers that lie, stall and leave."""

import functools
import json
import socket
import ssl
import time

import pytest

from agent.contract.errors import InsecureUrlError, SettingsError
from agent.contract.measurement import Failed, Throughput, decode, encode
from agent.meter import progress, websocket
from agent.probes.msak import Probe
from tests.fakes import reflectors
from tests.fakes.bad_server import BadServer, says, status, upgraded, wait
from tests.fakes.certificates import Authority

DEADLINE_S = 12.0


def measured(server: str, **settings: object) -> Throughput | Failed:
    return Probe(server=server, **{"max_s": 1.0, "connections": 2, **settings}).measure(DEADLINE_S)


@functools.cache
def text_frames() -> bytes:
    return websocket.frame(websocket.TEXT, b'{"ElapsedTime":1}', "server") * 1000


def test_it_measures_both_directions_of_a_real_line(server: str) -> None:
    """A test against the reflector yields both directions, upload as counted by the far end."""
    result = measured(f"ws://{server}", connections=3)
    assert isinstance(result, Throughput)
    assert result.download.counted_at == "receiver"
    assert result.upload.counted_at == "server"
    for direction in (result.download, result.upload):
        assert direction.stop == "time"
        assert direction.connections == 3
        assert direction.ip_bps > direction.goodput_bps > 0
        assert direction.bytes > 0
        assert len(direction.samples_bps) >= 5
    assert result.rtt_idle_ms is not None
    assert result.rtt_download_ms is None
    assert decode(encode(result)) == result


def test_a_byte_limit_ends_it(server: str) -> None:
    """With max_bytes neither direction goes far beyond it, and says why it stopped."""
    result = measured(server, max_bytes=2_000_000, max_s=5.0)
    assert isinstance(result, Throughput)
    assert (result.download.stop, result.upload.stop) == ("bytes", "bytes")
    assert result.download.bytes <= 2_000_000 + 512 * 1024
    assert result.upload.bytes <= 2_000_000 + 1024
    assert result.download.ip_low_bps is None


def test_progress_is_told_in_both_phases(server: str) -> None:
    """Whoever watches hears of download and upload, with rates, in this order."""
    heard: list[progress.Progress] = []
    with progress.watch(heard.append):
        measured(server)
    phases = [entry.phase for entry in heard]
    assert phases == sorted(phases)
    assert set(phases) == {"download", "upload"}
    assert any(entry.ip_bps for entry in heard)


def test_tls_with_an_own_authority(tmp_path) -> None:
    """Over wss the certificate is verified against the own CA, and the test runs; under another it does not."""
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    with reflectors.reflector(tls=authority.issue()) as place:
        server = f"wss://localhost:{place.rpartition(':')[2]}"
        result = measured(server, ca_file=authority.file)
        refused = [measured(server, ca_file=ca_file) for ca_file in (None, other.file)]
    assert isinstance(result, Throughput)
    assert result.server == server
    assert [one.failure for one in refused] == ["tls_certificate"] * 2


def test_an_expired_certificate(tmp_path) -> None:
    """A certificate that has expired is refused, and the detail says that it has."""
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue(days=-1))
    with BadServer(wait, context) as bad:
        refused = measured(f"wss://{bad.server}", ca_file=authority.file)
    assert refused.failure == "tls_certificate"
    assert "expired" in refused.detail


def test_a_wrong_ca_file_is_named(tmp_path) -> None:
    """A CA file that is no certificate is a wrong setting, and the sentence names the file."""
    file = tmp_path / "ca.pem"
    file.write_text("nothing")
    with pytest.raises(SettingsError, match=r"ca\.pem"):
        measured("wss://127.0.0.1:1", ca_file=str(file))


def test_an_ipv6_server() -> None:
    """An IPv6 address in brackets is measured like any other."""
    with reflectors.reflector("::1") as place:
        assert place.startswith("[::1]:")
        assert isinstance(measured(f"ws://{place}"), Throughput)


@pytest.mark.parametrize("dead_first", [True, False])
def test_a_name_with_a_dead_address(monkeypatch: pytest.MonkeyPatch, server: str, *, dead_first: bool) -> None:
    """Of a name's addresses the first that answers is used, wherever the dead one stands (RFC 8305)."""
    port = int(server.rpartition(":")[2])
    dead = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0))
    alive = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
    answers = [dead, alive] if dead_first else [alive, dead]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: answers)
    assert isinstance(measured(f"ws://school.test:{port}"), Throughput)


def test_a_public_address_needs_tls() -> None:
    """Plain ws to a public address is refused before a packet is sent."""
    with pytest.raises(InsecureUrlError, match="wss://"):
        measured("ws://8.8.8.8:80")


@pytest.mark.parametrize("server", ["ftp://127.0.0.1", "ws://", "host:port:9", "ws://127.0.0.1:0"])
def test_a_server_that_is_no_address(server: str) -> None:
    """A server setting that is no address is refused when the probe is made."""
    with pytest.raises(SettingsError):
        Probe(server=server)


def test_no_server() -> None:
    """Without a server the failure says that one is needed."""
    assert Probe().measure(5).failure == "no_server"


def test_a_name_that_does_not_exist() -> None:
    """An unknown name is dns_failed, also one that is no name at all."""
    assert measured("wss://no-such-host.invalid").failure == "dns_failed"
    assert measured(f"wss://{'a' * 70}.test").failure == "dns_failed"


def test_a_name_look_up_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that never answers cannot hold the probe beyond its deadline."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: time.sleep(20))
    began = time.monotonic()
    result = Probe(server="wss://school.test").measure(3.0)
    assert result.failure == "dns_failed"
    assert time.monotonic() - began < 10


def test_nothing_listens() -> None:
    """A port without a server is connect_refused."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert measured(f"127.0.0.1:{port}").failure == "connect_refused"


@pytest.mark.parametrize(
    ("behave", "failure"),
    [
        (status("302 Found", "Location: http://login.test/"), "redirected"),
        (status("511 Network Authentication Required"), "redirected"),
        (status("403 Forbidden"), "refused_by_server"),
        (status("429 Too Many Requests", "Retry-After: 60"), "busy"),
        (status("503 Service Unavailable"), "busy"),
        (status("200 OK"), "http_status"),
        (status("101 Switching Protocols"), "protocol_error"),
        (says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "protocol_error"),
        (says(b"x" * 100_000), "protocol_error"),
        (says(b""), "closed_early"),
        (lambda sock: sock.recv(4096), "closed_early"),
        (wait, "stalled"),
        (upgraded(lambda _sock: None), "closed_early"),
        (upgraded(wait), "stalled"),
        (upgraded(lambda sock: (sock.sendall(b"\xff" * 4096), wait(sock))), "protocol_error"),
        (upgraded(lambda sock: (sock.sendall(text_frames()), wait(sock))), "protocol_error"),
        (upgraded(lambda sock: sock.sendall(websocket.close_frame(1011, "no", "server"))), "closed_early"),
    ],
)
def test_a_bad_server(behave, failure: str) -> None:
    """Every way to misbehave has its failure word, and the detail says which direction it was."""
    began = time.monotonic()
    with BadServer(behave) as bad:
        result = Probe(server=bad.server, max_s=1.0, connections=2).measure(4.0)
    assert isinstance(result, Failed)
    assert (result.probe, result.failure) == ("msak", failure)
    assert result.detail.startswith("download: ")
    assert time.monotonic() - began < 20


def leaves_early(sock: socket.socket) -> None:
    """Send a little and say goodbye as if that had been all."""
    sock.sendall(websocket.frame(websocket.BINARY, b"x" * 60_000, "server"))
    sock.sendall(websocket.close_frame(websocket.NORMAL_CLOSURE, "done", "server"))
    wait(sock)


def test_a_far_end_that_stops_long_before_the_byte_limit() -> None:
    """A part of the bytes is not passed off as the whole."""
    with BadServer(upgraded(leaves_early)) as bad:
        result = Probe(server=bad.server, max_s=5.0, max_bytes=1_000_000, connections=2).measure(12.0)
    assert (result.probe, result.failure) == ("msak", "closed_early")


def test_bytes_that_stop_in_the_middle() -> None:
    """A line that goes silent in the middle is a stall, not a slow line."""
    block = websocket.frame(websocket.BINARY, b"x" * 60_000, "server")
    with BadServer(upgraded(lambda sock: (sock.sendall(block), wait(sock)))) as bad:
        result = Probe(server=bad.server, max_s=10.0, connections=1).measure(40.0)
    assert (result.failure, result.detail) == ("stalled", "download: no byte arrived for 3 s")


def says_in_upload(text: bytes):
    """Serve a flood of bytes for download; for upload, swallow and send this text over and over."""
    block = websocket.frame(websocket.BINARY, b"x" * 60_000, "server")

    def behave(sock: socket.socket) -> None:
        request = sock.recv(1000, socket.MSG_PEEK)

        def then(inner: socket.socket) -> None:
            while b"/download" in request:
                inner.sendall(block)
            inner.sendall(websocket.frame(websocket.TEXT, text, "server"))
            wait(inner)

        upgraded(then)(sock)

    return behave


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        (b"welcome to the school's login page", "protocol_error"),
        (b'{"Application":{"BytesReceived":-5}}', "protocol_error"),
        (json.dumps({"Application": {"BytesReceived": 10**15}, "ElapsedTime": 1000}).encode(), "protocol_error"),
        (json.dumps({"Application": {"BytesReceived": 1}, "ElapsedTime": 10**12}).encode(), "protocol_error"),
        (json.dumps({"Application": {}, "ElapsedTime": 1000}).encode(), "stalled"),
    ],
)
def test_a_server_that_lies_about_the_upload(text: bytes, failure: str) -> None:
    """Counts that cannot be true are no measurement, and a good download does not hide a failed upload."""
    with BadServer(says_in_upload(text)) as bad:
        result = Probe(server=bad.server, max_s=1.0, connections=1).measure(20.0)
    assert isinstance(result, Failed)
    assert result.failure == failure
    assert result.detail.startswith("upload: ")


def test_a_deadline_too_short_for_two_directions(server: str) -> None:
    """Where the deadline leaves no time to measure, that is what the failure says."""
    for deadline_s in (0.2, 1.5, 2.5):
        assert Probe(server=server).measure(deadline_s).failure == "deadline"


def test_a_tight_deadline_shortens_the_test(server: str) -> None:
    """A deadline below twice max_s shortens both directions rather than giving up."""
    began = time.monotonic()
    result = Probe(server=server, max_s=5.0).measure(5.0)
    assert isinstance(result, Throughput)
    assert result.download.duration_s < 3
    assert time.monotonic() - began < 10


def test_a_handshake_that_never_ends() -> None:
    """A TLS server that accepts and says nothing is given up at the deadline."""
    with BadServer(wait) as bad:
        result = Probe(server=f"wss://{bad.server}").measure(4.0)
    assert result.failure == "stalled"


def test_a_certificate_of_another_name(tmp_path) -> None:
    """A certificate for another name is refused, even from a trusted authority."""
    files = reflectors.certificate(tmp_path, "DNS:elsewhere.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    with BadServer(wait, context) as bad:
        assert measured(f"wss://{bad.server}", ca_file=files[0]).failure == "tls_certificate"
