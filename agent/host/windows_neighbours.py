"""Windows' neighbours (iphlpapi.dll): its table (GetIpNetTable2) and its way to ask (SendARP), without privileges.

The layout is netioapi.h's, and reading it is pure; the calls have never been run on Windows.
"""

import ctypes
import ipaddress
import struct
import sys

_ROW_BYTES, _ROWS_AT = 88, 8  # MIB_IPNET_ROW2, MIB_IPNET_TABLE2.Table
_INTERFACE_AT, _MAC_AT, _LENGTH_AT, _STATE_AT = 28, 40, 72, 76
_AF_INET = 2
_ANSWERED = {2, 3, 4, 5, 6}  # NL_NEIGHBOR_STATE: probe, delay, stale, reachable, permanent
_MOST_ROWS = 10_000


def fetch(index: int | None) -> list[tuple[str, str]]:
    """Ask for the IPv4 neighbours on the interface of this index, as (IP address, MAC address)."""
    if sys.platform != "win32":
        return []
    table = ctypes.c_void_p()
    library = ctypes.windll.iphlpapi
    if library.GetIpNetTable2(ctypes.c_uint16(_AF_INET), ctypes.byref(table)) != 0 or table.value is None:
        return []
    try:
        count = min(ctypes.c_uint32.from_address(table.value).value, _MOST_ROWS)
        raw = ctypes.string_at(table.value, _ROWS_AT + count * _ROW_BYTES)
    finally:
        library.FreeMibTable(table)
    return decode(raw, index)


def decode(raw: bytes, index: int | None) -> list[tuple[str, str]]:
    """Read a MIB_IPNET_TABLE2: the IPv4 neighbours on an interface that have answered; without an index, on all."""
    found = []
    for at in range(_ROWS_AT, len(raw) - _ROW_BYTES + 1, _ROW_BYTES):
        (family,) = struct.unpack_from("<H", raw, at)
        (interface,) = struct.unpack_from("<I", raw, at + _INTERFACE_AT)
        length, state = struct.unpack_from("<II", raw, at + _LENGTH_AT)
        if family == _AF_INET and length == 6 and state in _ANSWERED and index in {None, interface}:
            mac = raw[at + _MAC_AT : at + _MAC_AT + 6]
            found.append((str(ipaddress.IPv4Address(raw[at + 4 : at + 8])), mac.hex(":")))
    return found


def ask(address: str, source: str) -> str | None:
    """Ask the network for the MAC address of an IPv4 address (ARP); None where nobody answers, and elsewhere."""
    if sys.platform != "win32":
        return None
    mac, length = (ctypes.c_uint8 * 8)(), ctypes.c_uint32(8)
    numbers = (int.from_bytes(ipaddress.IPv4Address(each).packed, "little") for each in (address, source))
    status = ctypes.windll.iphlpapi.SendARP(
        *(ctypes.c_uint32(number) for number in numbers), ctypes.byref(mac), ctypes.byref(length)
    )
    return bytes(mac[:6]).hex(":") if status == 0 and length.value == 6 else None
