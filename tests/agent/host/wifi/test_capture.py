import io
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import CaptureError
from agent.host.wifi import capture, decode
from tests.fakes import ieee80211 as air


def frame(number=1, *parts, name=b"school", **options):
    elements = air.ssid(name) + air.rates() + air.ds(6) + b"".join(parts)
    return air.radiotap(air.frame(air.address(number), elements), **options)


def read(raw):
    return decode.decode_capture(io.BytesIO(raw))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("write", [air.pcap, air.pcapng])
def test_both_formats_in_both_byte_orders(write, order):
    """The frames' own bytes are little endian in any file."""
    networks = read(write([frame(1, dbm=-60), frame(2, dbm=-70)], order=order)).networks
    assert [(network.bssid, network.signal_dbm) for network in networks] == [
        ("02:00:00:00:00:01", -60),
        ("02:00:00:00:00:02", -70),
    ]


def test_bare_frames():
    """Link type 105, with bits of the checksum's length above it."""
    made = air.frame(air.address(1), air.ssid(b"bare"), checksum=True)
    assert read(air.pcap([made], link=0x2400_0000 | air.BARE_80211)).networks[0].ssid == "bare"


def test_one_network_for_an_address_in_the_order_first_seen():
    """The median of its signals, their 20th percentile, the median load; the majority of the rest."""
    made = [frame(2, air.load(stations, load), dbm=dbm) for stations, load, dbm in ((4, 51, -60), (9, 255, -40))]
    made += [frame(1), frame(2, air.load(5, 102), dbm=-62), frame(2, dbm=0)]
    second, first = read(air.pcap(made)).networks
    assert (second.bssid, first.bssid) == ("02:00:00:00:00:02", "02:00:00:00:00:01")
    assert (second.signal_dbm, second.signal_p20_dbm, second.frames) == (-60, -62, 4)
    assert (second.stations, second.utilisation) == (5, pytest.approx(0.4))
    assert (first.signal_dbm, first.stations, first.utilisation) == (None, None, None)


def test_a_probe_response_names_a_hidden_network():
    """However many beacons keep the name to themselves."""
    made = [frame(name=bytes(6)), frame(name=b""), frame(name=b"secret")]
    (network,) = read(air.pcap(made)).networks
    assert network.ssid == "secret"
    (hidden,) = read(air.pcap(made[:1])).networks
    assert (hidden.ssid, hidden.ssid_hex) == (None, "000000000000")


def test_one_odd_frame_does_not_change_a_network():
    """Channel and security are those of most frames."""
    made = [frame(1, air.rsn(2)), frame(1, air.rsn(2)), frame(1, air.rsn(8))]
    assert read(air.pcap(made)).networks[0].security == "wpa2-psk"


def test_cut_captures():
    """Frames of which the capture kept only the beginning are dropped."""
    assert read(air.pcap([frame(1, air.rsn(2))], cut=22)).networks == ()


def test_what_stands_before_a_damaged_place_counts():
    """The end of a capture that was broken off costs the last frame alone, and is told."""
    for raw in (air.pcap([frame(1), frame(2)]), air.pcapng([frame(1), frame(2)])):
        decoded = read(raw[:-9])
        assert [network.bssid for network in decoded.networks] == ["02:00:00:00:00:01"]
        assert "cut off" in decoded.notes[0]


def test_several_interfaces_and_sections():
    """Frames of other kinds of interface are skipped; a new section starts counting anew."""
    raw = air.pcapng([frame(1)], links=(air.ETHERNET, air.RADIOTAP)) + air.pcapng([frame(2)], order=">")
    raw += air.block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + air.block(
        1, struct.pack("<HHI", 1, 0, 0)
    )
    raw += air.block(6, struct.pack("<IIIII", 0, 0, 0, 60, 60) + bytes(60))
    decoded = read(raw)
    assert (len(decoded.networks), decoded.notes) == (2, ())


def test_simple_and_old_packet_blocks():
    """Blocks of older writers are read too."""
    made = frame(1)
    head = air.pcapng([])
    simple = air.block(3, struct.pack("<I", len(made)) + made)
    old = air.block(2, struct.pack("<HHIIII", 0, 0, 0, 0, len(made), len(made)) + made)
    assert read(head + simple + old).networks[0].frames == 2


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "neither a pcap nor a pcapng"),
        (b"\xd4\xc3\xb2", "neither"),
        (b"garbage" * 100, "neither"),
        (air.pcap([])[:20], "middle of a record"),
        (air.pcap([]) + struct.pack("<IIII", 0, 0, 2**32 - 1, 2**32 - 1) + bytes(64), "record of 4294967295 bytes"),
        (air.pcapng([])[:8] + b"\x4d\x3c\x2b\x1b" + air.pcapng([])[12:], "byte order"),
        (air.pcapng([]) + air.block(6, struct.pack("<IIIII", 9, 0, 0, 4, 4) + bytes(4)), "interface"),
        (air.pcapng([]) + air.block(6, struct.pack("<IIIII", 0, 0, 0, 99, 99) + bytes(4)), "longer than its block"),
        (air.pcapng([]) + struct.pack("<II", 6, 8), "block of 8 bytes"),
        (air.pcapng([]) + struct.pack("<II", 6, 0xFFFF_FFF0), "bytes"),
        (air.pcapng([]) + struct.pack("<II", 99, 0xFFFF_FFF0) + bytes(50), "middle of a record"),
        (air.pcapng([]) + air.block(99, b"four")[:-4] + bytes(4), "lengths differ"),
        (air.pcap([bytes(60)], link=air.ETHERNET), "monitor mode"),
    ],
)
def test_files_that_are_no_captures(raw, words):
    """Each is refused with a sentence, and no length in a file is believed."""
    with pytest.raises(CaptureError, match=words):
        read(raw)


def test_a_capture_without_access_points_is_none_too_many():
    """A whole file with no beacon has no networks."""
    assert read(air.pcap([])).networks == ()
    assert read(air.pcapng([])).networks == ()


def test_invented_networks_are_bounded(monkeypatch):
    """Beyond the limit nothing is kept, and it is told."""
    monkeypatch.setattr("agent.host.wifi.sightings.MAX_NETWORKS", 3)
    monkeypatch.setattr(decode, "MAX_RECORDS", 7)
    decoded = read(air.pcap([frame(number) for number in range(8)]))
    assert len(decoded.networks) == 3
    assert [note.split()[0] for note in decoded.notes] == ["only", "4"]


@given(st.binary(max_size=300), st.sampled_from([b"", air.pcap([]), air.pcapng([])]))
def test_no_bytes_crash_it(raw, head):
    """Whatever follows a true beginning is read or refused with a CaptureError."""
    with suppress(CaptureError):
        for record in capture.records(io.BytesIO(head + raw)):
            assert len(record.raw) <= len(raw)


@given(st.data())
def test_no_change_of_a_capture_crashes_it(data):
    """A true capture with some bytes changed is read or refused."""
    write = data.draw(st.sampled_from([air.pcap, air.pcapng]))
    raw = bytearray(write([frame(1, air.rsn(2), air.ht(6), dbm=-50), frame(2, air.load(1, 1), dbm=-50)]))
    for at in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=6)):
        raw[at] = data.draw(st.integers(0, 255))
    with suppress(CaptureError):
        read(bytes(raw))
