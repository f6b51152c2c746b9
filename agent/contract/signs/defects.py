"""Defects of the network's set-up that one computer sees, whatever the speed; pure."""

from collections.abc import Iterator

from agent.contract.causes import Defect
from agent.contract.lan import Lan, Resolver
from agent.contract.signs import router
from agent.contract.signs.seen import Seen, fact, held
from agent.contract.signs.wiring import storm
from agent.contract.values import Measured, stays_inside

_UNREACHABLE = frozenset({"connect_timeout", "unreachable", "no_answer"})


def defects(seen: Seen) -> tuple[Defect, ...]:
    """Return the defects seen in one session."""
    return (
        *_addresses(seen),
        *_names(seen),
        *_storm(seen),
        *_open_wifi(seen),
        *_packets(seen),
        *_lossy(seen),
        *_peers(seen),
    )


def _addresses(seen: Seen) -> Iterator[Defect]:
    lan = seen.lan
    if lan is None:
        return
    if len(set(lan.dhcp_servers)) > 1:
        servers = ", ".join(sorted(set(lan.dhcp_servers)))
        yield Defect(
            defect="rogue_dhcp",
            sentence=f"More than one device hands out addresses ({servers}): find the one that is not the router's, "
            "often a home router plugged in the wrong way round, and unplug it.",
            evidence=fact(lan, "address servers (DHCP)", len(set(lan.dhcp_servers)), "servers"),
        )
    if lan.conflicts:
        yield Defect(
            defect="address_conflict",
            sentence="Two devices use one address: let all of them get theirs automatically (DHCP).",
            evidence=fact(lan, "addresses that two devices have", len(lan.conflicts), "addresses"),
        )
    if lan.double_nat:
        yield Defect(
            defect="double_nat",
            sentence="Two routers stand one behind the other: set the inner one to work as an access point only.",
            evidence=fact(lan, "routers behind each other", 2, "routers"),
        )


def _names(seen: Seen) -> Iterator[Defect]:
    lan, rules = seen.lan, seen.rules.names
    for one in lan.resolvers if lan is not None else ():
        if lan is None:
            return
        limit = rules.school_resolver_ms if stays_inside(one.address) else rules.resolver_ms
        if one.median_ms is not None and one.median_ms > limit.value:
            yield Defect(
                defect="slow_resolver",
                sentence=f"The name server {one.address} is slow, so that every page begins late: use another one.",
                evidence=held(lan, f"answers of the name server {one.address}", one.median_ms, limit),
            )
        elif one.asked > 0 and one.answered == 0:
            yield Defect(
                defect="slow_resolver",
                sentence=f"The name server {one.address} does not answer: remove it from the router's settings.",
                evidence=fact(lan, f"answers of the name server {one.address}", 0, "answers"),
            )
        if one.invents or len(one.differs) >= rules.differing_names.value:
            yield _lie(lan, one)


def _lie(lan: Lan, resolver: Resolver) -> Defect:
    return Defect(
        defect="lying_resolver",
        sentence=f"The name server {resolver.address} gives false answers: ask whoever runs it, or use another one.",
        evidence=fact(
            lan, f"false answers of the name server {resolver.address}", max(1, len(resolver.differs)), "names"
        ),
    )


def _storm(seen: Seen) -> Iterator[Defect]:
    for evidence in storm(seen):
        yield Defect(
            defect="storm",
            sentence="Broadcasts flood the network: look for a cable that connects two sockets of the same switch.",
            evidence=evidence,
        )


def _open_wifi(seen: Seen) -> Iterator[Defect]:
    link = seen.connection
    networks = seen.wifi.networks if seen.wifi is not None else ()
    is_open = link is not None and link.security in ("open", "wep")
    of: Measured | None = seen.link if is_open else seen.wifi
    if of is not None and (
        is_open or any((one.own or one.associated) and one.security in ("open", "wep") for one in networks)
    ):
        yield Defect(
            defect="open_wifi",
            sentence="The school's Wi-Fi is open to everybody: set WPA2 or WPA3 with a password.",
            evidence=fact(of, "own Wi-Fi without protection", 1, "mark"),
        )


def _packets(seen: Seen) -> Iterator[Defect]:
    lan, limit = seen.lan, seen.rules.wired.mtu_bytes
    # Beyond the router a little less is usual (PPPoE: 1492); inside nothing explains it.
    if lan is not None and lan.gateway_mtu_bytes is not None and lan.gateway_mtu_bytes < limit.value:
        yield Defect(
            defect="small_mtu",
            sentence="Packets of the usual size do not reach the router: set the MTU to 1500 on this computer and "
            "the devices in between.",
            evidence=held(lan, "largest packet to the router", lan.gateway_mtu_bytes, limit),
        )


def _lossy(seen: Seen) -> Iterator[Defect]:
    for lost in router.lossy(seen):
        yield Defect(
            defect="lossy_way",
            sentence="Packets are lost between this computer and the router, so that video lessons stutter even where "
            "the speed is good: try another cable and port, or come nearer to the Wi-Fi access point.",
            evidence=lost,
        )


def _peers(seen: Seen) -> Iterator[Defect]:
    peer = seen.peer
    # Announcements prove nothing: anybody may invent computers that do not answer. The collector names real ones.
    known = [one for one in peer.peers if one.found_by != "mdns" or one.failure is None] if peer is not None else []
    cut_off = [one for one in known if one.failure in _UNREACHABLE]
    if peer is None or not cut_off or len(cut_off) < len(known):
        return  # one computer that is switched off is no defect
    yield Defect(
        defect="peers_unreachable",
        sentence="This computer cannot reach the school's other computers: the access point isolates its devices, "
        "a firewall blocks them, or they are in another network (VLAN).",
        evidence=fact(peer, "computers of the school that do not answer", len(cut_off), "computers"),
    )
