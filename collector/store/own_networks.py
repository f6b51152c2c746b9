"""Which Wi-Fi networks and routers are a school's own, learnt from how its computers were connected."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct
from psycopg.rows import kwargs_row

from collector.store.database import Connection
from collector.store.questions import sql

MAX_NETWORKS = 64  # as many as a policy names
_TOGETHER = 2


class Association(Struct, frozen=True, kw_only=True):
    """A computer connected over a network (``ssid_hex`` null by cable or where it may not tell) to a router."""

    school_id: str
    agent_id: str
    medium: str
    ssid_hex: str | None
    gateway: str | None
    gateway_digest: str | None
    surveyed: bool

    @property
    def routers(self) -> frozenset[str]:
        """What the router is known by: the digest of its MAC address, and its IP address."""
        return frozenset(name for name in (self.gateway_digest, self.gateway) if name is not None)


class Own(Struct, frozen=True, kw_only=True):
    """A school's own networks, those of most computers first, and its routers."""

    ssids_hex: tuple[str, ...] = ()
    routers: frozenset[str] = frozenset()


def learn(associations: Sequence[Association]) -> Own:
    """Tell which networks are a school's, from its computers' connections.

    A router is the school's if a computer with a cable uses it, or two computers do. A network is the school's if it
    leads to such a router: by the digest of its MAC address, which no other router has. By its IP address, which many
    homes have too, only if two computers or a survey used it. Where no router is known, a survey's network is believed.
    """
    routers = _routers(associations)
    computers: dict[str, set[str]] = defaultdict(set)
    proven, likely, surveyed = set(), set(), set()
    for one in associations:
        if one.medium != "wifi" or not one.ssid_hex:
            continue
        surveyed |= {one.ssid_hex} if one.surveyed else set()
        if one.gateway_digest in routers:
            proven.add(one.ssid_hex)
        if one.routers & routers:
            likely.add(one.ssid_hex)
            computers[one.ssid_hex].add(one.agent_id)
    believed = {ssid for ssid in likely if ssid in surveyed or len(computers[ssid]) >= _TOGETHER}
    found = proven | believed if routers else surveyed
    order = sorted(found, key=lambda ssid: (-len(computers[ssid]), ssid))
    return Own(ssids_hex=tuple(order[:MAX_NETWORKS]), routers=routers)


def _routers(associations: Sequence[Association]) -> frozenset[str]:
    users: dict[str, set[str]] = defaultdict(set)
    cabled = set()
    for one in associations:
        for name in one.routers:
            users[name].add(one.agent_id)
            cabled |= {name} if one.medium == "ethernet" else set()
    return frozenset(name for name, by in users.items() if name in cabled or len(by) >= _TOGETHER)


def of_schools(connection: Connection, start: datetime, end: datetime, school_id: str | None = None) -> dict[str, Own]:
    """Return what was learnt in a span of time of every school the viewer may see, or of one."""
    parameters = {"start": start, "end": end, "school_id": school_id}
    with connection.cursor(row_factory=kwargs_row(Association)) as cursor:
        rows = cursor.execute(sql("associations"), parameters).fetchall()
    return {school: learn(members) for school, members in _by_school(rows).items()}


def _by_school(rows: Iterable[Association]) -> dict[str, list[Association]]:
    found: dict[str, list[Association]] = defaultdict(list)
    for row in rows:
        found[row.school_id].append(row)
    return found
