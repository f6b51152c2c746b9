"""The network inside the school as this computer sees it: the way out, name servers, addresses, neighbours, the router.

Everything essential needs no privileges. What sends to many (asking every address, and for DHCP servers) is done only
if the settings say so; what switches say of themselves is listened for where the user may. Each part stands alone.
"""

import ipaddress
import socket
import time
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from agent.contract.errors import SettingsError
from agent.contract.lan import Lan
from agent.contract.measurement import Failed
from agent.contract.values import Address, Word
from agent.errors import ProbeUnavailable
from agent.host import link
from agent.meter import dial
from agent.meter.errors import TransferError
from agent.probes import _lan_dns, _services_catalogue
from agent.probes._lan_look import Look, Wanted, Way

NAME = "lan"
_RESERVE_S = 0.3  # of the deadline
_LOOK_UP_S = 3.0
_MOST_NAMES = 10
# Documentation addresses (RFC 5737, RFC 3849): the way there is the default route, and nothing is sent.
_ANYWHERE: list[dial.Address] = [
    (socket.AF_INET, ("192.0.2.1", 9)),
    (socket.AF_INET6, ("2001:db8::1", 9, 0, 0)),
]


class Probe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Look at the network on the way to ``anchor``, else to ``server`` (without either: the default route).

    ``gateway`` is the first router where the system names a wrong one. ``key`` is the school's, by which MAC addresses
    become digests; without it there are none. ``names`` are asked of the name servers; unset, those of the platforms
    in config/services.toml. With ``active`` every address of a small network is asked once, and who hands out
    addresses.
    """

    takes_the_line: ClassVar[bool] = False
    needs_server: ClassVar[bool] = True

    server: str = ""
    anchor: str | None = None
    gateway: Address | None = None
    key: Annotated[bytes, Meta(min_length=16, max_length=64)] | None = None
    names: Annotated[tuple[Word, ...], Meta(max_length=16)] | None = None
    active: bool = False

    def __post_init__(self) -> None:
        """Refuse addresses and names that are none (SettingsError)."""
        for place in (self.server, self.anchor):
            if place:
                dial.endpoint(place)
        try:
            if self.gateway is not None:
                ipaddress.ip_address(self.gateway.partition("%")[0])
            for name in self.names or ():
                _lan_dns.question(0, name)
        except ValueError as error:
            raise SettingsError(f"probe lan: {error}; give an address as gateway and host names as names") from error

    def measure(self, deadline_s: float) -> Lan | Failed:
        """Measure within ``deadline_s`` seconds; what could not be measured is null, what was refused is said.

        Raises:
            ProbeUnavailable: the system does not say which interface leads out.
        """
        ends = time.monotonic() + deadline_s - _RESERVE_S
        way = self._way(ends)
        if way is None:
            return Failed(
                probe=NAME, failure="unreachable", detail="there is no network here; is the cable plugged in?"
            )
        if ipaddress.ip_address(way.source.partition("%")[0]).is_loopback:
            return Lan(interface=way.interface[:64])  # no network in between
        wanted = Wanted(gateway=self.gateway, key=self.key, names=self._asked_names(), active=self.active)
        return Look(wanted, way, ends).measure()

    def _way(self, ends: float) -> Way | None:
        far = self._far(min(ends, time.monotonic() + _LOOK_UP_S))
        for family, place in (*far, *_ANYWHERE):
            try:
                source = link.local_address(family, place)
            except OSError:
                continue
            interface = link.interface_of(source)
            if interface is None:
                raise ProbeUnavailable(f"the system does not say which network interface has the address {source}")
            return Way(interface=interface, source=source, far=str(place[0]) if (family, place) in far else None)
        return None

    def _far(self, deadline: float) -> list[dial.Address]:
        """Return the far end's addresses; none where its name cannot be resolved, which is no reason to end here."""
        place = self.anchor or self.server
        if not place:
            return []
        target = dial.endpoint(place)
        try:
            return dial.addresses(target.host, target.port, socket.SOCK_DGRAM, deadline)
        except TransferError:
            return []

    def _asked_names(self) -> tuple[str, ...]:
        """Return the names that name servers are asked for."""
        if self.names is not None:
            return self.names
        platforms = _services_catalogue.read(None).platforms
        return tuple(dict.fromkeys(dial.http_endpoint(each.url).host for each in platforms))[:_MOST_NAMES]
