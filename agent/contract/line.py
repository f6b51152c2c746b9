"""What the clean tests of one computer on a cable say of the school's line; pure.

A line is never blamed for what has another explanation: tests that may not speak for it are not even asked.
"""

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from agent.contract.causes import Cause, Confidence, Contract, DirectionWord, Evidence, Reference
from agent.contract.rules import Rules
from agent.contract.signs import Signs, wiring

_NO_CONTRACT = "the speed that the contract promises"
_AGAIN = "more tests, at other hours"
_DAYS = "tests on another day or against another server"
_PATH = "tests by cable while the school's router answers pings, or a second computer on a cable that runs this agent"
_IDLE = "proof that nobody else used the line: the router's counters (UPnP), or tests after lessons"
_NO_CAMERAS = (
    "proof that nothing in the school, such as cameras, sends all day: a router whose counters can be read (UPnP)"
)
_LINK_SPEED = (
    "the speed of the computer's cable, which its system does not tell: a second computer on a cable that runs this "
    "agent, or a test on a computer that tells it"
)
_WIDE_LINK = "a computer whose cable is faster than the line: those that measured cannot tell the line from their own"
_CLEAN = "a test by cable with nothing at the computer that may be why it is slow"
_SERVERS = "another test server: the ones asked do not agree"
_SHOWN = 3
# Of a download goes back: at most one bare segment of 60 bytes for each of 1500 (RFC 5681, 4.2).
_ACKNOWLEDGED = 0.05
_LEVELS: tuple[Confidence, ...] = ("low", "medium", "high")


class _Plan(NamedTuple):
    way: DirectionWord
    value_bps: float
    promised_bps: float


class Line(Struct, frozen=True, kw_only=True):
    """The verdict on a line.

    ``delivers``: it typically gives what was promised. ``cause``: why it often does not, null where it does or where
    nobody knows. ``is_firm``: the evidence is enough to act on; ``missing`` says what else it would take. ``tests`` of
    the ``heard`` ones say so, ``sure_tests`` of them on a line that was shown idle; ``is_at_times``: so many others say
    the opposite that it holds at some hours only. ``plan_bps`` is the smaller plan it looks like, in ``plan_way``.
    """

    delivers: bool = False
    cause: Cause | None = None
    is_firm: bool = False
    confidence: Confidence = "low"
    evidence: tuple[Evidence, ...] = ()
    counter_evidence: tuple[Evidence, ...] = ()
    missing: tuple[str, ...] = ()
    days: int = 0
    tests: int = 0
    heard: int = 0
    sure_tests: int = 0
    is_at_times: bool = False
    plan_bps: float | None = None
    plan_way: DirectionWord | None = None


def judge(signs: Sequence[Signs], contract: Contract, rules: Rules) -> Line:
    """Judge the line by those of one computer's tests that may speak for it."""
    witnesses = [one for one in signs if one.ways and one.may_speak_for_the_line]
    good = [one for one in witnesses if one.delivers]
    slow = [one for one in witnesses if one.is_proven]
    idle = [one for one in slow if one.is_line_idle]
    busy = [one for one in slow if not one.is_line_idle]
    is_often = rules.enough.slow_ratio.value
    # A few tests without a sign of others among many with one are tests whose others were not seen.
    if idle and len(idle) >= is_often * (len(idle) + len(good)) and _outnumber(idle, busy, rules):
        line = replace(_slow_when_idle(idle, good, contract, rules), days=days_of(idle))
    elif busy and len(slow) >= is_often * (len(slow) + len(good)):
        line = replace(_full(slow, good), days=days_of(slow))
    else:
        return _delivering(signs, witnesses, rules)
    # Fewer good tests than this are chance, as fewer slow ones would be.
    is_at_times = len(good) >= is_often * (line.tests + len(good))
    sure: Confidence = "medium" if is_at_times and line.cause == "ISP_LINE" else "high"
    against = (count("tests that got what was promised", len(good), "tests"),) if good else ()
    return replace(
        line,
        heard=len(witnesses),
        is_at_times=is_at_times,
        confidence=min(line.confidence, sure, key=_LEVELS.index),
        counter_evidence=(*_rates(good), *against),
    )


def confidence(signs: Sequence[Signs], rules: Rules) -> Confidence:
    """Return how sure repeats make: high needs them on several days too."""
    if len(signs) < rules.enough.repeats.value:
        return "low"
    return "high" if days_of(signs) >= rules.enough.days.value else "medium"


def days_of(signs: Sequence[Signs]) -> int:
    """Return on how many days tests were made; those that were never timed count as one."""
    return len({one.at.date() if one.at is not None else None for one in signs})


def servers_of(signs: Sequence[Signs]) -> int:
    """Return against how many servers tests were made."""
    return len({one.server for one in signs if one.server})


def hours_of(signs: Sequence[Signs]) -> int:
    """Return in how many different hours tests were made."""
    return len({(one.at.date(), one.at.hour) if one.at is not None else None for one in signs})


def _outnumber(idle: Sequence[Signs], busy: Sequence[Signs], rules: Rules) -> bool:
    return not busy or (len(idle) >= rules.enough.repeats.value and len(idle) >= len(busy))


def _delivering(signs: Sequence[Signs], witnesses: Sequence[Signs], rules: Rules) -> Line:
    """Return that the line gives what was promised, where it was heard to, else what is missing."""
    good = [one for one in witnesses if one.delivers]
    # A good test may speak over a cable of any speed; it proves little where slow ones are only not believed.
    unheard = [
        one
        for one in signs
        if one.is_proven and not one.inside and any(doubt.mark == wiring.HIDDEN for doubt in one.doubts)
    ]
    if unheard and len(unheard) >= rules.enough.slow_ratio.value * (len(unheard) + len(good)):
        return Line(missing=_unheard(signs), counter_evidence=_rates(good))
    if not good:
        return Line(missing=(() if witnesses else _unheard(signs)) or (_AGAIN,), heard=len(witnesses))
    return Line(
        delivers=True,
        is_firm=True,
        confidence=confidence(good, rules),
        evidence=_rates(good),
        counter_evidence=_rates([one for one in witnesses if one.is_proven]),
        days=days_of(good),
        tests=len(good),
        heard=len(witnesses),
    )


def _unheard(signs: Sequence[Signs]) -> tuple[str, ...]:
    """Return what the tests by cable lack that may not speak for the line."""
    silent = [one for one in signs if one.ways and one.medium == "ethernet" and not one.may_speak_for_the_line]
    marks = {doubt.mark for one in silent for doubt in one.doubts}
    wanted = {
        _LINK_SPEED: wiring.HIDDEN in marks,
        _WIDE_LINK: wiring.NARROW in marks,
        _CLEAN: any(one.host or one.inside for one in silent),
    }
    return tuple(what for what, is_lacking in wanted.items() if is_lacking)


def _slow_when_idle(idle: Sequence[Signs], good: Sequence[Signs], contract: Contract, rules: Rules) -> Line:
    plan = None if good else _plan(idle, contract, rules)
    if plan is not None:
        return _smaller_plan(idle, plan, rules)
    sure_ones = [one for one in idle if one.path and _is_shown_idle(one, by_queue=not good)]
    shown = (sure_ones or idle)[0]
    line = Line(
        evidence=(*_rates(sure_ones or idle), *_shown([*shown.path, *shown.beyond, *shown.idle])),
        delivers=len(good) > len(idle),
        tests=len(idle),
        sure_tests=len(sure_ones),
    )
    if _disagree(idle, good):
        return replace(line, missing=(_SERVERS,))
    if not contract.agreed:
        return replace(line, missing=(_NO_CONTRACT,))
    missing = _not_proven(idle, sure_ones, rules)
    if missing:
        return replace(line, cause="ISP_LINE", missing=missing)
    is_both = days_of(sure_ones) >= rules.enough.days.value and servers_of(sure_ones) >= rules.enough.servers.value
    return replace(line, cause="ISP_LINE", confidence="high" if is_both else "medium", is_firm=True)


def _not_proven(idle: Sequence[Signs], sure_ones: Sequence[Signs], rules: Rules) -> tuple[str, ...]:
    """Return what it takes to name the operator's line."""
    repeats, days, servers = (each.value for each in (rules.enough.repeats, rules.enough.days, rules.enough.servers))
    is_spread, is_surely_spread = (days_of(each) >= days or servers_of(each) >= servers for each in (idle, sure_ones))
    wanted = {
        _AGAIN: len(idle) >= repeats,
        _DAYS: is_spread,
        _PATH: sum(bool(one.path) for one in idle) >= repeats,
        _idle_proof(idle): len(sure_ones) >= repeats and is_surely_spread,
    }
    return tuple(what for what, is_there in wanted.items() if not is_there)


def _idle_proof(slow: Sequence[Signs]) -> str:
    """Return what would show the line idle; for the upload tests after lessons do not: cameras send at night too."""
    is_download = any(way.is_proven and way.name == "download" for one in slow for way in one.ways)
    return _IDLE if is_download else _NO_CAMERAS


def _smaller_plan(idle: Sequence[Signs], plan: _Plan, rules: Rules) -> Line:
    repeats = rules.enough.repeats.value
    is_long = days_of(idle) >= rules.enough.days.value or _span_hours(idle) >= rules.line.flat_hours.value
    # Cameras that send all day leave as even a rest of the upload as a plan does.
    is_whole = plan.way == "download" or sum(bool(one.idle) for one in idle) >= repeats
    wanted = {_AGAIN: len(idle) >= repeats and is_long, _NO_CAMERAS: is_whole}
    missing = tuple(what for what, is_there in wanted.items() if not is_there)
    figure = count(f"the nearest smaller plan, {plan.way}", plan.value_bps, "bit/s", plan.promised_bps)
    return Line(
        cause="LOWER_PLAN",
        confidence="low" if missing else "medium",
        is_firm=not missing,
        evidence=(*_rates(idle, plan.way), replace(figure, direction=plan.way)),
        missing=missing,
        tests=len(idle),
        plan_bps=plan.value_bps,
        plan_way=plan.way,
    )


def _full(slow: Sequence[Signs], good: Sequence[Signs]) -> Line:
    signs = [evidence for one in slow for evidence in (*one.counted, *one.suspected)]
    is_counted = any(one.counted for one in slow)
    # That it is fast at other times shows that it can be: somebody fills it.
    sure: Confidence = "high" if is_counted and good else "medium" if is_counted or good else "low"
    return Line(
        cause="LINE_SATURATED",
        is_firm=is_counted,
        confidence=sure,
        evidence=(*_rates(slow), *_shown(signs)),
        missing=() if is_counted else (_idle_proof(slow),),
        delivers=len(good) > len(slow),
        tests=len(slow),
    )


def _is_shown_idle(one: Signs, *, by_queue: bool) -> bool:
    """Tell whether the line was shown idle before a test.

    Either the router counted so, or the test itself made the queue beyond the router, in the directions that were
    short: in a line that others fill it stands there already (Sundaresan et al., TCP congestion signatures, IMC 2017).
    That holds for downloads, which take all they get, and not for video, which leaves no queue: where the line is fast
    at other hours, only the router can tell the school's busy hours from the operator's; and where the upload alone is
    short, or too full for a download's acknowledgements, only the router can tell a slow line from cameras that send
    all day.
    """
    short = {way.name: way for way in one.ways if way.is_proven}
    risen = {rise.direction for rise in one.beyond}
    makes_it = "download" in short and short.keys() <= risen and _goes_back(one, short["download"].promised_bps)
    return bool(one.idle) or (by_queue and makes_it)


def _goes_back(one: Signs, download_bps: float) -> bool:
    """Tell whether the way back had room for the acknowledgements of such a download, as far as it was measured."""
    return one.upload_bps is None or one.upload_bps >= _ACKNOWLEDGED * download_bps


def _plan(idle: Sequence[Signs], contract: Contract, rules: Rules) -> _Plan | None:
    """Return the smaller plan that these tests look like: near a plan's speed, and always the same."""
    both: tuple[tuple[DirectionWord, float | None], ...] = (
        ("download", contract.download_bps),
        ("upload", contract.upload_bps),
    )
    for name, promised in both:
        rates = [way.value_bps for one in idle for way in one.ways if way.name == name and way.is_proven]
        if not rates or not promised or len(rates) < len(idle):
            continue
        typical = median(rates)
        is_flat = max(rates) - min(rates) <= rules.line.flat_ratio.value * typical
        smaller = [step for step in rules.line.plans.values_bps if step < promised]
        near = [step for step in smaller if abs(typical - step) <= rules.line.plan_ratio.value * step]
        if is_flat and near:
            return _Plan(name, min(near, key=lambda step: abs(typical - step)), promised)
    return None


def _disagree(slow: Sequence[Signs], good: Sequence[Signs]) -> bool:
    """Tell whether one server is always slow and another never: then it may be the servers."""
    slow_ones, good_ones = {one.server for one in slow}, {one.server for one in good}
    return bool(good_ones - slow_ones) and bool(slow_ones - good_ones)


def _span_hours(signs: Sequence[Signs]) -> float:
    times = [one.at.timestamp() for one in signs if one.at is not None]
    return (max(times) - min(times)) / 3600 if times else 0.0


def _rates(signs: Sequence[Signs], way: DirectionWord | None = None) -> tuple[Evidence, ...]:
    """Return the rates of the middle tests, in their worse direction or in this one: the extremes prove least."""
    told = [one.rate if way is None else one.rate_of(way) for one in signs]
    rates = sorted((one for one in told if one is not None), key=lambda rate: rate.value)
    begin = max(0, (len(rates) - _SHOWN) // 2)
    return tuple(rates[begin : begin + _SHOWN])


def _shown(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """Return one figure of each name."""
    return tuple({one.figure: one for one in evidence}.values())


def count(figure: str, value: float, unit: str, threshold: float | None = None) -> Evidence:
    """Return a number of things that were counted over several measurements."""
    return Evidence(
        figure=figure, value=float(value), unit=unit, threshold=threshold, reference=Reference(kind="sessions")
    )
