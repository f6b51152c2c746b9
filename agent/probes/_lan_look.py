"""One look at the network inside the school: which part runs when, and what all of them together say.

The idle way is measured first, and beside it only what sends a few packets a second; what sends more comes afterwards.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, TypeVar

from msgspec import Struct

from agent.contract.lan import Echoes, Hop, Lan, Resolver, Router
from agent.contract.values import Denied
from agent.host import addresses, hops, link, neighbours, path_mtu, ping, traffic
from agent.host.addresses import Around
from agent.host.neighbours import Neighbour
from agent.probes import _lan_listen, _lan_names, _lan_router
from agent.probes._lan_listen import Listened, Listening
from agent.probes._lan_names import Server
from agent.probes._lan_parts import Part
from agent.probes._lan_talk import Order

_AROUND_S, _WALK_S = 10.0, 4.0
_ECHOES, _ECHOES_S = 20, 4.0
_ECHOES_SHARE = 0.5  # of the time that is left, at most
_PATIENCE_S = ping.PATIENCE_S + 0.5
_LEAST_ECHOES_S = 0.2
_QUIET_S, _QUIET_SHARE = 7.0, 0.3  # until the echoes are over, so that nothing of ours disturbs them
_MOST_SERVERS, _MOST_DENIED = 16, 16
_MOST_DIGESTS, _MOST_CONFLICTS = 1024, 64

_Result = TypeVar("_Result")
Facts = dict[str, Any]


class Way(Struct, frozen=True, kw_only=True):
    """How this computer gets out: by which interface, with which own address, and towards whom, if that is known."""

    interface: str
    source: str
    far: str | None


class Wanted(Struct, frozen=True, kw_only=True):
    """The settings that a look needs (agent.probes.lan)."""

    gateway: str | None
    key: bytes | None
    names: tuple[str, ...]
    active: bool


class Look:
    """One measurement."""

    def __init__(self, wanted: Wanted, way: Way, ends: float) -> None:
        """Look at the network of this way out, until ``ends`` (time.monotonic) at the latest."""
        self._wanted = wanted
        self._way = way
        self._ends = ends
        self._prefix = link.prefix_length(way.interface, way.source)
        self._denied: list[Denied] = []

    def measure(self) -> Lan:
        """Measure everything."""
        with ExitStack() as stack:
            listening = self._listen(stack)
            walk = Part("icmp", self._walk)
            around = self._result(Part("resolvers", partial(addresses.around, self._way.interface)), _AROUND_S)
            around = around or Around()
            gateway = self._wanted.gateway or around.gateway or around.gateway6
            names = Part("resolvers", partial(self._names, around))
            router = Part("router", partial(self._router, gateway))
            way_out = self._idle(gateway, walk)
            before = neighbours.table(self._way.interface)
            child_asks = listening is not None and listening.is_listening
            hosts = Part("hosts", partial(self._neighbours, sweeps=self._wanted.active and not child_asks))
            sizes = self._sizes(gateway)
            near = (*(self._result(hosts) or ()), *neighbours.table(self._way.interface))
            resolvers, told = self._result(names) or (), self._result(router)
            heard = Listened() if listening is None else listening.told(self._ends)
        return Lan(
            interface=self._way.interface[:64],
            gateway=gateway,
            resolvers=resolvers,
            router=told,
            double_nat=double_nat(told, way_out["hops"]),
            dhcp_servers=_each_once((around.dhcp_server, *heard.servers))[:_MOST_SERVERS],
            denied=_first_of_each((*around.denied, *self._denied, *heard.denied)),
            **sizes,
            **hosts_of(before, near, heard, gateway=gateway, key=self._wanted.key),
            **(way_out | _heard(heard)),
        )

    def _result(self, part: Part[_Result], within_s: float | None = None) -> _Result | None:
        """Return what a part has found, and note what it was not allowed."""
        until = self._ends if within_s is None else min(self._ends, time.monotonic() + within_s)
        found = part.result(until)
        self._denied += part.denied
        return found

    def _listen(self, stack: ExitStack) -> Listening | None:
        """Begin to listen; None where this user may not."""
        active = self._wanted.active
        refused = _lan_listen.refusal(active=active)
        if refused is not None:
            self._denied += refused
            return None
        left_s = max(0.0, self._ends - time.monotonic())
        order = Order(
            interface=self._way.interface,
            seconds=left_s,
            active=active,
            quiet_s=min(_QUIET_S, _QUIET_SHARE * left_s),
            source=None if ":" in self._way.source else self._way.source,
            prefix_length=self._prefix,
        )
        return stack.enter_context(Listening(order))

    def _walk(self) -> tuple[Hop, ...]:
        return () if self._way.far is None else hops.walk(self._way.far)

    def _names(self, around: Around) -> tuple[Resolver, ...]:
        return _lan_names.look([Server(each) for each in around.resolvers], self._wanted.names, self._ends)

    def _router(self, gateway: str | None) -> Router | None:
        return None if gateway is None else _lan_router.look(gateway, self._way.source, self._ends)

    def _neighbours(self, *, sweeps: bool) -> tuple[Neighbour, ...]:
        if not sweeps or self._prefix is None or ":" in self._way.source:
            return ()
        return neighbours.sweep(self._way.interface, self._way.source, self._prefix, self._ends)

    def _idle(self, gateway: str | None, walk: Part[tuple[Hop, ...]]) -> Facts:
        """Walk the first hops, then send echoes to the router and to the one behind it, and count what is broadcast."""
        began, before = time.monotonic(), traffic.tally(self._way.interface)
        walked = self._result(walk, _WALK_S) or ()
        second = walked[1].address if len(walked) > 1 else None
        near, far = Part("icmp", partial(self._echoes, gateway)), Part("icmp", partial(self._echoes, second))
        facts: Facts = {
            "hops": walked,
            "gateway_echoes": self._result(near, _ECHOES_S + _PATIENCE_S),
            "second_hop_echoes": self._result(far, _ECHOES_S + _PATIENCE_S),
        }
        after = traffic.tally(self._way.interface)
        passed = None if before is None or after is None else traffic.passed(before, after, time.monotonic() - began)
        return facts | {"broadcasts_per_s": None if passed is None else passed.broadcasts_per_s}

    def _echoes(self, address: str | None) -> Echoes | None:
        """Send echoes for four seconds, or for half of what time is left."""
        left_s = self._ends - time.monotonic() - _PATIENCE_S
        lasts_s = min(_ECHOES_S, _ECHOES_SHARE * left_s)
        if address is None or lasts_s < _LEAST_ECHOES_S:
            return None
        pinger, samples = ping.run(address, _ECHOES, lasts_s / _ECHOES)
        if pinger.denied is not None:
            self._denied.append(pinger.denied)
        return ping.echoes(pinger.protocol, samples) if samples else None

    def _sizes(self, gateway: str | None) -> Facts:
        """Find the largest packet to the router and to the far end."""
        near, far = (Part("icmp", partial(_size, each)) for each in (gateway, self._way.far))
        return {"gateway_mtu_bytes": self._result(near), "path_mtu_bytes": self._result(far)}


def _size(address: str | None) -> int | None:
    return None if address is None else path_mtu.find(address)


def double_nat(router: Router | None, walked: Sequence[Hop]) -> bool | None:
    """Tell whether addresses are translated twice; null without proof.

    That the router's own outer address is private proves it. A private second hop alone does not: it may be a core
    switch or a ministry's network. But it is enough to doubt an outer address that is said to be public.
    """
    if router is None or router.external_private is None:
        return None
    second_is_private = len(walked) > 1 and walked[1].private is True
    return True if router.external_private else None if second_is_private else False


def hosts_of(
    before: Sequence[Neighbour], after: Iterable[Neighbour], heard: Listened, *, gateway: str | None, key: bytes | None
) -> Facts:
    """Return how many neighbours there are, and what stands for their MAC addresses where there is a key for that."""
    now = tuple({*after, *heard.owners})
    macs = {each.mac for each in (*before, *now)} - {heard.mac}
    facts: Facts = {"hosts": len(macs) or None}  # not even the router: the system does not tell
    if key is None:
        return facts
    clashing = neighbours.conflicts(tuple(before), now)
    router = next((each.mac for each in now if each.address == gateway), None)
    digest: Callable[[str], str] = partial(neighbours.digest, key=key)
    return facts | {
        "host_digests": tuple(sorted(map(digest, macs)))[:_MOST_DIGESTS],
        "conflicts": tuple(sorted(map(digest, clashing)))[:_MOST_CONFLICTS],
        "gateway_digest": None if router is None else digest(router),
    }


def _heard(heard: Listened) -> Facts:
    """Return what listening adds; its count of broadcasts is better than what the interface counts."""
    facts: Facts = {"dhcp_asked": heard.asked, "switch_ports": heard.switch_ports}
    if heard.broadcasts_per_s is not None:
        facts["broadcasts_per_s"] = heard.broadcasts_per_s
    return facts


def _each_once(found: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for each in found if each is not None))


def _first_of_each(denied: Iterable[Denied]) -> tuple[Denied, ...]:
    kept: dict[str, Denied] = {}
    for each in denied:
        kept.setdefault(each.what, each)
    return tuple(kept.values())[:_MOST_DENIED]
