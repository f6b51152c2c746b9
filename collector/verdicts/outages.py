"""When a line was down for certain: a computer was on, its router answered, and nothing beyond it did; pure.

An outage lasts from the first sign of it to the last, and whatever shows the line up in between ends it. A pause longer
than ``apart`` between two signs is not counted, because the line may have come back while all computers were off. What
came in at that very moment shows no line down. So it is the least that it can have been, if what the computers signed
is true: nobody else sees a line that is down.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta

from msgspec import Struct

from agent.contract.failure import Failure
from agent.contract.lan import Lan
from agent.contract.measurement import Failed, Latency, Measurement, Throughput, Unknown
from agent.contract.services import Services
from agent.contract.values import is_address, stays_inside
from collector.verdicts.heard import Session

_BEYOND: frozenset[Failure] = frozenset({"connect_timeout", "unreachable", "no_answer", "dns_failed"})
_STILL_LET_THROUGH = timedelta(days=7)  # UDP, where it was seen to be; ours
# Ours: what a computer brought so soon after a look at the line came over it. A light session comes every 15 minutes.
_AT_ONCE = timedelta(minutes=10)


class Sign(Struct, frozen=True):
    """What a session shows of the line at a moment: it was up, or it was down; ``counts``: the contract asks then."""

    at: datetime
    is_up: bool
    counts: bool = True


class Outage(Struct, frozen=True):
    """The line was down at least from one moment to the other."""

    begins: datetime
    ends: datetime


def signs(sessions: Sequence[Session]) -> list[Sign]:
    """Return what sessions show, in the order of time; those that show nothing are left out."""
    known = [one for one in sessions if not _void(one)]
    echoed: dict[str, list[datetime]] = defaultdict(list)
    for one in known:
        if any(isinstance(each, Latency) for each in one.measurements):
            echoed[one.agent].append(one.created_at)
    moments = {agent: sorted(found) for agent, found in echoed.items()}
    arrived = _arrivals(sessions)
    found = []
    for one in known:
        is_up = _is_up(one.measurements)
        is_down = is_up is False and not _came(one.created_at, arrived[one.agent])
        if is_up or (is_down and _proves(one, moments.get(one.agent, ()))):
            found.append(Sign(one.created_at, is_up is True))
    return in_order(found)


def in_order(found: Iterable[Sign]) -> list[Sign]:
    """Sort signs by time."""
    return sorted(found, key=lambda one: (one.at, one.is_up))


def _arrivals(sessions: Iterable[Session]) -> dict[str, list[datetime]]:
    """Return when reports of each computer came in, in order; whatever they say, its line worked then."""
    found: dict[str, list[datetime]] = defaultdict(list)
    for one in sessions:
        found[one.agent].append(one.received_at)
    return {agent: sorted(moments) for agent, moments in found.items()}


def _came(at: datetime, arrived: Sequence[datetime]) -> bool:
    """Tell whether anything came in at a moment or soon after: nobody can say that the line was down then."""
    place = bisect_left(arrived, at)
    return place < len(arrived) and arrived[place] - at < _AT_ONCE


def _proves(one: Session, echoed: Sequence[datetime]) -> bool:
    """Tell whether what failed shows the line down.

    Echoes go by UDP, which many networks filter: alone they say so only where they came back to this computer within a
    week. ``echoed``: when they did, in order.
    """
    if {each.probe for each in one.measurements if isinstance(each, Failed)} != {"latency"}:
        return True
    place = bisect_left(echoed, one.created_at)
    return any(abs(at - one.created_at) <= _STILL_LET_THROUGH for at in echoed[max(0, place - 1) : place + 1])


def _void(one: Session) -> bool:
    return any(reason != "clock" or not one.is_in_order for reason in one.void)


def outages(found: Sequence[Sign], apart: timedelta) -> list[Outage]:
    """Join signs to outages; one sign alone lasts no time and is none."""
    return [Outage(run[0], run[-1]) for run in _runs(found, apart) if run[-1] > run[0]]


def days_down(found: Sequence[Sign], day_of: Callable[[datetime], date], least: timedelta) -> list[date]:
    """Return the days on which the line was never seen up, and seen down over so much time, in order; as it counts."""
    by_day: dict[date, list[Sign]] = {}
    for one in found:
        if one.counts:
            by_day.setdefault(day_of(one.at), []).append(one)
    return sorted(
        day
        for day, members in by_day.items()
        if not any(one.is_up for one in members) and members[-1].at - members[0].at >= least
    )


def longest_row(days: Iterable[date], working_days: Sequence[date], carried: int = 0) -> tuple[int, int]:
    """Return how many working days in a row are among these days, and how many at their end; ``carried``: before."""
    wanted, longest, row = set(days), 0, carried
    for day in working_days:
        row = row + 1 if day in wanted else 0
        longest = max(longest, row)
    return longest, row


def _runs(found: Sequence[Sign], apart: timedelta) -> Iterator[list[datetime]]:
    run: list[datetime] = []
    for one in found:
        if run and (one.is_up or one.at - run[-1] > apart):
            yield run
            run = []
        if not one.is_up:
            run.append(one.at)
    if run:
        yield run


def _is_up(measured: Sequence[Measurement | Unknown]) -> bool | None:
    """Say up if anything came back from beyond the school, down only if the way to there is known to be whole."""
    if any(isinstance(one, Throughput | Latency) for one in measured):
        return True
    failures = {one.failure for one in measured if isinstance(one, Failed)}
    inside = next((one for one in measured if isinstance(one, Lan)), None)
    if not failures or not failures <= _BEYOND or inside is None or not _router_answers(inside):
        return None
    # A server that is down is not the line: if anything beyond the router answered, nothing is known. A name server
    # inside the school that answers may have asked beyond it.
    if _anything_may_answer_beyond(inside) or any(isinstance(one, Services) for one in measured):
        return None
    # A name server inside the school may be what is broken; then the names say nothing of the line.
    if failures == {"dns_failed"} and not _asks_beyond(inside):
        return None
    return False


def _router_answers(inside: Lan) -> bool:
    return inside.gateway_echoes is not None and inside.gateway_echoes.received > 0


def _anything_may_answer_beyond(inside: Lan) -> bool:
    resolvers = any(one.answered > 0 for one in inside.resolvers)
    second = inside.second_hop_echoes is not None and inside.second_hop_echoes.received > 0
    hops = any(one.ttl > 1 and one.address is not None and one.private is not True for one in inside.hops)
    return resolvers or second or hops


def _is_beyond(address: str) -> bool:
    """Tell whether an address is surely outside of the school."""
    return is_address(address) and not stays_inside(address)


def _asks_beyond(inside: Lan) -> bool:
    """Tell whether a name server that did not answer is the router or stands outside of the school."""
    silent = [one.address for one in inside.resolvers if one.answered == 0]
    return any(one == inside.gateway or _is_beyond(one) for one in silent)
