import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import CaptureError
from agent.host.wifi import netsh

# The labels' colons are glued on, as in real Russian output.
RUSSIAN = """
Имя интерфейса: Беспроводная сеть
Сейчас видно следующее количество сетей: 2.

SSID 1: Школа-12
    Тип сети:                 Инфраструктура
    Проверка подлинности:     WPA2-Personal
    Шифрование:               CCMP
    BSSID 1:                  02:00:00:00:00:01
         Сигнал:              82%
         Тип радио:           802.11ac
         Диапазон:            5 ГГц
         Канал:               44
         Загрузка BSS:
             Подключенные станции:     12
             Использование канала:     51 (20 %)
             Доступная емкость:        0 (0 us/s)
         Базовая скорость (Мбит/с): 6 12 24
         Другие скорости (Мбит/с): 9 18 36 48 54
    BSSID 2:                  02:00:00:00:00:02
         Сигнал:              40%
         Тип радио:           802.11g
         Канал:               11
         Базовая скорость (Мбит/с): 1 2 5.5 11

SSID 2:
    Тип сети:                 Инфраструктура
    Проверка подлинности:     Открыть
    Шифрование:               Нет
    BSSID 1:                  02:00:00:00:00:03
         Сигнал:              99%
         Тип радио:           802.11be
         Диапазон:            6 ГГц
         Канал:               37
"""
HEAD = "SSID 1 : school\n  Type : Infrastructure\n  Key : {}\n  Cipher : {}\n  BSSID 1 : 02:00:00:00:00:01\n"


def point(lines, key="WPA2-Personal", cipher="CCMP"):
    (network,) = netsh.decode((HEAD.format(key, cipher) + lines).encode())
    return network


@pytest.mark.parametrize("encoding", ["cp866", "utf-8", "utf-8-sig", "utf-16"])
def test_russian(encoding):
    """In the console's code page as in what PowerShell writes to a file."""
    first, second, third = netsh.decode(RUSSIAN.replace("\n", "\r\n").encode(encoding))
    assert (first.bssid, first.ssid, first.signal_percent) == ("02:00:00:00:00:01", "Школа-12", 82)
    assert (first.channel, first.frequency_mhz, first.generation) == (44, 5220, "ac")
    assert (first.stations, first.utilisation, first.security) == (12, pytest.approx(0.2), "wpa2-psk")
    assert (second.ssid, second.channel, second.frequency_mhz) == ("Школа-12", 11, 2462)
    assert (second.generation, second.stations, second.utilisation) == ("legacy", None, None)
    assert (third.ssid, third.ssid_hex, third.channel, third.frequency_mhz) == (None, "", 37, 6135)
    assert (third.security, third.generation, third.signal_dbm) == ("open", "be", None)


def test_a_sentence_as_label():
    """French calls the access point's address by half a sentence."""
    raw = HEAD.replace("BSSID 1", "BSSID du point d'accès : numéro 1").format("Ouvrir", "Aucun")
    (network,) = netsh.decode(raw.replace("numéro 1 : ", "").encode())
    assert (network.bssid, network.security) == ("02:00:00:00:00:01", "open")


@pytest.mark.parametrize(
    ("key", "cipher", "name"),
    [
        ("WPA2-Personal", "CCMP", "wpa2-psk"),
        ("WPA2-Enterprise", "CCMP", "wpa2-enterprise"),
        ("WPA3-Personal", "CCMP", "wpa3-sae"),
        ("WPA3-Enterprise", "GCMP-256", "wpa3-enterprise"),
        ("WPA-Personal", "TKIP", "wpa1-psk"),
        ("WPA2 - 个人", "CCMP", "unknown"),
        ("OWE", "CCMP", "owe"),
        ("Offen", "WEP", "wep"),
        ("Offen", "Keine", "open"),
        ("Open", "CCMP", "unknown"),
        ("802.1X", "None", "unknown"),
        ("", "", "unknown"),
    ],
)
def test_security(key, cipher, name):
    """Acronyms are the same in every language; a word beside them that is not known leaves it open."""
    assert point("", key, cipher).security == name


def test_a_line_too_many_leaves_the_security_open():
    """Only the usual three lines stand where they are looked for."""
    (network,) = netsh.decode(HEAD.replace("  Key", "  New : thing\n  Key").format("Open", "None").encode())
    assert network.security == "unknown"


@pytest.mark.parametrize(
    ("lines", "channel", "mhz"),
    [
        (" S : 50%\n C : 6\n", 6, 2437),
        (" C : 6\n S : 50%\n", None, None),
        (" S : 50%\n R : 1 2 5.5 11\n Q : 1\n", None, None),
        (" S : 50%\n Load:\n Stations: 3\n U: 51 (20 %)\n", None, None),
        (" S : 50%\n Q : 0\n X : 1\n", None, None),
        (" S : 50%\n Band : 5 GHz\n C : 6\n", None, None),
        (" S : 50%\n Band : 2,4 GHz\n C : 6\n", 6, 2437),
        (" S : 50%\n Band : 6 GHz\n C : 5\n", 5, 5975),
        (" S : 50%\n C : 240\n", None, None),
        (" S : 150%\n C : 6\n", 6, 2437),
    ],
)
def test_the_channel_is_the_first_number_behind_the_signal(lines, channel, mhz):
    """Before rates and load, and a channel of the band that is stated; else unknown."""
    network = point(lines)
    assert (network.channel, network.frequency_mhz) == (channel, mhz)


@pytest.mark.parametrize(
    ("lines", "load"),
    [
        (" Load:\n A: 3\n U: 51 (20 %)\n", (3, pytest.approx(0.2))),
        (" Load:\n A: 3\n U: 51 (70 %)\n", (None, None)),
        (" Load:\n A: 3\n U: 300 (117 %)\n", (None, None)),
        (" Load:\n A: 3\n B: 4\n U: 51 (20 %)\n", (None, None)),
        (" A: 3\n U: 51 (20 %)\n", (None, None)),
        (" Load:\n U: 51 (20 %)\n", (None, None)),
    ],
)
def test_the_load_has_one_shape(lines, load):
    """A heading, a number, a number of 255 with its own percentage; anything else is none."""
    network = point(" S : 50%\n C : 6\n" + lines)
    assert (network.stations, network.utilisation) == load


def test_names_that_look_like_something_else():
    """A name may be an address, a percentage or a label."""
    for name in ("02:00:00:00:00:09", "50%", "SSID 3 : x", "802.11ax", "a:b"):
        assert netsh.decode(HEAD.replace("school", name).format("a", "b").encode())[0].ssid == name


def test_nothing_in_sight_and_nothing_allowed():
    """No network is an empty list; Windows' refusal and other texts are told apart from it."""
    assert netsh.decode(b"Interface name : Wi-Fi\nThere are 0 networks currently visible.\n") == ()
    assert netsh.decode(b"    Physical address : 02:00:00:00:00:01\n    SSID : school\n") == ()
    with pytest.raises(CaptureError, match="Location"):
        netsh.decode(b"Network shell commands need location permission\nms-settings:privacy-location\n")
    for raw in (b"hello\n", bytes(100), b"\x93\x00"):
        with pytest.raises(CaptureError):
            netsh.decode(raw)


@given(st.text(alphabet="SID 12:\n%.,(GHz)802axКБ", max_size=200))
def test_no_text_crashes_it(text):
    """Whatever stands behind an address is read or passed over."""
    assert netsh.decode((HEAD.format("a", "b") + text).encode())


@given(st.lists(st.tuples(st.sampled_from(["", "50%", "6", "802.11ax", "5 GHz", "51 (20 %)", "1 2"])), max_size=9))
def test_no_order_of_values_crashes_it(values):
    """Values in any order give a network or a part of one."""
    network = point("".join(f"   label : {value}\n" for (value,) in values))
    assert network.signal_percent in {None, 50}


@pytest.mark.parametrize("line", ["a" + " " * 4090, "a: x" + " " * 4080 + "y", ": " * 2000, ":" * 4090])
def test_long_lines_are_read_once(line):
    """Spaces and colons without end take no more time than letters."""
    assert netsh.decode(f"SSID 1 : school\n{line}\n".encode() * 2_000) == ()
