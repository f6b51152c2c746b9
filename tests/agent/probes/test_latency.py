"""The latency probe: a real echo, and echoes that are lost, late, doubled or false."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from agent.contract.measurement import Failed, Latency
from agent.meter import echo
from agent.meter.echo import Train
from agent.probes.latency import Probe, reckon


@contextmanager
def far_end(answers: Callable[[bytes, int], list[bytes]]) -> Iterator[str]:
    """A UDP server that answers each datagram with what it is told, given the datagram and its number."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.1)
        stop = threading.Event()

        def run() -> None:
            number = 0
            while not stop.is_set():
                try:
                    datagram, address = sock.recvfrom(2048)
                except TimeoutError:
                    continue
                for reply in answers(datagram, number):
                    sock.sendto(reply, address)
                number += 1

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield f"127.0.0.1:{sock.getsockname()[1]}"
        finally:
            stop.set()
            thread.join(10)


def measured(server: str, count: int = 10) -> Latency | Failed:
    return Probe(server=server, count=count, interval_s=0.005).measure(10.0)


def test_every_echo_comes_back(server: str) -> None:
    """Over loopback nothing is lost, and the figures are in their order."""
    result = measured(server)
    assert isinstance(result, Latency)
    assert (result.sent, result.received, result.loss_ratio) == (10, 10, 0)
    assert 0 < result.min_ms <= result.median_ms <= result.p95_ms
    assert result.server == server


def test_loss_is_counted() -> None:
    """Echoes that never come back are loss, and the others still count."""
    with far_end(lambda datagram, number: [echo.answer(datagram)] if number % 2 else []) as server:
        result = measured(server)
    assert isinstance(result, Latency)
    assert (result.sent, result.received, result.loss_ratio) == (10, 5, 0.5)


def test_doubled_and_false_answers_count_nothing() -> None:
    """An answer counts once; noise, other sessions and unasked numbers do not count at all."""

    def answers(datagram: bytes, _number: int) -> list[bytes]:
        good = echo.answer(datagram)
        other = good[:4] + b"stranger" + good[12:]
        unasked = good[:12] + (9999).to_bytes(4, "big") + good[16:]
        return [b"", b"noise", datagram, other, unasked, good, good, good + b"x"]

    with far_end(answers) as server:
        result = measured(server)
    assert isinstance(result, Latency)
    assert (result.received, result.loss_ratio) == (10, 0)


def test_nothing_comes_back() -> None:
    """Not one answer is the failure no_answer, never a loss of 100 %; it does not fall back to TCP in silence."""
    with far_end(lambda _datagram, _number: []) as server:
        result = measured(server, count=2)
    assert isinstance(result, Failed)
    assert result.failure == "no_answer"


def test_nothing_listens() -> None:
    """A closed port is no_answer too, and the detail says what the far computer said."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    result = measured(f"127.0.0.1:{port}", count=3)
    assert result.failure == "no_answer"
    assert "nothing listens" in result.detail


def test_a_name_with_a_dead_address(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    """Of a name's addresses the first that answers is measured."""
    port = int(server.rpartition(":")[2])
    places = [(socket.AF_INET6, 2, 17, "", ("::1", port, 0, 0)), (socket.AF_INET, 2, 17, "", ("127.0.0.1", port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: places)
    assert isinstance(measured(f"school.test:{port}", count=3), Latency)


def test_the_deadline_sends_fewer(server: str) -> None:
    """A train longer than the deadline is cut short; what was sent by then is measured."""
    result = Probe(server=server, count=1000, interval_s=0.05).measure(0.4)
    assert isinstance(result, Latency)
    assert result.sent < 1000


def test_no_time_at_all() -> None:
    """Without time for one echo the failure is the deadline."""
    assert reckon(Train(0, [], refused=False), "x").failure == "deadline"
