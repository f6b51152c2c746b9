"""What does not count against a line: who is meant, what was announced, how far a year's allowance goes."""

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from collector.verdicts import exclusions
from collector.verdicts.exclusions import Exclusion
from collector.verdicts.terms import Terms

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def terms(**more: object) -> Terms:
    told = {"school": "0101", "contract": "A-1", "operator": "Alpha", "author": "ministry", "recorded_at": NOON}
    return Terms(valid_from=date(2026, 9, 1), download_bps=1_000_000, **told | more)


def exclusion(number: int = 1, **more: object) -> Exclusion:
    told = {
        "id": f"{number:016x}",
        "state": "in_force",
        "kind": "power_cut",
        "school": "0101",
        "begins": NOON,
        "ends": NOON + 4 * HOUR,
        "announced_at": NOON - timedelta(days=30),
        "recorded_at": NOON - timedelta(days=30),
        "author": "somebody",
    }
    return Exclusion(**told | more)


def works(number: int, begins: datetime, hours: float, **more: object) -> Exclusion:
    told = {"kind": "planned_works", "operator": "Alpha", "begins": begins, "ends": begins + hours * HOUR}
    return exclusion(number, **told | {"announced_at": begins - timedelta(hours=72)} | more)


def excluded(records: list[Exclusion], moment: datetime, **more: object) -> bool:
    return exclusions.within(exclusions.spans(records, terms(**more), 72), moment) is not None


@pytest.mark.parametrize(
    ("changes", "counts_not"),
    [
        ({}, True),
        ({"line": "1"}, True),
        ({"line": "2"}, False),
        ({"school": "0102"}, False),
        ({"operator": "Alpha"}, True),
        ({"operator": "Beta"}, False),
        ({"school": None, "operator": "Alpha"}, True),
        ({"school": None, "region": "KZ-75"}, True),
        ({"state": "claimed"}, False),
        ({"state": "withdrawn"}, False),
        ({"state": "refused"}, False),
        ({"begins": NOON + HOUR}, False),
        ({"ends": NOON}, False),
    ],
)
def test_it_is_for_whom_it_names(changes, counts_not):
    """All that it names has to fit, and it has to be in force; its end is the first moment that counts again."""
    assert excluded([exclusion(**changes)], NOON) is counts_not


def test_the_newest_record_holds():
    """A withdrawal is a record; before it was known the exclusion stood."""
    first = exclusion()
    gone = exclusion(state="withdrawn", recorded_at=NOON + HOUR)
    records = [exclusion(recorded_at=NOON), structs.replace(gone, number=2)]
    assert not excluded(records, NOON)
    assert [one.state for one in exclusions.newest(records, known_at=NOON)] == ["in_force"]
    assert excluded([first], NOON)


def test_works_that_nobody_announced_in_time_count():
    """71 hours ahead are not 72."""
    late = works(1, NOON, 4, announced_at=NOON - timedelta(hours=71))
    assert not excluded([late], NOON, maintenance_h_per_year=100)
    assert excluded([works(1, NOON, 4)], NOON, maintenance_h_per_year=100)


def test_a_contract_without_an_allowance_has_no_works():
    """Works count unless the contract allows some."""
    assert not excluded([works(1, NOON, 4)], NOON)


def test_the_allowance_is_used_up_in_the_order_of_time():
    """Of 3 + 3 hours, 5 are allowed: the last hour counts; so does all that comes later in the year, and no more."""
    early, late = NOON - timedelta(days=7), NOON
    records = [works(2, late, 3), works(1, early, 3), works(3, late + timedelta(days=30), 3)]
    allowed = {"maintenance_h_per_year": 5}
    assert excluded(records, early + 2.9 * HOUR, **allowed)
    assert excluded(records, late + 1.9 * HOUR, **allowed)
    assert not excluded(records, late + 2 * HOUR, **allowed)
    assert not excluded(records, late + timedelta(days=30), **allowed)


def test_works_that_are_withdrawn():
    """Before they began their hours are free again; afterwards they were worked, and all stays as it was."""
    first, second = works(1, NOON, 5), works(2, NOON + timedelta(days=7), 5)
    allowed = {"maintenance_h_per_year": 5}
    ahead = structs.replace(first, number=2, state="withdrawn", recorded_at=NOON - HOUR)
    afterwards = structs.replace(first, number=2, state="withdrawn", recorded_at=NOON)
    refused = structs.replace(first, number=2, state="refused", recorded_at=NOON + HOUR)
    for last, holds in ((ahead, False), (afterwards, True), (refused, False)):
        records = [first, second, last]
        assert excluded(records, NOON + HOUR, **allowed) is holds
        assert excluded(records, NOON + timedelta(days=7), **allowed) is not holds
    cut = structs.replace(exclusion(), number=2, state="withdrawn", recorded_at=NOON + HOUR)
    assert not excluded([exclusion(), cut], NOON)


def test_each_year_has_its_own_allowance():
    """Works over New Year's Eve use up both years'."""
    eve = datetime(2026, 12, 31, 22, tzinfo=UTC)
    records = [works(1, eve, 6)]
    allowed = {"maintenance_h_per_year": 1}
    found = [hour for hour in range(6) if excluded(records, eve + hour * HOUR, **allowed)]
    assert found == [0, 2]


def test_works_of_the_operator_before_leave_the_next_ones_allowance_alone():
    """Hours are the operator's who works."""
    records = [works(1, NOON - timedelta(days=9), 5, operator="Beta"), works(2, NOON, 5)]
    assert excluded(records, NOON + 4 * HOUR, maintenance_h_per_year=5)


spans = st.lists(
    st.tuples(st.integers(0, 3000), st.integers(1, 200)).map(
        lambda one: works(one[0] * 1000 + one[1], NOON + one[0] * HOUR, one[1])
    ),
    max_size=8,
    unique_by=lambda one: one.id,
)


@given(records=spans, allowance=st.integers(0, 300))
def test_no_year_is_ever_allowed_more(records, allowance):
    """Whatever was filed, in whatever order: the hours that do not count never exceed the allowance, nor come twice."""
    found = exclusions.spans(tuple(records), terms(maintenance_h_per_year=allowance), 72)
    assert found == exclusions.spans(tuple(reversed(records)), terms(maintenance_h_per_year=allowance), 72)
    by_year: dict[int, timedelta] = {}
    for one in found:
        assert one.begins.year == (one.ends - timedelta(microseconds=1)).year
        by_year[one.begins.year] = by_year.get(one.begins.year, timedelta()) + (one.ends - one.begins)
    assert all(total <= timedelta(hours=allowance) for total in by_year.values())
    assert all(one.ends <= other.begins for one, other in itertools.pairwise(found))
