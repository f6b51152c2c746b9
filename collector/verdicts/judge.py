"""From the facts of a line's month to the verdict on it; pure, and the only way to one.

The collector comes here with facts from its database, an auditor with those of a bundle.
"""

import functools
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from statistics import median_low

from msgspec import Struct, structs

from agent.contract import rules as causes
from agent.contract.rules import Rules
from collector.verdicts import canonical, exclusions, heard, outages, reading, standard
from collector.verdicts.facts import Facts, authority_of, number_of
from collector.verdicts.heard import Heard, Session, Void
from collector.verdicts.outages import Sign
from collector.verdicts.rules import Asked, Echo, Month, german, recurrence, reduction, shares, weighed
from collector.verdicts.standard import Standard
from collector.verdicts.terms import Stretch, stretches
from collector.verdicts.twins import Twins
from collector.verdicts.verdict import Availability, Reduction, Span, State, Verdict
from collector.verdicts.weighing import Part, rounded

_RULES = {"shares": shares.asked, "german": german.asked}
MONTHS = 12
_APART = timedelta(hours=1)  # light reports come every quarter of an hour
_LEAST_OF_A_DAY = timedelta(hours=2)


class _Held(Struct, frozen=True):
    """One stretch of days with the same terms, and when nothing counts in it."""

    stretch: Stretch
    left_out: tuple[exclusions.Span, ...]

    def holds(self, day: date) -> bool:
        return self.stretch.first <= day <= self.stretch.last

    def is_left_out(self, at: datetime) -> bool:
        return exclusions.within(self.left_out, at) is not None


class Judgement(Struct, frozen=True, kw_only=True):
    """A verdict with what it rests on, half hour by half hour and test by test."""

    verdict: Verdict
    asked: tuple[Asked, ...]
    tests: tuple[Heard, ...]
    outages: tuple[outages.Outage, ...]


def judge(facts: Facts) -> Judgement:
    """Judge one line's month for one operator.

    Raises:
        SettingsError: the numbers of the rules cannot be read.
    """
    by = standard.parse(facts.standard)
    held = _held(facts, by)
    read = reading.read(facts.reports, facts.keys, facts.known, by.eligibility.clock_s.value)
    months = [_month(facts, one, read.sessions, by) for one in held]
    asked = _joined(months, held, by)
    parts = tuple(weighed(asked, by.sure()))
    signs = _signs(facts, held, read.sessions, by)
    verdict = _concluded(facts, held, parts, _availability(facts, held, signs, by))
    tests = tuple(one for month in months for _, one in month.heard)
    used = {source for one in asked for slot in one.outcomes if slot.good is not None for source in slot.spoke}
    verdict = structs.replace(
        verdict,
        reduction=_reduction(facts, held, verdict, asked),
        tests=len({one.source for one in tests}),
        used=len(used),
        excluded=_excluded(tests, read.unread),
        reports=len(facts.reports),
    )
    return Judgement(verdict=verdict, asked=asked, tests=tests, outages=tuple(outages.outages(signs, _APART)))


def _held(facts: Facts, by: Standard) -> list[_Held]:
    """Return the terms that held for this line and operator on the month's days, in order."""
    found = []
    for one in stretches(facts.terms, *facts.days):
        if (one.terms.line, one.terms.operator) == (facts.line, facts.operator):
            left_out = exclusions.spans(facts.exclusions, one.terms, by.exclusions.announced_h.value)
            found.append(_Held(one, left_out))
    return found


def facts_sha256(facts: Facts) -> str:
    """Return the SHA-256 of everything that a verdict does not name by itself."""
    return canonical.sha256(canonical.encode(without_reports(facts))).hex()


def without_reports(facts: Facts) -> Facts:
    """Return facts without what stands elsewhere: the reports, the rules, and how rare a breach has to be."""
    return structs.replace(facts, reports=(), standard=b"", causes=b"", discovery=None)


def reports_sha256(facts: Facts) -> str:
    """Return the SHA-256 over the reports, a line for each: computer, number and its own SHA-256."""
    ordered = sorted(facts.reports, key=lambda one: (one.agent, one.sequence, one.payload))
    lines = (f"{one.agent} {one.sequence} {hashlib.sha256(one.payload).hexdigest()}\n" for one in ordered)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@functools.lru_cache(maxsize=16)
def _causes(raw: bytes) -> Rules:
    return causes.parse(raw)


def _month(facts: Facts, held: _Held, sessions: Sequence[Session], by: Standard) -> Month:
    """Return what the tests of the days on which the same terms held say, each in its slot."""
    rule = by.eligible(
        {authority_of(one.url): one.place for one in facts.servers},
        Twins(facts.servers, facts.records),
        has_other_line=facts.has_other_line,
    )
    by_agent: dict[str, list[Session]] = defaultdict(list)
    for one in sessions:
        by_agent[one.agent].append(one)
    found = []
    for members in by_agent.values():
        tests = heard.of_computer(members, held.stretch.terms, rule, _causes(facts.causes))
        for test in tests:
            slot = facts.lessons.slot_of(test.at, by.statistics.slot_minutes.value)
            if held.holds(slot.date()):
                void = dict.fromkeys((*test.void, *_against(facts, held, test.at, slot)))
                found.append((slot, structs.replace(test, void=tuple(void))))
    return Month(
        terms=held.stretch.terms,
        first=held.stretch.first,
        last=held.stretch.last,
        heard=tuple(sorted(found, key=lambda one: (one[0], one[1].source, one[1].way))),
        echoes=_echoes(found),
    )


def _against(facts: Facts, held: _Held, at: datetime, slot: datetime) -> Iterator[Void]:
    """Yield why a moment says nothing about these terms."""
    if held.stretch.terms.hours == "lessons" and not facts.lessons.is_lesson(slot):
        yield "hours"
    if held.is_left_out(at):
        yield "excluded"


def _echoes(found: Iterable[tuple[datetime, Heard]]) -> tuple[Echo, ...]:
    """Return the shortest round trip of each slot, by tests that may speak against the line in every respect."""
    best: dict[datetime, float] = {}
    for slot, test in found:
        if not test.void and not test.weak and test.rtt_idle_ms is not None:
            best[slot] = min(best.get(slot, test.rtt_idle_ms), test.rtt_idle_ms)
    return tuple(Echo(slot, best[slot]) for slot in sorted(best))


def _joined(months: Sequence[Month], held: Sequence[_Held], by: Standard) -> tuple[Asked, ...]:
    """Join what is asked of days with amended terms: a promise of the same name is one promise of the month.

    The rule is the one that the newest terms name. One that this standard does not have asks nothing.
    """
    numbers = by.rules.get(held[-1].stretch.terms.rule) if held else None
    if numbers is None:
        return ()
    by_name: dict[str, list[Asked]] = defaultdict(list)
    for month in months:
        for one in _RULES[numbers.kind](month, numbers, by.eligibility.link_headroom.value):
            by_name[one.name].append(one)
    return tuple(
        structs.replace(
            members[-1],
            days=tuple(day for one in members for day in one.days),
            outcomes=tuple(outcome for one in members for outcome in one.outcomes),
        )
        for members in by_name.values()
    )


def _signs(facts: Facts, held: Sequence[_Held], sessions: Sequence[Session], by: Standard) -> list[Sign]:
    """Return when the line was seen up or down on days and at times that count."""
    found = []
    for one in outages.signs(sessions):
        slot = facts.lessons.slot_of(one.at, by.statistics.slot_minutes.value)
        mine = next((each for each in held if each.holds(slot.date())), None)
        if mine is None:
            continue
        # What does not count ends an outage: nobody answers for the time on its other side as if it were one.
        found.append(Sign(one.at, is_up=True) if any(_against(facts, mine, one.at, slot)) else one)
    return found


def _availability(facts: Facts, held: Sequence[_Held], signs: Sequence[Sign], by: Standard) -> Availability | None:
    if not held:
        return None
    found = outages.outages(signs, _APART)
    seconds = sum(int((one.ends - one.begins).total_seconds()) for one in found)
    this = number_of(facts.month)
    year = seconds + sum(one.outage_s for one in facts.past if 0 < this - number_of(one.month) < MONTHS)
    most_h = held[-1].stretch.terms.outage_h_per_year
    most = None if most_h is None else int(most_h * 3600)
    slot_minutes = by.statistics.slot_minutes.value
    down = outages.days_down(signs, lambda at: facts.lessons.slot_of(at, slot_minutes).date(), _LEAST_OF_A_DAY)
    row = outages.longest_row(down, _working_days(facts))
    return Availability(
        outages=len(found),
        outage_s=seconds,
        outage_year_s=year,
        most_year_s=most,
        days_in_a_row=row,
        is_breach=(most is not None and year > most) or row >= by.availability.days_in_a_row.value,
    )


def _working_days(facts: Facts) -> list[date]:
    first, last = facts.days
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [day for day in days if facts.lessons.timetable.is_school_day(day)]


def _concluded(facts: Facts, held: Sequence[_Held], parts: Sequence[Part], down: Availability | None) -> Verdict:
    is_down = down is not None and down.is_breach
    chance = 0.0 if is_down else _chance(parts)
    is_broken = is_down or any(one.state == "broken" for one in parts)
    discovery = facts.discovery if is_broken else None
    is_rare = discovery is None or (chance is not None and chance <= discovery.most_chance)
    state = _state(parts, is_broken=is_broken, is_rare=is_rare) if held else "no contract"
    return Verdict(
        school=facts.school,
        line=facts.line,
        month=facts.month,
        operator=facts.operator,
        state=state,
        rule=held[-1].stretch.terms.rule if held else None,
        spans=tuple(_span(one.stretch) for one in held),
        parts=tuple(parts),
        availability=down,
        chance=chance,
        discovery=discovery,
        is_recurring=_recurs(facts, is_breach=state == "breach"),
        reports_sha256=reports_sha256(facts),
        facts_sha256=facts_sha256(facts),
        standard_sha256=canonical.sha256(facts.standard).hex(),
        causes_sha256=canonical.sha256(facts.causes).hex(),
    )


def _span(one: Stretch) -> Span:
    return Span(contract=one.terms.contract, number=one.terms.number, first=one.first, last=one.last)


def _chance(parts: Sequence[Part]) -> float | None:
    """Return how often a line at its limit comes out so or worse in any of its promises (Bonferroni)."""
    known = [one.chance for one in parts if one.chance is not None and one.state != "too little"]
    return rounded(min(Fraction(1), Fraction(min(known)) * len(parts))) if known else None


def _state(parts: Sequence[Part], *, is_broken: bool, is_rare: bool) -> State:
    if is_broken:
        return "breach" if is_rare else "watch"
    if any(one.state == "watch" for one in parts):
        return "watch"
    if not parts or any(one.state == "too little" for one in parts):
        return "insufficient"
    return "compliant"


def _recurs(facts: Facts, *, is_breach: bool) -> bool:
    this = number_of(facts.month)
    return recurrence.recurs({number_of(one.month): one.is_breach for one in facts.past} | {this: is_breach}, this)


def _reduction(facts: Facts, held: Sequence[_Held], verdict: Verdict, asked: Sequence[Asked]) -> Reduction | None:
    """Return what the price falls by, as the newest terms count it; each day costs what its own terms say."""
    terms = held[-1].stretch.terms if held else None
    if verdict.state != "breach" or terms is None or terms.price_per_month is None:
        return None
    broken = {one.name for one in verdict.parts if one.state == "broken"}
    kept = min((_kept(one) for one in asked if one.name in broken), default=Fraction(1))
    first, last = facts.days
    days = (last - first).days + 1
    price = sum(
        (one.stretch.terms.price_per_month or Decimal(0)) * ((one.stretch.last - one.stretch.first).days + 1) / days
        for one in held
    )
    amount = reduction.reduction(terms.reduction, Decimal(price), kept)
    return None if amount is None else Reduction(amount=amount, currency=terms.currency, kept=rounded(kept))


def _kept(asked: Asked) -> Fraction:
    """Return which share of what was promised the line typically gave: the median of the judged half hours."""
    if asked.level is None:
        good, judged = sum(day.good for day in asked.days), sum(day.judged for day in asked.days)
        return min(Fraction(1), Fraction(good, judged) / asked.limit)
    shares = [
        Fraction(one.best.value_bps) / Fraction(one.level_bps)
        for one in asked.outcomes
        if one.good is not None and one.best is not None
    ]
    return min(Fraction(1), median_low(shares))


def _excluded(tests: Iterable[Heard], unread: Mapping[str, int]) -> dict[str, int]:
    """Count tests by each reason that kept a direction of theirs from speaking against the line."""
    seen = {(one.source, reason) for one in tests for reason in (*one.void, *one.weak)}
    return dict(sorted((Counter(reason for _, reason in seen) + Counter(unread)).items()))
