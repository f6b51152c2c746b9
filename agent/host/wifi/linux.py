"""Wi-Fi on Linux: the kernel's nl80211; where a driver is too old for it, NetworkManager and /proc/net/wireless."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
from msgspec import structs

from agent.contract.values import Denied
from agent.contract.wifi import Network, WifiConnection
from agent.errors import CaptureError, ProbeUnavailable
from agent.host import link, program
from agent.host.wifi import nl80211, nmcli, proc
from agent.host.wifi.heard import Heard
from agent.host.wifi.netlink import Channel
from agent.host.wifi.nl80211 import Air

_AIR_S = 1.0  # for how long the channel in use is watched
_SLACK_S = 0.5
_FIELDS = "IN-USE,BSSID,SSID,CHAN,FREQ,RATE,SIGNAL,SECURITY"
_LIST_S = 20.0  # nmcli waits for the end of its scan
_RIGHT = (
    "only the administrator may start a new scan on this computer; run the agent as its service (root, or with "
    "CAP_NET_ADMIN). What the system itself heard of late was read instead"
)


def interfaces() -> tuple[str, ...]:
    """Return the names of the Wi-Fi interfaces, those that are up first."""
    found = [
        (not stats.isup, name)
        for name, stats in psutil.net_if_stats().items()
        if (raw := link.fetch(name)) is not None and link.decode(raw).medium == "wifi"
    ]
    return tuple(name for _rank, name in sorted(found))


def connection(interface: str, within_s: float) -> tuple[WifiConnection | None, tuple[Denied, ...]]:
    """Return what is known of the connection; nothing of it is denied to anybody.

    Raises:
        OSError: the interface is gone.
    """
    with _kernel(within_s) as channel:
        if channel is None:
            return _older(interface, within_s), ()
        return connection_by(channel, interface), ()


def neighbours(interface: str, *, fresh: bool, within_s: float) -> Heard:
    """Return the networks that the system heard of late; ``fresh`` has a new scan made, where that is allowed.

    Raises:
        OSError: the interface is gone, or the scan was broken off or did not end in time.
        ProbeUnavailable: neither the kernel nor NetworkManager can be asked.
    """
    with _kernel(within_s) as channel:
        if channel is None:
            return _listed(interface, within_s, fresh=fresh)
        return neighbours_by(channel, interface, fresh=fresh)


def connection_by(channel: Channel, interface: str) -> WifiConnection | None:
    """Ask the kernel for the connection; raises OSError where the interface is gone."""
    told = nl80211.decode_connection(nl80211.fetch(channel, interface))
    air = _air(channel, interface)
    return told if told is None or air is None else structs.replace(told, noise_dbm=air.noise_dbm)


def neighbours_by(channel: Channel, interface: str, *, fresh: bool) -> Heard:
    """Ask the kernel for the networks; raises OSError where the interface is gone or its scan was broken off."""
    air, busy = _watched(channel, interface)
    began = time.monotonic()
    is_fresh = fresh and _scanned(channel, interface)
    found = nl80211.decode_scan(nl80211.fetch(channel, interface).scan)
    took = time.monotonic() - began
    if is_fresh:
        found = tuple(each for each in found if each.age_s is None or each.age_s <= took + _SLACK_S)
    ages = [each.age_s for each in found if each.age_s is not None]
    return Heard(
        networks=tuple(each.network for each in found),
        source=nl80211.FAMILY,
        is_fresh=is_fresh,
        age_s=None if is_fresh else max(ages, default=None),
        noise_dbm=None if air is None else air.noise_dbm,
        busy_ratio=busy,
        denied=(Denied(what="neighbours", setting=_RIGHT),) if fresh and not is_fresh else (),
    )


@contextmanager
def _kernel(within_s: float) -> Iterator[Channel | None]:
    """Open the way to nl80211; None where no driver speaks it."""
    with Channel(time.monotonic() + within_s) as channel:
        try:
            channel.family(nl80211.FAMILY)
            speaks: Channel | None = channel
        except FileNotFoundError:
            speaks = None
        yield speaks


def _scanned(channel: Channel, interface: str) -> bool:
    """Have a new scan made, by NetworkManager where the kernel takes none from us; False where neither may."""
    nl80211.listen(channel)
    try:
        nl80211.trigger(channel, interface)
    except PermissionError:
        if program.answer("nmcli", "device", "wifi", "rescan", "ifname", interface, within_s=_SLACK_S * 4) is None:
            return False
    nl80211.wait(channel, interface)
    return True


def _air(channel: Channel, interface: str) -> Air | None:
    with suppress(OSError):  # many drivers keep no statistics of the air
        return nl80211.decode_air(nl80211.fetch_air(channel, interface))
    return None


def _watched(channel: Channel, interface: str) -> tuple[Air | None, float | None]:
    """Watch the channel in use, before a scan leaves it, for as long as it takes to see how busy it is."""
    before = _air(channel, interface)
    if before is None or before.counted_ms is None:
        return before, None
    time.sleep(_AIR_S)
    return before, nl80211.busy_ratio(before, _air(channel, interface))


def _older(interface: str, within_s: float) -> WifiConnection | None:
    """Ask what is older than nl80211: /proc for the signal, NetworkManager for the rest."""
    told = None
    with suppress(OSError):
        told = proc.decode(proc.fetch(), interface)
    networks = _nmcli(interface, "no", within_s) or ()
    network = next((each for each in networks if each.associated), None)
    if network is None:
        return told
    names = ("ssid", "ssid_hex", "bssid", "channel", "frequency_mhz", "signal_percent", "security")
    facts = {name: getattr(network, name) for name in names}
    source = "nmcli" if told is None else f"nmcli+{told.source}"
    return structs.replace(told or WifiConnection(source=source), source=source, **facts)


def _listed(interface: str, within_s: float, *, fresh: bool) -> Heard:
    networks = _nmcli(interface, "yes" if fresh else "auto", min(within_s, _LIST_S))
    if networks is None:
        raise ProbeUnavailable(
            f"the driver of {interface} does not speak nl80211 and NetworkManager (nmcli) does not answer; "
            "update the driver, or measure on another computer"
        )
    return Heard(networks=networks, source="nmcli", is_fresh=fresh)


def _nmcli(interface: str, rescan: str, within_s: float) -> tuple[Network, ...] | None:
    arguments = ("-t", "-f", _FIELDS, "device", "wifi", "list", "ifname", interface, "--rescan", rescan)
    told = program.answer("nmcli", *arguments, within_s=within_s)
    if not told:
        return None if told is None else ()
    try:
        return nmcli.decode(told)
    except CaptureError:
        return None  # it printed something else than its list
