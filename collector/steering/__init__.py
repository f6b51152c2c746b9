"""What people ask of computers right now: a test, a pair of tests, several at once, a pause; and the end of a pause."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, get_args

from msgspec import Struct

from agent.contract.standards import Target
from collector import policies, policy
from collector.errors import NotAllowed, NotFound
from collector.settings import PolicySettings
from collector.store import audit, leases, schools, test_orders
from collector.store.audit import Who
from collector.store.database import Connection
from collector.store.leases import Placed
from collector.store.policies import Scope
from collector.store.test_orders import Kind

Action = Literal["now", "pause", "resume", "pair", "joint"]
ACTIONS: tuple[Action, ...] = get_args(Action)
_WAITS_FOR = {"now": timedelta(hours=2), "pair": timedelta(hours=1), "joint": timedelta(hours=1)}
_KINDS: dict[Action, Kind] = {"now": "run_now", "pair": "pair", "joint": "joint"}
_NO_END = timedelta(days=36_500)
SEEN_WITHIN = timedelta(days=7)
PORT_CARRIES = 0.94  # of its rate, at the IP layer: Ethernet's own headers and gaps
_MOST_TOGETHER = 16


class Steered(Struct, frozen=True, kw_only=True):
    """What was asked of whom: ``agents`` are the computers, empty where the scope's policy says it."""

    action: Action
    scope: str
    agents: tuple[str, ...] = ()
    until: datetime | None = None


class Steering(Struct, frozen=True, kw_only=True):
    """What somebody asks; ``agents`` null: all that are in service, for a pair or a joint test those that suit best."""

    action: Action
    scope: Scope
    agents: Sequence[str] | None = None


def steer(connection: Connection, asked: Steering, base: PolicySettings, *, who: Who, now: datetime) -> Steered:
    """Do what is asked; whoever may change the scope's policy may ask it.

    Raises:
        NotFound: there is no such computer in service.
        NotAllowed: a pair or a joint test outside of one school, or of computers that cannot do it.
    """
    if asked.action in ("pause", "resume"):
        return _pause_or_resume(connection, asked, base, who=who, now=now)
    agents = asked.agents
    if asked.action != "now":
        agents = _together(connection, asked, base, now)
    until = now + _WAITS_FOR[asked.action]
    found = test_orders.keep(
        connection, asked.scope, agents, kind=_KINDS[asked.action], author=who.name, now=now, until=until
    )
    _check_found(found, agents, asked.scope)
    _note(connection, asked, found, who, now)
    return Steered(action=asked.action, scope=str(asked.scope), agents=tuple(found), until=until)


def _pause_or_resume(
    connection: Connection, asked: Steering, base: PolicySettings, *, who: Who, now: datetime
) -> Steered:
    """Pause or resume single computers, or a whole scope by its policy."""
    pausing = asked.action == "pause"
    if asked.agents is None:
        policies.pause(connection, asked.scope, base, paused=pausing, who=who, now=now)
        return Steered(action=asked.action, scope=str(asked.scope))
    if pausing:
        until = now + _NO_END
        found = test_orders.keep(
            connection, asked.scope, asked.agents, kind="pause", author=who.name, now=now, until=until
        )
        _check_found(found, asked.agents, asked.scope)
    elif not test_orders.end(connection, asked.scope, asked.agents, pauses=True, now=now):
        raise NotFound(f"none of these computers of {asked.scope} is paused by itself; is its whole school?")
    _note(connection, asked, asked.agents, who, now)
    return Steered(action=asked.action, scope=str(asked.scope), agents=tuple(asked.agents))


def _together(connection: Connection, asked: Steering, base: PolicySettings, now: datetime) -> list[str]:
    school = schools.school(connection, asked.scope.school_id) if asked.scope.school_id else None
    if school is None:
        raise NotAllowed(f"a {asked.action} test is one school's; name the scope school:ID")
    placed = leases.placed(connection, school.school_id, now - SEEN_WITHIN)
    known = [one for one in placed if asked.agents is None or one.agent_id in asked.agents]
    if asked.action == "joint":
        target = policy.target_of(school, policies.effective(connection, school, base))
        chosen = joint(known, target, whole=asked.agents is not None)
    else:
        chosen = pair(known)
    if asked.agents is not None and sorted(chosen) != sorted(set(asked.agents)):
        chosen = []
    if not chosen:
        what = "two or more computers with a cable" if asked.action == "joint" else "one with a cable and one on Wi-Fi"
        raise NotAllowed(
            f"a {asked.action} test takes {what}, seen at {asked.scope} within seven days; look at its computers"
        )
    return chosen


def pair(placed: Sequence[Placed]) -> list[str]:
    """Return the best-placed computer with a cable and the best on Wi-Fi; none where one of them is missing."""
    best = sorted(placed, key=lambda one: -(one.link_speed_bps or 0))
    found = [next((one.agent_id for one in best if one.medium == medium), None) for medium in ("ethernet", "wifi")]
    return [one for one in found if one is not None] if None not in found else []


def joint(placed: Sequence[Placed], target: Target, *, whole: bool = False) -> list[str]:
    """Return as few computers with a cable as together can carry the target, two at least; none where they cannot.

    ``whole``: all of these were chosen already.
    """
    wanted = target.download_bps or target.download_floor_bps
    chosen: list[str] = []
    carried = 0.0
    cabled = (one for one in placed if one.medium == "ethernet" and one.link_speed_bps)
    for one in sorted(cabled, key=lambda one: (-(one.link_speed_bps or 0), one.agent_id))[:_MOST_TOGETHER]:
        if len(chosen) >= 2 and carried >= wanted and not whole:
            break
        chosen.append(one.agent_id)
        carried += PORT_CARRIES * (one.link_speed_bps or 0)
    return chosen if len(chosen) >= 2 and (whole or carried >= wanted) else []


def _check_found(found: Sequence[str], agents: Sequence[str] | None, scope: Scope) -> None:
    missing = sorted(set(agents or ()) - set(found))
    if missing:
        raise NotFound(f"there is no computer {missing[0]!r} in service at {scope}; nothing was asked of any")
    if not found:
        raise NotFound(f"there is no computer in service at {scope}")


def _note(connection: Connection, asked: Steering, agents: Sequence[str], who: Who, now: datetime) -> None:
    detail = {"action": asked.action, "computers": len(agents), "first": list(agents[:20])}
    audit.note(connection, who, "changed", f"tests of {asked.scope}", now=now, detail=detail)
