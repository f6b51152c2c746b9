"""The information elements of beacons and probe responses: from bytes to facts (IEEE 802.11-2020, 9.4.2).

The same bytes come from captures, from nl80211 and from wlanapi. Elements that are cut off give nothing at all.
"""

from msgspec import Struct

from agent.contract.wifi import Generation, Security
from agent.host.wifi import channels, security
from agent.host.wifi.channels import Band
from agent.host.wifi.security import RSN_OUI, WPA_OUI, Offer

SSID, DS, BSS_LOAD, HT_CAPABILITIES, RSN, HT_OPERATION, WAPI, VHT_CAPABILITIES, VHT_OPERATION = (
    0, 3, 11, 45, 48, 61, 68, 191, 192,
)  # fmt: skip
VENDOR, EXTENSION = 221, 255
_EXTENDED = 1 << 8
HE_CAPABILITIES, HE_OPERATION, EHT_OPERATION, EHT_CAPABILITIES = (_EXTENDED + n for n in (35, 36, 106, 108))
_VENDOR_TYPE = 1 << 32
WPA1 = _VENDOR_TYPE + 0x0050F201
OSEN = _VENDOR_TYPE + 0x506F9A12
MAX_SSID_BYTES = 32
WEAKEST_DBM, STRONGEST_DBM = -110.0, -10.0

_GENERATIONS: tuple[tuple[Generation, tuple[int, int]], ...] = (
    ("be", (EHT_CAPABILITIES, EHT_OPERATION)),
    ("ax", (HE_CAPABILITIES, HE_OPERATION)),
    ("ac", (VHT_CAPABILITIES, VHT_OPERATION)),
    ("n", (HT_CAPABILITIES, HT_OPERATION)),
)


class Traits(Struct, frozen=True, kw_only=True):
    """What a network is, apart from its name: as good as constant from frame to frame."""

    channel: int | None = None
    channel_other: int | None = None
    frequency_mhz: int | None = None
    width_mhz: int | None = None
    security: Security = "unknown"
    generation: Generation | None = None


class Elements(Struct, frozen=True, kw_only=True):
    """What the elements of one whole frame say. ``utilisation`` is 0 to 1; ``ssid`` None where there is no element."""

    traits: Traits
    ssid: bytes | None = None
    stations: int | None = None
    utilisation: float | None = None


def signal(dbm: float | None) -> float | None:
    """Return the signal, or None for what no receiver hears: 0 and positive values, and dead chains' -128."""
    return float(dbm) if dbm is not None and WEAKEST_DBM <= dbm <= STRONGEST_DBM else None


def text(ssid: bytes) -> str | None:
    """Return a network's name; None where it is hidden (empty, or only NUL) or no UTF-8."""
    try:
        return ssid.decode() if ssid.strip(b"\0") else None
    except UnicodeDecodeError:
        return None


def split(raw: bytes) -> dict[int, bytes] | None:
    """Return the first element of each kind; None where one reaches past the end, so that the frame is not whole.

    Keys are element ids, 256 + the id extension, or 2**32 + OUI and type of a vendor's element.
    """
    found: dict[int, bytes] = {}
    at, end = 0, len(raw)
    while at < end:
        if at + 2 > end:
            return None
        number, start = raw[at], at + 2
        at = start + raw[at + 1]
        if at > end:
            return None
        if number == EXTENSION and at > start:
            number, start = _EXTENDED + raw[start], start + 1
        elif number == VENDOR and at >= start + 4:
            number, start = _VENDOR_TYPE + int.from_bytes(raw[start : start + 4], "big"), start + 4
        if number not in found:
            found[number] = raw[start:at]
    return found


def decode(raw: bytes, *, privacy: bool, frequency_mhz: int | None = None) -> Elements | None:
    """Read a frame's elements; None where they are not whole or the name is longer than names can be.

    Args:
        raw: the elements, one after the other.
        privacy: the privacy bit of the capability field beside them.
        frequency_mhz: where the radio was tuned. It decides the channel only where the frame itself names none: a
            beacon is often heard on a neighbouring channel.
    """
    found = split(raw)
    if found is None or len(found.get(SSID, b"")) > MAX_SSID_BYTES:
        return None
    channel, other, frequency = _channel(found, frequency_mhz)
    load = found.get(BSS_LOAD, b"")
    has_load = len(load) == 5
    return Elements(
        traits=Traits(
            channel=channel,
            channel_other=other,
            frequency_mhz=frequency,
            width_mhz=_width(found),
            security=_security(found, privacy=privacy),
            generation=_generation(found),
        ),
        ssid=found.get(SSID),
        stations=int.from_bytes(load[:2], "little") if has_load else None,
        utilisation=load[2] / 255 if has_load else None,
    )


def _channel(found: dict[int, bytes], tuned_mhz: int | None) -> tuple[int | None, int | None, int | None]:
    """Return the primary channel, the other one where the frame names two, and the primary one's frequency."""
    named = [_older(found.get(DS, b"")), _older(found.get(HT_OPERATION, b""))]
    known = [channel for channel in named if channel is not None]
    if known:
        other = known[1] if len(set(known)) == 2 else None
        return known[0], other, channels.frequency_of(known[0], channels.older_band(known[0]))
    band: Band = "6"
    at_6_ghz = _six_ghz(found.get(HE_OPERATION, b""))
    frequency = channels.frequency_of(at_6_ghz[0], band) if at_6_ghz else None
    if at_6_ghz and frequency is not None:
        return at_6_ghz[0], None, frequency
    channel = channels.channel_of(tuned_mhz)
    return channel, None, None if channel is None else tuned_mhz


def _older(body: bytes) -> int | None:
    """Return the channel in the first byte of DS and HT operation, elements that exist only below 6 GHz."""
    return body[0] if body and channels.older_band(body[0]) else None


def _six_ghz(body: bytes) -> bytes | None:
    """Return the 6 GHz information of the HE operation element (802.11ax, 9.4.2.249); None where there is none."""
    parameters = int.from_bytes(body[:3], "little")
    if not parameters & 1 << 17:
        return None
    at = 6 + (3 if parameters & 1 << 14 else 0) + (1 if parameters & 1 << 15 else 0)
    return body[at : at + 5] if len(body) >= at + 5 else None


def _width(found: dict[int, bytes]) -> int | None:
    """Return the width in MHz that the newest operation element states; a network without any uses 20 MHz."""
    eht = found.get(EHT_OPERATION, b"")
    if len(eht) >= 8 and eht[0] & 1:
        return {0: 20, 1: 40, 2: 80, 3: 160, 4: 320}.get(eht[5] & 7)
    at_6_ghz = _six_ghz(found.get(HE_OPERATION, b""))
    if at_6_ghz:
        return (20, 40, 80, 160)[at_6_ghz[1] & 3]
    ht = found.get(HT_OPERATION, b"")
    narrow = 20 if len(ht) < 2 else ht_width(ht[1] & 3, is_any=bool(ht[1] & 4))
    vht = found.get(VHT_OPERATION, b"")
    return vht_width(vht[0], vht[1], vht[2], narrow) if len(vht) >= 3 else narrow


def ht_width(offset: int, *, is_any: bool) -> int:
    """Return 20 or 40 from the secondary channel offset (1 above, 3 below) and "any width" of HT operation."""
    return 40 if offset in {1, 3} and is_any else 20


def vht_width(code: int, first: int, second: int, narrow: int) -> int | None:
    """Return the width from VHT operation's code and centre channels (IEEE 802.11-2020, table 11-23)."""
    if code == 0:
        return narrow
    if code == 1:
        return 160 if second and (abs(second - first) == 8 or abs(second - first) > 16) else 80
    return 160 if code in {2, 3} else None


def _security(found: dict[int, bytes], *, privacy: bool) -> Security:
    rsn, wpa = found.get(RSN), found.get(WPA1)
    if rsn is None and wpa is None and (WAPI in found or OSEN in found):
        return "unknown"  # encrypted, but by neither WEP nor WPA
    offers: list[Offer | None] = [
        None if body is None else security.read_offer(body, oui) for body, oui in ((rsn, RSN_OUI), (wpa, WPA_OUI))
    ]
    return security.name_of(offers[0], offers[1], privacy=privacy)


def _generation(found: dict[int, bytes]) -> Generation:
    for generation, kinds in _GENERATIONS:
        if kinds[0] in found or kinds[1] in found:
            return generation
    return "legacy"
