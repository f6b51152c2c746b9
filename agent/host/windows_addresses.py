"""What Windows says of each adapter (iphlpapi.dll, GetAdaptersAddresses): routers, name servers, DHCP server.

The answer is one block of memory whose pointers lead into itself; reading it is pure, so that a recorded block and the
address it stood at are read anywhere. The layout is iptypes.h's; the call has never been run on Windows.
"""

import ctypes
import ipaddress
import struct
import sys
from collections.abc import Iterator

from msgspec import Struct

_FLAGS = 0x0002 | 0x0004 | 0x0080  # GAA_FLAG_SKIP_ANYCAST, _SKIP_MULTICAST, _INCLUDE_GATEWAYS
_OVERFLOW, _TRIES, _FIRST_BYTES, _MOST_BYTES = 111, 4, 16 * 1024, 4 * 1024 * 1024  # ERROR_BUFFER_OVERFLOW
_AF_INET, _AF_INET6 = 2, 23  # ws2def.h
_MOST_ADAPTERS, _MOST_ADDRESSES, _MOST_LETTERS = 256, 64, 256
# What Windows writes where an adapter was told no IPv6 name server (site-local addresses, deprecated by RFC 3879).
_PLACEHOLDERS = ipaddress.ip_network("fec0:0:0:ffff::/64")


class Adapter(Struct, frozen=True, kw_only=True):
    """What Windows says of one adapter; ``alias`` is its name as people and psutil know it."""

    index: int
    alias: str
    gateways: tuple[str, ...]
    resolvers: tuple[str, ...]
    dhcp_server: str | None


class _Layout(Struct, frozen=True, kw_only=True):
    """Where the fields of IP_ADAPTER_ADDRESSES_LH stand for a width of pointers."""

    pointer: str
    bytes: int
    next: int
    resolvers: int
    alias: int
    gateways: int
    dhcp_server: int


# Checked against the structure's known sizes: 448 bytes with pointers of 8, 376 with pointers of 4.
_LAYOUTS = {
    8: _Layout(pointer="<Q", bytes=448, next=8, resolvers=48, alias=72, gateways=208, dhcp_server=232),
    4: _Layout(pointer="<I", bytes=376, next=8, resolvers=28, alias=40, gateways=164, dhcp_server=184),
}


def fetch() -> tuple[Adapter, ...] | None:
    """Ask Windows for its adapters; None where it does not tell, and on other systems."""
    if sys.platform != "win32":
        return None
    size = ctypes.c_uint32(_FIRST_BYTES)
    for _try in range(_TRIES):
        block = ctypes.create_string_buffer(size.value)
        status = ctypes.windll.iphlpapi.GetAdaptersAddresses(
            ctypes.c_uint32(0), ctypes.c_uint32(_FLAGS), None, block, ctypes.byref(size)
        )
        if status == 0:
            return decode(block.raw, ctypes.addressof(block), struct.calcsize("P"))
        if status != _OVERFLOW or size.value > _MOST_BYTES:
            return None
    return None


def decode(block: bytes, base: int, pointer_bytes: int = 8) -> tuple[Adapter, ...]:
    """Read a block of IP_ADAPTER_ADDRESSES that stood at the address ``base``; pointers that leave it end a list."""
    memory = _Memory(block, base, _LAYOUTS[pointer_bytes])
    layout = memory.layout
    found: list[Adapter] = []
    at = 0 if len(block) >= layout.bytes else None
    while at is not None and len(found) < _MOST_ADAPTERS:
        servers = tuple(dict.fromkeys(memory.listed(at + layout.resolvers)))
        found.append(
            Adapter(
                index=struct.unpack_from("<I", block, at + 4)[0],
                alias=memory.text(at + layout.alias),
                gateways=tuple(dict.fromkeys(memory.listed(at + layout.gateways))),
                resolvers=tuple(each for each in servers if not _is_placeholder(each)),
                dhcp_server=memory.address(at + layout.dhcp_server),
            )
        )
        at = memory.follow(at + layout.next, layout.bytes)
    return tuple(found)


class _Memory:
    """A block of memory and where it stood."""

    def __init__(self, block: bytes, base: int, layout: _Layout) -> None:
        self._block = block
        self._base = base
        self._pointer = struct.Struct(layout.pointer)
        self.layout = layout

    def follow(self, at: int, room: int) -> int | None:
        """Return where the pointer leads that stands here; None where fewer than ``room`` bytes lie there."""
        if at + self._pointer.size > len(self._block):
            return None
        target = int(self._pointer.unpack_from(self._block, at)[0]) - self._base
        return target if 0 <= target <= len(self._block) - room else None

    def listed(self, at: int) -> Iterator[str]:
        """Give the addresses of a list (IP_ADAPTER_GATEWAY_ADDRESS, IP_ADAPTER_DNS_SERVER_ADDRESS) that begins here."""
        for _turn in range(_MOST_ADDRESSES):
            entry = self.follow(at, 8 + 2 * self._pointer.size)
            if entry is None:
                return
            if (address := self.address(entry + 8 + self._pointer.size)) is not None:
                yield address
            at = entry + 8  # Next stands behind Length and Flags

    def address(self, at: int) -> str | None:
        """Read the SOCKET_ADDRESS that stands here."""
        place = self.follow(at, 8)
        if place is None:
            return None
        (family,) = struct.unpack_from("<H", self._block, place)
        if family == _AF_INET:
            return str(ipaddress.IPv4Address(self._block[place + 4 : place + 8]))
        if family != _AF_INET6 or place + 28 > len(self._block):
            return None
        found = ipaddress.IPv6Address(self._block[place + 8 : place + 24])
        (zone,) = struct.unpack_from("<I", self._block, place + 24)
        return f"{found}%{zone}" if found.is_link_local and zone else str(found)

    def text(self, at: int) -> str:
        """Read the UTF-16 text to which the pointer leads that stands here."""
        place = self.follow(at, 2)
        if place is None:
            return ""
        return self._block[place : place + 2 * _MOST_LETTERS].decode("utf-16-le", "replace").partition("\0")[0]


def _is_placeholder(address: str) -> bool:
    return ipaddress.ip_address(address) in _PLACEHOLDERS
