"""How often a line exactly at its limit is accused, and a bad one found: thousands of simulated months.

Each day has a share of good half hours of its own, drawn from a beta distribution, so that the half hours of a day are
alike by the intraclass correlation (ICC) named; each half hour then comes out by chance. What is drawn is weighed by
the very functions that make verdicts (collector.verdicts.weighing and bounds), with the numbers of config/sla.toml.
"""

import functools
import multiprocessing
import random
from decimal import Decimal
from fractions import Fraction
from multiprocessing.pool import Pool

from msgspec import Struct

from collector.simulate.country import dice
from collector.verdicts import bounds
from collector.verdicts.bounds import Day, Sample
from collector.verdicts.standard import shipped_standard
from collector.verdicts.weighing import sampled, state_of
from tests.benchmarks import page

MONTHS = 12_000  # a share of 1 % is then known to 0.1 %
CORRELATIONS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
MOST_ACCUSED, LEAST_FOUND = 0.01, 0.75
_BAD = Fraction(65, 100)
_ASKED_CORRELATION = 0.1
_ALONE = "78 % if the correlation were known: both directions share the 1 %"


class Rule(Struct, frozen=True):
    """A contract's promises by the share of half hours that has to be good; ``once``: a day counts if one is good."""

    name: str
    limits: tuple[Fraction, ...]
    once: tuple[bool, ...] = ()
    days: int = 22
    slots: int = 6


class Case(Struct, frozen=True):
    """Lines of one kind: the true share of each promise, how alike the half hours of a day are, and how many months.

    ``is_together``: a bad day is bad for all promises.
    """

    rule: Rule
    shares: tuple[Fraction, ...]
    correlation: float
    months: int
    is_together: bool = False


class Counted(Struct, frozen=True):
    """Of so many months, how many were a breach, and how many a point rule ("below the limit") would have called so."""

    accused: int
    naive: int


_FOUR_FIFTHS = Fraction(8, 10)
_BOTH = (_FOUR_FIFTHS, _FOUR_FIFTHS)
_GERMAN = (Fraction(2, 3), Fraction(9, 10), Fraction(95, 100))
RULES = (
    Rule("80/80, both directions", _BOTH),
    Rule("80/80 and round trip", (*_BOTH, Fraction(95, 100))),
    Rule("80/80, 10 days", _BOTH, days=10),
    Rule("80/80, 15 half hours a day", _BOTH, slots=15),
    Rule("German, six promises", (*_GERMAN, *_GERMAN), once=(True, False, False) * 2),
)


def run() -> None:
    """Print the tables."""
    summary = page.Summary("verdicts on simulated months")
    with page.telling() as now, multiprocessing.Pool() as pool:
        for is_together in (False, True):
            _fair(pool, now, summary, is_together=is_together)
        _bad(pool, now, summary)
    summary.show()


def _fair(pool: Pool, now: page.Now, summary: page.Summary, *, is_together: bool) -> None:
    kind = "a bad day is bad for everything" if is_together else "each promise has days of its own"
    worst = 0.0
    with page.table(
        f"Accused although exactly at the limit ({MONTHS} months each; {kind})",
        *("rule", *(f"ICC {one}" for one in CORRELATIONS), "point rule"),
    ) as made:
        for rule in RULES:
            now.say(f"{rule.name}, {kind}")
            cases = [Case(rule, rule.limits, one, MONTHS, is_together) for one in CORRELATIONS]
            found = pool.map(count, cases)
            shares = [one.accused / MONTHS for one in found]
            worst = max(worst, *shares)
            cells = [page.judged(page.percent(one, 2), fine=one <= MOST_ACCUSED) for one in shares]
            made.add_row(rule.name, *cells, page.percent(max(one.naive for one in found) / MONTHS))
    summary.most(f"accused at the limit, worst, {kind}", worst, MOST_ACCUSED)


def _bad(pool: Pool, now: page.Now, summary: page.Summary) -> None:
    months = MONTHS // 6
    rule = RULES[0]
    kinds = {
        "both directions, days of their own": (_BAD, _BAD, False),
        "both directions, the same days": (_BAD, _BAD, True),
        "one direction alone": (_BAD, Fraction(95, 100), False),
    }
    with page.table(
        f"Found at a true share of 65 % ({rule.name}, {rule.days} days of {rule.slots}; {months} months each)",
        *("which", *(f"ICC {one}" for one in CORRELATIONS)),
    ) as made:
        for name, (down, up, is_together) in kinds.items():
            now.say(name)
            cases = [Case(rule, (down, up), one, months, is_together) for one in CORRELATIONS]
            shares = [one.accused / months for one in pool.map(count, cases)]
            made.add_row(name, *(page.percent(one) for one in shares))
            asked = shares[CORRELATIONS.index(_ASKED_CORRELATION)]
            what = f"found at 65 %, correlation {_ASKED_CORRELATION}, {name}"
            if down == up:
                summary.least(what, asked, LEAST_FOUND)
            else:
                summary.told(what, page.percent(asked), _ALONE)


def count(case: Case) -> Counted:
    """Draw months and weigh them."""
    drawn = dice("accusations", case.rule.name, str(case.shares), case.correlation, case.is_together)
    statistics = shipped_standard().sure()
    accused = naive = 0
    for _ in range(case.months):
        promises = _month(case, drawn)
        states = []
        for days, limit in zip(promises, case.rule.limits, strict=True):
            sample = sampled(days, statistics)
            if sample.good < limit * sample.judged:  # what reaches its limit is never rare
                states.append(state_of(sample, _tail(sample, limit), statistics, len(case.rule.limits)))
        accused += "broken" in states
        naive += bool(states)
    return Counted(accused, naive)


@functools.lru_cache(maxsize=500_000)  # many months come out alike
def _tail(sample: Sample, limit: Fraction) -> Decimal:
    return bounds.tail(sample, limit)


def _month(case: Case, drawn: random.Random) -> list[list[Day]]:
    """Draw the days of each promise; where they are together, by the same luck."""
    found: list[list[Day]] = [[] for _ in case.shares]
    for _ in range(case.rule.days):
        luck = drawn.random()
        for number, share in enumerate(case.shares):
            once = bool(case.rule.once) and case.rule.once[number]
            slots = 1 if once else case.rule.slots
            own = random.Random(luck) if case.is_together else drawn  # noqa: S311 - simulated
            here = _of_the_day(own, float(share), 0.0 if once else case.correlation)
            found[number].append(Day(slots, sum(drawn.random() < here for _ in range(slots))))
    return found


def _of_the_day(drawn: random.Random, share: float, correlation: float) -> float:
    """Draw a day's share of good half hours; a beta distribution whose half hours are alike by this correlation."""
    if not correlation:
        return share
    spread = (1 - correlation) / correlation
    return drawn.betavariate(share * spread, (1 - share) * spread)
