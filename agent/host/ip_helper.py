"""Windows' IP Helper (iphlpapi.dll, netioapi.h): one adapter, the routes, what a connection costs.

Structures are read by their fixed layout, checked against mingw-w64's headers; that reading is pure. The calls
themselves have not been run on Windows: whatever they refuse is None, and callers go on without.
"""

import ctypes
import ipaddress
import struct
import sys

from msgspec import Struct

from agent.host.route import Route

_ROW_BYTES, _ROUTE_BYTES, _ROUTES_AT = 1352, 104, 8  # MIB_IF_ROW2, MIB_IPFORWARD_ROW2, MIB_IPFORWARD_TABLE2.Table
_NAME_BYTES = 514  # WCHAR[IF_MAX_STRING_SIZE + 1]
_HINT_BYTES = 12  # NL_NETWORK_CONNECTIVITY_HINT: two enumerations, three BOOLEANs
_AF_INET, _AF_INET6 = 2, 23  # ws2def.h
_MOST_ROUTES = 10_000
_NO_SPEED = 10**13  # far above any link; Windows says all ones where it does not know
_UNRESTRICTED, _FIXED, _VARIABLE = 1, 2, 3  # NL_NETWORK_CONNECTIVITY_COST_HINT


class Row(Struct, frozen=True, kw_only=True):
    """What Windows says of an adapter (MIB_IF_ROW2), under our names.

    ``rx_groups`` are received broadcasts and multicasts; the two speeds are those of the link, in bit/s, null where
    Windows does not know them (all ones).
    """

    index: int
    alias: str
    description: str
    interface_type: int
    physical_medium: int
    is_hardware: bool
    rx_bytes: int
    rx_packets: int
    tx_bytes: int
    tx_packets: int
    guid: bytes = b""
    rx_groups: int | None = None
    transmit_bps: int | None = None
    receive_bps: int | None = None


def decode_row(raw: bytes) -> Row | None:
    """Read a MIB_IF_ROW2; None where it is too short to be one."""
    if len(raw) < _ROW_BYTES:
        return None
    rx_bytes, rx_unicast, rx_others = struct.unpack_from("<3Q", raw, 1208)
    tx_bytes, tx_unicast, tx_others = struct.unpack_from("<3Q", raw, 1280)
    return Row(
        index=struct.unpack_from("<I", raw, 8)[0],
        alias=_text(raw, 28),
        description=_text(raw, 542),
        interface_type=struct.unpack_from("<I", raw, 1128)[0],
        physical_medium=struct.unpack_from("<I", raw, 1140)[0],
        is_hardware=bool(raw[1152] & 1),
        rx_bytes=rx_bytes,
        rx_packets=rx_unicast + rx_others,
        tx_bytes=tx_bytes,
        tx_packets=tx_unicast + tx_others,
        guid=raw[12:28],
        rx_groups=rx_others,
        transmit_bps=_speed(raw, 1192),
        receive_bps=_speed(raw, 1200),
    )


def _speed(raw: bytes, at: int) -> int | None:
    """Read a link's speed; 0 and all ones say that there is none."""
    (speed,) = struct.unpack_from("<Q", raw, at)
    return speed if 0 < speed < _NO_SPEED else None


def decode_routes(raw: bytes, names: dict[int, str]) -> tuple[Route, ...]:
    """Read a MIB_IPFORWARD_TABLE2; ``names`` are the interfaces by index, and routes of others are left out."""
    found = []
    for at in range(_ROUTES_AT, len(raw) - _ROUTE_BYTES + 1, _ROUTE_BYTES):
        name = names.get(struct.unpack_from("<I", raw, at + 8)[0])
        network = _network(raw[at + 12 : at + 44])
        hop = _address(raw[at + 44 : at + 72])
        if name is not None and network is not None:
            found.append(Route(name, network, by_gateway=hop is not None and not hop.is_unspecified))
    return tuple(found)


def decode_cost(raw: bytes) -> bool | None:
    """Read an NL_NETWORK_CONNECTIVITY_HINT: whether bytes are counted there; None where Windows does not know."""
    if len(raw) < _HINT_BYTES:
        return None
    (cost,) = struct.unpack_from("<I", raw, 4)
    roaming = bool(raw[10])
    return True if roaming or cost in {_FIXED, _VARIABLE} else False if cost == _UNRESTRICTED else None


def fetch_row(interface: str) -> Row | None:
    """Ask for the adapter of this name; None where there is none, and on other systems."""
    if sys.platform != "win32":
        return None
    row = (ctypes.c_ubyte * _ROW_BYTES)()
    if ctypes.windll.iphlpapi.ConvertInterfaceAliasToLuid(ctypes.c_wchar_p(interface), ctypes.byref(row)) != 0:
        return None
    return decode_row(bytes(row)) if ctypes.windll.iphlpapi.GetIfEntry2(ctypes.byref(row)) == 0 else None


def fetch_routes() -> tuple[Route, ...] | None:
    """Ask for the routes of both families; None where Windows does not tell, and on other systems."""
    if sys.platform != "win32":
        return None
    table = ctypes.c_void_p()
    if ctypes.windll.iphlpapi.GetIpForwardTable2(0, ctypes.byref(table)) != 0 or table.value is None:
        return None
    try:
        count = min(ctypes.c_uint32.from_address(table.value).value, _MOST_ROUTES)
        raw = ctypes.string_at(table.value, _ROUTES_AT + count * _ROUTE_BYTES)
    finally:
        ctypes.windll.iphlpapi.FreeMibTable(table)
    return decode_routes(raw, _names(raw))


def fetch_cost(interface: str) -> bool | None:
    """Ask whether bytes are counted on this adapter: Windows 10 2004 and later, else None."""
    if sys.platform != "win32":
        return None
    row = fetch_row(interface)
    ask = getattr(ctypes.windll.iphlpapi, "GetNetworkConnectivityHintForInterface", None)
    if row is None or ask is None:
        return None
    hint = (ctypes.c_ubyte * _HINT_BYTES)()
    return decode_cost(bytes(hint)) if ask(ctypes.c_uint32(row.index), ctypes.byref(hint)) == 0 else None


def _names(table: bytes) -> dict[int, str]:
    """Return the names of the adapters in a route table by their index."""
    found: dict[int, str] = {}
    if sys.platform == "win32":
        for at in range(_ROUTES_AT, len(table) - _ROUTE_BYTES + 1, _ROUTE_BYTES):
            index = struct.unpack_from("<I", table, at + 8)[0]
            row = (ctypes.c_ubyte * _ROW_BYTES)()
            struct.pack_into("<I", row, 8, index)
            if index not in found and ctypes.windll.iphlpapi.GetIfEntry2(ctypes.byref(row)) == 0:
                found[index] = _text(bytes(row), 28)
    return found


def _text(raw: bytes, at: int) -> str:
    return raw[at : at + _NAME_BYTES].decode("utf-16-le", "replace").partition("\0")[0]


def _address(raw: bytes) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read a SOCKADDR_INET."""
    (family,) = struct.unpack_from("<H", raw)
    if family == _AF_INET:
        return ipaddress.IPv4Address(raw[4:8])
    return ipaddress.IPv6Address(raw[8:24]) if family == _AF_INET6 else None


def _network(raw: bytes) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Read an IP_ADDRESS_PREFIX."""
    address = _address(raw)
    if address is None or raw[28] > address.max_prefixlen:
        return None
    kind = ipaddress.IPv4Network if address.version == 4 else ipaddress.IPv6Network
    return kind((address.packed, raw[28]), strict=False)
