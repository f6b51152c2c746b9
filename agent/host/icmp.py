"""ICMP echo packets (RFC 792, RFC 4443) and the sockets that carry them; building and reading packets is pure."""

import ipaddress
import socket
import struct
import sys

from msgspec import Struct

from agent.contract.values import in_private_network, is_address

_HEADER = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence
_REQUEST, _ANSWER, _EXCEEDED, _UNREACHABLE = {4: 8, 6: 128}, {4: 0, 6: 129}, {4: 11, 6: 3}, {4: 3, 6: 1}
_IPV6_BYTES = 40
_MOST_BYTES = 65_535
# sysctl's name in English on every system; the text is for whoever looks after the computer.
SETTING = (
    "this computer does not let the agent send pings; on Linux the administrator allows them with "
    "sysctl -w net.ipv4.ping_group_range='0 2147483647'"
)

Place = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]


class Answered(Struct, frozen=True):
    """An answer to an echo, with the bytes that were sent with it."""

    identifier: int
    sequence: int
    payload: bytes


class Refused(Struct, frozen=True):
    """What a router says of an echo that went no further; ``expired`` where its time to live was over."""

    identifier: int
    sequence: int
    expired: bool


def place(address: str, port: int = 0) -> Place:
    """Return the socket address of an IP address, its zone included.

    Raises:
        OSError: it is none, or its interface is not there.
    """
    (family, *_, found), *_ = socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)
    return socket.AddressFamily(family), (str(found[0]), int(found[1]), *(int(part) for part in found[2:]))  # type: ignore[return-value]


def version_of(family: socket.AddressFamily) -> int:
    """Return 4 or 6."""
    return 4 if family == socket.AF_INET else 6


def header_bytes(version: int) -> int:
    """Return how many bytes of an IP packet an echo needs beside its payload."""
    return _HEADER.size + (20 if version == 4 else _IPV6_BYTES)


def open_socket(family: socket.AddressFamily) -> socket.socket:
    """Open a non-blocking socket for echoes: one that needs no privileges, else a raw one.

    Raises:
        PermissionError: this user may have neither.
        OSError: no sockets, no such family.
    """
    protocol = socket.IPPROTO_ICMP if family == socket.AF_INET else socket.IPPROTO_ICMPV6
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            sock = socket.socket(family, kind, protocol)
        except PermissionError:
            continue
        sock.setblocking(False)
        return sock
    raise PermissionError(SETTING)


def is_unprivileged() -> bool:
    """Tell whether this system has sockets for echoes at all; Windows has a call of its own instead."""
    return sys.platform != "win32"


def request(version: int, identifier: int, sequence: int, payload: bytes) -> bytes:
    """Return an echo request; of IPv6 the system reckons the checksum, because the addresses are part of it."""
    empty = _HEADER.pack(_REQUEST[version], 0, 0, identifier, sequence & 0xFFFF) + payload
    checksum = _checksum(empty) if version == 4 else 0
    return _HEADER.pack(_REQUEST[version], 0, checksum, identifier, sequence & 0xFFFF) + payload


def decode(packet: bytes, version: int) -> Answered | Refused | None:
    """Read what came out of an ICMP socket, with or without the IPv4 header before it; None for anything else."""
    message = _without_header(packet) if version == 4 else packet
    if len(message) < _HEADER.size:
        return None
    kind, _code, _sum, identifier, sequence = _HEADER.unpack_from(message)
    if kind == _ANSWER[version]:
        return Answered(identifier, sequence, message[_HEADER.size :])
    if kind not in {_EXCEEDED[version], _UNREACHABLE[version]}:
        return None
    quoted = message[_HEADER.size :]
    inner = _without_header(quoted) if version == 4 else quoted[_IPV6_BYTES:]
    if len(inner) < _HEADER.size or inner[0] != _REQUEST[version]:
        return None
    *_, identifier, sequence = _HEADER.unpack_from(inner)
    return Refused(identifier, sequence, expired=kind == _EXCEEDED[version])


def is_inside(address: str) -> bool:
    """Tell whether a router on the way is the school's: in a private network, or on this computer's own link.

    Not all that ``stays_inside``: operators number their routers from 192.0.0.0/29 (RFC 7335) and the like.
    """
    return in_private_network(address) or (is_address(address) and ipaddress.ip_address(address).is_link_local)


def _without_header(packet: bytes) -> bytes:
    """Leave out an IPv4 header, which some systems hand over; no message that is read here begins with a 4."""
    if packet and packet[0] >> 4 == 4:
        return packet[4 * (packet[0] & 0x0F) :]
    return packet


def _checksum(data: bytes) -> int:
    """Reckon the internet checksum (RFC 1071)."""
    words = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(words) // 2}H", words))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
