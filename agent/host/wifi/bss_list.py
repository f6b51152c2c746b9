"""WLAN_BSS_LIST, as wlanapi.dll hands it over (wlanapi.h): by offsets of fixed size, so on every system."""

import struct

from msgspec import structs

from agent.contract.wifi import Generation, Network
from agent.errors import CaptureError
from agent.host.wifi import channels, elements
from agent.host.wifi.elements import Elements, Traits
from agent.host.wifi.sightings import MAX_NETWORKS, Heard, Sightings

ENTRY_BYTES = 360
_HEAD = struct.Struct("<II")
# SSID length and bytes, BSSID, PHY type, RSSI, quality in %, capabilities, frequency in kHz, elements' offset and size.
_ENTRY = struct.Struct("<I32s4x6s6xIiI24xH2xI256xII")
_PRIVACY = 0x10
_GENERATIONS: dict[int, Generation] = {
    2: "legacy", 4: "legacy", 5: "legacy", 6: "legacy", 7: "n", 8: "ac", 10: "ax", 11: "be",
}  # fmt: skip


def decode(raw: bytes) -> tuple[Network, ...]:
    """Read the list.

    Raises:
        CaptureError: its lengths do not fit.
    """
    if len(raw) < _HEAD.size:
        raise CaptureError("it is no WLAN_BSS_LIST: shorter than its head")
    size, count = _HEAD.unpack_from(raw)
    end = min(size, len(raw))
    if _HEAD.size + count * ENTRY_BYTES > end or (count == 0 and size > len(raw)):
        raise CaptureError(f"it is no whole WLAN_BSS_LIST: {count} entries do not fit into {end} bytes")
    sightings, raw, left = Sightings(), raw[:end], end
    for index in range(min(count, MAX_NETWORKS)):
        at = _HEAD.size + index * ENTRY_BYTES
        size = _ENTRY.unpack_from(raw, at)[-1]
        # No two entries share elements: without a bound on all of them a small list could take hours to read.
        is_bounded = size <= left
        left -= size if is_bounded else 0
        sightings.add(_heard(raw, at, has_elements=is_bounded))
    return sightings.networks()


def _heard(raw: bytes, at: int, *, has_elements: bool) -> Heard:
    length, name, bssid, phy, rssi, percent, capability, kilohertz, offset, size = _ENTRY.unpack_from(raw, at)
    frequency = round(kilohertz / 1000)
    start = at + offset
    told = None
    if has_elements and offset >= ENTRY_BYTES and start + size <= len(raw):
        told = elements.decode(raw[start : start + size], privacy=bool(capability & _PRIVACY), frequency_mhz=frequency)
    if told is None:
        # Elements that are not whole say nothing; what Windows itself says still holds.
        channel = channels.channel_of(frequency)
        known = frequency if channel else None
        told = Elements(traits=Traits(channel=channel, frequency_mhz=known, generation=_GENERATIONS.get(phy)))
    if not told.ssid and 0 < length <= elements.MAX_SSID_BYTES:
        told = structs.replace(told, ssid=name[:length])
    return Heard(
        bssid=bssid.hex(":"),
        elements=told,
        signal_dbm=elements.signal(rssi),
        signal_percent=percent if percent <= 100 else None,
    )
