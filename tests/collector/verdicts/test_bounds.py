"""Tails and bounds are exact, the same on every machine, and what the textbooks say."""

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.verdicts import bounds
from collector.verdicts.bounds import Day, Sample

LIMIT = Fraction(8, 10)
NO_LIKENESS = {"least": Fraction(0), "pooled": Fraction(0), "enough_days": 0}
DAYS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)).map(lambda two: Day(max(two), min(two))), max_size=25)


def independent(judged: int, good: int) -> Sample:
    return Sample(judged, good, judged, Fraction(0), Fraction(1))


@pytest.mark.parametrize(
    ("share", "risk", "judged", "most"),
    [
        (LIMIT, "0.05", 10, 5),
        (LIMIT, "0.01", 20, 11),
        (LIMIT, "0.001", 30, 16),
        (LIMIT, "0.01", 100, 69),
        (LIMIT, "0.01", 300, 222),
        (Fraction(95, 100), "0.05", 10, 7),
        (Fraction(95, 100), "0.01", 60, 52),
        (Fraction(95, 100), "0.001", 200, 178),
    ],
)
def test_how_few_good_slots_prove_a_broken_promise(share: Fraction, risk: str, judged: int, most: int) -> None:
    """So many good slots are still too few to be chance, and one more is not (exact binomial)."""
    assert bounds.tail(independent(judged, most), share) < Decimal(risk)
    assert bounds.tail(independent(judged, most + 1), share) >= Decimal(risk)


@given(st.integers(1, 150), st.data())
def test_without_likeness_it_is_the_binomial(judged: int, data: st.DataObject) -> None:
    """Where days are not alike, the tail is the binomial one."""
    good = data.draw(st.integers(0, judged))
    exact = sum(
        Fraction(math.comb(judged, one)) * LIMIT**one * (1 - LIMIT) ** (judged - one) for one in range(good + 1)
    )
    assert abs(bounds.tail(independent(judged, good), LIMIT) - Decimal(exact.numerator) / exact.denominator) < 1e-20


@pytest.mark.parametrize(("judged", "good", "bound"), [(100, 70, 0.8016), (10, 0, 0.3690), (20, 11, 0.7999)])
def test_the_bound_is_clopper_and_pearsons(judged: int, good: int, bound: float) -> None:
    """The upper bound is the share at which the sample becomes as rare as the risk, cut to ten-thousandths."""
    assert float(bounds.most_that_is_likely(independent(judged, good), Decimal("0.01"))) == bound


@given(DAYS, st.fractions(0, 1, max_denominator=20))
def test_likeness_makes_rarer_things_likelier(days: list[Day], likeness: Fraction) -> None:
    """The more alike the slots of a day, the less proves what would be beyond chance if they were not."""
    alone = bounds.sample_of(days, **NO_LIKENESS)
    alike = bounds.sample_of(days, least=max(likeness, alone.correlation), pooled=Fraction(0), enough_days=0)
    assert alike.effective <= alone.effective <= alone.judged
    if bounds.tail(alone, LIMIT) < Decimal("0.05"):
        assert bounds.tail(alike, LIMIT) >= bounds.tail(alone, LIMIT)


@given(DAYS, st.decimals(Decimal("0.001"), Decimal("0.2"), places=3))
def test_the_bound_and_the_tail_agree(days: list[Day], risk: Decimal) -> None:
    """A limit above the bound is broken beyond chance, one at or below it is not."""
    sample = bounds.sample_of(days, least=Fraction(1, 10), pooled=Fraction(3, 10), enough_days=10)
    bound = bounds.most_that_is_likely(sample, risk)
    assert bound >= (Fraction(sample.good, sample.judged) - Fraction(1, 10_000) if sample.judged else 1)
    if bound < 1:
        assert bounds.tail(sample, bound + Fraction(1, 10_000)) < risk


def test_the_correlation_of_days() -> None:
    """Days that are all good or all bad are wholly alike; days that come out the same show no likeness."""
    assert bounds.correlation_of([Day(6, 6), Day(6, 0)] * 5) == 1
    assert bounds.correlation_of([Day(6, 3)] * 10) == 0
    assert bounds.correlation_of([Day(6, 6)] * 10) is None
    assert bounds.correlation_of([Day(6, 3)]) is None
    # By hand: between (5 - 3) / 2 = 1, within (6 - 5) / 9 = 1/9, days of 4: (1 - 1/9) / (1 + 3/9).
    assert bounds.correlation_of([Day(4, 4), Day(4, 2), Day(4, 0)]) == Fraction(2, 3)


def test_few_days_are_taken_to_be_alike() -> None:
    """What few days show of their likeness is chance: until there are enough, the pooled one counts if it is more."""
    few = bounds.sample_of([Day(6, 3)] * 4, least=Fraction(0), pooled=Fraction(3, 10), enough_days=10)
    assert (few.correlation, few.design_effect, few.effective) == (Fraction(3, 10), Fraction(5, 2), Fraction(48, 5))
    many = bounds.sample_of([Day(6, 3)] * 10, least=Fraction(0), pooled=Fraction(3, 10), enough_days=10)
    assert many.effective == 60


def test_nothing_judged_proves_nothing() -> None:
    """Without a judged slot every share is likely."""
    sample = bounds.sample_of([Day(0, 0)], **NO_LIKENESS)
    assert bounds.tail(sample, LIMIT) == 1
    assert bounds.most_that_is_likely(sample, Decimal("0.01")) == 1
