"""Addresses from settings, and the way to the one that answers."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from agent.contract.errors import SettingsError
from agent.meter import dial
from agent.meter.dial import Endpoint
from agent.meter.errors import TransferError


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("10.0.0.1:8080", Endpoint("ws", "10.0.0.1", 8080)),
        ("ws://host.example", Endpoint("ws", "host.example", 80)),
        ("wss://host.example/", Endpoint("wss", "host.example", 443)),
        ("https://host.example:8443/under/", Endpoint("wss", "host.example", 8443, "/under")),
        ("http://[fd00::1]:9", Endpoint("ws", "fd00::1", 9)),
        ("[::1]:7000", Endpoint("ws", "::1", 7000)),
        ("  localhost:1 ", Endpoint("ws", "localhost", 1)),
        ("wss://мектеп.қаз/тест", Endpoint("wss", "xn--e1aaogsq.xn--80ao21a", 443, "/%D1%82%D0%B5%D1%81%D1%82")),
    ],
)
def test_a_server_setting(server: str, expected: Endpoint) -> None:
    """URLs and HOST:PORT mean the same endpoints; IPv6 stands in brackets, also when written back."""
    assert dial.endpoint(server) == expected
    assert dial.endpoint(expected.url) == expected


@pytest.mark.parametrize(
    "server",
    ["", ":80", "ftp://host", "host:0", "host:70000", "::1:80", "a b:1", "ws://h/a b", "a\0b:1", f"ws://{'қ' * 70}.kz"],
)
def test_no_address(server: str) -> None:
    """What is no address is refused with an example of one."""
    with pytest.raises(SettingsError):
        dial.endpoint(server)


@pytest.fixture
def silent() -> Iterator[tuple[str, int]]:
    """An address that answers no connection attempt: its queue is full (Linux then drops the SYN)."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(full.getsockname())
        yield full.getsockname()
        for sock in waiting:
            sock.close()


@pytest.fixture
def alive() -> Iterator[tuple[str, int]]:
    """An address that answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


def v4(*places: tuple[str, int]) -> list[dial.Address]:
    return [(socket.AF_INET, place) for place in places]


def test_a_silent_first_address(silent, alive) -> None:
    """An address that never answers costs a quarter of a second, not the test (RFC 8305)."""
    sock, rtt_s = dial.connect(v4(silent, alive), time.monotonic() + 10)
    with sock:
        assert sock.getpeername() == alive
    assert 0 <= rtt_s < 0.25


def test_a_refusing_first_address(closed_port, alive) -> None:
    """An address that refuses is passed over at once, also where it stands last."""
    refusing = ("127.0.0.1", closed_port)
    for places in (
        v4(refusing, alive),
        v4(alive, refusing),
        [(socket.AF_INET6, ("::1", closed_port, 0, 0)), *v4(alive)],
    ):
        sock, _ = dial.connect(places, time.monotonic() + 10)
        with sock:
            assert sock.getpeername() == alive


def test_an_ipv6_only_name() -> None:
    """A name that has only an IPv6 address is as good as any."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        sock, _ = dial.connect([(socket.AF_INET6, server.getsockname())], time.monotonic() + 10)
        with sock:
            assert sock.family == socket.AF_INET6


@pytest.mark.parametrize("failure", ["connect_timeout", "connect_refused"])
def test_where_no_address_answers(failure, silent, closed_port) -> None:
    """Silence and a refusal each have their word, within the deadline; so has a list without addresses."""
    place = silent if failure == "connect_timeout" else ("127.0.0.1", closed_port)
    with pytest.raises(TransferError) as caught:
        dial.connect(v4(place, place), time.monotonic() + 0.4)
    assert caught.value.failure == failure
    with pytest.raises(TransferError):
        dial.connect([], time.monotonic() + 10)


@pytest.mark.parametrize("zone", ["nowhere", "<b>", "x" * 60])
def test_an_address_of_no_zone_here(alive, zone: str) -> None:
    """An address that only another computer can have is one more that does not answer; the next one is tried."""
    odd = (socket.AF_INET6, (f"fe80::1%{zone}", 9))
    with pytest.raises(TransferError):
        dial.connect([odd], time.monotonic() + 5)
    sock, _rtt_s = dial.connect([odd, (socket.AF_INET, alive)], time.monotonic() + 5)
    sock.close()


def test_one_address_for_all(monkeypatch: pytest.MonkeyPatch, alive, closed_port) -> None:
    """All connections of a test go to the address that answered first, looked up once; the quickest counts."""
    looked_up = []

    def lookup(*_a: object, **_k: object) -> list:
        looked_up.append(1)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in (("127.0.0.1", closed_port), alive)]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    dialler = dial.Dialler(Endpoint("ws", "school.test", 1), None)
    socks = [dialler.dial(time.monotonic() + 10) for _ in range(3)]
    assert {sock.getpeername() for sock in socks} == {alive}
    assert (len(looked_up), 0 < dialler.rtt_s < 10) == (1, True)
    for sock in socks:
        sock.close()


def test_a_look_up_that_hangs_or_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that does not answer in time, or says no, is dns_failed."""
    release = threading.Event()

    def hang(*_a: object, **_k: object) -> list:
        release.wait(10)
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    for within_s in (0.05, 10):
        with pytest.raises(TransferError) as caught:
            dial.addresses("school.test", 1, socket.SOCK_STREAM, time.monotonic() + within_s)
        assert caught.value.failure == "dns_failed"
        release.set()
