import contextlib
import socket
import time

import httpx
import pytest

from collector.api import bodies
from collector.app import make_app
from collector.settings import IngestSettings, Serve, Settings
from tests.collector.conftest import serving
from tests.fakes.computer import batch, throughput

HEAD = b"POST /api/v1/reports HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture
def delivery(add_school, enrolled):
    """One whole delivery of a computer that is known."""
    add_school("1")
    return batch(enrolled("1").report(throughput(30e6, 6e6)))


@pytest.fixture
def served(database):
    """Serve with these settings of ingest; gives what asks."""
    with contextlib.ExitStack() as stack:

        def serve(**settings) -> httpx.Client:
            wanted = Settings(serve=Serve(listen="127.0.0.1:0"), ingest=IngestSettings(**settings))
            address = stack.enter_context(serving(make_app(database, wanted)))
            return stack.enter_context(httpx.Client(base_url=address, timeout=20))

        yield serve


@contextlib.contextmanager
def dripping(client, count: int, sent: bytes = b"{", length: int = 100, source: str = "127.0.0.1"):
    """Hold so many requests open whose bodies never end."""
    with contextlib.ExitStack() as stack:
        address = (client.base_url.host, client.base_url.port)
        lines = [
            stack.enter_context(socket.create_connection(address, timeout=20, source_address=(source, 0)))
            for _ in range(count)
        ]
        for line in lines:
            line.sendall(HEAD % length + sent)
        time.sleep(0.2)  # until they are known to be there
        yield lines


def test_slow_bodies_hold_nobody_up(served, delivery):
    """However many bodies drip, a whole one is stored at once."""
    client = served()
    with dripping(client, 200):
        assert client.post("/api/v1/reports", content=delivery).json()["items"][0]["answer"] == "stored"
        assert client.get("/healthz").status_code == 200


def test_one_address_has_its_share(served, delivery):
    """Who holds as many bodies open as one address may is asked to come back; others are served."""
    client = served(bodies=8, address_share=0.5)
    with dripping(client, 4, source="127.0.0.2"):
        assert client.post("/api/v1/reports", content=delivery).status_code == 200
        with dripping(client, 1, source="127.0.0.2") as (fifth,):
            assert fifth.recv(65_536).startswith(b"HTTP/1.1 503")


def test_the_slowest_makes_room(served, delivery):
    """Where all places are taken, the body that has been coming for longest is cut off, not the one that comes now."""
    client = served(bodies=4, address_share=1.0)
    with dripping(client, 4, source="127.0.0.2") as lines:
        time.sleep(1.1)
        assert client.post("/api/v1/reports", content=delivery).status_code == 200
        cut = lines[0].recv(65_536)
        assert cut.startswith(b"HTTP/1.1 400")
        assert b"too slowly" in cut


def test_a_body_has_to_keep_a_pace(served, delivery, monkeypatch):
    """One that drips is cut off with a sentence once its first seconds are over."""
    monkeypatch.setattr(bodies, "_GRACE_S", 0.3)
    client = served()
    with dripping(client, 1) as (line,):
        assert b"too slowly" in line.recv(65_536)


def test_bodies_are_bounded_in_bytes(served, delivery):
    """What all bodies together hold has a limit; beyond it one is asked to come back, and what ends gives room."""
    client = served(held_bytes=8_000_000)
    with dripping(client, 2, b" " * 3_900_000, 4_000_000):
        time.sleep(1.0)
        big = client.post("/api/v1/reports", content=b" " * 1_000_000)
        assert (big.status_code, int(big.headers["retry-after"]) > 0) == (503, True)
        assert client.post("/api/v1/reports", content=delivery).status_code == 200
    end = time.monotonic() + 20
    while client.post("/api/v1/reports", content=b" " * 1_000_000).status_code != 400:
        assert time.monotonic() < end
