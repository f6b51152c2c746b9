"""Routers, name servers and leases, as each system and each program writes them, and as nobody should."""

import ipaddress
import struct
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.host import addresses, linux_addresses, macos_addresses, windows_addresses
from agent.host.addresses import Around
from agent.host.windows_addresses import Adapter

little_endian = pytest.mark.skipif(sys.byteorder != "little", reason="the samples are of little-endian machines")

ROUTES = (
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
    "wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
    "eth0\t00000000\t0200A8C0\t0003\t0\t0\t200\t00000000\t0\t0\t0\n"
    "eth0\t00000000\t0100A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
    "eth0\t0000000A\t0900A8C0\t0003\t0\t0\t0\t000000FF\t0\t0\t0\n"
    "tun0\t00000000\t0100080A\t0003\t0\t0\t0\t00000080\t0\t0\t0\n"
    "ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n"
    "broken\tzz\n"
)
ROUTES6 = (
    "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 "
    "00000400 00000003 00000000 00000003     eth0\n"
    "fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 "
    "00000100 00000001 00000000 00000001     eth0\n"
    "00 zz\n"
)


@little_endian
@pytest.mark.parametrize(
    ("interface", "router"),
    [("eth0", "192.168.0.1"), ("wlan0", "192.168.1.1"), ("tun0", None), ("ppp0", None), ("eth9", None)],
)
def test_linux_routers(interface, router) -> None:
    """The interface's own default route of least metric names the router; half the internet over a VPN does not."""
    assert linux_addresses.decode_gateway(ROUTES, interface) == router


def test_linux_ipv6_router() -> None:
    """A router's link-local address comes with the zone without which nobody can reach it."""
    assert linux_addresses.decode_gateway6(ROUTES6, "eth0") == "fe80::1%eth0"
    assert linux_addresses.decode_gateway6(ROUTES6, "wlan0") is None


def test_resolv_conf() -> None:
    """Name servers are read in order, each once; comments, options and nonsense are none."""
    text = "# nameserver 9.9.9.9\nsearch school.kz\nnameserver 192.168.0.1\nnameserver 192.168.0.1\n"
    text += "nameserver fe80::1%eth0\nnameserver dns.example\nnameserver\noptions edns0\n"
    assert linux_addresses.decode_resolvers(text) == ("192.168.0.1", "fe80::1%eth0")


def test_behind_a_stub(tmp_path, monkeypatch) -> None:
    """Where a program of this computer asks in its place, those it asks are told; where it hides them, it itself."""
    stub, behind = tmp_path / "resolv.conf", tmp_path / "real.conf"
    stub.write_text("nameserver 127.0.0.53\n")
    monkeypatch.setattr(linux_addresses, "_RESOLV", str(stub))
    monkeypatch.setattr(linux_addresses, "_BEHIND_STUB", (str(tmp_path / "none"), str(behind)))
    assert linux_addresses.resolvers() == ("127.0.0.53",)
    behind.write_text("nameserver 192.168.0.1\nnameserver 127.0.0.1\n")
    assert linux_addresses.resolvers() == ("192.168.0.1",)
    stub.write_text("nameserver 10.0.0.9\n")
    assert linux_addresses.resolvers() == ("10.0.0.9",)


def test_leases() -> None:
    """The server is found in the leases of networkd, NetworkManager and dhclient, and only this interface's."""
    networkd = "# private\nADDRESS=10.0.0.5\nSERVER_ADDRESS=10.0.0.1\n"
    assert linux_addresses.decode_pairs(networkd, "SERVER_ADDRESS") == "10.0.0.1"
    assert linux_addresses.decode_pairs("SERVER_ADDRESS=x\n", "SERVER_ADDRESS") is None
    nmcli = "DHCP4.OPTION[1]:domain_name = lan\nDHCP4.OPTION[2]:dhcp_server_identifier = 10.0.0.2\n"
    assert linux_addresses.decode_nmcli(nmcli) == "10.0.0.2"
    assert linux_addresses.decode_nmcli("Error: Device 'eth9' not found.\n") is None
    lease = 'lease {{\n  interface "{}";\n  option dhcp-server-identifier {};\n  expire never;\n}}\n'
    leases = lease.format("eth0", "10.0.0.3") + lease.format("eth0", "10.0.0.4") + lease.format("wlan0", "10.0.0.9")
    assert linux_addresses.decode_dhclient(leases, "eth0") == "10.0.0.4"
    assert linux_addresses.decode_dhclient(leases, "eth1") is None


def test_a_lease_that_may_not_be_read(monkeypatch) -> None:
    """A lease that only the administrator may read is told as denied, with what to change."""

    def refuse(*_wanted: object) -> str:
        raise PermissionError(13, "Permission denied", "/run/lease")

    if sys.platform != "linux":
        pytest.skip("Linux's files")
    monkeypatch.setattr(linux_addresses, "lease_server", refuse)
    monkeypatch.setattr(linux_addresses, "resolvers", refuse)
    told = addresses.around("eth0")
    assert [denied.what for denied in told.denied] == ["dhcp_server", "resolvers"]
    assert "administrator" in told.denied[0].setting
    assert "/run/lease" in told.denied[1].setting


MACOS_DNS = """\
DNS configuration

resolver #1
  nameserver[0] : 192.168.1.1
  if_index : 4 (en0)
  flags    : Request A records

resolver #2
  domain   : local
  options  : mdns

DNS configuration (for scoped queries)

resolver #1
  nameserver[0] : 192.168.1.1
  nameserver[1] : fe80::1%en0
  if_index : 4 (en0)

resolver #2
  nameserver[0] : 10.8.0.1
  if_index : 16 (utun3)
"""


def test_macos() -> None:
    """Apple's commands tell the same things in words of their own."""
    assert macos_addresses.decode_resolvers(MACOS_DNS, "en0") == ("192.168.1.1", "fe80::1%en0")
    assert macos_addresses.decode_resolvers(MACOS_DNS, "utun3") == ("10.8.0.1",)
    assert macos_addresses.decode_resolvers(MACOS_DNS, "en9") == ("192.168.1.1",)
    assert macos_addresses.decode_resolvers("No DNS configuration available\n", "en0") == ()
    route = "   route to: default\ndestination: default\n       mask: default\n    gateway: {}\n  interface: en0\n"
    assert macos_addresses.decode_gateway(route.format("192.168.1.1")) == "192.168.1.1"
    assert macos_addresses.decode_gateway(route.format("link#16")) is None
    packet = (
        "op = BOOTREPLY\nsiaddr = 0.0.0.0\noptions:\nserver_identifier (ip): 192.168.1.1\nlease_time (uint32): 0x1\n"
    )
    assert macos_addresses.decode_lease_server(packet) == "192.168.1.1"
    assert macos_addresses.decode_lease_server("") is None


BASE = 0x1_2345_0000
# What iptypes.h puts where, with pointers of 8 and of 4 bytes.
PLACES = {
    8: {"size": 448, "resolvers": 48, "alias": 72, "gateways": 208, "dhcp": 232},
    4: {"size": 376, "resolvers": 28, "alias": 40, "gateways": 164, "dhcp": 184},
}


class Block:
    """A block of IP_ADAPTER_ADDRESSES as Windows lays it out."""

    def __init__(self, pointer_bytes: int, base: int) -> None:
        self.raw = bytearray()
        self._places, self._base = PLACES[pointer_bytes], base
        self._pointer = "<Q" if pointer_bytes == 8 else "<I"
        self._width = pointer_bytes

    def room(self, data: bytes) -> int:
        self.raw += bytes(-len(self.raw) % 8)
        self.raw += data
        return len(self.raw) - len(data)

    def lead(self, at: int, target: int) -> None:
        struct.pack_into(self._pointer, self.raw, at, self._base + target)

    def sockaddr(self, address: str) -> tuple[int, int]:
        text, _, zone = address.partition("%")
        packed = ipaddress.ip_address(text).packed
        if len(packed) == 4:
            return self.room(struct.pack("<HH4s8x", 2, 0, packed)), 16
        return self.room(struct.pack("<HHI16sI", 23, 0, 0, packed, int(zone or 0))), 28

    def adapter(self, alias: str, index: int, gateways: list[str], resolvers: list[str], dhcp: str | None) -> int:
        at = self.room(struct.pack("<II", self._places["size"], index).ljust(self._places["size"], b"\0"))
        self.lead(at + self._places["alias"], self.room((alias + "\0").encode("utf-16-le")))
        for field, listed in (("gateways", gateways), ("resolvers", resolvers)):
            before = at + self._places[field]
            for address in listed:
                place, size = self.sockaddr(address)
                entry = self.room(struct.pack("<II", 0, 0).ljust(8 + 3 * self._width, b"\0"))
                self.lead(entry + 8 + self._width, place)
                struct.pack_into("<i", self.raw, entry + 8 + 2 * self._width, size)
                self.lead(before, entry)
                before = entry + 8
        if dhcp is not None:
            self.lead(at + self._places["dhcp"], self.sockaddr(dhcp)[0])
        return at


@pytest.mark.parametrize(("pointer_bytes", "base"), [(8, BASE), (4, 0x2345_0000)])
def test_windows_adapters(pointer_bytes, base) -> None:
    """Two adapters of a block are read by 64 and by 32 bits; Cyrillic names, zones and placeholders as they are."""
    block = Block(pointer_bytes, base)
    first = block.adapter(
        "Ethernet", 12, ["192.168.0.1", "fe80::1%12"], ["192.168.0.1", "fec0:0:0:ffff::1", "8.8.8.8"], "192.168.0.2"
    )
    second = block.adapter("Беспроводная сеть", 7, [], ["10.0.0.1"], None)
    block.lead(first + 8, second)
    assert windows_addresses.decode(bytes(block.raw), base, pointer_bytes) == (
        Adapter(
            index=12, alias="Ethernet", gateways=("192.168.0.1", "fe80::1%12"), resolvers=("192.168.0.1", "8.8.8.8"),
            dhcp_server="192.168.0.2",
        ),
        Adapter(index=7, alias="Беспроводная сеть", gateways=(), resolvers=("10.0.0.1",), dhcp_server=None),
    )  # fmt: skip


def test_windows_loops_and_wild_pointers() -> None:
    """A list that leads back into itself ends, and a pointer that leaves the block is none."""
    block = Block(8, BASE)
    at = block.adapter("Ethernet", 1, ["192.168.0.1"], [], None)
    block.lead(at + 8, at)
    looped = windows_addresses.decode(bytes(block.raw), BASE)
    assert 1 < len(looped) < 1000
    struct.pack_into("<3Q", block.raw, at + 208, 5, 0, 2**64 - 1)
    struct.pack_into("<Q", block.raw, at + 8, BASE + len(block.raw) - 8)
    assert windows_addresses.decode(bytes(block.raw), BASE) == (
        Adapter(index=1, alias="Ethernet", gateways=(), resolvers=(), dhcp_server=None),
    )


@given(st.binary(max_size=600), st.sampled_from([4, 8]), st.integers(0, 600))
def test_windows_any_bytes(block, pointer_bytes, base) -> None:
    """Whatever stands in the block is read or refused; nothing raises."""
    windows_addresses.decode(block, base, pointer_bytes)


def test_what_is_no_host() -> None:
    """A router that is a group, everybody or this computer itself is none; a resolver may be this computer."""
    nobody = ("224.0.0.1", "255.255.255.255", "0.0.0.0", "127.0.0.1", "ff02::1%3", "x" * 100)  # noqa: S104 - not bound
    told = addresses.of_adapter(
        Adapter(index=1, alias="a", gateways=(*nobody, "10.0.0.1", "fe80::1%3"), resolvers=(*nobody, "10.0.0.2"),
                dhcp_server="255.255.255.255")
    )  # fmt: skip
    assert told == Around(gateway="10.0.0.1", gateway6="fe80::1%3", resolvers=("127.0.0.1", "10.0.0.2"))
    assert addresses.of_adapter(None) == Around()
    many = Adapter(index=1, alias="a", gateways=(), resolvers=tuple(f"10.0.0.{n}" for n in range(99)), dhcp_server=None)
    assert len(addresses.of_adapter(many).resolvers) == 16


def test_this_computer() -> None:
    """The computer that runs this answers, and an interface that is not there has no router."""
    assert isinstance(addresses.around("lo"), Around)
    assert addresses.gateway("no such interface") is None
