"""A school's own history: its days and months, each viewer's part of them."""

from datetime import UTC, date, datetime, timedelta

import pytest

from collector import ingest, rollup
from collector.settings import PolicySettings
from collector.store import days
from collector.store.database import MINISTRY, Viewer
from tests.fakes.computer import throughput, wire_link

MONDAY = datetime(2026, 11, 16, 4, tzinfo=UTC)  # 9 o'clock in Almaty
OCTOBER = MONDAY - timedelta(days=28)
NOVEMBER, DECEMBER = date(2026, 11, 1), date(2026, 12, 1)


@pytest.fixture
def measured(database, add_school, enrolled):
    """A school with two tests on a day of October and on two of November, under another operator from then on."""

    def deliver(computer, *moments):
        envelopes = [
            computer.report(wire_link(started_at=at), throughput(30e6, 8e6, started_at=at), at=at) for at in moments
        ]
        with database.ingesting() as connection:
            receipts = ingest.accept(connection, envelopes, max(moments) + timedelta(hours=1))
        assert {one.answer for one in receipts} == {"stored"}

    add_school("1", operator="A")
    computer = enrolled("1")
    deliver(computer, OCTOBER, OCTOBER + timedelta(hours=2))
    add_school("1", operator="B")
    deliver(computer, MONDAY, MONDAY + timedelta(hours=2))
    tuesday = MONDAY + timedelta(days=1)
    deliver(computer, tuesday, tuesday + timedelta(hours=2))
    rollup.run(database, rollup.calendars_of(PolicySettings()))


def history(database, viewer, begins=NOVEMBER, ends=DECEMBER):
    """Return what somebody sees of the school."""
    with database.reading(viewer) as connection:
        return days.history(connection, "1", begins, ends)


def test_a_schools_days_and_months_in_order(database, measured):
    """Days have their counts and means, months their judgement, both only of the time that was asked for."""
    found = history(database, MINISTRY)
    with_tests = [one for one in found.days if one.tests]
    assert [(one.day, one.tests, one.slots, one.slots_met) for one in with_tests] == [
        (date(2026, 11, 16), 2, 2, 2),
        (date(2026, 11, 17), 2, 2, 2),
    ]
    assert with_tests[0].download_mean_bps == pytest.approx(30e6)
    assert [(one.period, one.tests, one.days) for one in found.months] == [("2026-11", 4, 2)]
    both = history(database, MINISTRY, date(2026, 10, 1))
    assert [one.period for one in both.months] == ["2026-10", "2026-11"]
    assert both.days[0].day == OCTOBER.date()


def test_an_operator_sees_its_own_time(database, measured):
    """Each operator gets the days it had the line; the school and the ministry all, strangers none."""
    wide = (date(2026, 1, 1), date(2027, 1, 1))
    assert [one.day for one in history(database, Viewer("operator", "A"), *wide).days] == [OCTOBER.date()]
    assert [one.period for one in history(database, Viewer("operator", "B"), *wide).months] == ["2026-11"]
    for stranger in (Viewer("operator", "C"), Viewer("region", "KZ-71"), Viewer("school", "2")):
        assert history(database, stranger, *wide) == days.History([], [])
    assert history(database, Viewer("school", "1"), *wide) == history(database, MINISTRY, *wide)
