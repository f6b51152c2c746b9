"""What the lan probe and its child process say to each other: one JSON object a line."""

from typing import Literal

import msgspec
from msgspec import Struct

from agent.contract.lan import SwitchPort


class Order(Struct, frozen=True, kw_only=True):
    """What the child is to do on an interface; only if ``active`` does it send anything, after ``quiet_s``.

    ``source`` and ``prefix_length`` are this computer's own address and its subnet's, null without one of IPv4.
    """

    interface: str
    seconds: float
    active: bool
    quiet_s: float = 0.0
    source: str | None = None
    prefix_length: int | None = None


class Began(Struct, frozen=True, kw_only=True, tag="began"):
    """It listens; ``mac`` is this computer's own."""

    mac: str


class Asked(Struct, frozen=True, kw_only=True, tag="asked"):
    """It has asked for DHCP servers and, where the network is small enough, for every address."""

    addresses: int


class Switch(Struct, frozen=True, kw_only=True, tag="switch"):
    """A switch has named itself."""

    port: SwitchPort


class Server(Struct, frozen=True, kw_only=True, tag="server"):
    """A DHCP server has answered, us or somebody else."""

    address: str


class Owner(Struct, frozen=True, kw_only=True, tag="owner"):
    """Somebody says which address is its own."""

    address: str
    mac: str


class Counted(Struct, frozen=True, kw_only=True, tag="counted"):
    """So many broadcasts and multicasts of others so far, in so long."""

    frames: int
    seconds: float


class Refused(Struct, frozen=True, kw_only=True, tag="refused"):
    """It cannot listen here, and why."""

    why: Literal["rights", "software", "medium"]
    detail: str


Line = Began | Asked | Switch | Server | Owner | Counted | Refused
lines: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)
