"""What one session of one computer shows of where the bottleneck is: facts into signs, no verdict yet; pure.

Both sides read sessions the same way: the agent for one computer, the collector for a school.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from agent.contract import standards
from agent.contract.causes import Cause, Contract, Defect, DirectionWord, Evidence
from agent.contract.lan import Lan
from agent.contract.measurement import Direction, Measurement, Throughput, Unknown
from agent.contract.rules import Rules
from agent.contract.signs import defects, host, radio, router, seen, traffic, wiring
from agent.contract.signs.seen import Seen
from agent.contract.values import Measured, Medium

LIMITED_ELSEWHERE = frozenset(
    {"link_limited", "host_limited", "server_limited", "vpn", "proxy", "sleep", "network_changed"}
)
_LASTING = frozenset({"wifi", "lan", "peer", "services"})


class Way(Struct, frozen=True, kw_only=True):
    """One direction of a test beside what was promised for it.

    ``is_short``: this computer got less than the line should deliver (``level_bps``), for whatever reason.
    ``is_proven``: and nothing known on this computer can have been why. ``delivers``: it got it, or more is proven.
    ``is_at_least``: the pace or the server bound the result, so that it is no typical speed.
    """

    name: DirectionWord
    value_bps: float
    promised_bps: float
    level_bps: float
    is_short: bool
    is_proven: bool
    delivers: bool
    is_at_least: bool = False


class Signs(Struct, frozen=True, kw_only=True):
    """One session with one speed test (``ways`` is empty where there was none, or nothing to hold it against).

    ``upload_bps`` is what the upload came out with, whatever was promised for it. ``host`` to ``setup`` are what
    explains a slow result here, ``crowd`` and ``held_back`` what might; ``counted`` and ``suspected`` what shows the
    line in use by others; ``doubts`` why this test is no witness against a line; ``path``, ``beyond`` and ``idle`` what
    makes it a good one.
    """

    at: datetime | None
    took_s: float = 0.0
    server: str | None
    medium: Medium | None
    ways: tuple[Way, ...] = ()
    rate: Evidence | None = None
    upload_bps: float | None = None
    host: tuple[Evidence, ...] = ()
    wiring: tuple[Evidence, ...] = ()
    coverage: tuple[Evidence, ...] = ()
    interference: tuple[Evidence, ...] = ()
    setup: tuple[Evidence, ...] = ()
    crowd: tuple[Evidence, ...] = ()
    held_back: tuple[Evidence, ...] = ()
    counted: tuple[Evidence, ...] = ()
    suspected: tuple[Evidence, ...] = ()
    doubts: tuple[Evidence, ...] = ()
    path: tuple[Evidence, ...] = ()
    beyond: tuple[Evidence, ...] = ()
    idle: tuple[Evidence, ...] = ()
    defects: tuple[Defect, ...] = ()

    def rate_of(self, name: DirectionWord) -> Evidence | None:
        """Return what one direction came out with as a figure; ``rate`` is the worse one's."""
        way = next((one for one in self.ways if one.name == name), None)
        if way is None or self.rate is None:
            return None
        return replace(self.rate, figure=name, value=way.value_bps, threshold=way.level_bps, direction=name)

    @property
    def is_short(self) -> bool:
        """Tell whether this computer got too little."""
        return any(way.is_short for way in self.ways)

    @property
    def is_proven(self) -> bool:
        """Tell whether it got too little in a direction in which nothing on this computer bounds what was proven."""
        return any(way.is_proven for way in self.ways)

    @property
    def delivers(self) -> bool:
        """Tell whether it got what was promised in every direction that was measured."""
        return bool(self.ways) and all(way.delivers for way in self.ways)

    @property
    def inside(self) -> tuple[Evidence, ...]:
        """What lies in the school's own network."""
        return (*self.wiring, *self.coverage, *self.interference, *self.setup)

    @property
    def explanation(self) -> tuple[Cause, tuple[Evidence, ...]] | None:
        """What explains a slow result here, the first that applies; None where nothing here does.

        A crowded channel counts only where nothing shows that the way over the air was clean.
        """
        found: tuple[tuple[Cause, tuple[Evidence, ...]], ...] = (
            ("HOST", self.host),
            ("LAN_WIRED", self.wiring),
            ("WIFI_COVERAGE", self.coverage),
            ("WIFI_INTERFERENCE", self.interference),
            ("WIFI_CONFIG", self.setup),
            ("WIFI_INTERFERENCE", () if self.path else self.crowd),
        )
        return next(((cause, evidence) for cause, evidence in found if evidence), None)

    @property
    def may_speak_for_the_line(self) -> bool:
        """Tell whether this is a clean computer on a cable: nothing here explains a slow result."""
        return self.medium == "ethernet" and not (self.host or self.inside or self.doubts)

    @property
    def is_line_idle(self) -> bool:
        """Tell whether nothing shows anybody else on the line."""
        return not (self.counted or self.suspected)


def of_computer(
    sessions: Iterable[Sequence[Measurement | Unknown]], contract: Contract, rules: Rules
) -> tuple[Signs, ...]:
    """Read all sessions of one computer, in the order of time; one Signs for each speed test.

    A look at the Wi-Fi, the wiring or another computer also holds for the sessions soon after it that had none. What a
    newer agent measured and this version does not know is passed over.
    """
    return tuple(one for _, one in with_tests(sessions, contract, rules))


def with_tests(
    sessions: Iterable[Sequence[Measurement | Unknown]], contract: Contract, rules: Rules
) -> tuple[tuple[Throughput | None, Signs], ...]:
    """Read as ``of_computer`` does, and say which test each Signs is of; null for a session without one."""
    known = ([one for one in session if not isinstance(one, Unknown)] for session in sessions)
    ordered = sorted(known, key=_when)
    whole = _with_what_lasts(ordered, timedelta(hours=rules.enough.known_for_hours.value))
    quickest = _quickest(whole)
    return tuple(
        (test, _read(seen.sort(session, test, contract, rules), quickest.get(test.server) if test else None))
        for session in whole
        for test in _tests(session)
    )


def _read(one: Seen, quickest_ms: float | None) -> Signs:
    way = router.way(one)
    wires = wiring.wiring(one) if one.is_wifi else (*wiring.wiring(one), *way.bad)
    ways = tuple(_way(one, name, direction, promised) for name, direction, promised in one.directions if promised)
    test = one.throughput
    # Whoever got what was promised had a cable that is wide enough for it.
    untold = () if all(each.delivers for each in ways) else wiring.untold(one)
    return Signs(
        at=test.started_at if test is not None else _when_of(one),
        took_s=(test.took_s or 0.0) if test is not None else 0.0,
        server=test.server if test is not None else None,
        medium=one.link.medium if one.link is not None else None,
        ways=ways,
        rate=_rate(one, ways),
        upload_bps=next((each.ip_bps for name, each, _ in one.directions if name == "upload"), None),
        host=host.host(one),
        wiring=wires,
        coverage=radio.coverage(one),
        interference=radio.interference(one),
        setup=radio.setup(one),
        crowd=radio.crowd(one),
        held_back=radio.held_back(one),
        counted=traffic.counted(one),
        suspected=traffic.suspected(one, quickest_ms),
        doubts=(*host.doubts(one), *wiring.too_narrow(one), *untold),
        path=(*way.good, *wiring.good_path(one)),
        beyond=router.beyond(one),
        idle=traffic.idle(one),
        defects=defects.defects(one),
    )


def _way(one: Seen, name: DirectionWord, direction: Direction, promised_bps: float) -> Way:
    level_bps = one.rules.line.delivers_ratio.value * promised_bps
    rate = standards.interval_of(direction)
    tainted = one.throughput.tainted if one.throughput is not None else ()
    high_bps = None if LIMITED_ELSEWHERE.intersection(tainted) else rate.high_bps
    is_at_least = direction.is_lower_bound or "server_limited" in tainted
    if high_bps is not None:
        # What this computer's other traffic took, the test might have had.
        high_bps += direction.cross_traffic_bps or 0.0
    return Way(
        name=name,
        value_bps=rate.value_bps,
        promised_bps=promised_bps,
        level_bps=level_bps,
        is_short=not is_at_least and rate.value_bps < level_bps,
        is_proven=high_bps is not None and high_bps < level_bps,
        delivers=rate.low_bps >= level_bps or (rate.high_bps is not None and rate.value_bps >= level_bps),
        is_at_least=is_at_least,
    )


def _rate(one: Seen, ways: tuple[Way, ...]) -> Evidence | None:
    """Return the direction that came out worst as a figure."""
    worst = min(ways, key=lambda way: way.value_bps / way.promised_bps, default=None)
    if worst is None or one.throughput is None:
        return None
    return seen.towards(worst.name, seen.rate(one.throughput, worst.name, worst.value_bps, worst.level_bps))


def _tests(session: Sequence[Measurement]) -> Sequence[Throughput | None]:
    return [one for one in session if isinstance(one, Throughput)] or [None]


def _when(session: Sequence[Measurement]) -> float:
    """Return when a session began; sessions that were never timed come first, in their order."""
    return min((one.started_at.timestamp() for one in session if one.started_at is not None), default=0.0)


def _when_of(one: Seen) -> datetime | None:
    parts: tuple[Measured | None, ...] = (one.link, one.latency, one.lan, one.wifi, one.peer)
    return next((part.started_at for part in parts if part is not None and part.started_at is not None), None)


def _with_what_lasts(ordered: Sequence[Sequence[Measurement]], lasts: timedelta) -> list[Sequence[Measurement]]:
    newest: dict[str, tuple[float, Measurement]] = {}
    whole: list[Sequence[Measurement]] = []
    for session in ordered:
        now = _when(session)
        own = {_kind(one): one for one in session if _kind(one) in _LASTING}
        newest |= {kind: (now, one) for kind, one in own.items()}
        lasting = [
            _without_the_moment(one)
            for kind, (at, one) in newest.items()
            if kind not in own and now - at <= lasts.total_seconds()
        ]
        whole.append([*session, *lasting])
    return whole


def _without_the_moment(one: Measurement) -> Measurement:
    """Leave out what held only while it was measured: the traffic."""
    return replace(one, router=None, broadcasts_per_s=None) if isinstance(one, Lan) else one


def _kind(one: Measurement) -> str:
    return str(one.__struct_config__.tag)


def _quickest(sessions: Iterable[Sequence[Measurement]]) -> dict[str, float]:
    """Return the least idle round trip to each server."""
    least: dict[str, float] = {}
    for session in sessions:
        for one in session:
            if isinstance(one, Throughput) and one.rtt_idle_ms is not None:
                least[one.server] = min(one.rtt_idle_ms, least.get(one.server, one.rtt_idle_ms))
    return least
