"""The way to a server: what is a VPN, what only looks like one, and what answers in a server's place."""

import ipaddress
import socket

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
