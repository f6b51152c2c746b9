"""What stands in a school besides its computers: name servers, address servers (DHCP), a router that tells its counts.

``python -m tests.lab.devices ORDER`` is one such device in its namespace (``Order`` as JSON). It prints ``ready`` and
works until standard input closes.
"""

import ipaddress
import socket
import struct
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import msgspec
from msgspec import Struct

from agent.probes import _lan_names
from tests.fakes import name_server
from tests.fakes.gateway_device import GatewayDevice
from tests.fakes.name_server import NameServer

NAMES = {"lessons.example.kz": "198.51.100.7", "exam.example.kz": "198.51.100.8", "video.example.kz": "198.51.100.9"}
INVENTED = "203.0.113.99"
_KNOWN = {name: min(addresses) for name, addresses in _lan_names.KNOWN.items()}
_DHCP_SERVER, _DHCP_CLIENT = 67, 68
_COOKIE = bytes.fromhex("63825363")  # RFC 2131, 3
_BOOTP = struct.Struct("!4B4s2H4s4s4s4s16s64s128s")
_ROUTER_SEARCHED_AT = 1900
_DISCOVER, _OFFER = 1, 2


class Order(Struct, frozen=True, kw_only=True):
    """What the device does: its address and interface, and each service, null for none.

    ``names_after_ms`` is how late the name server is; one that ``lies`` has an address for everything. ``counts`` is
    the interface whose counters the router tells over UPnP.
    """

    address: str
    interface: str
    names_after_ms: float | None = None
    lies: bool = False
    hands_out: bool = False
    counts: str | None = None


class CountingRouter(GatewayDevice):
    """Tells the real counters of an interface."""

    def __init__(self, address: str, interface: str) -> None:
        super().__init__(address, _ROUTER_SEARCHED_AT)
        self._folder = Path("/sys/class/net", interface, "statistics")
        self.link = {}  # it does not know how fast its line is

    def results(self, action: str) -> dict[str, str]:
        """Return what an action returns; counters are those of 32 bits, as UPnP has them."""
        file = {"GetTotalBytesReceived": "rx_bytes", "GetTotalBytesSent": "tx_bytes"}.get(action)
        if file is None:
            return super().results(action)
        count = int((self._folder / file).read_text(encoding="ascii"))
        return {f"New{action.removeprefix('Get')}": str(count % 2**32)}


def offer(asked: bytes, server: str) -> bytes | None:
    """Return a DHCP server's offer (RFC 2131, 4.3.1) to somebody who looks for one; None for anything else."""
    if len(asked) < _BOOTP.size + 7 or asked[0] != 1 or asked[236:240] != _COOKIE or asked[240:243] != b"\x35\x01\x01":
        return None
    _, kind, length, _, number, _, _, _, _, _, _, card, _, _ = _BOOTP.unpack_from(asked)
    network = ipaddress.ip_network(f"{server}/24", strict=False)
    nobody, offered, me = bytes(4), network[200].packed, ipaddress.ip_address(server).packed
    head = _BOOTP.pack(2, kind, length, 0, number, 0, 0x8000, nobody, offered, me, nobody, card, bytes(64), bytes(128))
    options = ((53, bytes([_OFFER])), (54, me), (51, struct.pack("!I", 3600)), (1, network.netmask.packed), (3, me))
    return head + _COOKIE + b"".join(bytes([code, len(value)]) + value for code, value in options) + b"\xff"


def hand_out(server: str, interface: str) -> socket.socket:
    """Answer everybody on this interface who looks for a DHCP server, until the socket closes."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sock.bind(("", _DHCP_SERVER))

    def answer() -> None:
        while True:
            made = offer(sock.recv(2048), server)
            if made is not None:
                sock.sendto(made, ("255.255.255.255", _DHCP_CLIENT))

    threading.Thread(target=answer, daemon=True).start()
    return sock


def names(order: Order) -> NameServer:
    """Return the name server."""
    told = name_server.says(NAMES | _KNOWN, otherwise=INVENTED if order.lies else None)
    return NameServer(name_server.slowly(told, order.names_after_ms / 1000), place=(order.address, 53))


def main() -> None:
    """Be the device until standard input closes."""
    order = msgspec.json.decode(sys.argv[1], type=Order)
    with ExitStack() as stack:
        if order.names_after_ms is not None:
            stack.enter_context(names(order))
        if order.hands_out:
            stack.enter_context(hand_out(order.address, order.interface))
        if order.counts is not None:
            stack.enter_context(CountingRouter(order.address, order.counts))
        print("ready", flush=True)  # noqa: T201
        sys.stdin.read()


if __name__ == "__main__":
    main()
