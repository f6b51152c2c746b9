"""From a session to what the page says of it: sentences by the codes in the report, never by translating English. Pure.

The conditions are those of ``agent.diagnosis.finding``; a test holds the English of both side by side.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import tzinfo
from typing import TypeVar

from msgspec import Struct

from agent import diagnosis
from agent.contract import rules, standards
from agent.contract.causes import Contract, Diagnosis, DirectionWord
from agent.contract.failure import Failure
from agent.contract.measurement import Direction, Failed, Latency, Link, Measurement, Skipped, Throughput, Unknown
from agent.contract.signs import LIMITED_ELSEWHERE, wiring
from agent.contract.standards import Outcome, Target
from agent.contract.wire import Policy
from agent.diagnosis import NOTABLE_TRAFFIC_BPS, Finding
from agent.diagnosis import finding as findings
from agent.page.speech import Sentence, megabits
from agent.page.words import ADVICE, CAUSES, DEFECTS, FIXES, SPEEDS

_Kind = TypeVar("_Kind")
_TAINTS = ("host_limited", "vpn", "proxy", "sleep", "network_changed", "server_limited")
_MARKS = ("vpn", "proxy", "sleep", "network_changed", "cross_traffic")


class Judges(Struct, frozen=True, kw_only=True):
    """By what this computer's school is judged: the same as ``check`` does, handed in by the command.

    ``target`` says also whether it is only the least that any school needs.
    """

    target: Callable[[Policy], tuple[Target, bool]]
    contract: Callable[[Policy], Contract]
    zone: Callable[[Policy], tzinfo | None]


class Way(Struct, frozen=True, kw_only=True):
    """One direction for its gauge; ``outcome`` and the rate are null where it was not measured."""

    name: DirectionWord
    needed_bps: float
    outcome: Outcome | None = None
    bps: float | None = None
    at_least: bool = False


class Judged(Struct, frozen=True, kw_only=True):
    """What the page says of one session."""

    outcome: Outcome
    ways: tuple[Way, Way]
    reasons: tuple[Sentence, ...]
    cause: Sentence | None = None
    is_sure: bool = True
    fixes: tuple[Sentence, ...] = ()
    figures: tuple[str, ...] = ()


def judge(
    measurements: Sequence[Measurement | Unknown], target: Target, contract: Contract, zone: tzinfo | None
) -> Judged:
    """Judge one session as ``check`` does."""
    seen = [one for one in measurements if not isinstance(one, Unknown)]
    finding = diagnosis.find(seen, target)
    cause = diagnosis.diagnose([seen], contract, rules.shipped_rules(), target, zone)
    outcome = finding.verdict.outcome
    return Judged(
        outcome=outcome,
        ways=_ways(seen, target, finding),
        reasons=tuple(_reasons(seen, target, finding)),
        cause=_cause(cause, contract, seen) if outcome != "PASS" else None,
        is_sure=cause.confidence != "low" or cause.cause == "INSUFFICIENT",
        fixes=(*_fixes(seen, target, outcome), *_defects(cause)),
        figures=tuple(diagnosis.lines(cause)),
    )


def brief(measurements: Sequence[Measurement | Unknown], target: Target) -> tuple[Outcome, tuple[Way, Way]]:
    """Return a session's verdict and speeds, for the history."""
    seen = [one for one in measurements if not isinstance(one, Unknown)]
    finding = diagnosis.find(seen, target)
    return finding.verdict.outcome, _ways(seen, target, finding)


def needed(target: Target) -> tuple[Way, Way]:
    """Return both directions before anything was measured."""
    down = target.download_bps or target.download_floor_bps
    return Way(name="download", needed_bps=down), Way(name="upload", needed_bps=target.upload_bps)


def _ways(seen: Sequence[Measurement], target: Target, finding: Finding) -> tuple[Way, Way]:
    test, (down, up) = _first(seen, Throughput), needed(target)
    if test is None:
        return down, up
    return (
        _way(down, test.download, finding.verdict.download),
        _way(up, test.upload, finding.verdict.upload),
    )


def _way(empty: Way, direction: Direction | None, outcome: Outcome | None) -> Way:
    if direction is None:
        return empty
    rate = standards.interval_of(direction)
    at_least = direction.is_lower_bound and rate.low_bps > 0
    bps = rate.low_bps if at_least else rate.value_bps
    return Way(name=empty.name, needed_bps=empty.needed_bps, outcome=outcome, bps=bps, at_least=at_least)


def _reasons(seen: Sequence[Measurement], target: Target, finding: Finding) -> Iterator[Sentence]:
    test, link = _first(seen, Throughput), _first(seen, Link)
    ways = _ways(seen, target, finding)
    if test is None:
        yield Sentence(said=CAUSES["no speed"])
        return
    for way, direction in zip(ways, (test.download, test.upload), strict=True):
        yield _speed(way, direction, target, is_open=_is_open(test, direction, link))
    if target.download_bps is None and finding.verdict.outcome == "UNDECIDED" and test.download is not None:
        yield Sentence(said=CAUSES["pupils"])


def _speed(way: Way, direction: Direction | None, target: Target, *, is_open: bool) -> Sentence:
    if direction is None or way.outcome is None or way.bps is None:
        return Sentence(said=SPEEDS[f"{way.name}.none"])
    key: str = way.outcome
    reaches = standards.interval_of(direction).low_bps >= standards.decision_level(way.needed_bps, target.tolerance)
    if way.outcome == "UNDECIDED":
        key = "floor" if reaches else "open" if is_open else "close"
    elif way.outcome == "PASS":
        key = "PASS.least" if way.at_least else "PASS.tolerance" if way.bps < way.needed_bps else "PASS"
    gaps: dict[str, float | int | str] = {"rate": megabits(way.bps), "needed": megabits(way.needed_bps)}
    if key == "PASS.tolerance":
        gaps["tolerance"] = round(target.tolerance * 100)
    return Sentence(said=SPEEDS[f"{way.name}.{key}"], gaps=gaps)


def _is_open(test: Throughput, direction: Direction | None, link: Link | None) -> bool:
    """Tell whether the line may be faster than a test could show."""
    if direction is None:
        return False
    is_limit = link is not None and _is_limit(link, direction.ip_bps)
    unbounded = standards.interval_of(direction).high_bps is None
    return unbounded or is_limit or bool(LIMITED_ELSEWHERE.intersection(test.tainted))


def _cause(found: Diagnosis, contract: Contract, seen: Sequence[Measurement]) -> Sentence:
    promised = "contract" if contract.is_known else "need"
    gaps: dict[str, float | int | str] = {}
    match found.cause:
        case "HOST":
            marks = {one.mark for one in found.evidence}
            mark = next((one for one in _MARKS if one in marks), None)
            key = f"HOST.{mark}" if mark else "HOST"
        case "LINE_SATURATED":
            key = "LINE_SATURATED.maybe" if found.missing else "LINE_SATURATED"
        case "LOWER_PLAN":
            plan = next((one for one in found.evidence if one.reference.kind == "sessions" and one.direction), None)
            key = "LOWER_PLAN.contract" if plan is None else f"LOWER_PLAN.{plan.direction}"
            gaps = {} if plan is None else {"rate": megabits(plan.value)}
        case "HEALTHY":
            key = f"HEALTHY.{promised}"
        case "INSUFFICIENT":
            key = _unclear(found, seen)
        case _:
            key = found.cause
    return Sentence(said=CAUSES[key], gaps=gaps)


def _unclear(found: Diagnosis, seen: Sequence[Measurement]) -> str:
    link = _first(seen, Link)
    if not found.evidence:
        return "INSUFFICIENT.failed" if _first(seen, Failed) is not None else "INSUFFICIENT"
    medium = link.medium if link is not None else None
    return f"INSUFFICIENT.{medium}" if medium in {"wifi", "ethernet"} else "INSUFFICIENT"


def _fixes(seen: Sequence[Measurement], target: Target, outcome: Outcome) -> Iterator[Sentence]:
    yield from _unmeasured(seen)
    here = [*_here(_first(seen, Throughput), _first(seen, Link), target, outcome)]
    yield from here
    latency = _first(seen, Latency)
    if latency is not None and latency.loss_ratio >= findings.NOTABLE_LOSS:
        yield Sentence(said=FIXES["loss"], gaps={"loss": f"{latency.loss_ratio * 100:.0f}"})
    if latency is not None and latency.median_ms >= findings.NOTABLE_DELAY_MS:
        yield Sentence(said=FIXES["delay"], gaps={"delay": f"{latency.median_ms:.0f}"})
    if outcome == "FAIL" and not here:
        yield Sentence(said=FIXES["line"])


def _unmeasured(seen: Sequence[Measurement]) -> Iterator[Sentence]:
    """Say why probes saw nothing; what several have in common once, with their own words as a detail."""
    failed: dict[Failure, list[Failed]] = {}
    for one in seen:
        if isinstance(one, Failed):
            failed.setdefault(one.failure, []).append(one)
    for failure, those in failed.items():
        detail = "; ".join(f"{one.probe}: {one.detail}" if one.detail else one.probe for one in those)
        yield Sentence(said=ADVICE[failure], detail=detail)
    for each in seen:
        if isinstance(each, Skipped):
            yield Sentence(said=FIXES["skipped"], gaps={"probe": each.probe}, detail=each.reason)


def _here(test: Throughput | None, link: Link | None, target: Target, outcome: Outcome) -> Iterator[Sentence]:
    tainted = frozenset(test.tainted if test is not None else ())
    if link is not None:
        yield from _about_link(link, test, target, outcome)
    elif "link_limited" in tainted:
        yield Sentence(said=FIXES["link_limited"])
    for word in _TAINTS:
        if word in tainted:
            yield Sentence(said=FIXES[word])
    if "cross_traffic" in tainted or _own_traffic(test, link):
        yield Sentence(said=FIXES["cross_traffic"])


def _about_link(link: Link, test: Throughput | None, target: Target, outcome: Outcome) -> Iterator[Sentence]:
    most = max(target.download_bps or target.download_floor_bps, target.upload_bps)
    is_hidden = link.medium == "ethernet" and link.speed_bps is None and test is not None
    if is_hidden and outcome == "FAIL" and wiring.least_link_bps(_directions(test)) < most:
        yield Sentence(said=FIXES["link.hidden"])
    if link.medium == "loopback":
        yield Sentence(said=FIXES["loopback"])
    if link.medium == "wifi" and outcome != "PASS":
        yield Sentence(said=FIXES["wifi"])
    if link.medium == "ethernet" and link.speed_bps and link.speed_bps <= findings.SLOW_ETHERNET_BPS:
        measured = max((one.ip_bps for one in _directions(test) if not one.is_lower_bound), default=0.0)
        if _is_limit(link, measured) or link.speed_bps < most:
            yield Sentence(said=FIXES["slow cable"], gaps={"speed": megabits(link.speed_bps)})
    if link.duplex == "half":
        yield Sentence(said=FIXES["half duplex"])


def _own_traffic(test: Throughput | None, link: Link | None) -> bool:
    if link is not None and link.medium == "loopback":
        return False
    before = [link.download_bps or 0.0, link.upload_bps or 0.0] if link is not None else []
    during = [one.cross_traffic_bps or 0.0 for one in _directions(test)]
    return any(bps >= NOTABLE_TRAFFIC_BPS for bps in (*before, *during))


def _defects(found: Diagnosis) -> Iterator[Sentence]:
    """Say each kind of defect; which address or name it is stands in the English detail."""
    for one in found.defects:
        said = DEFECTS[one.defect]
        yield Sentence(said=said, detail=one.sentence if one.sentence != said.en else None)


def _is_limit(link: Link, rate_bps: float) -> bool:
    speed_bps = link.speed_bps or 0.0
    return link.medium == "ethernet" and speed_bps > 0 and rate_bps >= findings.NEAR_LINK_SPEED * speed_bps


def _directions(test: Throughput | None) -> list[Direction]:
    both = (test.download, test.upload) if test is not None else ()
    return [one for one in both if one is not None]


def _first(seen: Sequence[Measurement], kind: type[_Kind]) -> _Kind | None:
    return next((one for one in seen if isinstance(one, kind)), None)
