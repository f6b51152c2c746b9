"""What speedtest-cli says of the line: download and then upload against speedtest.net or an own server.

For comparing with figures from elsewhere, not for judging a school: about ten seconds each way whatever the line. It
cannot stop early, pace, or look past a boost, and nothing shows that its connections filled the line. It runs as a
child process. Its own count of an upload, what it read from the body, is not used: acknowledgements are counted, or the
network interface where the system does not tell those; where neither can be had the upload is null.
"""

import socket
import time
from typing import Annotated

import msgspec
from msgspec import Meta

from agent.contract.measurement import CountedAt, Direction, Failed, Throughput
from agent.errors import ProbeUnavailable
from agent.host import path, transport
from agent.meter import both_ways, dial, estimate, layers, progress, series, spoilers, steady
from agent.meter.both_ways import Abilities, Settings
from agent.meter.errors import TransferError
from agent.meter.lane import Way
from agent.meter.layers import Segment
from agent.meter.loop import TICK_S
from agent.meter.progress import Progress
from agent.meter.series import Curve
from agent.meter.spoilers import Around, Seen
from agent.meter.witness import THREAD_LIMIT, Testimony, Witness
from agent.probes import _ookla_talk as talk
from agent.probes._child import Child
from agent.probes._ookla_talk import Broken, Done, Line, Order, Tick, Transferred

NAME = "ookla"
ABILITIES = Abilities(stops_early=False, paces_download=False, upload_counted_at="acked", connections=16)
_SPEEDTEST_NET = "www.speedtest.net"
_MOST_BYTES = 2_000_000_000  # each way, where nobody says less: ten seconds at 1 Gbit/s are 1.25 GB
_OVER = 1.25  # beyond its limits by so much the child is ended from outside
_OVER_BYTES = 8_000_000
_RESERVE_S = 1.5  # of the deadline, kept for the child's end
_MAX_SAMPLES = 4096
_LONGEST_PING_MS = 60_000


class Probe(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measure download and upload; ``server`` is an http:// or https:// URL, or HOST:PORT for http.

    With ``server_id`` speedtest.net's server of that number is used instead, with 0 the best of those nearby.
    """

    server_id: Annotated[int, Meta(ge=0, le=10**9)] | None = None

    def __post_init__(self) -> None:
        """Refuse a server that is no address (SettingsError)."""
        if self.server:
            dial.http_endpoint(self.server)

    def measure(self, deadline_s: float) -> Throughput | Failed:
        """Measure within ``deadline_s`` seconds; a direction that fails fails the whole test.

        Raises:
            ProbeUnavailable: it is asked for a verdict.
            SettingsError: the CA file cannot be used.
            InsecureUrlError: a plain address outside this computer and private networks.
        """
        if self.purpose == "verdict":
            raise ProbeUnavailable(
                "speedtest-cli can neither stop early nor pace itself, so that it would cost a whole test: "
                "ask msak whether the line reaches a target"
            )
        if not self.server and self.server_id is None:
            detail = "no server is set to measure against; give one, or server_id = 0 for one of speedtest.net's"
            return Failed(probe=NAME, failure="no_server", detail=detail)
        transport.tls_context(self.ca_file)
        deadline = time.monotonic() + deadline_s
        try:
            return self._measure(deadline)
        except TransferError as error:
            return Failed(probe=NAME, failure=error.failure, detail=str(error))

    def _measure(self, deadline: float) -> Throughput:
        own = dial.http_endpoint(self.server) if self.server and self.server_id is None else None
        target = own or dial.http_endpoint(f"https://{_SPEEDTEST_NET}")
        dial.check_security(target, deadline)
        places = dial.addresses(target.host, target.port, socket.SOCK_STREAM, deadline)
        way_there = path.towards(*places[0])
        order = Order(
            base=None if own is None else own.url,
            server_id=self.server_id or 0,
            deadline_s=deadline - _RESERVE_S - time.monotonic(),
            max_bytes=self.max_bytes or _MOST_BYTES,
            max_s=self.max_s,
            connections=None if self.connections is None else min(self.connections, ABILITIES.connections),
            ca_file=self.ca_file,
        )
        witness = Witness(None if way_there is None else way_there.interface)
        with Child("agent.probes._ookla_child", order, talk.lines) as child:
            done = _outcome(child, order.max_bytes, witness, deadline)
        segment = Segment(*done.download.segment)
        seen = _Seen(done, witness.finish(segment))
        return seen.throughput(vpn=None if way_there is None else way_there.vpn)


def _outcome(child: Child[Line], max_bytes: int, witness: Witness, deadline: float) -> Done:
    """Wait for the result, and watch this computer and the child meanwhile.

    Raises:
        TransferError: the test failed, or was ended because it went beyond its limits.
    """
    while time.monotonic() < deadline:
        witness.tick(time.monotonic())
        line = child.hear(TICK_S)
        if child.is_over:
            raise RuntimeError(f"the child process ended without a result: {child.last_words()}")
        if isinstance(line, Done):
            return line
        if isinstance(line, Broken):
            raise TransferError(line.failure, line.detail)
        if line is not None:
            _follow(line, max_bytes)
    raise TransferError("deadline", "speedtest-cli did not end before the deadline and was ended; give more time")


def _follow(tick: Tick, max_bytes: int) -> None:
    if tick.bytes > max_bytes * _OVER + _OVER_BYTES:
        raise TransferError("host_error", f"speedtest-cli went beyond {max_bytes} bytes; it was ended")
    bps = tick.bps * layers.USUAL.ip_per_payload
    progress.tell(Progress(phase=tick.way, share=tick.share, ip_bps=bps))


class _Seen:
    """A whole test, and what this computer did beside it."""

    def __init__(self, done: Done, testimony: Testimony) -> None:
        self._done = done
        self._testimony = testimony

    def throughput(self, vpn: bool | None) -> Throughput:
        """Say how fast it was; an upload that nobody could count is null."""
        seen = {way: self._direction(way) for way in both_ways.WAYS}
        around, all_seen = Around(vpn=vpn), [one for one in seen.values() if one is not None]
        ping_ms = self._done.ping_ms
        return Throughput(
            engine=NAME,
            server=self._done.server,
            form="short",
            download=None if seen["download"] is None else seen["download"].direction,
            upload=None if seen["upload"] is None else seen["upload"].direction,
            rtt_idle_ms=ping_ms if 0 < ping_ms < _LONGEST_PING_MS else None,
            latency_protocol="http",
            tainted=spoilers.tainted(around, all_seen),
            suspected=spoilers.suspected(around, all_seen),
        )

    def _direction(self, way: Way) -> Seen | None:
        moved: Transferred = getattr(self._done, way)
        testimony, began, ended = self._testimony, moved.began, moved.began + moved.took_s
        counted_at: CountedAt = moved.counted_at or "nic"
        curve = _curve(moved) if moved.counted_at is not None else testimony.payload_curve(way)
        if curve is None:
            return None
        direction = reckon(moved, curve.seen(offset_s=-began), counted_at, self._done.ping_ms / 1000)
        cross_bps = None
        if counted_at != "nic":  # that one has counted everything already
            cross_bps = testimony.cross_traffic(began, ended, moved.line_bytes, way)
        return Seen(
            direction=msgspec.structs.replace(
                direction, cross_traffic_bps=None if cross_bps is None else round(cross_bps)
            ),
            host_limited=self._host_limited(moved),
            link_limited=testimony.link_limited(direction.ip_bps + (cross_bps or 0.0)),
            standstill_s=testimony.standstill_s(began, ended),
        )

    def _host_limited(self, moved: Transferred) -> str | None:
        link = self._testimony.link
        if link is not None and link.medium == "loopback":
            return None  # inside one computer everything is, which says nothing
        share = moved.cpu_s / moved.took_s
        if share > THREAD_LIMIT:
            return f"speedtest-cli itself kept one processor core {share:.0%} busy"
        return self._testimony.host_limited(moved.began, moved.began + moved.took_s)


def _curve(moved: Transferred) -> Curve:
    curve = Curve()
    for at_s, count in moved.points:
        curve.add(moved.began + at_s, count)
    return curve


def reckon(moved: Transferred, payload: Curve, counted_at: CountedAt, rtt_s: float) -> Direction:
    """Return the rate where it was even, of the whole where it never was; a curve of TCP payload over the test's time.

    Nothing shows that the connections filled the line, so there is no upper bound; without an even part no lower one.
    """
    segment = Segment(*moved.segment)
    curves = (payload.seen(factor=segment.ip_per_payload),)
    plateau = steady.find(curves, rtt_s, 0.0, moved.took_s)
    found = None if plateau is None else estimate.estimate(curves, plateau.begin_s, moved.took_s, rtt_s)
    [mean_bps] = series.rates(curves, [0.0, moved.took_s])
    ip_bps = mean_bps if found is None else found.mean_bps
    boost_bps = None if plateau is None else plateau.before_bps
    samples = series.rates(curves, series.edges(0.0, moved.took_s, TICK_S))
    return Direction(
        goodput_bps=round(ip_bps / segment.ip_per_payload * moved.payload_share),
        ip_bps=round(ip_bps),
        ip_low_bps=None if found is None or found.low_bps is None else round(found.low_bps),
        bytes=round((payload.at(moved.took_s) - payload.at(0.0)) * moved.payload_share),
        duration_s=round(moved.took_s, 3),
        connections=moved.connections,
        stop=moved.stop,
        counted_at=counted_at,
        burst_bps=None if boost_bps is None else round(boost_bps),
        congestion_control=moved.congestion_control,
        samples_bps=tuple(float(round(sample)) for sample in samples[:_MAX_SAMPLES]),
    )
