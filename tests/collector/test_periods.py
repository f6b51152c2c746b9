from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from agent.contract.errors import SettingsError
from collector import periods

ALMATY = ZoneInfo("Asia/Almaty")


def test_periods_begin_and_end_at_local_midnight():
    """A quarter is three local months, the end not included."""
    quarter = periods.parse("2026-Q4", ALMATY)
    assert quarter.start == datetime(2026, 9, 30, 19, tzinfo=UTC)
    assert quarter.end == datetime(2026, 12, 31, 19, tzinfo=UTC)
    assert periods.parse("2026-12", ALMATY).end == quarter.end
    assert periods.parse("2026", ALMATY).end == quarter.end


def test_the_moment_decides_the_quarter_in_local_time():
    """New Year comes earlier in Almaty than in UTC."""
    assert periods.quarter_of(datetime(2026, 12, 31, 20, tzinfo=UTC), ALMATY).label == "2027-Q1"


@pytest.mark.parametrize(
    ("label", "earlier"),
    [("2026-Q1", "2025-Q4"), ("2026-Q3", "2026-Q2"), ("2026-01", "2025-12"), ("2026-11", "2026-10"), ("2026", "2025")],
)
def test_the_period_before_is_of_the_same_kind(label, earlier):
    """Quarters follow quarters, months months, years years."""
    assert periods.before(periods.parse(label, ALMATY), ALMATY).label == earlier


@pytest.mark.parametrize("label", ["", "2026-Q5", "2026-13", "26-Q1", "2026-Q4; drop table", "1999"])
def test_nonsense_is_refused_with_the_forms_there_are(label):
    """A wrong period says how one is written."""
    with pytest.raises(SettingsError, match="2026-Q4"):
        periods.parse(label, ALMATY)
