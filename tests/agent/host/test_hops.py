"""The first routers: what is made of replies, and what the error queue says; the way itself is walked in namespaces."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract.lan import Hop
from agent.host import error_queue, hops
from agent.host.hops import Reply


def reply(ttl: int, address: str, rtt_ms: float, *, is_last: bool = False) -> Reply:
    return Reply(ttl=ttl, address=address, rtt_s=rtt_ms / 1000, is_last=is_last)


def test_a_walk() -> None:
    """Each hop is who answered most, with the median; a silent one is null, and nothing follows the last."""
    replies = [
        reply(1, "192.168.0.1", 1), reply(1, "192.168.0.1", 3), reply(1, "192.168.0.2", 9),
        reply(3, "203.0.113.1", 8, is_last=True), reply(4, "203.0.113.1", 8, is_last=True),
    ]  # fmt: skip
    assert hops.summarise(replies, 6) == (
        Hop(ttl=1, address="192.168.0.1", private=True, rtt_ms=2),
        Hop(ttl=2),
        Hop(ttl=3, address="203.0.113.1", private=False, rtt_ms=8),
    )
    assert len(hops.summarise([], 6)) == 6


def test_no_way() -> None:
    """Where there is no way, or no address, there are no hops."""
    assert hops.walk("no address") == ()


def error(origin: int, kind: int, code: int, offender: bytes) -> bytes:
    return struct.pack("=IBBBBII", 113, origin, kind, code, 0, 0, 0) + offender


IPV4 = struct.pack("<HH4s8x", 2, 0, bytes([192, 168, 0, 1]))
IPV6 = struct.pack("<HHI16sI", 10, 0, 0, bytes.fromhex("fe80" + "00" * 13 + "01"), 3)


@pytest.mark.parametrize(
    ("data", "expired", "arrived"),
    [
        (error(2, 11, 0, IPV4), True, False),
        (error(2, 3, 3, IPV4), False, True),
        (error(2, 3, 1, IPV4), False, False),
        (error(3, 3, 0, IPV6), True, False),
        (error(3, 1, 4, IPV6), False, False),
    ],
)
def test_what_was_said(data, expired, arrived) -> None:
    """A router whose time was over, one without a way, and the far end itself are told apart."""
    heard = error_queue.decode(data, "192.168.0.1", 0.01)
    assert (heard.expired, heard.arrived) == (expired, arrived)


def test_what_nobody_said() -> None:
    """This computer's own errors and cut-off ones are no answers."""
    for data in (error(1, 0, 0, IPV4), error(2, 11, 0, b""), error(3, 3, 0, IPV4), b""):
        assert error_queue.decode(data, "192.168.0.1", 0.01) is None


@given(st.binary(max_size=64))
def test_anything_said(data) -> None:
    """Whatever stands in the queue is read or refused; nothing raises."""
    error_queue.decode(data, "192.168.0.1", 0.01)
