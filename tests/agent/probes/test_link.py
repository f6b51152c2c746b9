"""The link probe on this computer, and what it does with what the system says."""

import socket

import pytest

from agent.contract.measurement import Failed, Link, decode, encode
from agent.contract.values import Denied
from agent.contract.wifi import WifiConnection
from agent.errors import ProbeUnavailable
from agent.host import link
from agent.host.addresses import Around
from agent.probes.link import Probe, Surroundings, combine


def test_the_way_to_this_computer_is_the_loopback() -> None:
    """Towards a loopback address the medium is loopback, without a pretended speed or duplex."""
    result = Probe(server="ws://127.0.0.1:80", count_s=0.01).measure(5)
    assert isinstance(result, Link)
    assert result.medium == "loopback"
    assert (result.speed_bps, result.duplex) == (None, None)
    assert result.mtu_bytes > 0
    assert result.download_bps is not None
    assert (result.address, result.prefix_length, result.errors) == ("127.0.0.1", 8, 0)
    assert (result.gateway, result.dhcp_server, result.wifi) == (None, None, None)


def test_without_counting() -> None:
    """With count_s 0 traffic is null, not zero."""
    result = Probe(server="127.0.0.1:80", count_s=0).measure(5)
    assert (result.download_bps, result.errors, result.counted_s) == (None, None, None)


def test_no_way_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a route the failure is unreachable."""
    monkeypatch.setattr(link, "local_address", lambda *_: (_ for _ in ()).throw(OSError(101, "no route")))
    result = Probe().measure(5)
    assert isinstance(result, Failed)
    assert result.failure == "unreachable"


def test_an_address_of_no_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system does not say which interface it is, the probe cannot run here."""
    monkeypatch.setattr(link, "interface_of", lambda _address: None)
    with pytest.raises(ProbeUnavailable, match=r"127\.0\.0\.1"):
        Probe(server="127.0.0.1:80").measure(5)


def test_a_long_interface_name_fits_the_report() -> None:
    """Windows' long interface names are cut to what the contract holds."""
    raw = link.RawLink(
        interface="Беспроводная сеть " * 9, platform="win32", flags="", speed_mbps=0, mtu_bytes=1500, sysfs=None
    )
    assert len(combine(raw, None, Surroundings(address="192.0.2.9")).interface) == 64


def test_what_is_around_it() -> None:
    """The router, the resolvers, the Wi-Fi connection and every refusal stand in the measurement."""
    raw = link.RawLink(interface="wlan0", platform="linux", flags="up", speed_mbps=0, mtu_bytes=1500, sysfs=None)
    refused = [Denied(what=what, setting="x") for what in ("ssid", "dhcp_server")]
    near = Surroundings(
        address="192.0.2.9",
        prefix_length=24,
        around=Around(gateway6="fe80::1", resolvers=("192.0.2.1",), denied=(refused[1],)),
        wifi=WifiConnection(source="wlanapi-rssi", signal_dbm=-60),
        denied=(refused[0],),
    )
    result = combine(raw, None, near)
    assert (result.gateway, result.resolvers, result.wifi) == ("fe80::1", ("192.0.2.1",), near.wifi)
    assert (result.denied, result.prefix_length) == (tuple(refused), 24)
    assert decode(encode(result)) == result


def test_ipv6_addresses_find_their_interface() -> None:
    """An IPv6 address is found on its interface as well."""
    assert link.interface_of("::1") == link.interface_of("127.0.0.1")
    assert link.interface_of("192.0.2.77") is None
    assert link.local_address(socket.AF_INET, ("127.0.0.1", 9)) == "127.0.0.1"
