"""What routers and hosts say of a datagram, from Linux's error queue (IP_RECVERR, ip(7)): needs no privileges."""

import ipaddress
import selectors
import socket
import struct
import sys
import time
from contextlib import suppress

from msgspec import Struct

from agent.host import icmp

_FIRST_PORT = 33_434  # traceroute's, where nobody listens
# Linux, include/uapi/linux/in.h and in6.h; Python does not have them all.
_IP_RECVERR, _IP_MTU_DISCOVER, _IP_TTL = 11, 10, 2
_IPV6_RECVERR, _IPV6_MTU_DISCOVER, _IPV6_UNICAST_HOPS = 25, 23, 16
_PROBE = 3  # IP_PMTUDISC_PROBE: never cut into pieces, whatever is remembered of the way
_ERROR = struct.Struct("=IBBBBII")  # struct sock_extended_err
_FROM_ICMP, _FROM_ICMP6 = 2, 3
_EXCEEDED, _UNREACHABLE = {_FROM_ICMP: 11, _FROM_ICMP6: 3}, {_FROM_ICMP: 3, _FROM_ICMP6: 1}
_NO_PORT = {_FROM_ICMP: 3, _FROM_ICMP6: 4}


class Asked(Struct, frozen=True, kw_only=True):
    """One datagram: its time to live (None for the usual), and how large its IP packet is, never to be cut."""

    ttl: int | None = None
    packet_bytes: int = 60


class Heard(Struct, frozen=True, kw_only=True):
    """What came back: from whom, after how long; ``arrived`` where the far end itself said that nobody listens."""

    address: str
    rtt_s: float
    expired: bool
    arrived: bool


def is_there() -> bool:
    """Tell whether this system has an error queue."""
    return sys.platform == "linux"


def ask(address: str, wanted: list[Asked], pause_s: float, patience_s: float) -> list[Heard | None]:
    """Send the datagrams one after the other, each from a socket of its own, and return what was said of each.

    Raises:
        OSError: there is no way to the address at all.
    """
    family, _ = icmp.place(address)
    found: list[Heard | None] = [None] * len(wanted)
    with selectors.DefaultSelector() as selector:
        try:
            for index, asked in enumerate(wanted):
                place = icmp.place(address, _FIRST_PORT + index)
                sock = _open(family, asked)
                selector.register(sock, selectors.EVENT_READ, (index, time.monotonic()))
                sock.connect(place[1])
                payload = max(0, asked.packet_bytes - (28 if family == socket.AF_INET else 48))
                with suppress(OSError):  # larger than the interface takes, no buffer: nobody will say anything
                    sock.send(bytes(payload))
                _listen(selector, found, time.monotonic() + pause_s)
            _listen(selector, found, time.monotonic() + patience_s)
        finally:
            for key in list(selector.get_map().values()):
                if isinstance(key.fileobj, socket.socket):
                    key.fileobj.close()
    return found


def _open(family: socket.AddressFamily, asked: Asked) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setblocking(False)
    if family == socket.AF_INET:
        level, names = socket.IPPROTO_IP, (_IP_RECVERR, _IP_MTU_DISCOVER, _IP_TTL)
    else:
        level, names = socket.IPPROTO_IPV6, (_IPV6_RECVERR, _IPV6_MTU_DISCOVER, _IPV6_UNICAST_HOPS)
    for name, value in zip(names, (1, _PROBE, asked.ttl), strict=True):
        if value is not None:
            sock.setsockopt(level, name, value)
    return sock


def _listen(selector: selectors.BaseSelector, found: list[Heard | None], until: float) -> None:
    while (left := until - time.monotonic()) > 0 and selector.get_map():
        for key, _events in selector.select(left):
            index, sent_at = key.data
            sock = key.fileobj
            if not isinstance(sock, socket.socket):
                continue
            try:
                _data, ancillary, _flags, place = sock.recvmsg(512, 512, socket.MSG_ERRQUEUE)
            except OSError:  # a datagram came instead: somebody does listen there
                ancillary, place = [], None
            heard = _read(ancillary, place, time.monotonic() - sent_at)
            found[index] = heard
            selector.unregister(sock)
            sock.close()


def _read(ancillary: list[tuple[int, int, bytes]], place: object, rtt_s: float) -> Heard | None:
    for _level, kind, data in ancillary:
        if kind in {_IP_RECVERR, _IPV6_RECVERR}:
            heard = decode(data, str(place[0]) if isinstance(place, tuple) else "", rtt_s)
            if heard is not None:
                return heard
    return None


def decode(data: bytes, destination: str, rtt_s: float) -> Heard | None:
    """Read a struct sock_extended_err with the address behind it of whoever said it; None where nobody did."""
    if len(data) < _ERROR.size + 4:
        return None
    _number, origin, kind, code, *_rest = _ERROR.unpack_from(data)
    if origin not in _EXCEEDED:
        return None  # this computer itself
    where = data[_ERROR.size :]
    if origin == _FROM_ICMP:
        if len(where) < 8:
            return None
        address = str(ipaddress.IPv4Address(where[4:8]))
    else:
        if len(where) < 24:
            return None
        address = str(ipaddress.IPv6Address(where[8:24]))
    is_end = kind == _UNREACHABLE[origin] and code == _NO_PORT[origin]
    return Heard(
        address=address,
        rtt_s=rtt_s,
        expired=kind == _EXCEEDED[origin],
        arrived=is_end and ipaddress.ip_address(address) == ipaddress.ip_address(destination.partition("%")[0] or "::"),
    )
