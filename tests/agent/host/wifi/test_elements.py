import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.host.wifi import channels, elements
from tests.fakes import ieee80211 as air


def decode(*parts, privacy=False, mhz=None):
    return elements.decode(b"".join(parts), privacy=privacy, frequency_mhz=mhz)


def traits(*parts, privacy=False, mhz=None):
    return decode(*parts, privacy=privacy, mhz=mhz).traits


def channel(*parts, mhz=None):
    seen = traits(*parts, mhz=mhz)
    return seen.channel, seen.channel_other, seen.frequency_mhz


def test_the_frame_names_its_channel():
    """DS, then HT operation, then HE operation's 6 GHz information; where the radio was tuned comes last."""
    assert channel(air.ds(6), mhz=2442) == (6, None, 2437)
    assert channel(air.ht(44), mhz=5240) == (44, None, 5220)
    assert channel(air.he(air.six_ghz(37)), mhz=6155) == (37, None, 6135)
    assert channel(air.rates(), mhz=5500) == (100, None, 5500)
    assert channel(air.rates()) == (None, None, None)


def test_two_channels_are_both_kept():
    """Where DS and HT operation disagree, DS is the channel and HT's the other."""
    assert channel(air.ds(6), air.ht(5)) == (6, 5, 2437)
    assert channel(air.ds(6), air.ht(6)) == (6, None, 2437)


def test_channels_that_are_none():
    """A channel 0 or 20 is no channel; the next source is asked. Neither is a frequency between channels."""
    assert channel(air.ds(0), air.ht(11)) == (11, None, 2462)
    assert channel(air.ds(20), mhz=2412) == (1, None, 2412)
    assert channel(mhz=2413) == (None, None, None)
    assert channel(air.element(3, b"")) == (None, None, None)


@pytest.mark.parametrize(
    ("parts", "privacy", "name"),
    [
        ((), False, "open"),
        ((), True, "wep"),
        ((air.wpa1(2),), True, "wpa1-psk"),
        ((air.wpa1(1),), True, "unknown"),
        ((air.rsn(2),), True, "wpa2-psk"),
        ((air.rsn(6),), True, "wpa2-psk"),
        ((air.rsn(2), air.wpa1(2)), True, "wpa1-wpa2-psk"),
        ((air.rsn(8, capabilities=0xC0),), True, "wpa3-sae"),
        ((air.rsn(8),), True, "wpa3-sae"),
        ((air.rsn(9),), True, "wpa3-sae"),
        ((air.rsn(24, 25),), True, "wpa3-sae"),
        ((air.rsn(2, 8),), True, "wpa2-wpa3-transition"),
        ((air.rsn(8, 6, 2), air.wpa1(2)), True, "wpa2-wpa3-transition"),
        ((air.rsn(18),), True, "owe"),
        ((air.rsn(1),), True, "wpa2-enterprise"),
        ((air.rsn(1), air.wpa1(1)), True, "wpa2-enterprise"),
        ((air.rsn(1, 5, capabilities=0x80),), True, "wpa2-enterprise"),
        ((air.rsn(5),), True, "wpa2-enterprise"),
        ((air.rsn(5, capabilities=0xC0),), True, "wpa3-enterprise"),
        ((air.rsn(12),), True, "wpa3-enterprise"),
        ((air.rsn(1, 14),), True, "wpa2-enterprise"),
        ((air.rsn(1, 2),), True, "unknown"),
        ((air.rsn(99),), True, "unknown"),
        ((air.rsn(2, 99),), True, "wpa2-psk"),
        ((air.rsn(),), True, "unknown"),
        ((air.element(48, b"\x01\x00"),), True, "wpa2-enterprise"),
        ((air.element(48, b"\x01\x00\x00\x0f\xac\x04\x09\x00"),), True, "unknown"),
        ((air.element(48, b"\x02\x00"),), True, "unknown"),
        ((air.element(48, b""),), True, "unknown"),
        ((air.element(48, air.rsn(2)[2:-3]),), True, "unknown"),
        ((air.element(48, air.rsn(2)[2:-2]),), True, "wpa2-psk"),
        ((air.element(68, bytes(20)),), True, "unknown"),
        ((air.element(221, b"\x50\x6f\x9a\x12" + bytes(8)),), True, "unknown"),
        ((air.element(221, b"\x00\x50\xf2\x02" + bytes(8)),), True, "wep"),
    ],
)
def test_security_follows_from_all_that_is_offered(parts, privacy, name):
    """The set of key managements, WPA1's element and the privacy bit give the name; a damaged element gives none."""
    assert traits(*parts, privacy=privacy).security == name


@pytest.mark.parametrize(
    ("parts", "generation", "width"),
    [
        ((), "legacy", 20),
        ((air.ht(1),), "n", 20),
        ((air.ht(1, wide=True),), "n", 40),
        ((air.ht(36, wide=True), air.vht()), "ac", 80),
        ((air.ht(36, wide=True), air.vht(0)), "ac", 40),
        ((air.ht(36, wide=True), air.vht(1, 42, 50)), "ac", 160),
        ((air.ht(36, wide=True), air.vht(1, 42, 155)), "ac", 160),
        ((air.ht(36, wide=True), air.vht(2)), "ac", 160),
        ((air.ht(36, wide=True), air.vht(9)), "ac", None),
        ((air.ht(1), air.he()), "ax", 20),
        ((air.he(air.six_ghz(37, 3)),), "ax", 160),
        ((air.ht(36), air.vht(), air.he(), air.eht()), "be", 80),
        ((air.he(air.six_ghz(37, 3)), air.eht(4)), "be", 320),
    ],
)
def test_generation_and_width(parts, generation, width):
    """The newest elements name the generation, and the newest operation element the width."""
    seen = traits(air.ds(1), *parts)
    assert (seen.generation, seen.width_mhz) == (generation, width)


def test_load_is_absent_or_whole():
    """No BSS Load is no load of 0, and one of another length is none."""
    assert (decode(air.load(3, 51)).stations, decode(air.load(3, 51)).utilisation) == (3, pytest.approx(0.2))
    assert decode(air.rates()).utilisation is None
    assert decode(air.element(11, bytes(4))).stations is None


def test_names():
    """A name is bytes; hidden ones and others than UTF-8 have no text; a longer one than possible spoils the frame."""
    assert decode(air.ssid("Школа".encode())).ssid == "Школа".encode()
    assert decode(air.rates()).ssid is None
    assert decode(air.ssid(bytes(33))) is None
    assert [elements.text(name) for name in (b"", bytes(5), b"\xc6TME", b"a")] == [None, None, None, "a"]


def test_signals():
    """Only what a receiver can hear is a signal."""
    seen = [elements.signal(dbm) for dbm in (-110, -55.5, -10, -9, 0, 20, -128, -111, None, float("nan"))]
    assert seen == [-110, -55.5, -10, None, None, None, None, None, None, None]


def test_cut_elements_give_nothing():
    """Wherever whole elements are cut inside one, nothing is read of them."""
    parts = [air.ssid(b"school"), air.ds(6), air.rsn(2), air.ht(6)]
    whole = b"".join(parts)
    borders = {sum(len(part) for part in parts[:count]) for count in range(len(parts) + 1)}
    borders |= {len(whole) - 24}  # between HT capabilities and operation
    for end in range(len(whole)):
        assert (elements.decode(whole[:end], privacy=True) is None) == (end not in borders)


@given(st.binary(max_size=600), st.booleans(), st.one_of(st.none(), st.integers(-1, 2**16)))
def test_no_bytes_crash_it(raw, privacy, mhz):
    """Whatever comes is read or refused."""
    seen = elements.decode(raw, privacy=privacy, frequency_mhz=mhz)
    assert seen is None or seen.traits.channel is None or 1 <= seen.traits.channel <= 233


@given(st.lists(st.tuples(st.sampled_from([0, 3, 11, 48, 61, 192, 221, 255]), st.binary(max_size=40)), max_size=12))
def test_no_bodies_crash_it(parts):
    """Elements whose bodies are nonsense are refused one by one, never with an error."""
    elements.decode(b"".join(air.element(number, body) for number, body in parts), privacy=True)


def test_channels_and_frequencies_belong_together():
    """Each channel's frequency leads back to it, in its band."""
    for band, numbers in (("2.4", range(1, 15)), ("5", (36, 38, 64, 100, 144, 149, 177)), ("6", (1, 2, 5, 37, 233))):
        for number in numbers:
            mhz = channels.frequency_of(number, band)
            assert (channels.channel_of(mhz), channels.band_of(mhz)) == (number, band)
    assert channels.frequency_of(14, "2.4") == 2484
    assert channels.frequency_of(15, "2.4") is None


@pytest.mark.parametrize(
    ("number", "security", "band"),
    [(6, "open", "2.4"), (1, "wpa3-sae", None), (5, "wpa2-psk", "2.4"), (44, "wpa3-sae", "5"), (149, "owe", None),
     (149, "unknown", "5"), (21, "wpa3-sae", "6"), (21, "wpa2-psk", None), (None, "open", None)],
)  # fmt: skip
def test_a_channel_alone_names_a_band_where_only_one_is_possible(number, security, band):
    """Below 6 GHz where 6 GHz cannot be, 6 GHz where nothing else has the number, else nobody knows."""
    assert channels.band_by_number(number, security) == band
