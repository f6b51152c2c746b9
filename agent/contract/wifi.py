"""What a computer or a capture says of Wi-Fi networks. Facts only."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from agent.contract.values import Bps, Count, Denied, Label, Measured, Ratio, Seconds, Word

Dbm = Annotated[float, Meta(ge=-110, le=-10)]
"""A received signal; drivers' 0, positive values and dead chains' -128 are no signals."""
Channel = Annotated[int, Meta(ge=1, le=233)]
Megahertz = Annotated[int, Meta(ge=2000, le=8000)]
Bssid = Annotated[str, Meta(pattern="^([0-9a-f]{2}:){5}[0-9a-f]{2}$", max_length=17)]
SsidHex = Annotated[str, Meta(pattern="^([0-9a-f]{2}){0,32}$", max_length=64)]
Security = Literal[
    "open",
    "owe",
    "wep",
    "wpa1-psk",
    "wpa2-psk",
    "wpa1-wpa2-psk",
    "wpa2-enterprise",
    "wpa3-sae",
    "wpa2-wpa3-transition",
    "wpa3-enterprise",
    "unknown",
]
Generation = Literal["legacy", "n", "ac", "ax", "be"]


class Network(Struct, frozen=True, kw_only=True):
    """One access point's network (BSS); ``bssid`` is null where the system hides it (macOS).

    ``ssid_hex`` is the name as it was sent; ``ssid`` its text, null where it is hidden or no UTF-8. ``signal_dbm`` is
    the median over ``frames`` frames or scans, ``signal_p20_dbm`` their 20th percentile; ``signal_percent`` is a
    system's own scale, never converted. ``channel`` is the primary one that the frame itself names; where the frame
    names two, the other is ``channel_other``. ``utilisation`` and ``stations`` are the access point's own (BSS Load,
    IEEE 802.11, 9.4.2.26). ``own`` tells whether it is one of the school's; null where nobody knows.
    """

    bssid: Bssid | None
    ssid: Label | None
    ssid_hex: SsidHex
    channel: Channel | None
    frequency_mhz: Megahertz | None
    signal_dbm: Dbm | None
    signal_percent: Annotated[int, Meta(ge=0, le=100)] | None = None
    security: Security = "unknown"
    generation: Generation | None = None
    stations: Count | None = None
    utilisation: Ratio | None = None
    associated: bool = False
    channel_other: Channel | None = None
    width_mhz: Annotated[int, Meta(ge=1, le=320)] | None = None
    signal_p20_dbm: Dbm | None = None
    frames: Count = 1
    own: bool | None = None


class WifiConnection(Struct, frozen=True, kw_only=True):
    """The connection of this computer; ``source`` is the way it was learnt, as "wlanapi-realtime" or "nl80211"."""

    source: Word
    ssid: Label | None = None
    ssid_hex: SsidHex | None = None
    bssid: Bssid | None = None
    channel: Channel | None = None
    frequency_mhz: Megahertz | None = None
    width_mhz: Annotated[int, Meta(ge=1, le=320)] | None = None
    generation: Generation | None = None
    signal_dbm: Dbm | None = None
    noise_dbm: Annotated[float, Meta(ge=-130, le=-10)] | None = None
    signal_percent: Annotated[int, Meta(ge=0, le=100)] | None = None
    receive_bps: Bps | None = None
    transmit_bps: Bps | None = None
    retry_ratio: Ratio | None = None
    security: Security | None = None


class Crowd(Struct, frozen=True, kw_only=True):
    """Foreign networks on one channel: how many and how strong, never which."""

    channel: Channel
    networks: Count
    strongest_dbm: Dbm | None = None


class Wifi(Measured, frozen=True, kw_only=True, tag="wifi"):
    """What a computer hears: the school's own networks one by one, all others only counted.

    ``scans`` fresh scans were heard, or a cached one ``age_s`` old. Where nobody knows which networks are the school's
    (``own_known`` false) all are counted among the foreign ones.
    """

    interface: Word
    source: Word
    scans: Count = 1
    age_s: Seconds | None = None
    own_known: bool = False
    networks: Annotated[tuple[Network, ...], Meta(max_length=256)] = ()
    foreign: Annotated[tuple[Crowd, ...], Meta(max_length=256)] = ()
    connection: WifiConnection | None = None
    noise_dbm: Annotated[float, Meta(ge=-130, le=-10)] | None = None
    busy_ratio: Ratio | None = None
    denied: Annotated[tuple[Denied, ...], Meta(max_length=16)] = ()
