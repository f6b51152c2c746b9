"""Whose turn it is to fill a school's line; pure: what is known, who asks, the time -> the answer and what to remember.

One computer at a time. Those that wait are served in the order in which they came, and every second turn belongs to
the best-placed one of the school while it waits: so each is measured, and the best one most often. What a person
asked for comes first. A pair (cable and Wi-Fi) has two turns in a row; a joint test (several cables, where no single
port carries the target) is the one case in which several fill the line at once, and all of them begin together.
A lease ends by itself: nobody has to come back for the next one to go on.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

Mode = Literal["single", "pair", "joint"]

GRACE = timedelta(seconds=5)  # so much later than told a waiting agent may ask again before others go first
PAIR_WITHIN = timedelta(seconds=150)  # the second of a pair keeps its right to the next turn for so long
TOGETHER_IN_S = 8.0  # until a joint test begins: every computer of it asks once more before that
TOGETHER_RETRY_S = 3.0
USUAL_TEST_S = 12.0
_RETRY_S = (0.5, 30.0)
_FULL_RETRY_S = 4.0


class Group(Struct, frozen=True):
    """A test that a person or the diagnosis asked for; ``members``: how many computers it takes."""

    order_id: str
    mode: Mode
    members: int = 1


class Wish(Struct, frozen=True, kw_only=True):
    """An agent that wants the line for so many seconds at most, and what that may cost a server."""

    agent: str
    lease_id: str
    seconds: float
    reserved_bps: float = 0.0
    servers: tuple[str, ...] = ()
    group: Group | None = None


class Waiting(Struct, frozen=True, kw_only=True):
    """An agent in the queue; it was told to ask again at ``due_at``."""

    agent: str
    lease_id: str
    since: datetime
    due_at: datetime
    seconds: float
    group: Group | None = None


class Held(Struct, frozen=True, kw_only=True):
    """A lease that was given; ``share``: which part of the school's target is this computer's, null for all of it."""

    agent: str
    lease_id: str
    mode: Mode
    order_id: str | None
    server: str
    reserved_bps: float
    starts_at: datetime
    ends_at: datetime
    share: float | None = None


class Server(Struct, frozen=True, kw_only=True):
    """A server with its limits (null: none) and what it carries now."""

    url: str
    tests: int | None = None
    capacity_bps: float | None = None
    load_tests: int = 0
    load_bps: float = 0.0

    def takes(self, reserved_bps: float) -> float:
        """Return what a test that reserves so much takes of it: never more than all."""
        return reserved_bps if self.capacity_bps is None else min(reserved_bps, self.capacity_bps)

    def has_room(self, reserved: Sequence[float]) -> bool:
        """Tell whether these tests fit in beside what it carries."""
        load = self.load_bps + sum(map(self.takes, reserved))
        return (self.tests is None or self.load_tests + len(reserved) <= self.tests) and (
            self.capacity_bps is None or load <= self.capacity_bps
        )


class School(Struct, frozen=True, kw_only=True):
    """What is known of a school's line.

    ``held`` are leases that are neither given back nor over, ``recent`` those of the last minutes, ended or not.
    ``last`` is who had the last turn that nobody had ordered. ``order`` are its computers, the best-placed first;
    ``ports`` what their links carry, where known. ``served`` were measured today already; ``in_slot`` is how many
    leases this slot had, of ``tests_per_slot``. ``usual_s`` is how long its last ones were held.
    """

    held: tuple[Held, ...] = ()
    recent: tuple[Held, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    last: str | None = None
    order: tuple[str, ...] = ()
    ports: Mapping[str, float] = {}
    served: frozenset[str] = frozenset()
    in_slot: int = 0
    tests_per_slot: int = 4
    usual_s: float = USUAL_TEST_S


class Granted(Struct, frozen=True):
    """The line is this agent's."""

    lease: Held


class Wait(Struct, frozen=True):
    """Ask again; ``position``: how many go first."""

    retry_s: float
    position: int
    reason: Literal["busy", "turn", "server", "others"]


class Enough(Struct, frozen=True):
    """The slot was measured enough, and this computer today."""


class Decision(Struct, frozen=True, kw_only=True):
    """The answer; ``waits`` is the agent's place to remember, ``leases`` those to store."""

    answer: Granted | Wait | Enough
    waits: Waiting | None = None
    leases: tuple[Held, ...] = ()


def decide(school: School, servers: Sequence[Server], wish: Wish, now: datetime) -> Decision:
    """Answer an agent's wish. ``servers`` are those that it may be sent to, the best first; none: nobody counts."""
    mine = next((one for one in school.held if one.lease_id == wish.lease_id and one.agent == wish.agent), None)
    if mine is not None:
        return Decision(answer=Granted(mine))
    before = next((one for one in school.waiting if one.agent == wish.agent), None)
    if before is None and _is_enough(school, wish):
        return Decision(answer=Enough())
    me = Waiting(
        agent=wish.agent,
        lease_id=wish.lease_id,
        since=before.since if before else now,
        due_at=now,
        seconds=wish.seconds,
        group=wish.group,
    )
    queue = ranked(school, _alive(school, me, now), now)
    position = next((index for index, one in enumerate(queue) if _has_its_turn_with(one, me)), len(queue))
    if wish.group is not None and me not in queue:
        return _told_to_wait(me, Wait(TOGETHER_RETRY_S, position, "others"), now)
    if school.held:
        return _told_to_wait(me, Wait(_retry_s(school, position), position, "busy"), now)
    if position:
        return _told_to_wait(me, Wait(_retry_s(school, position), position, "turn"), now)
    return _given(school, servers, wish, queue, now)


def ranked(school: School, alive: Sequence[Waiting], now: datetime) -> list[Waiting]:
    """Return who goes first, of those that wait; computers of a group that is not whole yet are left out."""
    under_way = {one.order_id for one in school.recent if one.mode == "pair" and now - one.starts_at < PAIR_WITHIN}
    seconds = [one for one in alive if one.group and one.group.order_id in under_way]
    asked = [one for one in alive if one.group and one not in seconds and _is_whole(one.group, alive)]
    plain = sorted((one for one in alive if one.group is None), key=_came)
    best = next((one for agent in school.order[:1] for one in plain if one.agent == agent), None)
    if best is not None and best.agent != school.last:
        plain.remove(best)
        plain.insert(0, best)
    places = {agent: place for place, agent in enumerate(school.order)}
    first_of = {
        one.group.order_id: min(other.since for other in asked if _together(one, other)) for one in asked if one.group
    }
    asked.sort(
        key=lambda one: (first_of[_order_id(one)], _order_id(one), places.get(one.agent, len(places)), one.agent)
    )
    return [*sorted(seconds, key=_came), *asked, *plain]


def _is_enough(school: School, wish: Wish) -> bool:
    is_best = school.order[:1] == (wish.agent,)
    return (
        wish.group is None and not is_best and wish.agent in school.served and school.in_slot >= school.tests_per_slot
    )


def _alive(school: School, me: Waiting, now: datetime) -> list[Waiting]:
    """Return those that wait and still ask; who did not come back in time lets others go first, and keeps its place."""
    others = [one for one in school.waiting if one.agent != me.agent and one.due_at + GRACE >= now]
    return [*others, me]


def _given(school: School, servers: Sequence[Server], wish: Wish, queue: Sequence[Waiting], now: datetime) -> Decision:
    me = queue[0]
    members = [me]
    if me.group is not None and me.group.mode == "joint":
        members = [one for one in queue if _together(one, me)]
    server = _server_for(servers, [wish.reserved_bps] * len(members))
    if server is None:
        return _told_to_wait(me, Wait(_FULL_RETRY_S, 0, "server"), now)
    starts_at = now + timedelta(seconds=TOGETHER_IN_S if len(members) > 1 else 0.0)
    shares = _shares(members, school.ports)
    leases = tuple(
        Held(
            agent=one.agent,
            lease_id=one.lease_id,
            mode=one.group.mode if one.group else "single",
            order_id=one.group.order_id if one.group else None,
            server=server.url,
            reserved_bps=server.takes(wish.reserved_bps),
            starts_at=starts_at,
            ends_at=starts_at + timedelta(seconds=one.seconds),
            share=share,
        )
        for one, share in zip(members, shares, strict=True)
    )
    own = next(one for one in leases if one.agent == wish.agent)
    return Decision(answer=Granted(own), leases=leases)


def _server_for(servers: Sequence[Server], reserved: Sequence[float]) -> Server | None:
    if not servers:
        return Server(url="")
    return next((server for server in servers if server.has_room(reserved)), None)


def _shares(members: Sequence[Waiting], ports: Mapping[str, float]) -> list[float | None]:
    """Return which part of the target each has to reach: as large as its port is beside the others."""
    if len(members) == 1:
        return [None]
    known = [ports.get(one.agent) for one in members]
    if None in known:
        return [1 / len(members)] * len(members)
    total = sum(port or 0.0 for port in known)
    return [(port or 0.0) / total for port in known]


def _told_to_wait(me: Waiting, answer: Wait, now: datetime) -> Decision:
    due_at = now + timedelta(seconds=answer.retry_s)
    waits = Waiting(
        agent=me.agent, lease_id=me.lease_id, since=me.since, due_at=due_at, seconds=me.seconds, group=me.group
    )
    return Decision(answer=answer, waits=waits)


def _retry_s(school: School, position: int) -> float:
    """Return when to ask again: often enough to be there when one's turn comes, seldom enough to be no burden."""
    least, most = _RETRY_S
    return min(most, max(least, position * school.usual_s / 2))


def _is_whole(group: Group, alive: Sequence[Waiting]) -> bool:
    return sum(1 for one in alive if one.group and one.group.order_id == group.order_id) >= group.members


def _has_its_turn_with(one: Waiting, me: Waiting) -> bool:
    """Tell whether this one's turn is mine too: it is mine, or we begin together."""
    return one.agent == me.agent or (_together(one, me) and me.group is not None and me.group.mode == "joint")


def _together(one: Waiting, other: Waiting) -> bool:
    return one.group is not None and other.group is not None and one.group.order_id == other.group.order_id


def _order_id(one: Waiting) -> str:
    return one.group.order_id if one.group else ""


def _came(one: Waiting) -> tuple[datetime, str]:
    return one.since, one.agent
