"""The network interface behind an address: what the system really knows of it, and what it only pretends to know.

``fetch`` asks; ``decode`` is pure. psutil makes up speed and duplex in several places (facts: Windows
always says full duplex, macOS and Wi-Fi invent a speed), so those are believed only where a real card says them.
"""

import ipaddress
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Literal

import psutil
from msgspec import Struct

from agent.contract.values import Medium
from agent.host import ip_helper
from agent.host.ip_helper import Row

if sys.platform != "win32":
    import fcntl

_SYSFS = Path("/sys/class/net")
_ETHERNET, _LOOPBACK, _RAW_IP = "1", "772", "519"  # Linux, include/uapi/linux/if_arp.h
_NO_SPEED = 65_535  # what some drivers say for "unknown", in Mbit/s
_SIOCGIFHWADDR = 0x8927  # Linux, include/uapi/linux/sockios.h
# Windows: ipifcons.h, and NDIS_PHYSICAL_MEDIUM of ntddndis.h.
_WINDOWS_LOOPBACK, _WINDOWS_ETHERNET, _WINDOWS_WIFI, _WINDOWS_CELLULAR = 24, 6, 71, {243, 244}
_WIFI_MEDIA, _CELLULAR_MEDIUM = {1, 9}, 8


class RawLink(Struct, frozen=True, kw_only=True):
    """What the system says of an interface, as it says it.

    ``sysfs`` holds Linux's small files by name ("type", "duplex", "uevent", "tun_flags"; of the card "vendor", "model",
    "product" and "driver"), with "wireless" and "device" present, and empty, where those folders are; it is null where
    there is no sysfs. ``hardware_type`` is Linux's ARPHRD number, which is known without sysfs too. ``row`` is what
    Windows says.
    """

    interface: str
    platform: str
    flags: str
    speed_mbps: int
    mtu_bytes: int
    sysfs: dict[str, str] | None
    hardware_type: int | None = None
    row: Row | None = None


class LinkFacts(Struct, frozen=True, kw_only=True):
    """What can be believed of an interface; null where it is not known."""

    medium: Medium | None
    speed_bps: float | None
    duplex: Literal["full", "half"] | None
    mtu_bytes: int | None
    adapter: str | None = None


def local_address(family: socket.AddressFamily, address: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """Return this computer's address on the way to another; a connected UDP socket sends nothing.

    Raises:
        OSError: there is no way there.
    """
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect(address)
        return str(sock.getsockname()[0])


def interface_of(address: str) -> str | None:
    """Return the name of the interface that has this address."""
    wanted = ipaddress.ip_address(address.partition("%")[0])
    for name, entries in psutil.net_if_addrs().items():
        for entry in entries:
            is_ip = entry.family in (socket.AF_INET, socket.AF_INET6)
            if is_ip and ipaddress.ip_address(entry.address.partition("%")[0]) == wanted:
                return name
    return None


def prefix_length(interface: str, address: str) -> int | None:
    """Return how many bits of this address of the interface name its subnet; None where the system does not tell."""
    plain = address.partition("%")[0]
    for entry in psutil.net_if_addrs().get(interface, []):
        if entry.family in {socket.AF_INET, socket.AF_INET6} and entry.address.partition("%")[0] == plain:
            return decode_mask(entry.netmask)
    return None


def decode_mask(mask: str | None) -> int | None:
    """Read a subnet's mask; None for what is none, as one with holes."""
    try:
        parsed = ipaddress.ip_address(mask or "")
    except ValueError:
        return None
    ones = f"{int(parsed):0{parsed.max_prefixlen}b}".rstrip("0")
    return None if "0" in ones else len(ones)


def fetch(interface: str) -> RawLink | None:
    """Ask the system for what it says of an interface; None where there is none of this name (any more)."""
    stats = psutil.net_if_stats().get(interface)
    if stats is None:
        return None
    return RawLink(
        interface=interface,
        platform=sys.platform,
        flags=stats.flags,
        speed_mbps=stats.speed,
        mtu_bytes=stats.mtu,
        sysfs=_sysfs(_SYSFS / interface),
        hardware_type=_hardware_type(interface),
        row=ip_helper.fetch_row(interface),
    )


def _hardware_type(interface: str) -> int | None:
    """Ask Linux for the interface's ARPHRD number (netdevice(7)); None elsewhere."""
    if sys.platform == "linux":
        request = struct.pack("16s24x", interface.encode("utf-8", "surrogateescape")[:15])
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            return int(struct.unpack_from("=H", fcntl.ioctl(sock, _SIOCGIFHWADDR, request), 16)[0])
    return None


def _sysfs(folder: Path) -> dict[str, str] | None:
    """Read the interface's small files; None on other systems, and where a container hides them.

    A process in another network namespace still sees the /sys of the first; the number tells whose interface it is.
    """
    try:
        if int((folder / "ifindex").read_text(encoding="ascii")) != socket.if_nametoindex(folder.name):
            return None
    except (OSError, ValueError):
        return None
    found = {name: "" for name in ("wireless", "phy80211", "device") if (folder / name).exists()}
    for name in ("type", "duplex", "uevent", "tun_flags"):
        try:
            found[name] = (folder / name).read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            continue  # Linux answers EINVAL where the card does not know; absent is what we say then
    return found | _card(folder / "device")


def _card(folder: Path) -> dict[str, str]:
    """Read what a card's folder says of its maker and model; a USB card has them one folder up."""
    places = {
        "vendor": ("vendor", "../idVendor"),
        "model": ("device", "../idProduct"),
        "product": ("../product",),
    }
    found: dict[str, str] = {}
    for name, candidates in places.items():
        for candidate in candidates:
            with suppress(OSError):
                found.setdefault(name, (folder / candidate).read_text(encoding="utf-8", errors="replace").strip())
    with suppress(OSError):
        found["driver"] = (folder / "driver").readlink().name
    return found


def decode(raw: RawLink) -> LinkFacts:
    """Say what can be believed of an interface."""
    medium = _medium(raw)
    wired = medium == "ethernet" and raw.sysfs is not None
    duplex = raw.sysfs.get("duplex") if wired and raw.sysfs is not None else None
    believed = wired or (raw.platform == "win32" and medium in {None, "ethernet"})
    speed = raw.speed_mbps if believed and 0 < raw.speed_mbps < _NO_SPEED else None
    return LinkFacts(
        medium=medium,
        speed_bps=None if speed is None else speed * 1e6,
        duplex="full" if duplex == "full" else "half" if duplex == "half" else None,
        mtu_bytes=raw.mtu_bytes if raw.mtu_bytes > 0 else None,
        adapter=_adapter(raw),
    )


def _adapter(raw: RawLink) -> str | None:
    """Name the card: in its maker's words, else by the numbers of the PCI or USB list; then its driver."""
    if raw.row is not None:
        return raw.row.description or None
    files = raw.sysfs or {}
    numbers = ":".join(files[name].removeprefix("0x") for name in ("vendor", "model") if files.get(name))
    driver = f"({files['driver']})" if files.get("driver") else ""
    return " ".join(part for part in (files.get("product"), numbers, driver) if part) or None


def _medium(raw: RawLink) -> Medium | None:
    """Return what kind of link it is; null on systems where psutil alone does not tell."""
    if "loopback" in raw.flags.split(","):
        return "loopback"
    if raw.row is not None:
        return _windows_medium(raw.row)
    if raw.sysfs is None:
        return None
    kind, uevent = raw.sysfs.get("type"), raw.sysfs.get("uevent", "").splitlines()
    signs: tuple[tuple[bool, Medium], ...] = (
        (kind == _LOOPBACK, "loopback"),
        ("wireless" in raw.sysfs or "phy80211" in raw.sysfs or "DEVTYPE=wlan" in uevent, "wifi"),
        ("DEVTYPE=wwan" in uevent or kind == _RAW_IP, "cellular"),
        ("device" not in raw.sysfs, "virtual"),  # bridges, VLANs, tunnels and veth have no card of their own
        (kind == _ETHERNET, "ethernet"),
    )
    return next((medium for fits, medium in signs if fits), None)


def _windows_medium(row: Row) -> Medium | None:
    """Return what kind of link Windows says it is; it has no card of its own unless it is hardware."""
    kind, below = row.interface_type, row.physical_medium
    signs: tuple[tuple[bool, Medium], ...] = (
        (kind == _WINDOWS_LOOPBACK, "loopback"),
        (kind == _WINDOWS_WIFI or below in _WIFI_MEDIA, "wifi"),
        (kind in _WINDOWS_CELLULAR or below == _CELLULAR_MEDIUM, "cellular"),
        (not row.is_hardware, "virtual"),
        (kind == _WINDOWS_ETHERNET, "ethernet"),
    )
    return next((medium for fits, medium in signs if fits), None)
