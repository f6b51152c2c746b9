"""The types of values in measurements, with their bounds, and what every measurement carries."""

import ipaddress
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

# Bounds refuse nonsense from outside; they are far beyond any school's line.
Bps = Annotated[float, Meta(ge=0, le=1e13)]
Milliseconds = Annotated[float, Meta(ge=0, le=1e7)]
Seconds = Annotated[float, Meta(ge=0, le=1e6)]
Ratio = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0, le=2**53)]
PerSecond = Annotated[float, Meta(ge=0, le=1e9)]
Text = Annotated[str, Meta(max_length=2048)]
Label = Annotated[str, Meta(max_length=128)]
Word = Annotated[str, Meta(max_length=64)]
Address = Annotated[str, Meta(max_length=64)]
"""An IP address as text, its IPv6 zone included."""
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{16,64}$", max_length=64)]
"""A keyed hash (HMAC) that stands for something that must not leave the school, as a MAC address."""
Aware = Annotated[datetime, Meta(tz=True)]
TestId = Annotated[str, Meta(pattern="^[0-9A-Za-z._-]{1,64}$", max_length=64)]
"""What all connections of one test share, of the client's making."""

Medium = Literal["ethernet", "wifi", "cellular", "loopback", "virtual"]


class Measured(Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=False):
    """What every measurement carries: when it began and how long it took (null in one that was never timed)."""

    started_at: Aware | None = None
    took_s: Seconds | None = None


class Denied(Struct, frozen=True, kw_only=True):
    """Something that this computer does not let us know, and what to change so that it does.

    ``what`` is one of "neighbours", "ssid", "bssid", "signal", "resolvers", "dhcp_server", "hosts", "lldp", "icmp".
    """

    what: Word
    setting: Text


def is_address(word: str) -> bool:
    """Tell whether a word is an IP address, with or without an IPv6 zone."""
    try:
        ipaddress.ip_address(word)
    except ValueError:
        return False
    return True


def in_private_network(address: str) -> bool:
    """Tell whether an address is a private network's: 10/8, 172.16/12, 192.168/16 (RFC 1918), fc00::/7 (RFC 4193).

    It is one that others in the school can call as it is written, so neither has it a zone, nor is it an IPv4 address
    inside an IPv6 one. An operator's shared address (100.64.0.0/10, RFC 6598) lies beyond the school and is none.
    """
    if "%" in address or not is_address(address):
        return False
    return any(ipaddress.ip_address(address) in network for network in _PRIVATE_NETWORKS)


_PRIVATE_NETWORKS = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))


def stays_inside(address: str) -> bool:
    """Tell whether what is sent to an address does not go out to the internet; false for what is no IP address.

    Such are private networks, this computer (127.0.0.0/8, ::1), a single link (169.254.0.0/16, fe80::/10, with a zone
    or without), and what else the internet does not carry (RFC 6890): 0.0.0.0/8 and ::, 192.0.0.0/29, 192.0.0.170/31,
    192.0.2.0/24, 198.18.0.0/15, 198.51.100.0/24, 203.0.113.0/24, 240.0.0.0/4 with the broadcast address, 100::/64,
    2001::/23, 2001:db8::/32. Groups and an operator's 100.64.0.0/10 are none. An IPv4 address inside an IPv6 one
    (::ffff:0:0/96) counts as that IPv4 address.
    """
    if not is_address(address):
        return False
    found = ipaddress.ip_address(address)
    # Later versions of Python know a few ranges more, and some exceptions within 192.0.0.0/24 and 2001::/23.
    return (getattr(found, "ipv4_mapped", None) or found).is_private
