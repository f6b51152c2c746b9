"""Wi-Fi on macOS: ``system_profiler SPAirPortDataType -json``, which scans by itself. Never run on macOS by us."""

import re
import time
from typing import Any

import msgspec
from msgspec import Struct, field

from agent.contract.values import Denied
from agent.contract.wifi import WifiConnection
from agent.errors import CaptureError, ProbeUnavailable
from agent.host import program
from agent.host.wifi import system_profiler
from agent.host.wifi.heard import Heard

SOURCE = "system_profiler"
_FETCH_S, _RECENT_S = 30.0, 15.0
_latest: dict[str, tuple[float, bytes]] = {}
_NOISE = re.compile(r"/ (-\d{2,3}) dBm$", re.ASCII)
_HIDDEN = (
    "macOS shows the names and addresses of Wi-Fi networks only to programs with Location Services, which a background "
    "program cannot be given; there is nothing to change, and signal and channel are measured all the same"
)


class _Current(Struct):
    rate_mbps: Any = field(name="spairport_network_rate", default=None)
    signal: Any = field(name="spairport_signal_noise", default=None)


class _Interface(Struct):
    name: str = field(name="_name", default="")
    current: _Current | None = field(name="spairport_current_network_information", default=None)


class _Report(Struct):
    interfaces: tuple[_Interface, ...] = field(name="spairport_airport_interfaces", default=())


class _Document(Struct):
    reports: tuple[_Report, ...] = field(name="SPAirPortDataType")


def interfaces() -> tuple[str, ...]:
    """Return the names of the Wi-Fi interfaces, connected ones first; raises ProbeUnavailable without an answer."""
    return decode_interfaces(_recent(_FETCH_S))


def connection(interface: str, within_s: float) -> tuple[WifiConnection | None, tuple[Denied, ...]]:
    """Return what can be known of the connection; raises ProbeUnavailable without an answer."""
    return decode_connection(_recent(within_s), interface)


def neighbours(interface: str, *, fresh: bool, within_s: float) -> Heard:
    """Return the networks heard in a new scan, or in one of a moment ago; raises ProbeUnavailable without an answer."""
    del interface  # system_profiler asks all of them
    return decode_neighbours(fetch(within_s) if fresh else _recent(within_s))


def fetch(within_s: float) -> bytes:
    """Run system_profiler; raises ProbeUnavailable where it is not there, failed or took too long."""
    told = program.answer("system_profiler", "SPAirPortDataType", "-json", within_s=min(within_s, _FETCH_S))
    if told is None:
        raise ProbeUnavailable("system_profiler did not tell of Wi-Fi; run it in a terminal to see why")
    _latest["answer"] = (time.monotonic(), told)
    return told


def _recent(within_s: float) -> bytes:
    """Return the answer of a moment ago: asking takes seconds, and one measurement wants several things of it."""
    at, told = _latest.get("answer", (0.0, b""))
    return told if told and time.monotonic() - at < _RECENT_S else fetch(within_s)


def decode_interfaces(raw: bytes) -> tuple[str, ...]:
    """Read the names, without Apple's own links between devices."""
    told = [each for each in _interfaces(raw) if each.name and not each.name.startswith(("awdl", "llw"))]
    return tuple(each.name for each in sorted(told, key=lambda each: each.current is None))


def decode_connection(raw: bytes, interface: str) -> tuple[WifiConnection | None, tuple[Denied, ...]]:
    """Read the connection of an interface, with the noise and the rate that stand beside the network."""
    current = next((each.current for each in _interfaces(raw) if each.name == interface), None)
    network = next((each for each in system_profiler.decode(raw) if each.associated), None)
    if current is None or network is None:
        return None, ()
    noise = _NOISE.search(current.signal) if isinstance(current.signal, str) else None
    rate = current.rate_mbps if isinstance(current.rate_mbps, int) and 0 < current.rate_mbps < 10**6 else None
    names = (
        "ssid",
        "ssid_hex",
        "bssid",
        "channel",
        "frequency_mhz",
        "width_mhz",
        "generation",
        "signal_dbm",
        "security",
    )
    told = WifiConnection(
        source=SOURCE,
        noise_dbm=float(noise[1]) if noise is not None and -130 <= int(noise[1]) <= -10 else None,
        transmit_bps=None if rate is None else rate * 1e6,
        **{name: getattr(network, name) for name in names},
    )
    hidden = [what for what, value in (("ssid", told.ssid_hex), ("bssid", told.bssid)) if not value]
    return told, tuple(Denied(what=what, setting=_HIDDEN) for what in hidden)


def decode_neighbours(raw: bytes) -> Heard:
    """Read the networks; where macOS hides their names and addresses that is said."""
    try:
        networks = system_profiler.decode(raw)
    except CaptureError as error:
        raise ProbeUnavailable(f"system_profiler told of Wi-Fi in a way not known here: {error}") from error
    is_hidden = any(each.bssid is None for each in networks)
    denied = (Denied(what="bssid", setting=_HIDDEN),) if is_hidden else ()
    return Heard(networks=networks, source=SOURCE, is_fresh=True, denied=denied)


def _interfaces(raw: bytes) -> tuple[_Interface, ...]:
    try:
        document = msgspec.json.decode(raw, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProbeUnavailable(f"system_profiler told of Wi-Fi in a way not known here: {error}") from error
    return tuple(each for report in document.reports for each in report.interfaces)
