"""What an IP address says of where it leads."""

import pytest

from agent.contract.values import in_private_network, is_address, stays_inside

_PRIVATE = (
    "10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255", "fc00::",
    "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
)  # fmt: skip
_INSIDE = (
    "127.0.0.0", "127.255.255.255", "::1", "169.254.0.0", "169.254.255.255", "fe80::1", "febf::1", "fe80::1%eth0",
    "fd00::1%eth0", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "0.0.0.0", "0.255.255.255", "::", "192.0.0.0",  # noqa: S104
    "192.0.0.7", "192.0.0.170", "192.0.2.1", "198.18.0.0", "198.19.255.255", "198.51.100.1", "203.0.113.255",
    "240.0.0.0", "255.255.255.255", "100::1", "2001:2::1", "2001:db8::1",
)  # fmt: skip
_BEYOND = (
    "9.255.255.255", "11.0.0.0", "126.255.255.255", "128.0.0.0", "100.64.0.0", "100.127.255.255", "169.253.255.255",
    "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "192.0.1.0", "198.17.255.255", "198.20.0.0",
    "203.0.114.0", "224.0.0.251", "239.255.255.250", "::ffff:8.8.8.8", "::ffff:100.64.0.1", "2a00:1450::1",
    "2001:200::1", "fec0::1", "ff02::fb", "ff02::fb%eth0",
)  # fmt: skip
_NONE = (
    "", " ", "localhost", "school.example", "10.0.0", "10.0.0.256", "10.0.0.1%eth0", "010.0.0.1", "10.0.0.1:80",
    "[::1]", "fd00::1%", "167772161",
)  # fmt: skip


@pytest.mark.parametrize("address", _PRIVATE)
def test_private_networks(address: str) -> None:
    """The first and the last address of each private network are one's, and what is sent to them stays inside."""
    assert is_address(address)
    assert in_private_network(address)
    assert stays_inside(address)


@pytest.mark.parametrize("address", _INSIDE)
def test_what_else_stays_inside(address: str) -> None:
    """This computer, its links and what the internet does not carry are inside, but no addresses for others to call."""
    assert is_address(address)
    assert not in_private_network(address)
    assert stays_inside(address)


@pytest.mark.parametrize("address", _BEYOND)
def test_what_leads_out(address: str) -> None:
    """Public addresses, groups, and those that operators share lead out of the school, however they are written."""
    assert is_address(address)
    assert not in_private_network(address)
    assert not stays_inside(address)


@pytest.mark.parametrize("word", _NONE)
def test_what_is_no_address(word: str) -> None:
    """What is no IP address alone is nowhere; nothing raises."""
    assert not is_address(word)
    assert not in_private_network(word)
    assert not stays_inside(word)
