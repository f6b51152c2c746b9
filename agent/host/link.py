"""The network interface behind an address: what the system really knows of it, and what it only pretends to know.

``fetch`` and ``count`` ask; ``decode`` is pure. psutil makes up speed and duplex in several places (facts: Windows
always says full duplex, macOS and Wi-Fi invent a speed), so those are believed only where a real card says them.
"""

import ipaddress
import socket
import sys
import time
from pathlib import Path
from typing import Literal

import psutil
from msgspec import Struct

from agent.contract.measurement import Medium

_SYSFS = Path("/sys/class/net")
_ETHERNET, _LOOPBACK, _RAW_IP = "1", "772", "519"  # Linux, include/uapi/linux/if_arp.h
_NO_SPEED = 65_535  # what some drivers say for "unknown", in Mbit/s


class RawLink(Struct, frozen=True, kw_only=True):
    """What the system says of an interface, as it says it.

    ``sysfs`` holds Linux's small files by name ("type", "duplex", "uevent"), with "wireless" and "device" present, and
    empty, where those folders are; it is null where there is no sysfs.
    """

    interface: str
    platform: str
    flags: str
    speed_mbps: int
    mtu_bytes: int
    sysfs: dict[str, str] | None


class LinkFacts(Struct, frozen=True, kw_only=True):
    """What can be believed of an interface; null where it is not known."""

    medium: Medium | None
    speed_bps: float | None
    duplex: Literal["full", "half"] | None
    mtu_bytes: int | None


class Traffic(Struct, frozen=True, kw_only=True):
    """An interface's own traffic over ``counted_s``."""

    download_bps: float
    upload_bps: float
    counted_s: float


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
    )


def _sysfs(folder: Path) -> dict[str, str] | None:
    """Read the interface's small files; None on other systems, and where a container hides them."""
    if not folder.exists():
        return None
    found = {name: "" for name in ("wireless", "phy80211", "device") if (folder / name).exists()}
    for name in ("type", "duplex", "uevent"):
        try:
            found[name] = (folder / name).read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            continue  # Linux answers EINVAL where the card does not know; absent is what we say then
    return found


def decode(raw: RawLink) -> LinkFacts:
    """Say what can be believed of an interface."""
    medium = _medium(raw)
    wired = medium == "ethernet" and raw.sysfs is not None
    duplex = raw.sysfs.get("duplex") if wired and raw.sysfs is not None else None
    believed = wired or (medium is None and raw.platform == "win32")
    speed = raw.speed_mbps if believed and 0 < raw.speed_mbps < _NO_SPEED else None
    return LinkFacts(
        medium=medium,
        speed_bps=None if speed is None else speed * 1e6,
        duplex="full" if duplex == "full" else "half" if duplex == "half" else None,
        mtu_bytes=raw.mtu_bytes if raw.mtu_bytes > 0 else None,
    )


def _medium(raw: RawLink) -> Medium | None:
    """Return what kind of link it is; null on systems where psutil alone does not tell."""
    if "loopback" in raw.flags.split(","):
        return "loopback"
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


def count(interface: str, seconds: float) -> Traffic | None:
    """Count the interface's traffic for some seconds; None if it is gone or its counters were reset meanwhile."""
    before, began = psutil.net_io_counters(pernic=True, nowrap=False).get(interface), time.monotonic()
    time.sleep(seconds)
    after, ended = psutil.net_io_counters(pernic=True, nowrap=False).get(interface), time.monotonic()
    if before is None or after is None:
        return None
    received, sent = after.bytes_recv - before.bytes_recv, after.bytes_sent - before.bytes_sent
    if received < 0 or sent < 0 or ended <= began:
        return None
    passed = ended - began
    return Traffic(
        download_bps=round(8 * received / passed), upload_bps=round(8 * sent / passed), counted_s=round(passed, 3)
    )
