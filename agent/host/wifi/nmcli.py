"""What ``nmcli -t dev wifi list`` prints (NetworkManager); its signal is a percentage of its own."""

import re

from agent.contract.wifi import Network, Security
from agent.errors import CaptureError
from agent.host.wifi import channels
from agent.host.wifi.elements import Elements, Traits
from agent.host.wifi.sightings import Heard, Sightings
from agent.host.wifi.text import ADDRESS, lines, name_bytes, whole_number

_FIELD = re.compile(r"((?:[^\\:]|\\.|\\$)*)(?::|$)")
_ESCAPED = re.compile(r"\\(.?)")
_ADDRESS = re.compile(f"{ADDRESS}$")
_RATE = re.compile(r"\d+ \S+/\S+$", re.ASCII)
_MEGAHERTZ = re.compile(r"(\d{4}) MHz$", re.ASCII)
_MARKS = {"", " ", "*", "yes", "no"}
_WORDS: dict[str, Security] = {
    "": "open",
    "--": "open",
    "OWE-TM": "open",
    "OWE": "owe",
    "WEP": "wep",
    "WPA1": "wpa1-psk",
    "WPA2": "wpa2-psk",
    "WPA1 WPA2": "wpa1-wpa2-psk",
    "WPA3": "wpa3-sae",
    "WPA2 WPA3": "wpa2-wpa3-transition",
    "WPA1 WPA2 WPA3": "wpa2-wpa3-transition",
    "WPA2 802.1X": "wpa2-enterprise",
    "WPA1 WPA2 802.1X": "wpa2-enterprise",
    "WPA3 802.1X": "wpa3-enterprise",
}
_SECURITIES = {frozenset(words.split()): name for words, name in _WORDS.items()}


def decode(raw: bytes) -> tuple[Network, ...]:
    """Read the list in its usual order of fields, or one that ``-f`` shortened.

    Every line that shows an access point's address counts, all others are somebody's words.

    Raises:
        CaptureError: no line does.
    """
    sightings = Sightings()
    for line in lines(raw):
        fields = split(line)
        at = next((index for index, field in enumerate(fields[:2]) if _ADDRESS.match(field)), None)
        if at is not None:
            sightings.add(_heard(fields, at))
    networks = sightings.networks()
    if not networks:
        raise CaptureError("it is not what `nmcli -t dev wifi list` prints")
    return networks


def split(line: str) -> list[str]:
    """Split a terse line at its colons; a backslash stands before each colon and backslash inside a field."""
    fields, at = [], 0
    while at <= len(line) and (match := _FIELD.match(line, at)):
        fields.append(_ESCAPED.sub(r"\1", match[1]))
        at = match.end()
        if at == match.end(1):
            break
    return fields


def _heard(fields: list[str], at: int) -> Heard:
    before, behind = fields[:at], fields[at + 1 :]
    if before and before[0] not in _MARKS:
        name, mark = before[0], ""  # -f SSID,BSSID,...
    else:
        name, mark = (behind[0] if behind else ""), "".join(before)
        behind = behind[1:]
    channel, percent, security = _values(behind)
    stated = next((int(match[1]) for field in behind if (match := _MEGAHERTZ.match(field))), None)
    frequency = channels.frequency_of(channel, channels.band_by_number(channel, security))
    if stated is not None and channels.channel_of(stated) in {None, channel}:
        frequency = stated if channels.channel_of(stated) else None
    traits = Traits(channel=channel, frequency_mhz=frequency, security=security)
    return Heard(
        bssid=fields[at].lower(),
        elements=Elements(traits=traits, ssid=name_bytes("" if name == "--" else name)),
        signal_percent=percent,
        associated=mark in {"*", "yes"},
    )


def _values(fields: list[str]) -> tuple[int | None, int | None, Security]:
    """Return channel, signal and security: the channel stands before the rate, the signal behind it."""
    rate = next((index for index, field in enumerate(fields) if _RATE.match(field)), None)
    numbers = [index for index, field in enumerate(fields) if whole_number(field, 233) is not None]
    if rate is None:
        channel_at, percent_at = numbers[:2] if len(numbers) == 2 else (None, None)
    else:
        channel_at = next((index for index in numbers if index < rate), None)
        percent_at = next((index for index in numbers if index > rate), None)
    channel = None if channel_at is None else whole_number(fields[channel_at], 233)
    percent = None if percent_at is None else whole_number(fields[percent_at], 100)
    has_security = percent_at is not None and len(fields) > percent_at + 1
    words = frozenset(fields[-1].split()) if has_security else frozenset({"not told"})
    return channel or None, percent, _SECURITIES.get(words, "unknown")
