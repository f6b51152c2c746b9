"""Each rule asks what its source says, and a line is accused only by what may speak against it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from agent.contract.standards import Interval
from collector.verdicts import outcomes, rules
from collector.verdicts.bounds import Day
from collector.verdicts.heard import Heard, Source
from collector.verdicts.outcomes import Level
from collector.verdicts.rules import Echo, Month, Numbers, german, recurrence, reduction, shares
from collector.verdicts.terms import Terms
from collector.verdicts.weighing import Statistics

STATISTICS = Statistics(
    risk=Decimal("0.01"),
    watch_risk=Decimal("0.1"),
    effective_slots=30,
    days=5,
    own_correlation_days=10,
    pooled_correlation=Fraction(3, 10),
)
NUMBERS = Numbers(title="80/80", kind="shares", source="FCC DA 18-710")
MORNING = datetime(2026, 9, 1, 9, tzinfo=UTC)
LEVEL = Level(way="download", bps=80e6, link_bps=88e6)


def terms(**more: object) -> Terms:
    told = {"school": "0101", "contract": "A-1", "operator": "Alpha", "author": "ministry", "recorded_at": MORNING}
    return Terms(valid_from=date(2026, 9, 1), **told | {"download_bps": 100_000_000} | more)


def heard(value: float, *, low: float | None = None, high: float | None = -1, **more: object) -> Heard:
    """Return a test of so many Mbit/s, known within 2 % unless told otherwise."""
    low_bps = (0.98 * value if low is None else low) * 1e6
    high_bps = 1.02e6 * value if high == -1 else None if high is None else 1e6 * high
    told = {"source": Source("a", 1, 0), "way": "download", "at": MORNING, "server": "s", "link_bps": 1e9}
    return Heard(rate=Interval(value_bps=value * 1e6, low_bps=low_bps, high_bps=high_bps), **told | more)


def month(goods: list[list[bool]], **more: object) -> Month:
    """Return a month whose slots came out so, day by day."""
    by_slot = tuple(
        (MORNING + timedelta(days=day, minutes=30 * number), heard(90.0 if good else 40.0))
        for day, slots in enumerate(goods)
        for number, good in enumerate(slots)
    )
    return Month(terms=terms(**more), first=date(2026, 9, 1), last=date(2026, 9, 30), heard=by_slot)


@pytest.mark.parametrize(
    ("tests", "good"),
    [
        ([heard(90)], True),
        ([heard(40)], False),
        ([heard(79, high=81)], True),  # in doubt for the operator
        ([heard(40), heard(90)], True),  # the best computer speaks
        ([heard(40), heard(30)], False),
        ([heard(40, high=None)], None),  # a pace below the level tells nothing
        ([heard(90, high=None)], True),
        ([heard(40, weak=("not_wired",))], None),
        ([heard(90, weak=("not_wired",))], None),  # opens no slot
        ([heard(40), heard(90, weak=("not_wired",))], True),  # but proves what the line gave
        ([heard(40), heard(90, void=("server_inside",))], False),
        ([heard(40, link_bps=85e6)], None),
        ([heard(40, link_bps=None)], None),
        ([heard(40), heard(40, link_bps=85e6)], False),
    ],
)
def test_who_speaks_in_a_slot(tests: list[Heard], good: bool | None) -> None:
    """Bad is said only where everybody who may speak against the line says it, and nobody proves the contrary."""
    found = outcomes.outcomes([(MORNING, one) for one in tests], LEVEL)
    assert [one.good for one in found] == [good]
    assert (found[0].spoke == ()) == (good is None)


def test_a_broken_promise_and_a_kept_one() -> None:
    """A line that fails in half of the half hours is broken, one that never does is kept, six slots say nothing."""
    for goods, state in (
        ([[True, False, True, False]] * 20, "broken"),
        ([[True] * 4] * 20, "kept"),
        ([[True, False, False]] * 2, "too little"),
        ([[True, True, True, False]] * 20, "kept"),
    ):
        (part,) = rules.weighed(shares.asked(month(goods), NUMBERS, 1.1), STATISTICS)
        assert (part.name, part.state) == ("download", state)


def test_promises_share_the_risk() -> None:
    """With more promises each has to be broken more clearly."""
    one = rules.weighed(shares.asked(month([[True] * 4] * 20), NUMBERS, 1.1), STATISTICS)
    echoes = tuple(Echo(MORNING + timedelta(days=each), 50.0) for each in range(20))
    both = Month(
        terms=terms(rtt_ms=100),
        first=date(2026, 9, 1),
        last=date(2026, 9, 30),
        heard=(),
        echoes=(*echoes, Echo(MORNING, 150.0)),
    )
    two = rules.weighed(shares.asked(both, NUMBERS, 1.1), STATISTICS)
    assert [part.risk for part in one] == [0.01]
    assert [(part.name, part.risk, part.judged, part.good) for part in two] == [
        ("download", 0.005, 0, 0),
        ("round trip", 0.005, 21, 20),
    ]


def test_the_german_rule_has_three_parts() -> None:
    """The most counts by days, the normal and the least speed by half hours; what was not promised is not asked."""
    numbers = Numbers(title="as in Germany", kind="german", source="Vfg. 99/2021")
    promised = {"download_normal_bps": 60_000_000, "download_minimum_bps": 30_000_000}
    found = german.asked(month([[True, False], [False, False], [True, True]], **promised), numbers, 1.1)
    assert [(one.name, one.days) for one in found] == [
        ("download most", (Day(1, 1), Day(1, 0), Day(1, 1))),
        ("download normal", (Day(2, 1), Day(2, 0), Day(2, 2))),
        ("download least", (Day(2, 2), Day(2, 2), Day(2, 2))),
    ]
    assert [one.name for one in german.asked(month([[True]]), numbers, 1.1)] == ["download most"]


@pytest.mark.parametrize(
    ("broken", "does"),
    [([1], False), ([1, 2], False), ([3], False), ([2, 3], True), ([1, 3], True), ([0, 3], False), ([1, 2, 3], True)],
)
def test_what_recurs(broken: list[int], does: bool) -> None:
    """Two broken months of three in a row, the last of them broken."""
    assert recurrence.recurs(dict.fromkeys(broken, True), 3) is does


@pytest.mark.parametrize(
    ("way", "kept", "falls"),
    [
        ("none", "0.5", None),
        ("proportional", "0.65", "35.00"),
        ("proportional", "1.2", "0.00"),
        ("levels", "0.99", "5.00"),
        ("levels", "0.85", "5.00"),
        ("levels", "0.84", "10.00"),
        ("levels", "0.56", "15.00"),
        ("levels", "0.1", "25.00"),
        ("levels", "1", "0.00"),
    ],
)
def test_reductions(way: str, kept: str, falls: str | None) -> None:
    """In proportion to what was missing, or by levels."""
    found = reduction.reduction(way, Decimal(100), Fraction(kept))
    assert found == (None if falls is None else Decimal(falls))
