"""Other people's real captures, where they stand beside the repository."""

import pytest

from agent.host.wifi import decode


@pytest.fixture
def networks(shared_samples):
    """Decode one of the files."""
    return lambda form, name: decode.decode(form, shared_samples / "wifi" / name).networks


def by_name(networks):
    return {network.ssid: network for network in networks}


def test_iw_of_an_old_centos(networks):
    """A space before "(on" and four spaces instead of tabs change nothing."""
    first, second = networks("iw-scan", "iw-scan-centos77-cisco1240.txt")
    assert (first.bssid, first.ssid, first.channel, first.frequency_mhz) == ("00:19:a9:cd:c6:80", "Cisco1240", 1, 2412)
    assert (first.signal_dbm, first.security, first.generation) == (-45, "open", "legacy")
    assert (second.ssid, second.channel, second.signal_dbm) == ("Cisco1250", 11, -70)


def test_wpa1_beside_wpa2(networks):
    """Seven networks; WPA1's element beside RSN is seen, and a frame that names two channels keeps both."""
    found = by_name(networks("pcap", "beacons-mixed-wpa-wpa2.pcap"))
    assert len(found) == 7
    smile, twofold = found["Smile)"], found["tmpAP"]
    assert (smile.channel, smile.signal_dbm, smile.security) == (6, -86, "wpa1-wpa2-psk")
    assert (twofold.channel, twofold.channel_other, twofold.frequency_mhz) == (6, 5, 2437)


def test_transition_and_load(networks):
    """PSK and SAE together are the transition mode; the access point's own load is read."""
    transition, netgear = networks("pcap", "beacons-wpa3-transition-24ghz.pcapng")
    assert (transition.bssid, transition.security) == ("00:a0:57:3b:41:18", "wpa2-wpa3-transition")
    assert (netgear.ssid, netgear.stations) == ("NETGEAR82", 1)
    assert netgear.utilisation == pytest.approx(27 / 255)


def test_fast_transition_with_sae_is_wpa3(networks):
    """AKM 9 alone is WPA3."""
    (network,) = networks("pcap", "beacons-wpa3-ft.pcapng")
    assert (network.security, network.channel, network.signal_dbm) == ("wpa3-sae", 1, None)


def test_rsn_that_others_stumble_over(networks):
    """Its frame check sequence is cut off, and a byte too much in the file harms nothing."""
    (network,) = networks("pcap", "beacon-bad-rsn.pcap")
    assert (network.ssid, network.channel, network.signal_dbm) == ("ROUTE-821E295", 1, -50)
    assert (network.security, network.generation) == ("wpa2-psk", "n")


def test_name_in_latin_1(networks):
    """A name that is no UTF-8 has bytes and no text."""
    (network,) = networks("pcap", "beacon-ssid-latin1.pcapng")
    assert (network.ssid, network.ssid_hex) == (None, "c6544d4520456e7465727072697365")


def test_netsh_in_german_and_english(networks):
    """Every access point of both, with channel, percentage, generation and load."""
    german, english = (networks("netsh", f"netsh-networks-{language}.txt") for language in ("de", "en"))
    assert [network.channel for network in german] == [6, 149, 44, 144, 11, 6, 6, 11, 4]
    assert [network.channel for network in english] == [1, 6, 6, 11, 149, 144, 44, 4]
    assert [network.signal_percent for network in english] == [31, 31, 88, 80, 57, 13, 87, 81]
    assert [network.stations for network in german] == [1, 0, None, 0, 0, 6, 0, 3, None]
    assert german[4].utilisation == pytest.approx(199 / 255)
    assert all(network.signal_dbm is None for network in german + english)
    assert {network.generation for network in german + english} == {"n", "ax"}
    assert (german[1].security, german[0].security, german[1].frequency_mhz) == ("open", "wpa2-psk", 5745)


def test_netsh_in_russian_without_addresses(networks):
    """The real Russian shape is understood; names without addresses are no access points."""
    assert networks("netsh", "netsh-networks-ru-partial.txt") == ()


def test_older_macos(networks):
    """A channel as a number, or as a text with the side of the second one."""
    found = by_name(networks("macos", "macos-10.15-airport.json"))
    assert len(found) == 17
    assert (found["SSID-1"].channel, found["SSID-1"].signal_dbm, found["SSID-1"].security) == (4, -57, "wpa2-psk")
    assert (found["SSID-9"].channel, found["SSID-9"].width_mhz) == (149, 40)
    assert (found["SSID-6"].associated, found["SSID-6"].signal_dbm) == (True, -55)


def test_newer_macos(networks):
    """A channel as text; no address; the current network counts once."""
    found = networks("macos", "macos-15.5-airport.json")
    assert [network.ssid for network in found] == [f"SSID-{number}" for number in range(1, 6)]
    assert all(network.bssid is None for network in found)
    assert [network.associated for network in found] == [False, True, False, False, False]
    assert (found[2].channel, found[2].width_mhz, found[2].frequency_mhz, found[2].generation) == (44, 80, 5220, "ax")


def test_nmcli(networks):
    """Escaped colons and backslashes; comments of the file's author are skipped."""
    found = by_name(networks("nmcli", "nmcli-list.txt"))
    assert len(found) == 11
    assert found["SSID-2-\\foo:bar"].bssid == "fe:dc:ba:09:87:02"
    assert (found["SSID-1"].security, found["SSID-1"].signal_percent) == ("wpa1-wpa2-psk", 100)
    assert (found["SSID-3"].associated, found["SSID-3"].security) == (True, "open")


def test_iw_link_and_stations(networks):
    """A frequency as a decimal; chains in brackets."""
    (link,) = networks("iw-link", "iw-link-float-freq.txt")
    assert (link.bssid, link.ssid, link.channel, link.signal_dbm) == ("fe:dc:ba:98:76:02", "SSID-1", 1, -51)
    (station,) = networks("iw-station", "iw-station-dump-mt76.txt")
    assert (station.bssid, station.signal_dbm, station.associated) == ("70:66:55:ce:21:3d", -29, True)
