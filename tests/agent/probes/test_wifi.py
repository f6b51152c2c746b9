"""The wifi probe: what it says of own and foreign networks, of several scans, and where it cannot listen."""

import msgspec
import pytest

from agent import probes
from agent.contract.errors import SettingsError
from agent.contract.measurement import Failed, decode, encode
from agent.contract.values import Denied
from agent.contract.wifi import Crowd, Network, Wifi, WifiConnection
from agent.errors import ProbeUnavailable
from agent.host import wifi
from agent.host.wifi.heard import Heard
from agent.probes.wifi import Probe, School, combine, crowds, merged

SCHOOL_HEX = "Мектеп".encode().hex()
NOBODY = School()


def network(number: int, dbm: float | None = -60, **facts: object) -> Network:
    usual = {
        "bssid": f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}", "ssid": "other", "ssid_hex": b"other".hex(),
        "channel": 6, "frequency_mhz": 2437, "signal_dbm": dbm,
    }  # fmt: skip
    return Network(**(usual | facts))


def heard(*networks: Network, **facts: object) -> Heard:
    return Heard(networks=networks, source="nl80211", is_fresh=True, **facts)


def test_own_and_foreign() -> None:
    """Own networks are told in full, by their name or by how their address begins; of others only how many."""
    own = network(1, ssid="Мектеп", ssid_hex=SCHOOL_HEX)
    hidden = network(2, -70, bssid="aa:bb:cc:00:00:01", ssid=None, ssid_hex="", channel=36)
    others = [network(3, -80), network(4, -55), network(5, None, channel=11)]
    school = School(frozenset({SCHOOL_HEX}), ("aa:bb:cc",))
    told = combine("wlan0", [heard(own, hidden, *others)], None, (), school)
    assert [(each.bssid, each.own) for each in told.networks] == [(own.bssid, True), (hidden.bssid, True)]
    assert told.foreign == (
        Crowd(channel=6, networks=2, strongest_dbm=-55),
        Crowd(channel=11, networks=1, strongest_dbm=None),
    )
    assert told.own_known
    assert decode(encode(told)) == told


def test_nothing_of_foreign_networks_leaves() -> None:
    """No name and no address of a foreign network is in what is sent."""
    told = encode(combine("wlan0", [heard(network(1), network(2))], None, (), School(frozenset({SCHOOL_HEX}))))
    assert b"other" not in told
    assert b"02:00" not in told


def test_the_network_we_are_in_is_the_schools() -> None:
    """Every access point with the name of the network in use counts as own, without any setting."""
    ours, same, other = network(1, associated=True), network(2), network(3, ssid="x", ssid_hex=b"x".hex())
    told = combine("wlan0", [heard(ours, same, other)], None, (), NOBODY)
    assert ([each.bssid for each in told.networks], told.own_known) == ([ours.bssid, same.bssid], True)


def test_a_hidden_network_we_are_in() -> None:
    """Of a network without a name only our own access point is known to be the school's, not every hidden one."""
    hidden = {"ssid": None, "ssid_hex": "00" * 8}
    connection = WifiConnection(source="nl80211", ssid_hex="00" * 8, bssid=network(1).bssid)
    told = combine("wlan0", [heard(network(1, **hidden), network(2, **hidden))], connection, (), NOBODY)
    assert [each.bssid for each in told.networks] == [network(1).bssid]


def test_nobody_knows_what_is_own() -> None:
    """Without settings and connection all networks are counted as foreign, and it is said."""
    told = combine("wlan0", [heard(network(1), network(2))], None, (), NOBODY)
    assert (told.own_known, told.networks, told.foreign[0].networks) == (False, (), 2)


def test_several_scans() -> None:
    """Over scans the signal is the median, the weak end the 20th percentile, and frames says in how many it was."""
    scans = [heard(network(1, dbm), network(2, None)) for dbm in (-60, -70, -62)] + [heard(network(3))]
    first, silent, once = merged(scans)
    assert (first.signal_dbm, first.signal_p20_dbm, first.frames) == (-62, -70, 3)
    assert (silent.signal_dbm, silent.signal_p20_dbm, silent.frames) == (None, None, 3)
    assert (once.signal_dbm, once.frames) == (-60, 1)


def test_ten_thousand_networks() -> None:
    """A place full of invented networks gives a report of bounded size, with the strongest of the own ones."""
    many = [network(number, -30 - number % 80) for number in range(10_000)]
    told = combine("wlan0", [heard(*many)], None, (), School(frozenset({b"other".hex()})))
    assert len(told.networks) == 256
    assert {each.signal_dbm for each in told.networks} == {-30, -31, -32}
    assert len(encode(told)) < 200_000
    assert decode(encode(told)) == told


def test_a_channel_nobody_names() -> None:
    """A network without a channel is counted on none."""
    assert crowds([network(1, channel=None)]) == ()


def test_refusals_are_said_once() -> None:
    """What was denied in each scan and in the connection stands once in the report."""
    denied = Denied(what="neighbours", setting="x")
    told = combine("wlan0", [heard(denied=(denied,)), heard(denied=(denied,))], None, (denied,), NOBODY)
    assert told.denied == (denied,)


@pytest.mark.parametrize(
    "settings",
    [
        {"own_ssids_hex": "Мектеп"},
        {"own_ssids_hex": "6"},
        {"own_bssid_prefixes": "aa:bb:c"},
        {"own_bssid_prefixes": ["aa:bb", "zz"]},
        {"own_ssids_hex": ",".join(["aa"] * 65)},
        {"scans": "9"},
    ],
)
def test_settings_that_are_none(settings) -> None:
    """Names that are no bytes, prefixes that are no address and too many scans are refused with a sentence."""
    with pytest.raises(SettingsError, match="wifi"):
        probes.make("wifi", settings)


def test_settings_as_text_or_list() -> None:
    """What a command line gives with commas is what a policy gives as a list."""
    text = probes.make("wifi", {"own_ssids_hex": "AA, bb", "own_bssid_prefixes": "AA:BB:"})
    listed = probes.make("wifi", {"own_ssids_hex": ["aa", "bb"], "own_bssid_prefixes": ("aa:bb",)})
    assert text._school() == listed._school() == School(frozenset({"aa", "bb"}), ("aa:bb",))


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """A computer with a Wi-Fi card that gives the listed scans, or raises them; there is none on test machines."""
    scans: list[object] = []

    def neighbours(_interface: str, **_how: object) -> Heard:
        scan = scans.pop(0)
        if isinstance(scan, Exception):
            raise scan
        return scan

    monkeypatch.setattr(wifi, "interfaces", lambda: ("wlan0", "wlan1"))
    monkeypatch.setattr(wifi, "neighbours", neighbours)
    monkeypatch.setattr(wifi, "connection", lambda *_: (None, ()))
    return scans


def test_an_old_list_is_read_once(card) -> None:
    """Where no new scan could be made, the list of late is read once, with its age."""
    old = msgspec.structs.replace(heard(network(1)), is_fresh=False, age_s=12.5)
    card += [old, old]
    told = Probe(fresh=True, scans=3).measure(60)
    assert isinstance(told, Wifi)
    assert (told.scans, told.age_s, told.interface) == (1, 12.5, "wlan0")


def test_a_card_taken_out(card) -> None:
    """A card that vanishes while it listens is this computer's trouble, said in a sentence."""
    card += [OSError(19, "No such device")]
    told = Probe(fresh=True).measure(60)
    assert isinstance(told, Failed)
    assert told.failure == "host_error"
    assert "wlan0" in told.detail


def test_scans_end_with_the_time(card) -> None:
    """Another scan is not begun where the deadline leaves no time for it."""
    card += [heard(network(1)), heard(network(1))]
    told = Probe(fresh=True, scans=2).measure(5)
    assert isinstance(told, Wifi)
    assert told.scans == 1


def test_another_interface(card) -> None:
    """An interface that is no Wi-Fi card is refused, naming those there are."""
    with pytest.raises(ProbeUnavailable, match="wlan0, wlan1"):
        Probe(interface="eth0").measure(5)


def test_a_system_that_refuses_its_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that refuses even to list its cards is a failure of this computer, not of the agent."""
    monkeypatch.setattr(wifi, "interfaces", lambda: (_ for _ in ()).throw(OSError(87, "Windows refused")))
    told = Probe().measure(5)
    assert isinstance(told, Failed)
    assert told.failure == "host_error"


def test_no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer without a Wi-Fi card cannot measure it, and is told so."""
    monkeypatch.setattr(wifi, "interfaces", tuple)
    with pytest.raises(ProbeUnavailable, match="no Wi-Fi card"):
        Probe().measure(5)
