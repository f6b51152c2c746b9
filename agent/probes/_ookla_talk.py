"""What the ookla probe and its child process say to each other: one JSON object a line."""

from typing import Literal

import msgspec
from msgspec import Struct

from agent.contract.failure import Failure
from agent.contract.measurement import CountedAt, Stop
from agent.meter.lane import Way


class Order(Struct, frozen=True, kw_only=True):
    """What the child is to measure.

    ``base`` is the own server's URL, None for speedtest.net; ``server_id`` is one of speedtest.net's, 0 for the best.
    ``max_bytes`` and ``max_s`` hold for each direction, ``deadline_s`` for everything.
    """

    base: str | None
    server_id: int
    deadline_s: float
    max_bytes: int
    max_s: float | None
    connections: int | None
    ca_file: str | None


class Tick(Struct, frozen=True, kw_only=True, tag="tick"):
    """Where a transfer stands: its share of the time, its bytes, and its rate of late (TCP payload)."""

    way: Way
    share: float
    bytes: int
    bps: float


class Transferred(Struct, frozen=True, kw_only=True):
    """One direction as it was, with bytes of TCP payload.

    ``points`` are seconds since ``began`` (time.monotonic) and bytes counted until then; for an upload those that were
    acknowledged, and none where the system does not tell (``counted_at`` null). ``line_bytes`` is what the connections
    had on the line, repeats too. ``payload_share`` is the test's payload in a byte.
    """

    began: float
    took_s: float
    points: tuple[tuple[float, int], ...]
    counted_at: CountedAt | None
    line_bytes: int
    payload_share: float
    segment: tuple[int, int]
    connections: int
    congestion_control: str | None
    stop: Stop
    cpu_s: float


class Done(Struct, frozen=True, kw_only=True, tag="done"):
    """A whole test; ``ping_ms`` is speedtest-cli's."""

    server: str
    ping_ms: float
    download: Transferred
    upload: Transferred


class Broken(Struct, frozen=True, kw_only=True, tag="broken"):
    """A test that failed."""

    failure: Failure
    detail: str


Line = Tick | Done | Broken
lines: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)
Phase = Literal["configuration", "servers", "latency"] | Way
