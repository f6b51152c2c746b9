"""Which Wi-Fi networks this computer hears: the school's own one by one, all others only counted by channel."""

import math
import re
import statistics
import time
from collections.abc import Iterable, Sequence
from typing import Annotated, ClassVar

from msgspec import Meta, Struct, structs

from agent.contract.errors import SettingsError
from agent.contract.measurement import Failed
from agent.contract.values import Denied
from agent.contract.wifi import Crowd, Network, Wifi, WifiConnection
from agent.errors import ProbeUnavailable
from agent.host import wifi
from agent.host.wifi import sightings
from agent.host.wifi.heard import Heard

NAME = "wifi"
_MOST_NETWORKS, _MOST_DENIED, _MOST_OWN = 256, 16, 64
_LEAST_S = 1.0  # a question to the system gets this long even at the deadline's end
_BETWEEN_SCANS_S = 4.0  # a driver needs this long for one (wlanapi.h, WlanScan)
_PREFIX = re.compile(r"^[0-9a-f]{2}(:[0-9a-f]{2}){0,5}$")
_SSID = re.compile(r"^([0-9a-f]{2}){1,32}$")
_NO_CARD = "this computer has no Wi-Fi card that works; if it has one, switch it on and install its driver"


class School(Struct, frozen=True):
    """By what the school's own networks are known: names as sent, and how addresses begin."""

    ssids_hex: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()

    def owns(self, network: Network) -> bool:
        return network.ssid_hex in self.ssids_hex or (network.bssid or "-").startswith(self.prefixes)

    def with_ours(self, networks: Iterable[Network], told: WifiConnection | None) -> "School":
        """Add the network this computer is associated with: by its name, by its address where the name is hidden."""
        ours: list[Network | WifiConnection] = [each for each in networks if each.associated]
        ours += [] if told is None else [told]
        names = {each.ssid_hex for each in ours if each.ssid_hex and each.ssid_hex.strip("0")}
        addresses = {each.bssid for each in ours if each.bssid is not None}
        return School(self.ssids_hex | names, tuple(dict.fromkeys((*self.prefixes, *sorted(addresses)))))


class Probe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hear the networks around; ``fresh`` has ``scans`` new scans made, else what the system heard of late is read.

    ``own_ssids_hex`` and ``own_bssid_prefixes`` (as "aa:bb:cc") say which networks are the school's, besides the one
    this computer is associated with; on a command line they are separated by commas.
    """

    takes_the_line: ClassVar[bool] = False
    needs_server: ClassVar[bool] = False

    interface: str = ""
    fresh: bool = False
    scans: Annotated[int, Meta(ge=1, le=5)] = 1
    own_ssids_hex: tuple[str, ...] | str = ""
    own_bssid_prefixes: tuple[str, ...] | str = ""

    def __post_init__(self) -> None:
        """Refuse names and prefixes that are none (SettingsError)."""
        self._school()

    def _school(self) -> School:
        return School(
            ssids_hex=frozenset(_checked(self.own_ssids_hex, _SSID, "own_ssids_hex", "a name's bytes in hexadecimal")),
            prefixes=_checked(self.own_bssid_prefixes, _PREFIX, "own_bssid_prefixes", "the beginning of an address"),
        )

    def measure(self, deadline_s: float) -> Wifi | Failed:
        """Listen for at most ``deadline_s`` seconds.

        Raises:
            ProbeUnavailable: this computer has no Wi-Fi card, or its system does not tell of it.
        """
        deadline = time.monotonic() + deadline_s
        interface = self.interface
        try:
            interface = self._interface()
            heard = self._listen(interface, deadline)
            told, denied = wifi.connection(interface, max(_LEAST_S, deadline - time.monotonic()))
        except OSError as error:
            detail = f"listening to Wi-Fi {interface} ended: {error}; was the Wi-Fi adapter taken out or switched off?"
            return Failed(probe=NAME, failure="host_error", detail=detail)
        return combine(interface, heard, told, denied, self._school())

    def _interface(self) -> str:
        names = wifi.interfaces()
        if not names:
            raise ProbeUnavailable(_NO_CARD)
        if self.interface and self.interface not in names:
            raise ProbeUnavailable(
                f"{self.interface} is no Wi-Fi interface of this computer; it has {', '.join(names)}"
            )
        return self.interface or names[0]

    def _listen(self, interface: str, deadline: float) -> list[Heard]:
        """Scan as often as was asked for and time allows; an old list is read once."""
        heard = [wifi.neighbours(interface, fresh=self.fresh, within_s=max(_LEAST_S, deadline - time.monotonic()))]
        while heard[-1].is_fresh and len(heard) < self.scans and deadline - time.monotonic() > 2 * _BETWEEN_SCANS_S:
            time.sleep(_BETWEEN_SCANS_S)
            heard.append(wifi.neighbours(interface, fresh=True, within_s=deadline - time.monotonic()))
        return heard


def _checked(told: tuple[str, ...] | str, pattern: re.Pattern[str], name: str, what: str) -> tuple[str, ...]:
    parts = told.split(",") if isinstance(told, str) else told
    wanted = tuple(part.strip().lower().rstrip(":") for part in parts if part.strip())
    wrong = next((part for part in wanted if not pattern.match(part)), None)
    if wrong is not None or len(wanted) > _MOST_OWN:
        raise SettingsError(f"probe wifi: {wrong!r} in {name} is not {what}; give at most {_MOST_OWN}, with commas")
    return wanted


def combine(
    interface: str,
    heard: Sequence[Heard],
    told: WifiConnection | None,
    denied: tuple[Denied, ...],
    school: School,
) -> Wifi:
    """Put what was heard into a measurement: own networks in full, of all others their number and strength."""
    networks = merged(heard)
    school = school.with_ours(networks, told)
    is_known = bool(school.ssids_hex or school.prefixes)
    own = [structs.replace(each, own=True) for each in networks if is_known and school.owns(each)]
    others = [each for each in networks if not (is_known and school.owns(each))]
    refusals = [each for scan in heard for each in scan.denied] + list(denied)
    return Wifi(
        interface=interface[:64],
        source=heard[0].source,
        scans=len(heard),
        age_s=None if heard[0].age_s is None else round(heard[0].age_s, 3),
        own_known=is_known,
        networks=tuple(sorted(own, key=_weakness)[:_MOST_NETWORKS]),
        foreign=crowds(others),
        connection=told,
        noise_dbm=_first(each.noise_dbm for each in heard),
        busy_ratio=_first(each.busy_ratio for each in heard),
        denied=tuple(dict.fromkeys(refusals))[:_MOST_DENIED],
    )


def merged(heard: Sequence[Heard]) -> list[Network]:
    """Make one network of each address in several scans: its latest facts, its median and weak signal."""
    by_address: dict[object, list[Network]] = {}
    for network in (network for scan in heard for network in scan.networks):
        by_address.setdefault(network.bssid or network, []).append(network)
    return [each[0] if len(each) == 1 else _over_scans(each) for each in by_address.values()]


def _over_scans(same: list[Network]) -> Network:
    signals = sorted(each.signal_dbm for each in same if each.signal_dbm is not None)
    return structs.replace(
        same[-1],
        signal_dbm=statistics.median(signals) if signals else None,
        signal_p20_dbm=sightings.weak(signals),
        associated=any(each.associated for each in same),
        frames=len(same),
    )


def crowds(networks: Iterable[Network]) -> tuple[Crowd, ...]:
    """Count networks by their channel; one that names none cannot be counted."""
    by_channel: dict[int, list[Network]] = {}
    for network in networks:
        if network.channel is not None:
            by_channel.setdefault(network.channel, []).append(network)
    return tuple(
        Crowd(
            channel=channel,
            networks=len(same),
            strongest_dbm=max((each.signal_dbm for each in same if each.signal_dbm is not None), default=None),
        )
        for channel, same in sorted(by_channel.items())
    )


def _weakness(network: Network) -> float:
    return math.inf if network.signal_dbm is None else -network.signal_dbm


def _first(values: Iterable[float | None]) -> float | None:
    return next((value for value in values if value is not None), None)
