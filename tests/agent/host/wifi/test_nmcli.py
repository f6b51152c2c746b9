import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import CaptureError
from agent.host.wifi import nmcli

ADDRESS = r"02\:00\:00\:00\:00\:01"


def only(line):
    (network,) = nmcli.decode(line.encode())
    return network


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("a:b", ["a", "b"]),
        (r"a\:b:c\\:d", ["a:b", "c\\", "d"]),
        ("::", ["", "", ""]),
        ("", [""]),
        (r"a\\", ["a\\"]),
        ("a\\", ["a"]),
    ],
)
def test_colons_inside_a_field_are_escaped(line, fields):
    """A backslash stands before each colon and backslash of a field."""
    assert nmcli.split(line) == fields


def test_the_usual_order():
    """The mark, the address, the name, the mode, the channel, the rate, the signal, the bars, the security."""
    network = only(f"*:{ADDRESS}:Мектеп\\: 12:Infra:44:540 Mbit/s:72:▂▄▆_:WPA2 802.1X\n")
    assert (network.bssid, network.ssid, network.associated) == ("02:00:00:00:00:01", "Мектеп: 12", True)
    assert (network.channel, network.frequency_mhz, network.signal_percent) == (44, 5220, 72)
    assert (network.security, network.signal_dbm, network.generation) == ("wpa2-enterprise", None, None)


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        (f"{ADDRESS}:school:6:130 Mbit/s:80:WPA2", ("school", 6, 80, "wpa2-psk")),
        (f" :{ADDRESS}:6:11:2462 MHz:130 Mbit/s:80:WPA3", ("6", 11, 80, "wpa3-sae")),
        (f"school:{ADDRESS}:6:80", ("school", 6, 80, "unknown")),
        (f"{ADDRESS}:school:80", ("school", None, None, "unknown")),
        (f"{ADDRESS}", (None, None, None, "unknown")),
        (f":{ADDRESS}::Infra:6:130 Мбит/с:80:**:", (None, 6, 80, "open")),
        (f":{ADDRESS}:--:Infra:6:130 Mbit/s:101:**:--", (None, 6, None, "open")),
        (f":{ADDRESS}:54 Mbit/s:Infra:0:54 Mbit/s:50:**:WEP", ("54 Mbit/s", None, 50, "wep")),
        (f":{ADDRESS}:school:Infra:6:54 Mbit/s:50:**:WPA9", ("school", 6, 50, "unknown")),
    ],
)
def test_shorter_lists(line, seen):
    """Fields that were left out stay unknown; a name may look like anything."""
    network = only(line)
    assert (network.ssid, network.channel, network.signal_percent, network.security) == seen


def test_the_band():
    """A stated frequency decides; else the channel, where only one band has such a network."""
    line = f":{ADDRESS}:s:Infra:{{}}:{{}}540 Mbit/s:50:**:{{}}"
    assert only(line.format(37, "6135 MHz:", "WPA3")).frequency_mhz == 6135
    assert only(line.format(37, "", "WPA3")).frequency_mhz == 6135
    assert only(line.format(5, "", "WPA3")).frequency_mhz is None
    assert only(line.format(5, "", "WPA2 WPA3")).frequency_mhz == 2432
    assert only(line.format(5, "5975 MHz:", "WPA3")).frequency_mhz == 5975


def test_what_is_something_else_is_refused():
    """A text without any access point's address."""
    for raw in (b"hello", b"a:b:c:d", b"IN-USE  BSSID\n", b"\xff\x00"):
        with pytest.raises(CaptureError):
            nmcli.decode(raw)


@given(st.text(alphabet=":\\ *0123456789WPAMbit/sHz-", max_size=120))
def test_no_text_crashes_it(text):
    """Whatever surrounds an address is read or passed over."""
    nmcli.decode(f":{ADDRESS}:{text}".encode())
    nmcli.decode(f"{text[:1]}:{ADDRESS}{text}\n{ADDRESS}".encode())
