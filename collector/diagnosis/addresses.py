"""Defects that only several computers together show: two routers or two address servers in one network; pure."""

import ipaddress
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date

from agent.contract.causes import Defect, DefectWord, Evidence, Reference
from agent.contract.measurement import Link
from collector.diagnosis import words
from collector.diagnosis.sessions import ComputerSession


def defects(facts: Sequence[ComputerSession]) -> Iterator[Defect]:
    """Compare what the computers of one network and day were told; a school that is set up anew may change by day."""
    told: dict[tuple[DefectWord, date, str], dict[str, tuple[str, Link]]] = defaultdict(dict)
    for session in facts:
        for one in session.measurements:
            at = getattr(one, "started_at", None) or session.started_at
            if not isinstance(one, Link) or at is None or (network := _network(one)) is None:
                continue
            if one.dhcp_server:
                told["rogue_dhcp", at.date(), network].setdefault(one.dhcp_server, (session.agent, one))
            # A router has one address in each family; only computers in that network can use it.
            if one.gateway and _is_in(one.gateway, network):
                told["second_gateway", at.date(), network].setdefault(one.gateway, (session.agent, one))
    shown: set[tuple[DefectWord, str]] = set()
    for (word, _, network), seen in told.items():
        if len(seen) > 1 and len({agent for agent, _ in seen.values()}) > 1 and (word, network) not in shown:
            shown.add((word, network))
            yield _defect(word, seen)


def _defect(word: DefectWord, seen: dict[str, tuple[str, Link]]) -> Defect:
    agent, link = next(iter(seen.values()))
    return Defect(
        defect=word,
        sentence=words.BETWEEN_COMPUTERS[word].format(names=", ".join(sorted(seen))),
        evidence=Evidence(
            figure="address servers (DHCP)" if word == "rogue_dhcp" else "routers in one network",
            value=float(len(seen)),
            unit="devices",
            threshold=1.0,
            reference=Reference(kind="link", started_at=link.started_at, agent=agent),
            overturned_by="the school's own plan of its network, if it has both on purpose",
        ),
    )


def _network(link: Link) -> str | None:
    if link.address is None or link.prefix_length is None:
        return None
    try:
        network = ipaddress.ip_network(f"{link.address.partition('%')[0]}/{link.prefix_length}", strict=False)
    except ValueError:
        return None
    # Every IPv6 link has the same local network: that two computers have one of these says nothing.
    return None if network.is_link_local else str(network)


def _is_in(address: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(address.partition("%")[0]) in ipaddress.ip_network(network)
    except ValueError:
        return False
