"""From the facts of a line's month to the verdict on it; pure, and the only way to one.

The collector comes here with facts from its database, an auditor with those of a bundle.
"""

import functools
import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from statistics import median_low

from msgspec import UNSET, Struct, structs

from agent.contract import rules as causes
from agent.contract.rules import Rules
from collector.verdicts import availability, canonical, heard, holding, outages, reading, standard, withheld
from collector.verdicts.facts import Facts, number_of
from collector.verdicts.heard import Eligibility, Heard, Session, Source
from collector.verdicts.holding import Held
from collector.verdicts.reading import Readings
from collector.verdicts.rules import Asked, Echo, Month, german, recurrence, reduction, shares, weighed
from collector.verdicts.standard import Standard
from collector.verdicts.terms import Stretch, Terms
from collector.verdicts.twins import Twins
from collector.verdicts.verdict import Availability, Reduction, Span, State, Verdict
from collector.verdicts.weighing import Part, rounded

_RULES = {"shares": shares.asked, "german": german.asked}
_APART = timedelta(hours=1)  # light reports come every quarter of an hour


class _Told(Struct, frozen=True):
    """All that computers reported and servers tell by themselves, and when a test of it may speak."""

    sessions: tuple[Session, ...]
    recorded: withheld.Recorded
    rule: Eligibility


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
    by = _standard(facts.standard)
    held = holding.of_month(facts, by.exclusions.announced_h.value)
    read = reading.read(facts.reports, facts.keys, facts.known, by.limits(), functools.partial(_is_of_month, facts))
    try:
        return _judged(facts, held, read, by)
    except (ValueError, ArithmeticError, LookupError, TypeError, AttributeError):
        # Whatever a computer may write: one report never keeps its school from being judged.
        sound = read.without(functools.partial(_breaks, facts, held, by))
        if len(sound.sessions) == len(read.sessions):
            raise
        return _judged(facts, held, sound, by)


def _judged(facts: Facts, held: Sequence[Held], read: Readings, by: Standard) -> Judgement:
    told = _told(facts, read.sessions, by)
    months = [_month(facts, one, told, by) for one in held]
    asked = _joined(months, held, by)
    parts = tuple(weighed(asked, by.sure()))
    signs = availability.signs(facts, held, read.sessions, _seen_up(facts, held, told, by), by)
    down = outages.outages(signs, _APART)
    verdict = _concluded(facts, held, parts, availability.of_month(facts, held, signs, down, by))
    tests = _shown((one for month in months for _, one in month.heard), asked)
    used = {source for one in asked for slot in one.outcomes if slot.good is not None for source in slot.spoke}
    verdict = structs.replace(
        verdict,
        reduction=_reduction(facts, held, verdict, _shares_kept(facts, held, verdict, asked, by)),
        tests=len({one.source for one in tests if not one.source.test_id}),
        used=len({one for one in used if not one.test_id}),
        kept_by_record=len({(slot.slot, slot.way) for one in asked for slot in one.outcomes if slot.by_record}),
        kept_unreported=_kept_unreported(asked, tests) or UNSET,
        excluded=_excluded(tests, read.unread, facts),
        reports=len(facts.reports),
    )
    return Judgement(verdict=verdict, asked=asked, tests=tests, outages=tuple(down))


def _breaks(facts: Facts, held: Sequence[Held], by: Standard, session: Session) -> bool:
    """Tell whether one report by itself keeps the judge from a verdict."""
    try:
        told = _told(structs.replace(facts, records=()), (session,), by)
        for one in held:
            _month(facts, one, told, by)
        availability.signs(facts, held, (session,), (), by)
    except (ValueError, ArithmeticError, LookupError, TypeError, AttributeError):
        return True
    return False


def _is_of_month(facts: Facts, at: datetime) -> bool:
    first, last = facts.days
    return first <= facts.lessons.slot_of(at, 1).date() <= last


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
def _standard(raw: bytes) -> Standard:
    return standard.parse(raw)


@functools.lru_cache(maxsize=16)
def _causes(raw: bytes) -> Rules:
    return causes.parse(raw)


def _told(facts: Facts, sessions: tuple[Session, ...], by: Standard) -> _Told:
    twins = Twins(facts.servers, facts.records)
    rule = by.eligible(twins, has_other_line=facts.has_other_line)
    rule = structs.replace(rule, told_twice=heard.told_twice(sessions, twins))
    return _Told(sessions, withheld.recorded(facts, sessions, twins), rule)


def _seen_up(facts: Facts, held: Sequence[Held], told: _Told, by: Standard) -> list[datetime]:
    """Return when test servers saw the line work, by the terms of each day."""
    minutes = by.statistics.slot_minutes.value
    return [
        at
        for one in held
        for at in withheld.seen(told.recorded, one.terms, told.rule)
        if one.holds(facts.lessons.slot_of(at, minutes).date())
    ]


def _shown(tests: Iterable[Heard], asked: Iterable[Asked]) -> tuple[Heard, ...]:
    """Return each test once: a record of one that a report tells of only where a half hour is good by it alone."""
    alone = {source for one in asked for slot in one.outcomes if slot.by_record for source in slot.spoke}
    return tuple(one for one in tests if not _is_told(one) or one.source in alone)


def _kept_unreported(asked: Iterable[Asked], tests: Iterable[Heard]) -> int:
    """Count half hours that would be bad without tests of which nobody knows but their servers."""
    unreported = {one.source for one in tests if one.source.test_id and "unreported" in one.weak}
    slots = [slot for one in asked for slot in one.outcomes if slot.by_record]
    return len({(one.slot, one.way) for one in slots if all(_is_in(unreported, source) for source in one.spoke)})


def _is_in(unreported: Collection[Source], source: Source) -> bool:
    return not source.test_id or source in unreported


def _is_told(one: Heard) -> bool:
    return bool(one.source.test_id) and "unreported" not in one.weak


def _month(facts: Facts, held: Held, told: _Told, by: Standard) -> Month:
    """Return what the tests of the days on which the same terms held say, each in its slot."""
    found = []
    for test in _heard(facts, held.terms, told):
        slot = facts.lessons.slot_of(test.at, by.statistics.slot_minutes.value)
        if held.holds(slot.date()):
            void = dict.fromkeys((*test.void, *held.against(test.at, slot)))
            found.append((slot, structs.replace(test, void=tuple(void))))
    return Month(
        terms=held.terms,
        first=held.stretch.first,
        last=held.stretch.last,
        heard=tuple(sorted(found, key=lambda one: (one[0], one[1].source, one[1].way))),
        echoes=_echoes(found),
    )


def _heard(facts: Facts, terms: Terms, told: _Told) -> Iterator[Heard]:
    """Yield what computers and servers say of a line under these terms."""
    by_agent: dict[str, list[Session]] = defaultdict(list)
    for one in told.sessions:
        by_agent[one.agent].append(one)
    for members in by_agent.values():
        yield from heard.of_computer(members, terms, told.rule, _causes(facts.causes))
    for record in told.recorded.alone:
        yield from withheld.heard(record, terms, told.rule, told.recorded.networks)


def _echoes(found: Iterable[tuple[datetime, Heard]]) -> tuple[Echo, ...]:
    """Return the shortest round trip of each slot, by tests that may speak against the line in every respect."""
    best: dict[datetime, float] = {}
    for slot, test in found:
        if not test.void and not test.weak and test.rtt_idle_ms is not None:
            best[slot] = min(best.get(slot, test.rtt_idle_ms), test.rtt_idle_ms)
    return tuple(Echo(slot, best[slot]) for slot in sorted(best))


def _joined(months: Sequence[Month], held: Sequence[Held], by: Standard) -> tuple[Asked, ...]:
    """Join what is asked of days with amended terms: a promise of the same name is one promise of the month.

    The rule is the one that the newest terms name. One that this standard does not have asks nothing.
    """
    numbers = by.rules.get(held[-1].terms.rule) if held else None
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


def _concluded(facts: Facts, held: Sequence[Held], parts: Sequence[Part], down: Availability | None) -> Verdict:
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
        rule=held[-1].terms.rule if held else None,
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


def _shares_kept(
    facts: Facts, held: Sequence[Held], verdict: Verdict, asked: Sequence[Asked], by: Standard
) -> list[Fraction]:
    """Return which share of each broken promise was kept; being up is one that every contract makes."""
    broken = {one.name for one in verdict.parts if one.state == "broken"}
    found = [_kept(one) for one in asked if one.name in broken]
    down = verdict.availability
    return found if down is None or not down.is_breach else [*found, availability.up_share(facts, held, down, by)]


def _reduction(facts: Facts, held: Sequence[Held], verdict: Verdict, kept: Sequence[Fraction]) -> Reduction | None:
    """Return what the price falls by, as the newest terms count it; each day costs what its own terms say."""
    terms = held[-1].terms if held else None
    if verdict.state != "breach" or terms is None or terms.price_per_month is None:
        return None
    first, last = facts.days
    days = (last - first).days + 1
    price = sum(
        (one.terms.price_per_month or Decimal(0)) * ((one.stretch.last - one.stretch.first).days + 1) / days
        for one in held
    )
    amount = reduction.reduction(terms.reduction, Decimal(price), min(kept))
    return None if amount is None else Reduction(amount=amount, currency=terms.currency, kept=rounded(min(kept)))


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


def _excluded(tests: Iterable[Heard], unread: Mapping[str, int], facts: Facts) -> dict[str, int]:
    """Count tests by each reason that kept a direction of theirs from speaking against the line; each test once.

    Reports that were not read, and what facts had no room for, are counted beside them.
    """
    seen = {(one.source, reason) for one in tests if not _is_told(one) for reason in (*one.void, *one.weak)}
    counted = Counter(reason for _, reason in seen) + Counter(unread)
    for why, count in () if facts.left_out is UNSET else facts.left_out.items():
        counted[why] += count
    return dict(sorted(counted.items()))
