"""M-Lab's locate service, played by a server of our own that may say anything."""

import json
import socket
import time

import pytest

from agent.contract.errors import InsecureUrlError
from agent.meter import locate
from agent.meter.errors import TransferError
from agent.meter.locate import Place
from tests.fakes.bad_server import BadServer, says, status, wait

DOWNLOAD, UPLOAD = "/ndt/v7/download", "/ndt/v7/upload"


def named(host: str, scheme: str = "wss", token: str = "?access_token=a.b-c") -> dict[str, object]:
    """Return a result as the service gives it."""
    urls = {f"{scheme}://{path}": f"{scheme}://{host}{path}{token}" for path in (DOWNLOAD, UPLOAD)}
    return {"machine": host, "location": {"city": "Almaty"}, "urls": urls}


def read(*results: object) -> list[Place]:
    return locate.places(json.dumps({"results": results}).encode(), time.monotonic() + 5)


def answered(body: bytes) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def asked(behave, deadline_s: float = 5.0, key: str | None = None) -> list[Place]:
    with BadServer(behave) as server:
        url = f"http://{server.server}/v2/nearest/ndt/ndt7"
        return locate.nearest(url, key, None, time.monotonic() + deadline_s)


def test_servers_come_in_their_order_with_their_tokens() -> None:
    """The nearest comes first, and what it is asked for carries the access token."""
    places = read(named("one.example"), named("two.example:4443"))
    assert [place.endpoint.url for place in places] == ["wss://one.example:443", "wss://two.example:4443"]
    assert places[0].download == "/ndt/v7/download?access_token=a.b-c"
    assert places[0].upload == "/ndt/v7/upload?access_token=a.b-c"


def test_a_plain_server_only_in_a_private_network() -> None:
    """A ws URL is taken for a private address and no other."""
    [place] = read(named("8.8.8.8", "ws"), named("127.0.0.1:8080", "ws"))
    assert place.endpoint.url == "ws://127.0.0.1:8080"


def test_urls_that_cannot_be_trusted_are_passed_over() -> None:
    """Another path, another scheme, two hosts, names with a password, line breaks and endless URLs are no servers."""
    good = named("good.example")
    wrong: list[dict[str, object]] = [
        {"urls": {}},
        {"urls": {f"wss://{DOWNLOAD}": f"wss://a.example{DOWNLOAD}"}},
        {"urls": {f"wss://{DOWNLOAD}": f"wss://a.example{DOWNLOAD}", f"wss://{UPLOAD}": f"wss://b.example{UPLOAD}"}},
        {"urls": dict.fromkeys((f"wss://{DOWNLOAD}", f"wss://{UPLOAD}"), f"wss://a.example{DOWNLOAD}")},
        {"urls": dict.fromkeys((f"wss://{DOWNLOAD}", f"wss://{UPLOAD}"), "https://a.example/")},
        named("user:secret@a.example"),
        named("a.example", token="?x=\r\nHost: b"),
        named("a.example", token="?" + "x" * 10_000),
        named("a.example:99999"),
        named(""),
    ]
    for one in wrong:
        assert [place.endpoint.host for place in read(one, good)] == ["good.example"]
    with pytest.raises(TransferError) as raised:
        read(*wrong[:4])
    assert raised.value.failure == "protocol_error"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"results": 5}', b'{"results": [{}]}', b"[" * 5000, b"\xff"])
def test_an_answer_that_is_none(body: bytes) -> None:
    """What is no answer of a locate service is a protocol_error."""
    with pytest.raises(TransferError) as raised:
        asked(says(answered(body)))
    assert raised.value.failure == "protocol_error"


@pytest.mark.parametrize(
    ("behave", "failure"),
    [
        (status("204 No Content"), "busy"),
        (says(answered(b"{}")), "busy"),
        (says(answered(b'{"results": []}')), "busy"),
        (status("429 Too Many Requests"), "busy"),
        (status("403 Forbidden"), "refused_by_server"),
        (status("500 Internal Server Error"), "http_status"),
        (status("302 Found", "Location: http://login.test/"), "captive_portal"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + b"x" * 1_000_000), "protocol_error"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"), "closed_early"),
        (says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "protocol_error"),
        (lambda sock: sock.recv(4096), "closed_early"),
    ],
)
def test_a_service_in_trouble(behave, failure: str) -> None:
    """No capacity is busy; whatever else goes wrong has its word."""
    with pytest.raises(TransferError) as raised:
        asked(behave)
    assert raised.value.failure == failure


def test_a_silent_service_is_given_up() -> None:
    """The deadline holds for the whole exchange, also where the answer drips."""

    def drips(sock: socket.socket) -> None:
        sock.recv(4096)
        for letter in b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 100:
            sock.sendall(bytes([letter]))
            time.sleep(0.05)

    for behave in (wait, drips):
        began = time.monotonic()
        with pytest.raises(TransferError) as raised:
            asked(behave, 0.6)
        assert raised.value.failure == "stalled"
        assert time.monotonic() - began < 10


@pytest.mark.parametrize(("key", "path"), [(None, b"/v2/nearest/"), ("secret&key", b"/v2/priority/nearest/")])
def test_what_is_asked(key: str | None, path: bytes) -> None:
    """With a key the other path is asked, with the key in it; without one, none is sent."""
    heard: list[bytes] = []
    body = json.dumps({"results": [named("one.example")]}).encode()

    def behave(sock: socket.socket) -> None:
        heard.append(sock.recv(4096))
        sock.sendall(answered(body))

    asked(behave, key=key)
    assert heard[0].startswith(b"GET " + path + b"ndt/ndt7?client_name=netready-agent")
    assert (b"key=secret%26key" in heard[0]) == (key is not None)


def test_a_service_without_tls() -> None:
    """A plain address of the service is refused outside private networks: it says where we go."""
    with pytest.raises(InsecureUrlError):
        locate.nearest("http://8.8.8.8/v2/nearest/ndt/ndt7", None, None, time.monotonic() + 5)
