"""The process that listens to frames with scapy, and asks for DHCP servers and addresses if it is told to.

It reads an order from standard input and prints lines (agent.probes._lan_talk). What people send each other never
reaches it on Linux: a filter in the kernel lets through only what is sent to many, ARP and DHCP. Nothing is kept.
"""

import contextlib
import ctypes
import logging
import os
import socket
import struct
import sys
import threading
import time
from typing import Any

from scapy.arch import get_if_hwaddr  # noqa: TID253 - this process is there for nothing else
from scapy.config import conf  # noqa: TID253 - likewise
from scapy.error import Scapy_Exception  # noqa: TID253 - likewise
from scapy.layers.dhcp import BOOTP, DHCP  # noqa: TID253 - likewise
from scapy.layers.inet import IP, UDP  # noqa: TID253 - likewise
from scapy.layers.l2 import ARP, Ether  # noqa: TID253 - likewise

from agent.host import neighbours
from agent.probes import _child
from agent.probes import _lan_frames as frames
from agent.probes import _lan_talk as talk
from agent.probes._child import Say
from agent.probes._lan_talk import Order

_EVERYBODY = "ff:ff:ff:ff:ff:ff"
_ROUND_S, _COUNT_EVERY_S = 0.2, 1.0
_DISCOVERS, _BETWEEN_DISCOVERS_S = 2, 2.0
_ARP_AT_ONCE, _ARP_PAUSE_S = 16, 0.25  # 64 a second, as agent.host.neighbours
_MOST_SWITCHES, _MOST_SERVERS, _MOST_OWNERS = 16, 16, 4096
_MOST_MEMORY = 1 << 30  # of addresses, of which scapy uses a third
_MOST_FRAME = 65_535
# Linux: include/uapi/linux/if_packet.h, asm-generic/socket.h.
_SOL_PACKET, _ADD_MEMBERSHIP, _MULTICAST, _ATTACH_FILTER = 263, 1, 0, 26
_BPF_FILTER = "ether multicast or arp or (udp and dst port 68)"
# The same for Linux's kernel (code, jump if true, jump if false, value; include/uapi/linux/bpf_common.h), because
# scapy needs libpcap to compile it.
_PROGRAM = (
    (0x30, 0, 0, 0),  # first byte of the destination
    (0x45, 8, 0, 1),  # to many
    (0x28, 0, 0, 12),  # the type
    (0x15, 6, 0, 0x0806),  # ARP
    (0x15, 0, 6, 0x0800),  # IPv4, else drop
    (0x30, 0, 0, 23),  # the protocol
    (0x15, 0, 4, 17),  # UDP
    (0xB1, 0, 0, 14),  # the length of the header
    (0x48, 0, 0, 16),  # the port it is sent to
    (0x15, 0, 1, 68),
    (0x06, 0, 0, _MOST_FRAME),
    (0x06, 0, 0, 0),
)


class Capture:
    """What is heard on one interface, said as it comes and each thing once."""

    def __init__(self, sock: Any, mac: str, say: Say) -> None:
        self._sock = sock
        self._mac = mac
        self._say = say
        self._said: set[talk.Line] = set()
        self._frames = 0

    def listen(self, seconds: float) -> None:
        """Listen for so long."""
        began = counted = time.monotonic()
        while (now := time.monotonic()) < began + seconds:
            if self._sock.select([self._sock], _ROUND_S):
                kind, frame, _at = self._sock.recv_raw(_MOST_FRAME)
                if frame is not None and kind is Ether and frame[6:12].hex(":") != self._mac:
                    self._take(bytes(frame))
            if now - counted >= _COUNT_EVERY_S:
                counted = now
                self._say(talk.Counted(frames=self._frames, seconds=round(now - began, 3)))

    def _take(self, frame: bytes) -> None:
        self._frames += frames.is_to_many(frame)
        port, offer, owner = frames.switch_port(frame), frames.offer(frame), frames.owner(frame)
        if port is not None:
            self._once(talk.Switch(port=port), _MOST_SWITCHES)
        if offer is not None:
            self._once(talk.Server(address=offer.server), _MOST_SERVERS)
        if owner is not None:
            self._once(talk.Owner(address=owner.address, mac=owner.mac), _MOST_OWNERS)

    def _once(self, line: talk.Line, most: int) -> None:
        if line not in self._said and sum(type(each) is type(line) for each in self._said) < most:
            self._said.add(line)
            self._say(line)


def ask(sock: Any, order: Order, mac: str, say: Say) -> None:
    """Ask for DHCP servers, with this computer's own MAC address so that no lease is used up, and for addresses."""
    time.sleep(order.quiet_s)
    wanted = () if order.source is None else neighbours.addresses(order.source, order.prefix_length or 0)
    for _discover in range(_DISCOVERS):
        sock.send(discover(mac))
        until = time.monotonic() + _BETWEEN_DISCOVERS_S
        if not _discover:
            for begin in range(0, len(wanted), _ARP_AT_ONCE):
                for address in wanted[begin : begin + _ARP_AT_ONCE]:
                    sock.send(Ether(src=mac, dst=_EVERYBODY) / ARP(hwsrc=mac, psrc=order.source, pdst=address))
                time.sleep(_ARP_PAUSE_S)
        time.sleep(max(0.0, until - time.monotonic()))
    say(talk.Asked(addresses=len(wanted)))


def discover(mac: str) -> Ether:
    """Return a DHCPDISCOVER whose answers are to be sent to everybody (RFC 2131, 4.1)."""
    return (
        Ether(src=mac, dst=_EVERYBODY)
        / IP(src="0.0.0.0", dst="255.255.255.255")  # noqa: S104 - who has no address yet
        / UDP(sport=68, dport=67)
        / BOOTP(
            chaddr=bytes.fromhex(mac.replace(":", "")),
            xid=int.from_bytes(os.urandom(4), "big"),
            flags=0x8000,
        )
        / DHCP(options=[("message-type", "discover"), ("param_req_list", [1, 3, 6]), "end"])
    )


def _open(interface: str) -> Any:
    """Open a socket for whole frames.

    Raises:
        OSError: no rights, or no such interface.
        Scapy_Exception: no rights, or no Npcap.
    """
    if sys.platform != "linux":
        return conf.L2socket(iface=interface, promisc=True, filter=_BPF_FILTER)
    sock = conf.L2socket(iface=interface, promisc=False)
    _filter(sock.ins)
    index = socket.if_nametoindex(interface)
    for group in (*frames.LLDP_GROUPS, frames.CDP_GROUP):
        sock.ins.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, struct.pack("iHH8s", index, _MULTICAST, 6, group))
    return sock


def _filter(sock: socket.socket) -> None:
    code = b"".join(struct.pack("HBBI", *step) for step in _PROGRAM)
    kept = ctypes.create_string_buffer(code)
    sock.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HP", len(_PROGRAM), ctypes.addressof(kept)))


def _bound_memory() -> None:
    if sys.platform != "win32":
        import resource

        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))


def _refused(error: Exception) -> talk.Refused:
    is_rights = isinstance(error, PermissionError) or "ermission" in str(error)
    is_missing = isinstance(error, RuntimeError | Scapy_Exception)
    return talk.Refused(why="rights" if is_rights else "software" if is_missing else "medium", detail=str(error)[:500])


def _run(order: Order, say: Say) -> None:
    try:
        sock, mac = _open(order.interface), get_if_hwaddr(order.interface).lower()
    except (OSError, RuntimeError, ValueError, Scapy_Exception) as error:
        say(_refused(error))
        return
    if getattr(sock, "LL", Ether) is not Ether:
        say(talk.Refused(why="medium", detail=f"{order.interface} carries no Ethernet frames"))
        return
    say(talk.Began(mac=mac))
    if order.active:
        threading.Thread(target=ask, args=(sock, order, mac, say), daemon=True).start()
    Capture(sock, mac, say).listen(order.seconds)


if __name__ == "__main__":
    logging.getLogger("scapy").setLevel(logging.CRITICAL)
    _bound_memory()
    _child.obey(Order, _run)
