"""How many IP bytes a payload byte is."""

import socket

import pytest

from agent.meter import layers
from agent.meter.layers import Segment


def test_an_ethernet_line() -> None:
    """A full segment with timestamps is a packet of 1500 bytes: 1448 of payload over IPv4, 1428 over IPv6."""
    assert Segment(1448, 52).ip_per_payload == pytest.approx(1500 / 1448)
    assert Segment(1428, 72).ip_per_payload == pytest.approx(1500 / 1428)


def test_without_a_connection_ethernet_is_assumed() -> None:
    """Where the system tells nothing about the segment, it is the one that fills an Ethernet frame."""
    sock = socket.socket(socket.AF_INET6)
    sock.close()
    assert layers.segment(sock) == Segment(1428, 72)


def test_the_usual_segment() -> None:
    """What is reckoned with before there is a connection is a full packet of IPv4 on Ethernet."""
    assert (layers.USUAL.payload_bytes, layers.USUAL.header_bytes) == (1448, 52)


def test_plain_sockets_have_no_records() -> None:
    """Without TLS nothing is added to what is sent."""
    with socket.socket() as sock:
        assert layers.record_overhead(sock) == 0
