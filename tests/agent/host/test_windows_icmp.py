"""Windows' echo structures, written here by ipexport.h and read by ours."""

import struct
import sys

import pytest

from agent.host import windows_icmp
from agent.host.windows_icmp import Reply


def test_options() -> None:
    """The time to live and "do not cut" stand where both layouts have them."""
    assert windows_icmp.options(3, whole=True) == bytes([3, 0, 2, 0]) + bytes(12)
    assert windows_icmp.options(128, whole=False)[2] == 0


def test_a_reply() -> None:
    """Address, status and time are read; a cut-off reply is none."""
    raw = struct.pack("<4sIIHHQ", bytes([192, 168, 1, 1]), 11_013, 2, 8, 0, 0)
    assert windows_icmp.decode(raw) == Reply(address="192.168.1.1", status=windows_icmp.EXPIRED, rtt_ms=2)
    assert windows_icmp.decode(raw[:15]) is None


@pytest.mark.parametrize(("waited_s", "rtt_s"), [(0.0023, 0.0023), (0.009, 0.003), (0.001, 0.002)])
def test_the_round_trip(waited_s, rtt_s) -> None:
    """Our own clock tells the part of a millisecond that Windows leaves out, and nothing more."""
    assert windows_icmp.round_trip(Reply(address="::", status=0, rtt_ms=2), waited_s) == rtt_s


@pytest.mark.skipif(sys.platform == "win32", reason="what the other systems answer")
def test_other_systems() -> None:
    """Elsewhere the call is refused as the system would refuse it."""
    with pytest.raises(OSError, match="Windows"):
        windows_icmp.echo("127.0.0.1", b"x")
