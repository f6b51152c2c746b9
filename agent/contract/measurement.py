"""One struct for each kind of measurement, with the units in the names. Facts only: nothing here judges."""

import math
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from agent.contract.errors import MalformedError
from agent.contract.failure import Failure
from agent.contract.lan import Lan
from agent.contract.peer import Peer
from agent.contract.services import Services
from agent.contract.values import (
    Address,
    Bps,
    Count,
    Denied,
    Label,
    Measured,
    Medium,
    Milliseconds,
    PerSecond,
    Ratio,
    Seconds,
    TestId,
    Text,
    Word,
)
from agent.contract.wifi import Wifi, WifiConnection

_ROUNDING = 1.0  # bit/s: every rate is rounded by itself
_MOST_OF_WHOLE, _LEAST_OF_WHOLE = 10.0, 2.0
MAX_RECORD_BYTES = 4096

Purpose = Literal["capacity", "verdict"]
Form = Literal["short", "long"]
Stop = Literal["verdict", "converged", "time", "bytes"]
CountedAt = Literal["server", "acked", "receiver", "nic"]


class Direction(Struct, frozen=True, kw_only=True):
    """One direction of a throughput test. All rates but ``goodput_bps`` are IP-layer rates (BEREC BoR (17) 112).

    ``ip_low_bps`` and ``ip_high_bps`` bound the 95 % confidence interval; a bound that too short a test cannot give is
    null, and then nothing is proven on that side. Where the sender's pace bound the result (``paced_bps``),
    ``ip_high_bps`` is null: a lower bound, never evidence that a line is slow.
    ``counted_at`` says who counted the bytes; never the sender's own socket. ``sustained_bps`` is null in a test that
    did not look past a boost; then ``ip_bps`` is only how fast the line was while the test lasted.
    ``congestion_control`` is the sender's, where it is known.
    """

    goodput_bps: Bps
    ip_bps: Bps
    ip_low_bps: Bps | None = None
    ip_high_bps: Bps | None = None
    bytes: Count
    duration_s: Seconds
    connections: Annotated[int, Meta(ge=1, le=256)]
    stop: Stop
    counted_at: CountedAt
    burst_bps: Bps | None = None
    sustained_bps: Bps | None = None
    paced_bps: Bps | None = None
    cross_traffic_bps: Bps | None = None
    congestion_control: Word | None = None
    samples_bps: Annotated[tuple[Bps, ...], Meta(max_length=4096)] = ()

    @property
    def is_lower_bound(self) -> bool:
        """Tell whether the sender's pace bound the result, so that it proves "at least" and nothing else.

        An upper bound that the pace lies below is none: nobody tried to send more.
        """
        return self.paced_bps is not None and (self.ip_high_bps is None or self.ip_high_bps >= self.paced_bps)

    @property
    def contradiction(self) -> str | None:
        """Return why these figures cannot all be true; None where they can.

        Nobody's test comes out so. The report is kept as it was signed, but such a direction proves nothing. The limits
        are far from what honest tests do: a rate is that of the evenly full part, which is no small part of the test,
        and where the whole was much faster than that, an earlier part was, too.
        """
        low_bps = self.ip_low_bps if self.ip_low_bps is not None else 0.0
        high_bps = self.ip_high_bps if self.ip_high_bps is not None else math.inf
        if self.bytes == 0 or self.duration_s == 0:
            return "no byte was counted, or no time"
        if not low_bps <= high_bps or not low_bps - _ROUNDING <= self.ip_bps <= high_bps + _ROUNDING:
            return "the rate does not lie in its own interval"
        whole_bps = 8 * self.bytes / self.duration_s
        fastest_bps = max(self.ip_bps, self.goodput_bps)
        if fastest_bps > _MOST_OF_WHOLE * whole_bps:
            return "more a second than all of its bytes in its seconds can give"
        fastest_bps = max((fastest_bps, self.burst_bps or 0.0, *self.samples_bps))
        if whole_bps > _LEAST_OF_WHOLE * fastest_bps:
            return "fewer a second than its bytes came in its seconds, with nothing in it that was faster"
        return None


class GatewayEchoes(Struct, frozen=True, kw_only=True):
    """Round trips to the first router beside a throughput test: what the way inside the school adds to them.

    Medians and 95th percentiles while nothing else ran, and while each direction was evenly full. A round trip that
    rises here rises inside the school; one that rises only to the server rises beyond its router.
    """

    protocol: Word
    sent: Count
    received: Count
    idle_ms: Milliseconds | None = None
    idle_p95_ms: Milliseconds | None = None
    download_ms: Milliseconds | None = None
    download_p95_ms: Milliseconds | None = None
    upload_ms: Milliseconds | None = None
    upload_p95_ms: Milliseconds | None = None
    loss_ratio: Ratio | None = None


class Throughput(Measured, frozen=True, kw_only=True, tag="throughput"):
    """A bulk transfer in both directions, with the round-trip times around it and under its load.

    ``form`` "long" looked past boosts, "short" did not. Round-trip times are medians; jitter is the mean absolute
    difference of consecutive ones (RFC 3550's D without its smoothing). ``loss_ratio`` is that of all echoes, with the
    bounds of its 95 % interval (Wilson 1927) beside it; under load a full queue loses echoes too. Responsiveness is
    60,000 / median in round trips per minute. ``tainted`` is what was seen to spoil the test, ``suspected`` what only
    may have. ``test_id`` is what the server knows the test by, ``record`` the server's own signed record of it
    (agent.contract.record), where it gave one.
    """

    engine: Word
    server: Text
    purpose: Purpose = "capacity"
    form: Form | None = None
    download: Direction | None = None
    upload: Direction | None = None
    rtt_idle_ms: Milliseconds | None = None
    rtt_download_ms: Milliseconds | None = None
    rtt_upload_ms: Milliseconds | None = None
    jitter_idle_ms: Milliseconds | None = None
    jitter_download_ms: Milliseconds | None = None
    jitter_upload_ms: Milliseconds | None = None
    responsiveness_download_rpm: Annotated[float, Meta(ge=0, le=1e9)] | None = None
    responsiveness_upload_rpm: Annotated[float, Meta(ge=0, le=1e9)] | None = None
    latency_protocol: Word | None = None
    echoes_sent: Count | None = None
    echoes_received: Count | None = None
    loss_ratio: Ratio | None = None
    loss_low_ratio: Ratio | None = None
    loss_high_ratio: Ratio | None = None
    gateway: GatewayEchoes | None = None
    cpu_busy_ratio: Ratio | None = None
    tainted: Annotated[tuple[Word, ...], Meta(max_length=32)] = ()
    suspected: Annotated[tuple[Word, ...], Meta(max_length=32)] = ()
    test_id: TestId | None = None
    record: Annotated[bytes, Meta(max_length=MAX_RECORD_BYTES)] | None = None


class Latency(Measured, frozen=True, kw_only=True, tag="latency"):
    """Round trips on an otherwise idle line, by UDP echo on a fixed schedule.

    ``jitter_ms`` is the mean absolute difference of consecutive round trips (RFC 3393 variation, RFC 5481 PDV's
    simpler sibling); ``loss_ratio`` counts echoes that never came back, with no answer at all being a failure instead.
    """

    server: Text
    protocol: Word = "udp-echo"
    sent: Count
    received: Count
    min_ms: Milliseconds
    median_ms: Milliseconds
    p95_ms: Milliseconds
    jitter_ms: Milliseconds | None
    loss_ratio: Ratio


class Link(Measured, frozen=True, kw_only=True, tag="link"):
    """The network link this computer uses towards the server, as far as the operating system really knows it.

    ``download_bps`` and ``upload_bps`` are this computer's own traffic over ``counted_s``, from interface counters, and
    so are the packets, errors, discards and the rate of broadcasts and multicasts. ``address`` is this computer's own,
    ``prefix_length`` its subnet's; ``gateway`` the first router's, ``dhcp_server`` that which gave the lease.
    ``peer_port`` is where other computers of the school can test against it.
    """

    interface: Word
    medium: Medium | None = None
    speed_bps: Bps | None = None
    duplex: Literal["full", "half"] | None = None
    mtu_bytes: Annotated[int, Meta(ge=0, le=2**31)] | None = None
    download_bps: Bps | None = None
    upload_bps: Bps | None = None
    counted_s: Seconds | None = None
    packets: Count | None = None
    errors: Count | None = None
    discards: Count | None = None
    broadcasts_per_s: PerSecond | None = None
    adapter: Label | None = None
    address: Address | None = None
    prefix_length: Annotated[int, Meta(ge=0, le=128)] | None = None
    gateway: Address | None = None
    resolvers: Annotated[tuple[Address, ...], Meta(max_length=16)] = ()
    dhcp_server: Address | None = None
    peer_port: Annotated[int, Meta(ge=1, le=65_535)] | None = None
    wifi: WifiConnection | None = None
    denied: Annotated[tuple[Denied, ...], Meta(max_length=16)] = ()


class Failed(Measured, frozen=True, kw_only=True, tag="failed"):
    """A probe that ran and failed: a fact about the network, and we rank on it.

    ``test_id`` is what the server knows the test by, where there was one.
    """

    probe: Word
    failure: Failure
    detail: Text = ""
    test_id: TestId | None = None


class Skipped(Measured, frozen=True, kw_only=True, tag="skipped"):
    """A probe that could not run on this computer: nobody's fault, counted apart."""

    probe: Word
    reason: Text


Measurement = Throughput | Latency | Link | Wifi | Lan | Peer | Services | Failed | Skipped


class Unknown(Struct, frozen=True, kw_only=True):
    """A measurement of a kind this version does not know, from a newer agent; kept, never judged."""

    kind: str


class _Kind(Struct, frozen=True):
    kind: Word


_KINDS = frozenset({"throughput", "latency", "link", "wifi", "lan", "peer", "services", "failed", "skipped"})
_decoder: msgspec.json.Decoder[Measurement] = msgspec.json.Decoder(Measurement)
_kind_decoder: msgspec.json.Decoder[_Kind] = msgspec.json.Decoder(_Kind)
_encoder = msgspec.json.Encoder()


def encode(measurement: Measurement) -> bytes:
    """Return the measurement as one line of JSON, every key present."""
    return _encoder.encode(measurement)


def decode(raw: bytes | msgspec.Raw) -> Measurement | Unknown:
    """Read one measurement; unknown fields are ignored here and kept by whoever keeps the bytes.

    Raises:
        MalformedError: it is no JSON object with a ``kind``, or a known kind with values out of bounds.
    """
    try:
        kind = _kind_decoder.decode(raw).kind
        if kind not in _KINDS:
            return Unknown(kind=kind)
        measured = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"not a measurement: {error}") from error
    if measured.started_at is not None:
        check_year(measured.started_at)
    return measured


def check_year(moment: datetime) -> None:
    """Refuse years that no broken clock shows and that overflow when converted; raises MalformedError."""
    if not 1970 <= moment.year <= 2999:
        raise MalformedError(f"the date {moment.isoformat()} is not between the years 1970 and 2999")
