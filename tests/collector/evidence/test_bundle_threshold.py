"""How rare a breach had to be is computed anew from all of an operator's lines, where a bundle shows them."""

from datetime import timedelta

import pytest
from msgspec import structs

from collector.evidence import bundle, threshold
from collector.ledger.keeping import keeping_of
from collector.store import verdicts
from collector.store.database import Viewer
from collector.verdicts.facts import Discovery
from tests.collector.evidence.conftest import CLOSED, judge_again, kinds, verified
from tests.fakes import lines

# By chance a line at its limit has such a month in 7 of 1000: rare, but not as rare as can be.
BAD, GOOD = [[60.0] * 3 + [95.0] * 3] * 8, [[95.0] * 6] * 12


@pytest.fixture
def alpha(place):
    """Alpha's three lines in September, the first of them a breach."""
    for number in (1, 2, 3):
        school = f"010{number}"
        computer = place.school(school, seed=number, region="KZ-71" if number == 3 else "KZ-75")
        place.contract(school=school, contract=f"A-{number}")
        place.deliver(lines.month(computer, BAD if number == 1 else GOOD))
    place.judge()
    place.sign()
    return place


def forged(place, **changes) -> None:
    """Write another threshold into the database, and judge by it."""
    with place.database.owning() as connection:
        held = verdicts.discovery(connection, "Alpha", "2026-09")
        later = CLOSED + timedelta(hours=1)
        verdicts.keep_discovery(connection, "Alpha", "2026-09", structs.replace(held, **changes), later)
    judge_again(place, CLOSED + timedelta(hours=2))


def of_alpha(place, **wanted) -> list[bytes]:
    return place.export(now=CLOSED + timedelta(days=1), month="2026-09", **wanted)


def test_all_lines_of_an_operator(alpha):
    """A bundle of an operator's month proves, with nothing that was not computed anew."""
    told = verified(of_alpha(alpha, operator="Alpha"), alpha.key())
    assert told.holds(), told.findings
    assert [(one.state, one.is_broken) for one in told.verdicts] == [
        ("breach", True),
        ("compliant", False),
        ("compliant", False),
    ]
    assert told.verdicts[0].discovery.lines == 3
    assert told.remarks == ()
    assert threshold.NOT_RECOMPUTED not in [one.what for one in told.unchecked]


def test_a_threshold_that_spares_a_line(alpha):
    """By a forged one a breach became a doubt: the verdict's line is named."""
    forged(alpha, most_chance=0.0, accused=0)
    whole = of_alpha(alpha, operator="Alpha")
    told = verified(whole, alpha.key())
    assert [kinds(whole)[one.line - 1] for one in told.findings] == ["verdict"]
    assert "should be 'breach', not 'watch'" in told.findings[0].what


def test_a_threshold_that_accuses_a_line(alpha, monkeypatch):
    """By a forged one a doubt became a breach: the verdict's line is named."""
    monkeypatch.setattr(threshold.discovery, "of_operator", lambda *_: Discovery(lines=3, accused=0, most_chance=0.0))
    told = verified(of_alpha(alpha, operator="Alpha"), alpha.key())
    assert "should be 'watch', not 'breach'" in told.findings[0].what


def test_an_older_threshold(alpha):
    """One that other lines led to before is told, and is no fault where it comes to the same state."""
    whole = of_alpha(alpha, operator="Alpha")
    records = [line.record for line in bundle.read(whole)]
    last = max(n for n, one in enumerate(records) if isinstance(one, bundle.VerdictRecord))
    writer = bundle.Writer()
    fewer = [writer.line(one) for one in records[:last]]
    told = verified([*fewer, writer.seal(keeping_of(alpha.settings).made_key())], alpha.key())
    assert told.holds()
    assert "3 lines of the operator were judged; here are 2" in told.remarks[0].what


@pytest.mark.parametrize(
    ("viewer", "wanted"),
    [
        (Viewer("ministry"), {"school": "0101"}),
        (Viewer("ministry"), {}),
        (Viewer("ministry"), {"operator": "Alpha", "version": 1}),
        (Viewer("region", "KZ-75"), {"operator": "Alpha"}),
        (Viewer("school", "0101"), {"operator": "Alpha"}),
    ],
)
def test_what_shows_not_all_lines_says_so(alpha, viewer, wanted):
    """It proves, and says that the threshold was not computed anew, also to a region that sees a part of the lines."""
    told = verified(of_alpha(alpha, viewer=viewer, **wanted), alpha.key())
    assert told.holds(), told.findings
    assert threshold.NOT_RECOMPUTED in [one.what for one in told.unchecked]


def test_an_operators_own_bundle_is_of_all_its_lines(alpha):
    """It need not name itself."""
    told = verified(of_alpha(alpha, viewer=Viewer("operator", "Alpha")), alpha.key())
    assert told.holds()
    assert threshold.NOT_RECOMPUTED not in [one.what for one in told.unchecked]
