from datetime import UTC, date, datetime, timedelta
from statistics import median_low
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract.standards import Interval, target_for
from agent.contract.timetable import Timetable
from agent.contract.wire import Shift
from collector import slots
from collector.slots import Calendar, Figures, LineTest

ALMATY = ZoneInfo("Asia/Almaty")
CALENDAR = Calendar(
    ALMATY,
    Timetable(shifts=(Shift(start="08:00", end="14:00"), Shift(start="14:00", end="18:00")), time_zone="Asia/Almaty"),
)
TARGET = target_for(300)  # 20/5, decided at 19/4.75
MONDAY = datetime(2026, 11, 16, 10, 5, tzinfo=ALMATY)


def bounded(bps: float) -> Interval:
    """Return a rate known within 1 %."""
    return Interval(value_bps=bps, low_bps=0.99 * bps, high_bps=1.01 * bps)


def paced(bps: float) -> Interval:
    """Return a rate that the sender's pace bound."""
    return Interval(value_bps=bps, low_bps=0.99 * bps, high_bps=None)


def line_test(download, upload=None, at=MONDAY, **changes) -> LineTest:
    """Return a clean test over a gigabit cable."""
    values = {
        "agent_id": "a",
        "at": at,
        "region_id": "KZ-75",
        "operator": "",
        "is_cabled": True,
        "link_speed_bps": 1e9,
        "tainted": (),
        "download": download,
        "upload": upload or bounded(9e6),
    }
    return LineTest(**(values | changes))


def day(*tests, cabled=True, calendar=CALENDAR) -> Figures:
    """Add up a day."""
    return slots.of_day(tests, calendar, TARGET, cabled=cabled)


def answer(*tests, **changes) -> tuple[int, int, int]:
    """Return how many slots there were, met the target, and missed it."""
    figures = day(*tests, **changes)
    return figures.slots, figures.slots_met, figures.slots_missed


def test_the_best_placed_computer_speaks_for_the_line():
    """A slow classroom computer does not make a slot of a good line slow, whichever came first."""
    slow, good = line_test(bounded(5e6), agent_id="slow"), line_test(bounded(30e6), agent_id="good")
    assert answer(slow, good) == answer(good, slow) == (1, 1, 0)
    assert day(slow, good).download_sum_bps == 30e6


def test_a_slot_is_half_an_hour_of_lessons():
    """Tests of one half hour are one slot; those outside of lessons, on free days and holidays are none."""
    later = line_test(bounded(30e6), at=MONDAY + timedelta(minutes=24))
    assert answer(line_test(bounded(30e6)), later) == (1, 1, 0)
    assert answer(line_test(bounded(30e6)), line_test(bounded(1e6), at=MONDAY + timedelta(minutes=25))) == (2, 1, 1)
    evening, sunday = MONDAY.replace(hour=20), MONDAY - timedelta(days=1)
    assert answer(line_test(bounded(30e6), at=evening), line_test(bounded(30e6), at=sunday)) == (0, 0, 0)
    holiday = Calendar(ALMATY, msgspec.structs.replace(CALENDAR.timetable, holidays=(MONDAY.date(),)))
    assert answer(line_test(bounded(30e6)), calendar=holiday) == (0, 0, 0)
    assert CALENDAR.slot_of(MONDAY.astimezone(UTC)) == MONDAY.replace(minute=0)


def test_a_paced_slot_proves_meets_and_nothing_else():
    """A lower bound above the level is a yes; one below it leaves the slot open."""
    assert answer(line_test(paced(19.5e6))) == (1, 1, 0)
    assert answer(line_test(paced(15e6))) == (1, 0, 0)
    assert "download" not in day(line_test(paced(15e6))).histograms


def test_a_slower_neighbour_proves_nothing_against_a_paced_test():
    """What was paced at 15 shows that the other's 11 was not the line: the slot stays open."""
    assert answer(line_test(paced(15e6)), line_test(bounded(11e6), agent_id="b")) == (1, 0, 0)
    assert answer(line_test(paced(5e6)), line_test(bounded(11e6), agent_id="b")) == (1, 0, 1)


@pytest.mark.parametrize(
    "changes", [{"tainted": ("cross_traffic",)}, {"tainted": ("host_limited",)}, {"link_speed_bps": 1e7}]
)
def test_what_something_else_held_back_is_a_lower_bound(changes):
    """Disturbed and link-limited tests prove what they reached, and nothing against the line."""
    assert answer(line_test(bounded(10e6), **changes)) == (1, 0, 0)
    assert answer(line_test(bounded(30e6), **changes)) == (1, 1, 0)


@pytest.mark.parametrize("taint", ["vpn", "proxy", "a_word_of_tomorrow"])
def test_a_test_over_another_path_says_nothing(taint):
    """What a VPN or a proxy answered is counted as a test and no slot."""
    figures = day(line_test(bounded(30e6), tainted=(taint,)))
    assert (figures.tests, figures.undisturbed, figures.slots) == (1, 0, 0)


def test_wifi_speaks_against_the_line_only_where_all_speak():
    """In the voice of cables a slow Wi-Fi leaves the slot open, a fast one proves it."""
    wifi = {"is_cabled": False, "link_speed_bps": 3e8}
    assert answer(line_test(bounded(10e6), **wifi)) == (1, 0, 0)
    assert answer(line_test(bounded(10e6), **wifi), cabled=False) == (1, 0, 1)
    assert answer(line_test(bounded(30e6), **wifi)) == (1, 1, 0)


def test_one_direction_can_miss_but_not_meet():
    """A slot meets the target with both directions; one that falls short is enough to miss it."""
    assert answer(line_test(bounded(30e6), bounded(2e6))) == (1, 0, 1)
    assert answer(line_test(None, bounded(9e6))) == (1, 0, 0)
    assert answer(line_test(None, bounded(2e6))) == (1, 0, 1)


def test_other_hours_are_kept_apart():
    """The evening's capacity stands under "any", never among the lessons."""
    figures = day(line_test(paced(20e6)), line_test(bounded(95e6), at=MONDAY.replace(hour=20)))
    assert set(figures.histograms) >= {"download_at_least", "any_download", "any_download_at_least"}
    assert "download" not in figures.histograms
    assert slots.quantile(figures.histograms["any_download"], {}, 0.95) == pytest.approx(95e6, rel=0.0026)


_figures = st.builds(
    lambda rates, offset: day(
        *(
            line_test(
                bounded(rate) if number % 3 else paced(rate), at=MONDAY + timedelta(days=offset, minutes=31 * number)
            )
            for number, rate in enumerate(rates)
        )
    ),
    st.lists(st.floats(1e5, 1e9), max_size=6),
    st.integers(0, 4),
)


@given(_figures, _figures, _figures)
def test_days_add_up_in_any_order(one, two, three):
    """A month is the sum of its days, however late one of them comes."""
    added = slots.added
    assert added([one, two, three]) == added([three, added([two, one])])
    assert added([one, Figures()]).histograms == one.histograms


@given(st.lists(st.floats(1.1e4, 9e9), min_size=1, max_size=60))
def test_a_median_is_as_exact_as_its_bins(rates):
    """Without lower bounds the product-limit median is the lower median, within a quarter of a percent."""
    counts: dict[str, int] = {}
    for rate in rates:
        counts[str(slots.bin_of(rate))] = counts.get(str(slots.bin_of(rate)), 0) + 1
    assert slots.quantile(counts, {}, 0.5) == pytest.approx(median_low(rates), rel=0.0051)


def test_lower_bounds_raise_a_median_or_hide_it():
    """Slots of which only "at least 20" is known are not slower than the few that were bounded at 12."""
    slow, pace, fast = (str(slots.bin_of(rate)) for rate in (12e6, 20e6, 90e6))
    assert slots.quantile({slow: 2}, {pace: 10}, 0.5) is None
    assert slots.proven({slow: 2}, {pace: 10}) == pytest.approx(20e6, rel=0.0026)
    assert slots.quantile({slow: 2, fast: 4}, {pace: 10}, 0.5) == pytest.approx(90e6, rel=0.0026)
    assert slots.quantile({slow: 6}, {pace: 5}, 0.5) == pytest.approx(12e6, rel=0.0026)
    assert slots.proven({}, {"0": 3}) is None
    assert slots.quantile({}, {}, 0.5) is None


def test_a_day_of_a_zone_with_summer_time_has_its_own_length():
    """The day on which clocks are put back has 25 hours, and all of its tests."""
    berlin = Calendar(ZoneInfo("Europe/Berlin"), CALENDAR.timetable)
    begin, end = berlin.bounds(date(2026, 10, 25))
    assert end.astimezone(UTC) - begin.astimezone(UTC) == timedelta(hours=25)
