"""What a computer tells its network of itself, so that others of its school find it, and the proof that it is one.

Anybody on the network can send announcements (mDNS), so one counts only with a proof by the school's key (HMAC-SHA256,
RFC 2104, over a label of its own as in ``greeting``) of all that it says: agent id, addresses, port, medium and time.
It is checked in constant time before anything else is read, and nothing else of what mDNS brings is used: the records
of addresses beside it prove nothing. Without a valid proof there is nobody to call, and no finding.

What was overheard can be said again for FRESH_S, unchanged: it leads to where the genuine computer was at that time,
and of several the newest counts. A nonce of who asks would end that too, but mDNS answers all who ask with one packet.
A computer whose clock is further off than FRESH_S is found by the collector's card only, as is one whose announcements
somebody jams. Who is there is proven at the door, whatever was announced.
"""

import hmac
from collections.abc import Iterable, Mapping
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from agent.contract.peer import PeerId
from agent.contract.values import Medium
from agent.meter import greeting
from agent.meter.greeting import Port

FRESH_S = 900.0  # either way: clocks of a school differ, and nobody has to keep an announcement for longer
MOST_ADDRESSES = 6  # of IPv6 in one string of 255 bytes (RFC 6763, 6.1)
_MEDIA: dict[str, Medium] = {"ethernet": "ethernet", "wifi": "wifi", "cellular": "cellular", "virtual": "virtual"}
_PROVEN = ("version", "agent", "addresses", "port", "medium", "time")


class Said(Struct, frozen=True, kw_only=True):
    """Who tells it, where it can be called, over which medium, and when by its own clock (seconds since 1970)."""

    agent: PeerId
    addresses: tuple[str, ...]
    port: Port
    medium: Medium | None
    time: float


class _Texts(Struct, frozen=True):
    """The keys of an announcement whose proof holds; an agent of a later version may have more of them."""

    agent: PeerId
    addresses: Annotated[str, Meta(max_length=255)]
    port: Port
    time: Annotated[int, Meta(ge=0, le=2**53)]
    medium: str = ""


def texts(key: bytes, said: Said) -> dict[str, str]:
    """Return the keys and values of the announcement (RFC 6763, 6: a TXT record), with their proof."""
    told = {
        "version": str(greeting.PROTOCOL),
        "agent": said.agent,
        "addresses": ",".join(said.addresses[:MOST_ADDRESSES]),
        "port": str(said.port),
        "medium": said.medium or "",
        "time": str(int(said.time)),
    }
    return {**told, "proof": _proof(key, told)}


def read(key: bytes, told: Mapping[str, str], now: float) -> Said | None:
    """Read an announcement; None where it has no proof by this key, is not of now, or cannot be called."""
    claimed = told.get("proof", "")
    if not claimed.isascii() or not hmac.compare_digest(_proof(key, told), claimed):
        return None
    try:
        read = msgspec.convert(dict(told), _Texts, strict=False)
    except msgspec.ValidationError:
        return None
    addresses = tuple(one for one in read.addresses.split(",") if greeting.is_inside(one))[:MOST_ADDRESSES]
    if not addresses or abs(now - read.time) > FRESH_S:
        return None
    return Said(
        agent=read.agent, addresses=addresses, port=read.port, medium=_MEDIA.get(read.medium), time=float(read.time)
    )


def newest(said: Iterable[Said]) -> tuple[Said, ...]:
    """Return the newest word of each computer."""
    return tuple({one.agent: one for one in sorted(said, key=lambda one: one.time)}.values())


def _proof(key: bytes, told: Mapping[str, str]) -> str:
    parts = (told.get(name, "").encode("utf-8", "replace") for name in _PROVEN)
    return greeting.proof(key, "announcement", *parts)
