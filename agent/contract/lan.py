"""What one computer sees of the network inside its school. Facts only."""

from typing import Annotated

from msgspec import Meta, Struct

from agent.contract.failure import Failure
from agent.contract.values import (
    Address,
    Bps,
    Count,
    Denied,
    Digest,
    Label,
    Measured,
    Milliseconds,
    PerSecond,
    Ratio,
    Text,
    Word,
)


class Echoes(Struct, frozen=True, kw_only=True):
    """Round trips to one place over the idle network; ``protocol`` is "icmp" or "tcp" (a handshake's time)."""

    protocol: Word
    sent: Count
    received: Count
    median_ms: Milliseconds | None = None
    p95_ms: Milliseconds | None = None
    loss_ratio: Ratio | None = None


class Hop(Struct, frozen=True, kw_only=True):
    """A router on the way; null where it did not answer."""

    ttl: Annotated[int, Meta(ge=1, le=64)]
    address: Address | None = None
    private: bool | None = None
    rtt_ms: Milliseconds | None = None


class Resolver(Struct, frozen=True, kw_only=True):
    """A name server this computer uses.

    ``cold_ms`` is the median over names asked for the first time, ``median_ms`` over the same names asked again, which
    it should know by then. ``invents`` tells that it answered for names that cannot exist, ``differs`` the names for
    which its addresses had nothing in common with those that the others agree on, or that are known.
    """

    address: Address
    asked: Count
    answered: Count
    median_ms: Milliseconds | None = None
    cold_ms: Milliseconds | None = None
    invents: bool | None = None
    differs: Annotated[tuple[Word, ...], Meta(max_length=16)] = ()
    failure: Failure | None = None


class SwitchPort(Struct, frozen=True, kw_only=True):
    """What a switch says of itself and of the port this computer is plugged into (LLDP or CDP)."""

    protocol: Word
    system: Label | None = None
    port: Label | None = None
    description: Text | None = None


class Router(Struct, frozen=True, kw_only=True):
    """What the school's router says of its line (UPnP, WANCommonInterfaceConfig and WANIPConnection).

    ``counts`` tells whether its byte counters moved and could be believed; only then are the rates there.
    """

    model: Label | None = None
    link_up: bool | None = None
    link_download_bps: Bps | None = None
    link_upload_bps: Bps | None = None
    external_private: bool | None = None
    counts: bool = False
    download_bps: Bps | None = None
    upload_bps: Bps | None = None


class Lan(Measured, frozen=True, kw_only=True, tag="lan"):
    """The way to the router, the names, the addresses and the neighbours.

    ``gateway_digest`` stands for the router's MAC address; ``hosts`` counts the neighbours seen, ``host_digests`` stand
    for their MAC addresses, ``conflicts`` for addresses that two of them have. ``dhcp_servers`` are those that answered
    or gave the lease. ``double_nat`` is null where nothing proves it either way.
    """

    interface: Word
    gateway: Address | None = None
    gateway_digest: Digest | None = None
    gateway_echoes: Echoes | None = None
    second_hop_echoes: Echoes | None = None
    hops: Annotated[tuple[Hop, ...], Meta(max_length=16)] = ()
    double_nat: bool | None = None
    resolvers: Annotated[tuple[Resolver, ...], Meta(max_length=16)] = ()
    path_mtu_bytes: Annotated[int, Meta(ge=68, le=65_535)] | None = None
    gateway_mtu_bytes: Annotated[int, Meta(ge=68, le=65_535)] | None = None
    dhcp_servers: Annotated[tuple[Address, ...], Meta(max_length=16)] = ()
    dhcp_asked: bool = False
    hosts: Count | None = None
    host_digests: Annotated[tuple[Digest, ...], Meta(max_length=1024)] = ()
    conflicts: Annotated[tuple[Digest, ...], Meta(max_length=64)] = ()
    broadcasts_per_s: PerSecond | None = None
    switch_ports: Annotated[tuple[SwitchPort, ...], Meta(max_length=16)] = ()
    router: Router | None = None
    denied: Annotated[tuple[Denied, ...], Meta(max_length=16)] = ()
