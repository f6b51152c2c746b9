"""The ladder of Windows' questions, in structures of wlanapi.h's layout, with a library that lends and refuses."""

import struct
import sys

import pytest

from agent.errors import ProbeUnavailable
from agent.host.ip_helper import Row
from agent.host.wifi import windows, wlanapi
from agent.host.wifi.wlanapi import CHANNEL, CONNECTION, REALTIME, RSSI, STATISTICS, Wlan
from tests.fakes.wifi import (
    HE,
    LOAD,
    WPA2,
    FakeLibrary,
    adapters,
    bss_list,
    connection_attributes,
    elements,
    realtime_quality,
    statistics,
)

GUID, OTHER_GUID = bytes(range(16)), bytes(range(1, 17))
OWN, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02"
ROW = Row(
    index=7, alias="Беспроводная сеть", description="Intel(R) Wireless-AC 8265", interface_type=71, physical_medium=9,
    is_hardware=True, rx_bytes=0, rx_packets=0, tx_bytes=0, tx_packets=0, guid=GUID,
    transmit_bps=780_000_000, receive_bps=866_700_000,
)  # fmt: skip
ALL = {
    CONNECTION: connection_attributes("Мектеп".encode(), OWN),
    REALTIME: realtime_quality((5745, 80, -48)),
    RSSI: struct.pack("<i", -47),
    CHANNEL: struct.pack("<I", 149),
    STATISTICS: statistics(1000, 150),
    "networks": bss_list(
        (OWN, -48, elements("Мектеп".encode(), 6, WPA2, HE, LOAD)),
        (OTHER, 0, elements(b"", 6)),
    ),
    "adapters": adapters((OTHER_GUID, "Second", 4), (GUID, "Intel(R) Wireless-AC 8265", 1)),
}


def asked(answers, row=ROW):
    library = FakeLibrary(answers)
    with Wlan(library) as wlan:
        told = windows.connection_of(wlan, row)
    assert library.is_closed
    assert not library.lent
    return told


def test_everything_is_told() -> None:
    """With consent the better answer of each fact is taken, and every question that helped is named."""
    told, denied = asked(ALL)
    assert (told.ssid, told.bssid, told.security, told.generation) == ("Мектеп", OWN, "wpa2-psk", "ac")
    assert (told.signal_dbm, told.signal_percent, told.channel, told.width_mhz) == (-48, 91, 149, 80)
    assert (told.receive_bps, told.transmit_bps, told.retry_ratio) == (866.7e6, 780e6, 0.15)
    assert told.source == "wlanapi-connection+realtime+channel+statistics"
    assert denied == ()


def test_without_consent_the_signal_stays() -> None:
    """Where location is refused the signal comes from the lower steps, and it is said what to change."""
    told, denied = asked({**ALL, CONNECTION: wlanapi.ACCESS_DENIED})
    assert (told.ssid, told.bssid, told.signal_dbm, told.channel, told.generation) == (None, None, -48, 149, "ac")
    assert [each.what for each in denied] == ["ssid", "bssid"]
    assert "ms-settings:privacy-location" in denied[0].setting


def test_windows_10_without_consent() -> None:
    """Without the newer question there are still the signal, the channel and the link's speed."""
    told, _denied = asked({RSSI: ALL[RSSI], CHANNEL: ALL[CHANNEL], CONNECTION: wlanapi.ACCESS_DENIED})
    assert (told.source, told.signal_dbm, told.channel) == ("wlanapi-rssi+channel+ifentry", -47, 149)
    assert (told.receive_bps, told.signal_percent) == (866.7e6, None)


def test_everything_is_refused() -> None:
    """Where every question is refused there is no connection, and the signal is said to be denied too."""
    refused = dict.fromkeys((CONNECTION, REALTIME, RSSI, CHANNEL, STATISTICS), wlanapi.ACCESS_DENIED)
    told, denied = asked(refused)
    assert told is None
    assert [each.what for each in denied] == ["ssid", "bssid", "signal"]


def test_not_connected() -> None:
    """An adapter that is on but connected to nothing has no connection, whatever speed it shows."""
    assert asked({}) == (None, ())


@pytest.mark.parametrize("rssi", [0, 5, -111, -2_147_483_648])
def test_what_is_no_signal(rssi) -> None:
    """Zero, positive and impossible signals are null and never made of the percentage."""
    told, _denied = asked({CONNECTION: ALL[CONNECTION], REALTIME: realtime_quality((5745, 80, rssi)), RSSI: b""})
    assert (told.signal_dbm, told.signal_percent) == (None, 91)


def test_several_links() -> None:
    """Of the links of Wi-Fi 7 the strongest is told; a count that the answer cannot hold is not believed."""
    links = realtime_quality((2437, 20, -70), (5745, 160, -55), phy=11)
    told, _denied = asked({REALTIME: links})
    assert (told.generation, told.signal_dbm, told.width_mhz) == ("be", -55, 160)
    lying = links[:20] + struct.pack("<I", 0xFFFF_FFFF) + links[24:-1]
    assert asked({REALTIME: lying})[0].signal_dbm == -70


@pytest.mark.parametrize(
    ("authentication", "security"), [(9, "wpa3-sae"), (10, "owe"), (4, "wpa1-psk"), (3, "unknown"), (99, "unknown")]
)
def test_security(authentication, security) -> None:
    """Windows' word for the protection becomes ours; one without a word of ours is unknown."""
    raw = connection_attributes(b"a", OWN, authentication=authentication)
    assert asked({CONNECTION: raw})[0].security == security


def test_answers_cut_off() -> None:
    """A structure cut off anywhere, or too long a name in it, gives less and never an error."""
    for question in (CONNECTION, REALTIME, RSSI, CHANNEL, STATISTICS):
        for end in range(0, len(ALL[question]), 7):
            asked({question: ALL[question][:end]})
    long = bytearray(ALL[CONNECTION])
    struct.pack_into("<I", long, 520, 0xFFFF_FFFF)
    assert len(asked({CONNECTION: bytes(long)})[0].ssid_hex) == 64


def heard(answers, wait_s=0.0):
    with Wlan(FakeLibrary(answers)) as wlan:
        return windows.neighbours_of(wlan, ROW, wait_s=wait_s)


def test_neighbours() -> None:
    """The list has real elements decoded, and the network we are in is marked by its address."""
    told = heard(ALL)
    own, other = told.networks
    assert (own.bssid, own.ssid, own.channel, own.signal_dbm, own.generation) == (OWN, "Мектеп", 6, -48, "ax")
    assert (own.stations, own.security, own.associated) == (12, "wpa2-psk", True)
    assert (other.ssid, other.signal_dbm, other.associated) == (None, None, False)
    assert (told.source, told.is_fresh, told.age_s) == ("wlanapi-bss-list", False, None)


def test_a_new_scan() -> None:
    """A scan that Windows begins makes the list new; one it refuses leaves it old."""
    assert heard(ALL, 0.01).is_fresh
    assert not heard({**ALL, "scan": 31}, 0.01).is_fresh


def test_neighbours_are_denied() -> None:
    """Without consent there are no neighbours, and the setting to change is named."""
    told = heard({**ALL, "networks": wlanapi.ACCESS_DENIED, "scan": wlanapi.ACCESS_DENIED}, 0.01)
    assert (told.networks, [each.what for each in told.denied]) == ((), ["neighbours"])
    assert "ms-settings:privacy-location" in told.denied[0].setting


@pytest.mark.parametrize("answer", [wlanapi.NOT_FOUND, 87, struct.pack("<II", 4, 0), struct.pack("<II", 8, 9)])
def test_an_adapter_that_is_gone(answer) -> None:
    """An adapter taken out, and a list that cannot be one, are an OSError."""
    with pytest.raises(OSError, match="Windows"):
        heard({**ALL, "networks": answer})


def test_no_service() -> None:
    """Where the Wi-Fi service does not run the probe cannot, and the link is told which service to start."""
    library = FakeLibrary({}, opens=wlanapi.NO_SERVICE)
    with Wlan(library) as wlan:
        with pytest.raises(ProbeUnavailable, match="WlanSvc"):
            windows.neighbours_of(wlan, ROW, wait_s=0.0)
        told, denied = windows.connection_of(wlan, ROW)
    assert (told, library.is_closed) == (None, False)
    assert "WlanSvc" in denied[0].setting


@pytest.mark.skipif(sys.platform == "win32", reason="there it is")
def test_no_library() -> None:
    """Without wlanapi.dll, as on some servers, it is said what is missing."""
    with Wlan() as wlan, pytest.raises(ProbeUnavailable, match="wlanapi"):
        windows.named(wlan.adapters(), {"Wi-Fi": ROW})


def test_names() -> None:
    """Interfaces get Windows' own names, the connected first; virtual Wi-Fi adapters are left out."""
    with Wlan(FakeLibrary(ALL)) as wlan:
        answer = wlan.adapters()
    rows = {
        "Wi-Fi 2": Row(**{name: getattr(ROW, name) for name in ROW.__struct_fields__} | {"guid": OTHER_GUID}),
        "Wi-Fi": ROW,
        "Virtual": Row(**{name: getattr(ROW, name) for name in ROW.__struct_fields__} | {"guid": bytes(16)}),
    }
    assert windows.named(answer, rows) == ("Wi-Fi", "Wi-Fi 2")
    assert wlanapi.decode_adapters(answer[:-1]) == wlanapi.decode_adapters(answer)[:1]
    assert wlanapi.decode_adapters(b"\xff" * 8) == ()
