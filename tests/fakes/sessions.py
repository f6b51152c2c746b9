"""Sessions as probes would report them, of a line of 100/20 Mbit/s unless told otherwise; every fault is one change."""

from datetime import UTC, datetime, timedelta

import msgspec

from agent.contract.causes import Contract
from agent.contract.lan import Echoes, Lan, Resolver, Router
from agent.contract.measurement import GatewayEchoes, Link, Measurement, Throughput
from agent.contract.peer import Peer, Reached
from agent.contract.wifi import Network, Wifi, WifiConnection
from tests.fakes.computer import direction

CONTRACT = Contract(download_bps=100e6, upload_bps=20e6)
FIRST = datetime(2026, 11, 2, 4, 0, tzinfo=UTC)
SSID = "6d656b746570"
SERVERS = ("wss://one.example:443", "wss://two.example:443")


def times(count: int, *, days: int = 2, first: datetime = FIRST) -> list[datetime]:
    """Return so many moments, spread over days and two hours apart within a day."""
    return [first + timedelta(days=number % days, hours=2 * (number // days)) for number in range(count)]


def router_echoes(loaded_ms: float = 0.8, sent: int = 200, received: int = 200) -> GatewayEchoes:
    """Return round trips to the router that are this slow under load."""
    return GatewayEchoes(
        protocol="icmp",
        sent=sent,
        received=received,
        idle_ms=0.5,
        idle_p95_ms=0.9,
        download_ms=loaded_ms,
        download_p95_ms=2 * loaded_ms,
        upload_ms=loaded_ms,
        upload_p95_ms=2 * loaded_ms,
        loss_ratio=1 - received / sent,
    )


def throughput(down: float = 98e6, up: float = 19.6e6, **changes) -> Throughput:
    """Return a test that fills a queue beyond the router, on a line that nobody else uses."""
    values = {
        "engine": "msak",
        "server": SERVERS[0],
        "download": direction(down),
        "upload": direction(up),
        "rtt_idle_ms": 12.0,
        "rtt_download_ms": 60.0,
        "rtt_upload_ms": 70.0,
        "loss_ratio": 0.0,
        "gateway": router_echoes(),
        "cpu_busy_ratio": 0.2,
        "took_s": 8.0,
    }
    return Throughput(**(values | changes))


def cable(**changes) -> Link:
    """Return a gigabit cable."""
    values = {
        "interface": "eth0",
        "medium": "ethernet",
        "speed_bps": 1e9,
        "duplex": "full",
        "packets": 10_000,
        "errors": 0,
        "address": "10.1.0.20",
        "prefix_length": 24,
        "gateway": "10.1.0.1",
        "dhcp_server": "10.1.0.1",
        "download_bps": 1e4,
        "upload_bps": 1e4,
    }
    return Link(**(values | changes))


def radio(signal: float | None = -55.0, **changes) -> Link:
    """Return a link over 5 GHz with this signal."""
    values = {
        "source": "nl80211",
        "ssid_hex": SSID,
        "bssid": "02:00:00:00:00:01",
        "channel": 36,
        "frequency_mhz": 5180,
        "width_mhz": 80,
        "generation": "ac",
        "signal_dbm": signal,
        "receive_bps": 400e6,
        "transmit_bps": 400e6,
        "security": "wpa2-psk",
    }
    return cable(
        interface="wlan0", medium="wifi", speed_bps=None, duplex=None, wifi=WifiConnection(**(values | changes))
    )


def access_point(**changes) -> Network:
    """Return the access point that the computer is on."""
    values = {
        "bssid": "02:00:00:00:00:01",
        "ssid": "mektep",
        "ssid_hex": SSID,
        "channel": 36,
        "frequency_mhz": 5180,
        "signal_dbm": -55.0,
        "security": "wpa2-psk",
        "associated": True,
        "own": True,
        "utilisation": 0.1,
    }
    return Network(**(values | changes))


def scan(*networks: Network, **changes) -> Wifi:
    """Return what a computer hears."""
    return Wifi(interface="wlan0", source="nl80211", own_known=True, networks=networks or (access_point(),), **changes)


def lan(**changes) -> Lan:
    """Return a network in order: a router that answers and whose counters show an idle line."""
    values = {
        "interface": "eth0",
        "gateway": "10.1.0.1",
        "gateway_echoes": Echoes(protocol="icmp", sent=100, received=100, median_ms=0.5, p95_ms=0.9, loss_ratio=0.0),
        "resolvers": (Resolver(address="10.1.0.1", asked=10, answered=10, median_ms=8.0, invents=False),),
        "dhcp_servers": ("10.1.0.1",),
        "router": Router(counts=True, download_bps=1e5, upload_bps=1e5),
        "broadcasts_per_s": 3.0,
    }
    return Lan(**(values | changes))


def peer(down: float = 900e6, up: float = 900e6, **changes) -> Peer:
    """Return a test with another computer on a cable."""
    values = {
        "agent": "b" * 32,
        "found_by": "mdns",
        "medium_here": "ethernet",
        "medium_there": "ethernet",
        "download_bps": down,
        "upload_bps": up,
        "link_bps_there": 1e9,
    }
    return Peer(found=1, peers=(Reached(**(values | changes)),))


def at(moment: datetime, *measurements: Measurement) -> list[Measurement]:
    """Return a session that began then."""
    return [
        msgspec.structs.replace(one, started_at=moment + timedelta(seconds=number))
        for number, one in enumerate(measurements)
    ]
