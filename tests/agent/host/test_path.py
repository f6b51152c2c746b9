"""The way to a server: what is a VPN, what only looks like one, and what answers in a server's place."""

import ipaddress
import os
import socket
import subprocess
import sys

import pytest

from agent.host import path
from agent.host.ip_helper import Row
from agent.host.link import RawLink
from agent.host.path import judge, kind
from agent.host.route import Route


def to(interface: str, network: str, *, by_gateway: bool = True) -> Route:
    return Route(interface, ipaddress.ip_network(network), by_gateway)


def linux(hardware: int | None, interface: str = "x", **files: str) -> RawLink:
    return RawLink(
        interface=interface, platform="linux", flags="up", speed_mbps=0, mtu_bytes=1500, sysfs=files,
        hardware_type=hardware,
    )  # fmt: skip


def windows(interface_type: int, description: str = "", *, is_hardware: bool = False) -> RawLink:
    row = Row(
        index=7, alias="x", description=description, interface_type=interface_type, physical_medium=0,
        is_hardware=is_hardware, rx_bytes=0, rx_packets=0, tx_bytes=0, tx_packets=0,
    )  # fmt: skip
    return RawLink(interface="x", platform="win32", flags="", speed_mbps=0, mtu_bytes=1500, sysfs=None, row=row)


def other(platform: str, interface: str) -> RawLink:
    return RawLink(interface=interface, platform=platform, flags="", speed_mbps=0, mtu_bytes=1500, sysfs=None)


@pytest.mark.parametrize(
    ("raw", "looks"),
    [
        (linux(1, device=""), "plain"),
        (linux(1, "eth0"), "plain"),  # a container's veth
        (linux(1, "br0", uevent="DEVTYPE=bridge"), "plain"),
        (linux(772, "lo"), "plain"),
        (linux(65534, "tun0", tun_flags="0x5001"), "tunnel"),
        (linux(1, "tap0", tun_flags="0x1002"), "tunnel"),
        (linux(1, "x", tun_flags="nonsense"), "plain"),
        (linux(65534, "wg0", uevent="DEVTYPE=wireguard"), "tunnel"),
        (linux(778, "gre1"), "tunnel"),
        (linux(65534, "wwan0", device="", uevent="DEVTYPE=wwan"), "plain"),
        (linux(519, "rmnet0"), "plain"),
        (linux(65534, "clat"), "plain"),
        (linux(512, "ppp0"), "dialled"),
        (linux(None), None),
        (windows(6, "Realtek PCIe GbE Family Controller", is_hardware=True), "plain"),
        (windows(71, "Intel(R) Wi-Fi 6 AX201", is_hardware=True), "plain"),
        (windows(6, "Hyper-V Virtual Ethernet Adapter"), "plain"),
        (windows(6, "TAP-Windows Adapter V9"), "tunnel"),
        (windows(53, "WireGuard Tunnel"), "tunnel"),
        (windows(131, "Microsoft Teredo Tunneling Adapter"), "tunnel"),
        (windows(23, "School"), "dialled"),
        (other("darwin", "en0"), "plain"),
        (other("darwin", "utun4"), "tunnel"),
        (other("darwin", "ppp0"), "dialled"),
        (other("win32", "OpenVPN Wintun"), "tunnel"),
        (other("win32", "Ethernet"), None),
    ],
)
def test_what_an_interface_looks_like(raw, looks) -> None:
    """The looks come from the type, its device, and the names that VPN programs give."""
    assert kind(raw) == looks


CARD, TUN, PPP = {"eth0": "plain"}, {"eth0": "plain", "tun0": "tunnel"}, {"eth0": "plain", "ppp0": "dialled"}
DEFAULT, SERVER = to("eth0", "0.0.0.0/0"), to("eth0", "198.51.100.7/32")
OWN = to("eth0", "192.168.0.0/24", by_gateway=False)


@pytest.mark.parametrize(
    ("interface", "kinds", "routes", "vpn"),
    [
        ("eth0", CARD, (DEFAULT, OWN), False),
        ("tun0", TUN, (to("tun0", "0.0.0.0/1"), DEFAULT, SERVER), True),
        ("tun0", TUN, (to("tun0", "0.0.0.0/0"), SERVER), True),
        ("tun0", TUN, (to("tun0", "10.0.0.0/8"), DEFAULT), True),
        ("tun0", TUN, (to("tun0", "0.0.0.0/0"), to("eth0", "::/0")), True),
        ("tun0", TUN, (to("tun0", "0.0.0.0/0"), OWN), False),
        ("tun0", {"tun0": "tunnel", "tun1": "tunnel"}, (to("tun0", "0.0.0.0/0"), to("tun1", "0.0.0.0/0")), False),
        ("eth0", TUN, (to("tun0", "10.0.0.0/8"), DEFAULT), False),
        ("ppp0", PPP, (to("ppp0", "0.0.0.0/0", by_gateway=False), OWN), False),
        ("ppp0", PPP, (to("ppp0", "0.0.0.0/0", by_gateway=False), DEFAULT), None),
        ("ppp0", PPP, (to("ppp0", "0.0.0.0/0", by_gateway=False), DEFAULT, SERVER), True),
        ("tun0", TUN, None, None),
        ("eth0", CARD, None, False),
        ("x", {"x": None}, (DEFAULT,), None),
        ("x", {}, (DEFAULT,), None),
    ],
)
def test_what_is_a_vpn(interface, kinds, routes, vpn) -> None:
    """A VPN is a tunnel that another interface can carry; PPPoE, a lone tunnel and a card beside one are none."""
    told, evidence = judge(interface, kinds, routes)
    assert told is vpn
    assert bool(evidence) == (kinds.get(interface) != "plain")


@pytest.mark.parametrize(
    ("handshake", "echo", "seen"),
    [(2.0, 40.0, True), (40.0, 41.0, False), (19.0, 40.0, True), (21.0, 40.0, False), (0.1, 5.0, False)],
)
def test_proxy(handshake, echo, seen) -> None:
    """A handshake in far less time than the echo takes was answered by something nearer."""
    assert (path.proxy(handshake, echo) is not None) == seen


def test_the_way_to_this_computer() -> None:
    """The way to loopback leads over loopback, by its own address, and is no VPN."""
    found = path.towards(socket.AF_INET, ("127.0.0.1", 9))
    assert found is not None
    assert found.interface.startswith("lo")
    assert found.source == "127.0.0.1"
    assert found.vpn is False


# In a network namespace of its own: two cards that lead nowhere, and what becomes of the way to a server behind them.
CHANGES = """
import socket, subprocess, sys
from agent.host import path

def ip(words):
    subprocess.run(["ip", *words.split()], check=True)

for card in ("one", "two"):
    ip(f"link add {card} type veth peer name {card}-end")
    ip(f"link set {card}-end up")
    ip(f"link set {card} up")
ip("addr add 10.1.0.2/24 dev one")
ip("addr add 10.2.0.2/24 dev two")
ip("route add 10.9.0.0/16 via 10.1.0.1 metric 20")
ip("-6 addr add 2001:db8:1:1::2/64 dev one nodad")
ip("-6 route add 2001:db8:9::/48 via 2001:db8:1:1::1 metric 20")
four = socket.AF_INET, ("10.9.0.1", 443)
six = socket.AF_INET6, ("2001:db8:9::1", 443, 0, 0)
first, first_six = path.towards(*four), path.towards(*six)

def said(what):
    print(what, path.is_same(first, *four), path.is_same(first_six, *six))

said("nothing")
ip("-6 addr add 2001:db8:1:1::77/64 dev one nodad")
ip("-6 addr change 2001:db8:1:1::2/64 dev one nodad preferred_lft 0")
said("a temporary address")
ip("route add 10.9.0.0/16 via 10.2.0.1 metric 10")
said("another card")
ip("route del 10.9.0.0/16 via 10.2.0.1 metric 10")
said("back again")
ip("addr add 10.1.0.3/24 dev one")
ip("route replace 10.9.0.0/16 via 10.1.0.1 metric 20 src 10.1.0.3")
said("another address")
ip("link set one down")
said("the cable is out")
"""


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="a network namespace needs root on Linux")
def test_a_network_that_changes() -> None:
    """Another card, another address, no way at all: changed; a temporary IPv6 address of the same network is none."""
    command = ["unshare", "--net", sys.executable, "-c", CHANGES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines() == [
        "nothing True True",
        "a temporary address True True",
        "another card False True",
        "back again True True",
        "another address False True",
        "the cable is out False False",
    ], done.stderr
