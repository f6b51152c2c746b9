"""How large a packet gets to an address without being cut into pieces: a ladder of sizes, each sent as it is.

What routers say of a packet that is too large is not believed: only one that was answered has arrived.
"""

import errno
import os
import selectors
import socket
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from agent.host import error_queue, icmp, windows_icmp
from agent.host.error_queue import Asked
from agent.host.icmp import Answered

# Ethernet; PPPoE (RFC 2516); 6in4; GTP; L2TP; IPsec and WireGuard in their usual sizes; the least of IPv6 (RFC 8200).
LADDER = (1500, 1492, 1480, 1472, 1460, 1452, 1440, 1430, 1420, 1400, 1380, 1350, 1320, 1300, 1280)
_SMALL = 576  # what every way carries; where it is not answered, nothing is known
_TRIES, _ENOUGH = 4, 2
_PAUSE_S, _PATIENCE_S = 0.01, 0.7
_LINUX_MTU_DISCOVER = {4: (socket.IPPROTO_IP, 10, 3), 6: (socket.IPPROTO_IPV6, 23, 3)}  # ..._PMTUDISC_PROBE
_MACOS_DONT_FRAGMENT = {4: (socket.IPPROTO_IP, 28, 1), 6: (socket.IPPROTO_IPV6, 62, 1)}  # netinet/in.h, in6.h

Ask = Callable[[str, list[int]], set[int]]
"""Sends packets of these sizes to an address, and returns which of them were answered."""


def find(address: str) -> int | None:
    """Return the size in bytes of the largest IP packet of the ladder that arrived; 1500 means "1500 or more".

    At once where 1500 arrives, else within some 10 s. None where too little was answered to know; 576 where nothing of
    the ladder arrived.

    Raises:
        PermissionError: this user may not send such packets (not on Linux or Windows); says what to change.
    """
    refused: PermissionError | None = None
    for ask in _ways():
        try:
            arrived = _climb(ask, address)
        except PermissionError as error:
            refused = error
        except OSError:
            refused = None
        else:
            if arrived is not None:
                return arrived
            refused = None
    if refused is not None:
        raise refused
    return None


def _climb(ask: Ask, address: str) -> int | None:
    """Return the highest rung that arrives, by halving; None where it cannot be known."""
    rungs = sorted(LADDER)
    low, high = -1, len(rungs)
    middle = high - 1
    while high - low > 1:
        arrives = _arrives(ask, address, rungs[middle])
        if arrives is None:
            return None
        low, high = (middle, high) if arrives else (low, middle)
        middle = (low + high) // 2
    return rungs[low] if low >= 0 else _SMALL


def _arrives(ask: Ask, address: str, size: int) -> bool | None:
    """Tell whether packets of this size arrive; None where that cannot be told from silence.

    Only where the small packet beside it was answered, twice, does a missing answer count: routers answer so many
    packets a second and no more, and any may be lost.
    """
    controls = 0
    for attempt in range(_TRIES):
        back = ask(address, [size, _SMALL])
        if size in back:
            return True
        controls += _SMALL in back
        if controls == _ENOUGH or (attempt and not controls):
            break
    return False if controls >= _ENOUGH else None


def _ways() -> tuple[Ask, ...]:
    if sys.platform == "win32":
        return (_by_windows,)
    return (by_echoes, by_error_queue) if error_queue.is_there() else (by_echoes,)


def by_echoes(address: str, sizes: list[int]) -> set[int]:
    """Return which sizes of echoes were answered.

    Raises:
        PermissionError: this user may not open such a socket.
        OSError: there is no way to the address.
    """
    family, place = icmp.place(address)
    version, session = icmp.version_of(family), os.urandom(8)
    arrived: set[int] = set()
    with icmp.open_socket(family) as sock, selectors.DefaultSelector() as selector:
        sock.setsockopt(*(_LINUX_MTU_DISCOVER if sys.platform == "linux" else _MACOS_DONT_FRAGMENT)[version])
        sock.connect(place)
        selector.register(sock, selectors.EVENT_READ)
        sent = 0
        for sequence, size in enumerate(sizes):
            payload = session.ljust(size - icmp.header_bytes(version), b"\0")
            with suppress(OSError):  # larger than the interface takes
                sock.send(icmp.request(version, int.from_bytes(session[:2], "big"), sequence, payload))
                sent += 1
        until = time.monotonic() + _PATIENCE_S
        while len(arrived) < sent and selector.select(max(0.0, until - time.monotonic())):
            with suppress(OSError):
                told = icmp.decode(sock.recv(65_535), version)
                if isinstance(told, Answered) and told.payload.startswith(session) and told.sequence < len(sizes):
                    size = sizes[told.sequence]
                    arrived |= {size} if len(told.payload) == size - icmp.header_bytes(version) else set()
            if time.monotonic() >= until:
                break
    return arrived


def by_error_queue(address: str, sizes: list[int]) -> set[int]:
    """Return which sizes of UDP datagrams the far end itself said nobody listens for (Linux)."""
    heard = error_queue.ask(address, [Asked(packet_bytes=size) for size in sizes], _PAUSE_S, _PATIENCE_S)
    return {size for size, one in zip(sizes, heard, strict=True) if one is not None and one.arrived}


def _by_windows(address: str, sizes: list[int]) -> set[int]:
    """Ask as Windows does. Never run on Windows."""
    if ":" in address:
        raise OSError(errno.EAFNOSUPPORT, "the call is for IPv4 only")

    def ask(size: int) -> bool:
        told = windows_icmp.echo(address, bytes(size - icmp.header_bytes(4)), whole=True, patience_s=_PATIENCE_S)
        return told is not None and told[0].status == windows_icmp.SUCCESS and told[0].address == address

    with ThreadPoolExecutor(len(sizes), thread_name_prefix="size") as pool:
        return {size for size, arrived in zip(sizes, pool.map(ask, sizes), strict=True) if arrived}
