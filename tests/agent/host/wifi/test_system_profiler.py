import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import CaptureError
from agent.host.wifi import system_profiler

PREFIX = "spairport_security_mode_"


def document(others=(), current=None, name="en0"):
    interface = {"_name": name, "spairport_airport_other_local_wireless_networks": list(others)}
    if current is not None:
        interface["spairport_current_network_information"] = current
    return json.dumps({"SPAirPortDataType": [{"spairport_airport_interfaces": [interface]}]}).encode()


def entry(name="school", channel="44 (5GHz, 80MHz)", **more):
    return {"_name": name, "spairport_network_channel": channel} | {f"spairport_{key}": more[key] for key in more}


def only(**fields):
    (network,) = system_profiler.decode(document([entry(**fields)]))
    return network


@pytest.mark.parametrize(
    ("shown", "channel", "mhz", "width"),
    [
        (6, 6, 2437, None),
        ("149,+1", 149, 5745, 40),
        ("11,-1", 11, 2462, 40),
        ("44,80", 44, 5220, 80),
        ("149 (5GHz, 80MHz)", 149, 5745, 80),
        ("37 (6GHz, 160MHz)", 37, 6135, 160),
        ("5 (6GHz)", 5, 5975, None),
        ("6 (5GHz, 20MHz)", 6, None, 20),
        (0, None, None, None),
        ("auto", None, None, None),
        (None, None, None, None),
        ([], None, None, None),
    ],
)
def test_channels_as_numbers_and_as_texts(shown, channel, mhz, width):
    """Both ways of macOS, old and new; anything else is none."""
    network = only(channel=shown)
    assert (network.channel, network.frequency_mhz, network.width_mhz) == (channel, mhz, width)


@pytest.mark.parametrize(
    ("token", "name"),
    [
        (PREFIX + "none", "open"),
        (PREFIX + "wep", "wep"),
        (PREFIX + "wpa_personal", "wpa1-psk"),
        (PREFIX + "wpa_personal_mixed", "wpa1-wpa2-psk"),
        (PREFIX + "wpa2_personal", "wpa2-psk"),
        (PREFIX + "wpa2_enterprise", "wpa2-enterprise"),
        (PREFIX + "wpa3_personal", "wpa3-sae"),
        ("pairport_security_mode_wpa3_transition", "wpa2-wpa3-transition"),
        (PREFIX + "wpa3_enterprise", "wpa3-enterprise"),
        (PREFIX + "owe", "owe"),
        (PREFIX + "wpa_enterprise", "unknown"),
        (PREFIX + "wpa9", "unknown"),
        (7, "unknown"),
    ],
)
def test_security_by_the_end_of_the_token(token, name):
    """However its beginning is written."""
    assert only(security_mode=token).security == name


def test_signal_and_generation():
    """The first number is the signal, the second the noise; the newest mode is the generation."""
    network = only(signal_noise="-55 dBm / -95 dBm", network_phymode="802.11a/n/ac/ax")
    assert (network.signal_dbm, network.generation) == (-55, "ax")
    assert (only(signal_noise="0 dBm / -95 dBm").signal_dbm, only(network_phymode="802.11g").generation) == (
        None,
        "legacy",
    )
    assert only(network_phymode="new").generation is None


def test_addresses():
    """Older systems show them; newer ones do not, and then there is none."""
    assert only(network_bssid="FE:DC:BA:09:87:65").bssid == "fe:dc:ba:09:87:65"
    assert only(network_bssid="<redacted>").bssid is None


def test_redacted_names_stay_apart():
    """Without names nothing tells that two networks are one."""
    hidden = entry("<redacted>")
    networks = system_profiler.decode(document([hidden, hidden], hidden))
    assert [(network.ssid, network.ssid_hex) for network in networks] == [(None, "")] * 3
    assert [network.associated for network in networks] == [False, False, True]


def test_the_current_network_counts_once():
    """It stands among the others too, and its own word holds."""
    others = [entry(signal_noise="-40 dBm / -95 dBm"), entry("other")]
    networks = system_profiler.decode(document(others, entry(signal_noise="-41 dBm / -95 dBm")))
    assert [(network.ssid, network.signal_dbm, network.associated) for network in networks] == [
        ("school", -41, True),
        ("other", None, False),
    ]


def test_links_between_apples_are_no_networks():
    """awdl0 is passed over, and so is an interface without a network."""
    assert system_profiler.decode(document([entry()], name="awdl0")) == ()
    assert system_profiler.decode(document(current={"spairport_network_type": "station"})) == ()


@pytest.mark.parametrize("raw", [b"{", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"SPAirPortDataType": 1}'])
def test_what_is_something_else_is_refused(raw):
    """Including JSON that is deeper than anybody writes it."""
    with pytest.raises(CaptureError):
        system_profiler.decode(raw)


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=40)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=9), inner, max_size=3)),
    max_leaves=6,
)
KEYS = st.sampled_from([*entry(security_mode=1, signal_noise=1, network_phymode=1, network_bssid=1)])


@given(
    st.lists(st.one_of(VALUES, st.dictionaries(KEYS, VALUES)), max_size=4),
    st.one_of(VALUES, st.dictionaries(KEYS, VALUES)),
)
def test_no_document_crashes_it(others, current):
    """Values of every type in every place are read or passed over."""
    with suppress(CaptureError):
        system_profiler.decode(document(others, current))
