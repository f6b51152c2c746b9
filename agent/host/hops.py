"""The first routers on the way to an address: a walk of at most six hops, three packets each, without privileges.

Linux sends UDP datagrams and reads its error queue, Windows has its own call, others send echoes.
"""

import errno
import os
import selectors
import socket
import statistics
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from msgspec import Struct

from agent.contract.lan import Hop
from agent.host import error_queue, icmp, windows_icmp
from agent.host.error_queue import Asked

MOST_HOPS, PROBES = 6, 3
_PAUSE_S, _PATIENCE_S = 0.02, 1.0
_IPV4_TTL, _IPV6_HOPS = 2 if sys.platform == "linux" else 4, getattr(socket, "IPV6_UNICAST_HOPS", 16)


class Reply(Struct, frozen=True, kw_only=True):
    """What one packet of this time to live brought back; ``is_last`` where nothing further would come."""

    ttl: int
    address: str
    rtt_s: float
    is_last: bool


def walk(address: str, most_hops: int = MOST_HOPS) -> tuple[Hop, ...]:
    """Return the routers on the way to an address, in about 1.5 s; null where one did not answer.

    It ends with the address itself, or with the router that says there is no way further. Empty where there is no way
    to begin with.

    Raises:
        PermissionError: this user may send no such packets (not on Linux or Windows); says what to change.
    """
    ttls = [ttl for ttl in range(1, most_hops + 1) for _probe in range(PROBES)]
    try:
        if error_queue.is_there():
            replies = _by_error_queue(address, ttls)
        elif sys.platform == "win32":
            replies = _by_windows(address, ttls)
        else:
            replies = by_echoes(address, ttls)
    except PermissionError:
        raise
    except OSError:
        return ()
    return summarise(replies, most_hops)


def summarise(replies: list[Reply], most_hops: int) -> tuple[Hop, ...]:
    """Return one hop for each time to live up to the last: who answered most often there, and its median."""
    last = min((reply.ttl for reply in replies if reply.is_last), default=most_hops)
    hops = []
    for ttl in range(1, last + 1):
        here = [reply for reply in replies if reply.ttl == ttl]
        if not here:
            hops.append(Hop(ttl=ttl))
            continue
        address = Counter(reply.address for reply in here).most_common(1)[0][0]
        rtt_s = statistics.median(reply.rtt_s for reply in here if reply.address == address)
        hops.append(Hop(ttl=ttl, address=address, private=icmp.is_inside(address), rtt_ms=round(rtt_s * 1000, 3)))
    return tuple(hops)


def _by_error_queue(address: str, ttls: list[int]) -> list[Reply]:
    heard = error_queue.ask(address, [Asked(ttl=ttl) for ttl in ttls], _PAUSE_S, _PATIENCE_S)
    return [
        Reply(ttl=ttl, address=one.address, rtt_s=one.rtt_s, is_last=not one.expired)
        for ttl, one in zip(ttls, heard, strict=True)
        if one is not None
    ]


def _by_windows(address: str, ttls: list[int]) -> list[Reply]:
    """Ask as Windows does; each call waits, so they wait side by side. Never run on Windows."""
    if ":" in address:
        raise OSError(errno.EAFNOSUPPORT, "the call is for IPv4 only")

    def ask(ttl: int) -> Reply | None:
        told = windows_icmp.echo(address, b"netready", ttl=ttl, patience_s=_PATIENCE_S)
        if told is None or told[0].status not in {windows_icmp.SUCCESS, windows_icmp.EXPIRED}:
            return None
        is_last = told[0].status == windows_icmp.SUCCESS
        return Reply(ttl=ttl, address=told[0].address, rtt_s=told[1], is_last=is_last)

    with ThreadPoolExecutor(MOST_HOPS, thread_name_prefix="hop") as pool:
        return [reply for reply in pool.map(ask, ttls) if reply is not None]


def by_echoes(address: str, ttls: list[int]) -> list[Reply]:
    """Send echoes from one ICMP socket, and take what routers say of them (run on Linux as root; never on macOS).

    Raises:
        PermissionError: this user may not open such a socket.
        OSError: there is no way to the address.
    """
    family, place = icmp.place(address)
    version, session = icmp.version_of(family), os.urandom(8)
    level, option = (socket.IPPROTO_IP, _IPV4_TTL) if family == socket.AF_INET else (socket.IPPROTO_IPV6, _IPV6_HOPS)
    sent_at: list[float] = []
    replies: dict[int, Reply] = {}

    def take(until: float) -> None:
        while selector.select(max(0.0, until - time.monotonic())):
            with suppress(OSError):
                packet, sender = sock.recvfrom(2048)
                told = icmp.decode(packet, version)
                is_ours = told is not None and told.sequence < len(sent_at) and told.sequence not in replies
                if told is None or not is_ours or not _matches(told, session):
                    continue
                replies[told.sequence] = Reply(
                    ttl=ttls[told.sequence],
                    address=str(sender[0]).partition("%")[0],
                    rtt_s=time.monotonic() - sent_at[told.sequence],
                    is_last=isinstance(told, icmp.Answered) or not told.expired,
                )
            if time.monotonic() >= until or len(replies) == len(ttls):
                return

    with icmp.open_socket(family) as sock, selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        for sequence, ttl in enumerate(ttls):
            sock.setsockopt(level, option, ttl)
            sent_at.append(time.monotonic())
            with suppress(OSError):
                sock.sendto(icmp.request(version, int.from_bytes(session[:2], "big"), sequence, session), place)
            take(time.monotonic() + _PAUSE_S)
        take(time.monotonic() + _PATIENCE_S)
    return list(replies.values())


def _matches(told: icmp.Answered | icmp.Refused, session: bytes) -> bool:
    """Tell whether it is about an echo of ours; of a refused one only the beginning comes back."""
    if isinstance(told, icmp.Answered):
        return told.payload == session
    return told.identifier == int.from_bytes(session[:2], "big")
