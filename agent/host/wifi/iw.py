"""What the Linux program iw prints: ``scan``, ``link`` and ``station dump``. A last resort: iw promises no format."""

import re
from collections.abc import Iterator

from agent.contract.wifi import Generation, Network, Security
from agent.errors import CaptureError
from agent.host.wifi import channels, elements, security
from agent.host.wifi.elements import Elements, Traits
from agent.host.wifi.security import Offer
from agent.host.wifi.sightings import Heard, Sightings
from agent.host.wifi.text import ADDRESS, dbm, lines, name_bytes, whole_number

_MOST_FIELDS = 1024  # of a block; the fullest beacons have some two hundred
Fields = dict[tuple[str, str], str]
"""What a block says, by section and key; the section of its own lines is ""."""

_BSS = re.compile(rf"BSS ({ADDRESS})\s*\(on [^)]*\)\s*(?:-- (.*))?$")
_LINK = re.compile(rf"Connected to ({ADDRESS})\s*\(on [^)]*\)")
_STATION = re.compile(rf"Station ({ADDRESS})\s*\(on [^)]*\)")
_ESCAPED = re.compile(r"\\x([0-9a-f]{2})")
_MEGAHERTZ = re.compile(r"(\d{4})(?:\.\d{1,3})?$", re.ASCII)
_NUMBERS = re.compile(r"\d+", re.ASCII)
_GENERATIONS: tuple[tuple[Generation, str], ...] = (("be", "eht "), ("ax", "he "), ("ac", "vht "), ("n", "ht "))
# The names that iw gives to AKM suite types (scan.c), those first that contain others.
_SUITES = (
    ("FT/IEEE 802.1X/SHA-384", 13), ("IEEE 802.1X/SUITE-B-192", 12), ("IEEE 802.1X/SUITE-B", 11),
    ("IEEE 802.1X/SHA-256", 5), ("FT/IEEE 802.1X", 3), ("IEEE 802.1X", 1), ("FT/FILS/SHA-384", 17),
    ("FT/FILS/SHA-256", 16), ("FILS/SHA-384", 15), ("FILS/SHA-256", 14), ("PSK/SHA-256", 6), ("FT/PSK", 4),
    ("PSK", 2), ("FT/SAE", 9), ("SAE", 8), ("OWE", 18),
)  # fmt: skip
_BY_NUMBER = re.compile(r"\b00-0f-ac:(\d{1,3})\b", re.ASCII)


def decode_scan(raw: bytes) -> tuple[Network, ...]:
    """Read ``iw dev IFACE scan`` or ``scan dump``; raises CaptureError where it is none."""
    sightings = Sightings()
    for head, fields in _blocks(raw, _BSS):
        sightings.add(
            Heard(
                bssid=head[1].lower(),
                elements=_elements(fields),
                signal_dbm=dbm(fields.get(("", "signal"), "")),
                associated=(head[2] or "").startswith("associated"),
            )
        )
    return _found(sightings, "iw dev IFACE scan")


def decode_link(raw: bytes) -> tuple[Network, ...]:
    """Read ``iw dev IFACE link``: one network, or none while not connected; raises CaptureError where it is none."""
    if any(line.startswith("Not connected") for line in lines(raw)):
        return ()
    sightings = Sightings()
    for head, fields in _blocks(raw, _LINK):
        told = Elements(traits=_traits(fields), ssid=_ssid(fields))
        signal = dbm(fields.get(("", "signal"), ""))
        sightings.add(Heard(bssid=head[1].lower(), elements=told, signal_dbm=signal, associated=True))
    return _found(sightings, "iw dev IFACE link")


def decode_stations(raw: bytes) -> tuple[Network, ...]:
    """Read ``iw dev IFACE station dump``: on a computer the station is its access point.

    Raises:
        CaptureError: it is none.
    """
    sightings = Sightings()
    for head, fields in _blocks(raw, _STATION):
        signals = (dbm(fields.get(("", key), "")) for key in ("signal", "signal avg"))
        sightings.add(
            Heard(
                bssid=head[1].lower(),
                elements=Elements(traits=Traits()),
                signal_dbm=next((signal for signal in signals if signal is not None), None),
                associated=fields.get(("", "associated"), "yes") == "yes",
            )
        )
    return _found(sightings, "iw dev IFACE station dump")


def _found(sightings: Sightings, command: str) -> tuple[Network, ...]:
    networks = sightings.networks()
    if not networks:
        raise CaptureError(f"it is not what `{command}` prints")
    return networks


def _blocks(raw: bytes, head: re.Pattern[str]) -> Iterator[tuple[re.Match[str], Fields]]:
    """Yield each block's first line and its fields.

    Tabs or spaces: a block's own lines are indented as its first one. Deeper lines belong to a section where they
    begin with a star, as its heading's remainder may; of the others nothing is needed.
    """
    block: tuple[re.Match[str], Fields] | None = None
    depth, section = 0, ""
    for line in lines(raw):
        text = line.expandtabs().strip(" ")
        if begun := head.match(line):
            if block:
                yield block
            block, depth, section = (begun, {}), 0, ""
            continue
        if block is None or not text:
            continue
        indent = len(line.expandtabs()) - len(line.expandtabs().lstrip(" "))
        depth = depth or indent
        if not text.startswith("*"):
            if indent > depth:
                continue
            key, _, text = (part.strip() for part in text.partition(":"))
            section = key.lower()
            _keep(block[1], ("", section), text)
        if text.startswith("*"):
            key, _, value = (part.strip() for part in text[1:].partition(":"))
            _keep(block[1], (section, key.lower()), value)
    if block:
        yield block


def _keep(fields: Fields, key: tuple[str, str], value: str) -> None:
    """Note a field, the first of each, and only as many as a network can have."""
    if len(fields) < _MOST_FIELDS:
        fields.setdefault(key, value)


def _elements(fields: Fields) -> Elements:
    load = [whole_number(part, 255) for part in fields.get(("bss load", "channel utilisation"), "").split("/")]
    return Elements(
        traits=_traits(fields),
        ssid=_ssid(fields),
        stations=whole_number(fields.get(("bss load", "station count"), ""), 65535),
        utilisation=load[0] / 255 if len(load) == 2 and load[0] is not None and load[1] == 255 else None,
    )


def _ssid(fields: Fields) -> bytes | None:
    """Return the name; iw writes every byte but printable ASCII in hex, the backslash as well."""
    shown = fields.get(("", "ssid"))
    if shown is None:
        return None
    return name_bytes(_ESCAPED.sub(lambda code: bytes.fromhex(code[1]).decode("utf-8", "surrogateescape"), shown))


def _traits(fields: Fields) -> Traits:
    tuned = _MEGAHERTZ.match(fields.get(("", "freq"), ""))
    frequency = int(tuned[1]) if tuned and channels.channel_of(int(tuned[1])) else None
    named = _NUMBERS.findall(fields.get(("", "ds parameter set"), ""))[:1]
    named += _NUMBERS.findall(fields.get(("ht operation", "primary channel"), ""))[:1]
    known = [int(text) for text in named if len(text) <= 3 and channels.older_band(int(text))]
    if known and channels.band_of(frequency) != "6":
        frequency = channels.frequency_of(known[0], channels.older_band(known[0]))
    channel = channels.channel_of(frequency)
    return Traits(
        channel=channel,
        channel_other=known[1] if len(set(known)) == 2 and channel == known[0] else None,
        frequency_mhz=frequency,
        width_mhz=_width(fields),
        security=_security(fields),
        generation=_generation(fields),
    )


def _width(fields: Fields) -> int | None:
    offset = fields.get(("ht operation", "secondary channel offset"), "")
    any_width = fields.get(("ht operation", "sta channel width"), "")
    if not offset:
        return None
    narrow = elements.ht_width({"above": 1, "below": 3}.get(offset, 0), is_any=any_width == "any")
    keys = ("channel width", "center freq segment 1", "center freq segment 2")
    found = [_NUMBERS.match(fields.get(("vht operation", key), "")) for key in keys]
    code, first, second = (int(number[0][:4]) if number else 0 for number in found)
    return elements.vht_width(code, first, second, narrow)


def _generation(fields: Fields) -> Generation | None:
    sections = {key for section, key in fields if not section}
    for generation, start in _GENERATIONS:
        if any(section.startswith((f"{start}capabilities", f"{start}operation")) for section in sections):
            return generation
    # A scan without elements says nothing of the generation.
    return "legacy" if "supported rates" in sections else None


def _security(fields: Fields) -> Security:
    capability = fields.get(("", "capability"))
    if capability is None or ("", "wapi") in fields or ("", "osen") in fields:
        return "unknown"
    return security.name_of(_offer(fields, "rsn"), _offer(fields, "wpa"), privacy="Privacy" in capability.split())


def _offer(fields: Fields, section: str) -> Offer | None:
    if ("", section) not in fields:
        return None
    shown = fields.get((section, "authentication suites"), "")
    suites = {int(number) for number in _BY_NUMBER.findall(shown)}
    for name, suite in _SUITES:
        if name in shown:
            suites.add(suite)
            shown = shown.replace(name, " ")
    return Offer(suites=frozenset(suites), protects="MFP-required" in fields.get((section, "capabilities"), ""))
