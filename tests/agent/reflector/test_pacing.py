"""A download that asks for a pace gets it, from the kernel or without its help."""

import time
from collections.abc import Iterator

import pytest
from websockets.sync.client import connect

from agent.host import tcp_info

PROTOCOL = "net.measurementlab.throughput.v1"


@pytest.fixture(params=["kernel", "bucket"])
def pacer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Have the kernel pace where it can, or not at all."""
    if request.param == "bucket":
        monkeypatch.setattr(tcp_info, "pace", lambda _sock, _rate_bps: False)
    return request.param


def test_a_paced_download(server: str, pacer: str) -> None:
    """All bytes come, and not faster than asked for: a second's worth does not come in half of one."""
    query = "mid=test&streams=1&duration=20000&bytes=100000&netready_pace_bps=800000"
    url = f"ws://{server}/throughput/v1/download?{query}"
    began = time.monotonic()
    with connect(url, subprotocols=[PROTOCOL], compression=None, max_size=None) as client:
        sizes = [len(message) for message in client if isinstance(message, bytes)]
    assert time.monotonic() - began > 0.5
    assert sum(sizes) == 100_000
    assert max(sizes) <= 4096  # what passes within a tick


def test_without_a_pace_nothing_is_held_back(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download that asks for no pace is not paced."""
    asked: list[float] = []
    monkeypatch.setattr(tcp_info, "pace", lambda _sock, rate_bps: asked.append(rate_bps) or True)
    url = f"ws://{server}/throughput/v1/download?mid=test&streams=1&bytes=1000"
    with connect(url, subprotocols=[PROTOCOL], compression=None, max_size=None) as client:
        assert sum(len(message) for message in client if isinstance(message, bytes)) == 1000
    assert asked == []
