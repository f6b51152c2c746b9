"""A whole throughput test, the same for every engine: idle line, download, upload, echoes all along.

An engine's probe says where the server is and how its connections are made; everything else happens here.
"""

import ipaddress
import math
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Annotated, ClassVar, Protocol

import msgspec
from msgspec import Meta, Struct

from agent.contract import standards
from agent.contract.measurement import CountedAt, Form, Purpose, Throughput
from agent.contract.report import LeaseId
from agent.contract.wire import TicketText
from agent.host import path, tcp_info
from agent.host.path import Path
from agent.meter import bulk, counting, dial, echo, echo_nonce, gateway, layers, loop, spoilers
from agent.meter.bulk import Bulk, Setting
from agent.meter.counting import Counter
from agent.meter.dial import Address, Endpoint
from agent.meter.echo import Echoes, EchoStream, Rounds
from agent.meter.errors import TransferError
from agent.meter.gateway import Gateway
from agent.meter.heard import Heard
from agent.meter.lane import Engine, Lane, Way
from agent.meter.request_echo import RequestStream
from agent.meter.series import Curve
from agent.meter.spoilers import Around, Seen
from agent.meter.stop import Question
from agent.meter.witness import Witness

WAYS: tuple[Way, ...] = ("download", "upload")
FIRST_LANES, FIRST_LANES_LONG_RTT = 2, 6  # to wait for more there would cost many round trips
_LONG_RTT_S = 0.2
OPENING_S = 10.0  # at most, for connections and handshakes of one direction
_RESERVE_S = 1.0  # of the deadline, kept for closing and reckoning
_SHORTEST_S = 1.0  # a shorter direction would be slow start and nothing else
_ECHO_OPENING_S = 3.0  # for a connection of echoes: a server that stalls leaves time to find that out
_FIRST_ECHOES, _IDLE_ECHOES = 2, 10  # one alone may be lost
_IDLE_GRACE_S = 1.0
_ECHO_S = 0.05
_PACE = 1.5  # of the target: enough above it to tell, little enough not to disturb a lesson
_VERDICT_S = 4.0  # of data at the target's rate: what a verdict may cost
_ACKNOWLEDGEMENTS = 0.02  # of the other direction's data go this way, and cost too
_BUSY_SHARE, _BUSY_PAUSES_S = 0.1, (2.0, 3.0)  # a busy line is waited for a little, then measured and marked
_PATIENT_S = 25.0  # of the deadline has to be left for that
_TOO_LATE = "too little time is left before the deadline; give more time or a smaller max_s"


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of every bulk engine; ``max_s`` and ``max_bytes`` hold for each direction.

    ``max_s`` unset means the meter's own limit, which depends on the question and the round-trip time. ``connections``
    is how many there may be at most. A verdict without targets asks for the shipped standard's least. ``lease`` is the
    collector's permission to fill the line: the far end is told, so that its record can be held beside the collector's.
    ``ticket`` proves it to a far end that wants to see it.
    """

    takes_the_line: ClassVar[bool] = True
    needs_server: ClassVar[bool] = True

    server: str = ""
    purpose: Purpose = "capacity"
    form: Form = "short"
    target_download_bps: Annotated[float, Meta(gt=0)] | None = None
    target_upload_bps: Annotated[float, Meta(gt=0)] | None = None
    max_bytes: Annotated[int, Meta(ge=1)] | None = None
    max_s: Annotated[float, Meta(gt=0, le=25)] | None = None
    connections: Annotated[int, Meta(ge=1, le=32)] | None = None
    lease: LeaseId | None = None
    ticket: TicketText | None = None
    ca_file: str | None = None

    def target_bps(self, way: Way) -> float:
        """Return what a verdict asks for in this direction."""
        rule = standards.shipped_standards().chosen()
        if way == "download":
            return self.target_download_bps or rule.download_bps
        return self.target_upload_bps or rule.upload_bps


LEASE_PARAMETER = "netready_lease"  # of a test's address; other servers note and ignore it


class Asked(Struct, frozen=True, kw_only=True):
    """What an engine has to know to make the connections of one direction.

    ``lane_pace_bps`` is the IP-layer pace of each connection, None for none; ``seconds`` how long it lasts at most.
    """

    way: Way
    lane_pace_bps: float | None
    seconds: float
    max_bytes: int | None
    connections: int | None
    opening_s: float


class Abilities(Struct, frozen=True, kw_only=True):
    """What an engine can do; ``upload_counted_at`` is the best of its ways, ``connections`` the most it may have."""

    stops_early: bool
    paces_download: bool
    upload_counted_at: CountedAt
    connections: int


class Method(Protocol):
    """What an engine's probe provides: its name, what it can do, and the connections of each direction."""

    name: str
    abilities: Abilities
    context: ssl.SSLContext | None

    def engine(self, asked: Asked) -> Engine:
        """Return the engine of one direction."""


class Test:
    """One test of both directions against one server."""

    def __init__(self, settings: Settings, method: Method, target: Endpoint, deadline: float) -> None:
        self._settings = settings
        self._method = method
        self._target = target
        self._deadline = deadline
        self._path: Path | None = None
        self._towards: Address | None = None
        self._echoes: Rounds | None = None
        self._rtt_s = 0.0
        self._handshakes_s: list[float] = []
        self._idle: Echoes | None = None
        self._steady: dict[Way, tuple[float, float]] = {}
        self._gateway: Gateway | None = None
        self._busy: list[float] = []

    def run(self) -> Throughput:
        """Measure; a direction that fails fails the whole test.

        Raises:
            TransferError: it failed; the text says in which direction.
        """
        with ExitStack() as stack:
            self._listen(stack)
            seen: list[Seen] = []
            for way in WAYS:
                try:
                    seen.append(self._direction(way, len(WAYS) - len(seen)))
                except TransferError as error:
                    changed = "; meanwhile this computer's network changed" if self._has_changed() else ""
                    raise TransferError(error.failure, f"{way}: {error}{changed}") from error
            return self._throughput(seen)

    # -- the idle line -------------------------------------------------------------------------------------------

    def _listen(self, stack: ExitStack) -> None:
        """Send echoes over the idle line, and wait a little where this computer itself keeps it busy.

        Without answers there will be no echoes beside the test either.
        """
        place = self._towards = self._place()
        self._path = path.towards(*place)
        self._gateway = gateway.beside(self._path, stack)
        stream = self._answering(place, stack)
        for pause_s in (*_BUSY_PAUSES_S, None):
            witness = Witness(self._path.interface if self._path is not None else None)
            began = time.monotonic()
            self._echo(stream, witness, _IDLE_ECHOES)
            self._idle = stream.between(began, time.monotonic()) if stream is not None else None
            if pause_s is None or not self._is_busy(witness, began) or self._left_s() < _PATIENT_S:
                break
            time.sleep(pause_s)
        if stream is not None and self._idle is not None and self._idle.rtts_s:
            self._echoes = stream
            self._rtt_s = echo.summarise(self._idle.rtts_s).median_ms / 1000

    def _place(self) -> Address:
        """Return the server's address; of several the one that answers first, because one may be dead (RFC 8305)."""
        until = min(self._deadline, time.monotonic() + OPENING_S)
        places = dial.addresses(self._target.host, self._target.port, socket.SOCK_STREAM, until)
        if len(places) == 1:
            return places[0]
        sock, _rtt_s = dial.connect(places, until)
        with sock:
            return socket.AddressFamily(sock.family), sock.getpeername()

    def _answering(self, place: Address, stack: ExitStack) -> Rounds | None:
        """Return echoes that come back: by UDP, else by small requests; None where neither does."""
        udp = None if echo_nonce.is_wanted(self._target) else self._answering_udp(place, stack, b"")
        deadline = min(self._deadline, time.monotonic() + _ECHO_OPENING_S)
        # Nonces are wanted where leases are: whoever has no ticket loses no time with a server that is silent.
        has_ticket = self._settings.ticket is not None
        nonce = echo_nonce.ask(self._target, self._method.context, deadline) if udp is None and has_ticket else None
        if nonce is not None:
            udp = self._answering_udp(place, stack, nonce)
        if udp is not None:
            return udp
        deadline = min(self._deadline, time.monotonic() + _ECHO_OPENING_S)
        with suppress(TransferError):  # the test itself will say why there is no connection
            requests = RequestStream(self._target, self._method.context, deadline, _ECHO_S)
            stack.callback(requests.close)
            return requests
        return None

    def _answering_udp(self, place: Address, stack: ExitStack, nonce: bytes) -> Rounds | None:
        udp = _echo_stream(place, nonce)
        stack.callback(udp.close)
        self._echo(udp, None, _FIRST_ECHOES)
        return udp if udp.between(0.0, math.inf).rtts_s else None

    def _echo(self, stream: Rounds | None, witness: Witness | None, count: int) -> None:
        enough_at = time.monotonic() + count * _ECHO_S

        def tick(now: float) -> bool:
            if witness is not None:
                witness.tick(now)
            if now < enough_at:
                if stream is not None:
                    stream.tick(now)
                return True
            if stream is None or stream.ended or stream.all_back:
                return False
            return now < min(enough_at + _IDLE_GRACE_S, self._deadline)

        loop.run([stream] if stream is not None else [], tick, keep_on=True)

    def _is_busy(self, witness: Witness, began: float) -> bool:
        """Tell whether this computer's own traffic is a tenth of the targets, before the test."""
        rates = witness.finish(layers.USUAL).rates(began, time.monotonic())
        if rates is None or self._is_loopback:
            return False
        busy = (
            (rates.rx_bps, self._settings.target_bps("download")),
            (rates.tx_bps, self._settings.target_bps("upload")),
        )
        return any(rate_bps > _BUSY_SHARE * target_bps for rate_bps, target_bps in busy)

    @property
    def _is_loopback(self) -> bool:
        return self._path is not None and ipaddress.ip_address(self._path.source.partition("%")[0]).is_loopback

    def _has_changed(self) -> bool:
        """Tell whether this computer now sends by another interface or network than when it began."""
        if self._path is None or self._towards is None:
            return False
        return not path.is_same(self._path, *self._towards)

    def _left_s(self) -> float:
        return self._deadline - _RESERVE_S - time.monotonic()

    # -- a direction ---------------------------------------------------------------------------------------------

    def _direction(self, way: Way, left: int) -> Seen:
        question = self._question(way)
        budget_s = self._left_s() / left
        if budget_s < min(_SHORTEST_S, self._settings.max_s or _SHORTEST_S):
            raise TransferError("deadline", _TOO_LATE)
        first = FIRST_LANES if self._rtt_s < _LONG_RTT_S else FIRST_LANES_LONG_RTT
        first = min(first, self._method.abilities.connections, self._settings.connections or first)
        asked = Asked(
            way=way,
            lane_pace_bps=None if question.pace_bps is None else question.pace_bps / first,
            seconds=question.limit_s(self._rtt_s),
            max_bytes=question.max_bytes,
            connections=self._settings.connections,
            opening_s=min(OPENING_S, budget_s),
        )
        setting = Setting(
            way=way,
            question=question,
            rtt_s=self._rtt_s,
            ends_at=time.monotonic() + budget_s,
            lane_pace_bps=asked.lane_pace_bps,
        )
        engine = self._method.engine(asked)
        witness = Witness(self._path.interface if self._path is not None else None)
        run = Bulk(engine, setting, self._counter(way, engine, witness), witness.tick)
        lanes = _open_first(engine, first)
        try:
            if self._rtt_s == 0:
                self._rtt_s = engine.rtt_s
            self._handshakes_s.append(engine.rtt_s)
            if self._echoes is not None:
                self._echoes.catch_up()
            if self._gateway is not None:
                self._gateway.load_begins()
            run.run(lanes, self._echoes)
            seen = self._seen(run, engine, witness)
            bulk.say_goodbye(run.lanes)
            return seen
        finally:
            for lane in {*lanes, *run.lanes}:
                lane.close()

    def _counter(self, way: Way, engine: Engine, witness: Witness) -> Counter:
        interface = _Interface(witness, way).payload
        if way == "download":
            return counting.Received(interface, is_long=self._rtt_s > _LONG_RTT_S)
        if engine.tells_count:
            return counting.Told()
        return counting.Acked() if tcp_info.is_told() else counting.Interface(interface)

    def _seen(self, run: Bulk, engine: Engine, witness: Witness) -> Seen:
        """Say how fast it was, and what was seen beside it."""
        begin, end = run.steady
        way, direction = run.way, run.result()
        testimony = witness.finish(layers.segment(run.lanes[0].sock))
        self._steady[way] = begin, end
        if testimony.machine_busy_share is not None:
            self._busy.append(testimony.machine_busy_share)
        own_bytes = run.own_payload(begin, end)
        cross_bps = testimony.cross_traffic(begin, end, own_bytes, way)
        if cross_bps is not None and way == "upload":
            # The interface counts what leaves; of it a full queue drops of theirs what it drops of ours.
            arrived_bytes = direction.ip_bps / testimony.segment.ip_per_payload / 8 * (end - begin)
            cross_bps *= min(1.0, arrived_bytes / max(1.0, own_bytes))
        direction = msgspec.structs.replace(
            direction, cross_traffic_bps=None if cross_bps is None else round(cross_bps)
        )
        return Seen(
            direction=direction,
            # Inside one computer everything is limited by it, which says nothing that the interface does not say.
            host_limited=None if self._is_loopback else testimony.host_limited(begin, end),
            link_limited=testimony.link_limited(direction.ip_bps + (cross_bps or 0.0)),
            # A sender that keeps to the pace it was asked for says of itself that it could send more.
            server_limited=not self._is_loopback and direction.paced_bps is None and engine.server_limited(),
            standstill_s=testimony.standstill_s(run.began, end),
        )

    def _question(self, way: Way) -> Question:
        settings = self._settings
        if settings.purpose == "capacity":
            return Question(form=settings.form, max_bytes=settings.max_bytes, max_s=settings.max_s)
        target_bps = settings.target_bps(way)
        tolerance = standards.shipped_standards().tolerance
        other_bps = settings.target_bps("upload" if way == "download" else "download")
        cost = int((target_bps - min(0.1 * target_bps, _ACKNOWLEDGEMENTS * other_bps)) * _VERDICT_S / 8)
        paces = way == "upload" or self._method.abilities.paces_download
        return Question(
            purpose="verdict",
            level_bps=standards.decision_level(target_bps, tolerance),
            pace_bps=_PACE * target_bps if paces else None,
            max_bytes=min(cost, settings.max_bytes or cost),
            max_s=settings.max_s,
        )

    # -- afterwards ----------------------------------------------------------------------------------------------

    def _throughput(self, seen: list[Seen]) -> Throughput:
        loaded = {way: self._echoes.loaded(*self._steady[way]) for way in WAYS} if self._echoes is not None else {}
        heard = Heard(
            protocol=None if self._echoes is None else self._echoes.protocol,
            idle=self._idle if self._idle is not None and self._idle.rtts_s else None,
            download=loaded.get("download"),
            upload=loaded.get("upload"),
        )
        around = Around(
            vpn=None if self._path is None else self._path.vpn,
            handshakes_ms=tuple(one * 1000 for one in self._handshakes_s),
            idle=self._idle if heard.can_be_lost else None,
            network_changed=self._has_changed(),
        )
        throughput = Throughput(
            engine=self._method.name,
            server=self._target.url,
            purpose=self._settings.purpose,
            form=self._settings.form,
            download=seen[0].direction,
            upload=seen[1].direction,
            rtt_idle_ms=round(min(self._handshakes_s) * 1000, 3),
            gateway=None if self._gateway is None else self._gateway.told(self._steady),
            cpu_busy_ratio=round(max(self._busy), 4) if self._busy else None,
            tainted=spoilers.tainted(around, seen),
            suspected=() if self._is_loopback else spoilers.suspected(around, seen),  # nobody else is inside
        )
        return heard.told_in(throughput)


class _Interface:
    """What the network interface counts while a test runs, reckoned once a tick."""

    def __init__(self, witness: Witness, way: Way) -> None:
        self._witness = witness
        self._way: Way = way
        self._known: Curve | None = None
        self._known_at = 0.0

    def payload(self) -> Curve | None:
        now = time.monotonic()
        if now - self._known_at >= loop.TICK_S:
            self._known = self._witness.so_far(layers.USUAL).payload_curve(self._way)
            self._known_at = now
        return self._known


def _echo_stream(place: Address, nonce: bytes) -> EchoStream:
    family, address = place
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.connect(address)
    except OSError as error:
        sock.close()
        raise TransferError.of(error, "the server cannot be reached") from error
    return EchoStream(sock, _ECHO_S, nonce)


def _open_first(engine: Engine, count: int) -> list[Lane]:
    with ThreadPoolExecutor(count, thread_name_prefix="open-connection") as pool:
        opening = [pool.submit(engine.open) for _ in range(count)]
    lanes = [one.result() for one in opening if one.exception() is None]
    for one in opening:
        if (error := one.exception()) is not None:
            for lane in lanes:
                lane.close()
            raise error
    return lanes
