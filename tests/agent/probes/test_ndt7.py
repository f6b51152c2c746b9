"""The ndt7 probe against a real reflector, and against servers that lie, leave and are full."""

import json
import socket
import time
from contextlib import suppress

import pytest

from agent.contract.errors import InsecureUrlError, NetreadyError, SettingsError
from agent.contract.measurement import Failed, Throughput, decode, encode
from agent.meter import handshake, http_head, ndt7, websocket
from agent.meter.errors import TransferError
from agent.probes.ndt7 import Probe
from tests.fakes.bad_server import BadServer, says, status, wait
from tests.fakes.certificates import Authority

DEADLINE_S = 12.0


def measured(server: str, **settings: object) -> Throughput | Failed:
    return Probe(server=server, **{"max_s": 1.0, **settings}).measure(DEADLINE_S)


def upgraded(then):
    """Do the ndt7 handshake properly; ``then`` gets the connection and the path that was asked for."""

    def behave(sock: socket.socket) -> None:
        with suppress(NetreadyError):  # the requests beside the test are none of WebSocket
            head, _rest = http_head.read(sock, time.monotonic() + 10)
            sock.settimeout(30)
            sock.sendall(handshake.accept(head, ndt7.SUBPROTOCOL))
            then(sock, head.start.split()[1])

    return behave


def says_in_upload(*texts: bytes):
    """Serve a flood of bytes for download; for upload, swallow and say these texts."""
    block = websocket.frame(websocket.BINARY, b"x" * 60_000, "server")

    def then(sock: socket.socket, path: str) -> None:
        while ndt7.DOWNLOAD_PATH in path:
            sock.sendall(block)
        for text in texts:
            sock.sendall(websocket.frame(websocket.TEXT, text, "server"))
        wait(sock)

    return upgraded(then)


def test_it_measures_both_directions_of_a_real_line(server: str) -> None:
    """A test against the reflector yields both directions over one connection, upload counted by the far end."""
    result = measured(f"ws://{server}", connections=4)
    assert isinstance(result, Throughput)
    assert (result.engine, result.form) == ("ndt7", "short")
    assert (result.download.counted_at, result.upload.counted_at) == ("receiver", "server")
    for direction in (result.download, result.upload):
        assert direction.connections == 1
        assert direction.ip_bps > direction.goodput_bps > 0
        assert direction.bytes > 0
    assert decode(encode(result)) == result


def test_over_tls(authority: Authority, secure_server: str) -> None:
    """Over wss with an own authority the test runs, and without it it does not."""
    assert isinstance(measured(f"wss://{secure_server}", ca_file=authority.file), Throughput)
    assert measured(f"wss://{secure_server}").failure == "tls_certificate"


def test_a_byte_limit_ends_it(server: str) -> None:
    """It stops early by closing: with max_bytes neither direction goes far beyond it."""
    result = measured(server, max_bytes=2_000_000, max_s=5.0)
    assert isinstance(result, Throughput)
    assert (result.download.stop, result.upload.stop) == ("bytes", "bytes")
    assert result.download.bytes <= 2_000_000 + 512 * 1024
    assert result.upload.bytes <= 2_000_000


def test_it_ends_before_the_server_would(server: str) -> None:
    """The long form, which would take longer than the ten seconds of the protocol, is not pretended."""
    result = Probe(server=server, max_s=25.0, form="long", max_bytes=1_000_000).measure(DEADLINE_S)
    assert isinstance(result, Throughput)
    assert result.form == "short"


@pytest.mark.parametrize(
    ("behave", "failure"),
    [
        (status("403 Forbidden"), "refused_by_server"),
        (status("429 Too Many Requests"), "busy"),
        (status("503 Service Unavailable"), "busy"),
        (status("400 Bad Request"), "http_status"),
        (says(b""), "closed_early"),
        (wait, "stalled"),
        (upgraded(lambda sock, _path: wait(sock)), "stalled"),
        (upgraded(lambda _sock, _path: None), "closed_early"),
        (upgraded(lambda sock, _path: (sock.sendall(b"\xff" * 4096), wait(sock))), "protocol_error"),
    ],
)
def test_a_bad_server(behave, failure: str) -> None:
    """Every way to misbehave has its failure word."""
    with BadServer(behave) as bad:
        result = Probe(server=bad.server, max_s=1.0).measure(6.0)
    assert isinstance(result, Failed)
    assert (result.probe, result.failure) == ("ndt7", failure)
    assert result.detail.startswith("download: ")


@pytest.mark.parametrize(
    ("texts", "failure"),
    [
        ((b"welcome",), "protocol_error"),
        ((json.dumps({"AppInfo": {"NumBytes": -5, "ElapsedTime": 1}}).encode(),), "protocol_error"),
        ((json.dumps({"AppInfo": {"NumBytes": 10**15, "ElapsedTime": 1000}}).encode(),), "protocol_error"),
        ((json.dumps({"TCPInfo": {"BytesReceived": 10**15, "ElapsedTime": 1000}}).encode(),), "protocol_error"),
        ((json.dumps({"AppInfo": {"NumBytes": 1, "ElapsedTime": 10**12}}).encode(),), "protocol_error"),
        ((b'{"ConnectionInfo": {"Client": "x"}}',), "protocol_error"),
        ((), "stalled"),
    ],
)
def test_a_server_that_lies_about_the_upload(texts: tuple[bytes, ...], failure: str) -> None:
    """Counts that cannot be true, or none at all, are no measurement."""
    with BadServer(says_in_upload(*(texts * 40))) as bad:
        result = Probe(server=bad.server, max_s=1.0).measure(20.0)
    assert isinstance(result, Failed)
    assert result.failure == failure
    assert result.detail.startswith("upload: ")


def test_whose_count_is_taken() -> None:
    """The kernel's count and clock are preferred; it may exceed what was sent by a handshake, and by no more."""
    app = {"AppInfo": {"NumBytes": 70, "ElapsedTime": 2_000_000}}
    kernel = {"BytesReceived": 1200, "ElapsedTime": 3_000_000, "DataSegsIn": 9, "RcvMSS": 1448}
    both = json.dumps({**app, "TCPInfo": kernel}).encode()
    assert (ndt7.received(both, 1000).wire_bytes, ndt7.received(both, 1000).clock_s) == (1000, 3.0)
    assert ndt7.received(both, 5000).wire_bytes == 1200
    assert ndt7.received(both, 5000).kernel.segments == 9
    far = json.dumps({"TCPInfo": {**kernel, "BytesReceived": 100_000}}).encode()
    assert ndt7.received(far, 1000).wire_bytes == 100_000
    assert ndt7.received(json.dumps(app).encode(), 1000).wire_bytes == 70
    assert ndt7.received(b"{}", 1000) is None
    with pytest.raises(TransferError):
        ndt7.received(b"\xff", 1)


def located(*servers: str):
    """Play a locate service that names these servers."""
    urls = [
        {f"ws://{path}": f"ws://{server}{path}?access_token=x" for path in (ndt7.DOWNLOAD_PATH, ndt7.UPLOAD_PATH)}
        for server in servers
    ]
    body = json.dumps({"results": [{"urls": one} for one in urls]}).encode()
    return says(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


def test_a_server_that_was_located(server: str) -> None:
    """Without a server the locate service names some; one that is full is passed over for the next."""
    with BadServer(status("503 Service Unavailable")) as full, BadServer(located(full.server, server)) as service:
        result = Probe(use_locate=True, locate=f"http://{service.server}/v2/nearest/ndt/ndt7", max_s=1.0).measure(20.0)
    assert isinstance(result, Throughput)
    assert result.server == f"ws://{server}"
    assert full.connections > 0


def test_all_are_full() -> None:
    """Where none of the located servers takes us, that is what the failure says."""
    with BadServer(status("503 Service Unavailable")) as full, BadServer(located(full.server)) as service:
        result = Probe(use_locate=True, locate=f"http://{service.server}/v2/nearest/ndt/ndt7").measure(12.0)
    assert result.failure == "busy"


def test_nobody_is_asked_unless_told() -> None:
    """Without use_locate no server is no_server, and the sentence names both ways out."""
    result = Probe().measure(5.0)
    assert result.failure == "no_server"
    assert "use_locate" in result.detail


def test_addresses_that_are_none() -> None:
    """A server or locate service that is no address is refused when the probe is made; a plain public one later."""
    for wrong in ({"server": "ftp://127.0.0.1"}, {"locate": "nowhere at all"}, {"locate": ""}):
        with pytest.raises(SettingsError):
            Probe(**wrong)
    with pytest.raises(InsecureUrlError):
        measured("ws://8.8.8.8:80")
