"""An upload over HTTP keeps a pace without the kernel's help."""

import socket
import time
from collections.abc import Iterator

import pytest

from agent.host import tcp_info
from agent.meter import dial, http_head, loop
from agent.meter.http_lane import Asking, Opener, Upload
from agent.meter.pacer import BURST_S
from tests.fakes.bad_server import BadServer

RATE_BPS = 8_000_000
TICKS = 20


class Sink:
    """Answers the first request, and then counts what comes."""

    def __init__(self) -> None:
        self.received = 0

    def __call__(self, sock: socket.socket) -> None:
        http_head.read(sock, time.monotonic() + 10)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        sock.settimeout(30)
        while piece := sock.recv(1 << 16):
            self.received += len(piece)

    def has_received(self, count: int) -> bool:
        """Tell whether so much has come, or comes within some seconds."""
        until = time.monotonic() + 10
        while self.received < count and time.monotonic() < until:
            time.sleep(0.01)
        return self.received >= count


@pytest.fixture
def upload(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Upload, Sink]]:
    """Give an upload on a system that cannot pace, opened and not yet started, and where it goes."""
    monkeypatch.setattr(tcp_info, "pace", lambda _sock, _rate_bps: False)
    with BadServer(sink := Sink()) as server:
        asking = Asking(
            way="upload",
            endpoint=dial.http_endpoint(f"http://{server.server}"),
            target="/empty.php",
            context=None,
            within_s=10.0,
        )
        lane = Opener(asking).open()
        yield lane, sink
        lane.close()


def test_it_keeps_its_pace(upload: tuple[Upload, Sink]) -> None:
    """The far end receives what the pace allows and a burst at most, and at least most of it."""
    lane, sink = upload
    began = time.monotonic()
    lane.pace(RATE_BPS)
    lane.start()
    left = iter(range(TICKS))
    loop.run([lane], lambda _now: next(left, None) is not None)
    most = RATE_BPS / 8 * (time.monotonic() - began + BURST_S)
    assert sink.has_received(lane.payload_sent)
    assert 0.8 * RATE_BPS / 8 * (TICKS - 1) * loop.TICK_S <= sink.received <= most


def test_held_back_is_not_idle(upload: tuple[Upload, Sink]) -> None:
    """The head of a request goes out at once; its body is held back, and the lane says that it will send again."""
    lane, sink = upload
    assert (lane.wants_write, lane.waits) == (False, False)
    lane.pace(80)
    lane.start()
    assert (lane.wants_write, lane.waits) == (True, False)
    lane.writable(time.monotonic())
    assert (lane.wants_write, lane.waits) == (False, True)
    assert sink.has_received(1)
    assert lane.payload_sent == 0
