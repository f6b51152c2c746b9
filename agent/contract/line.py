"""What the clean tests of one computer on a cable say of the school's line; pure.

A line is never blamed for what has another explanation: tests that may not speak for it are not even asked.
"""

from collections.abc import Sequence
from statistics import median

from msgspec import Struct
from msgspec.structs import replace

from agent.contract.causes import Cause, Confidence, Contract, Evidence, Reference
from agent.contract.rules import Rules
from agent.contract.signs import Signs

_NO_CONTRACT = "the speed that the contract promises"
_AGAIN = "more tests, at other hours"
_DAYS = "tests on another day or against another server"
_PATH = "tests by cable while the school's router answers pings, or a second computer on a cable that runs this agent"
_IDLE = "proof that nobody else used the line: the router's counters (UPnP), or tests after lessons"
_SERVERS = "another test server: the ones asked do not agree"
_SHOWN = 3


class Line(Struct, frozen=True, kw_only=True):
    """The verdict on a line.

    ``delivers``: it typically gives what was promised. ``cause``: why it often does not, null where it does or where
    nobody knows. ``is_firm``: the evidence is enough to act on; ``missing`` says what else it would take.
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
    plan_bps: float | None = None


def judge(signs: Sequence[Signs], contract: Contract, rules: Rules) -> Line:
    """Judge the line by those of one computer's tests that may speak for it."""
    witnesses = [one for one in signs if one.ways and one.may_speak_for_the_line]
    good = [one for one in witnesses if one.delivers]
    slow = [one for one in witnesses if one.is_proven]
    idle = [one for one in slow if one.is_line_idle]
    busy = [one for one in slow if not one.is_line_idle]
    if not good and not slow:
        return Line(missing=(_AGAIN,))
    is_often = rules.enough.slow_ratio.value
    # A few tests without a sign of others among many with one are tests whose others were not seen.
    if idle and len(idle) >= is_often * (len(idle) + len(good)) and _outnumber(idle, busy, rules):
        return _slow_when_idle(idle, good, contract, rules)
    if busy and len(slow) >= is_often * (len(slow) + len(good)):
        return _full(slow, good)
    if not good:
        return Line(missing=(_AGAIN,))
    return Line(
        delivers=True,
        is_firm=True,
        confidence=confidence(good, rules),
        evidence=_rates(good),
        counter_evidence=_rates(slow),
        days=days_of(good),
        tests=len(good),
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


def _slow_when_idle(idle: Sequence[Signs], good: Sequence[Signs], contract: Contract, rules: Rules) -> Line:
    plan_bps = None if good else _plan(idle, contract, rules)
    tests, days, servers = len(idle), days_of(idle), servers_of(idle)
    line = Line(
        evidence=(*_rates(idle), *_shown([*idle[0].path, *idle[0].beyond, *idle[0].idle])),
        counter_evidence=_rates(good),
        delivers=len(good) > len(idle),
        days=days,
        tests=tests,
    )
    if plan_bps is not None:
        is_flat_long = days >= rules.enough.days.value or _span_hours(idle) >= rules.line.flat_hours.value
        is_firm = tests >= rules.enough.repeats.value and is_flat_long
        again: tuple[str, ...] = () if is_firm else (_AGAIN,)
        sure: Confidence = "medium" if is_firm else "low"
        return replace(line, cause="LOWER_PLAN", confidence=sure, is_firm=is_firm, missing=again, plan_bps=plan_bps)
    if _disagree(idle, good):
        return replace(line, missing=(_SERVERS,))
    if not contract.agreed:
        return replace(line, missing=(_NO_CONTRACT,))
    sure_ones = [one for one in idle if one.path and _is_shown_idle(one, by_queue=not good)]
    is_spread = days_of(sure_ones) >= rules.enough.days.value or servers_of(sure_ones) >= rules.enough.servers.value
    wanted = {
        _AGAIN: tests >= rules.enough.repeats.value,
        _DAYS: days >= rules.enough.days.value or servers >= rules.enough.servers.value,
        _PATH: sum(bool(one.path) for one in idle) >= rules.enough.repeats.value,
        _IDLE: len(sure_ones) >= rules.enough.repeats.value and is_spread,
    }
    missing = tuple(what for what, is_there in wanted.items() if not is_there)
    if missing:
        return replace(line, cause="ISP_LINE", missing=missing)
    is_both = days >= rules.enough.days.value and servers >= rules.enough.servers.value
    return replace(line, cause="ISP_LINE", confidence="high" if is_both else "medium", is_firm=True)


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
        counter_evidence=_rates(good),
        missing=() if is_counted else (_IDLE,),
        delivers=len(good) > len(slow),
        days=days_of(slow),
        tests=len(slow),
    )


def _is_shown_idle(one: Signs, *, by_queue: bool) -> bool:
    """Tell whether the line was shown idle before a test.

    Either the router counted so, or the test itself made the queue beyond the router, in the direction that was short:
    in a line that others fill it stands there already (Sundaresan et al., TCP congestion signatures, IMC 2017). That
    holds for downloads, which take all they get, and not for video, which leaves no queue: where the line is fast at
    other hours, only the router can tell the school's busy hours from the operator's.
    """
    short = [way.name for way in one.ways if way.is_proven]
    makes_it = by_queue and all(any(rise.figure.endswith(name) for rise in one.beyond) for name in short)
    return bool(one.idle) or makes_it


def _plan(idle: Sequence[Signs], contract: Contract, rules: Rules) -> float | None:
    """Return the smaller plan that these tests look like: near a plan's speed, and always the same."""
    for name, promised in (("download", contract.download_bps), ("upload", contract.upload_bps)):
        rates = [way.value_bps for one in idle for way in one.ways if way.name == name and way.is_proven]
        if not rates or not promised or len(rates) < len(idle):
            continue
        typical = median(rates)
        is_flat = max(rates) - min(rates) <= rules.line.flat_ratio.value * typical
        smaller = [step for step in rules.line.plans.values_bps if step < promised]
        near = [step for step in smaller if abs(typical - step) <= rules.line.plan_ratio.value * step]
        if is_flat and near:
            return min(near, key=lambda step: abs(typical - step))
    return None


def _disagree(slow: Sequence[Signs], good: Sequence[Signs]) -> bool:
    """Tell whether one server is always slow and another never: then it may be the servers."""
    slow_ones, good_ones = {one.server for one in slow}, {one.server for one in good}
    return bool(good_ones - slow_ones) and bool(slow_ones - good_ones)


def _span_hours(signs: Sequence[Signs]) -> float:
    times = [one.at.timestamp() for one in signs if one.at is not None]
    return (max(times) - min(times)) / 3600 if times else 0.0


def _rates(signs: Sequence[Signs]) -> tuple[Evidence, ...]:
    """Return the rates of the middle tests: the worst and the best prove least."""
    rates = sorted((one.rate for one in signs if one.rate is not None), key=lambda rate: rate.value)
    begin = max(0, (len(rates) - _SHOWN) // 2)
    return tuple(rates[begin : begin + _SHOWN])


def _shown(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """Return one figure of each name."""
    return tuple({one.figure: one for one in evidence}.values())


def count(figure: str, value: int, unit: str, threshold: float | None = None) -> Evidence:
    """Return a number of things that were counted over several measurements."""
    return Evidence(
        figure=figure, value=float(value), unit=unit, threshold=threshold, reference=Reference(kind="sessions")
    )
