"""Wi-Fi on Linux as the kernel tells it (linux/nl80211.h): the connection, the access points heard, the air.

``fetch``, ``trigger`` and ``wait`` ask, the rest decodes what was answered. Reading needs no privilege, only a new scan
does (CAP_NET_ADMIN): without one there is what the system itself heard of late.
"""

import errno
import socket
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from msgspec import Struct

from agent.contract.wifi import Generation, Network, WifiConnection
from agent.host.wifi import channels, elements, netlink
from agent.host.wifi.elements import Elements, Traits
from agent.host.wifi.netlink import Attributes, Channel, number, signed
from agent.host.wifi.sightings import Heard, Sightings

FAMILY = "nl80211"
MOST_NETWORKS = 10_000
# NL80211_CMD_*
_GET_INTERFACE, _NEW_INTERFACE, _GET_STATION, _NEW_STATION, _GET_SCAN, _TRIGGER_SCAN = 5, 7, 17, 19, 32, 33
_NEW_SCAN_RESULTS, _SCAN_ABORTED, _GET_SURVEY, _NEW_SURVEY = 34, 35, 50, 51
# NL80211_ATTR_*
_INDEX, _MAC, _STATION, _SCAN_SSIDS, _BSS, _SURVEY, _TUNED_MHZ, _WIDTH = 3, 6, 21, 45, 47, 84, 38, 159
# NL80211_BSS_*, NL80211_STA_INFO_*, NL80211_RATE_INFO_*, NL80211_SURVEY_INFO_*
_BSSID, _FREQUENCY, _CAPABILITY, _ELEMENTS, _SIGNAL_MBM, _SIGNAL_PERCENT = 1, 2, 5, 6, 7, 8
_STATUS, _SEEN_MS_AGO, _BEACON_ELEMENTS, _ASSOCIATED = 9, 10, 11, 1
_SIGNAL, _SEND_RATE, _SENT, _RETRIES, _SIGNAL_AVERAGE, _RECEIVE_RATE = 7, 8, 10, 11, 13, 14
_RATE16, _HT, _RATE32, _VHT, _HE, _EHT = 1, 2, 5, 6, 13, 19
_AIR_FREQUENCY, _AIR_NOISE, _AIR_IN_USE, _AIR_TIME, _AIR_BUSY = 1, 2, 3, 4, 5
_WIDTHS_MHZ = {0: 20, 1: 20, 2: 40, 3: 80, 4: 160, 5: 160, 6: 5, 7: 10, 13: 320}  # NL80211_CHAN_WIDTH_*
_OF_THE_NETWORK = ("ssid", "ssid_hex", "bssid", "channel", "frequency_mhz", "security")
_PRIVACY = 0x10  # IEEE 802.11, 9.4.1.4
_NESTED = 0x8000  # NLA_F_NESTED


class Answers(Struct, frozen=True, kw_only=True):
    """What the kernel answered, message by message, as it came."""

    interface: bytes = b""
    scan: bytes = b""
    station: bytes = b""


class Scanned(Struct, frozen=True):
    """An access point of the last scans, and how long ago it was heard."""

    network: Network
    age_s: float | None


class Tuning(NamedTuple):
    """The channel an interface uses."""

    frequency_mhz: int | None
    width_mhz: int | None


class Station(Struct, frozen=True, kw_only=True):
    """The other end of our connection; ``retry_ratio`` is the share of sent frames that were repeats, since joining."""

    bssid: str | None
    signal_dbm: float | None = None
    receive_bps: float | None = None
    transmit_bps: float | None = None
    generation: Generation | None = None
    retry_ratio: float | None = None


class Air(Struct, frozen=True, kw_only=True):
    """The channel in use: its noise, and its time and busy time in ms, counted since some moment in the past."""

    noise_dbm: float | None = None
    counted_ms: tuple[int, int] | None = None


def fetch(channel: Channel, interface: str) -> Answers:
    """Ask for what is known of an interface without a new scan.

    Raises:
        OSError: the kernel's refusal; ENOENT without any Wi-Fi driver, ENODEV or ENXIO where the interface is gone.
    """
    family = channel.family(FAMILY).number
    which = _which(interface)
    return Answers(
        interface=channel.ask(family, _GET_INTERFACE, which, dump=False),
        scan=channel.ask(family, _GET_SCAN, which, dump=True),
        station=channel.ask(family, _GET_STATION, which, dump=True),
    )


def fetch_air(channel: Channel, interface: str) -> bytes:
    """Ask for the channels' statistics; raises OSError, EOPNOTSUPP where the driver keeps none."""
    return channel.ask(channel.family(FAMILY).number, _GET_SURVEY, _which(interface), dump=True)


def listen(channel: Channel) -> None:
    """Hear of scans from now on; raises OSError where the kernel does not tell."""
    group = channel.family(FAMILY).groups.get("scan")
    if group is None:
        raise OSError(errno.EOPNOTSUPP, "this kernel does not tell when a scan ends")
    channel.join(group)


def trigger(channel: Channel, interface: str) -> None:
    """Have a new scan made; where one runs already, that one will do.

    Raises:
        PermissionError: without CAP_NET_ADMIN.
        OSError: any other refusal, as ENODEV where the interface is gone.
    """
    every_name = netlink.attribute(1, b"")
    values = {**_which(interface), _SCAN_SSIDS | _NESTED: every_name}
    try:
        channel.ask(channel.family(FAMILY).number, _TRIGGER_SCAN, values, dump=False)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise


def wait(channel: Channel, interface: str) -> None:
    """Wait for the end of a scan on the interface; raises OSError where it was broken off, or at the deadline."""
    family, which = channel.family(FAMILY).number, _which(interface)
    for told in channel.heard():
        if told.kind == family and netlink.attributes(told.body).get(_INDEX) == which[_INDEX]:
            if told.command == _NEW_SCAN_RESULTS:
                return
            if told.command == _SCAN_ABORTED:
                raise OSError(errno.ECANCELED, f"the scan on {interface} was broken off")


def _which(interface: str) -> dict[int, bytes]:
    return {_INDEX: struct.pack("=I", socket.if_nametoindex(interface))}


def _bodies(raw: bytes, command: int) -> Iterator[Attributes]:
    return (netlink.attributes(told.body) for told in netlink.messages(raw) if told.command == command)


def decode_scan(raw: bytes) -> tuple[Scanned, ...]:
    """Read the access points of a scan dump, each once; those without an address are none."""
    sightings, ages = Sightings(), dict[str, float]()
    for values in _bodies(raw, _NEW_SCAN_RESULTS):
        bss = netlink.attributes(values.get(_BSS, b""))
        bssid, seen = _address(bss.get(_BSSID)), number(bss, _SEEN_MS_AGO)
        if bssid is None or len(ages) >= MOST_NETWORKS:
            continue
        sightings.add(_heard(bssid, bss))
        if seen is not None:
            ages.setdefault(bssid, seen / 1000)
    return tuple(Scanned(network, ages.get(network.bssid or "")) for network in sightings.networks())


def _heard(bssid: str, bss: Attributes) -> Heard:
    """Read one access point; where its elements are damaged only the radio's own facts are left."""
    capability, percent, level = number(bss, _CAPABILITY), number(bss, _SIGNAL_PERCENT), signed(bss, _SIGNAL_MBM)
    tuned = _megahertz(number(bss, _FREQUENCY))
    raw = bss.get(_ELEMENTS) or bss.get(_BEACON_ELEMENTS, b"")
    told = elements.decode(raw, privacy=bool((capability or 0) & _PRIVACY), frequency_mhz=tuned) if raw else None
    return Heard(
        bssid=bssid,
        elements=told or Elements(traits=Traits(channel=channels.channel_of(tuned), frequency_mhz=tuned)),
        signal_dbm=None if level is None else elements.signal(level / 100),
        signal_percent=percent if percent is not None and percent <= 100 else None,
        associated=number(bss, _STATUS) == _ASSOCIATED,
    )


def decode_station(raw: bytes) -> Station | None:
    """Read the first station of a dump: on a computer that is its access point."""
    for values in _bodies(raw, _NEW_STATION):
        station = netlink.attributes(values.get(_STATION, b""))
        send, receive = (netlink.attributes(station.get(key, b"")) for key in (_SEND_RATE, _RECEIVE_RATE))
        level = signed(station, _SIGNAL_AVERAGE) or signed(station, _SIGNAL)
        return Station(
            bssid=_address(values.get(_MAC)),
            signal_dbm=elements.signal(level),
            receive_bps=_rate(receive),
            transmit_bps=_rate(send),
            generation=_generation(send) or _generation(receive),
            retry_ratio=_retries(number(station, _SENT), number(station, _RETRIES)),
        )
    return None


def decode_tuning(raw: bytes) -> Tuning:
    """Read the channel that an interface uses."""
    for values in _bodies(raw, _NEW_INTERFACE):
        width, frequency = number(values, _WIDTH), number(values, _TUNED_MHZ)
        return Tuning(_megahertz(frequency), None if width is None else _WIDTHS_MHZ.get(width))
    return Tuning(None, None)


def decode_air(raw: bytes) -> Air | None:
    """Read the statistics of the channel in use; None where none is marked so."""
    for values in _bodies(raw, _NEW_SURVEY):
        air = netlink.attributes(values.get(_SURVEY, b""))
        if _AIR_IN_USE in air:
            noise, passed, busy = signed(air, _AIR_NOISE), number(air, _AIR_TIME), number(air, _AIR_BUSY)
            return Air(
                noise_dbm=noise if noise is not None and -130 <= noise <= -10 else None,
                counted_ms=None if passed is None or busy is None else (passed, busy),
            )
    return None


def busy_ratio(before: Air, after: Air | None) -> float | None:
    """Return the share of the time between two looks in which the channel was busy; None where it was not counted."""
    if before.counted_ms is None or after is None or after.counted_ms is None:
        return None
    passed, busy = (end - begin for begin, end in zip(before.counted_ms, after.counted_ms, strict=True))
    return min(1.0, round(busy / passed, 4)) if passed > 0 and busy >= 0 else None


def decode_connection(answers: Answers) -> WifiConnection | None:
    """Put together what the kernel says of the connection; None where there is none."""
    station = decode_station(answers.station)
    networks = [each.network for each in decode_scan(answers.scan)]
    network = next((each for each in networks if each.associated), None)
    if station is None and network is None:
        return None
    station, tuning = station or Station(bssid=None), decode_tuning(answers.interface)
    told: dict[str, Any] = {"bssid": station.bssid, "frequency_mhz": tuning.frequency_mhz}
    if network is not None:
        told = {name: getattr(network, name) for name in _OF_THE_NETWORK}
    level = station.signal_dbm
    return WifiConnection(
        source=FAMILY,
        **{"channel": channels.channel_of(told["frequency_mhz"]), **told},
        width_mhz=tuning.width_mhz,
        generation=station.generation or _only_legacy(network),
        signal_dbm=network.signal_dbm if level is None and network is not None else level,
        receive_bps=station.receive_bps,
        transmit_bps=station.transmit_bps,
        retry_ratio=station.retry_ratio,
    )


def _only_legacy(network: Network | None) -> Generation | None:
    """Name what the access point's beacon alone proves: one that knows nothing newer talks to us in nothing newer."""
    return "legacy" if network is not None and network.generation == "legacy" else None


def _address(raw: bytes | None) -> str | None:
    return raw.hex(":") if raw is not None and len(raw) == 6 else None


def _megahertz(number_: int | None) -> int | None:
    return number_ if number_ is not None and 2000 <= number_ <= 8000 else None


def _rate(values: Attributes) -> float | None:
    """Read a rate: told in units of 100 kbit/s, the newer attribute with 32 bits first."""
    wide = number(values, _RATE32)
    units = number(values, _RATE16) if wide is None else wide
    return None if not units else units * 100_000.0


def _generation(values: Attributes) -> Generation | None:
    """Tell the generation from the kind of the rate; one without such a sign may be a mere management frame's."""
    signs: tuple[tuple[int, Generation], ...] = ((_EHT, "be"), (_HE, "ax"), (_VHT, "ac"), (_HT, "n"))
    return next((generation for sign, generation in signs if sign in values), None)


def _retries(sent: int | None, retries: int | None) -> float | None:
    return None if sent is None or retries is None or sent == 0 else round(retries / (sent + retries), 4)
