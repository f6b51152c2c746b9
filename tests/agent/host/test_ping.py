"""Round trips: over loopback, with and without permission, with answers that are forged, and none at all."""

import os
import socket
import sys
import time
from collections.abc import Iterator

import pytest

from agent.host import echoing, icmp, ping
from agent.host.echoing import HandshakeEchoing, SocketEchoing
from agent.host.ping import Pinger, Sample

SILENT = "192.0.2.77"  # RFC 5737: nobody


def may_ping() -> bool:
    try:
        icmp.open_socket(socket.AF_INET).close()
    except OSError:
        return False
    return True


needs_icmp = pytest.mark.skipif(not may_ping(), reason=icmp.SETTING)


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_family: object) -> socket.socket:
        raise PermissionError(icmp.SETTING)

    monkeypatch.setattr(icmp, "open_socket", refuse)


@pytest.fixture
def router(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port that something listens on, in place of a router's usual ones."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(HandshakeEchoing.__init__, "__defaults__", ((server.getsockname()[1],),))
        yield server.getsockname()[1]


@needs_icmp
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_echoes_over_loopback(address) -> None:
    """As many echoes as were asked for come back, each within a moment, on their schedule."""
    if address == "::1" and not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    pinger, samples = ping.run(address, 10, 0.02)
    assert pinger.protocol == "icmp"
    assert pinger.denied is None
    told = ping.echoes(pinger.protocol, samples)
    assert 5 <= told.sent <= 10  # a busy machine leaves some out
    assert (told.received, told.loss_ratio) == (told.sent, 0)
    assert 0 < told.median_ms < 1000


def test_without_permission_handshakes_are_timed(refused, router) -> None:
    """Where echoes are refused, handshakes tell the time, and what to change is said."""
    pinger, samples = ping.run("127.0.0.1", 5, 0.02)
    assert pinger.protocol == "tcp"
    assert "ping_group_range" in pinger.denied.setting
    assert len(samples) >= 3
    assert all(sample.rtt_s is not None for sample in samples)
    assert pinger.stop() == samples  # as often as one likes


def test_a_refused_handshake_is_an_answer(closed_port) -> None:
    """That nothing listens there is an answer as good as any."""
    way = HandshakeEchoing("127.0.0.1", (closed_port,))
    way.send()
    way.wait(time.monotonic() + 0.05)
    way.close()
    assert len(way.rtts_s) == len(way.sent_at) == 1


def test_where_echoes_are_blocked_a_handshake_is_tried(monkeypatch, router) -> None:
    """A router that answers no echoes is timed by handshakes, and its silence is not counted as loss."""
    monkeypatch.setattr(ping, "_SILENT_S", 0.05)
    monkeypatch.setattr(Pinger, "_ways", staticmethod(lambda: (Silent,)))
    pinger = Pinger("127.0.0.1", 0.02).start()
    time.sleep(0.4)
    samples = pinger.stop()
    assert pinger.protocol == "tcp"
    assert samples
    assert ping.loss_ratio(samples) == 0


class Silent(echoing.Echoing):
    """A far end that never answers."""

    def __init__(self, _address: str) -> None:
        super().__init__()

    def send(self) -> None:
        self.sent_at.append(time.monotonic())

    def wait(self, until: float) -> None:
        time.sleep(max(0.0, until - time.monotonic()))

    def close(self) -> None:
        pass


def test_where_nothing_answers(monkeypatch) -> None:
    """Silence is told as echoes without answer, and no loss is reckoned from it; nothing raises."""
    monkeypatch.setattr(ping, "PATIENCE_S", 0.1)
    monkeypatch.setattr(Pinger, "_ways", staticmethod(lambda: (Silent,)))
    monkeypatch.setattr(ping, "_SILENT_S", 9.0)
    _pinger, samples = ping.run(SILENT, 3, 0.02)
    assert samples
    assert all(sample.rtt_s is None for sample in samples)
    assert ping.loss_ratio(samples) is None
    assert ping.echoes("icmp", samples).median_ms is None


def test_what_is_underway_is_not_lost(monkeypatch) -> None:
    """Without a grace, echoes that had no time to come back are left out."""
    monkeypatch.setattr(Pinger, "_ways", staticmethod(lambda: (Silent,)))
    pinger = Pinger(SILENT, 0.02).start()
    time.sleep(0.1)
    assert pinger.stop() == ()


@pytest.mark.parametrize("address", ["no address", "", "300.1.1.1", "fe80::1%nowhere"])
def test_no_address(address) -> None:
    """What is no address gives no samples and no error."""
    assert ping.run(address, 1, 0.01)[1] == ()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has a call of its own")
def test_forged_answers(monkeypatch) -> None:
    """Answers of another session, to echoes never sent, a second time, or of another length count for nothing."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    near.setblocking(False)
    fake = Connected(near)
    monkeypatch.setattr(icmp, "open_socket", lambda _family: fake)
    way = SocketEchoing("127.0.0.1")
    way.send()
    asked = far.recv(100)
    payload = asked[8:]

    def answer(told: bytes) -> None:
        far.send(b"\0" + asked[1:8] + told)

    answer(os.urandom(8) + payload[8:])
    answer(payload[:8] + (5).to_bytes(4, "big"))
    answer(payload + b"x")
    far.send(b"")
    way.wait(time.monotonic())
    assert way.rtts_s == {}
    answer(payload)
    way.wait(time.monotonic())
    first = dict(way.rtts_s)
    answer(payload)
    way.wait(time.monotonic())
    assert way.rtts_s == first
    assert list(first) == [0]
    way.close()
    far.close()


class Connected:
    """A datagram socket that is connected already."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def connect(self, _place: object) -> None:
        pass

    def setsockopt(self, *_option: object) -> None:
        pass

    def __getattr__(self, name: str) -> object:
        return getattr(self._sock, name)


def test_a_summary() -> None:
    """The median needs three answers, the 95th percentile ten; it is a real round trip (nearest rank)."""
    few = tuple(Sample(0.0, rtt / 1000) for rtt in (3, 1, 2))
    assert ping.summarise(few) == ping.Summary(median_ms=2, p95_ms=None)
    many = tuple(Sample(0.0, rtt / 1000) for rtt in range(1, 21))
    assert ping.summarise(many) == ping.Summary(median_ms=10.5, p95_ms=19)
    assert ping.summarise(few[:2]) == ping.Summary(median_ms=None, p95_ms=None)
    assert ping.loss_ratio((*few, Sample(0.0, None))) == 0.25
