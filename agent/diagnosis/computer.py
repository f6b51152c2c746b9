"""Where the bottleneck of one computer is, from its last sessions. Pure.

It names the line only for clean tests by cable, and never surely without repeats on two days or against two servers.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import tzinfo

from msgspec import Struct
from msgspec.structs import replace

from agent.contract import line as lines
from agent.contract import signs as signs_of
from agent.contract import weighing
from agent.contract.causes import INSIDE, Cause, Confidence, Contract, Diagnosis, DirectionWord, Evidence, expected
from agent.contract.line import Line
from agent.contract.measurement import Failed, Measurement, Unknown
from agent.contract.rules import Rules
from agent.contract.signs import Signs
from agent.contract.standards import Target
from agent.diagnosis import sentences

_A_TEST = "a speed test"
_AN_OPEN_TEST = "a full test: the ones so far only show 'at least'"
_A_RATE = "the speed that the contract promises, or the number of pupils"
_BY_CABLE = "the same test by cable"


class _Verdict(Struct, frozen=True, kw_only=True):
    cause: Cause
    confidence: Confidence = "low"
    evidence: tuple[Evidence, ...] = ()
    counter_evidence: tuple[Evidence, ...] = ()
    missing: tuple[str, ...] = ()
    also: tuple[Cause, ...] = ()
    line: Line = Line()
    too_small: tuple[tuple[DirectionWord, float], ...] = ()


def diagnose(
    sessions: Sequence[Sequence[Measurement | Unknown]],
    contract: Contract | None,
    rules: Rules,
    target: Target | None = None,
    zone: tzinfo | None = None,
) -> Diagnosis:
    """Say where the bottleneck of this computer is.

    Args:
        sessions: this computer's sessions, in any order, each with what its probes measured.
        contract: what the line was promised to carry; None where nobody knows.
        rules: every threshold (``rules.shipped_rules()``).
        target: what the school needs, where that is known: lines without a contract are held against it.
        zone: the school's time zone, in which days and hours are counted; None for this computer's own.
    """
    held_against = expected(contract, target)
    # In UTC one morning of some countries is two days.
    signs = [_at_home(one, zone) for one in signs_of.of_computer(sessions, held_against, rules)]
    verdict = _verdict(signs, held_against, target, rules)
    failed = next((one for session in sessions for one in session if isinstance(one, Failed)), None)
    words = sentences.Words(
        contract=held_against,
        medium=signs[-1].medium if signs else None,
        line=verdict.line,
        too_small=verdict.too_small,
        also=verdict.also,
        missing=verdict.missing,
        failure=failed.failure if failed is not None else None,
        evidence=verdict.evidence,
    )
    return Diagnosis(
        cause=verdict.cause,
        confidence=verdict.confidence,
        sentence=sentences.sentence(verdict.cause, words),
        evidence=verdict.evidence,
        counter_evidence=verdict.counter_evidence,
        defects=weighing.defects(signs),
        missing=verdict.missing,
        rules_version=rules.name,
    )


def _at_home(one: Signs, zone: tzinfo | None) -> Signs:
    return one if one.at is None else replace(one, at=one.at.astimezone(zone))


def _verdict(signs: Sequence[Signs], contract: Contract, target: Target | None, rules: Rules) -> _Verdict:
    tested = [one for one in signs if one.ways]
    if not tested:
        return _Verdict(cause="INSUFFICIENT", missing=(_A_TEST,) if contract.is_known else (_A_RATE,))
    short = [one for one in tested if one.is_short]
    if not short or len(short) < rules.enough.slow_ratio.value * len(tested):
        return _not_slow(tested, short, contract, target, rules)
    explained = Counter(one.explanation[0] for one in short if one.explanation is not None)
    line = lines.judge(tested, contract, rules)
    # A test that its own computer spoiled is discarded; whatever lies in the network inside is not.
    if not INSIDE.intersection(explained) and line.cause is not None and (line.is_firm or not explained):
        return _of_line(line, short)
    if explained:
        return _inside(explained, short, tested, line, rules)
    missing = line.missing if any(one.medium == "ethernet" for one in short) else (_BY_CABLE,)
    return _Verdict(
        cause="INSUFFICIENT",
        evidence=weighing.rates(short),
        counter_evidence=(*line.evidence, *line.counter_evidence),
        missing=missing,
        line=line,
    )


def _not_slow(
    tested: Sequence[Signs], short: Sequence[Signs], contract: Contract, target: Target | None, rules: Rules
) -> _Verdict:
    good = [one for one in tested if one.delivers]
    if not good:
        return _Verdict(cause="INSUFFICIENT", missing=(_AN_OPEN_TEST,))
    sure = lines.confidence(good, rules)
    too_small = weighing.too_small(contract, target) if target is not None else ()
    if too_small:
        return _Verdict(cause="LOWER_PLAN", confidence=sure, evidence=weighing.rates(good), too_small=too_small)
    notes = [evidence for one in good for evidence in (*one.host, *one.inside)]
    return _Verdict(
        cause="HEALTHY",
        confidence=sure,
        evidence=weighing.rates(good),
        counter_evidence=(*weighing.rates(short), *weighing.named_once(notes)),
    )


def _of_line(line: Line, short: Sequence[Signs]) -> _Verdict:
    # The operator is named for what is proven, not for what only may be.
    is_open = line.cause is None or (line.cause == "ISP_LINE" and not line.is_firm)
    return _Verdict(
        cause="INSUFFICIENT" if is_open or line.cause is None else line.cause,
        confidence=line.confidence,
        evidence=line.evidence,
        counter_evidence=(*line.counter_evidence, *weighing.named_once([host for one in short for host in one.host])),
        missing=line.missing,
        line=line,
    )


def _inside(
    explained: Counter[Cause], short: Sequence[Signs], tested: Sequence[Signs], line: Line, rules: Rules
) -> _Verdict:
    standing = _standing(explained, line, rules)
    top, is_mixed = standing[0], len(standing) > 1
    of_top = [one for one in short if one.explanation is not None and one.explanation[0] == top]
    explaining = [
        figure
        for one in short
        if one.explanation is not None and one.explanation[0] in standing
        for figure in one.explanation[1]
    ]
    against = [figure for one in of_top for figure in (*one.path, *one.beyond)] if top.startswith("WIFI") else []
    return _Verdict(
        cause="MIXED" if is_mixed else top,
        confidence=weighing.surety(top, of_top, rules),
        evidence=(
            *weighing.rates(of_top),
            *weighing.named_once(explaining),
            *(line.evidence if line.cause in standing else ()),
        ),
        counter_evidence=(
            *weighing.rates([one for one in tested if one.delivers]),
            *weighing.named_once(against),
        ),
        also=tuple(standing) if is_mixed else (),
    )


def _standing(explained: Counter[Cause], line: Line, rules: Rules) -> list[Cause]:
    """Return the causes that stand, what lies here before the line: the commonest, and what is as common beside it."""
    ranked = [cause for cause, _ in explained.most_common()]
    is_line = line.cause is not None and line.is_firm
    least = rules.school.second_cause_ratio.value * (explained.total() + (line.tests if is_line else 0))
    standing = [ranked[0], *(cause for cause in ranked[1:] if explained[cause] >= least)]
    if line.cause is not None and is_line and line.tests >= least:
        standing.append(line.cause)
    return standing
