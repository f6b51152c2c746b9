"""LibreSpeed's backend, spoken to by ordinary HTTP clients and by ones that misbehave."""

import http.client
import json
import ssl
import threading
import time

import httpx
import pytest

from agent.reflector import payload
from tests.fakes import reflectors
from tests.fakes.reflectors import connected, said

EMPTY = b"POST /backend/empty.php HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(("query", "chunks"), [("", 4), ("?ckSize=1", 1), ("?r=0.5&ckSize=6", 6), ("?ckSize=0", 4)])
def test_garbage(server: str, query: str, chunks: int) -> None:
    """As many MiB come as asked for, four if nobody asks, and nothing keeps them."""
    answer = httpx.get(f"http://{server}/backend/garbage.php{query}")
    assert len(answer.content) == chunks << 20
    assert "no-store" in answer.headers["cache-control"]
    assert "content-encoding" not in answer.headers


def test_garbage_has_a_most(server: str) -> None:
    """More than 1024 chunks are cut to 1024; HEAD tells so without sending them."""
    answer = httpx.head(f"http://{server}/backend/garbage.php?ckSize=99999")
    assert int(answer.headers["content-length"]) == 1024 << 20


def test_garbage_of_no_number(server: str) -> None:
    """A size that is no number is answered 400 and named."""
    answer = httpx.get(f"http://{server}/backend/garbage.php?ckSize=many")
    assert answer.status_code == 400
    assert "ckSize" in answer.json()["detail"]


def test_garbage_does_not_compress(server: str) -> None:
    """What comes is random: no half of a MiB repeats the other."""
    content = httpx.get(f"http://{server}/backend/garbage.php?ckSize=1").content
    assert len(set(content)) == 256
    assert content[: 1 << 19] != content[1 << 19 :]


def test_uploads_are_taken(server: str) -> None:
    """Bodies of any length, announced or in chunks, are read and answered with nothing."""
    with httpx.Client(base_url=f"http://{server}") as client:
        for content in (b"", b"x", b"x" * 3_000_000, iter([b"a" * 70_000, b"b", b"c" * 300_000])):
            answer = client.post("/backend/empty.php", content=content)
            assert (answer.status_code, answer.content) == (200, b"")


def test_a_ping_is_empty(server: str) -> None:
    """GET of the empty page is the ping: 200 and nothing."""
    answer = httpx.get(f"http://{server}/backend/empty.php?r=0.1")
    assert (answer.status_code, answer.content) == (200, b"")


def test_the_clients_address(server: str) -> None:
    """The client learns its own address; who provides it is unknown, not invented."""
    answer = httpx.get(f"http://{server}/backend/getIP.php?isp=true&distance=km")
    assert answer.json() == {"processedString": "127.0.0.1", "rawIspInfo": ""}
    assert answer.headers["content-type"].startswith("application/json")


def test_an_ipv4_client_of_an_ipv6_socket() -> None:
    """A reflector that listens on every address tells an IPv4 client its address as IPv4."""
    with reflectors.reflector("::") as place:
        answer = httpx.get(f"http://127.0.0.1:{place.rpartition(':')[2]}/backend/getIP.php")
    assert answer.json()["processedString"] == "127.0.0.1"


@pytest.mark.parametrize("page", ["garbage.php?ckSize=1", "empty.php", "getIP.php"])
def test_a_page_of_another_origin(server: str, page: str) -> None:
    """With cors=true a browser may ask from another page, also the question it asks before; without it may not."""
    url = f"http://{server}/backend/{page}"
    assert "access-control-allow-origin" not in httpx.get(url).headers
    for method in ("GET", "OPTIONS"):
        answer = httpx.request(method, f"{url}{'&' if '?' in url else '?'}cors=true")
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "POST" in answer.headers["access-control-allow-methods"]
        assert "content-encoding" in answer.headers["access-control-allow-headers"].lower()


def test_a_connection_is_used_again(server: str) -> None:
    """Requests of every kind follow each other over one connection, also right behind an upload."""
    host, _, port = server.rpartition(":")
    client = http.client.HTTPConnection(host, int(port), timeout=15)
    client.connect()
    first = client.sock
    for method, path, body in (
        ("GET", "/backend/getIP.php", None),
        ("POST", "/backend/empty.php", b"x" * 100_000),
        ("GET", "/backend/garbage.php?ckSize=1", None),
        ("HEAD", "/backend/garbage.php", None),
        ("GET", "/backend/empty.php", None),
    ):
        client.request(method, path, body=body)
        answer = client.getresponse()
        answer.read()
        assert answer.getheader("Connection") == "keep-alive"
        assert client.sock is first
    client.close()


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /backend/empty.php HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"GET /backend/empty.php HTTP/1.0\r\n\r\n",
        b"GET /backend/getIP.php HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
        b"GET /backend/empty.php HTTP/1.1\r\n\r\nGET /backend/empty.php HTTP/1.1\r\n\r\n",
        EMPTY + b"Content-Length: 5\r\n\r\nhelloGET /backend/empty.php HTTP/1.1\r\n\r\n",
        EMPTY + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /backend/empty.php HTTP/1.1\r\n\r\n",
    ],
)
def test_it_says_when_it_closes(server: str, request_: bytes) -> None:
    """A client that wants the end gets it, and so does one that sends its next request without waiting; one answer."""
    answer = said(server, request_)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nConnection: close\r\n" in answer
    assert answer.count(b"HTTP/1.1 ") == 1


def test_chunks_as_they_come(server: str) -> None:
    """Chunk extensions, capital digits and trailer fields are legal and change nothing."""
    body = b"A;name=value\r\n0123456789\r\n1\r\nx\r\n000\r\nTrailer: x\r\n\r\n"
    answer = said(server, EMPTY + b"Connection: close\r\nTransfer-Encoding: Chunked\r\n\r\n" + body)
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_client_that_asks_before_it_sends(server: str) -> None:
    """Expect: 100-continue is answered at once, so that the client need not wait."""
    with connected(server) as sock:
        sock.sendall(EMPTY + b"Connection: close\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"hello")
        assert sock.recv(100).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("fields_and_body", "status"),
    [
        (b"Content-Length: five\r\n\r\n", 400),
        (b"Content-Length: -1\r\n\r\n", 400),
        (b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (b"Content-Length: 4294967297\r\n\r\n", 413),
        (b"Transfer-Encoding: chunked\r\n\r\n100000001\r\n", 413),
        (b"Transfer-Encoding: chunked\r\n\r\nhello\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n-5\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n11111111111111111\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n" + b"x" * 6000, 400),
    ],
)
def test_a_bad_body_gets_a_sentence(server: str, fields_and_body: bytes, status: int) -> None:
    """A body that is malformed, or longer than is taken, is answered with its status and why."""
    answer = said(server, EMPTY + fields_and_body)
    assert int(answer.split(b" ", 2)[1]) == status
    assert len(json.loads(answer.partition(b"\r\n\r\n")[2])["detail"]) > 10


def test_a_body_that_stops_coming(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that stops in the middle, or drips for longer than a transfer may take, is given up with a sentence."""
    monkeypatch.setattr(payload, "IDLE_S", 0.2)
    assert said(server, EMPTY + b"Content-Length: 5\r\n\r\nhel").startswith(b"HTTP/1.1 408 ")
    monkeypatch.setattr(payload, "MAX_TRANSFER_S", -1.0)
    assert said(server, EMPTY + b"Content-Length: 50000\r\n\r\n" + b"x" * 40_000).startswith(b"HTTP/1.1 408 ")


def test_a_download_that_lasts_too_long(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download beyond a transfer's time is cut off, visibly short of the length that was promised."""
    monkeypatch.setattr(payload, "MAX_TRANSFER_S", -1.0)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://{server}/backend/garbage.php?ckSize=4")


def test_a_client_that_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that asks for a gigabyte and does not read it is let go."""
    monkeypatch.setattr(payload, "IDLE_S", 0.2)
    with reflectors.reflector() as place, connected(place) as sock:
        sock.sendall(b"GET /backend/garbage.php?ckSize=1024 HTTP/1.1\r\n\r\n")
        assert sock.recv(12) == b"HTTP/1.1 200"
        until = time.monotonic() + 15
        while served() and time.monotonic() < until:
            time.sleep(0.05)
        assert not served()


def served() -> list[threading.Thread]:
    """Return the threads that serve a connection just now, of every reflector in this process."""
    return [thread for thread in threading.enumerate() if thread.name == "connection"]


def test_clients_that_leave(server: str) -> None:
    """A client that goes in the middle of an upload or a download takes nothing with it."""
    for request in (EMPTY + b"Content-Length: 9999\r\n\r\nx", b"GET /backend/garbage.php?ckSize=900 HTTP/1.1\r\n\r\n"):
        with connected(server) as sock:
            sock.sendall(request)
    assert httpx.get(f"http://{server}/backend/empty.php").status_code == 200


def test_over_tls(tmp_path) -> None:
    """The same both ways over TLS, where the kernel cannot help."""
    files = reflectors.certificate(tmp_path)
    context = ssl.create_default_context(cafile=files[0])
    with reflectors.reflector(tls=files) as place:
        base = f"https://localhost:{place.rpartition(':')[2]}/backend"
        with httpx.Client(verify=context) as client:
            assert len(client.get(f"{base}/garbage.php?ckSize=2").content) == 2 << 20
            assert client.post(f"{base}/empty.php", content=b"x" * 2_000_000).status_code == 200
