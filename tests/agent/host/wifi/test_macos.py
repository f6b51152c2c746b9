"""The connection and the networks in what system_profiler prints, on older macOS and where names are hidden."""

import json

import pytest

from agent.errors import ProbeUnavailable
from agent.host.wifi import macos


def printed(**current: object) -> bytes:
    network = {
        "_name": "Мектеп", "spairport_network_channel": "149 (5GHz, 80MHz)", "spairport_network_phymode": "802.11ax",
        "spairport_network_rate": 864, "spairport_security_mode": "spairport_security_mode_wpa2_personal",
        "spairport_signal_noise": "-55 dBm / -95 dBm",
    } | current  # fmt: skip
    other = {"_name": "<redacted>", "spairport_network_channel": "6 (2GHz, 20MHz)"}
    ports = [
        {"_name": "awdl0"},
        {"_name": "en1"},
        {
            "_name": "en0",
            "spairport_current_network_information": network,
            "spairport_airport_other_local_wireless_networks": [other],
        },
    ]
    return json.dumps({"SPAirPortDataType": [{"spairport_airport_interfaces": ports}]}).encode()


def test_a_connection() -> None:
    """Signal and noise, channel, width and rate are read; a hidden address is said to be denied."""
    told, denied = macos.decode_connection(printed(), "en0")
    assert (told.ssid, told.channel, told.width_mhz, told.generation) == ("Мектеп", 149, 80, "ax")
    assert (told.signal_dbm, told.noise_dbm, told.transmit_bps) == (-55, -95, 864e6)
    assert [each.what for each in denied] == ["bssid"]


def test_a_name_that_is_hidden() -> None:
    """Without the name there are still signal and channel."""
    told, denied = macos.decode_connection(printed(_name="<redacted>"), "en0")
    assert (told.ssid, told.signal_dbm, told.channel) == (None, -55, 149)
    assert [each.what for each in denied] == ["ssid", "bssid"]


@pytest.mark.parametrize("signal", ["-55 dBm", "5 dBm / 0 dBm", 7, None, "-55 dBm / -999 dBm"])
def test_noise_that_is_none(signal) -> None:
    """What is no noise is null."""
    assert macos.decode_connection(printed(spairport_signal_noise=signal), "en0")[0].noise_dbm is None


def test_interfaces() -> None:
    """The connected interface comes first, Apple's own links are left out; another one has no connection."""
    assert macos.decode_interfaces(printed()) == ("en0", "en1")
    assert macos.decode_connection(printed(), "en1") == (None, ())


def test_neighbours() -> None:
    """All networks are heard in a new scan, and hidden addresses are said to be denied."""
    heard = macos.decode_neighbours(printed())
    assert ([each.channel for each in heard.networks], heard.is_fresh) == ([6, 149], True)
    assert [each.what for each in heard.denied] == ["bssid"]


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"SPAirPortDataType": 1}', b"\xff" * 9, b"[" * 10_000])
def test_what_is_no_answer(raw) -> None:
    """Something else than the document is ProbeUnavailable with a sentence."""
    for decode in (macos.decode_interfaces, macos.decode_neighbours):
        with pytest.raises(ProbeUnavailable, match="system_profiler"):
            decode(raw)


def test_macos_without_its_program() -> None:
    """Where system_profiler does not answer it is said how to find out why."""
    with pytest.raises(ProbeUnavailable, match="terminal"):
        macos.fetch(0.0)
