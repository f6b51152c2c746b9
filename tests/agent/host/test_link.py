"""What is believed of an interface: captured ones of tests/samples/link, others as kernel sources describe them."""

from pathlib import Path

import msgspec
import pytest

from agent.host import link
from agent.host.link import RawLink, decode

SAMPLES = Path(__file__).parents[2] / "samples" / "link"
CARD = {"type": "1", "device": "", "uevent": "INTERFACE=eth0\nIFINDEX=2"}


def raw(sysfs: dict[str, str] | None, speed: int = 1000, platform: str = "linux", flags: str = "up,running") -> RawLink:
    return RawLink(interface="x", platform=platform, flags=flags, speed_mbps=speed, mtu_bytes=1500, sysfs=sysfs)


@pytest.mark.parametrize(
    ("sysfs", "medium", "speed", "duplex"),
    [
        ({**CARD, "duplex": "full"}, "ethernet", 1e9, "full"),
        ({**CARD, "duplex": "half"}, "ethernet", 1e9, "half"),
        ({**CARD, "duplex": "unknown"}, "ethernet", 1e9, None),
        ({**CARD, "wireless": "", "duplex": "full"}, "wifi", None, None),
        ({**CARD, "phy80211": ""}, "wifi", None, None),
        ({**CARD, "uevent": "DEVTYPE=wlan\nINTERFACE=wlan0"}, "wifi", None, None),
        ({**CARD, "uevent": "DEVTYPE=wwan\nINTERFACE=wwan0"}, "cellular", None, None),
        ({"type": "519", "device": "", "uevent": ""}, "cellular", None, None),
        ({"type": "1", "uevent": "INTERFACE=veth0", "duplex": "full"}, "virtual", None, None),
        ({"type": "772", "uevent": "INTERFACE=lo"}, "loopback", None, None),
        ({"type": "32", "device": "", "uevent": ""}, None, None, None),
    ],
)
def test_linux(sysfs: dict[str, str], medium: str | None, speed: float | None, duplex: str | None) -> None:
    """On Linux the medium comes from sysfs; speed and duplex only from a real wired card."""
    facts = decode(raw(sysfs))
    assert (facts.medium, facts.speed_bps, facts.duplex) == (medium, speed, duplex)


@pytest.mark.parametrize(
    ("sample", "medium"),
    [("linux-6.18-virtio", "ethernet"), ("linux-6.18-loopback", "loopback"), ("linux-6.18-veth", "virtual")],
)
def test_captured_interfaces(sample: str, medium: str) -> None:
    """Interfaces captured from a virtual machine: none of them pretends to a speed or a duplex."""
    raw_link = msgspec.json.decode((SAMPLES / f"{sample}.json").read_bytes(), type=RawLink)
    facts = decode(raw_link)
    assert (facts.medium, facts.speed_bps, facts.duplex) == (medium, None, None)
    assert facts.mtu_bytes == raw_link.mtu_bytes


@pytest.mark.parametrize("speed", [0, -1, 65_535])
def test_an_unknown_speed_is_null(speed: int) -> None:
    """The ways in which drivers say "unknown" are no speeds."""
    assert decode(raw({**CARD}, speed=speed)).speed_bps is None


def test_windows() -> None:
    """On Windows the speed is known, the duplex is psutil's invention and the medium is not told."""
    facts = decode(raw(None, platform="win32"))
    assert (facts.medium, facts.speed_bps, facts.duplex) == (None, 1e9, None)


def test_macos() -> None:
    """On macOS psutil's speed is not believed."""
    assert decode(raw(None, platform="darwin")).speed_bps is None


def test_loopback_everywhere() -> None:
    """The loopback flag is enough, on any system."""
    assert decode(raw(None, platform="darwin", flags="up,loopback")).medium == "loopback"


def test_an_interface_that_is_gone() -> None:
    """An interface that vanished is None, not an error and not zero traffic."""
    assert link.fetch("gone0") is None
    assert link.count("gone0", 0.0) is None
