"""What the kernel says of Wi-Fi, in answers written by the layout of linux/nl80211.h."""

import pytest

from agent.host.wifi import nl80211
from agent.host.wifi.nl80211 import Air, Answers
from tests.fakes import wifi
from tests.fakes.wifi import HE, LOAD, WPA2, elements, scanned, station, survey, tuned

OWN, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02"


def one(raw: bytes):
    (found,) = nl80211.decode_scan(raw)
    return found


def test_an_access_point() -> None:
    """Address, name, channel, signal, security, load and age are read from their places."""
    found = one(scanned(OWN, elements("Мектеп".encode(), 6, WPA2, HE, LOAD), dbm=-61.5, age_ms=2500, associated=True))
    network = found.network
    assert (network.bssid, network.ssid, network.channel, network.frequency_mhz) == (OWN, "Мектеп", 6, 2437)
    assert (network.signal_dbm, network.security, network.generation) == (-61.5, "wpa2-psk", "ax")
    assert (network.stations, network.utilisation, network.associated) == (12, 0.2, True)
    assert found.age_s == 2.5


def test_the_frames_channel_stands_before_the_radios() -> None:
    """A beacon heard on a neighbouring channel is counted on its own."""
    assert one(scanned(OWN, elements(b"a", 6), mhz=2442)).network.channel == 6


@pytest.mark.parametrize("dbm", [0, 5, -128, -9])
def test_what_is_no_signal(dbm) -> None:
    """Zero, positive and impossible signals are null; the network is still there."""
    assert one(scanned(OWN, elements(b"a", 1), dbm=dbm)).network.signal_dbm is None


@pytest.mark.parametrize(("name", "ssid"), [(b"", None), (b"\0" * 8, None), (b"\xc6TM\xff", None)])
def test_hidden_and_unreadable_names(name, ssid) -> None:
    """A hidden name and one that is no UTF-8 have no text, only their bytes."""
    network = one(scanned(OWN, elements(name, 1))).network
    assert (network.ssid, network.ssid_hex) == (ssid, name.hex())


def test_damaged_elements() -> None:
    """Elements that run past their end say nothing; what the radio knows stays."""
    network = one(scanned(OWN, b"\x00\xff" + b"x" * 40)).network
    assert (network.ssid_hex, network.channel, network.security, network.signal_dbm) == ("", 6, "unknown", -50)


def test_hostile_answers() -> None:
    """A wrong address, an empty BSS and ten thousand access points are survived; each address counts once."""
    assert nl80211.decode_scan(wifi.told(34, {47: b""}) + wifi.told(34, {47: wifi.nested({1: b"12345"})})) == ()
    raw = elements(b"x", 1)
    crowd = b"".join(scanned(f"02:00:00:00:{n >> 8:02x}:{n & 255:02x}", raw) for n in range(10_050))
    assert len(nl80211.decode_scan(crowd + crowd[:2000])) == nl80211.MOST_NETWORKS


def test_any_cut_of_an_answer() -> None:
    """An answer cut off anywhere is read as far as it goes."""
    raw = scanned(OWN, elements(b"a", 1, WPA2)) + station(OWN) + survey(2437) + tuned(2437, 1)
    for end in range(0, len(raw), 3):
        nl80211.decode_scan(raw[:end])
        nl80211.decode_station(raw[:end])
        nl80211.decode_air(raw[:end])
        nl80211.decode_tuning(raw[:end])


def test_a_connection() -> None:
    """Station, scan and interface make one connection: the average signal, the newest rate fields, the retries."""
    told = nl80211.decode_connection(
        Answers(
            interface=tuned(5180, 3),
            scan=scanned(OTHER, elements(b"b", 1))
            + scanned(OWN, elements(b"a", 36, WPA2, HE), associated=True, mhz=5180),
            station=station(OWN),
        )
    )
    assert told is not None
    assert (told.source, told.ssid, told.bssid, told.channel, told.frequency_mhz) == ("nl80211", "a", OWN, 36, 5180)
    assert (told.signal_dbm, told.transmit_bps, told.receive_bps) == (-52, 1.201e9, 866.7e6)
    assert (told.generation, told.width_mhz, told.retry_ratio, told.security) == ("ax", 80, 0.1, "wpa2-psk")


def test_a_connection_that_the_scan_forgot() -> None:
    """Without the access point in the scan list its address and the channel come from station and interface."""
    told = nl80211.decode_connection(Answers(interface=tuned(2412, 1), station=station(OWN, average=0)))
    assert told is not None
    assert (told.bssid, told.channel, told.width_mhz, told.signal_dbm, told.ssid) == (OWN, 1, 20, -50, None)


def test_no_connection() -> None:
    """Without a station and an associated network there is none."""
    assert nl80211.decode_connection(Answers(scan=scanned(OWN, elements(b"a", 1)))) is None


def test_the_air() -> None:
    """Noise and busy time are those of the channel in use; what was not counted is null."""
    raw = survey(2412, in_use=False, noise=-80) + survey(2437, noise=-94, passed=1000, busy=400)
    assert nl80211.decode_air(raw) == Air(noise_dbm=-94, counted_ms=(1000, 400))
    assert nl80211.decode_air(survey(2437, in_use=False)) is None
    assert nl80211.decode_air(survey(2437, noise=0)).noise_dbm is None


@pytest.mark.parametrize(
    ("before", "after", "ratio"),
    [
        ((1000, 400), (2000, 700), 0.3),
        ((1000, 400), (1000, 400), None),
        ((1000, 400), (500, 0), None),
        (None, (1, 1), None),
    ],
)
def test_busy(before, after, ratio) -> None:
    """The busy share is that of the time between two looks; counters that stood still or were reset give none."""
    assert nl80211.busy_ratio(Air(counted_ms=before), Air(counted_ms=after)) == ratio
