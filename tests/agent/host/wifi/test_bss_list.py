import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import CaptureError
from agent.host.wifi import bss_list
from tests.fakes import ieee80211 as air

ELEMENTS = air.ssid(b"school") + air.ds(6) + air.load(3, 51) + air.rsn(2) + air.ht(6)


def only(raw):
    (network,) = bss_list.decode(raw)
    return network


def test_an_entry_with_its_elements():
    """The signal is Windows' own in dBm, the rest is what the frame says."""
    network = only(air.bss_list([(air.address(1), ELEMENTS)], rssi=-63, percent=74, khz=2_442_000, capability=0x11))
    assert (network.bssid, network.ssid, network.signal_dbm) == ("02:00:00:00:00:01", "school", -63)
    assert (network.signal_percent, network.channel, network.frequency_mhz) == (74, 6, 2437)
    assert (network.security, network.generation, network.stations) == ("wpa2-psk", "n", 3)
    assert network.utilisation == pytest.approx(0.2)


def test_every_entry_finds_its_own_elements():
    """Offsets count from each entry's own start."""
    networks = bss_list.decode(air.bss_list([(air.address(n), air.ssid(b"%d" % n)) for n in range(10_000)]))
    assert len(networks) == 10_000
    assert (networks[-1].ssid, networks[-1].bssid) == ("9999", air.address(9999).hex(":"))


@pytest.mark.parametrize(("at", "size"), [(360, 9999), (2**32 - 1, 2**32 - 1), (2**32 - 100, 200), (0, 60), (360, 30)])
def test_elements_that_are_not_whole_say_nothing(at, size):
    """Past the end, inside the entries, or cut in the middle: what Windows itself says still holds."""
    entry = air.bss_entry(air.address(1), at, size, name=b"school", khz=5_180_000, capability=0x11, phy=10)
    network = only(struct.pack("<II", 8 + 360 + len(ELEMENTS), 1) + entry + ELEMENTS)
    assert (network.ssid, network.channel, network.frequency_mhz, network.signal_dbm) == ("school", 36, 5180, -50)
    assert (network.security, network.generation, network.stations) == ("unknown", "ax", None)


def test_entries_that_share_their_elements():
    """They are read once or twice, not for every entry: a list cannot make much work of few bytes."""
    count, tail = 2_000, ELEMENTS + air.element(221, bytes(255)) * 2_000
    raw = b"".join(air.bss_entry(air.address(n), (count - n) * 360, len(tail)) for n in range(count)) + tail
    networks = bss_list.decode(struct.pack("<II", 8 + len(raw), count) + raw)
    assert len(networks) == count
    assert 1 <= sum(network.ssid == "school" for network in networks) <= 3


@pytest.mark.parametrize("fields", [{"rssi": 0}, {"rssi": 20}, {"rssi": -128}])
def test_signals_that_are_none(fields):
    """Zero, positive and dead values."""
    assert only(air.bss_list([(air.address(1), ELEMENTS)], **fields)).signal_dbm is None


def test_nonsense_in_an_entry():
    """A percentage above 100, a frequency that is none, a name longer than names can be."""
    entry = bytearray(air.bss_entry(air.address(1), 360, 0, khz=1, percent=101))
    entry[:4] = b"\xff" * 4
    network = only(struct.pack("<II", 368, 1) + entry)
    assert (network.signal_percent, network.channel, network.frequency_mhz, network.ssid) == (None, None, None, None)


def test_lengths_that_do_not_fit():
    """More entries than bytes, in the file or in the size that the list states; an empty list is one."""
    whole = air.bss_list([(air.address(1), ELEMENTS)])
    for raw in (b"", whole[:4], whole[:300], struct.pack("<I", 100) + whole[4:], whole[:4] + b"\xff" * 4 + whole[8:]):
        with pytest.raises(CaptureError):
            bss_list.decode(raw)
    assert bss_list.decode(struct.pack("<II", 8, 0)) == ()


@given(st.binary(max_size=900), st.integers(0, 2))
def test_no_bytes_crash_it(raw, count):
    """Whatever stands in the entries is read, or refused with a CaptureError."""
    for one in (raw, struct.pack("<II", 8 + len(raw), count) + raw):
        with suppress(CaptureError):
            bss_list.decode(one)
