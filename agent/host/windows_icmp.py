"""Windows' own call for echoes (iphlpapi.dll, IcmpSendEcho2), which needs no privileges; IPv4 only.

Written after ipexport.h and icmpapi.h and never run on Windows. The fields read and written here stand at the same
place in the structures of 32 and 64 bits, which Microsoft's pages describe in two ways.
"""

import ctypes
import ipaddress
import struct
import sys
import time

from msgspec import Struct

SUCCESS, TOO_BIG, EXPIRED = 0, 11_009, 11_013  # ipexport.h: IP_SUCCESS, IP_PACKET_TOO_BIG, IP_TTL_EXPIRED_TRANSIT
_REPLY = struct.Struct("<4sIIHH")  # ICMP_ECHO_REPLY: Address, Status, RoundTripTime (ms), DataSize, Reserved
_DONT_FRAGMENT = 0x02  # IP_FLAG_DF
_ROOM_BYTES = 64 + 8  # beside the payload: the reply's structure and, says the page, an ICMP error and a status block


class Reply(Struct, frozen=True, kw_only=True):
    """What came back: who answered, how (``status`` is one of ipexport.h), and after how many whole milliseconds."""

    address: str
    status: int
    rtt_ms: int


def options(ttl: int, *, whole: bool) -> bytes:
    """Return an IP_OPTION_INFORMATION without options, as long as that of 64 bits."""
    return struct.pack("<4B12x", ttl, 0, _DONT_FRAGMENT if whole else 0, 0)


def decode(raw: bytes) -> Reply | None:
    """Read the first ICMP_ECHO_REPLY; None where there is none."""
    if len(raw) < _REPLY.size:
        return None
    address, status, rtt_ms, _size, _reserved = _REPLY.unpack_from(raw)
    return Reply(address=str(ipaddress.IPv4Address(address)), status=status, rtt_ms=rtt_ms)


def round_trip(reply: Reply, waited_s: float) -> float:
    """Return the round trip in seconds: what we waited, held to the whole milliseconds that Windows counted."""
    return min(max(waited_s, reply.rtt_ms / 1000), (reply.rtt_ms + 1) / 1000)


def echo(
    address: str, payload: bytes, *, ttl: int = 128, whole: bool = False, patience_s: float = 1.0
) -> tuple[Reply, float] | None:
    """Send an echo and wait for its answer; return it and the round trip in seconds, None where none came.

    ``whole`` forbids routers to cut the packet into pieces.

    Raises:
        OSError: Windows refused; there is no such call.
    """
    if sys.platform != "win32":
        raise OSError("this call is Windows' own")
    library = ctypes.windll.iphlpapi
    library.IcmpCreateFile.restype = ctypes.c_void_p
    handle = library.IcmpCreateFile()
    if handle in {None, ctypes.c_void_p(-1).value}:
        raise ctypes.WinError()
    room = ctypes.create_string_buffer(len(payload) + _ROOM_BYTES)
    began = time.perf_counter()
    try:
        count = library.IcmpSendEcho2(
            ctypes.c_void_p(handle), None, None, None,
            ctypes.c_uint32(int.from_bytes(ipaddress.IPv4Address(address).packed, "little")),
            ctypes.c_char_p(payload), ctypes.c_uint16(len(payload)), ctypes.c_char_p(options(ttl, whole=whole)),
            room, ctypes.c_uint32(len(room)), ctypes.c_uint32(int(patience_s * 1000)),
        )  # fmt: skip
        waited_s = time.perf_counter() - began
    finally:
        library.IcmpCloseHandle(ctypes.c_void_p(handle))
    reply = decode(room.raw) if count else None
    return None if reply is None else (reply, round_trip(reply, waited_s))
