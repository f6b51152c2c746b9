"""Which terms hold on which day, whatever is recorded when."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from collector.verdicts import terms
from collector.verdicts.terms import Terms

START = date(2026, 9, 1)


def day(number: int) -> date:
    return START + timedelta(days=number)


def record(number: int = 1, first: int = 0, last: int | None = None, **more: object) -> Terms:
    told = {
        "school": "0101",
        "contract": "A-1",
        "operator": "Alpha",
        "download_bps": 100_000_000,
        "recorded_at": datetime(2026, 8, 1, tzinfo=UTC) + timedelta(hours=number),
        "author": "ministry",
    }
    return Terms(number=number, valid_from=day(first), valid_to=None if last is None else day(last), **told | more)


def test_an_amendment_holds_from_its_day_on() -> None:
    """The newer record of a contract replaces the older from the day it names, also a day that is past."""
    records = [record(1), record(2, first=10, download_bps=50_000_000)]
    found = terms.stretches(records, day(0), day(29))
    assert [(one.terms.number, one.first, one.last) for one in found] == [(1, day(0), day(9)), (2, day(10), day(29))]


def test_what_was_known_then_can_be_asked_for() -> None:
    """A back-dated amendment does not change what was known before it was recorded."""
    late = datetime(2026, 10, 5, tzinfo=UTC)
    records = [record(1), record(2, first=3, recorded_at=late)]
    assert [one.number for one in terms.in_force(records, day(5))] == [2]
    assert [one.number for one in terms.in_force(records, day(5), known_at=late - timedelta(seconds=1))] == [1]


def test_an_operator_that_changes_within_a_month() -> None:
    """Each operator has its own days, and a day without a contract is nobody's."""
    records = [record(1, last=9), record(2, first=12, contract="B-7", operator="Beta")]
    found = terms.stretches(records, day(0), day(29))
    assert [(one.terms.operator, one.first, one.last) for one in found] == [
        ("Alpha", day(0), day(9)),
        ("Beta", day(12), day(29)),
    ]


def test_two_lines_have_terms_of_their_own() -> None:
    """A school's second line is another line."""
    records = [record(1), record(1, contract="C-2", line="2", operator="Beta", first=5)]
    assert [(one.line, one.operator) for one in terms.in_force(records, day(7))] == [("1", "Alpha"), ("2", "Beta")]


def test_a_second_contract_cannot_take_a_line_over() -> None:
    """Of two contracts for one line the one recorded first counts, and the second is said to quarrel with it."""
    held, second = record(1, last=20), record(2, first=15, contract="B-7", operator="Beta")
    assert [one.operator for one in terms.in_force([second, held], day(16))] == ["Alpha"]
    assert [one.operator for one in terms.in_force([second, held], day(21))] == ["Beta"]
    assert terms.quarrels([held], second) == [held]
    assert terms.quarrels([held], record(2, first=21, contract="B-7")) == []
    assert terms.quarrels([held], record(2, first=15, contract="B-7", line="2")) == []
    assert terms.quarrels([held], record(2, first=15)) == []


SPANS = st.lists(
    st.tuples(st.integers(0, 40), st.none() | st.integers(0, 20), st.sampled_from("AB"), st.sampled_from("12")),
    max_size=8,
)


@given(SPANS)
def test_every_day_has_one_owner_a_line(spans: list[tuple[int, int | None, str, str]]) -> None:
    """The stretches of a month say of each day what ``in_force`` says of it, and no day twice for one line."""
    records = [
        record(number, first, None if length is None else first + length, contract=contract, line=line)
        for number, (first, length, contract, line) in enumerate(spans, 1)
    ]
    found = terms.stretches(records, day(0), day(60))
    for number in range(61):
        held = [one.terms for one in found if one.first <= day(number) <= one.last]
        assert held == terms.in_force(records, day(number))


@given(SPANS)
def test_quarrels_are_days_that_both_hold(spans: list[tuple[int, int | None, str, str]]) -> None:
    """Whoever is named holds a day of the new terms for the same line under another contract."""
    records = [
        record(number, first, None if length is None else first + length, contract=contract, line=line)
        for number, (first, length, contract, line) in enumerate(spans, 1)
    ]
    new = record(99, 10, 25, contract="C")
    on_days = {
        one.number
        for number in range(10, 26)
        for one in terms.in_force([each for each in records if each.line == new.line], day(number))
    }
    assert {one.number for one in terms.quarrels(records, new)} == on_days


@pytest.mark.parametrize("ends", [date.max, None])
def test_the_end_of_time(ends: date | None) -> None:
    """Terms without an end, or with the last day there is, are no trouble."""
    endless = replace(record(1), valid_to=ends)
    assert terms.quarrels([endless], record(2, contract="B")) == [endless]
