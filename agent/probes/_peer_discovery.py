"""Which other computers of the school can be reached: those that tell it themselves (mDNS), and the policy's cards.

All of it comes from the network: an announcement counts only with the school's digest and private addresses, and proves
nothing. Who is there is found out at the door.
"""

import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from agent.contract.peer import PeerId
from agent.contract.values import Medium
from agent.contract.wire import PeerCard
from agent.meter import greeting
from agent.meter.greeting import Port

_MOST_ADDRESSES = 8
_STARTS_WITHIN_S = 15.0  # a slow school computer starts a Python process within that


class Other(Struct, frozen=True, kw_only=True):
    """A computer that may be of this school, and how it became known; ``medium`` is its own word."""

    agent: str
    addresses: tuple[str, ...]
    port: int
    medium: Medium | None = None
    found_by: Literal["mdns", "collector", "settings"]


class _Told(Struct, frozen=True):
    """The keys of an announcement's TXT record."""

    school: str
    agent: PeerId
    port: Port
    medium: str = ""


_MEDIA: dict[str, Medium] = {"ethernet": "ethernet", "wifi": "wifi", "cellular": "cellular", "virtual": "virtual"}


def announced(key: bytes, seconds: float) -> tuple[Other, ...]:
    """Listen for announcements of this school, in a process of its own: the library would stay in memory otherwise.

    Raises:
        OSError: this computer has no network for that.
    """
    order = msgspec.json.encode((greeting.school_digest(key), seconds))
    command = [sys.executable, "-P", "-m", "agent.probes._peer_listening"]
    try:
        done = subprocess.run(command, input=order, capture_output=True, timeout=seconds + _STARTS_WITHIN_S, check=True)
        return msgspec.json.decode(done.stdout, type=tuple[Other, ...])
    except subprocess.CalledProcessError as error:
        last = error.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise OSError(f"announcements cannot be listened for: {last}") from error
    except subprocess.TimeoutExpired as error:
        raise OSError("announcements cannot be listened for: the process for that does not end") from error


def decode(properties: Mapping[bytes, bytes | None], addresses: Iterable[str], digest: str) -> Other | None:
    """Read an announcement; None for one of another school, or with nothing in it that can be called."""
    texts = {
        key.decode("ascii", "replace"): (value or b"").decode("ascii", "replace") for key, value in properties.items()
    }
    try:
        told = msgspec.convert(texts, _Told, strict=False)
    except msgspec.ValidationError:
        return None
    inside = _inside(addresses)
    if told.school != digest or not inside:
        return None
    return Other(agent=told.agent, addresses=inside, port=told.port, medium=_MEDIA.get(told.medium), found_by="mdns")


def of_cards(cards: Iterable[PeerCard]) -> tuple[Other, ...]:
    """Return the computers that the collector names, as far as their addresses can be inside the school."""
    return tuple(
        Other(agent=card.agent, addresses=inside, port=card.port, found_by="collector")
        for card in cards
        if (inside := _inside(card.addresses))
    )


def _inside(addresses: Iterable[str]) -> tuple[str, ...]:
    return tuple(one for one in addresses if greeting.is_inside(one))[:_MOST_ADDRESSES]
