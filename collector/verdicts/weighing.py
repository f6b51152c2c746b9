"""One promise against one month: kept, broken beyond chance, to be watched, or not enough to say; pure."""

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Literal

from msgspec import Struct

from collector.verdicts import bounds
from collector.verdicts.bounds import Day, Sample

State = Literal["kept", "watch", "broken", "too little"]
_PLACES = Decimal("0.000001")
_ROUNDING = Context(prec=40, rounding=ROUND_HALF_EVEN)


class Statistics(Struct, frozen=True, kw_only=True):
    """How sure one has to be."""

    risk: Decimal
    watch_risk: Decimal
    effective_slots: int
    days: int
    own_correlation_days: int
    pooled_correlation: Fraction


class Part(Struct, frozen=True, kw_only=True):
    """One promise of a contract, weighed. Shares are 0 to 1, rounded to six places.

    ``chance`` is how often a line that is exactly at its limit comes out so or worse; ``bound`` is the largest true
    share that leaves it no rarer than ``risk``.
    """

    name: str
    limit: float
    judged: int
    good: int
    days: int
    effective: float
    correlation: float
    share: float | None
    bound: float | None
    chance: float | None
    risk: float
    state: State


def weigh(name: str, days: Sequence[Day], limit: Fraction, statistics: Statistics, parts: int) -> Part:
    """Weigh one of ``parts`` promises of a contract, which share the risk of a wrong accusation (Bonferroni)."""
    sample = sampled(days, statistics)
    chance = bounds.tail(sample, limit) if sample.judged else None
    risk = _ROUNDING.divide(statistics.risk, Decimal(parts))
    return Part(
        name=name,
        limit=rounded(limit),
        judged=sample.judged,
        good=sample.good,
        days=sample.days,
        effective=rounded(sample.effective),
        correlation=rounded(sample.correlation),
        share=rounded(Fraction(sample.good, sample.judged)) if sample.judged else None,
        bound=rounded(bounds.most_that_is_likely(sample, risk)) if sample.judged else None,
        chance=None if chance is None else rounded(chance),
        risk=rounded(risk),
        state=state_of(sample, chance, statistics, parts),
    )


def sampled(days: Sequence[Day], statistics: Statistics) -> Sample:
    """Add up a month's days as these statistics ask for it."""
    return bounds.sample_of(
        days,
        least=Fraction(0),
        pooled=statistics.pooled_correlation,
        enough_days=statistics.own_correlation_days,
    )


def state_of(sample: Sample, chance: Decimal | None, statistics: Statistics, parts: int) -> State:
    """Return what a sample that comes out so by this chance says of one of ``parts`` promises.

    The chance knows already how alike the slots of a day are: what is rarer than the risk is enough to accuse, however
    few independent slots the month is worth. To say that a promise was kept, or to doubt it, takes as many as asked.
    """
    if chance is None or sample.judged < statistics.effective_slots or sample.days < statistics.days:
        return "too little"
    if chance >= _ROUNDING.divide(statistics.risk, Decimal(parts)) and sample.effective < statistics.effective_slots:
        return "too little"
    if chance < _ROUNDING.divide(statistics.risk, Decimal(parts)):
        return "broken"
    return "watch" if chance < _ROUNDING.divide(statistics.watch_risk, Decimal(parts)) else "kept"


def rounded(value: Fraction | Decimal) -> float:
    """Return six decimal places, the same on every machine."""
    whole, parts = value.as_integer_ratio()
    exact = _ROUNDING.divide(Decimal(whole), Decimal(parts))
    return float(exact.quantize(_PLACES, context=_ROUNDING))
