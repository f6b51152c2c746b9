"""Channel numbers and frequencies of the three bands (IEEE 802.11-2020, annex E; 802.11ax, 26.17.2)."""

from typing import Literal

from agent.contract.wifi import Security

Band = Literal["2.4", "5", "6"]

_FREQUENCIES: dict[Band, dict[int, int]] = {
    "2.4": {number: 2407 + 5 * number for number in range(1, 14)} | {14: 2484},
    # The first range is Japan's older one.
    "5": {number: 5000 + 5 * number for number in (*range(34, 47, 4), *range(32, 145, 4), *range(149, 178, 4))},
    "6": {number: 5950 + 5 * number for number in range(1, 234, 4)} | {2: 5935},
}
_CHANNELS = {frequency: number for band in _FREQUENCIES.values() for number, frequency in band.items()}
_ALLOWED_AT_6_GHZ = frozenset({"wpa3-sae", "wpa3-enterprise", "owe"})


def frequency_of(channel: int | None, band: Band | None) -> int | None:
    """Return the centre of a 20 MHz channel in MHz; None where the band has no such channel."""
    return None if channel is None or band is None else _FREQUENCIES[band].get(channel)


def channel_of(frequency_mhz: int | None) -> int | None:
    """Return the channel whose centre this is; None for a frequency that is no channel's."""
    return None if frequency_mhz is None else _CHANNELS.get(frequency_mhz)


def band_of(frequency_mhz: int | None) -> Band | None:
    """Return the band in which a channel's centre lies."""
    return next((band for band, channels in _FREQUENCIES.items() if frequency_mhz in channels.values()), None)


def older_band(channel: int) -> Band | None:
    """Return the band of a channel number in elements that exist only below 6 GHz."""
    return "2.4" if channel in _FREQUENCIES["2.4"] else "5" if channel in _FREQUENCIES["5"] else None


def band_by_number(channel: int | None, security: Security) -> Band | None:
    """Tell the band where a system names the channel alone; None where two bands are as likely.

    Numbers of 6 GHz exist below as well, but only WPA3 and OWE are allowed there (Wi-Fi Alliance, WPA3).
    """
    if channel is None:
        return None
    older = older_band(channel)
    if channel in _FREQUENCIES["6"] and security in _ALLOWED_AT_6_GHZ:
        return None if older else "6"
    return older
