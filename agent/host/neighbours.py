"""The other computers of the own network: who the system knows already, and a careful look for the rest.

Needs no privileges: whoever wants to send a datagram makes the system ask for the neighbour's MAC address. Only digests
of those addresses may leave the school.
"""

import hmac
import ipaddress
import re
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from agent.contract.values import in_private_network
from agent.host import program, windows_neighbours

SMALLEST_PREFIX = 23  # a larger network is not looked through: too many broadcasts, too long
_AT_ONCE, _PAUSE_S, _SETTLE_S = 32, 0.5, 1.5  # 64 requests a second: no storm, even where each is sent three times
_DISCARD = 9
_COMPLETE = 0x2  # Linux, include/uapi/linux/if_arp.h: ATF_COM
_COMMAND_S = 5.0
_MOST_BYTES, _MOST = 4 * 1024 * 1024, 4096
_DIGEST_LETTERS = 16
_MACOS = re.compile(r"\(([0-9.]+)\) at ([0-9a-fA-F:]+) on (\S+)")


class Neighbour(Struct, frozen=True, order=True):
    """A computer of the own network: its IPv4 address and its MAC address (six bytes as "aa:bb:...")."""

    address: str
    mac: str


def table(interface: str) -> tuple[Neighbour, ...]:
    """Return the neighbours on an interface that the system knows at the moment; empty where it does not tell."""
    if sys.platform == "win32":
        try:
            index = socket.if_nametoindex(interface)
        except OSError:
            index = None
        return _kept(windows_neighbours.fetch(index))
    if sys.platform == "darwin":
        return decode_macos(program.text("arp", "-an", within_s=_COMMAND_S), interface)
    try:
        with Path("/proc/net/arp").open("rb") as file:
            return decode_linux(file.read(_MOST_BYTES).decode("utf-8", "replace"), interface)
    except OSError:
        return ()


def sweep(interface: str, source: str, prefix_length: int, deadline: float) -> tuple[Neighbour, ...]:
    """Ask for every address of the own IPv4 network once, and return who answered or was known.

    At most 510 addresses, 64 a second; ``deadline`` is one of time.monotonic. A larger network is not asked, and only
    who is known is returned.
    """
    wanted = addresses(source, prefix_length)
    if sys.platform == "win32":
        return tuple(sorted({*table(interface), *_send_arp(wanted, source, deadline)}))
    found = set(table(interface))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        with suppress(OSError):  # an address that has just gone; the system then chooses
            sock.bind((source, 0))
        for begin in range(0, len(wanted), _AT_ONCE):
            if time.monotonic() >= deadline - _SETTLE_S:
                break
            for address in wanted[begin : begin + _AT_ONCE]:
                with suppress(OSError):  # one that is known not to answer, or a full queue
                    sock.sendto(b"", (address, _DISCARD))
            time.sleep(_PAUSE_S)
            found.update(table(interface))
    if wanted:
        time.sleep(max(0.0, min(_SETTLE_S, deadline - time.monotonic())))
    return tuple(sorted({*found, *table(interface)}))[:_MOST]


def addresses(source: str, prefix_length: int) -> tuple[str, ...]:
    """Return the addresses of the other hosts in a private IPv4 network of a /23 at most; else none.

    A public network may be an operator's, full of other people's computers.
    """
    try:
        network = ipaddress.IPv4Network(f"{source}/{prefix_length}", strict=False)
    except ValueError:
        return ()
    if not SMALLEST_PREFIX <= network.prefixlen <= 30 or not in_private_network(source):
        return ()
    return tuple(str(each) for each in network.hosts() if str(each) != source)


def digest(mac: str, key: bytes) -> str:
    """Return what stands for a MAC address outside the school: HMAC-SHA256 of its six bytes, 16 hexadecimal digits."""
    return hmac.digest(key, bytes.fromhex(mac.replace(":", "")), "sha256").hex()[:_DIGEST_LETTERS]


def conflicts(before: tuple[Neighbour, ...], after: tuple[Neighbour, ...]) -> tuple[str, ...]:
    """Return the MAC addresses of those that had the same IP address at different moments."""
    owners: dict[str, set[str]] = {}
    for each in (*before, *after):
        owners.setdefault(each.address, set()).add(each.mac)
    return tuple(sorted({mac for macs in owners.values() if len(macs) > 1 for mac in macs}))


def decode_linux(text: str, interface: str) -> tuple[Neighbour, ...]:
    """Read ``/proc/net/arp``: only those who answered."""
    found = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        with suppress(ValueError, IndexError):
            if fields[5] == interface and int(fields[2], 16) & _COMPLETE:
                found.append((fields[0], fields[3]))
    return _kept(found)


def decode_macos(text: str, interface: str) -> tuple[Neighbour, ...]:
    """Read ``arp -an``, which leaves out leading zeros; "(incomplete)" is nobody."""
    return _kept([(address, mac) for address, mac, of in _MACOS.findall(text) if of == interface])


def _kept(pairs: list[tuple[str, str]]) -> tuple[Neighbour, ...]:
    """Keep what are addresses of single hosts, at most so many."""
    found = (each for address, mac in pairs if (each := _neighbour(address, mac)) is not None)
    return tuple(sorted(set(found)))[:_MOST]


def _neighbour(address: str, mac: str) -> Neighbour | None:
    try:
        host = ipaddress.IPv4Address(address)
        octets = bytes(int(part, 16) for part in re.split("[:-]", mac))
    except ValueError:
        return None
    is_group = bool(octets) and octets[0] & 1
    if len(octets) != 6 or is_group or not any(octets) or host.is_multicast or host.is_loopback:
        return None
    return Neighbour(str(host), octets.hex(":"))


def _send_arp(wanted: tuple[str, ...], source: str, deadline: float) -> tuple[Neighbour, ...]:
    """Ask Windows for each address; a call for one that is silent takes some seconds."""

    def ask(address: str) -> tuple[str, str] | None:
        mac = windows_neighbours.ask(address, source) if time.monotonic() < deadline else None
        return None if mac is None else (address, mac)

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="arp") as pool:
        return _kept([pair for pair in pool.map(ask, wanted) if pair is not None])
