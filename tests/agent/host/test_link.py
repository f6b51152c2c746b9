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
    """An interface that vanished is None, not an error."""
    assert link.fetch("gone0") is None


def test_the_card(tmp_path: Path) -> None:
    """A card's maker and model come from its folder: a PCI card's own, a USB card's one above."""
    pci, usb = tmp_path / "pci", tmp_path / "usb" / "1-1:1.0"
    for folder, files in (
        (pci, {"vendor": "0x8086\n", "device": "0x15b7\n"}),
        (usb, {"../idVendor": "0bda\n", "../idProduct": "8153\n", "../product": "USB 10/100/1000 LAN\n"}),
    ):
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text)
    drivers = tmp_path / "drivers" / "e1000e"
    drivers.mkdir(parents=True)
    (pci / "driver").symlink_to(drivers)
    assert decode(raw(CARD | link._card(pci))).adapter == "8086:15b7 (e1000e)"
    assert decode(raw(CARD | link._card(usb))).adapter == "USB 10/100/1000 LAN 0bda:8153"
    assert decode(raw(CARD | link._card(tmp_path / "none"))).adapter is None


@pytest.mark.parametrize(
    ("mask", "length"),
    [
        ("255.255.254.0", 23),
        ("255.255.255.255", 32),
        ("ffff:ffff:ffff:ffff::", 64),
        ("0:0:0:0:0:0:0:0", 0),
        ("255.0.255.0", None),
        ("nonsense", None),
        (None, None),
    ],
)
def test_a_subnets_mask(mask: str | None, length: int | None) -> None:
    """A mask of either family becomes its length; one with holes and what is none are null."""
    assert link.decode_mask(mask) == length


def test_the_loopbacks_subnet() -> None:
    """The subnet of an address is that of its own entry, and null for an address the interface does not have."""
    interface = link.interface_of("127.0.0.1")
    assert link.prefix_length(interface, "127.0.0.1") == 8
    assert link.prefix_length(interface, "192.0.2.7") is None
