"""The UDP echo cannot be turned against anybody."""

import socket

import pytest

from agent.meter import echo
from agent.reflector.echo import MAX_SOURCES, RATE_PER_S, EchoServer


@pytest.fixture
def udp():
    """Two UDP sockets on loopback: the echo's, non-blocking, and a client connected to it."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        client.connect(server.getsockname())
        client.settimeout(0.2)
        yield server, client


def test_it_answers_a_request(udp) -> None:
    """The answer is as long as the request and is not a request itself."""
    server, client = udp
    client.send(echo.request(b"12345678", 7))
    EchoServer(server).answer()
    reply = client.recv(2048)
    assert len(reply) == echo.DATAGRAM_BYTES
    assert echo.answered(reply, b"12345678") == 7
    assert echo.answer(reply) is None


AN_ANSWER = echo.answer(echo.request(b"a" * 8, 1))


@pytest.mark.parametrize("datagram", [b"", b"NRq1", b"x" * 32, b"NRq1" + b"x" * 1000, AN_ANSWER])
def test_it_is_silent_to_everything_else(udp, datagram: bytes) -> None:
    """Noise, short and long datagrams and other reflectors' answers get nothing: no two reflectors play ping-pong."""
    server, client = udp
    client.send(datagram)
    EchoServer(server).answer()
    with pytest.raises(TimeoutError):
        client.recv(2048)


def test_a_source_has_a_bound(udp) -> None:
    """Beyond its rate a source gets no answers in that second, others do, and the next second it may again."""
    echoes = EchoServer(udp[0])
    assert sum(echoes._admits("192.0.2.1", 5.0) for _ in range(RATE_PER_S + 100)) == RATE_PER_S
    assert echoes._admits("192.0.2.2", 5.0)
    assert echoes._admits("192.0.2.1", 6.0)


def test_an_ipv6_network_is_one_source(udp) -> None:
    """A host cannot escape the bound by changing the IPv6 address within its /64."""
    echoes = EchoServer(udp[0])
    assert sum(echoes._admits(f"2001:db8::{index:x}", 5.0) for index in range(RATE_PER_S + 100)) == RATE_PER_S
    assert echoes._admits("2001:db8:0:1::1", 5.0)
    assert echoes._admits("::ffff:192.0.2.1", 5.0)


def test_the_memory_for_sources_has_a_bound(udp) -> None:
    """A flood from false sources is forgotten after its second and never remembered beyond the bound."""
    echoes = EchoServer(udp[0])
    admitted = sum(echoes._admits(f"10.{index >> 16}.{index >> 8 & 255}.{index & 255}", 5.0) for index in range(9000))
    assert admitted == MAX_SOURCES == len(echoes._counts)
