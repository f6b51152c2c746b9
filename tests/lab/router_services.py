"""The services of a school's router, run inside a namespace until standard input ends: names, UPnP, DHCP, LLDP.

Its argument is JSON: ``address`` of the device; ``lies_with``, the address that it answers for every name;
``external``, its outer address; ``interface``, on which it hands out addresses; ``port``, on which it speaks LLDP.
"""

import ipaddress
import json
import socket
import sys
import threading
import time
from contextlib import ExitStack, suppress

from tests.fakes.gateway_device import GatewayDevice
from tests.fakes.name_server import NameServer, says

_BIND_TO_DEVICE = 25


def part(kind: int, value: bytes) -> bytes:
    """Return a part of an LLDPDU."""
    return (kind << 9 | len(value)).to_bytes(2, "big") + value


def speak_lldp(port: str) -> None:
    """Say twice a second which port this is."""
    mac = bytes.fromhex("020000000002")
    told = (part(1, b"\x04" + mac), part(2, b"\x05Gi0/7"), part(3, b"\0\x78"), part(5, b"switch-2"), part(0, b""))
    with suppress(OSError), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((port, 0))
        while True:
            sock.send((bytes.fromhex("0180c200000e") + mac + b"\x88\xcc" + b"".join(told)).ljust(60, b"\0"))
            time.sleep(0.5)


def hand_out(interface: str, address: str) -> None:
    """Answer each DHCPDISCOVER on an interface with an offer to everybody."""
    own = ipaddress.IPv4Address(address).packed
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, _BIND_TO_DEVICE, interface.encode())
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.bind(("", 67))
        while True:
            asked = sock.recv(2048)
            if asked[0] == 1 and b"\x35\x01\x01" in asked[240:]:
                offer = b"\2" + asked[1:16] + bytes(4) + own + asked[24:240] + b"\x35\x01\x02\x36\x04" + own + b"\xff"
                sock.sendto(offer, ("255.255.255.255", 68))


def main() -> None:
    """Serve until standard input ends."""
    about = json.loads(sys.argv[1])
    address = about["address"]
    with ExitStack() as stack:
        if "names" in about:
            behave = says(about["names"], otherwise=about.get("lies_with"))
            stack.enter_context(NameServer(behave, place=(address, 53)))
        if "external" in about:
            device = stack.enter_context(GatewayDevice(address, 1900))
            device.external = about["external"]
        if "interface" in about:
            threading.Thread(target=hand_out, args=(about["interface"], address), daemon=True).start()
        if "port" in about:
            threading.Thread(target=speak_lldp, args=(about["port"],), daemon=True).start()
        print("ready", flush=True)  # noqa: T201 - the test waits for it
        sys.stdin.read()


if __name__ == "__main__":
    main()
