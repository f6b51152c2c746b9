"""Counters: their lines and layers as captured or described, and loopback's own, read for real."""

import socket
import sys

import pytest

from agent.host import counters, link
from agent.host.counters import Counters, FrameHeader, frame_header
from agent.host.link import RawLink

LOOPBACK = next(name for _, name in socket.if_nameindex() if name.startswith("lo"))
ETHERNET, TUN, PPP, LO = 1, 65_534, 512, 772


def raw(hardware: int | None, uevent: str = "", platform: str = "linux", interface: str = "x") -> RawLink:
    return RawLink(
        interface=interface,
        platform=platform,
        flags="up",
        speed_mbps=0,
        mtu_bytes=1500,
        sysfs={"uevent": uevent},
        hardware_type=hardware,
    )


def test_a_line_of_proc() -> None:
    """Bytes and packets of both directions are read from their columns; another line is none."""
    line = (
        b"  3625893728   91387    0    0    0     0          0         0  5375369   48857    0    0    0     0   0    0"
    )
    assert counters.decode_line(line) == Counters(3_625_893_728, 5_375_369, 91_387, 48_857)
    assert counters.decode_line(b" 1 2 3") is None
    assert counters.decode_line(line.replace(b"91387", b"-1387")) is None


def test_loopback_is_counted() -> None:
    """A datagram over loopback raises its counters by the bare packet: 20 + 8 bytes beyond the payload, no frame."""
    read = counters.reader(LOOPBACK)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        sink.bind(("127.0.0.1", 0))
        before = read()
        for _ in range(100):
            sock.sendto(b"x" * 10_000, sink.getsockname())
        step = counters.step(before, read())
    assert step.rx_packets >= 100
    assert step.rx_bytes >= 100 * 10_028
    assert step.tx_bytes >= 100 * 10_028


def test_an_interface_that_is_not_there() -> None:
    """There is no reader for an interface that is not there, and a part of a name is not its name."""
    assert counters.reader("gone0") is None
    assert counters.reader("") is None
    assert counters.reader(LOOPBACK[:-1] or "l") is None
    assert counters.reader(".*") is None


@pytest.mark.parametrize(
    ("before", "after", "passed"),
    [
        (5, 9, 4),
        (2**32 - 10, 20, 30),
        (2**32 + 10, 20, None),
        (3 * 10**9, 20, None),
        (1000, 0, None),
    ],
)
def test_a_step(before, after, passed) -> None:
    """A step back is the start of a 32-bit counter again, or a reset, and then nothing is known."""
    found = counters.step(Counters(before, 0, 1, 1), Counters(after, 0, 1, 1))
    assert found == (None if passed is None else Counters(passed, 0, 0, 0))


def test_payload() -> None:
    """Single segments, one big packet of many and bare acknowledgements all give the payload that was in them."""
    assert counters.payload_bytes(10 * 1514, 10, 66) == 10 * 1448
    assert counters.payload_bytes(66 + 10 * 1448, 1, 66) == 10 * 1448
    assert counters.payload_bytes(10 * 66, 10, 66) == 0
    assert counters.payload_bytes(60, 1, 66) == 0


@pytest.mark.parametrize(
    ("told", "header"),
    [
        (raw(ETHERNET), FrameHeader(14, 14)),
        (raw(ETHERNET, "DEVTYPE=wlan\nINTERFACE=wlan0"), FrameHeader(14, 14)),
        (raw(ETHERNET, "DEVTYPE=bridge\nINTERFACE=br0"), FrameHeader(0, 14)),
        (raw(ETHERNET, "DEVTYPE=vlan\nINTERFACE=eth0.5"), FrameHeader(0, 14)),
        (raw(TUN), FrameHeader(0, 0)),
        (raw(TUN, "DEVTYPE=wireguard\nINTERFACE=wg0"), FrameHeader(32, 16)),
        (raw(PPP), FrameHeader(0, 0)),
        (raw(LO), FrameHeader(0, 0)),
        (raw(None), None),
        (raw(None, platform="win32"), FrameHeader(14, 14)),
        (raw(None, platform="darwin", interface="en0"), FrameHeader(14, 14)),
        (raw(None, platform="darwin", interface="utun3"), FrameHeader(0, 0)),
    ],
)
def test_the_layer(told, header) -> None:
    """Each kind of interface counts at its layer."""
    assert frame_header(told) == header


@pytest.mark.skipif(sys.platform != "linux", reason="sysfs and ioctl are Linux's")
def test_the_hardware_type() -> None:
    """The type that the kernel tells a program is the one in its files."""
    for _, name in socket.if_nameindex():
        told = link.fetch(name)
        assert told.sysfs is None or str(told.hardware_type) == told.sysfs["type"]
    assert frame_header(link.fetch(LOOPBACK)) == FrameHeader(0, 0)
