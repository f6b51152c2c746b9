"""Tells the school's network that this computer can be tested against (mDNS, RFC 6762 and 6763). No name is in it.

What there is to say is one packet, and whoever asks for our kind of service is answered with it. The library zeroconf,
which the probe uses to look for others in a process of its own, would cost the resident agent 4 MiB for that. What is
told is proven by the school's key as often as it is told (``announcement``).
"""

import ipaddress
import select
import socket
import struct
import time
from contextlib import suppress

import psutil
from msgspec import Struct

from agent.contract.values import Medium
from agent.host import link
from agent.meter import announcement, greeting
from agent.meter.announcement import Said

GROUP, MDNS_PORT = "224.0.0.251", 5353
_PTR, _TXT, _SRV, _A, _AAAA = 12, 16, 33, 1, 28
_IN, _FLUSH = 0x0001, 0x8001  # RFC 6762, 10.2: of records that are ours alone
_RESPONSE = 0x8400
_LONG_S, _SHORT_S = 4500, 120  # RFC 6762, 10
_AGAIN_S = 1.0  # RFC 6762, 6: no record more often than once a second
_TTL = 255  # RFC 6762, 11


class Place(Struct, frozen=True, kw_only=True):
    """Where this computer can be reached inside the school, and over which medium; a change of it is told anew."""

    addresses: tuple[str, ...]
    medium: Medium | None


class Card(Struct, frozen=True, kw_only=True):
    """What is told, and the school's key that proves it."""

    agent: str
    key: bytes
    port: int
    place: Place


class Advert:
    """One card on the networks that this computer is in, as long as it is open."""

    def __init__(self, card: Card) -> None:
        """Begin to tell it; raises OSError where this computer has no network on which that can be told."""
        self._agent = card.agent.encode()
        self._card = card
        self._local = [one for one in card.place.addresses if ":" not in one]
        self._said_at = 0.0
        self._sock = _joined(self._local)
        self._say()

    def answer(self, within_s: float) -> None:
        """Wait a moment for questions, and answer those for our kind of service."""
        readable, _, _ = select.select([self._sock], [], [], within_s)
        if not readable:
            return
        with suppress(OSError):
            question, source = self._sock.recvfrom(9000)
            if greeting.is_inside(source[0]) and asks(question, self._agent):
                self._say()

    def _say(self, *, gone: bool = False) -> None:
        """Send it to all on every network; what one of them does not take is lost, as mDNS may be."""
        if time.monotonic() - self._said_at < _AGAIN_S:
            return
        self._said_at = time.monotonic()
        said = packet(self._card, time.time(), gone=gone)
        for address in self._local:
            with suppress(OSError):
                self._sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
                self._sock.sendto(said, (GROUP, MDNS_PORT))

    def close(self) -> None:
        """Take it back."""
        self._said_at = 0.0
        self._say(gone=True)
        self._sock.close()


def _joined(addresses: list[str]) -> socket.socket:
    """Return a socket that hears mDNS on the networks of these addresses."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):
            with suppress(OSError):  # another program's responder is there without it
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(("", MDNS_PORT))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, _TTL)
        joined = 0
        for address in addresses:
            with suppress(OSError):
                group = socket.inet_aton(GROUP) + socket.inet_aton(address)
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
                joined += 1
        if not joined:
            raise OSError("no network of this computer takes multicasts")  # noqa: TRY301 - closed below as all others
    except OSError:
        sock.close()
        raise
    return sock


def packet(card: Card, now: float, *, gone: bool = False) -> bytes:
    """Return the response that says where the service is; with ``gone``, that it is no more (RFC 6762, 10.1).

    ``now`` is this computer's clock, in seconds since 1970. Who is of the school reads the texts alone; the records of
    the service and its addresses are there because every service has them (RFC 6763, 12).
    """
    kind, host = _name(greeting.SERVICE_TYPE), _name(f"netready-{card.agent[:16]}.local.")
    instance = _label(card.agent) + kind
    said = Said(agent=card.agent, addresses=card.place.addresses, port=card.port, medium=card.place.medium, time=now)
    texts = announcement.texts(card.key, said)
    long_s, short_s = (0, 0) if gone else (_LONG_S, _SHORT_S)
    records = [
        _record(kind, _PTR, _IN, long_s, instance),
        _record(instance, _SRV, _FLUSH, short_s, struct.pack("!HHH", 0, 0, card.port) + host),
        _record(instance, _TXT, _FLUSH, long_s, b"".join(_label(f"{key}={value}") for key, value in texts.items())),
    ]
    addresses = map(ipaddress.ip_address, card.place.addresses)
    records += (_record(host, _A if one.version == 4 else _AAAA, _FLUSH, short_s, one.packed) for one in addresses)
    return struct.pack("!HHHHHH", 0, _RESPONSE, 0, len(records), 0, 0) + b"".join(records)


def asks(datagram: bytes, agent: bytes) -> bool:
    """Tell whether a datagram asks for our kind of service, by somebody who does not have our answer already.

    Nothing in it has to be taken apart for that: the name is written in full where it stands first, and an answer that
    is known is listed by our agent id (RFC 6762, 7.1).
    """
    if len(datagram) < 12 or datagram[2] & 0x80:
        return False
    return _name(greeting.SERVICE_TYPE)[:-7] in datagram.lower() and agent not in datagram


def _record(name: bytes, kind: int, record_class: int, lives_s: int, data: bytes) -> bytes:
    return name + struct.pack("!HHIH", kind, record_class, lives_s, len(data)) + data


def _name(text: str) -> bytes:
    return b"".join(_label(label) for label in text.rstrip(".").split(".")) + b"\0"


def _label(text: str) -> bytes:
    return bytes([len(text)]) + text.encode("ascii")


def here() -> Place:
    """Return where this computer can be reached now: over its best interface first, never over loopback."""
    found = [
        (link.decode(raw).medium, addresses)
        for name, stats in psutil.net_if_stats().items()
        if stats.isup and (addresses := _inside(name)) and (raw := link.fetch(name)) is not None
    ]
    found = [one for one in found if one[0] != "loopback"]
    order: list[Medium | None] = ["ethernet", "wifi", None, "virtual", "cellular"]
    found.sort(key=lambda one: order.index(one[0]))
    every = tuple(address for _medium, addresses in found for address in addresses)
    return Place(addresses=every[: announcement.MOST_ADDRESSES], medium=found[0][0] if found else None)


def _inside(interface: str) -> list[str]:
    """Return the interface's addresses that other computers of the school can call without knowing an interface."""
    entries = psutil.net_if_addrs().get(interface, ())
    every = [entry.address for entry in entries if entry.family in {socket.AF_INET, socket.AF_INET6}]
    return [one for one in every if greeting.is_inside(one) and not one.lower().startswith("fe80")]
