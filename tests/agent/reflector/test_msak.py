"""MSAK on the wire, spoken to by an independent WebSocket implementation that masks its frames with random keys."""

import json
import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

PROTOCOL = "net.measurementlab.throughput.v1"


def opened(server: str, direction: str, **query: object) -> ClientConnection:
    pairs = {"mid": "test", "streams": 1, **query}
    target = "&".join(f"{key}={value}" for key, value in pairs.items() if value is not None)
    url = f"ws://{server}/throughput/v1/{direction}?{target}"
    return connect(url, subprotocols=[PROTOCOL], compression=None, max_size=None, open_timeout=10)


def everything(client: ClientConnection) -> tuple[list[bytes], list[dict]]:
    """Receive until the far end closes; return binary messages and measurements."""
    messages = list(client)  # ends without an error only after a normal closure
    assert client.close_code == 1000
    binary = [message for message in messages if isinstance(message, bytes)]
    return binary, [json.loads(message) for message in messages if isinstance(message, str)]


def test_download(server: str) -> None:
    """A download sends binary messages of doubling sizes, measurements beside them, and closes when its time is up."""
    began = time.monotonic()
    with opened(server, "download", duration=800, cc="", client_name="somebody") as client:
        assert client.subprotocol == PROTOCOL
        binary, texts = everything(client)
    assert time.monotonic() - began > 0.7
    sizes = [len(message) for message in binary]
    assert sizes[0] == 1024
    assert max(sizes) <= 1 << 20
    assert set(sizes) <= {1 << power for power in range(10, 21)}
    assert sizes == sorted(sizes)
    last = texts[-1]
    assert sum(sizes) - (1 << 20) <= last["Application"]["BytesSent"] <= sum(sizes)  # it waits behind one message
    assert last["Network"]["BytesSent"] > last["Application"]["BytesSent"]
    assert last["ElapsedTime"] > 700_000
    assert {"CC", "UUID", "LocalAddr", "RemoteAddr"} <= texts[0].keys()
    assert not {"UUID", "LocalAddr"} & last.keys()
    assert len(texts) >= 2
    assert last["TCPInfo"]["BytesAcked"] > 0


def test_upload_counts_what_it_received(server: str) -> None:
    """In an upload the measurements count exactly the payload that came, whatever the masks."""
    with opened(server, "upload", duration=1000) as client:
        for size in (1, 125, 126, 65_535, 65_536, 1 << 20):
            client.send(b"x" * size)
        client.send([b"a" * 10, b"b" * 10])
        client.send('{"Application":{"BytesSent":1}}')
        _binary, texts = everything(client)
    assert texts[-1]["Application"]["BytesReceived"] == 1 + 125 + 126 + 65_535 + 65_536 + (1 << 20) + 20


def test_pings_are_answered(server: str) -> None:
    """A ping in the middle of an upload is answered."""
    with opened(server, "upload", duration=5000) as client:
        client.send(b"x" * 1000)
        assert client.ping(b"are you there").wait(10)


def test_the_client_may_leave(server: str) -> None:
    """A close from the client is answered at once, long before the duration is over."""
    began = time.monotonic()
    with opened(server, "upload", duration=25_000) as client:
        client.send(b"x" * 1000)
        client.close()
    assert client.close_code == 1000
    assert time.monotonic() - began < 15


def test_a_byte_limit(server: str) -> None:
    """With bytes= a download sends exactly so much and then closes; an upload closes once so much came."""
    with opened(server, "download", bytes=100_000) as client:
        binary, _texts = everything(client)
    assert sum(map(len, binary)) == 100_000
    with opened(server, "upload", bytes=50_000, duration=20_000) as client:
        client.send(b"x" * 60_000)
        _binary, texts = everything(client)
    assert texts[-1]["Application"]["BytesReceived"] == 60_000


@pytest.mark.parametrize(
    "query",
    [
        {"mid": None},
        {"streams": None},
        {"streams": "two"},
        {"duration": "-1"},
        {"duration": "5s"},
        {"bytes": "1e6"},
        {"cc": "vegas"},
        {"netready_pace_bps": "0"},
        {"netready_pace_bps": "-1"},
        {"netready_pace_bps": "2e7"},
        {"netready_pace_bps": "10000000001"},
    ],
)
def test_a_bad_query_gets_a_sentence(server: str, query: dict[str, str | None]) -> None:
    """A missing or senseless parameter is answered 400, and the sentence names it."""
    with pytest.raises(InvalidStatus) as caught, opened(server, "download", **query):
        pass
    response = caught.value.response
    assert response.status_code == 400
    assert next(iter(query)) in json.loads(response.body)["detail"]


def test_a_duration_beyond_the_protocols_is_cut(server: str) -> None:
    """A huge duration is accepted, as the reference server does; the protocol's 25 s hold."""
    with opened(server, "download", duration=10**12, bytes=5000) as client:
        binary, _texts = everything(client)
    assert sum(map(len, binary)) == 5000


def test_broken_frames_end_the_connection(server: str) -> None:
    """Bytes that are no frames end that connection and nothing else."""
    with opened(server, "upload") as client:
        client.socket.sendall(b"\x82\x05hello")  # a frame without a mask
        with pytest.raises((ConnectionClosed, OSError)):
            list(client)
    with opened(server, "download", bytes=2000) as client:
        assert everything(client)[0]
