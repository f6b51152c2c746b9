"""The msak probe against a real reflector, and against servers that lie, stall and leave."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed

import pytest

from agent.contract.errors import InsecureUrlError, SettingsError
from agent.contract.measurement import Failed, Throughput, decode, encode
from agent.meter import both_ways, websocket
from agent.meter.progress import Progress
from agent.probes.msak import Probe
from tests.fakes import reflectors
from tests.fakes.bad_server import (
    BadServer,
    Behaviour,
    drips,
    floods,
    page,
    resets,
    says,
    sends,
    status,
    talks,
    told,
    upgraded,
    wait,
)
from tests.fakes.certificates import Authority

DEADLINE_S = 12.0


def measured(server: str, **settings: object) -> Throughput | Failed:
    return Probe(server=server, **{"max_s": 0.6, "connections": 2, **settings}).measure(DEADLINE_S)


def test_it_measures_both_directions_of_a_real_line(server: str) -> None:
    """A test against the reflector yields both directions, upload as counted by the far end."""
    result = measured(f"ws://{server}", connections=3)
    assert isinstance(result, Throughput)
    assert result.download.counted_at == "receiver"
    assert result.upload.counted_at == "server"
    for direction in (result.download, result.upload):
        assert direction.stop == "time"
        assert 2 <= direction.connections <= 3
        assert direction.ip_bps > direction.goodput_bps > 0
        assert direction.bytes > 0
        assert len(direction.samples_bps) >= 5
    assert result.rtt_idle_ms is not None
    assert (result.latency_protocol, result.form) == ("udp-echo", "short")
    assert result.echoes_sent >= result.echoes_received > 0
    assert decode(encode(result)) == result


def test_a_byte_limit_ends_it(server: str) -> None:
    """With max_bytes neither direction goes far beyond it, and says why it stopped."""
    result = measured(server, max_bytes=2_000_000, max_s=5.0)
    assert isinstance(result, Throughput)
    assert (result.download.stop, result.upload.stop) == ("bytes", "bytes")
    assert result.download.bytes <= 2_000_000 + 512 * 1024
    assert result.upload.bytes <= 2_000_000 + 1024
    assert result.download.ip_low_bps is None


def test_progress_is_told_in_both_phases(server: str, heard: list[Progress]) -> None:
    """Whoever watches hears of download and upload, with rates, in this order."""
    measured(server)
    phases = [entry.phase for entry in heard]
    assert phases == sorted(phases)
    assert set(phases) == {"download", "upload"}
    assert any(entry.ip_bps for entry in heard)


def test_tls_with_an_own_authority(tmp_path, authority: Authority, secure_server: str) -> None:
    """Over wss the certificate is verified against the own CA, and the test runs; under another it does not."""
    server = f"wss://{secure_server}"
    result = measured(server, ca_file=authority.file)
    assert isinstance(result, Throughput)
    assert result.server == server
    for ca_file in (None, Authority(tmp_path, "other").file):
        assert measured(server, ca_file=ca_file).failure == "tls_certificate"


def shows(files: tuple[str, str]) -> ssl.SSLContext:
    """Have a server show this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context


def test_an_expired_certificate(authority: Authority) -> None:
    """A certificate that has expired is refused, and the detail says that it has."""
    with BadServer(wait, shows(authority.issue(days=-1))) as bad:
        refused = measured(f"wss://{bad.server}", ca_file=authority.file)
    assert refused.failure == "tls_certificate"
    assert "expired on" in refused.detail
    assert "this computer's clock says" in refused.detail


def test_a_filter_s_certificate(tmp_path) -> None:
    """A filter that swaps the certificate is named, and is no speed."""
    authority = Authority(tmp_path, subject="/O=Sophos/CN=Sophos SSL CA")
    with BadServer(wait, shows(authority.issue())) as bad:
        refused = measured(f"wss://{bad.server}")
    assert (refused.probe, refused.failure) == ("msak", "intercepted")
    assert "Sophos SSL CA" in refused.detail


def test_a_wrong_ca_file_is_named(tmp_path) -> None:
    """A CA file that is no certificate is a wrong setting, and the sentence names the file."""
    file = tmp_path / "ca.pem"
    file.write_text("nothing")
    with pytest.raises(SettingsError, match=r"ca\.pem"):
        measured("wss://127.0.0.1:1", ca_file=str(file))


def test_a_network_that_changes_during_the_test(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test on two networks says so, and a connection that broke on the way says what else happened."""
    monkeypatch.setattr(both_ways.path, "is_same", lambda *_: False)
    seen = measured(f"ws://{server}")
    assert isinstance(seen, Throughput)
    assert "network_changed" in seen.tainted
    with BadServer(lambda sock: sock.recv(4096)) as bad:
        broken = measured(f"ws://{bad.server}")
    assert isinstance(broken, Failed)
    assert broken.detail.endswith("; meanwhile this computer's network changed")


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


# -- servers that misbehave ------------------------------------------------------------------------------------------


def frame(opcode: int, payload: bytes) -> bytes:
    return websocket.frame(opcode, payload, "server")


def lies(text: bytes | Callable[[float, int], bytes | None]) -> Behaviour:
    """Serve a good download, and in an upload say this."""
    return upgraded(floods, upload=talks(text if callable(text) else lambda _elapsed_s, _received: text))


def resets_upload(sock: socket.socket) -> None:
    """Take an upload for a moment, and reset it."""
    began = time.monotonic()
    while time.monotonic() - began < 0.5:
        sock.recv(65536)
    resets(sock)


LOGIN = '<html><title>Free Wi-Fi</title><form><input type="password" name="p"></form>'
BLOCKED = "<html><title>Web Page Blocked</title>This page has been blocked by FortiGuard"
GOODBYE = frame(websocket.CLOSE, (1000).to_bytes(2, "big"))
TEXTS = frame(websocket.TEXT, b'{"ElapsedTime":1}') * 1000
BLOCK = frame(websocket.BINARY, b"x" * 60_000)
DEEP = b'{"New":' + b"[" * 60_000
DEEP_AND_WHOLE = b'{"New":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
SLOW = {"max_s": 3.0}
LIMITED = {"max_s": 5.0, "max_bytes": 2_000_000}

# How it behaves, with which settings, the word for it, and what the detail has to say.
BAD: dict[str, tuple[Behaviour, dict[str, object], str, str]] = {
    "sends us elsewhere": (status("302 Found", "Location: http://login.test/?m=1"), {}, "captive_portal", "login.test"),
    "sends us elsewhere on itself": (status("301 Moved", "Location: /new"), {}, "redirected", "/new"),
    "wants a login": (page("200 OK", LOGIN), {}, "captive_portal", "'Free Wi-Fi'"),
    "wants a login, slowly": (
        drips(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>"), {}, "captive_portal", "web page"),
    "wants a login by status": (status("511 Network Authentication Required"), {}, "captive_portal", "511"),
    "is a filter": (page("403 Forbidden", BLOCKED), {}, "intercepted", "'Web Page Blocked'"),
    "is a proxy with a login": (status("407 Proxy Authentication Required"), {}, "intercepted", "407"),
    "is a proxy without a server": (status("503 No", "X-Squid-Error: ERR_DNS_FAIL 0"), {}, "intercepted", "X-Squid"),
    "lost the upgrade": (status("426 Upgrade Required", "Upgrade: websocket"), {}, "intercepted", "Upgrade"),
    "refuses us": (status("403 Forbidden"), {}, "refused_by_server", "403"),
    "refuses us without a word": (status("401 Unauthorized"), {}, "refused_by_server", "401"),
    "has had enough": (status("429 Too Many Requests", "Retry-After: 60"), {}, "busy", "to wait 60"),
    "is full": (status("503 Service Unavailable"), {}, "busy", "503"),
    "is another kind": (status("200 OK"), {}, "http_status", "200"),
    "switches to nothing": (status("101 Switching Protocols"), {}, "protocol_error", "WebSocket"),
    "speaks SSH": (says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), {}, "protocol_error", "HTTP"),
    "speaks gibberish": (says(b"x" * 100_000), {}, "protocol_error", "HTTP"),
    "hangs up": (says(b""), {}, "closed_early", ""),
    "hangs up without reading": (lambda sock: sock.recv(4096), {}, "closed_early", ""),
    "says nothing": (wait, {}, "stalled", ""),
    "hangs up after the handshake": (upgraded(lambda _sock: None), {}, "closed_early", ""),
    "sends nothing": (upgraded(wait), {}, "stalled", "not one byte"),
    "sends no frames": (upgraded(sends(b"\xff" * 4096)), {}, "protocol_error", "WebSocket"),
    "sends a page": (upgraded(sends(b"<html>" * 100)), {}, "protocol_error", "WebSocket"),
    "sends texts": (upgraded(sends(TEXTS)), {}, "protocol_error", "texts where bytes are due"),
    "sends a frame of 10 GB": (
        upgraded(sends(b"\x82\x7f" + (10**10).to_bytes(8, "big"))), {}, "protocol_error", "more than is allowed"),
    "ends with an error": (upgraded(sends(websocket.close_frame(1011, "no", "server"))), {}, "closed_early", ""),
    "ends after a little": (upgraded(sends(BLOCK, GOODBYE)), LIMITED, "closed_early", "before its time"),
    "resets": (upgraded(resets), SLOW, "connection_reset", ""),
    "stops in the middle": (upgraded(sends(BLOCK)), {"max_s": 10.0}, "stalled", "no byte arrived for 3 s"),
    "answers an upload with a page": (lies(b"<html>login</html>"), {}, "protocol_error", "not a measurement"),
    "counts below nothing": (lies(b'{"Application":{"BytesReceived":-5}}'), {}, "protocol_error", "not a measurement"),
    "counts without numbers": (lies(b'{"ElapsedTime":NaN}'), {}, "protocol_error", "not a measurement"),
    "counts beyond everything": (lies(b'{"ElapsedTime":1e400}'), {}, "protocol_error", "not a measurement"),
    "nests without end": (lies(DEEP), {}, "protocol_error", "not a measurement"),
    "nests too deep": (lies(DEEP_AND_WHOLE), {}, "protocol_error", "not a measurement"),
    "counts too much": (lies(lambda at_s, seen: told(at_s, seen + 10**9)), {}, "protocol_error", "more than was sent"),
    "counts backwards": (
        lies(lambda at_s, seen: told(at_s, seen if at_s < 0.5 else seen // 9)), SLOW, "protocol_error", "backwards"),
    "has a fast clock": (lies(lambda at_s, seen: told(at_s * 4, seen)), SLOW, "protocol_error", "clock runs faster"),
    "has a stopped clock": (lies(lambda _at_s, seen: told(0.1, seen)), SLOW, "stalled", "clock runs slow"),
    "counts nothing": (lies(lambda at_s, _seen: told(at_s, 0)), SLOW, "protocol_error", "not say what it received"),
    "never counts": (lies(lambda _at_s, _seen: None), SLOW, "stalled", "not one byte"),
    "falls silent": (
        lies(lambda at_s, seen: told(at_s, seen) if at_s < 0.4 else None), SLOW, "stalled", "counts stopped"),
    "resets the upload": (upgraded(floods, upload=resets_upload), SLOW, "connection_reset", ""),
    "ends the upload": (upgraded(floods, upload=sends(GOODBYE)), SLOW, "closed_early", ""),
}  # fmt: skip
IN_UPLOAD = frozenset(name for name in list(BAD)[list(BAD).index("answers an upload with a page") :])


@pytest.fixture(scope="module")
def outcomes() -> Iterator[dict[str, tuple[object, float]]]:
    """What came of a test against each of them; they mostly wait, so they wait together."""

    def outcome(name: str) -> tuple[str, object, float]:
        behave, settings, *_ = BAD[name]
        began = time.monotonic()
        with BadServer(behave) as bad:
            return name, measured(bad.server, **settings), time.monotonic() - began

    with ThreadPoolExecutor(12) as pool:
        yield {
            name: rest for name, *rest in (done.result() for done in as_completed(pool.submit(outcome, n) for n in BAD))
        }


@pytest.mark.parametrize("name", BAD)
def test_a_bad_server(outcomes: dict[str, tuple[object, float]], name: str) -> None:
    """Every way to misbehave has its word and a sentence with the direction, and ends well within the deadline."""
    _, _, failure, says_too = BAD[name]
    result, took_s = outcomes[name]
    assert isinstance(result, Failed), result
    assert (result.probe, result.failure) == ("msak", failure), result.detail
    assert result.detail.startswith("upload: " if name in IN_UPLOAD else "download: ")
    assert says_too in result.detail
    assert took_s < 2 * DEADLINE_S


def test_an_endless_server() -> None:
    """A server that would send for ever is left when enough is known; nothing of it is kept."""
    with BadServer(upgraded(floods, upload=talks(told))) as bad:
        result = measured(bad.server)
        limited = measured(bad.server, max_bytes=1_000_000)
    assert isinstance(result, Throughput)
    assert result.download.duration_s < 3
    assert (limited.download.stop, limited.upload.stop) == ("bytes", "bytes")
    assert limited.download.bytes < 3_000_000


def test_a_deadline_too_short_for_two_directions(server: str) -> None:
    """Where the deadline leaves no time to measure, that is what the failure says."""
    for deadline_s in (0.2, 1.5, 2.5):
        assert Probe(server=server).measure(deadline_s).failure == "deadline"


def test_a_tight_deadline_shortens_the_test(server: str) -> None:
    """A deadline below twice max_s shortens both directions rather than giving up."""
    began = time.monotonic()
    result = Probe(server=server, max_s=5.0).measure(4.0)
    assert isinstance(result, Throughput)
    assert result.download.duration_s < 3
    assert time.monotonic() - began < 10


def test_a_handshake_that_never_ends() -> None:
    """A TLS server that accepts and says nothing is given up before the deadline."""
    with BadServer(wait) as bad:
        result = Probe(server=f"wss://{bad.server}", max_s=0.5).measure(8.0)
    assert result.failure == "stalled"


def test_a_certificate_of_another_name(authority: Authority) -> None:
    """A certificate for another name is refused, even from a trusted authority."""
    with BadServer(wait, shows(authority.issue("DNS:elsewhere.test"))) as bad:
        assert measured(f"wss://{bad.server}", ca_file=authority.file).failure == "tls_certificate"
