"""Frames off an Ethernet or Wi-Fi card: what switches say of themselves, DHCP servers, who has which address.

Pure, and every length is checked: anybody in the school can send such frames. What is truncated is dropped.
"""

import ipaddress
from collections.abc import Iterator

from msgspec import Struct

from agent.contract.lan import SwitchPort
from agent.host.neighbours import Neighbour

LLDP_GROUPS = tuple(bytes.fromhex(f"0180c20000{last}") for last in ("0e", "03", "00"))  # IEEE 802.1AB, 7.1
CDP_GROUP = bytes.fromhex("01000ccccccc")
_VLAN, _LLDP, _ARP, _IPV4 = 0x8100, 0x88CC, 0x0806, 0x0800
_CDP_SNAP = bytes.fromhex("aaaa0300000c2000")
_END, _CHASSIS, _PORT, _LIVES, _PORT_TEXT, _NAME, _TEXT, _ABILITIES = range(8)
_FORWARDS = 0x02 | 0x04 | 0x08 | 0x10  # IEEE 802.1AB, 8.5.8: repeater, bridge, WLAN access point, router
_CDP_NAME, _CDP_PORT, _CDP_ABILITIES, _CDP_PLATFORM = 1, 3, 4, 6
_CDP_FORWARDS = 0x01 | 0x02 | 0x04 | 0x08  # router, two kinds of bridge, switch
_MOST_PARTS = 128
_LABEL, _LONG = 128, 2048
_UDP, _FROM, _TO = 17, 67, 68
_COOKIE = bytes.fromhex("63825363")  # RFC 2131, 3
_MESSAGE, _SERVER, _PAD, _DONE = 53, 54, 0, 255
_ANSWERS = frozenset({2, 5, 6})  # DHCPOFFER, DHCPACK, DHCPNAK


class Offer(Struct, frozen=True):
    """An answer of a DHCP server: its address, the question's number, and the router that it names."""

    server: str
    identifier: int
    router: str | None = None


class _TooShort(Exception):  # noqa: N818 - caught in this module
    """Something ends before it should."""


def is_to_many(frame: bytes) -> bool:
    """Tell whether it is a broadcast or a multicast."""
    return len(frame) >= 14 and bool(frame[0] & 1)


def switch_port(frame: bytes) -> SwitchPort | None:
    """Read an LLDP or a CDP frame of something that forwards; None for any other frame."""
    try:
        kind, body = _payload(frame)
        if kind == _LLDP:
            return _lldp(body)
        if kind <= min(1500, len(body)) and body[:kind].startswith(_CDP_SNAP):
            return _cdp(body[len(_CDP_SNAP) : kind])
    except _TooShort:
        return None
    return None


def _payload(frame: bytes) -> tuple[int, bytes]:
    """Return an Ethernet frame's type, or length, and what is in it, without a VLAN's tag."""
    at = 16 if frame[12:14] == _VLAN.to_bytes(2, "big") else 12
    if len(frame) < at + 2:
        raise _TooShort
    return int.from_bytes(frame[at : at + 2], "big"), frame[at + 2 :]


def _lldp(body: bytes) -> SwitchPort | None:
    """Read an LLDPDU (IEEE 802.1AB, 8.2): chassis, port and time to live come first; 0 s is a farewell."""
    parts = list(_lldp_parts(body))
    if [kind for kind, _value in parts[:3]] != [_CHASSIS, _PORT, _LIVES]:
        return None
    told = dict(reversed(parts))  # of several the first counts
    abilities = told.get(_ABILITIES, b"")
    forwards = len(abilities) < 4 or int.from_bytes(abilities[2:4], "big") & _FORWARDS
    if not forwards or not any(told[_LIVES]):
        return None
    port_id = told[_PORT]
    named = "" if port_id[:1] in {b"\x03", b"\x04"} else _words(port_id[1:], _LABEL)
    return SwitchPort(
        protocol="lldp",
        system=_words(told.get(_NAME, b""), _LABEL) or None,
        port=named or _words(told.get(_PORT_TEXT, b""), _LABEL) or None,
        description=_words(told.get(_TEXT, b""), _LONG) or None,
    )


def _lldp_parts(body: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    for _part in range(_MOST_PARTS):
        if at + 2 > len(body):
            raise _TooShort
        head = int.from_bytes(body[at : at + 2], "big")
        kind, length = head >> 9, head & 0x1FF
        at += 2
        if kind == _END:
            return
        if at + length > len(body):
            raise _TooShort
        yield kind, body[at : at + length]
        at += length


def _cdp(message: bytes) -> SwitchPort | None:
    """Read a CDP message: version, time to live, checksum, then parts whose length counts their head too."""
    told: dict[int, bytes] = {}
    at = 4
    for _part in range(_MOST_PARTS):
        if at >= len(message):
            break
        kind, length = int.from_bytes(message[at : at + 2], "big"), int.from_bytes(message[at + 2 : at + 4], "big")
        if length < 4 or at + length > len(message):
            raise _TooShort
        told.setdefault(kind, message[at + 4 : at + length])
        at += length
    abilities = int.from_bytes(told.get(_CDP_ABILITIES, b""), "big")
    if _CDP_NAME not in told or not abilities & _CDP_FORWARDS or message[1] == 0:
        return None
    return SwitchPort(
        protocol="cdp",
        system=_words(told[_CDP_NAME], _LABEL) or None,
        port=_words(told.get(_CDP_PORT, b""), _LABEL) or None,
        description=_words(told.get(_CDP_PLATFORM, b""), _LONG) or None,
    )


def _words(raw: bytes, most: int) -> str:
    """Return text that can be shown; line ends become spaces."""
    text = " ".join(raw.decode("utf-8", "replace").split())
    return "".join(letter for letter in text if letter.isprintable())[:most]


def owner(frame: bytes) -> Neighbour | None:
    """Return who says in an ARP packet (RFC 826) which address is its own; None where nobody does."""
    try:
        kind, body = _payload(frame)
    except _TooShort:
        return None
    if kind != _ARP or len(body) < 28 or body[:6] != bytes.fromhex("000108000604"):
        return None
    mac, address = body[8:14], ipaddress.IPv4Address(body[14:18])
    is_one = any(mac) and not mac[0] & 1 and not (address.is_unspecified or address.is_multicast or address.is_loopback)
    return Neighbour(str(address), mac.hex(":")) if is_one else None


def offer(frame: bytes) -> Offer | None:
    """Read what a DHCP server answers (RFC 2131); None for any other frame."""
    try:
        kind, packet = _payload(frame)
        if kind != _IPV4 or len(packet) < 20 or packet[0] >> 4 != 4 or packet[9] != _UDP:
            return None
        if int.from_bytes(packet[6:8], "big") & 0x1FFF:
            return None  # not the first fragment
        end = int.from_bytes(packet[2:4], "big")
        datagram = packet[4 * (packet[0] & 0x0F) : end] if end <= len(packet) else b""
        ports = int.from_bytes(datagram[:2], "big"), int.from_bytes(datagram[2:4], "big")
        return _offer(datagram[8:]) if ports == (_FROM, _TO) else None
    except _TooShort:
        return None


def _offer(message: bytes) -> Offer | None:
    if len(message) < 240 or message[0] != 2 or message[236:240] != _COOKIE:
        return None
    options = _options(message[240:])
    if options.get(_MESSAGE, b"\0")[0] not in _ANSWERS:
        return None
    server, router = _host(options.get(_SERVER, b"")), _host(options.get(3, b"")[:4])
    return None if server is None else Offer(server, int.from_bytes(message[4:8], "big"), router)


def _options(raw: bytes) -> dict[int, bytes]:
    """Read DHCP options (RFC 2132, 2) that are not empty, of several the first."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(raw) and raw[at] != _DONE:
        if raw[at] == _PAD:
            at += 1
            continue
        if at + 2 > len(raw) or at + 2 + raw[at + 1] > len(raw):
            raise _TooShort
        if raw[at + 1]:
            found.setdefault(raw[at], raw[at + 2 : at + 2 + raw[at + 1]])
        at += 2 + raw[at + 1]
    return found


def _host(raw: bytes) -> str | None:
    if len(raw) != 4:
        return None
    address = ipaddress.IPv4Address(raw)
    is_none = address.is_unspecified or address.is_multicast or address.is_loopback or raw == b"\xff" * 4
    return None if is_none else str(address)
