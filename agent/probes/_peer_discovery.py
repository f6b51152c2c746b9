"""Which other computers of the school can be reached: those that tell it themselves (mDNS), and the policy's cards.

All of it comes from the network: an announcement counts only with a proof by the school's key, and private addresses.
Who is there is found out at the door.
"""

import subprocess
import sys
import time
from collections.abc import Iterable
from typing import Literal

import msgspec
from msgspec import Struct

from agent.contract.values import Medium
from agent.contract.wire import PeerCard
from agent.meter import announcement, greeting

_MOST_ADDRESSES = 8
_STARTS_WITHIN_S = 15.0  # a slow school computer starts a Python process within that


class Other(Struct, frozen=True, kw_only=True):
    """A computer that may be of this school, and how it became known; ``medium`` is its own word."""

    agent: str
    addresses: tuple[str, ...]
    port: int
    medium: Medium | None = None
    found_by: Literal["mdns", "collector", "settings"]


def announced(key: bytes, seconds: float) -> tuple[Other, ...]:
    """Listen for announcements of this school.

    Raises:
        OSError: this computer has no network for that.
    """
    return proven(key, _heard(seconds), time.time())


def _heard(seconds: float) -> tuple[dict[str, str], ...]:
    """Return all that is announced, heard in a process of its own: the library would stay in memory otherwise.

    That process takes hostile bytes apart, so the school's key is not in it.
    """
    command = [sys.executable, "-P", "-m", "agent.probes._peer_listening"]
    order, within_s = msgspec.json.encode(seconds), seconds + _STARTS_WITHIN_S
    try:
        done = subprocess.run(command, input=order, capture_output=True, timeout=within_s, check=True)
        return msgspec.json.decode(done.stdout, type=tuple[dict[str, str], ...])
    except subprocess.CalledProcessError as error:
        last = error.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise OSError(f"announcements cannot be listened for: {last}") from error
    except subprocess.TimeoutExpired as error:
        raise OSError("announcements cannot be listened for: the process for that does not end") from error


def proven(key: bytes, told: Iterable[dict[str, str]], now: float) -> tuple[Other, ...]:
    """Return the computers whose announcements are proven by the school's key, by the newest word of each."""
    said = (announcement.read(key, one, now) for one in told)
    return tuple(
        Other(agent=one.agent, addresses=one.addresses, port=one.port, medium=one.medium, found_by="mdns")
        for one in announcement.newest(one for one in said if one is not None)
    )


def of_cards(cards: Iterable[PeerCard]) -> tuple[Other, ...]:
    """Return the computers that the collector names, as far as their addresses can be inside the school."""
    return tuple(
        Other(agent=card.agent, addresses=inside, port=card.port, found_by="collector")
        for card in cards
        if (inside := _inside(card.addresses))
    )


def _inside(addresses: Iterable[str]) -> tuple[str, ...]:
    return tuple(one for one in addresses if greeting.is_inside(one))[:_MOST_ADDRESSES]
