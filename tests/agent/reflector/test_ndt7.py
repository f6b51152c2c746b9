"""ndt7 on the wire (spec v0.11.0), spoken to by an independent WebSocket implementation."""

import json
import random
import socket
import sys
from datetime import datetime

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from agent.meter import ndt7

PROTOCOL = "net.measurementlab.ndt.v7"
TCP_INFO = {
    "BusyTime",
    "BytesAcked",
    "BytesReceived",
    "BytesSent",
    "BytesRetrans",
    "ElapsedTime",
    "MinRTT",
    "RTT",
    "RTTVar",
    "RWndLimited",
    "SndBufLimited",
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the ten seconds end sooner."""
    monkeypatch.setattr(ndt7, "DURATION_S", 1.0)


def opened(server: str, direction: str, query: str = "", protocol: str = PROTOCOL) -> ClientConnection:
    url = f"ws://{server}/ndt/v7/{direction}{query}"
    return connect(url, subprotocols=[protocol], compression=None, max_size=1 << 24, open_timeout=10)


def texts_of(messages: list[bytes | str]) -> list[dict]:
    return [json.loads(message) for message in messages if isinstance(message, str)]


def check(measurement: dict, test: str) -> None:
    """Check a server's measurement message against the specification."""
    assert measurement["Origin"] == "server"
    assert measurement["Test"] == test
    assert measurement["AppInfo"].keys() == {"ElapsedTime", "NumBytes"}
    connection = measurement["ConnectionInfo"]  # since v0.9.0 a server includes it always
    assert connection["Client"].startswith("127.0.0.1:")
    assert connection["Server"].startswith("127.0.0.1:")
    assert datetime.fromisoformat(connection["StartTime"]).tzinfo is not None
    if sys.platform == "linux":
        assert measurement["TCPInfo"].keys() >= TCP_INFO


def test_download(server: str) -> None:
    """A download sends binary messages that double from 8 KiB to 1 MiB, measurements beside them, and says goodbye."""
    with opened(server, "download", "?client_name=somebody&client_library_name=test") as client:
        assert client.subprotocol == PROTOCOL
        messages = list(client)
        assert client.close_code == 1000
    sizes = [len(message) for message in messages if isinstance(message, bytes)]
    assert sizes[0] == 1 << 13
    assert sizes == sorted(sizes)
    assert set(sizes) <= {1 << power for power in range(13, 21)}
    texts = texts_of(messages)
    assert len(texts) >= 2
    for text in texts:
        check(text, "download")
    last = texts[-1]["AppInfo"]
    assert last["ElapsedTime"] > 900_000
    assert 0 < last["NumBytes"] <= sum(sizes)


def test_upload(server: str) -> None:
    """An upload is counted exactly, whatever the sizes and masks, and the server tells while it lasts."""
    with opened(server, "upload") as client:
        for size in (1 << 10, 1 << 13, 1 << 20):
            client.send(b"x" * size)
        client.send('{"AppInfo":{"ElapsedTime":1,"NumBytes":2}}')
        messages = list(client)
        assert client.close_code == 1000
    assert not [message for message in messages if isinstance(message, bytes)]
    texts = texts_of(messages)
    assert len(texts) >= 2
    for text in texts:
        check(text, "upload")
    total = (1 << 10) + (1 << 13) + (1 << 20)
    assert texts[-1]["AppInfo"]["NumBytes"] == total
    if sys.platform == "linux":
        assert texts[-1]["TCPInfo"]["BytesReceived"] >= total


def test_the_largest_message_is_taken(server: str) -> None:
    """A message of 2^24 bytes, the largest there is, is counted like any other."""
    with opened(server, "upload") as client:
        client.send(b"x" * (1 << 24))
        assert texts_of(list(client))[-1]["AppInfo"]["NumBytes"] == 1 << 24


def test_early_exit(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download that may end early ends once so many bytes were acknowledged, long before its time."""
    monkeypatch.setattr(ndt7, "DURATION_S", 60.0)
    monkeypatch.setattr(ndt7, "EARLY_EXIT_MB", 3)
    with opened(server, "download", "?early_exit=3") as client:
        messages = list(client)
        assert client.close_code == 1000
    assert texts_of(messages)[-1]["AppInfo"]["NumBytes"] >= 3_000_000 - (1 << 13)


def test_early_exit_of_the_protocol_is_accepted(server: str) -> None:
    """The protocol's only value is accepted, for an upload too, where it means nothing."""
    for direction in ("download", "upload"):
        with opened(server, direction, "?early_exit=250") as client:
            assert any(isinstance(message, str) for message in client)


@pytest.mark.parametrize("value", ["100", "", "0250", "250MB", "-1", "true"])
def test_any_other_early_exit_is_refused(server: str, value: str) -> None:
    """Another limit than the protocol's is answered 400 and a sentence."""
    with pytest.raises(InvalidStatus) as caught, opened(server, "download", f"?early_exit={value}"):
        pass
    assert caught.value.response.status_code == 400
    assert "early_exit" in json.loads(caught.value.response.body)["detail"]


def test_another_subprotocol_is_refused(server: str) -> None:
    """Who does not name ndt7's subprotocol is answered 400."""
    with pytest.raises(InvalidStatus) as caught, opened(server, "download", protocol="net.measurementlab.ndt.v8"):
        pass
    assert caught.value.response.status_code == 400


def test_a_query_of_4096_bytes_is_taken(server: str) -> None:
    """The longest query that the protocol allows, with a token of any length in it, is accepted."""
    with opened(server, "upload", "?access_token=" + "x" * (4096 - len("access_token="))) as client:
        client.close()
    assert client.close_code == 1000


def test_bulk_from_the_client_ends_a_download(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that sends binary messages in a download is at the wrong address: the server closes."""
    monkeypatch.setattr(ndt7, "DURATION_S", 60.0)
    with opened(server, "download") as client:
        client.send(b"x" * 1024)
        list(client)
        assert client.close_code == 1000


def test_a_client_may_just_leave(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that is gone without a word ends that test only."""
    monkeypatch.setattr(ndt7, "DURATION_S", 60.0)
    with opened(server, "download") as client:
        client.socket.shutdown(socket.SHUT_RDWR)
    with opened(server, "upload") as other:
        other.close()
    assert other.close_code == 1000


def test_the_schedule_is_the_protocols() -> None:
    """Pauses are memoryless around 250 ms, never below 25 nor above 625 ms, and make fewer than ten a second."""
    rng = random.Random(7)  # noqa: S311 - a schedule, no secret
    intervals = [ndt7.next_interval_s(rng) for _ in range(20_000)]
    assert min(intervals) == 0.025
    assert max(intervals) == 0.625
    assert 0.1 < sum(intervals) / len(intervals) <= 0.25
