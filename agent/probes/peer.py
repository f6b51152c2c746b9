"""How fast computers of one school reach each other: the network inside, without the line.

The other one is found by its announcement (mDNS), by the policy's cards, or given as ``peer``. Both prove that they
know the school's key; a computer that is known and cannot be reached is a finding, and stands in the result as one.
"""

import base64
import binascii
import random
import secrets
import socket
import time
from collections.abc import Sequence
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from agent.contract.errors import SettingsError
from agent.contract.measurement import Failed
from agent.contract.peer import Peer, PeerId, Reached
from agent.contract.wire import PeerCard
from agent.errors import ProbeUnavailable
from agent.meter import dial, greeting
from agent.meter.errors import TransferError
from agent.meter.quiet import IDLE_S
from agent.probes import _peer_discovery, _peer_visit
from agent.probes._peer_discovery import Other
from agent.probes._peer_visit import Lease, SpentError, Visitor

NAME = "peer"
_MOST_TRIED = 4  # that cannot be reached, each of which may take seconds to say nothing
_KEY_BYTES = 32
_LOOK_UP_S = 5.0


class Probe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Test against other computers of the school, wired ones first, until ``max_peers`` have answered.

    ``key`` is the school's, in hex or base64, and ``peers`` are the computers that the collector knows: both come with
    the policy. ``agent`` is this computer's id; without one it makes one up. ``peer`` is one computer, as HOST:PORT,
    instead of all others. ``max_bytes`` holds for both directions together. This computer's link has to be nearly idle
    for ``idle_s``, for which ``patience_s`` is waited; announcements are listened for during ``find_s``.
    """

    takes_the_line: ClassVar[bool] = True
    needs_server: ClassVar[bool] = False

    key: Annotated[str, Meta(max_length=128)] | None = None
    agent: PeerId | None = None
    peer: str | None = None
    peers: Annotated[tuple[PeerCard, ...], Meta(max_length=64)] | None = None
    max_peers: Annotated[int, Meta(ge=1, le=8)] = 1
    max_bytes: Annotated[int, Meta(ge=4_000_000, le=10**10)] = 200_000_000
    find_s: Annotated[float, Meta(ge=0, le=10)] = 3.0
    idle_s: Annotated[float, Meta(ge=0, le=10)] = IDLE_S
    patience_s: Annotated[float, Meta(ge=0, le=60)] = greeting.PATIENCE_S

    def __post_init__(self) -> None:
        """Refuse a key or a peer that cannot be one (SettingsError)."""
        if self.key:
            key_of(self.key)
        if self.peer:
            dial.endpoint(self.peer)

    def measure(self, deadline_s: float) -> Peer | Failed:
        """Measure within ``deadline_s`` seconds; a minute is enough.

        Raises:
            ProbeUnavailable: this computer has no key of its school, or the others grant no more tests today.
        """
        if not self.key:
            raise ProbeUnavailable(
                "this computer has no key for tests inside its school; its collector's policy brings one "
                "(netready-agent enroll), or give the probe's setting key"
            )
        deadline, key = time.monotonic() + deadline_s, key_of(self.key)
        me = self.agent or secrets.token_hex(16)
        try:
            seen = (_given(self.peer, deadline),) if self.peer else self._others(key)
        except TransferError as error:
            return Failed(probe=NAME, failure=error.failure, detail=str(error))
        others = [one for one in seen if one.agent != me]
        visitor = Visitor(
            agent=me,
            key=key,
            max_bytes=self.max_bytes // 2,
            idle_s=self.idle_s,
            patience_s=self.patience_s,
        )
        return self._visits(visitor, seen, in_order(others), deadline)

    def _visits(
        self, visitor: Visitor, seen: Sequence[Other], others: Sequence[Other], deadline: float
    ) -> Peer | Failed:
        lease = Lease(visitor, seen if others else ())
        try:
            lease.take(deadline)
            peers, spent = self._in_turn(visitor, others, deadline)
        except TransferError as error:
            return Failed(probe=NAME, failure=error.failure, detail=str(error))
        finally:
            lease.close()
        if spent and spent == len(peers):
            raise ProbeUnavailable(peers[0].detail)
        if self.peer and not peers:
            return Failed(probe=NAME, failure="deadline", detail="the time was over before the test could begin")
        if self.peer and not peers[0].agent:  # it never said who it is
            return Failed(probe=NAME, failure=peers[0].failure or "no_answer", detail=peers[0].detail)
        return Peer(found=len(others), peers=tuple(peers))

    def _in_turn(self, visitor: Visitor, others: Sequence[Other], deadline: float) -> tuple[list[Reached], int]:
        """Return what was tried, and how many of them grant no more tests today; those are no try in vain."""
        peers: list[Reached] = []
        answered = spent = 0
        for one in others:
            in_vain = len(peers) - answered - spent
            if max(in_vain, spent) >= _MOST_TRIED or answered >= self.max_peers or time.monotonic() >= deadline:
                break
            try:
                reached = _peer_visit.visit(one, visitor, deadline)
                answered += reached.failure is None
            except SpentError as error:
                reached = _spent(one, error)
                spent += 1
            peers.append(reached)
        return peers, spent

    def _others(self, key: bytes) -> tuple[Other, ...]:
        """Return all computers of the school that are known; what a computer says of itself is newer than its card."""
        told: tuple[Other, ...] = ()
        if self.find_s:
            try:
                told = _peer_discovery.announced(key, self.find_s)
            except OSError as error:
                if not self.peers:
                    raise TransferError.of(error, "this computer cannot ask its network for others (mDNS)") from error
        known = {one.agent: one for one in _peer_discovery.of_cards(self.peers or ())} | {
            one.agent: one for one in told
        }
        return tuple(known.values())


def _spent(one: Other, error: SpentError) -> Reached:
    """Return that a computer is there and cannot test today: a fact against isolation."""
    address = one.addresses[0][:64]
    return Reached(agent=one.agent, found_by=one.found_by, address=address, failure=error.failure, detail=str(error))


def _given(peer: str, deadline: float) -> Other:
    """Return the one computer that the settings name; raises TransferError where it cannot be one of the school."""
    target = dial.endpoint(peer)
    until = min(deadline, time.monotonic() + _LOOK_UP_S)
    places = dial.addresses(target.host, target.port, socket.SOCK_STREAM, until)
    inside = tuple(str(place[0]) for _family, place in places if greeting.is_inside(str(place[0])))
    if not inside:
        raise TransferError("unreachable", f"{target.host} is no address inside a school: private addresses only")
    return Other(agent="", addresses=inside, port=target.port, found_by="settings")


def in_order(others: Sequence[Other]) -> list[Other]:
    """Return the computers in the order to try them: those that say that they are there, wired ones first.

    Among equals by chance, so that over the days all of them are tried.
    """
    shuffled = random.sample(list(others), len(others))
    return sorted(shuffled, key=lambda one: (one.found_by == "collector", one.medium != "ethernet"))


def key_of(text: str) -> bytes:
    """Read a school's key; raises SettingsError."""
    try:
        key = bytes.fromhex(text) if len(text) == 2 * _KEY_BYTES else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != _KEY_BYTES:
        raise SettingsError("probe peer: the key has to be 32 bytes, as 64 hex digits or in base64")
    return key
