"""One captured 802.11 frame, from radiotap to its elements: beacons and probe responses, all others are nothing."""

import zlib
from typing import NamedTuple

from agent.host.wifi import elements
from agent.host.wifi.sightings import Heard

# Frame control, first byte: version 0, type management, subtype probe response or beacon (IEEE 802.11-2020, 9.2.4.1).
_PROBE_RESPONSE, _BEACON = 0x50, 0x80
_MORE_FRAGMENTS, _PROTECTED, _HT_CONTROL = 0x04, 0x40, 0x80
_FIXED_FIELDS, _PRIVACY = 12, 0x10
_CHECKSUM_BYTES = 4
_HAS_CHECKSUM, _BAD_CHECKSUM = 0x10, 0x40
# The first six fields of radiotap with size and alignment (radiotap.org/fields): all that we need is among them.
_FLAGS, _TUNED, _SIGNAL = 1, 3, 5
_FIELDS = ((0, 8, 8), (_FLAGS, 1, 1), (2, 1, 1), (_TUNED, 4, 2), (4, 2, 2), (_SIGNAL, 1, 1))


class Radio(NamedTuple):
    """What the receiver wrote beside a frame; ``length`` bytes of radiotap stand before it."""

    length: int
    flags: int = 0
    frequency_mhz: int | None = None
    signal_dbm: float | None = None


def from_radiotap(raw: bytes, missing: int = 0) -> Heard | None:
    """Read a radiotap frame (link type 127); None where it is none of ours or not whole.

    Args:
        raw: the captured bytes.
        missing: how many bytes the capture left out at the end.
    """
    radio = read_radiotap(raw)
    return None if radio is None or radio.flags & _BAD_CHECKSUM else _heard(raw[radio.length :], missing, radio)


def bare(raw: bytes, missing: int = 0) -> Heard | None:
    """Read a frame without radiotap (link type 105); None where it is none of ours or not whole."""
    return _heard(raw, missing, Radio(0))


def read_radiotap(raw: bytes) -> Radio | None:
    """Read the header that the receiver put before a frame; None where it is damaged."""
    length = int.from_bytes(raw[2:4], "little")
    if len(raw) < 8 or raw[0] != 0 or not 8 <= length <= len(raw):
        return None
    first = present = int.from_bytes(raw[4:8], "little")
    at = 8
    while present & 1 << 31:  # another word says what comes behind the fields of the first
        present = int.from_bytes(raw[at : at + 4], "little")
        at += 4
        if at > length:
            return None
    found: dict[int, int] = {}
    for field, size, alignment in _FIELDS:
        if first & 1 << field:
            at = -(-at // alignment) * alignment
            found[field] = int.from_bytes(raw[at : at + size], "little")
            at += size
    if at > length:
        return None
    signal = found.get(_SIGNAL)
    return Radio(
        length=length,
        flags=found.get(_FLAGS, 0),
        frequency_mhz=found[_TUNED] & 0xFFFF if _TUNED in found else None,
        signal_dbm=elements.signal(None if signal is None else signal - 256 if signal > 127 else signal),
    )


def _heard(frame: bytes, missing: int, radio: Radio) -> Heard | None:
    if len(frame) < 24 or frame[0] not in {_BEACON, _PROBE_RESPONSE} or frame[1] & (_MORE_FRAGMENTS | _PROTECTED):
        return None
    whole = _without_checksum(frame, missing, has_checksum=bool(radio.flags & _HAS_CHECKSUM))
    start = (28 if frame[1] & _HT_CONTROL else 24) + _FIXED_FIELDS
    is_group_address_or_fragment = frame[16] & 1 or frame[22] & 0x0F
    if whole is None or len(whole) < start or is_group_address_or_fragment:
        return None
    told = elements.decode(whole[start:], privacy=bool(whole[start - 2] & _PRIVACY), frequency_mhz=radio.frequency_mhz)
    return None if told is None else Heard(bssid=frame[16:22].hex(":"), elements=told, signal_dbm=radio.signal_dbm)


def _without_checksum(frame: bytes, missing: int, *, has_checksum: bool) -> bytes | None:
    """Cut the frame check sequence off; None where more than that is missing, or the rest of a cut one is left."""
    if has_checksum:
        keep = len(frame) + missing - _CHECKSUM_BYTES
        return frame[:keep] if keep <= len(frame) else None
    if missing:
        return None
    # Some captures hold it without saying so; a sum that is right is one.
    is_checksum = zlib.crc32(frame[:-_CHECKSUM_BYTES]) == int.from_bytes(frame[-_CHECKSUM_BYTES:], "little")
    return frame[:-_CHECKSUM_BYTES] if is_checksum else frame
