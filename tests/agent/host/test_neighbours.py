"""Neighbours as the systems list them, the addresses that are asked, and what may leave the school."""

import hashlib
import hmac
import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.host import neighbours, windows_neighbours
from agent.host.neighbours import Neighbour

ARP = """\
IP address       HW type     Flags       HW address            Mask     Device
192.168.0.1      0x1         0x2         AA:bb:cc:dd:ee:01     *        eth0
192.168.0.7      0x1         0x0         00:00:00:00:00:00     *        eth0
192.168.0.8      0x1         0x6         aa:bb:cc:dd:ee:08     *        eth0
10.0.0.1         0x1         0x2         aa:bb:cc:dd:ee:09     *        wlan0
224.0.0.1        0x1         0x2         01:00:5e:00:00:01     *        eth0
192.168.0.9      0x1         0x2         nonsense              *        eth0
short
"""
MACOS = """\
? (192.168.0.1) at a:bb:c:dd:ee:1 on en0 ifscope [ethernet]
? (192.168.0.9) at (incomplete) on en0 ifscope [ethernet]
? (10.0.0.1) at aa:bb:cc:dd:ee:9 on en1 ifscope [ethernet]
? (192.168.0.255) at ff:ff:ff:ff:ff:ff on en0 ifscope [ethernet]
"""


def test_linux() -> None:
    """Only those of the interface who answered are neighbours; groups and broken lines are none."""
    assert neighbours.decode_linux(ARP, "eth0") == (
        Neighbour("192.168.0.1", "aa:bb:cc:dd:ee:01"),
        Neighbour("192.168.0.8", "aa:bb:cc:dd:ee:08"),
    )


def test_macos() -> None:
    """Apple leaves out leading zeros; who did not answer and everybody are no neighbours."""
    assert neighbours.decode_macos(MACOS, "en0") == (Neighbour("192.168.0.1", "0a:bb:0c:dd:ee:01"),)


def row(address: str, index: int, state: int = 5, length: int = 6) -> bytes:
    raw = bytearray(88)
    struct.pack_into("<HH4s", raw, 0, 2, 0, ipaddress.IPv4Address(address).packed)
    struct.pack_into("<I", raw, 28, index)
    raw[40:46] = bytes.fromhex("aabbccddee01")
    struct.pack_into("<II", raw, 72, length, state)
    return bytes(raw)


def test_windows() -> None:
    """Rows of MIB_IPNET_ROW2 are read; incomplete and unreachable ones, and those of other interfaces, are left out."""
    rows = [row("192.168.0.1", 12), row("192.168.0.2", 12, 0), row("192.168.0.3", 12, 1), row("192.168.0.4", 7)]
    raw = struct.pack("<Q", 4) + b"".join(rows) + row("192.168.0.5", 12, length=0) + bytes(40)
    assert windows_neighbours.decode(raw, 12) == [("192.168.0.1", "aa:bb:cc:dd:ee:01")]
    assert [address for address, _ in windows_neighbours.decode(raw, None)] == ["192.168.0.1", "192.168.0.4"]


@given(st.text(max_size=200), st.binary(max_size=200))
def test_anything(text, raw) -> None:
    """Whatever the system writes is read or refused; nothing raises."""
    neighbours.decode_linux("head\n" + text, "eth0")
    neighbours.decode_macos(text, "en0")
    windows_neighbours.decode(raw, None)


@pytest.mark.parametrize(
    ("source", "prefix", "count"),
    [("192.168.0.9", 24, 253), ("192.168.0.9", 23, 509), ("192.168.0.9", 22, 0), ("10.0.0.9", 8, 0),
     ("10.0.0.1", 30, 1), ("10.0.0.1", 32, 0), ("8.8.8.8", 24, 0), ("fe80::1", 64, 0), ("x", 24, 0)],
)  # fmt: skip
def test_who_is_asked(source, prefix, count) -> None:
    """All others of a network up to a /23 are asked; nobody of a larger, a public or no network."""
    asked = neighbours.addresses(source, prefix)
    assert len(asked) == count
    assert source not in asked


def test_a_digest() -> None:
    """What leaves the school is a keyed hash, the same for each way to write the address, and of 16 digits."""
    expected = hmac.new(b"key", bytes.fromhex("aabbccddee01"), hashlib.sha256).hexdigest()[:16]
    assert neighbours.digest("aa:bb:cc:dd:ee:01", b"key") == expected
    assert neighbours.digest("aa:bb:cc:dd:ee:01", b"other") != expected


def test_conflicts() -> None:
    """Two MAC addresses that had one IP address are told; a second look at the same is none."""
    one, same, other = Neighbour("10.0.0.1", "a"), Neighbour("10.0.0.1", "a"), Neighbour("10.0.0.1", "b")
    assert neighbours.conflicts((one,), (same, Neighbour("10.0.0.2", "b"))) == ()
    assert neighbours.conflicts((one,), (other,)) == ("a", "b")
