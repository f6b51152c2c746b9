"""Whose fault a slow school is: judged from the facts of all its computers in a period. Pure; nothing is stored.

The line is blamed only where a clean computer on a cable, on an idle line, repeatedly, and against two servers or on
two days says so, and never while a cause inside the school stands.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from msgspec import Struct

from agent.contract import line as lines
from agent.contract import weighing
from agent.contract.causes import INSIDE, Cause, Confidence, Contract, Diagnosis, Evidence, expected
from agent.contract.line import Line
from agent.contract.rules import Rules
from agent.contract.signs import Signs
from agent.contract.standards import Target
from collector.diagnosis import addresses, computers, sentences, words
from collector.diagnosis.computers import Computer, Slow
from collector.diagnosis.sessions import ComputerSession
from collector.words import Sentence, say

__all__ = ["ComputerSession", "SchoolDiagnosis", "Told", "diagnose_school", "tell_school"]

_NO_RATE = say("the speed that the contract promises, or the number of pupils, in the registry")
_CONTRACT = say("the speed that the contract promises, in the registry")
_CABLE = say("a computer on a cable near the router, or a second computer")
_TOGETHER = say("tests of the slow computers at the hours in which the one on a cable is fast")


class SchoolDiagnosis(Diagnosis, frozen=True, kw_only=True):
    """The school's verdict. ``line_delivers`` is null where no clean computer on a cable shows it either way.

    ``not_organised``: the line is shown to deliver, and in enough rooms, on enough days, it does not arrive.
    ``wants_pair``: too few of the slow computers' tests on Wi-Fi have one of the best-placed computer beside them.
    """

    line_delivers: bool | None
    not_organised: bool
    not_organised_sentence: str | None
    wants_pair: bool
    computers: int
    slow_computers: int
    rooms: int
    unfit_rooms: int
    days: int


class Told(Struct, frozen=True, kw_only=True):
    """A school's verdict with its sentences for any language, of which the verdict has the English ones."""

    diagnosis: SchoolDiagnosis
    sentence: Sentence
    not_organised: Sentence | None
    missing: tuple[Sentence, ...]


class _Found(Struct, frozen=True, kw_only=True):
    """The verdict in the making."""

    cause: Cause
    sentence: Sentence
    confidence: Confidence = "low"
    evidence: tuple[Evidence, ...] = ()
    counter_evidence: tuple[Evidence, ...] = ()
    missing: tuple[Sentence, ...] = ()


class _School(Struct, frozen=True, kw_only=True):
    """What the judges look at: all computers, the best placed one on a clean cable, and those that are slow."""

    computers: list[Computer]
    best: Computer | None
    slow: list[Slow]
    contract: Contract
    target: Target | None
    rules: Rules

    @property
    def line(self) -> Line:
        return self.best.line if self.best is not None else Line()

    @property
    def tested(self) -> list[Signs]:
        return [one for computer in self.computers for one in computer.tested]

    @property
    def line_delivers(self) -> bool | None:
        if self.best is None:
            return None
        return True if self.line.delivers else False if self.line.cause is not None and self.line.is_firm else None


def diagnose_school(
    facts: Sequence[ComputerSession], contract: Contract | None, target: Target | None, rules: Rules
) -> SchoolDiagnosis:
    """Say in one sentence what is slow at a school and whose job it is; see ``tell_school``."""
    return tell_school(facts, contract, target, rules).diagnosis


def tell_school(
    facts: Sequence[ComputerSession], contract: Contract | None, target: Target | None, rules: Rules
) -> Told:
    """Say whose fault a slow school is.

    Args:
        facts: the sessions of all its computers in a period, in any order.
        contract: what the line was promised to carry; None where nobody knows.
        target: what the school needs; lines without a contract are held against it.
        rules: every threshold (``rules.shipped_rules()``).
    """
    held_against = expected(contract, target)
    read = computers.read(facts, held_against, rules)
    best = _best(read, rules)
    found = [computers.slow(one, best, rules) for one in read]
    school = _School(
        computers=read,
        best=best,
        slow=[one for one in found if one is not None],
        contract=held_against,
        target=target,
        rules=rules,
    )
    verdict = _verdict(school)
    rooms = {one.place for one in read if one.tested}
    unfit = {one.computer.place for one in school.slow if one.days_shown(rules)}
    not_organised = _is_not_organised(school, rooms, unfit)
    sentence = sentences.not_organised(len(unfit), len(rooms)) if not_organised else None
    diagnosis = SchoolDiagnosis(
        cause=verdict.cause,
        confidence=verdict.confidence,
        sentence=str(verdict.sentence),
        evidence=verdict.evidence,
        counter_evidence=verdict.counter_evidence,
        defects=(*weighing.defects(one for computer in read for one in computer.signs), *addresses.defects(facts)),
        missing=tuple(map(str, verdict.missing)),
        rules_version=rules.name,
        line_delivers=school.line_delivers,
        not_organised=not_organised,
        not_organised_sentence=str(sentence) if sentence is not None else None,
        wants_pair=_wants_pair(school),
        computers=sum(bool(one.tested) for one in read),
        slow_computers=len(school.slow),
        rooms=len(rooms),
        unfit_rooms=len(unfit),
        days=lines.days_of(school.tested),
    )
    return Told(diagnosis=diagnosis, sentence=verdict.sentence, not_organised=sentence, missing=verdict.missing)


def _best(read: Sequence[Computer], rules: Rules) -> Computer | None:
    """Return the computer whose clean tests speak for the line: one that shows it to deliver, else the fastest."""

    def place(one: Computer) -> tuple[bool, bool, bool, float]:
        clean = [test for test in one.tested if test.may_speak_for_the_line]
        shares = sorted(min(way.value_bps / way.promised_bps for way in test.ways) for test in clean)
        sound = one.line.cause is None and one.line.delivers
        return sound, one.line.delivers, one.line.is_firm, shares[len(shares) // 2]

    speaking = [one for one in read if any(test.may_speak_for_the_line for test in one.tested)]
    best = max(speaking, key=place, default=None)
    if best is not None and best.line.cause is None:
        # Who only measured while the line was fast does not answer for the hours in which others found it slow.
        unanswered = [one for one in speaking if one.line.cause and not computers.is_refuted(one, speaking, rules)]
        best = max(unanswered, key=place, default=best)
    if best is None or best.line.cause != "ISP_LINE":
        return best
    # Where one computer saw the school's own traffic on the line, that another one did not see it proves nothing.
    full = [one for one in speaking if one.line.cause == "LINE_SATURATED"]
    blaming = sum(one.line.cause == "ISP_LINE" and one.line.is_firm for one in speaking)
    is_full = any(one.line.is_firm for one in full) or len(full) >= max(1, blaming)
    return max(full, key=place) if full and is_full else best


def _verdict(school: _School) -> _Found:
    missing = _not_enough(school)
    if missing:
        return _insufficient(school, missing)
    line = school.line
    inside = Counter(one.cause for one in school.slow if one.cause is not None and one.cause in INSIDE)
    hosts = sum(one.cause == "HOST" for one in school.slow)
    if line.cause is not None and line.is_firm:
        return _line_and_inside(school, inside) if inside else _of_line(school)
    if inside or hosts:
        return _inside(school)
    if line.cause == "LINE_SATURATED" or (
        line.cause == "LOWER_PLAN" and line.tests >= school.rules.enough.repeats.value
    ):
        return _of_line(school)
    if line.delivers and line.cause is None:
        return _delivers(school)
    return _insufficient(school, _told(line.missing) or _unheard(school) or (_CABLE,))


def _told(missing: Iterable[str]) -> tuple[Sentence, ...]:
    return tuple(words.said(one) for one in missing)


def _not_enough(school: _School) -> tuple[Sentence, ...]:
    """Return what is missing before anything can be said."""
    rules, tested = school.rules.enough, school.tested
    if not school.contract.is_known:
        return (_NO_RATE,)
    cabled = any(one.medium == "ethernet" for one in tested)
    measured = sum(bool(one.tested) for one in school.computers)
    tests, hours = rules.tests.value, rules.hours.value
    wanted = (
        (
            say("at least {tests} speed tests ({sofar} so far)", tests=f"{tests:g}", sofar=len(tested)),
            len(tested) >= tests,
        ),
        (say("tests in at least {hours} different hours", hours=f"{hours:g}"), lines.hours_of(tested) >= hours),
        (_CABLE, cabled or measured >= rules.computers.value),
    )
    return tuple(what for what, is_there in wanted if not is_there)


def _unheard(school: _School) -> tuple[Sentence, ...]:
    """Return what the computers on cables lack, where none of them may speak for the line."""
    cabled = [one for one in school.computers if any(test.medium == "ethernet" for test in one.tested)]
    return _told(dict.fromkeys(what for one in cabled for what in one.line.missing))


def _insufficient(school: _School, missing: tuple[Sentence, ...]) -> _Found:
    line = school.line
    if not school.contract.agreed and school.contract.is_known and school.slow and _CONTRACT not in missing:
        missing = (*missing, _CONTRACT)
    own = school.best.own(line.evidence) if school.best is not None else ()
    return _Found(
        cause="INSUFFICIENT",
        sentence=sentences.insufficient(missing),
        evidence=(*own, *(figure for one in school.slow[:3] for figure in one.evidence)),
        missing=missing,
    )


def _of_line(school: _School) -> _Found:
    line, best = school.line, school.best
    if line.cause is None or best is None:
        return _insufficient(school, _told(line.missing))
    agreeing = [one for one in school.computers if one.line.cause == line.cause and one.line.is_firm]
    sure = line.confidence
    if line.cause == "ISP_LINE":
        is_many = len(agreeing) >= school.rules.enough.computers.value
        is_spread = max((one.line.days for one in agreeing), default=0) >= school.rules.enough.days.value
        sure = "high" if is_many and is_spread and not line.is_at_times else sure
    hosts = [figure for one in school.slow if one.cause == "HOST" for figure in one.evidence]
    count = lines.count("computers on clean cables that agree", max(1, len(agreeing)), "computers")
    return _Found(
        cause=line.cause,
        confidence=sure,
        sentence=sentences.of_line(line.cause, line, school.contract),
        evidence=(*best.own(line.evidence), count),
        counter_evidence=(*best.own(line.counter_evidence), *hosts),
        missing=_told(line.missing),
    )


def _line_and_inside(school: _School, inside: Counter[Cause]) -> _Found:
    """Weigh a line's own cause against causes inside: the operator is never named alone while one of those stands."""
    line_cause = school.line.cause
    of_line = _of_line(school)
    measured = sum(bool(one.tested) for one in school.computers)
    is_rare = inside.total() < school.rules.school.second_cause_ratio.value * measured
    if line_cause is None or (line_cause != "ISP_LINE" and is_rare):
        return of_line
    within = _inside(school)
    causes: tuple[Cause, ...] = (*(cause for cause, _ in inside.most_common()), line_cause)
    return _Found(
        cause="MIXED",
        confidence="medium" if "low" not in {of_line.confidence, within.confidence} else "low",
        sentence=sentences.mixed(causes),
        evidence=(*within.evidence, *of_line.evidence),
        counter_evidence=(*within.counter_evidence, *of_line.counter_evidence),
    )


def _inside(school: _School) -> _Found:
    """Name the commonest cause at computers, in the wiring and in the air, or several that stand beside each other."""
    explained = [one for one in school.slow if one.cause is not None]
    tally = Counter(one.cause for one in explained if one.cause is not None)
    least = school.rules.school.second_cause_ratio.value * tally.total()
    ranked = [cause for cause, _ in tally.most_common()]
    standing = (ranked[0], *(cause for cause in ranked[1:] if tally[cause] >= least))
    of_them = [one for one in explained if one.cause in standing]
    measured = sum(bool(one.tested) for one in school.computers)
    count = lines.count("computers that are slow for this", len(of_them), "computers")
    best = school.best
    shown = best.own(school.line.evidence) if best is not None else ()
    is_mixed = len(standing) > 1
    cause: Cause = "MIXED" if is_mixed else ranked[0]
    return _Found(
        cause=cause,
        confidence=_surety(school, of_them),
        sentence=sentences.mixed(standing)
        if is_mixed
        else sentences.inside(cause, len(of_them), measured, school.line),
        evidence=(count, *(figure for one in of_them for figure in one.evidence), *shown),
        counter_evidence=tuple(figure for one in of_them for figure in one.counter_evidence),
    )


def _surety(school: _School, found: Sequence[Slow]) -> Confidence:
    """Return how sure the number of independent computers and days makes; tests at one time with a good one weigh."""
    rules = school.rules
    days = len(frozenset[date]().union(*(one.days for one in found)))
    paired = sum(len(computers.pairs(one.tests, school.best, rules)) for one in found) if school.best is not None else 0
    strong = [
        len(found) >= rules.enough.computers.value,
        days >= rules.enough.days.value,
        paired >= rules.enough.repeats.value,
    ]
    best = max((one.confidence for one in found), key=("low", "medium", "high").index)
    if best == "low":
        return "medium" if all(strong) else "low"
    return "high" if school.line.delivers and sum(strong) > 1 else "medium" if any(strong) or best == "high" else "low"


def _wants_pair(school: _School) -> bool:
    """Tell whether a cable and a Wi-Fi test in the same minute would tell the line from the school's own network."""
    if school.best is None or school.best.line.cause is not None:
        return False
    on_wifi = [one for one in school.slow if one.tests and one.tests[-1].medium == "wifi"]
    paired = sum(len(computers.pairs(one.tests, school.best, school.rules)) for one in on_wifi)
    return bool(on_wifi) and paired < school.rules.enough.repeats.value


def _delivers(school: _School) -> _Found:
    line, best = school.line, school.best
    if best is None:
        return _insufficient(school, (_CABLE,))
    measured = sum(bool(one.tested) for one in school.computers)
    if school.slow and len(school.slow) >= school.rules.school.second_cause_ratio.value * measured:
        return _insufficient(school, (_TOGETHER,))
    unexplained = [figure for one in school.slow for figure in one.computer.own(weighing.rates(one.tests)[-1:])]
    counter = (*best.own(line.counter_evidence), *unexplained)
    too_small = weighing.too_small(school.contract, school.target) if school.target is not None else ()
    if too_small:
        return _Found(
            cause="LOWER_PLAN",
            confidence=line.confidence,
            sentence=sentences.too_small(too_small),
            evidence=best.own(line.evidence),
            counter_evidence=counter,
        )
    return _Found(
        cause="HEALTHY",
        confidence=line.confidence,
        sentence=sentences.healthy(school.contract, len(school.slow), measured),
        evidence=best.own(line.evidence),
        counter_evidence=counter,
    )


def _is_not_organised(school: _School, rooms: set[str], unfit: set[str]) -> bool:
    """Tell whether the line delivers and yet clearly does not arrive: in enough rooms, on enough days, sure of each."""
    rules = school.rules
    ratio = rules.school.unfit_ratio.value
    is_blamed = school.line.cause == "ISP_LINE" and school.line.is_firm
    if not school.line.delivers or is_blamed:
        return False
    if len(rooms) < rules.enough.computers.value or len(unfit) < ratio * len(rooms):
        return False
    tested: dict[date, set[str]] = {}
    failing: dict[date, set[str]] = {}
    for computer in school.computers:
        for test in computer.tested:
            if test.at is not None:
                tested.setdefault(test.at.date(), set()).add(computer.place)
    for one in school.slow:
        for day in one.days_shown(rules):
            failing.setdefault(day, set()).add(one.computer.place)
    unfit_days = sum(len(places) >= ratio * len(tested[day]) for day, places in failing.items())
    return unfit_days >= rules.school.unfit_days.value
