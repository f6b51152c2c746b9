import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract import coverage
from agent.contract.measurement import Link
from agent.contract.rules import shipped_rules
from agent.contract.values import Denied
from agent.contract.wifi import Network, Wifi, WifiConnection

RULES = shipped_rules().wifi


def network(signal_dbm, number=1, **changes):
    """Return an own access point."""
    values = {
        "bssid": f"02:00:00:00:00:{number:02x}",
        "ssid": "school",
        "ssid_hex": b"school".hex(),
        "channel": 6,
        "frequency_mhz": None,
        "signal_dbm": signal_dbm,
        "own": True,
    }
    return Network(**(values | changes))


def wifi(*networks, own_known=True, **changes):
    """Return what a computer that knows the school's networks hears."""
    return Wifi(interface="wlan0", source="test", own_known=own_known, networks=networks, **changes)


@pytest.mark.parametrize(
    ("written", "label"),
    [
        ("  Каб.\u00a0 12\t", "Каб. 12"),
        ("\u202eaб\u202c12", "aб12"),
        ("Lab\x00\x1b[31m2", "Lab [31m2"),
        ("И\u0306од", "Йод"),
        ("\u200b\u2060\ufeff", ""),
        ("\u200d", ""),
        ("غرفة ١٢", "غرفة ١٢"),
        ("x" * 500, "x" * 128),
        ("", ""),
    ],
)
def test_a_label_shows_what_it_is_and_nothing_else(written, label):
    """No control, direction or invisible sign reaches a terminal, a page or a file; letters of any script do."""
    assert coverage.label_of(written) == label


@pytest.mark.parametrize(
    ("one", "other"),
    [("Каб. 12", "каб.12"), ("Room １２", "room 12"), ("ŞІ", "şі"), ("A  B", "ab")],
)
def test_the_same_room_is_one_however_it_is_typed(one, other):
    """Case, spaces and wide letters make no second room."""
    assert coverage.key_of(one) == coverage.key_of(other)


@given(st.text(max_size=300))
def test_a_label_of_a_label_is_itself(text):
    """Cleaning twice changes nothing, and what is left can be printed and is never too long."""
    label = coverage.label_of(text)
    assert coverage.label_of(label) == label
    assert len(label) <= coverage.MAX_LABEL_CHARACTERS
    assert coverage.key_of(label) == coverage.key_of(text[:10_000])


def test_the_strongest_own_access_point_speaks_by_its_weak_moments():
    """The strongest by its median; its 20th percentile is the signal of the place."""
    heard = coverage.heard_in(
        wifi(network(-60, 1, signal_p20_dbm=-68), network(-64, 2, signal_p20_dbm=-65), network(-40, 3, own=False)), None
    )
    assert (heard.signal_dbm, heard.median_dbm, heard.bssid) == (-68, -60, "02:00:00:00:00:01")


def test_a_cached_look_is_its_own_weak_moment():
    """One scan has no percentiles: its signal is taken."""
    assert coverage.heard_in(wifi(network(-61)), None).signal_dbm == -61


def test_nothing_heard_is_an_answer_only_where_one_could_hear():
    """Silence counts as none only if the own networks were known and the computer might look around."""
    assert coverage.heard_in(wifi(), None).signal_dbm is None
    assert coverage.heard_in(wifi(own_known=False), None) is None
    refused = wifi(denied=(Denied(what="neighbours", setting="allow it"),))
    assert coverage.heard_in(refused, None) is None


def test_a_computer_that_may_not_look_around_knows_its_own_connection():
    """Where Windows refuses the list, the signal of the connection is left, even without the network's name."""
    connection = WifiConnection(source="wlanapi-realtime", signal_dbm=-58)
    refused = wifi(denied=(Denied(what="neighbours", setting="allow it"),), connection=connection)
    assert coverage.heard_in(refused, None).signal_dbm == -58
    link = Link(interface="wlan0", medium="wifi", wifi=connection)
    assert coverage.heard_in(None, link) == coverage.Heard(signal_dbm=-58, median_dbm=-58)


def test_a_wired_computer_says_nothing_of_wifi():
    """A cable is no coverage."""
    assert coverage.heard_in(None, Link(interface="eth0", medium="ethernet")) is None
    assert coverage.heard_in(None, None) is None


@pytest.mark.parametrize(
    ("signal", "grade", "borderline"),
    [
        (-30, "good", False),
        (-64, "good", True),
        (-67, "good", True),
        (-67.1, "weak", True),
        (-70, "weak", True),
        (-70.1, "weak", False),
        (-75, "weak", False),
        (-75.1, "none", False),
        (None, "none", False),
    ],
)
def test_grades_and_the_border(signal, grade, borderline):
    """Good from -67 dBm on, none below -75, and 3 dB around the threshold belong to the adapters."""
    assert coverage.grade(signal, RULES) == grade
    assert coverage.is_borderline(signal, RULES) is borderline


def test_a_full_list_of_networks_is_read():
    """256 own networks, the contract's bound, with and without a signal."""
    many = tuple(network(-90 + number / 10 if number % 2 else None, number % 256) for number in range(256))
    assert coverage.heard_in(wifi(*many), None).signal_dbm == pytest.approx(-64.5)
