"""The way to an address: the interface, our own address there, and signs of a VPN or a proxy in it.

A VPN is never told from an interface's type alone. One that the system hides in its own packets (IPsec policies) is
not seen.
"""

import ipaddress
import socket
import sys
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from agent.host import ip_helper, link, route
from agent.host.link import RawLink
from agent.host.route import Route

Kind = Literal["tunnel", "dialled", "plain"]

_NEAR_SHARE, _NEAR_MS = 0.5, 10.0
# Linux, include/uapi/linux/if_arp.h: ipip and vti, ip6tnl, sit, gre, ip6gre; no hardware (tun, WireGuard, xfrm).
_TUNNEL_TYPES, _PPP_TYPE, _ETHERNET_TYPE = frozenset({768, 769, 776, 778, 823, 65534}), 512, 1
_TAP_FLAG = 0x2  # IFF_TAP
# Windows, ipifcons.h. WireGuard's and OpenVPN's newer adapters are "virtual"; TAP-Windows says it is Ethernet.
_WINDOWS_TUNNEL, _WINDOWS_VIRTUAL, _WINDOWS_PPP = 131, 53, 23
_TUNNEL_WORDS = ("wireguard", "wintun", "openvpn", "tap-windows", "tap adapter", "vpn")


class Path(Struct, frozen=True, kw_only=True):
    """How packets leave towards an address; ``vpn`` is null where it is not known, ``evidence`` says why."""

    interface: str
    source: str
    vpn: bool | None
    evidence: str


def towards(family: socket.AddressFamily, address: tuple[str, int] | tuple[str, int, int, int]) -> Path | None:
    """Return the way to an address; None where there is no way, or the system does not say by which interface."""
    try:
        source = link.local_address(family, address)
    except OSError:
        return None
    interface = link.interface_of(source)
    if interface is None:
        return None
    # macOS has neither table; there a tunnel stays "not known".
    routes = ip_helper.fetch_routes() if sys.platform == "win32" else route.fetch()
    names = {interface, *(each.interface for each in routes or ())}
    kinds = {name: kind(raw) for name in names if (raw := link.fetch(name)) is not None}
    vpn, evidence = judge(interface, kinds, routes)
    return Path(interface=interface, source=source, vpn=vpn, evidence=evidence)


def is_same(before: Path, family: socket.AddressFamily, address: tuple[str, int] | tuple[str, int, int, int]) -> bool:
    """Tell whether packets still leave towards an address by the same interface and from the same network.

    An address that only changed its last half is the same network's: IPv6 has temporary ones (RFC 8981).
    """
    try:
        source = link.local_address(family, address)
    except OSError:
        return False
    old, new = (ipaddress.ip_address(one.partition("%")[0]) for one in (before.source, source))
    if old == new:
        return True
    if old.version != 6 or new.version != 6 or int(old) >> 64 != int(new) >> 64:
        return False
    return link.interface_of(source) == before.interface


def kind(raw: RawLink) -> Kind | None:
    """Say what an interface looks like, which proves no VPN yet; None where the system does not tell."""
    if raw.platform == "linux":
        return _linux(raw)
    if raw.row is not None:
        return _windows(raw.row.interface_type, raw.row.is_hardware, raw.row.description)
    name = raw.interface.lower()
    if name.startswith(("utun", "ipsec", "gif")) or any(word in name for word in _TUNNEL_WORDS):
        return "tunnel"
    if name.startswith("ppp"):
        return "dialled"
    return "plain" if raw.platform == "darwin" else None


def _linux(raw: RawLink) -> Kind | None:
    files = raw.sysfs or {}
    # Modems without Ethernet framing have the type of a tunnel, but a device behind them. "clat" is the usual name of
    # the device by which IPv4 programs reach an IPv6-only network (RFC 6877): the operator's line itself.
    is_a_line = "device" in files or "DEVTYPE=wwan" in files.get("uevent", "") or raw.interface.startswith("clat")
    if raw.hardware_type is None:
        return None
    if raw.hardware_type == _PPP_TYPE:
        return "dialled"
    is_tap = raw.hardware_type == _ETHERNET_TYPE and _number(files.get("tun_flags")) & _TAP_FLAG
    return "tunnel" if (raw.hardware_type in _TUNNEL_TYPES or is_tap) and not is_a_line else "plain"


def _number(text: str | None) -> int:
    try:
        return int(text or "0", 0)
    except ValueError:
        return 0


def _windows(interface_type: int, is_hardware: bool, description: str) -> Kind:
    if interface_type == _WINDOWS_PPP:
        return "dialled"
    named = any(word in description.lower() for word in _TUNNEL_WORDS)
    is_tunnel = interface_type in {_WINDOWS_TUNNEL, _WINDOWS_VIRTUAL} or named
    return "tunnel" if is_tunnel and not is_hardware else "plain"


def judge(
    interface: str, kinds: Mapping[str, Kind | None], routes: tuple[Route, ...] | None
) -> tuple[bool | None, str]:
    """Say whether the interface is a VPN's, and why; None where it may be.

    It is where the interface looks like a tunnel, and another one that does not leads to the outside, so that it can
    carry the tunnel. Without such a carrier the tunnel is the line itself: a modem's PPPoE, a container's only way out.
    A dialled connection over a second line may be either, unless that line has a route to the VPN's one server.
    """
    looks = kinds.get(interface)
    if looks is None:
        return None, f"this system does not say what kind of interface {interface} is"
    if looks == "plain":
        return False, ""
    if routes is None:
        return None, f"{interface} looks like a tunnel, but this system does not tell its routes"
    others = [each for each in routes if each.interface != interface and kinds.get(each.interface) == "plain"]
    to_one_host = next((each for each in others if each.is_to_one_far_host), None)
    to_all = next((each for each in others if each.is_default), None)
    carrier = to_one_host or to_all
    if carrier is None:
        return (
            False,
            f"{interface} looks like a tunnel, but no other interface leads to the outside that could carry it",
        )
    if looks == "dialled" and to_one_host is None:
        return None, f"{interface} may be a VPN over {carrier.interface}, or a line of its own beside it"
    return True, f"the way to the server is the tunnel {interface}, which {carrier.interface} carries"


def proxy(handshake_ms: float, echo_ms: float) -> str | None:
    """Say why something nearer than the server must have answered the TCP handshake; None where nothing shows it.

    Both are round-trip times to the same server at about the same time: TCP's own handshake and a UDP echo. On one path
    they differ by some queueing, never by half.
    """
    if handshake_ms < _NEAR_SHARE * echo_ms and echo_ms - handshake_ms > _NEAR_MS:
        return (
            f"TCP was answered in {handshake_ms:.1f} ms, but the server is {echo_ms:.1f} ms away: "
            "something nearer answers in its place"
        )
    return None
