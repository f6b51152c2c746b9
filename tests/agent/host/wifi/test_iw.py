from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import CaptureError
from agent.host.wifi import iw

# A tilde stands for a tab.
SCAN = r"""BSS 02:00:00:00:00:01(on wlan0) -- associated
~last seen: 3402.511s [boottime]
~TSF: 2984923701 usec (0d, 00:49:44)
~freq: 5180.0
~beacon interval: 100 TUs
~capability: ESS Privacy ShortSlotTime RadioMeasure (0x1411)
~signal: -47.00 dBm
~last seen: 40 ms ago
~Information elements from Probe Response frame:
~SSID: \xd0\xa8\xd0\xba\xd0\xbe\xd0\xbb\xd0\xb0\x20
~Supported rates: 6.0* 9.0 12.0* 18.0 24.0* 36.0 48.0 54.0
~BSS Load:
~~ * station count: 7
~~ * channel utilisation: 51/255
~~ * available admission capacity: 31250 [*32us]
~HT capabilities:
~~Capabilities: 0x9ef
~~~RX LDPC
~~~HT20/HT40
~RSN:~ * Version: 1
~~ * Group cipher: CCMP
~~ * Pairwise ciphers: CCMP
~~ * Authentication suites: PSK SAE FT/SAE
~~ * Capabilities: 16-PTKSA-RC 1-GTKSA-RC MFP-capable (0x008c)
~HT operation:
~~ * primary channel: 36
~~ * secondary channel offset: above
~~ * STA channel width: any
~VHT capabilities:
~~VHT Capabilities (0x338001b2):
~VHT operation:
~~ * channel width: 1 (80 MHz)
~~ * center freq segment 1: 42
~~ * center freq segment 2: 0
~HE capabilities:
~~HE MAC Capabilities (0x000801185018):
BSS 02:00:00:00:00:02 (on wlan0)
~freq: 2442
~capability: ESS Privacy (0x0011)
~signal: 0.00 dBm
~SSID: \x00\x00\x00
~DS Parameter set: channel 6
~WPA:~ * Version: 1
~~ * Authentication suites: PSK
~RSN:~ * Version: 1
~~ * Authentication suites: PSK PSK/SHA-256
~HT operation:
~~ * primary channel: 5
~~ * secondary channel offset: no secondary
~~ * STA channel width: 20 MHz
BSS 02:00:00:00:00:03(on wlan0)
~freq: 6135
~capability: ESS Privacy (0x0011)
~signal: 45/100
~SSID: six
~RSN:~ * Version: 1
~~ * Authentication suites: 00-0f-ac:24
""".replace("~", "\t")


def scan(text):
    return iw.decode_scan(text.encode())


def test_a_whole_scan():
    """Names byte by byte, the load, the generation, the width, what is offered, what we are connected to."""
    first, second, third = scan(SCAN)
    assert (first.bssid, first.associated, first.ssid) == ("02:00:00:00:00:01", True, "Школа ")
    assert (first.channel, first.frequency_mhz, first.width_mhz, first.generation) == (36, 5180, 80, "ax")
    assert (first.signal_dbm, first.stations, first.utilisation) == (-47, 7, pytest.approx(0.2))
    assert first.security == "wpa2-wpa3-transition"
    assert (second.ssid, second.ssid_hex, second.signal_dbm, second.associated) == (None, "000000", None, False)
    assert (second.channel, second.channel_other, second.frequency_mhz) == (6, 5, 2437)
    assert (second.security, second.width_mhz, second.generation) == ("wpa1-wpa2-psk", 20, "n")
    assert (third.channel, third.frequency_mhz, third.signal_dbm, third.security) == (37, 6135, None, "wpa3-sae")


@pytest.mark.parametrize(
    ("suites", "capabilities", "name"),
    [
        ("IEEE 802.1X", "", "wpa2-enterprise"),
        ("IEEE 802.1X/SHA-256", "MFP-required MFP-capable", "wpa3-enterprise"),
        ("IEEE 802.1X FT/IEEE 802.1X", "", "wpa2-enterprise"),
        ("IEEE 802.1X/SUITE-B-192", "", "wpa3-enterprise"),
        ("FT/SAE", "", "wpa3-sae"),
        ("FT/PSK PSK", "", "wpa2-psk"),
        ("OWE", "", "owe"),
        ("something new", "", "unknown"),
    ],
)
def test_security(suites, capabilities, name):
    """The program's words for key managements are read whole, never one inside another."""
    head = "BSS 02:00:00:00:00:01(on w)\n\tcapability: ESS Privacy\n\tRSN:\t * Version: 1\n"
    text = f"{head}\t\t * Authentication suites: {suites}\n\t\t * Capabilities: {capabilities} (0x1)\n"
    assert scan(text)[0].security == name


def test_what_was_not_said_is_unknown():
    """A block of two lines tells neither security nor generation nor channel."""
    (network,) = scan("BSS 02:00:00:00:00:01(on wlan0)\n\tsignal: 30.00 dBm\n\tfreq: 99999\n")
    assert (network.security, network.generation, network.channel, network.width_mhz) == ("unknown", None, None, None)
    assert (network.signal_dbm, network.ssid, network.ssid_hex) == (None, None, "")


def test_privacy_alone_is_wep():
    """Only where the capability says so and nothing newer stands there."""
    head = "BSS 02:00:00:00:00:01(on wlan0)\n\tcapability: ESS"
    assert [scan(f"{head}{end}\n")[0].security for end in (" Privacy (0x0011)", " (0x0001)")] == ["wep", "open"]


def test_the_same_address_twice_is_one_network():
    """Its signal is the median of both."""
    block = "BSS 02:00:00:00:00:01(on wlan0)\n\tsignal: -{}.00 dBm\n"
    (network,) = scan(block.format(40) + block.format(50))
    assert (network.signal_dbm, network.frames) == (-45, 2)


def test_link():
    """The network that this computer is connected to, or none."""
    text = "Connected to 02:00:00:00:00:01 (on wlan0)\n\tSSID: school\n\tfreq: 5745\n\tsignal: -60 dBm\n"
    (network,) = iw.decode_link(text.encode())
    assert (network.ssid, network.channel, network.signal_dbm, network.associated) == ("school", 149, -60, True)
    assert (network.security, network.generation) == ("unknown", None)
    assert iw.decode_link(b"Not connected.\n") == ()


def test_stations():
    """The station's signal, its average where the last one is none; tabs as well as spaces."""
    text = "Station {} (on wlan0)\n\tinactive time:\t4294825206 ms\n\tsignal:  \t{} dBm\n\tsignal avg:\t-61 dBm\n"
    raw = text.format("02:00:00:00:00:01", "-57 [-57, -95]") + text.format("02:00:00:00:00:02", 0)
    first, second = iw.decode_stations(raw.encode())
    assert (first.signal_dbm, second.signal_dbm, first.associated) == (-57, -61, True)
    (left,) = iw.decode_stations(b"Station 02:00:00:00:00:01 (on wlan0)\n\tassociated:\tno\n")
    assert left.associated is False


@pytest.mark.parametrize("decoder", [iw.decode_scan, iw.decode_link, iw.decode_stations])
@pytest.mark.parametrize("raw", [b"hello\n", b"BSS zz(on wlan0)\n", b"\x00\x01", "сеть".encode("cp866")])
def test_what_is_something_else_is_refused(decoder, raw):
    """No block, no networks, and a sentence."""
    with pytest.raises(CaptureError):
        decoder(raw)


def test_a_block_without_end():
    """Of a block only so many fields are kept as a network can have; those at its beginning count."""
    fields = "".join(f"\tfield {n}: x\n" for n in range(200_000))
    (network,) = scan(f"BSS 02:00:00:00:00:01(on w)\n\tSSID: school\n{fields}\tsignal: -50 dBm\n")
    assert (network.ssid, network.signal_dbm) == ("school", None)


def test_ten_thousand_networks():
    """All of them, each with its own signal."""
    blocks = (
        f"BSS 02:00:00:00:{n // 256:02x}:{n % 256:02x}(on w)\n\tfreq: 2412\n\tsignal: -{40 + n % 50} dBm\n"
        for n in range(10_000)
    )
    networks = scan("".join(blocks))
    assert (len(networks), networks[49].signal_dbm) == (10_000, -89)


@given(st.text(alphabet="BS0:*\t -\\xon()R SIDdfreqsignal1./\n", max_size=300))
def test_no_text_crashes_it(text):
    """Whatever stands behind a block's first line is read or passed over."""
    for head, decoder in (("BSS", iw.decode_scan), ("Station", iw.decode_stations), ("Connected to", iw.decode_link)):
        assert len(decoder(f"{head} 02:00:00:00:00:01 (on wlan0)\n\t{text}".encode())) >= 0


@given(st.sampled_from(SCAN.splitlines()), st.text(max_size=60))
def test_no_value_crashes_it(line, value):
    """Any value behind any label is read or passed over."""
    key = line.partition(":")[0]
    with suppress(CaptureError):
        scan(f"BSS 02:00:00:00:00:01(on wlan0)\n{key}: {value}\n")
