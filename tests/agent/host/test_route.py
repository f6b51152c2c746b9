"""Routing tables of Linux: captured ones, those of VPNs as their programs write them, and broken ones."""

import ipaddress
import sys

import pytest

from agent.host import route
from agent.host.route import Route

pytestmark = pytest.mark.skipif(sys.byteorder != "little", reason="the samples are of little-endian machines")

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
CAPTURED = HEAD + (
    "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
    "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
)
# OpenVPN with redirect-gateway def1: two halves over the tunnel, its server over the card.
OPENVPN = CAPTURED + (
    "tun0\t00000000\t0100080A\t0003\t0\t0\t0\t00000080\t0\t0\t0\n"
    "tun0\t00000080\t0100080A\t0003\t0\t0\t0\t00000080\t0\t0\t0\n"
    "eth0\t076433C6\t010200C0\t0007\t0\t0\t0\tFFFFFFFF\t0\t0\t0\n"
)
CAPTURED_IPV6 = (
    "fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 "
    "00000100 00000001 00000000 00000001     eth0\n"
    "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000001 "
    "00000400 00000003 00000000 00000003     eth0\n"
    "00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 "
    "ffffffff 00000001 00000000 00200200       lo\n"
)


def test_a_captured_table() -> None:
    """The default route and the one to the own network are told apart."""
    found = route.decode_ipv4(CAPTURED)
    assert found == (
        Route("eth0", ipaddress.IPv4Network("0.0.0.0/0"), by_gateway=True),
        Route("eth0", ipaddress.IPv4Network("192.0.2.0/24"), by_gateway=False),
    )
    assert [each.is_default for each in found] == [True, False]
    assert not any(each.is_to_one_far_host for each in found)


def test_a_vpns_table() -> None:
    """A VPN's two halves count as a default route; its server's route is to one far host."""
    halves, server = route.decode_ipv4(OPENVPN)[2:4], route.decode_ipv4(OPENVPN)[4]
    assert all(each.is_default and each.interface == "tun0" for each in halves)
    assert server.network == ipaddress.IPv4Network("198.51.100.7/32")
    assert server.is_to_one_far_host


def test_a_captured_ipv6_table() -> None:
    """The kernel's own rejecting route on loopback is none."""
    found = route.decode_ipv6(CAPTURED_IPV6)
    assert [(each.interface, str(each.network), each.is_default) for each in found] == [
        ("eth0", "fd00::/64", False),
        ("eth0", "::/0", True),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "eth0",
        "eth0\tzz\t0\t0003\t0\t0\t0\t00000000\t0\t0\t0",
        "eth0\tFFFFFFFFFF\t0\t0003\t0\t0\t0\t00000000\t0\t0\t0",
        "eth0\t-1\t0\t0003\t0\t0\t0\t00000000\t0\t0\t0",
        "eth0\t00000000\t0\t0003\t0\t0\t0\t00FF00FF\t0\t0\t0",
        "eth0\t00000000\t0\t0002\t0\t0\t0\t00000000\t0\t0\t0",
        "eth0\t00000000\t0\t0203\t0\t0\t0\t00000000\t0\t0\t0",
    ],
)
def test_what_is_no_route(line) -> None:
    """A broken line, one of a route that is down and one that rejects are passed over."""
    assert route.decode_ipv4(HEAD + line + "\n" + CAPTURED.removeprefix(HEAD)) == route.decode_ipv4(CAPTURED)


@pytest.mark.parametrize("line", ["", "00", "zz " * 10, CAPTURED_IPV6.splitlines()[0].replace(" 40 ", " ff ", 1)])
def test_what_is_no_ipv6_route(line) -> None:
    """A broken line is passed over."""
    assert route.decode_ipv6(line + "\n" + CAPTURED_IPV6) == route.decode_ipv6(CAPTURED_IPV6)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_this_computers_routes() -> None:
    """The tables of the computer that runs this can be read."""
    assert isinstance(route.fetch(), tuple)
