"""Wi-Fi on Windows: which adapter an interface is, and the calls of ``wlanapi`` in their order."""

import errno
import time

import psutil
from msgspec import structs

from agent.contract.values import Denied
from agent.contract.wifi import Network, WifiConnection
from agent.errors import CaptureError, ProbeUnavailable
from agent.host import ip_helper
from agent.host.ip_helper import Row
from agent.host.wifi import bss_list, wlanapi
from agent.host.wifi.heard import Heard
from agent.host.wifi.wlanapi import Answer, Asks, Rates, Wlan

SOURCE = "wlanapi-bss-list"
_SCAN_S = 4.0  # a driver must end a scan within this time (wlanapi.h, WlanScan)
_NO_LIBRARY = (
    "Windows has no wlanapi.dll here; a Windows Server needs the feature Wireless LAN Service for its Wi-Fi card"
)
_NO_SERVICE = "the service WLAN AutoConfig (WlanSvc) does not run; start it in services.msc to measure Wi-Fi"
_TROUBLES = {wlanapi.NO_LIBRARY: _NO_LIBRARY, wlanapi.NO_SERVICE: _NO_SERVICE}


def interfaces() -> tuple[str, ...]:
    """Return the names of the Wi-Fi interfaces, connected ones first.

    Raises:
        ProbeUnavailable: Windows has no Wi-Fi service here.
    """
    with Wlan() as wlan:
        return named(
            wlan.adapters(), {name: row for name in psutil.net_if_stats() if (row := ip_helper.fetch_row(name))}
        )


def connection(interface: str, within_s: float) -> tuple[WifiConnection | None, tuple[Denied, ...]]:
    """Return what can be known of the connection; ``within_s`` is not needed: Windows answers at once."""
    del within_s
    row = ip_helper.fetch_row(interface)
    if row is None:
        return None, ()
    with Wlan() as wlan:
        return connection_of(wlan, row)


def neighbours(interface: str, *, fresh: bool, within_s: float) -> Heard:
    """Return the networks heard lately; ``fresh`` has a scan made first, where ``within_s`` leaves the time.

    Raises:
        OSError: the adapter was taken out, or Windows' answer cannot be read.
        ProbeUnavailable: Windows has no Wi-Fi service here.
    """
    row = ip_helper.fetch_row(interface)
    if row is None:
        raise OSError(wlanapi.NOT_FOUND, f"Windows no longer has the adapter {interface}")
    with Wlan() as wlan:
        return neighbours_of(wlan, row, wait_s=min(_SCAN_S, within_s) if fresh else 0.0)


def named(answer: Answer, rows: dict[str, Row]) -> tuple[str, ...]:
    """Return the names of wlanapi's adapters; Windows' virtual Wi-Fi adapters are not among them."""
    adapters = {each.guid: each for each in wlanapi.decode_adapters(_granted(answer))}
    found = [(not adapters[row.guid].is_connected, name) for name, row in rows.items() if row.guid in adapters]
    return tuple(name for _rank, name in sorted(found))


def connection_of(wlan: Asks, row: Row) -> tuple[WifiConnection | None, tuple[Denied, ...]]:
    """Climb down the ladder of questions about the connection."""
    answers = {question: wlan.query(row.guid, question) for question in wlanapi.QUESTIONS}
    trouble = next((_TROUBLES[each] for each in answers.values() if isinstance(each, int) and each in _TROUBLES), None)
    if trouble is not None:
        return None, (Denied(what="signal", setting=trouble),)
    return wlanapi.decode_connection(answers, Rates(receive_bps=row.receive_bps, transmit_bps=row.transmit_bps))


def neighbours_of(wlan: Asks, row: Row, *, wait_s: float) -> Heard:
    """Ask for the networks, after a scan of ``wait_s`` seconds where there are any."""
    is_fresh = wait_s > 0 and wlan.scan(row.guid) == 0
    if is_fresh:
        time.sleep(wait_s)
    answer = wlan.networks(row.guid)
    if answer == wlanapi.ACCESS_DENIED:
        denied = Denied(what="neighbours", setting=wlanapi.CONSENT)
        return Heard(networks=(), source=SOURCE, is_fresh=False, denied=(denied,))
    raw = _granted(answer)
    try:
        networks = bss_list.decode(raw)
    except CaptureError as error:
        raise OSError(errno.EBADMSG, f"what Windows tells of the networks cannot be read: {error}") from error
    told, _refused = connection_of(wlan, row)
    return Heard(networks=_marked(networks, told), source=SOURCE, is_fresh=is_fresh)


def _marked(networks: tuple[Network, ...], connection_told: WifiConnection | None) -> tuple[Network, ...]:
    """Mark the network that this computer is associated with; WLAN_BSS_LIST does not say."""
    own = None if connection_told is None else connection_told.bssid
    return tuple(structs.replace(each, associated=True) if own and each.bssid == own else each for each in networks)


def _granted(answer: Answer) -> bytes:
    """Return what was answered.

    Raises:
        ProbeUnavailable: there is no Wi-Fi service.
        OSError: any other refusal, as of an adapter that is gone.
    """
    if isinstance(answer, bytes):
        return answer
    if answer in _TROUBLES:
        raise ProbeUnavailable(_TROUBLES[answer])
    gone = " (the adapter is gone)" if answer == wlanapi.NOT_FOUND else ""
    raise OSError(answer, f"Windows refused to tell of Wi-Fi: error {answer}{gone}")
