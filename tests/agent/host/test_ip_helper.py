"""Windows' structures, written here by the layout of mingw-w64's headers and read by ours."""

import ipaddress
import struct
import sys

import pytest

from agent.host import ip_helper, link
from agent.host.link import RawLink
from agent.host.route import Route


def row(interface_type: int = 6, medium: int = 14, *, is_hardware: bool = True) -> bytes:
    raw = bytearray(1352)
    struct.pack_into("<I", raw, 8, 12)
    raw[28:44] = "Ethernet".encode("utf-16-le")
    raw[542:556] = "Realtek".encode("utf-16-le")
    struct.pack_into("<I", raw, 1128, interface_type)
    struct.pack_into("<I", raw, 1140, medium)
    raw[1152] = is_hardware | 4
    struct.pack_into("<5Q", raw, 1192, 10**8, 10**8, 5000, 10, 3)
    struct.pack_into("<3Q", raw, 1280, 7000, 20, 4)
    return bytes(raw)


def routed(index: int, prefix: str, hop: str) -> bytes:
    raw = bytearray(104)
    network, address = ipaddress.ip_network(prefix), ipaddress.ip_address(hop)
    at, family = (4, 2) if network.version == 4 else (8, 23)
    struct.pack_into("<I", raw, 8, index)
    for start, packed in ((12, network.network_address.packed), (44, address.packed)):
        struct.pack_into("<H", raw, start, family)
        raw[start + at : start + at + len(packed)] = packed
    raw[40] = network.prefixlen
    return bytes(raw)


def test_an_adapter() -> None:
    """Names, kind, speed and counters are read from their places; a shorter answer is none."""
    told = ip_helper.decode_row(row())
    assert (told.index, told.alias, told.description) == (12, "Ethernet", "Realtek")
    assert (told.interface_type, told.physical_medium, told.is_hardware) == (6, 14, True)
    assert (told.rx_bytes, told.rx_packets, told.tx_bytes, told.tx_packets) == (5000, 13, 7000, 24)
    assert (told.guid, told.rx_groups, told.transmit_bps, told.receive_bps) == (bytes(16), 3, 10**8, 10**8)
    assert ip_helper.decode_row(row()[:-1]) is None


def test_a_speed_that_windows_does_not_know() -> None:
    """All ones and zero are no speed."""
    raw = bytearray(row())
    struct.pack_into("<2Q", raw, 1192, 2**64 - 1, 0)
    told = ip_helper.decode_row(bytes(raw))
    assert (told.transmit_bps, told.receive_bps) == (None, None)


@pytest.mark.parametrize(
    ("raw", "medium", "speed"),
    [
        (row(), "ethernet", 1e8),
        (row(71, 9), "wifi", None),
        (row(243, 8), "cellular", None),
        (row(is_hardware=False), "virtual", None),
        (row(24, 0, is_hardware=False), "loopback", None),
        (row(99, 0), None, 1e8),
    ],
)
def test_the_medium(raw, medium, speed) -> None:
    """Windows tells the medium, and the speed of a card, but never a Wi-Fi one's, is believed."""
    told = RawLink(
        interface="Ethernet", platform="win32", flags="", speed_mbps=100, mtu_bytes=1500, sysfs=None,
        row=ip_helper.decode_row(raw),
    )  # fmt: skip
    facts = link.decode(told)
    assert (facts.medium, facts.speed_bps) == (medium, speed)


ON_LINK = str(ipaddress.IPv4Address(0))  # a next hop that is no gateway


def test_routes() -> None:
    """Routes of both families are read; one of an unknown interface, and what is cut off, are left out."""
    lines = [
        routed(12, "0.0.0.0/0", "192.168.0.1"),
        routed(12, "192.168.0.0/24", ON_LINK),
        routed(12, "::/0", "fe80::1"),
        routed(99, "0.0.0.0/0", "10.0.0.1"),
    ]
    raw = struct.pack("<Q", len(lines)) + b"".join(lines)
    assert ip_helper.decode_routes(raw + b"\0" * 50, {12: "Ethernet"}) == (
        Route("Ethernet", ipaddress.ip_network("0.0.0.0/0"), by_gateway=True),
        Route("Ethernet", ipaddress.ip_network("192.168.0.0/24"), by_gateway=False),
        Route("Ethernet", ipaddress.ip_network("::/0"), by_gateway=True),
    )


def test_a_route_of_no_sense() -> None:
    """An unknown family and a prefix longer than its address are no routes."""
    strange, long = bytearray(routed(12, "0.0.0.0/0", ON_LINK)), bytearray(routed(12, "0.0.0.0/0", ON_LINK))
    strange[12], long[40] = 77, 33
    assert not ip_helper.decode_routes(bytes(8) + bytes(strange) + bytes(long), {12: "Ethernet"})


@pytest.mark.parametrize(
    ("cost", "roaming", "metered"),
    [(0, 0, None), (1, 0, False), (2, 0, True), (3, 0, True), (1, 1, True), (9, 0, None)],
)
def test_cost(cost, roaming, metered) -> None:
    """A fixed amount, a price by bytes and roaming are metered; what Windows does not know is null."""
    assert ip_helper.decode_cost(struct.pack("<IIBBBx", 3, cost, 0, 0, roaming)) is metered
    assert ip_helper.decode_cost(b"") is None


@pytest.mark.skipif(sys.platform == "win32", reason="what the other systems answer")
def test_other_systems() -> None:
    """Other systems have no such tables, and nothing raises."""
    assert ip_helper.fetch_row("eth0") is None
    assert ip_helper.fetch_routes() is None
    assert ip_helper.fetch_cost("eth0") is None
