"""Frames of switches, DHCP servers and ARP: generated ones, real ones, truncated and hostile ones."""

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract.lan import SwitchPort
from agent.host.neighbours import Neighbour
from agent.probes import _lan_frames as frames
from agent.probes._lan_frames import Offer

HOST, ROUTER = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
EVERYBODY = b"\xff" * 6


def part(kind: int, value: bytes) -> bytes:
    """Return a part of an LLDPDU."""
    return (kind << 9 | len(value)).to_bytes(2, "big") + value


FIRST = part(1, b"\x04" + ROUTER) + part(2, b"\x05Gi0/7") + part(3, b"\0\x78")
LLDP = (
    frames.LLDP_GROUPS[0]
    + ROUTER
    + b"\x88\xcc"
    + FIRST
    + part(4, b"Uplink")
    + part(5, "Коммутатор 2".encode())
    + part(6, b"Maker OS\r\n version 1")
    + part(7, b"\0\x14\0\x04")
    + part(0, b"")
)


def cdp(*parts: tuple[int, bytes], lives: int = 180) -> bytes:
    """Return a CDP frame."""
    body = b"".join(kind.to_bytes(2, "big") + (len(value) + 4).to_bytes(2, "big") + value for kind, value in parts)
    message = bytes.fromhex("aaaa0300000c2000") + bytes([2, lives, 0, 0]) + body
    return frames.CDP_GROUP + ROUTER + len(message).to_bytes(2, "big") + message


CDP = cdp((1, b"S1"), (3, b"FastEthernet0/13"), (4, b"\0\0\0\x28"), (6, b"cisco X"))


def dhcp(kind: int = 2, *, options: bytes | None = None, op: int = 2, source_port: int = 67) -> bytes:
    """Return the answer of a DHCP server."""
    server, router = ipaddress.IPv4Address("192.168.1.5").packed, ipaddress.IPv4Address("192.168.1.254").packed
    usual = bytes([53, 1, kind, 54, 4]) + server + b"\0" + bytes([3, 4]) + router + b"\xff"
    message = bytes([op, 1, 6, 0]) + b"\0\0\0\x09" + bytes(228) + b"\x63\x82\x53\x63" + (options or usual)
    udp = source_port.to_bytes(2, "big") + b"\0\x44" + (8 + len(message)).to_bytes(2, "big") + b"\0\0" + message
    ip = b"\x45\0" + (20 + len(udp)).to_bytes(2, "big") + bytes(5) + b"\x11\0\0" + server + b"\xff" * 4
    return EVERYBODY + ROUTER + b"\x08\0" + ip + udp


def arp(mac: bytes, address: str, operation: int = 2) -> bytes:
    """Return an ARP packet of whoever has this address."""
    body = bytes.fromhex("0001080006040000")[:6] + operation.to_bytes(2, "big")
    return EVERYBODY + mac + b"\x08\x06" + body + mac + ipaddress.IPv4Address(address).packed + bytes(10)


def test_a_switch_by_lldp() -> None:
    """The switch's name, port and description are read, in any script, on one line."""
    told = SwitchPort(protocol="lldp", system="Коммутатор 2", port="Gi0/7", description="Maker OS version 1")
    assert frames.switch_port(LLDP) == told
    assert frames.switch_port(LLDP[:12] + b"\x81\0\0\x05" + LLDP[12:]) == told


def test_a_port_named_by_a_number_only() -> None:
    """Where the port's identifier is a MAC address its description names it."""
    by_mac = LLDP.replace(part(2, b"\x05Gi0/7"), part(2, b"\x03" + ROUTER))
    assert frames.switch_port(by_mac).port == "Uplink"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (part(7, b"\0\x14\0\x04"), part(7, b"\0\x80\0\x80")),
        (part(3, b"\0\x78"), part(3, b"\0\0")),
        (part(3, b"\0\x78"), part(3, b"")),
        (part(1, b"\x04" + ROUTER), b""),
    ],
    ids=["a computer", "a farewell", "no time to live", "no chassis"],
)
def test_what_is_no_switch(old: bytes, new: bytes) -> None:
    """Computers that speak LLDP, switches that say farewell, and frames without what they must have are left out."""
    assert old in LLDP
    assert frames.switch_port(LLDP.replace(old, new)) is None


def test_a_switch_by_cdp() -> None:
    """The same by CDP; phones and farewells are left out."""
    assert frames.switch_port(CDP) == SwitchPort(
        protocol="cdp", system="S1", port="FastEthernet0/13", description="cisco X"
    )
    assert frames.switch_port(CDP + bytes(20)) == frames.switch_port(CDP)  # padding
    assert frames.switch_port(cdp((1, b"SEP1"), (4, b"\0\0\0\x90"))) is None
    assert frames.switch_port(cdp((1, b"S1"), (4, b"\0\0\0\x28"), lives=0)) is None
    assert frames.switch_port(cdp((3, b"Fa0/1"), (4, b"\0\0\0\x28"))) is None


@pytest.mark.parametrize("frame", [LLDP, CDP], ids=["lldp", "cdp"])
def test_truncated_frames_are_dropped(frame: bytes) -> None:
    """A frame that ends too early is no frame, wherever it ends."""
    assert [frames.switch_port(frame[:end]) for end in range(len(frame))] == [None] * len(frame)


def test_a_part_that_reaches_beyond() -> None:
    """Lengths past the end, and of less than a part's head, drop the frame."""
    assert frames.switch_port(LLDP[:14] + FIRST + b"\x0b\xff") is None
    head = CDP[:26]
    assert frames.switch_port(head + b"\0\1\0\3x" + bytes(60)) is None
    assert frames.switch_port(head + b"\0\1\xff\xff" + bytes(60)) is None


def test_hostile_text_is_bounded() -> None:
    """Names are cut to what a report takes, and hold no control characters."""
    long = LLDP.replace(part(5, "Коммутатор 2".encode()), part(5, b"\x1b[31m\0" + b"\xff" * 400))
    told = frames.switch_port(long)
    assert len(told.system) <= 128
    assert told.system.isprintable()


def test_a_server_is_not_the_router() -> None:
    """Who hands out addresses is read from its own option; that it is not the router is usual."""
    assert frames.offer(dhcp()) == Offer("192.168.1.5", 9, "192.168.1.254")
    assert frames.offer(dhcp(5)) is not None
    assert frames.offer(dhcp(6)) is not None


@pytest.mark.parametrize(
    "frame",
    [
        dhcp(1),
        dhcp(op=1),
        dhcp(source_port=53),
        dhcp(options=b"\x35\x01\x02\xff"),
        dhcp(options=b"\x35\x01\x02\x36\x04\0\0\0\0\xff"),
        dhcp(options=b"\x35\x01\x02\x36\x04\xe0\0\0\1\xff"),
        dhcp(options=b"\x35\x01\x02\x36\x04\1"),
        dhcp(options=b"\x35\0\x36"),
        dhcp()[:200],
        dhcp()[:-1],
        LLDP,
    ],
)
def test_what_is_no_offer(frame: bytes) -> None:
    """Questions, other ports, servers without an address of a host, and what breaks off are no offers."""
    assert frames.offer(frame) is None


def test_who_has_an_address() -> None:
    """Whoever asks or answers says which address is its own; one that only tries an address has none yet."""
    assert frames.owner(arp(HOST, "10.0.0.7")) == Neighbour("10.0.0.7", "02:00:00:00:00:01")
    assert frames.owner(arp(HOST, "10.0.0.7", 1)) is not None
    assert frames.owner(arp(HOST, "0.0.0.0", 1)) is None  # noqa: S104 - RFC 5227: a probe
    assert frames.owner(arp(EVERYBODY, "10.0.0.7")) is None
    assert frames.owner(arp(bytes(6), "10.0.0.7")) is None
    assert frames.owner(arp(HOST, "10.0.0.7")[:41]) is None


@given(st.binary(max_size=120))
def test_any_bytes_are_read_or_not(tail: bytes) -> None:
    """Whatever comes off the wire, nothing raises."""
    for head in (b"", LLDP[:14], CDP[:22], dhcp()[:34], dhcp()[:282], arp(HOST, "10.0.0.7")[:14]):
        for read in (frames.switch_port, frames.offer, frames.owner, frames.is_to_many):
            read(head + tail)


def read_sample(file: Path) -> list[bytes]:
    """Return the frames of a real capture."""
    from scapy.utils import RawPcapReader

    with RawPcapReader(str(file)) as reader:
        return [frame for frame, _about in reader]


def test_real_switches(shared_samples: Path) -> None:
    """Eight LLDP and four CDP frames of two switches, one of them S1.cisco.com with its port Fa0/13."""
    told = [
        port
        for frame in read_sample(shared_samples / "lan" / "lldp-cdp.pcap")
        if (port := frames.switch_port(frame)) is not None
    ]
    assert [sum(port.protocol == each for port in told) for each in ("lldp", "cdp")] == [8, 4]
    assert {("S1.cisco.com", "Fa0/13"), ("S1", "FastEthernet0/13")} <= {(port.system, port.port) for port in told}


def test_a_real_server_that_is_not_the_router(shared_samples: Path) -> None:
    """One server answers, which is not the router; nobody else does."""
    captured = read_sample(shared_samples / "lan" / "dhcp-server-is-not-router.pcapng")
    told = [offer for frame in captured if (offer := frames.offer(frame))]
    assert {(offer.server, offer.router) for offer in told} == {("192.168.1.5", "192.168.1.254")}
