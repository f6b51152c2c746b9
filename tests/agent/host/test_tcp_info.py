"""TCP_INFO of a real connection, and of kernels that say less."""

import socket
import sys

import pytest

from agent.host import tcp_info

linux = pytest.mark.skipif(sys.platform != "linux", reason="TCP_INFO is Linux's")


@pytest.fixture
def pair():
    """Two ends of a loopback connection over which 50,000 bytes went."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    with client, server:
        client.sendall(b"x" * 50_000)
        left = 50_000
        while left:
            left -= len(server.recv(left))
        yield client, server


@linux
def test_both_ends_agree_on_the_bytes(pair) -> None:
    """What one end got acknowledged the other has received; the fields are read at the right offsets."""
    client, server = tcp_info.read(pair[0]), tcp_info.read(pair[1], elapsed_us=7)
    assert server.bytes_received == 50_000
    assert 0 <= client.bytes_acked <= 50_001  # the kernel counts the SYN too
    assert client.bytes_sent == 50_000
    assert (client.total_retrans, client.bytes_retrans) == (0, 0)
    assert 0 < client.min_rtt <= 1_000_000
    assert server.elapsed_us == 7


@linux
def test_the_segment_and_the_congestion_control(pair) -> None:
    """The kernel names the congestion control and the segment size; an unknown one is not set."""
    assert tcp_info.segment_bytes(pair[0]) > 500
    assert tcp_info.congestion_control(pair[0])
    assert not tcp_info.choose_congestion_control(pair[0], "no-such-control")
    assert tcp_info.choose_congestion_control(pair[0], tcp_info.congestion_control(pair[0]))


def test_there_is_nothing_to_throw_away_of_a_closed_socket(pair) -> None:
    """Closing never fails: not without a connection, and not on one that is gone."""
    closed, never_connected = socket.socket(), socket.socket()
    closed.close()
    pair[1].close()
    pair[0].shutdown(socket.SHUT_RDWR)
    with never_connected:
        for sock in (closed, never_connected, pair[0]):
            tcp_info.throw_away_unsent(sock)


@linux
def test_closing_throws_away_what_is_unsent(pair) -> None:
    """The far end sees a reset instead of the end."""
    tcp_info.throw_away_unsent(pair[0])
    pair[0].close()
    pair[1].settimeout(5)
    with pytest.raises(ConnectionResetError):
        pair[1].recv(1)


def test_a_short_answer_is_none() -> None:
    """An old kernel that fills fewer fields gives None rather than zeros."""
    assert tcp_info.decode(b"\0" * 104) is None


def test_a_closed_socket_is_none() -> None:
    """Of a connection that is gone nothing is known, and nothing raises."""
    sock = socket.socket()
    sock.close()
    assert tcp_info.read(sock) is None
    assert tcp_info.segment_bytes(sock) is None
    assert tcp_info.congestion_control(sock) is None
