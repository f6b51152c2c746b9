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
