"""One interface's counters, read so cheaply that every tick of a test can: about 10 us on Linux.

What the counters mean is decoded by pure functions: the layer they count at, a counter's step, the payload in it.
"""

import os
import re
import sys
from collections.abc import Callable

import psutil
from msgspec import Struct

from agent.host import ip_helper
from agent.host.link import RawLink

_PROC = "/proc/net/dev"
_CHUNK_BYTES = 65_536  # the kernel gives whole lines, about a page of them for each read
_ETHERNET_HEADER_BYTES = 14  # IEEE 802.3: two addresses and the type
_WRAP = 2**32
_BIGGEST_STEP = 2**30  # in one step of a 32-bit counter, whichever way it went


class Counters(Struct, frozen=True, gc=False):
    """What one interface has received and sent since some time in the past."""

    rx_bytes: int
    tx_bytes: int
    rx_packets: int
    tx_packets: int


class FrameHeader(Struct, frozen=True):
    """The bytes that an interface counts for each packet beyond the packet itself."""

    rx_bytes: int
    tx_bytes: int


if sys.platform == "linux":

    class _Proc:
        """Reads ``/proc/net/dev``, kept open; it stays with the network namespace it was opened in, as /sys does not.

        The file is closed when the reader is forgotten.
        """

        def __init__(self, interface: str) -> None:
            name = re.escape(interface.encode("utf-8", "surrogateescape"))
            self._line = re.compile(rb"^ *" + name + rb":(.*)$", re.MULTILINE)
            self._file = os.open(_PROC, os.O_RDONLY)

        def __del__(self) -> None:
            if hasattr(self, "_file"):
                os.close(self._file)

        def read(self) -> Counters | None:
            offset = 0
            while chunk := os.pread(self._file, _CHUNK_BYTES, offset):
                if line := self._line.search(chunk):
                    return decode_line(line[1])
                offset += len(chunk)
            return None


def reader(interface: str) -> Callable[[], Counters | None] | None:
    """Return a function that reads the interface's counters, None once it is gone; None where it is not there now."""
    if sys.platform == "linux":
        try:
            read: Callable[[], Counters | None] = _Proc(interface).read
        except OSError:
            return None
    elif sys.platform == "win32" and ip_helper.fetch_row(interface) is not None:
        read = _from_ip_helper(interface)
    else:
        read = _from_psutil(interface)
    return None if read() is None else read


def _from_psutil(interface: str) -> Callable[[], Counters | None]:
    def read() -> Counters | None:
        told = psutil.net_io_counters(pernic=True, nowrap=False).get(interface)
        return (
            None if told is None else Counters(told.bytes_recv, told.bytes_sent, told.packets_recv, told.packets_sent)
        )

    return read


def _from_ip_helper(interface: str) -> Callable[[], Counters | None]:
    """Ask for the one adapter; psutil would ask Windows for all of them first."""

    def read() -> Counters | None:
        row = ip_helper.fetch_row(interface)
        return None if row is None else Counters(row.rx_bytes, row.tx_bytes, row.rx_packets, row.tx_packets)

    return read


def decode_line(numbers: bytes) -> Counters | None:
    """Read the numbers of a line of /proc/net/dev (proc_pid_net(5)); None where there are not those sixteen."""
    fields = numbers.split()
    if len(fields) < 16 or not all(field.isdigit() for field in fields):
        return None
    return Counters(int(fields[0]), int(fields[8]), int(fields[1]), int(fields[9]))


def step(before: Counters, after: Counters) -> Counters | None:
    """Return what passed between two readings; None where the counters were reset meanwhile.

    macOS gives programs only the lower 32 bits (exelban/stats#3493; 32-bit Linux has no more), which start again every
    4 GiB; a step back that such a start explains is one.
    """
    steps = [_one_step(getattr(before, name), getattr(after, name)) for name in Counters.__struct_fields__]
    known = [passed for passed in steps if passed is not None]
    return Counters(*known) if len(known) == len(steps) else None


def _one_step(before: int, after: int) -> int | None:
    if after >= before:
        return after - before
    started_again = after - before + _WRAP
    return started_again if before < _WRAP and 0 <= started_again < _BIGGEST_STEP else None


def payload_bytes(wire_bytes: int, packets: int, header_bytes: int) -> int:
    """Return the TCP payload in what an interface counted; ``header_bytes`` are those of frame, IP and TCP together.

    A card counts every segment with its headers. A software interface (veth, a bridge) and a card whose driver does
    segmentation offload count one big packet with one set of headers for many segments. So headers are taken off once
    for each *counted* packet, which is right in both cases; a count of bytes times a fixed share would not be.
    A bare acknowledgement is all headers and adds nothing. Smaller things (ARP, a driver that counts the checksum of
    4 bytes too) err by less than 0.3 % of a bulk transfer.
    """
    return max(0, wire_bytes - packets * header_bytes)


def frame_header(raw: RawLink) -> FrameHeader | None:
    """Say at which layer an interface counts; None where nothing is known of it.

    Measured on Linux 6.18: loopback, a TUN device and a bridge's receiving count the bare packet; cards (virtio), veth,
    macvlan and a bridge's sending count 14 bytes more. Read in Linux's sources: a VLAN counts as a bridge does
    (net/8021q), PPP counts the bare packet (ppp_generic.c), WireGuard adds 32 bytes to what it receives and 16 to what
    it sends (receive.c; send.c with iptunnel_xmit). Wi-Fi drivers may count some 20 bytes more. Unverified: that
    Windows and macOS count the frame as IF-MIB says (RFC 2863, ifHCInOctets, "including framing characters").
    """
    if raw.platform != "linux":
        bare = "loopback" in raw.flags.split(",") or raw.interface.startswith(("utun", "ppp", "ipsec", "gif"))
        return FrameHeader(0, 0) if bare else FrameHeader(_ETHERNET_HEADER_BYTES, _ETHERNET_HEADER_BYTES)
    if raw.hardware_type is None:
        return None
    uevent = (raw.sysfs or {}).get("uevent", "").splitlines()
    if "DEVTYPE=wireguard" in uevent:
        return FrameHeader(32, 16)
    if raw.hardware_type != 1:  # ARPHRD_ETHER: Ethernet, and all that looks like it
        return FrameHeader(0, 0)
    taken_off = "DEVTYPE=bridge" in uevent or "DEVTYPE=vlan" in uevent
    return FrameHeader(0 if taken_off else _ETHERNET_HEADER_BYTES, _ETHERNET_HEADER_BYTES)
