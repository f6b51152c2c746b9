"""How fast computers of one school reach each other. Facts only."""

from typing import Annotated

from msgspec import Meta, Struct

from agent.contract.failure import Failure
from agent.contract.values import Address, Bps, Count, Measured, Medium, Milliseconds, Seconds, Text, Word

PeerId = Annotated[str, Meta(pattern="^[0-9a-f]{32}$", max_length=32)]


class Reached(Struct, frozen=True, kw_only=True):
    """One other computer of the school: how fast, both ways as seen from here, or why not.

    Rates are at the IP layer, medians of 100 ms samples with their quartiles' distance beside them. ``found_by`` is
    "mdns" or "collector"; a peer that the collector names and that cannot be reached is a finding of its own.
    """

    agent: PeerId
    found_by: Word
    address: Address | None = None
    medium_here: Medium | None = None
    medium_there: Medium | None = None
    link_bps_there: Bps | None = None
    download_bps: Bps | None = None
    download_spread_bps: Bps | None = None
    upload_bps: Bps | None = None
    upload_spread_bps: Bps | None = None
    rtt_idle_ms: Milliseconds | None = None
    rtt_loaded_ms: Milliseconds | None = None
    bytes: Count = 0
    duration_s: Seconds | None = None
    failure: Failure | None = None
    detail: Text = ""


class Peer(Measured, frozen=True, kw_only=True, tag="peer"):
    """The computers of the school that this one tried; none where none was found."""

    found: Count
    peers: Annotated[tuple[Reached, ...], Meta(max_length=16)] = ()
