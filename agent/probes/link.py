"""Which link this computer uses towards the server, what is around it, and how busy this computer itself keeps it."""

import socket
import time
from typing import Annotated, ClassVar

from msgspec import Meta, Struct, structs

from agent.contract.measurement import Failed, Link
from agent.contract.values import Denied
from agent.contract.wifi import WifiConnection
from agent.errors import ProbeUnavailable
from agent.host import addresses, link, traffic, wifi
from agent.host.addresses import Around
from agent.host.traffic import Traffic
from agent.meter import dial
from agent.meter.dial import Address
from agent.meter.errors import TransferError

NAME = "link"
_LOOK_UP_S = 5.0
_MOST_CHARACTERS = 2048
# Documentation addresses (RFC 5737, RFC 3849): the way there is the default route, and nothing is sent.
_ANYWHERE: list[Address] = [
    (socket.AF_INET, ("192.0.2.1", 9)),
    (socket.AF_INET6, ("2001:db8::1", 9, 0, 0)),
]


class Surroundings(Struct, frozen=True, kw_only=True):
    """What is around the interface; ``address`` is our own there."""

    address: str
    prefix_length: int | None = None
    around: Around = Around()
    wifi: WifiConnection | None = None
    denied: tuple[Denied, ...] = ()


class Probe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Look at the interface towards ``server`` (without one: the default route) and count its traffic."""

    takes_the_line: ClassVar[bool] = False
    needs_server: ClassVar[bool] = True

    server: str = ""
    count_s: Annotated[float, Meta(ge=0, le=60)] = 1.0

    def __post_init__(self) -> None:
        """Refuse a server that is no address (SettingsError)."""
        if self.server:
            dial.endpoint(self.server)

    def measure(self, deadline_s: float) -> Link | Failed:
        """Measure within ``deadline_s`` seconds.

        Raises:
            ProbeUnavailable: the system does not say which interface it is.
        """
        deadline = time.monotonic() + deadline_s
        try:
            address = self._own_address(deadline)
        except TransferError as error:
            return Failed(probe=NAME, failure=error.failure, detail=str(error))
        interface = link.interface_of(address)
        raw = None if interface is None else link.fetch(interface)
        if raw is None:
            raise ProbeUnavailable(f"the system does not say which network interface has the address {address}")
        left = deadline - time.monotonic()
        counted = traffic.count(raw.interface, min(self.count_s, left)) if self.count_s > 0 and left > 0 else None
        return combine(raw, counted, _surroundings(raw, address))

    def _own_address(self, deadline: float) -> str:
        places = _ANYWHERE
        if self.server:
            target = dial.endpoint(self.server)
            until = min(deadline, time.monotonic() + _LOOK_UP_S)
            places = dial.addresses(target.host, target.port, socket.SOCK_DGRAM, until)
        trouble: OSError | None = None
        for family, address in places:
            try:
                return link.local_address(family, address)
            except OSError as error:
                trouble = trouble or error
        raise TransferError.of(
            trouble or OSError(), "there is no way to the server from here; is the network plugged in?"
        )


def _surroundings(raw: link.RawLink, address: str) -> Surroundings:
    """Ask for the addresses around the interface, and for its Wi-Fi connection where it is one."""
    told: WifiConnection | None = None
    denied: tuple[Denied, ...] = ()
    if link.decode(raw).medium == "wifi":
        try:
            told, denied = wifi.connection(raw.interface)
        except (OSError, ProbeUnavailable) as error:
            denied = (Denied(what="signal", setting=str(error)[:_MOST_CHARACTERS]),)
    return Surroundings(
        address=address,
        prefix_length=link.prefix_length(raw.interface, address),
        around=addresses.around(raw.interface),
        wifi=told,
        denied=denied,
    )


def combine(raw: link.RawLink, counted: Traffic | None, near: Surroundings) -> Link:
    """Put what is believed of the interface, what was counted and what is around it into a measurement."""
    facts = link.decode(raw)
    return Link(
        interface=raw.interface[:64],
        medium=facts.medium,
        speed_bps=facts.speed_bps,
        duplex=facts.duplex,
        mtu_bytes=facts.mtu_bytes,
        adapter=None if facts.adapter is None else facts.adapter[:128],
        address=near.address[:64],
        prefix_length=near.prefix_length,
        gateway=near.around.gateway or near.around.gateway6,
        resolvers=near.around.resolvers,
        dhcp_server=near.around.dhcp_server,
        wifi=near.wifi,
        denied=(*near.denied, *near.around.denied)[:16],
        **({} if counted is None else structs.asdict(counted)),
    )
