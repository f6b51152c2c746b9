from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from agent.contract.timetable import Timetable
from agent.contract.wire import Shift
from collector import absences
from collector.absences import Heard, Silence
from collector.slots import Calendar

ALMATY = ZoneInfo("Asia/Almaty")
EIGHT = datetime(2026, 11, 16, 8, tzinfo=ALMATY)
CALENDAR = Calendar(
    ALMATY, Timetable(shifts=(Shift(start="08:00", end="12:00"),), time_zone="Asia/Almaty")
)  # eight half hours
NOON, NIGHT = EIGHT + timedelta(hours=4), EIGHT + timedelta(hours=14)


def at(hours: float, agent="a", boot="one", late_h=0.0, **changes) -> Heard:
    """Return a report made so many hours after eight, of a computer that was started at seven."""
    made = EIGHT + timedelta(hours=hours)
    values = {
        "agent_id": agent,
        "boot_id": boot,
        "monotonic_s": 3600 * (hours + 1),
        "created_at": made,
        "received_at": made + timedelta(seconds=20, hours=late_h),
    }
    return Heard(**(values | changes))


def lit(*spans, step_h=0.25, **changes) -> list[Heard]:
    """Return light reports every quarter of an hour in spans of hours after eight."""
    return [
        at(begin + number * step_h, **changes)
        for begin, end in spans
        for number in range(round((end - begin) / step_h))
    ]


def why(*heard, measured=frozenset(), now=NIGHT, silences=()) -> dict[str, int]:
    """Count the day's eight half hours by why they were not measured."""
    return absences.of_day(EIGHT.date(), heard, measured, CALENDAR, now=now, collector_silences=silences)


def test_a_measured_half_hour_is_not_absent_and_the_future_is_not_counted():
    """Slots with a test are left out, and those that are not over yet."""
    measured = frozenset({EIGHT, EIGHT + timedelta(minutes=30)})
    assert why(*lit((0, 4)), measured=measured) == {"not_tested": 6}
    assert why(*lit((0, 4)), now=EIGHT + timedelta(hours=1, minutes=1)) == {"not_tested": 2}


def test_computers_that_are_off_are_not_the_lines_fault():
    """Between two boots a computer was off, in the morning and between."""
    assert why(*lit((2, 4), boot="two"), at(-20, boot="zero")) == {"computers_off": 4, "not_tested": 4}


def test_a_power_cut_takes_all_at_once():
    """Two computers that stop together and boot anew are a power cut; at different hours they were switched off."""
    cut = [*lit((0, 2)), *lit((0, 2), agent="b"), *lit((3, 4), boot="two"), *lit((3, 4), agent="b", boot="two")]
    assert why(*cut) == {"not_tested": 6, "power_cut": 2}
    switched = [*lit((0, 1)), *lit((0, 2), agent="b"), *lit((3, 4), boot="two"), *lit((3, 4), agent="b", boot="two")]
    assert why(*switched) == {"not_tested": 6, "computers_off": 2}


def test_a_line_that_is_down_is_told_by_computers_that_were_on():
    """Their probes reach nobody, or their reports come hours late."""
    down = lit((1, 2), failures=frozenset({"unreachable"}), has_answer=False, late_h=1.0)
    assert why(*lit((0, 1)), *down, *lit((2, 4))) == {"not_tested": 6, "line_down": 2}
    assert why(*lit((0, 1)), *lit((1, 2), late_h=2.0), *lit((2, 4))) == {"not_tested": 6, "line_down": 2}


def test_the_collectors_own_outage_is_not_the_schools():
    """Reports that came late while the collector heard nobody are not held against the line."""
    ours = Silence(EIGHT + timedelta(hours=1), EIGHT + timedelta(hours=3))
    heard = [*lit((0, 1)), *lit((1, 2), late_h=2.0), *lit((2, 4))]
    assert why(*heard, silences=[ours]) == {"not_tested": 6, "collector_down": 2}
    down = lit((1, 2), failures=frozenset({"unreachable"}), has_answer=False, late_h=2.0)
    assert why(*lit((0, 1)), *down, *lit((2, 4)), silences=[ours]) == {"not_tested": 6, "line_down": 2}


def test_one_computer_online_shows_that_the_line_was_up():
    """Another that reached nobody had its own trouble."""
    alone = lit((0, 4), agent="b", failures=frozenset({"unreachable"}), has_answer=False)
    assert why(*lit((0, 4)), *alone) == {"not_tested": 8}


def test_a_broken_agent_and_a_sleeping_computer():
    """The same boot goes on through a silence: its clock ran and the agent did not, or it stood still: it slept."""
    assert why(*lit((0, 1)), *lit((2, 4))) == {"not_tested": 6, "agent_broken": 2}
    woke = [at(2 + number / 4, monotonic_s=7200 + 900 * number) for number in range(8)]
    assert why(*lit((0, 1)), *woke) == {"not_tested": 6, "asleep": 2}
    failing = lit((0, 4), failures=frozenset({"host_error"}), has_answer=False)
    assert why(*failing) == {"agent_broken": 8}


def test_nobody_knows_yet():
    """After the last report nothing is said until the next one arrives; a school without computers has none."""
    assert why(*lit((0, 2))) == {"not_tested": 4, "unheard": 4}
    assert why() == {"no_computer": 8}


_reports = st.builds(
    at,
    st.floats(-30, 30),
    agent=st.sampled_from("abc"),
    boot=st.sampled_from(["one", "two"]),
    late_h=st.floats(0, 50),
    failures=st.frozensets(st.sampled_from(["unreachable", "host_error", "busy"])),
    has_answer=st.booleans(),
)


@given(st.lists(_reports, max_size=20), st.sets(st.integers(0, 7)))
def test_every_half_hour_is_counted_once(heard, numbers):
    """Whatever was heard, in whatever order, measured and absent half hours add up to the lessons."""
    measured = frozenset(EIGHT + timedelta(minutes=30 * number) for number in numbers)
    found = why(*heard, measured=measured)
    assert sum(found.values()) == 8 - len(measured)
    assert set(found) <= set(absences.WORDS)
    assert found == why(*reversed(heard), measured=measured)


def test_times_of_any_zone_are_the_same_moments():
    """Reports are stored in UTC."""
    heard = [
        Heard(
            **{
                **{name: getattr(one, name) for name in one.__struct_fields__},
                "created_at": one.created_at.astimezone(UTC),
            }
        )
        for one in lit((0, 4))
    ]
    assert why(*heard) == {"not_tested": 8}
