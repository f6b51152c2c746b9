"""Lab schools, each with something the matter that is known: what stands in them, and when who measures."""

import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice

from msgspec import Struct
from msgspec.structs import replace

from agent.contract.causes import Cause, Contract, DefectWord
from agent.contract.rules import shipped_rules
from tests.lab import lines
from tests.lab.campus import Desk, Premises
from tests.lab.lines import KnownLine
from tests.lab.shape import Shape

_RATES = ((20, 5), (50, 20), (100, 30))
_FAST_RATES = (200, 50)  # a line for which a card of 100 Mbit/s is too slow
_GEO_RATES, _GEO_RTT_MS = (25, 5), 600
_MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
_CLEAR_OF_PLANS = 0.15
_MOST_ONCE = 3  # more computers would only take longer
_MORNING, _NOON, _LATER = (0, 10), (0, 13), (1, 11)


class Heavy(Struct, frozen=True):
    """Traffic of the school's own: whose, which share of the line, and whether it takes all that it gets."""

    desk: str
    share: float
    greedy: bool


class Round(Struct, frozen=True, kw_only=True):
    """One hour of the school: what the line is then, and who has a session, in order, against which server."""

    at: datetime
    line: KnownLine
    sitters: tuple[str, ...]
    server: int = 0
    with_lan: bool = False
    heavy: Heavy | None = None


class LabSchool(Struct, frozen=True, kw_only=True):
    """A school with its cause; ``concerned`` is the computer whose own it is, with what its agent has to say.

    ``may_be`` is the other right answer, where the measurements cannot tell. A segment that loses packets may be called
    one: that is true, whatever else is the matter.
    """

    scene: str
    seed: int
    cause: Cause
    premises: Premises
    contract: Contract
    rounds: tuple[Round, ...]
    concerned: str | None = None
    own_cause: Cause | None = None
    may_be: Cause | None = None
    defects: frozenset[DefectWord] = frozenset()
    starved: bool = False
    max_s: float | None = 3.0

    @property
    def right_names(self) -> tuple[str, ...]:
        """The right answers, each a cause with all defects."""
        causes = [cause for cause in (self.cause, self.may_be) if cause is not None]
        segment = self.premises.segment
        also: list[frozenset[DefectWord]] = [frozenset({"lossy_way"})] if segment and segment.loss_ratio else []
        return tuple(name(cause, self.defects | more) for more in (frozenset[DefectWord](), *also) for cause in causes)


def name(cause: Cause, defects: Iterable[DefectWord]) -> str:
    """Write a cause with its defects."""
    return " + ".join((cause, *sorted(defects)))


class _Sketch(Struct, kw_only=True):
    """What all scenes begin with: ordinary computers, of which the first is a clean one on a cable."""

    rng: random.Random
    rates: tuple[float, float]
    desks: list[Desk]
    rtt_ms: float = 30

    def line(self, share: float = 1.0, upload_share: float | None = None) -> KnownLine:
        """Return the line at a share of what it should carry."""
        rates = (self.rates[0] * share, self.rates[1] * (share if upload_share is None else upload_share))
        made = lines.of_rates("the line", rates)
        delayed = (replace(way, delay_ms=self.rtt_ms / 2) for way in (made.download, made.upload))
        return KnownLine(f"{rates[0]:.3g}/{rates[1]:.3g}", *delayed)

    @property
    def best(self) -> str:
        return self.desks[0].name

    @property
    def contract(self) -> Contract:
        return Contract(download_bps=self.rates[0] * 1e6, upload_bps=self.rates[1] * 1e6)

    def rounds(self, line: KnownLine, *often: str) -> tuple[Round, ...]:
        """Return three hours on two days against two servers: the best and some computers in all, the others once."""
        times = (_MORNING, _NOON, _LATER)
        others = [desk.name for desk in self.desks[1:] if desk.name not in often][: _MOST_ONCE - len(often)]
        once: list[list[str]] = [[], [], []]
        for number, name in zip(cycle((1, 2, 0)), others, strict=False):
            once[number].append(name)
        return tuple(
            Round(
                at=_at(*time),
                line=line,
                sitters=tuple(self.rng.sample([self.best, *often, *more], 1 + len(often) + len(more))),
                server=number % 2,
                with_lan=number == 0,
            )
            for number, (time, more) in enumerate(zip(times, once, strict=True))
        )

    def school(self, scene: str, cause: Cause, rounds: tuple[Round, ...], **more: object) -> LabSchool:
        """Return the school, its computers plugged in in any order."""
        premises = more.pop("premises", Premises(desks=()))
        desks = tuple(self.rng.sample(self.desks, len(self.desks)))
        return LabSchool(
            scene=scene,
            seed=0,
            cause=cause,
            premises=replace(premises, desks=desks),
            contract=self.contract,
            rounds=rounds,
            **more,
        )


def _at(day: int, hour: int) -> datetime:
    return _MONDAY + timedelta(days=day, hours=hour)


def _sketch(rng: random.Random, rates: tuple[float, float] | None = None, *special: Desk) -> _Sketch:
    """Return four to six computers: a clean one on a cable, the special ones, and ordinary ones."""
    ordinary = []
    for number in range(rng.randint(4, 6) - 1 - len(special)):
        is_wifi = rng.random() < 0.4
        ordinary.append(
            Desk(
                name=f"pc{number}",
                medium="wifi" if is_wifi else "ethernet",
                signal_dbm=rng.randint(-60, -45),
                rivals=rng.choice((0, 0, 4)),
            )
        )
    return _Sketch(rng=rng, rates=rates or rng.choice(_RATES), desks=[Desk(name="best"), *special, *ordinary])


def _healthy(rng: random.Random) -> LabSchool:
    sketch = _sketch(rng)
    return sketch.school("healthy", "HEALTHY", sketch.rounds(sketch.line()))


def _geo(rng: random.Random) -> LabSchool:
    sketch = _sketch(rng, _GEO_RATES)
    sketch.rtt_ms, sketch.desks = _GEO_RTT_MS, sketch.desks[:2]
    return sketch.school("healthy, GEO", "HEALTHY", sketch.rounds(sketch.line()), max_s=None)


def _cable_10(rng: random.Random) -> LabSchool:
    sketch = _sketch(rng, None, Desk(name="slow", cable_bps=1e7))
    rounds = sketch.rounds(sketch.line(), "slow")
    return sketch.school("cable of 10 Mbit/s", "LAN_WIRED", rounds, concerned="slow", own_cause="LAN_WIRED")


def _cable_100(rng: random.Random) -> LabSchool:
    sketch = _sketch(rng, _FAST_RATES, Desk(name="slow", cable_bps=1e8))
    sketch.desks = sketch.desks[:4]
    rounds = sketch.rounds(sketch.line(), "slow")
    return sketch.school("cable of 100, line of 200", "LAN_WIRED", rounds, concerned="slow", own_cause="LAN_WIRED")


def _cable_100_enough(rng: random.Random) -> LabSchool:
    sketch = _sketch(rng, rng.choice(_RATES[:2]), Desk(name="slow", cable_bps=1e8))
    rounds = sketch.rounds(sketch.line(), "slow")
    return sketch.school("cable of 100, slower line", "HEALTHY", rounds, concerned="slow", own_cause="HEALTHY")


def _behind(rng: random.Random, scene: str, segment: Shape) -> LabSchool:
    """Half of the computers behind a bad segment, on cables."""
    bad = [Desk(name=f"far{number}", behind=True) for number in range(rng.randint(2, 3))]
    sketch = _sketch(rng, rng.choice(_RATES[1:]), *bad)
    sketch.desks = sketch.desks[: 2 * len(bad)]
    rounds = sketch.rounds(sketch.line(), "far0")
    premises = Premises(desks=(), segment=segment)
    return sketch.school(scene, "LAN_WIRED", rounds, premises=premises, concerned="far0", own_cause="LAN_WIRED")


def _narrow_segment(rng: random.Random) -> LabSchool:
    return _behind(rng, "half behind a narrow segment", Shape(rate_bps=rng.choice((8e6, 10e6, 20e6)), queue_ms=60))


def _lossy_segment(rng: random.Random) -> LabSchool:
    # Loss alone hardly slows BBR: a test over 5 % of loss still fills 95 % of a line, and only what is slow is named.
    segment = Shape(rate_bps=rng.choice((10e6, 15e6)), queue_ms=10, loss_ratio=rng.choice((0.05, 0.08)))
    return _behind(rng, "half behind a lossy segment", segment)


def _air(rng: random.Random, rates: tuple[float, float], share: float) -> Shape:
    return Shape(
        rate_bps=rates[0] * 1e6 * share,
        queue_ms=rng.choice((80, 150)),
        loss_ratio=rng.choice((0.02, 0.04)),
        pause_ratio=0.01,
        pause_ms=30,
    )


def _disturbed_air(rng: random.Random) -> LabSchool:
    rates = rng.choice(_RATES)
    bad = [
        Desk(
            name=f"wifi{number}",
            medium="wifi",
            behind=True,
            signal_dbm=rng.randint(-60, -50),
            rivals=rng.choice((0, 5)),
        )
        for number in range(rng.randint(1, 2))
    ]
    sketch = _sketch(rng, rates, *bad)
    premises = Premises(desks=(), segment=_air(rng, rates, rng.uniform(0.3, 0.6)))
    rounds = sketch.rounds(sketch.line(), "wifi0")
    cause = "WIFI_INTERFERENCE"
    return sketch.school("Wi-Fi loss and jitter", cause, rounds, premises=premises, concerned="wifi0", own_cause=cause)


def _weak_signal(rng: random.Random) -> LabSchool:
    rates = rng.choice(_RATES)
    bad = Desk(name="wifi0", medium="wifi", behind=True, signal_dbm=rng.randint(-84, -72), radio_bps=26e6)
    sketch = _sketch(rng, rates, bad)
    premises = Premises(desks=(), segment=_air(rng, rates, rng.uniform(0.2, 0.5)))
    rounds = sketch.rounds(sketch.line(), "wifi0")
    cause = "WIFI_COVERAGE"
    return sketch.school("weak signal", cause, rounds, premises=premises, concerned="wifi0", own_cause=cause)


def _no_plan(rng: random.Random, sketch: _Sketch, least: float = 0.4, most: float = 0.72) -> KnownLine:
    """Return a slower line whose rates are near no plan's."""
    plans = shipped_rules().line.plans.values_bps
    while True:
        line = sketch.line(rng.uniform(least, most), rng.choice((None, 1.0)))
        rates = (line.download.rate_bps, line.upload.rate_bps)
        if all(
            abs(rate / plan - 1) > _CLEAR_OF_PLANS
            for rate in rates[: 1 + (rates[1] < sketch.rates[1] * 1e6)]
            for plan in plans
        ):
            return line


def _slow_line(rng: random.Random) -> LabSchool:
    sketch = _sketch(rng)
    rounds = sketch.rounds(_no_plan(rng, sketch))
    premises = Premises(desks=(), router_counts=rng.random() < 0.5)
    return sketch.school(
        "line slower than contract", "ISP_LINE", rounds, premises=premises, concerned="best", own_cause="ISP_LINE"
    )


def _slow_geo(rng: random.Random) -> LabSchool:
    sketch = _sketch(rng, _GEO_RATES)
    sketch.rtt_ms, sketch.desks = _GEO_RTT_MS, sketch.desks[:2]
    rounds = sketch.rounds(_no_plan(rng, sketch))
    return sketch.school("slower line, GEO", "ISP_LINE", rounds, concerned="best", own_cause="ISP_LINE", max_s=None)


def _busy_hours(
    sketch: _Sketch, slow: Callable[[], KnownLine], heavy: Heavy | None, *, with_lan: bool
) -> tuple[Round, ...]:
    """Return a good early hour, and four bad ones on two days: by a slower line, or by the school's own traffic."""
    others = [desk.name for desk in sketch.desks[1:] if heavy is None or desk.name != heavy.desk]
    hours = (((0, 7), False), ((0, 11), True), ((0, 12), True), ((1, 11), True), ((1, 12), True))
    return tuple(
        Round(
            at=_at(*time),
            line=slow() if is_bad else sketch.line(),
            sitters=(sketch.best, *others[number : number + 1]),
            server=number % 2,
            with_lan=with_lan or number == 0,
            heavy=heavy if is_bad else None,
        )
        for number, (time, is_bad) in enumerate(hours)
    )


def _slow_at_busy_hours(rng: random.Random) -> LabSchool:
    """The router's counters show that nobody in the school was on the line."""
    return _at_busy_hours(rng, "line slow at busy hours", "ISP_LINE", counts=True)


def _slow_at_busy_hours_untold(rng: random.Random) -> LabSchool:
    """It looks the same as the school's own even traffic: the only right answer is that nobody can know."""
    return _at_busy_hours(rng, "slow at busy hours, router silent", "INSUFFICIENT", counts=False)


def _at_busy_hours(rng: random.Random, scene: str, cause: Cause, *, counts: bool) -> LabSchool:
    sketch = _sketch(rng)
    rounds = _busy_hours(sketch, lambda: _no_plan(rng, sketch, 0.35, 0.7), None, with_lan=counts)
    premises = Premises(desks=(), router_counts=counts)
    return sketch.school(scene, cause, rounds, premises=premises, concerned="best", own_cause=cause)


def _lower_plan(rng: random.Random) -> LabSchool:
    rates, plan = rng.choice((((20, 5), (10, 4)), ((50, 20), (20, 20)), ((50, 20), (20, 10)), ((100, 30), (50, 20))))
    sketch = _sketch(rng, rates)
    rounds = sketch.rounds(sketch.line(plan[0] / rates[0], plan[1] / rates[1]))
    return sketch.school("cheaper plan", "LOWER_PLAN", rounds, concerned="best", own_cause="LOWER_PLAN")


def _full(rng: random.Random, scene: str, *, greedy: bool, counts: bool) -> LabSchool:
    sketch = _sketch(rng, None, Desk(name="busy"))
    heavy = Heavy("busy", rng.uniform(0.5, 0.8), greedy)
    rounds = _busy_hours(sketch, sketch.line, heavy, with_lan=counts)
    premises = Premises(desks=(), router_counts=counts)
    # Beside other traffic a rate is restless, and three seconds would prove nothing.
    school = sketch.school(scene, "LINE_SATURATED", rounds, premises=premises, concerned="best", max_s=None)
    return replace(school, own_cause="LINE_SATURATED", may_be=None if counts or greedy else "INSUFFICIENT")


def _full_of_downloads(rng: random.Random) -> LabSchool:
    return _full(rng, "line full of downloads", greedy=True, counts=rng.random() < 0.5)


def _full_of_video(rng: random.Random) -> LabSchool:
    return _full(rng, "line full of even traffic", greedy=False, counts=True)


def _full_of_video_untold(rng: random.Random) -> LabSchool:
    """Even traffic leaves no queue before a test: that nobody can know is right too."""
    return _full(rng, "even traffic, router silent", greedy=False, counts=False)


def _starved(rng: random.Random) -> LabSchool:
    # Fast enough that what the other programs leave the agent does not do.
    sketch = _sketch(rng, _RATES[1], Desk(name="old"))
    rounds = sketch.rounds(sketch.line(), "old")
    return sketch.school("starved processor", "HOST", rounds, concerned="old", own_cause="HOST", starved=True)


def _with_defect(rng: random.Random, scene: str, premises: Premises, word: DefectWord) -> LabSchool:
    sketch = _sketch(rng)
    return sketch.school(scene, "HEALTHY", sketch.rounds(sketch.line()), premises=premises, defects=frozenset({word}))


def _two_dhcp(rng: random.Random) -> LabSchool:
    return _with_defect(rng, "two DHCP servers", Premises(desks=(), second_dhcp=True), "rogue_dhcp")


def _slow_names(rng: random.Random) -> LabSchool:
    premises = Premises(desks=(), names_after_ms=rng.randint(90, 300))
    return _with_defect(rng, "slow resolver", premises, "slow_resolver")


def _false_names(rng: random.Random) -> LabSchool:
    return _with_defect(rng, "lying resolver", Premises(desks=(), names_lie=True), "lying_resolver")


_SCENES = (
    _healthy,
    _cable_10,
    _narrow_segment,
    _disturbed_air,
    _slow_line,
    _full_of_downloads,
    _starved,
    _weak_signal,
    _lower_plan,
    _slow_at_busy_hours,
    _two_dhcp,
    _full_of_video,
    _full_of_video_untold,
    _slow_at_busy_hours_untold,
    _lossy_segment,
    _cable_100,
    _slow_names,
    _cable_100_enough,
    _false_names,
)
_SPARINGLY = (_geo, _slow_geo)


def chosen(words: Iterable[str]) -> list[Callable[[random.Random], LabSchool]]:
    """Return the scenes whose names hold any of the words.

    Raises:
        LookupError: no scene's name holds one of them.
    """
    every, found = (*_SCENES, *_SPARINGLY), []
    for word in words:
        if not (scenes := [one for one in every if word in one.__name__]):
            names = ", ".join(one.__name__.strip("_") for one in every)
            raise LookupError(f"no scene is called {word!r}; there are: {names}")
        found += scenes
    return found


def made(number: int, first_seed: int, words: Iterable[str] = ()) -> list[LabSchool]:
    """Return so many schools, all scenes in turn or those chosen; each is made from a seed of its own."""
    if only := chosen(words):
        return [_made(one, first_seed + index) for index, one in enumerate(islice(cycle(only), number))]
    scenes = [*islice(cycle(_SCENES), max(0, number - len(_SPARINGLY) * (number > 2 * len(_SCENES))))]
    scenes += _SPARINGLY[: number - len(scenes)]
    return [_made(one, first_seed + index) for index, one in enumerate(scenes)]


def _made(scene: Callable[[random.Random], LabSchool], seed: int) -> LabSchool:
    return replace(scene(random.Random(seed)), seed=seed)  # noqa: S311 - repeatable, not secret
