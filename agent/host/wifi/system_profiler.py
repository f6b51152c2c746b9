"""What macOS' ``system_profiler SPAirPortDataType -json`` prints.

Newer systems show no addresses, and without location services no names: such a network stays one without them.
"""

import re
from collections.abc import Iterator
from typing import Any, cast

import msgspec

from agent.contract.wifi import Generation, Network, Security
from agent.errors import CaptureError
from agent.host.wifi import channels
from agent.host.wifi.channels import Band
from agent.host.wifi.elements import Elements, Traits
from agent.host.wifi.sightings import MAX_NETWORKS, make_network
from agent.host.wifi.text import ADDRESS, dbm, name_bytes

REDACTED = "<redacted>"
_ADDRESS = re.compile(f"{ADDRESS}$")
# 149, "149,+1", "44,80" on older systems, "149 (5GHz, 80MHz)" on newer ones.
_CHANNEL = re.compile(r"(\d{1,3})(?:,([+-]1|40|80|160))?(?: \(([256])(?:\.4)?GHz(?:, (\d{2,3})MHz)?\))?$", re.ASCII)
_WIDTHS = {20, 40, 80, 160, 320}
_BANDS: dict[str, Band] = {"2": "2.4", "5": "5", "6": "6"}
_MODES: tuple[Generation, ...] = ("be", "ax", "ac", "n")
# By the end of the token: its beginning was seen misspelt. Longer ends stand first.
_SECURITIES: tuple[tuple[str, Security], ...] = (
    ("wpa3_transition", "wpa2-wpa3-transition"),
    ("wpa3_enterprise", "wpa3-enterprise"),
    ("wpa2_enterprise", "wpa2-enterprise"),
    ("wpa2_personal_mixed", "wpa1-wpa2-psk"),
    ("wpa_personal_mixed", "wpa1-wpa2-psk"),
    ("wpa3_personal", "wpa3-sae"),
    ("wpa2_personal", "wpa2-psk"),
    ("wpa_personal", "wpa1-psk"),
    ("_wep", "wep"),
    ("_owe", "owe"),
    ("_none", "open"),
)


def decode(raw: bytes) -> tuple[Network, ...]:
    """Read the networks of all interfaces; the current one, which stands among the others too, counts once.

    Raises:
        CaptureError: it is no such document.
    """
    found: dict[object, Network] = {}
    for entry, is_current in _entries(raw):
        network = _network(entry, is_current=is_current)
        # Nothing tells two nameless networks apart.
        key = (network.bssid, network.ssid_hex, network.channel) if network.ssid_hex else len(found)
        if (is_current or key not in found) and len(found) < MAX_NETWORKS:
            found[key] = network
    return tuple(found.values())


def _entries(raw: bytes) -> Iterator[tuple[dict[str, Any], bool]]:
    try:
        document = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CaptureError(f"it is no JSON: {error}") from error
    reports = _get(document, "SPAirPortDataType")
    if not isinstance(reports, list):
        raise CaptureError("it is not what `system_profiler SPAirPortDataType -json` prints")
    for interface in _items(reports, "spairport_airport_interfaces"):
        if str(_get(interface, "_name")).startswith(("awdl", "llw")):
            continue  # Apple's own links between devices
        yield from ((each, False) for each in _items([interface], "spairport_airport_other_local_wireless_networks"))
        current = _get(interface, "spairport_current_network_information")
        if _get(current, "spairport_network_channel") is not None:
            yield cast(dict[str, Any], current), True


def _get(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None


def _items(values: list[Any], key: str) -> Iterator[dict[str, Any]]:
    """Yield the objects in the lists that objects hold under a key."""
    for value in values:
        inner = _get(value, key)
        yield from (each for each in (inner if isinstance(inner, list) else ()) if isinstance(each, dict))


def _text(entry: dict[str, Any], key: str) -> str:
    value = entry.get(key)
    return str(value)[:128] if isinstance(value, str | int) else ""


def _network(entry: dict[str, Any], *, is_current: bool) -> Network:
    name, address = _text(entry, "_name"), _text(entry, "spairport_network_bssid")
    security = _security(_text(entry, "spairport_security_mode"))
    ssid = None if name == REDACTED else name_bytes(name)
    signal = dbm(_text(entry, "spairport_signal_noise"))
    traits = read_channel(_text(entry, "spairport_network_channel"), security)
    traits = msgspec.structs.replace(traits, generation=read_mode(_text(entry, "spairport_network_phymode")))
    return make_network(
        address.lower() if _ADDRESS.match(address) else None,
        Elements(traits=traits, ssid=ssid),
        signals=() if signal is None else (signal,),
        associated=is_current,
    )


def read_channel(shown: str, security: Security = "unknown") -> Traits:
    """Read a channel with what stands beside it: the band, the width, on which side the second channel lies."""
    match = _CHANNEL.match(shown)
    if match is None:
        return Traits(security=security)
    channel = int(match[1]) if 1 <= int(match[1]) <= 233 else None
    band = _BANDS[match[3]] if match[3] else channels.band_by_number(channel, security)
    width = 40 if match[2] in {"+1", "-1"} else int(match[4] or match[2] or 0)
    return Traits(
        channel=channel,
        frequency_mhz=channels.frequency_of(channel, band),
        width_mhz=width if width in _WIDTHS else None,
        security=security,
    )


def read_mode(shown: str) -> Generation | None:
    """Return the newest generation in "802.11a/n/ac/ax"."""
    modes = set(shown.removeprefix("802.11").strip().split("/"))
    if not shown.startswith("802.11"):
        return None
    return next((mode for mode in _MODES if mode in modes), "legacy" if modes & {"a", "b", "g"} else None)


def _security(token: str) -> Security:
    return next((name for end, name in _SECURITIES if token.endswith(end)), "unknown")
