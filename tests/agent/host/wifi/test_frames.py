import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.host.wifi import frames
from tests.fakes import ieee80211 as air

ELEMENTS = air.ssid(b"school") + air.rates() + air.ds(6) + air.rsn(2)
HOME = air.address(1)


def test_what_the_receiver_and_the_frame_say():
    """The signal and the tuned frequency come from radiotap, the channel from the frame."""
    raw = air.radiotap(air.frame(HOME, ELEMENTS, capability=0x11), dbm=-61, mhz=2442, flags=0)
    heard = frames.from_radiotap(raw)
    assert (heard.bssid, heard.signal_dbm) == ("02:00:00:00:00:01", -61)
    assert (heard.elements.ssid, heard.elements.traits.channel) == (b"school", 6)
    assert heard.elements.traits.security == "wpa2-psk"


def test_probe_responses_count_and_other_frames_do_not():
    """Beacons and probe responses only: no data, no requests, nothing that comes in pieces or encrypted."""
    assert frames.bare(air.frame(HOME, ELEMENTS, kind=air.PROBE_RESPONSE))
    for kind in (0x40, 0x08, 0x88, 0xC0, 0x81):
        assert frames.bare(air.frame(HOME, ELEMENTS, kind=kind)) is None
    for flags in (0x04, 0x40):
        assert frames.bare(air.frame(HOME, ELEMENTS, flags=flags)) is None
    piece = bytearray(air.frame(HOME, ELEMENTS))
    piece[22] = 1
    assert frames.bare(bytes(piece)) is None
    assert frames.bare(air.frame(b"\xff" * 6, ELEMENTS)) is None


def test_a_frame_with_ht_control():
    """Four more bytes of header are skipped."""
    assert frames.bare(air.frame(HOME, ELEMENTS, flags=0x80)).elements.ssid == b"school"


@pytest.mark.parametrize("flags", [None, 0, 0x10])
def test_the_checksum_is_cut_off(flags):
    """Whether radiotap tells of it or a bare frame just has it."""
    raw = air.radiotap(air.frame(HOME, ELEMENTS, checksum=True), flags=flags)
    assert frames.from_radiotap(raw).elements.traits.security == "wpa2-psk"
    assert frames.bare(air.frame(HOME, ELEMENTS, checksum=True)).elements.ssid == b"school"


def test_damaged_frames_are_dropped():
    """A checksum that the receiver found wrong, and a frame that is not whole."""
    made = air.frame(HOME, ELEMENTS, checksum=True)
    assert frames.from_radiotap(air.radiotap(made, flags=0x50)) is None
    assert frames.from_radiotap(air.radiotap(made[:-2], flags=0x10), missing=2)
    assert frames.from_radiotap(air.radiotap(made[:-4], flags=0x10), missing=4)
    assert frames.from_radiotap(air.radiotap(made[:-5], flags=0x10), missing=5) is None
    without_rsn = air.frame(HOME, ELEMENTS[: -len(air.rsn(2))], capability=0x11)
    # It ends between two elements: without the rest it would look like WEP.
    assert frames.bare(without_rsn, missing=len(air.rsn(2))) is None
    assert frames.bare(without_rsn).elements.traits.security == "wep"


@pytest.mark.parametrize("dbm", [0, 12, -128, -9, None])
def test_signals_that_are_none(dbm):
    """Positive, zero and dead values are no signals; the network is still there."""
    assert frames.from_radiotap(air.radiotap(air.frame(HOME, ELEMENTS), dbm=dbm)).signal_dbm is None


def test_several_words_of_radiotap():
    """What each antenna heard stands behind the frame's own fields, which begin behind all words."""
    fields = bytes(8) + b"\x10\x02" + struct.pack("<HH", 2412, 0xA0) + struct.pack("b", -70) + b"\x00" + b"\xba\x00"
    words = struct.pack("<III", 0xA000_002F, 0xA000_0820, 0x0000_0820)
    head = struct.pack("<BBH", 0, 0, 4 + len(words) + len(fields))
    radio = frames.read_radiotap(head + words + fields)
    assert (radio.length, radio.flags, radio.frequency_mhz, radio.signal_dbm) == (
        len(head + words + fields),
        16,
        2412,
        -70,
    )


def test_radiotap_that_lies():
    """A length past the end or too short for its fields, and words that never end."""
    made = air.radiotap(air.frame(HOME, ELEMENTS), dbm=-50)
    assert frames.from_radiotap(made[:2] + b"\xff\xff" + made[4:]) is None
    assert frames.from_radiotap(made[:2] + b"\x09\x00" + made[4:]) is None
    assert frames.read_radiotap(struct.pack("<BBHI", 0, 0, 64, 0xFFFF_FFFF) + b"\xff" * 56) is None
    assert frames.from_radiotap(b"\x01" + made[1:]) is None


@given(st.binary(max_size=200), st.integers(0, 10))
def test_no_bytes_crash_it(raw, missing):
    """Whatever stands behind a beacon's first bytes is read or refused."""
    for one in (raw, bytes((air.BEACON, 0)) + raw):
        frames.bare(one, missing)
        frames.from_radiotap(one, missing)
        frames.from_radiotap(struct.pack("<BBHI", 0, 0, 9, 0x20) + b"\xc0" + one, missing)
