"""Echo packets: known bytes, what comes back whole, cut off, quoted and hostile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.host import icmp
from agent.host.icmp import Answered, Refused

IPV4 = bytes.fromhex("4500003c1c4640004001b1e6c0a80001c0a80002")


def test_a_known_request() -> None:
    """The bytes and the checksum are those of RFC 792 and RFC 1071; IPv6's checksum is left to the system."""
    assert icmp.request(4, 0x1234, 1, b"abc").hex() == "0800216812340001616263"
    assert icmp.request(6, 0x1234, 65_537, b"abc").hex() == "8000000012340001616263"


@pytest.mark.parametrize(("version", "kind"), [(4, 0), (6, 129)])
def test_an_answer(version, kind) -> None:
    """An answer is read with and without an IPv4 header before it."""
    answer = bytes([kind, 0, 0, 0, 0, 7, 0, 9]) + b"payload"
    assert icmp.decode(answer, version) == Answered(7, 9, b"payload")
    if version == 4:
        assert icmp.decode(IPV4 + answer, 4) == Answered(7, 9, b"payload")


@pytest.mark.parametrize(("version", "kinds"), [(4, (11, 3)), (6, (3, 1))])
def test_what_a_router_says(version, kinds) -> None:
    """Of an echo that went no further the quoted numbers are read; a quotation of something else is nothing."""
    header = IPV4 if version == 4 else bytes(40)
    quoted = header + icmp.request(version, 7, 9, b"")
    for kind, expired in zip(kinds, (True, False), strict=True):
        assert icmp.decode(bytes([kind]) + bytes(7) + quoted, version) == Refused(7, 9, expired=expired)
        assert icmp.decode(bytes([kind]) + bytes(7) + header + bytes(8), version) is None
        assert icmp.decode(bytes([kind]) + bytes(7) + quoted[:-4], version) is None


@given(st.binary(max_size=100), st.sampled_from([4, 6]))
def test_any_bytes(packet, version) -> None:
    """Whatever arrives is read or refused; nothing raises."""
    icmp.decode(packet, version)


@pytest.mark.parametrize(
    ("address", "inside"),
    [("192.168.1.1", True), ("10.0.0.1", True), ("172.31.0.1", True), ("172.32.0.1", False), ("100.64.0.1", False),
     ("203.0.113.9", False), ("fd00::1", True), ("fe80::1%eth0", True), ("2001:db8::1", False), ("router", False)],
)  # fmt: skip
def test_what_is_inside(address, inside) -> None:
    """Private networks are inside; an operator's shared addresses, public ones and nonsense are not."""
    assert icmp.is_inside(address) is inside
