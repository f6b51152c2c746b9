"""What Windows' ``netsh wlan show networks mode=bssid`` prints, in any language: a last resort.

Its words are translated, so no word is read: only the shape of the lines and of their values. What the shape leaves
open stays unknown. The texts come in the console's code page, 866 for Russian and Kazakh.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from agent.contract.wifi import Generation, Network, Security
from agent.errors import CaptureError
from agent.host.wifi import channels
from agent.host.wifi.channels import Band
from agent.host.wifi.elements import Elements, Traits
from agent.host.wifi.sightings import Heard, Sightings
from agent.host.wifi.text import ADDRESS, lines, name_bytes, whole_number

_CODE_PAGE = "cp866"
# The colon may stick to the label (Russian) or stand free (German); those inside an address are followed by no space.
_COLON = re.compile(r":(?=\s|$)")
_SSID = re.compile(r"SSID \d{1,5}$", re.ASCII)
_ADDRESS = re.compile(f"{ADDRESS}$")
_PERCENT = re.compile(r"(\d{1,3})\s?%$", re.ASCII)
_RADIO = re.compile(r"802\.11(be|ax|ac|n|g|a|b)$")
_BAND = re.compile(r"(2[.,]4|5|6)\s?[^\W\d_]+$")
_SHARE = re.compile(r"(\d{1,3}) \((\d{1,3})\s?%\)$", re.ASCII)
_KEY = re.compile(r"WPA([23])?\s?-\s?(Personal|Enterprise)$")
_ANY_TOKEN = re.compile(r"[A-Z]{3}|802")
_REFUSED = "ms-settings:privacy"
_BANDS: dict[str, Band] = {"2": "2.4", "5": "5", "6": "6"}
_GENERATIONS: dict[str, Generation] = {"be": "be", "ax": "ax", "ac": "ac", "n": "n"}
_SECURITIES: dict[tuple[str | None, str], Security] = {
    (None, "Personal"): "wpa1-psk",
    ("2", "Personal"): "wpa2-psk",
    ("3", "Personal"): "wpa3-sae",
    ("2", "Enterprise"): "wpa2-enterprise",
    ("3", "Enterprise"): "wpa3-enterprise",
}


@dataclass
class _Name:
    """A block ``SSID n``: the name and the values of its lines up to the first address (kind, key, cipher)."""

    ssid: bytes | None
    values: list[str] = field(default_factory=list)


@dataclass
class _Point:
    """An access point of it; ``expects`` is what the next plain number may be."""

    bssid: str
    expects: str = "percent"
    percent: int | None = None
    channel: int | None = None
    band: Band | None = None
    generation: Generation | None = None
    number: int | None = None
    stations: int | None = None
    utilisation: float | None = None

    def take(self, value: str) -> None:
        """Read one value, "" for a heading."""
        if match := _PERCENT.match(value):
            if self.expects == "percent":
                self.percent, self.expects = whole_number(match[1], 100), "channel"
        elif match := _RADIO.match(value):
            self.generation = self.generation or _GENERATIONS.get(match[1], "legacy")
        elif match := _BAND.match(value):
            self.band = self.band or _BANDS[match[1][0]]
        elif match := _SHARE.match(value):
            self._take_share(int(match[1]), int(match[2]))
        else:
            self._take_number(value)

    def _take_number(self, value: str) -> None:
        number = whole_number(value, 65535)
        if not value and self.expects != "percent":
            self.expects = "stations"
        elif self.expects == "channel":
            # Only the first number can be it, and the rates (several numbers) come behind it.
            if number is not None or value[:1].isdigit():
                self.expects = "nothing"
            self.channel = number if number is not None and 1 <= number <= 233 else None
        elif self.expects == "stations":
            self.number, self.expects = number, "share"
        else:
            self.expects = "nothing"

    def _take_share(self, load: int, percent: int) -> None:
        """Read the BSS load: 0 to 255 with its percentage, right behind the number of stations."""
        if self.expects == "share" and load <= 255 and abs(load / 2.55 - percent) <= 1:
            self.stations, self.utilisation = self.number, load / 255
        self.expects = "nothing"


def decode(raw: bytes) -> tuple[Network, ...]:
    """Read the list; a name without addresses (no ``mode=bssid``) gives no network.

    Raises:
        CaptureError: no such list, or Windows refused it.
    """
    sightings = Sightings()
    for name, point in _points(_labelled(raw)):
        sightings.add(_heard(name, point))
    return sightings.networks()


def _labelled(raw: bytes) -> Iterator[tuple[str, str]]:
    """Yield the label and the value of each line that has a label."""
    has_labels = False
    for line in lines(raw, _CODE_PAGE):
        if _REFUSED in line:
            raise CaptureError(
                "Windows refused the list to netsh: turn on Settings, Privacy and security, Location, and repeat it"
            )
        text = line.strip()
        if match := _COLON.search(text, 1):
            has_labels = True
            yield text[: match.start()].rstrip(), text[match.end() :].lstrip()
    if not has_labels:
        raise CaptureError("it is not what `netsh wlan show networks mode=bssid` prints")


def _points(labelled: Iterator[tuple[str, str]]) -> Iterator[tuple[_Name, _Point]]:
    """Yield each access point with the block of its name; ``SSID n`` is written so in every language."""
    name: _Name | None = None
    point: _Point | None = None
    for label, value in labelled:
        is_name = bool(_SSID.match(label))
        if name and not is_name and not _ADDRESS.match(value):
            if point:
                point.take(value)
            else:
                name.values.append(value)
            continue
        if name and point:
            yield name, point
        if is_name:
            name, point = _Name(name_bytes(value)), None
        elif name:
            point = _Point(value.lower())
    if name and point:
        yield name, point


def _heard(name: _Name, point: _Point) -> Heard:
    security = _security(name.values)
    band = point.band or channels.band_by_number(point.channel, security)
    frequency = channels.frequency_of(point.channel, band)
    # A number that is no channel of the stated band was something else.
    channel = point.channel if frequency or point.band is None else None
    traits = Traits(
        channel=channel,
        frequency_mhz=frequency,
        security=security,
        generation=point.generation,
    )
    told = Elements(traits=traits, ssid=name.ssid, stations=point.stations, utilisation=point.utilisation)
    return Heard(bssid=point.bssid, elements=told, signal_percent=point.percent)


def _security(values: list[str]) -> Security:
    """Name the security from the second and third line: only acronyms are the same in every language.

    Where neither line has any, the network is open: every kind of key and every cipher has one.
    """
    if len(values) != 3:
        return "unknown"
    key, cipher = values[1:]
    if match := _KEY.match(key):
        return _SECURITIES.get((match[1], match[2]), "unknown")
    if key == "OWE":
        return "owe"
    if cipher.startswith("WEP"):
        return "wep"
    return "unknown" if not key or not cipher or _ANY_TOKEN.search(key + " " + cipher) else "open"
