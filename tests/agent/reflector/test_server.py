"""The reflector's port: requests good and bad, limits, and a clean end."""

import errno
import json
import socket
import ssl
import sys
import threading
import time

import httpx
import pytest

from agent.contract.errors import SettingsError
from agent.reflector import health, librespeed, msak, ndt7, ookla, serve, video
from agent.reflector import server as reflector_server
from tests.fakes import reflectors
from tests.fakes.reflectors import connected, everything, said


def until_lost(sock: socket.socket) -> bytes:
    try:
        return everything(sock)
    except ConnectionResetError:
        return b""


def drip(sock: socket.socket) -> None:
    for _ in range(200):
        sock.sendall(b"G")
        time.sleep(0.05)


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_it_is_alive(server: str) -> None:
    """/healthz says ok to an ordinary HTTP client."""
    answer = httpx.get(f"http://{server}/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /nowhere HTTP/1.1\r\n\r\n", 404),
        (b"POST /healthz HTTP/1.1\r\n\r\n", 405),
        (b"GET /ndt/v7/download HTTP/1.1\r\n\r\n", 426),
        (b"POST /ndt/v7/upload HTTP/1.1\r\n\r\n", 405),
        (b"PUT /backend/empty.php HTTP/1.1\r\n\r\n", 405),
        (b"hello\r\n\r\n", 400),
        (b"GET /healthz HTTP/2.0\r\n\r\n", 400),
        (b"GET http://elsewhere/ HTTP/1.1\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nbad header\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nA: 1\r\n folded\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nA: 1\nB: 2\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\n" + b"A: 1\r\n" * 65 + b"\r\n", 431),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\n\r\n", 400),
        (b"GET /healthz?" + b"&".join(b"a=1" for _ in range(99)) + b" HTTP/1.1\r\n\r\n", 400),
        (b"GET /throughput/v1/download?mid=1&streams=1 HTTP/1.1\r\n\r\n", 426),
    ],
)
def test_a_bad_request_gets_a_sentence(server: str, request_: bytes, status: int) -> None:
    """A request that is not understood is answered with its status and a problem document that says why."""
    answer = said(server, request_)
    assert status_of(answer) == status
    problem = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert problem["status"] == status
    assert len(problem["detail"]) > 10


def test_a_wrong_method_hears_the_right_ones(server: str) -> None:
    """Where another method would do, the answer names it."""
    assert httpx.put(f"http://{server}/backend/empty.php").headers["allow"] == "GET, HEAD, OPTIONS, POST"


def test_no_two_protocols_claim_a_path() -> None:
    """Every protocol keeps the paths that it brings."""
    protocols = (health, msak, ndt7, librespeed, ookla, video)
    assert sum(len(protocol.ROUTES) for protocol in protocols) == len(reflector_server.ROUTES)


def test_an_idle_connection_ends(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that waits for its next request is given up after a while, and after a longer one is not kept."""
    monkeypatch.setattr(reflector_server, "HEAD_S", 0.3)
    request = b"GET /backend/empty.php HTTP/1.1\r\n\r\n"
    assert b"Connection: keep-alive" in said(server, request)
    monkeypatch.setattr(reflector_server, "REUSE_S", -1.0)
    assert b"Connection: close" in said(server, request)


def test_dripping_bytes_cannot_hold_it(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A head that comes a byte at a time is given up after its time, not after its last byte."""
    monkeypatch.setattr(reflector_server, "HEAD_S", 0.5)
    with connected(server) as sock, pytest.raises(OSError):
        drip(sock)


def test_a_full_house_says_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the cap a connection is answered 503 at once; when one leaves there is room again."""
    monkeypatch.setattr(reflector_server, "MAX_CONNECTIONS", 2)
    with reflectors.reflector() as server, connected(server) as first, connected(server):
        with connected(server) as third:
            refused = everything(third)
        assert status_of(refused) == 503
        assert b"Retry-After" in refused
        first.close()
        for _attempt in range(100):
            answer = _try(server)
            if answer == 200:
                break
            time.sleep(0.05)
        assert answer == 200


def from_elsewhere(server: str) -> socket.socket:
    """Connect from another loopback address, which is another source."""
    host, _, port = server.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=15, source_address=("127.0.0.2", 0))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")
def test_one_source_cannot_take_every_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that has its share is told so, and another one is served all the same."""
    monkeypatch.setattr(reflector_server, "MAX_PER_SOURCE", 2)
    with reflectors.reflector() as server, connected(server), connected(server):
        with connected(server) as third:
            assert b"2 connections from your network" in everything(third)
        with from_elsewhere(server) as other:
            other.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
            assert status_of(everything(other)) == 200


def test_under_tls_a_full_house_says_it_too(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the cap a TLS client reads 503 and a sentence, not a connection that closed."""
    monkeypatch.setattr(reflector_server, "MAX_CONNECTIONS", 1)
    files = reflectors.certificate(tmp_path)
    context = ssl.create_default_context(cafile=files[0])
    with reflectors.reflector(tls=files) as server, connected(server):
        answer = httpx.get(f"https://localhost:{server.rpartition(':')[2]}/healthz", verify=context)
    assert answer.status_code == 503
    assert "come back later" in answer.json()["detail"]


def test_refusing_has_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who are refused and stay cost a bounded number of threads; beyond it a connection is closed at once."""
    monkeypatch.setattr(reflector_server, "MAX_CONNECTIONS", 0)
    monkeypatch.setattr(reflector_server, "MAX_REFUSALS", 0)
    with reflectors.reflector() as server, connected(server) as sock:
        assert until_lost(sock) == b""


def _try(server: str) -> int:
    with connected(server) as sock:
        try:
            sock.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
            return status_of(everything(sock))
        except OSError:
            return 0


def test_it_stops_cleanly_with_connections_open() -> None:
    """Stopped in the middle of tests and half requests, it closes everything and its ports are free again."""
    with reflectors.reflector() as server:
        idle = connected(server)
        busy = connected(server)
        busy.sendall(
            b"GET /throughput/v1/download?mid=1&streams=1&duration=25000 HTTP/1.1\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            b"Sec-WebSocket-Protocol: net.measurementlab.throughput.v1\r\n\r\n"
        )
        assert busy.recv(12) == b"HTTP/1.1 101"
        bulk = connected(server)
        bulk.sendall(b"GET /backend/garbage.php?ckSize=1024 HTTP/1.1\r\n\r\n")
        assert bulk.recv(12) == b"HTTP/1.1 200"
        half = connected(server)
        half.sendall(b"POST /backend/empty.php HTTP/1.1\r\nContent-Length: 9\r\n\r\nx")
    with idle, busy, bulk, half:
        assert everything(idle) == b""
    assert not [thread for thread in threading.enumerate() if thread.name == "connection"]
    host, _, port = server.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((host, int(port)))


def test_a_busy_port_is_named() -> None:
    """A port that another program uses is named in the error."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"127.0.0.1:{port}.*already uses this port") as caught:
            serve(("127.0.0.1", port), None, None, print, threading.Event())
    assert caught.value.errno == errno.EADDRINUSE


def test_an_address_that_is_not_ours() -> None:
    """An address of another computer cannot be listened on; the error says so."""
    with pytest.raises(OSError, match="cannot listen on"):
        serve(("192.0.2.1", 0), None, None, print, threading.Event())


def test_its_line_says_where_it_listens() -> None:
    """The ready line names the real ports, an IPv6 address in brackets, and an own UDP port where asked."""
    lines: list[str] = []
    stop = threading.Event()

    def ready(line: str) -> None:
        lines.append(line)
        stop.set()

    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as free:
        free.bind(("::1", 0))
        port = free.getsockname()[1]
    serve(("::1", 0), port, None, ready, stop)
    word, place, kind, udp = lines[0].split()
    assert (word, kind, udp) == ("listening", "udp", str(port))
    assert place.startswith("[::1]:")
    assert int(place.rpartition(":")[2]) > 0


def test_a_wrong_certificate_is_named(tmp_path) -> None:
    """TLS files that cannot be used are named."""
    with pytest.raises(SettingsError, match=r"cert\.pem"):
        serve(("127.0.0.1", 0), None, (str(tmp_path / "cert.pem"), "key.pem"), print, threading.Event())


def test_plain_bytes_at_a_tls_port(tmp_path) -> None:
    """Whoever speaks plain HTTP to the TLS port is dropped; TLS clients go on."""
    files = reflectors.certificate(tmp_path)
    with reflectors.reflector(tls=files) as server:
        with connected(server) as sock:
            sock.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
            assert b"200 OK" not in until_lost(sock)
        port = server.rpartition(":")[2]
        context = ssl.create_default_context(cafile=files[0])
        assert httpx.get(f"https://localhost:{port}/healthz", verify=context).text == "ok\n"
