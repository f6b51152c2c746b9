"""The routes that the system would send packets by; reading its tables is pure."""

import ipaddress
import sys
from pathlib import Path

from msgspec import Struct

_UP, _GATEWAY, _REJECT = 0x1, 0x2, 0x200  # Linux, include/uapi/linux/route.h
_NEARLY_ALL = {4: 1, 6: 3}  # 0.0.0.0/1 with 128.0.0.0/1, or 2000::/3, is how VPNs take all traffic beside the default


class Route(Struct, frozen=True):
    """One line of a routing table: which packets leave by which interface."""

    interface: str
    network: ipaddress.IPv4Network | ipaddress.IPv6Network
    by_gateway: bool

    @property
    def is_default(self) -> bool:
        """Whether it leads to all, or nearly all, of the internet."""
        return self.network.prefixlen <= _NEARLY_ALL[self.network.version]

    @property
    def is_to_one_far_host(self) -> bool:
        """Whether it leads over a gateway to a single address, as a VPN's own packets are sent."""
        return self.by_gateway and self.network.prefixlen == self.network.max_prefixlen


def fetch() -> tuple[Route, ...] | None:
    """Return the routes of Linux's main table; None on other systems. What policy rules add to it is not seen here."""
    tables = _text("/proc/net/route"), _text("/proc/net/ipv6_route")
    return None if tables == (None, None) else decode_ipv4(tables[0] or "") + decode_ipv6(tables[1] or "")


def _text(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None


def decode_ipv4(text: str) -> tuple[Route, ...]:
    """Read ``/proc/net/route``; a line that is none is passed over."""
    found = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        try:
            flags, address, mask = int(fields[3], 16), _ipv4(fields[1]), _ipv4(fields[7])
            network = ipaddress.IPv4Network(f"{address}/{mask}", strict=False)
        except (ValueError, IndexError, OverflowError):
            continue
        if flags & _UP and not flags & _REJECT:
            found.append(Route(fields[0], network, bool(flags & _GATEWAY)))
    return tuple(found)


def decode_ipv6(text: str) -> tuple[Route, ...]:
    """Read ``/proc/net/ipv6_route``; a line that is none is passed over."""
    found = []
    for line in text.splitlines():
        fields = line.split()
        try:
            flags, packed, length = int(fields[8], 16), bytes.fromhex(fields[0]), int(fields[1], 16)
            network = ipaddress.IPv6Network((packed, length), strict=False)
            interface = fields[9]
        except (ValueError, IndexError):
            continue
        if flags & _UP and not flags & _REJECT:
            found.append(Route(interface, network, bool(flags & _GATEWAY)))
    return tuple(found)


def _ipv4(word: str) -> ipaddress.IPv4Address:
    """The kernel prints the four bytes as this machine reads them as one number."""
    return ipaddress.IPv4Address(int(word, 16).to_bytes(4, sys.byteorder))
