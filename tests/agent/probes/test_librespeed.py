"""The librespeed probe against a real reflector, against other servers' habits, and against bad ones."""

import json
import re
import socket
import sys
import time
from contextlib import suppress

import pytest

from agent.contract.errors import InsecureUrlError, SettingsError
from agent.contract.measurement import Failed, Throughput, decode, encode
from agent.host import tcp_info
from agent.meter import http_head
from agent.meter.errors import TransferError
from agent.probes.librespeed import Probe
from tests.fakes.bad_server import BadServer, says, status, wait
from tests.fakes.certificates import Authority

DEADLINE_S = 12.0
BLOCK = b"x" * 65_536


def measured(server: str, **settings: object) -> Throughput | Failed:
    return Probe(server=server, **{"max_s": 1.0, "connections": 2, **settings}).measure(DEADLINE_S)


class Backend:
    """A LibreSpeed backend with habits of its own, one connection at a time; ``asked`` are the request lines."""

    def __init__(
        self, *, coding: str = "sized", mib: int = 2, closes: bool = False, early: bool = False, slow: bool = False
    ) -> None:
        self.asked: list[str] = []
        self._coding, self._mib, self._closes, self._early = coding, mib, closes, early
        self._slow = slow

    def __call__(self, sock: socket.socket) -> None:
        with suppress(TransferError):
            self._serve(sock)

    def _serve(self, sock: socket.socket) -> None:
        while True:
            head, rest = http_head.read(sock, time.monotonic() + 10)
            sock.settimeout(10)
            self.asked.append(head.start)
            left = int(head.fields.get("content-length", "0")) - len(rest)
            if self._early and head.start.startswith("POST"):
                sock.sendall(self._reply())
            while left > 0:
                piece = sock.recv(min(left, 1 << 16))
                if not piece:
                    return
                left -= len(piece)
                time.sleep(0.005 if self._slow else 0)
            if "garbage" in head.start:
                self._garbage(sock)
            elif not self._early or head.start.startswith("GET"):
                sock.sendall(self._reply())
            if self._closes:
                return

    def _reply(self) -> bytes:
        close = b"Connection: close\r\n" if self._closes else b""
        return b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=UTF-8\r\n" + close + b"Content-Length: 0\r\n\r\n"

    def _garbage(self, sock: socket.socket) -> None:
        blocks, fields = self._mib * 16, b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
        if self._coding == "chunked":
            sock.sendall(fields + b"Transfer-Encoding: chunked\r\n\r\n")
            for _ in range(blocks):
                sock.sendall(b"10000\r\n" + BLOCK + b"\r\n")
            sock.sendall(b"0\r\n\r\n")
            return
        sock.sendall(fields + f"Content-Length: {blocks * len(BLOCK)}\r\n\r\n".encode())
        for _ in range(blocks):
            sock.sendall(BLOCK)


def test_it_measures_both_directions_of_a_real_line(server: str) -> None:
    """A test against the reflector yields both directions; the upload is counted by what was acknowledged."""
    result = measured(server, connections=3)
    assert isinstance(result, Throughput)
    assert (result.engine, result.server) == ("librespeed", f"http://{server}")
    assert result.download.counted_at == "receiver"
    assert result.upload.counted_at == ("acked" if sys.platform == "linux" else "nic")
    for direction in (result.download, result.upload):
        assert direction.ip_bps > direction.goodput_bps > 0
        assert 1 <= direction.connections <= 3
    assert decode(encode(result)) == result


def test_over_tls(authority: Authority, secure_server: str) -> None:
    """Over https with an own authority the test runs, and without it it does not; wss means the same."""
    for scheme in ("https", "wss"):
        result = measured(f"{scheme}://{secure_server}", ca_file=authority.file)
        assert isinstance(result, Throughput)
        assert result.server == f"https://{secure_server}"
    assert measured(f"https://{secure_server}").failure == "tls_certificate"


def test_a_byte_limit_ends_it(server: str) -> None:
    """With max_bytes neither direction goes far beyond it."""
    result = measured(server, max_bytes=2_000_000, max_s=5.0)
    assert isinstance(result, Throughput)
    assert (result.download.stop, result.upload.stop) == ("bytes", "bytes")
    assert result.download.bytes <= 2_000_000 + 512 * 1024
    assert result.upload.bytes <= 2 * 2_000_000


@pytest.mark.parametrize("habits", [{}, {"coding": "chunked"}, {"early": True}])
def test_other_backends(habits: dict[str, object]) -> None:
    """Bodies may come in chunks, and an upload be answered before it is over; each connection asks again and again."""
    backend = Backend(**habits)
    with BadServer(backend) as other:
        result = measured(other.server)
    assert isinstance(result, Throughput)
    downloads = [line for line in backend.asked if "garbage" in line]
    assert len(downloads) > 2
    assert len({re.search(r"r=(\w+)", line)[1] for line in downloads}) == len(downloads)
    assert all("ckSize=100&" in line for line in downloads)
    assert any(line.startswith("POST /backend/empty.php?r=") for line in backend.asked)


def test_a_backend_that_closes_after_each_answer() -> None:
    """It is still measured where a body lasts as long as the test; else the failure says what the server does."""
    with BadServer(Backend(mib=4096, closes=True, slow=True)) as other:
        result = measured(other.server)
    assert isinstance(result, Throughput)
    with BadServer(Backend(mib=1, closes=True)) as other:
        result = measured(other.server)
    assert result.failure == "closed_early"
    assert "after each answer" in result.detail or "closed" in result.detail


@pytest.mark.parametrize("entry", [{"dlURL": "garbage.php", "ulURL": "empty.php"}, {"dlURL": "/d/x?a=b", "ulURL": "u"}])
def test_a_server_list(tmp_path, entry: dict[str, str]) -> None:
    """An entry of a server list says where the server and its paths are, whatever else is set."""

    class Other(Backend):
        def __call__(self, sock: socket.socket) -> None:
            sock.settimeout(10)
            self.asked.append(sock.recv(4096).split(b"\r\n")[0].decode())
            sock.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with BadServer(backend := Other()) as other:
        entries = [
            {"id": 1, "name": "a", "server": "//elsewhere.test/", "dlURL": "x", "ulURL": "y", "pingURL": "z"},
            {"id": 7, "name": "b", "server": f"http://{other.server}/deep/", "sponsorName": "s", **entry},
        ]
        file = tmp_path / "servers.json"
        file.write_text(json.dumps(entries))
        result = measured("http://127.0.0.1:1", server_list=str(file), server_id=7)
    assert result.failure == "refused_by_server"
    path = entry["dlURL"].lstrip("/")
    separator = "&" if "?" in path else "?"
    assert any(line.startswith(f"GET /deep/{path}{separator}ckSize=100&r=") for line in backend.asked)


@pytest.mark.parametrize(
    "text", ["", "{}", '[{"server": "x"}]', "[" * 9000, '[{"server": "", "dlURL": "", "ulURL": ""}]']
)
def test_a_server_list_that_is_none(tmp_path, text: str) -> None:
    """A file that is no server list is a wrong setting, and the sentence names it."""
    file = tmp_path / "servers.json"
    file.write_text(text)
    with pytest.raises(SettingsError, match=r"servers\.json"):
        measured("", server_list=str(file))


def test_an_entry_that_is_not_there(tmp_path) -> None:
    """An unknown id, or none where there are several servers, names those that there are."""
    file = tmp_path / "servers.json"
    entry = {"server": "//a.test", "dlURL": "x", "ulURL": "y"}
    file.write_text(json.dumps([{"id": 1, "name": "Almaty", **entry}, {"id": 2, **entry}]))
    for server_id in (None, 5):
        with pytest.raises(SettingsError, match="Almaty"):
            measured("", server_list=str(file), server_id=server_id)
    with pytest.raises(SettingsError, match="no-such-file"):
        measured("", server_list=str(tmp_path / "no-such-file"))


def test_a_protocol_relative_server_means_https(tmp_path) -> None:
    """A server without a scheme, as LibreSpeed's lists have them, is spoken to over TLS."""
    file = tmp_path / "servers.json"
    file.write_text(json.dumps([{"id": 1, "server": "//127.0.0.1:1/", "dlURL": "x", "ulURL": "y"}]))
    assert measured("", server_list=str(file)).failure == "connect_refused"


def answers(*fields: str, body: bytes = b"", line: str = "200 OK"):
    return says("\r\n".join((f"HTTP/1.1 {line}", *fields, f"Content-Length: {len(body)}", "", "")).encode() + body)


@pytest.mark.parametrize(
    ("behave", "failure"),
    [
        (status("302 Found", "Location: http://login.test/"), "captive_portal"),
        (status("511 Network Authentication Required"), "captive_portal"),
        (status("403 Forbidden"), "refused_by_server"),
        (status("429 Too Many Requests", "Retry-After: 60"), "busy"),
        (status("503 Service Unavailable"), "busy"),
        (status("404 Not Found"), "http_status"),
        (answers("Content-Type: text/html", body=b"<html><title>Welcome</title>"), "captive_portal"),
        (answers("Content-Type: application/octet-stream", body=b"<?php echo 1;"), "protocol_error"),
        (answers("Content-Type: text/plain"), "protocol_error"),
        (says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "protocol_error"),
        (says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "protocol_error"),
        (says(b"x" * 100_000), "protocol_error"),
        (says(b""), "closed_early"),
        (lambda sock: sock.recv(4096), "closed_early"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + BLOCK), "closed_early"),
        (says(b"HTTP/1.1 200 OK\r\n\r\n" + BLOCK * 32), "closed_early"),
        (wait, "stalled"),
    ],
)
def test_a_bad_server(behave, failure: str) -> None:
    """Every way to misbehave has its failure word, and the detail says which direction it was."""
    began = time.monotonic()
    with BadServer(behave) as bad:
        result = Probe(server=bad.server, max_s=1.0, connections=2).measure(6.0)
    assert isinstance(result, Failed)
    assert (result.probe, result.failure) == ("librespeed", failure)
    assert result.detail.startswith("download: ")
    assert time.monotonic() - began < 20


def test_bytes_that_stop_in_the_middle() -> None:
    """A line that goes silent in the middle is a stall."""

    def behave(sock: socket.socket) -> None:
        sock.recv(4096)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + BLOCK)
        wait(sock)

    with BadServer(behave) as bad:
        result = Probe(server=bad.server, max_s=10.0, connections=1).measure(40.0)
    assert (result.failure, result.detail) == ("stalled", "download: no byte arrived for 3 s")


def in_upload(behave):
    """Be a good backend for downloads; do something else with uploads."""

    def either(sock: socket.socket) -> None:
        if not sock.recv(64, socket.MSG_PEEK).startswith(b"POST"):
            Backend(mib=64)(sock)
        else:
            behave(sock)

    return either


def resets(sock: socket.socket) -> None:
    """Break the connection off in the middle."""
    sock.recv(4096)
    tcp_info.throw_away_unsent(sock)


def takes_one(then):
    """Answer the first upload as a backend does; then do something else."""

    def behave(sock: socket.socket) -> None:
        sock.recv(4096)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        then(sock)

    return behave


@pytest.mark.parametrize(
    ("behave", "failure"),
    [
        (status("413 Content Too Large"), "http_status"),
        (status("403 Forbidden"), "refused_by_server"),
        (answers("Content-Type: text/html", body=b"x" * 100_000), "protocol_error"),
        (wait, "stalled"),
        (says(b""), "closed_early"),
        (takes_one(resets), "connection_reset"),
        (takes_one(status("413 Content Too Large")), "http_status"),
        (takes_one(says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" * 2)), "protocol_error"),
    ],
)
def test_a_bad_upload(behave, failure: str) -> None:
    """A good download does not hide that the upload is refused, not answered, or broken off."""
    with BadServer(in_upload(behave)) as bad:
        result = Probe(server=bad.server, max_s=1.0, connections=2).measure(20.0)
    assert isinstance(result, Failed)
    assert result.failure == failure
    assert result.detail.startswith("upload: ")


def test_addresses_that_are_none() -> None:
    """A server that is no address is refused when the probe is made; a plain public one before a packet is sent."""
    with pytest.raises(SettingsError):
        Probe(server="ftp://127.0.0.1")
    with pytest.raises(InsecureUrlError, match="https://"):
        measured("http://8.8.8.8")
    assert Probe().measure(5).failure == "no_server"
