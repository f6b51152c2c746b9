import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract.timetable import Timetable
from agent.contract.wire import Shift
from collector import fleet
from collector.fleet import Boot, Newest, Refusals, identity_of, state_of
from collector.settings import FleetSettings
from collector.slots import Calendar

ZONE = ZoneInfo("Asia/Almaty")
WEEK = Calendar(ZONE, Timetable(shifts=(Shift(start="08:00", end="18:00"),), time_zone="Asia/Almaty"))
FRIDAY = datetime(2026, 11, 20, 12, 0, tzinfo=ZONE)
AGO = datetime(2026, 1, 1, tzinfo=UTC)


def at(day: int, hour: int = 12) -> datetime:
    """Return a moment of November 2026 in Almaty; the 20th is a Friday."""
    return datetime(2026, 11, day, hour, 0, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("now", "state", "days"),
    [
        (at(20, 18), "live", 0),
        (at(22), "live", 0),  # Sunday
        (at(23, 23), "live", 0),  # Monday itself is not over
        (at(24), "live", 1),
        (at(25), "at_risk", 2),
        (at(27), "at_risk", 4),
        (at(28), "silent", 5),  # Saturday after a whole week
    ],
)
def test_states_go_by_school_days(now, state, days):
    """A weekend is no absence; a missed day is common; a week without a report is none."""
    assert state_of(FRIDAY, AGO, WEEK, now, FleetSettings()) == (state, days)


def test_holidays_are_no_absence():
    """Two weeks of holidays leave a computer live."""
    resting = tuple(date(2026, 11, 23) + timedelta(days=number) for number in range(14))
    calendar = Calendar(ZONE, msgspec.structs.replace(WEEK.timetable, holidays=resting))
    assert state_of(FRIDAY, AGO, calendar, datetime(2026, 12, 7, 8, 0, tzinfo=ZONE), FleetSettings()) == ("live", 0)


def test_one_that_never_reported_is_told_apart():
    """It is not silent: it never spoke; its days count from the enrolment."""
    assert state_of(None, at(20), WEEK, at(27), FleetSettings()) == ("never_reported", 4)


def test_a_report_from_the_future_is_live():
    """A clock of the database that was set back makes nobody absent."""
    assert state_of(at(27), AGO, WEEK, at(20), FleetSettings()) == ("live", 0)


@pytest.mark.parametrize(
    ("delay_s", "waiting", "is_delayed"),
    [
        (60.0, 3, False),
        (86_400.0, 3, True),
        (86_400.0, None, True),  # an agent that cannot tell
        (3e7, 0, False),  # nothing waits: only its clock is a year behind
        (-3e7, 5, False),
    ],
)
def test_a_wrong_clock_is_no_backlog(delay_s, waiting, is_delayed):
    """What the computer says of its outbox is believed before its clock."""
    assert fleet.is_delayed(Newest(delay_s=delay_s, waiting=waiting, dropped=0), FleetSettings()) is is_delayed


def boot(name: str, first: int, last: int, *, begins: int = 0, ends: int = 0, went_back: int = 0) -> Boot:
    """Return a boot with these numbers, heard from and to these hours."""
    return Boot(
        boot_id=name,
        first_sequence=first,
        last_sequence=last,
        first_at=AGO + timedelta(hours=begins),
        last_at=AGO + timedelta(hours=ends),
        went_back=went_back,
    )


def refused(name: str, begins: int, ends: int) -> Refusals:
    """Return refusals of a boot between these hours."""
    return Refusals(
        boot_id=name, first_at=AGO + timedelta(hours=begins), last_at=AGO + timedelta(hours=ends), refused=3
    )


@pytest.mark.parametrize(
    ("boots", "refusals", "identity"),
    [
        ([], [], "one"),
        ([boot("a", 1, 9), boot("b", 10, 12), boot("c", 20, 20)], [], "one"),
        ([boot("a", 1, 9), boot("b", 4, 12)], [], "copied"),
        ([boot("a", 1, 20), boot("b", 4, 4)], [], "copied"),
        # re-imaged to where it stood at 10: it repeats 11 to 20, then goes on alone
        ([boot("a", 1, 20, ends=10), boot("b", 21, 30, begins=15, ends=20)], [refused("b", 12, 14)], "restored"),
        # the same, but the first computer is still heard afterwards: both are on
        ([boot("a", 1, 25, ends=16)], [refused("b", 12, 18)], "copied"),
        # a virtual machine that was set back to a snapshot keeps its boot id, and its clock goes back
        ([boot("a", 1, 20, went_back=1)], [], "restored"),
        ([boot("a", 1, 20, went_back=5)], [], "copied"),
        ([boot("a", 1, 20, ends=10)], [refused("a", 4, 4)], "restored"),
    ],
)
def test_copied_and_restored_keys_are_recognised(boots, refusals, identity):
    """Two computers of one key, and one that went back, are told apart by what boots and numbers say."""
    assert identity_of(boots, refusals) == identity


@given(st.lists(st.integers(min_value=1, max_value=50), min_size=1, max_size=12), st.randoms())
def test_an_honest_computer_is_never_accused(lengths, order):
    """However often it boots, and in whatever order its reports come in, one computer is one."""
    boots, sequence = [], 0
    for number, length in enumerate(lengths):
        boots.append(boot(str(number), sequence + 1, sequence + length, begins=order.randint(0, 99), ends=99))
        sequence += length
    order.shuffle(boots)
    assert identity_of(boots, []) == "one"


@given(st.lists(st.sampled_from("AB"), min_size=4, max_size=60))
def test_two_that_take_turns_are_found(turns):
    """Two computers that report under one key in turns are found as soon as one comes back after the other."""
    numbers = {name: [place for place, one in enumerate(turns, 1) if one == name] for name in "AB"}
    boots = [boot(name, min(found), max(found)) for name, found in numbers.items() if found]
    took_turns = sum(one != other for one, other in itertools.pairwise(turns)) >= 2
    assert (identity_of(boots, []) == "copied") is took_turns
