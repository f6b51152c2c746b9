import hashlib
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from agent.contract.errors import SettingsError
from agent.contract.wire import Hours, Policy, QuietHours, Shift, Term
from agent.schedule import (
    AVOIDED_MINUTES,
    CAPACITY,
    LONG_CAPACITY,
    VERDICT,
    Known,
    catch_up,
    closes_at,
    in_lessons,
    is_open,
    is_quiet,
    latest_session,
    next_session,
    phase_s,
    planned,
    quiet_sessions,
    sessions,
    wanted,
)

ALMATY = ZoneInfo("Asia/Almaty")
MONDAY = date(2026, 11, 23)
AGENT = "0123456789abcdef0123456789abcdef"


def agents(count: int) -> list[str]:
    """Return as many agent ids."""
    return [hashlib.sha256(str(number).encode()).hexdigest()[:32] for number in range(count)]


def policy(sessions_a_day: int = 4, **hours: object) -> Policy:
    """Return a policy with these hours."""
    return Policy(hours=Hours(**hours), capacity_sessions_per_day=sessions_a_day)  # type: ignore[arg-type]


def unquiet(one: Policy) -> Policy:
    """Return the policy without quiet hours."""
    return msgspec.structs.replace(one, quiet_hours=QuietHours(weekdays=()))


def at(hour: int, minute: int = 0, day: date = MONDAY) -> datetime:
    """Return a moment in Almaty."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ALMATY)


def test_the_same_agent_and_day_give_the_same_times():
    """A restart changes nothing; another day and another agent have other times."""
    assert sessions(AGENT, MONDAY, policy()) == sessions(AGENT, MONDAY, policy())
    assert sessions(AGENT, MONDAY, policy()) != sessions(AGENT[::-1], MONDAY, policy())
    tomorrow = [one - timedelta(days=1) for one in sessions(AGENT, MONDAY + timedelta(days=1), policy())]
    assert tomorrow != sessions(AGENT, MONDAY, policy())


def test_every_part_of_the_hours_gets_one_session():
    """Sessions lie in the hours, one in each quarter of them, never around the full hour."""
    for agent in agents(300):
        times = [one.astimezone(ALMATY) for one in sessions(agent, MONDAY, policy(start="08:00", end="16:00"))]
        assert [(one.hour - 8) // 2 for one in times] == [0, 1, 2, 3]
        assert not {one.minute for one in times} & AVOIDED_MINUTES


def test_ten_thousand_agents_do_not_cluster():
    """A country's computers spread over all minutes of the hours and all seconds of the minutes."""
    minutes: Counter[tuple[int, int]] = Counter()
    seconds: Counter[int] = Counter()
    for agent in agents(10_000):
        for one in sessions(agent, MONDAY, policy()):
            local = one.astimezone(ALMATY)
            minutes[local.hour, local.minute] += 1
            seconds[local.second] += 1
    usable = 10 * 57
    assert len(minutes) == usable
    mean = 40_000 / usable
    # Six standard deviations of a fair draw.
    assert max(minutes.values()) < mean + 6 * mean**0.5
    assert max(seconds.values()) < 40_000 / 60 * 1.3


def test_there_is_none_outside_the_weekdays():
    """Saturday belongs to nobody's lessons; on Friday evening the next session is on Monday."""
    assert sessions(AGENT, date(2026, 11, 28), policy()) == []
    following = next_session(AGENT, policy(), at(22, day=date(2026, 11, 27)))
    assert following == sessions(AGENT, date(2026, 11, 30), policy())[0]


@pytest.mark.parametrize("wanted", [0, 48])
def test_as_many_as_the_policy_says(wanted):
    """No session a day means none; many mean many."""
    times = sessions(AGENT, MONDAY, policy(wanted))
    assert len(times) == wanted
    assert (next_session(AGENT, policy(wanted), at(7)) is None) == (wanted == 0)


def test_hours_too_short_for_all_sessions_give_what_fits():
    """Ten sessions do not fit into three minutes, and none may fall on minute 0."""
    assert len(sessions(AGENT, MONDAY, policy(10, start="09:58", end="10:03"))) == 2
    assert sessions(AGENT, MONDAY, policy(10, start="09:59", end="10:02")) == []
    assert next_session(AGENT, unquiet(policy(3, start="09:59", end="10:02")), at(8)) is None


def test_hours_may_pass_midnight():
    """An evening school's hours end the next day and still belong to the day on which they began."""
    night = policy(4, start="22:00", end="02:00", weekdays=(1,))
    times = sessions(AGENT, MONDAY, night)
    assert all(is_open(night.hours, one) for one in times)
    assert times[-1].astimezone(ALMATY).date() == MONDAY + timedelta(days=1)
    assert next_session(AGENT, unquiet(night), at(0, 0, MONDAY + timedelta(days=1))) == times[2]
    assert not is_open(night.hours, at(1))
    assert not is_open(night.hours, at(2, 0, MONDAY + timedelta(days=1)))


def test_hours_that_end_when_they_start_are_the_whole_day():
    """00:00 to 00:00 is round the clock."""
    whole = policy(24, start="00:00", end="00:00")
    assert len(sessions(AGENT, MONDAY, whole)) == 24
    assert is_open(whole.hours, at(3))


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_the_change_of_the_clock_loses_no_session(day):
    """On the days of 23 and 25 hours all sessions take place, in order, in the hours, none at minute 0."""
    berlin = policy(12, start="00:30", end="04:30", weekdays=(7,), time_zone="Europe/Berlin")
    for agent in agents(100):
        times = sessions(agent, day, berlin)
        assert len(times) == 12
        assert times == sorted(times)
        assert not {one.astimezone(ZoneInfo("Europe/Berlin")).minute for one in times} & AVOIDED_MINUTES


def test_the_own_time_zone_counts():
    """Eight o'clock is eight o'clock where the school is."""
    for zone in ("Asia/Almaty", "Asia/Kathmandu", "America/Lima"):
        hours = policy(time_zone=zone)
        for one in sessions(AGENT, MONDAY, hours):
            assert 8 <= one.astimezone(ZoneInfo(zone)).hour < 18


def test_an_unknown_time_zone_is_a_sentence():
    """A zone that this computer lacks is named, with what to install."""
    with pytest.raises(SettingsError, match=r"Mars/Olympus.*tzdata"):
        sessions(AGENT, MONDAY, policy(time_zone="Mars/Olympus"))


def test_missed_sessions_are_made_up_for_once():
    """After sleep one session makes up for all that were missed, a while from now; then nothing more is owed."""
    now = at(15)
    due = catch_up(AGENT, policy(), at(8) - timedelta(days=3), now)
    assert due is not None
    assert timedelta(minutes=1) <= due - now <= timedelta(minutes=20)
    assert catch_up(AGENT, policy(), due, now) is None


def test_computers_that_wake_together_do_not_measure_together():
    """The delay of a made-up session is drawn for each agent."""
    delays = [catch_up(agent, policy(1, start="08:00", end="12:00"), at(7), at(11, 30)) for agent in agents(200)]
    assert len({one for one in delays if one is not None}) > 100


def test_nothing_is_made_up_for_outside_the_hours_or_without_reason():
    """Not at night, not on Sunday, not if none was missed, not by a computer that never measured."""
    assert catch_up(AGENT, policy(), at(7), at(19)) is None
    assert catch_up(AGENT, policy(), at(7), at(12, day=date(2026, 11, 29))) is None
    assert catch_up(AGENT, policy(), latest_session(AGENT, policy(), at(15)), at(15)) is None
    assert catch_up(AGENT, policy(), None, at(15)) is None
    assert catch_up(AGENT, policy(), at(7), at(17, 59)) is None


def test_a_session_that_comes_anyway_needs_no_other():
    """Where the next session comes sooner than the made-up one would, there is none."""
    every = policy(48, start="08:00", end="10:00")
    assert catch_up(AGENT, every, at(7), at(9)) is None


def test_light_probes_are_spread_over_the_interval():
    """Each agent has its own offset within the interval."""
    offsets = [phase_s(agent, 900) for agent in agents(5000)]
    assert min(offsets) >= 0
    assert max(offsets) < 900
    assert len(set(offsets)) > 850


def test_the_policy_decides_and_not_its_version():
    """A new version with the same hours moves nobody."""
    newer = msgspec.structs.replace(policy(), version=9)
    assert sessions(AGENT, MONDAY, newer) == sessions(AGENT, MONDAY, policy())
    assert next_session(AGENT, newer, datetime(2026, 11, 23, tzinfo=UTC)) is not None


def test_one_session_lies_in_the_quiet_hours():
    """Between 18 and 22 local time, on the quiet weekdays, spread over the minutes, never around the full hour."""
    minutes = set()
    for agent in agents(2000):
        (moment,) = quiet_sessions(agent, MONDAY, policy())
        local = moment.astimezone(ALMATY)
        assert 18 <= local.hour < 22
        assert local.minute not in AVOIDED_MINUTES
        minutes.add((local.hour, local.minute))
    assert len(minutes) > 220
    assert quiet_sessions(AGENT, date(2026, 11, 28), policy()) == []
    assert quiet_sessions(AGENT, MONDAY, unquiet(policy())) == []
    assert quiet_sessions(AGENT, MONDAY, policy(0)) == []
    assert next_session(AGENT, policy(), at(18)) == quiet_sessions(AGENT, MONDAY, policy())[0]


def test_quiet_hours_never_lie_in_lessons():
    """Where a policy's quiet hours begin before lessons end, lessons have those minutes, and nobody bunches up."""
    late = policy(end="20:00")
    hours = Counter(quiet_sessions(one, MONDAY, late)[0].astimezone(ALMATY).minute for one in agents(1000))
    assert all(quiet_sessions(one, MONDAY, late)[0] >= at(20) for one in agents(200))
    assert max(hours.values()) < 60
    assert not is_quiet(late, at(19))
    assert is_quiet(late, at(21))
    assert quiet_sessions(AGENT, MONDAY, policy(start="00:00", end="00:00")) == []


def known(**changes: object) -> Known:
    """Return a computer that joined on Monday three weeks ago and tested everything this morning."""
    usual = {"since": at(9, day=MONDAY - timedelta(days=21)), "last_capacity": at(7), "last_long": at(7)}
    return Known(**(usual | changes))  # type: ignore[arg-type]


def last_of_lessons(agent: str = AGENT, day: date = MONDAY) -> datetime:
    """Return the last session of a day's lessons."""
    return sessions(agent, day, policy())[-1]


def test_lessons_are_asked_for_a_verdict():
    """Not one of a day's sessions in lessons fills the line while capacity tests are young enough."""
    for moment in sessions(AGENT, MONDAY, policy()):
        assert wanted(AGENT, policy(), known(), moment) == VERDICT


def test_the_quiet_hours_are_asked_for_the_capacity():
    """Each evening how fast the line is; after seven days, or never yet, in the form that looks past a boost."""
    assert wanted(AGENT, policy(), known(), at(20)) == CAPACITY
    assert wanted(AGENT, policy(), known(last_long=at(20) - timedelta(days=6)), at(20)) == CAPACITY
    # By days, not by hours: next Monday's quiet session may be drawn a little earlier than this Monday's.
    week_ago = at(21, 30) - timedelta(days=7)
    assert wanted(AGENT, policy(), known(last_long=week_ago), at(18, 5)) == LONG_CAPACITY
    assert wanted(AGENT, policy(), known(last_long=None), at(20)) == LONG_CAPACITY
    monthly = msgspec.structs.replace(policy(), long_capacity_days=30)
    assert wanted(AGENT, monthly, known(last_long=week_ago), at(20)) == CAPACITY


def test_where_nobody_is_there_in_the_evening_the_end_of_lessons_makes_up_for_it():
    """An overdue long test is the day's last session, no other one; its age counts, not what else was measured."""
    overdue = known(last_long=at(17) - timedelta(days=7))
    *earlier, last = sessions(AGENT, MONDAY, policy())
    assert wanted(AGENT, policy(), overdue, last + timedelta(seconds=80)) == LONG_CAPACITY
    assert {wanted(AGENT, policy(), overdue, moment) for moment in earlier} == {VERDICT}
    young = known(last_long=at(17) - timedelta(days=6))
    assert wanted(AGENT, policy(), young, last) == VERDICT


def test_a_computer_that_is_on_in_the_evening_is_left_alone_in_lessons():
    """Seven days after a quiet hours' long test tonight's session is due first; if that does not come, lessons do."""
    seven = known(last_long=at(20) - timedelta(days=7))
    assert wanted(AGENT, policy(), seven, last_of_lessons()) == VERDICT
    assert wanted(AGENT, policy(), seven, at(20)) == LONG_CAPACITY
    eight = known(last_long=at(20, day=MONDAY - timedelta(days=7)))
    assert wanted(AGENT, policy(), eight, last_of_lessons(day=MONDAY + timedelta(days=1))) == LONG_CAPACITY


def test_a_computer_that_is_never_on_at_the_end_of_lessons_is_asked_at_last():
    """After two weeks without one any session is the capacity test: somebody has to look."""
    first = sessions(AGENT, MONDAY, policy())[0]
    two_weeks = known(last_long=at(9) - timedelta(days=14))
    assert wanted(AGENT, policy(), two_weeks, first) == LONG_CAPACITY
    never = known(last_capacity=None, last_long=None)
    assert wanted(AGENT, policy(), never, first) == LONG_CAPACITY
    new = msgspec.structs.replace(never, since=at(7))
    assert wanted(AGENT, policy(), new, first) == VERDICT
    assert wanted(AGENT, policy(), new, last_of_lessons()) == LONG_CAPACITY


def test_a_clock_that_was_ahead_does_not_put_tests_off_for_years():
    """A test noted in the future says nothing about its age: it is due."""
    ahead = known(last_long=at(20) + timedelta(days=900))
    assert wanted(AGENT, policy(), ahead, at(20)) == LONG_CAPACITY


def test_a_metered_connection_is_asked_for_verdicts_only():
    """Whoever pays by volume is never asked for the capacity, however long nobody looked."""
    metered = known(metered=True, last_capacity=None, last_long=None)
    assert {wanted(AGENT, policy(), metered, moment) for moment in (at(20), last_of_lessons())} == {VERDICT}


def test_a_capacity_test_takes_a_quarter_of_what_is_left_at_most():
    """A long test that would take more is a short one; where even a verdict's bytes are too many, it is a verdict."""
    due = {"last_long": None, "verdict_bytes": 12_500_000}
    costly = known(**due, long_bytes=60_000_000, left_bytes=239_000_000)
    assert wanted(AGENT, policy(), costly, at(20)) == CAPACITY
    assert wanted(AGENT, policy(), known(**due, long_bytes=60_000_000, left_bytes=240_000_000), at(20)) == LONG_CAPACITY
    assert wanted(AGENT, policy(), known(**due, left_bytes=10**12), at(20)) == CAPACITY  # nobody knows its price yet
    assert wanted(AGENT, policy(), known(**due, left_bytes=49_000_000), at(20)) == VERDICT
    assert wanted(AGENT, policy(), known(**due), at(20)) == LONG_CAPACITY


def test_in_lessons_too_a_short_one_is_what_the_budget_allows():
    """An overdue capacity test that cannot be long is short; one that is not overdue is none."""
    last = last_of_lessons()
    poor = {"verdict_bytes": 12_500_000, "left_bytes": 200_000_000, "long_bytes": 10**9, "last_long": None}
    assert wanted(AGENT, policy(), known(**poor), last) == VERDICT
    assert wanted(AGENT, policy(), known(**poor, last_capacity=at(9) - timedelta(days=8)), last) == CAPACITY


def test_what_was_missed_at_night_does_not_disturb_lessons():
    """A quiet session that was slept through is made up for in quiet hours, not next morning."""
    after_lessons = at(17, 59)
    assert catch_up(AGENT, policy(), after_lessons, at(8, 5, MONDAY + timedelta(days=1))) is None
    late = at(21, 20)
    for agent in agents(50):
        due = catch_up(agent, policy(), after_lessons, late)
        assert (due is not None) == (quiet_sessions(agent, MONDAY, policy())[0] < late)
        assert due is None or is_quiet(policy(), due)


def shifted(*shifts: tuple[str, str], **changes: object) -> Policy:
    """Return a policy with these shifts."""
    made = tuple(Shift(start=start, end=end) for start, end in shifts)
    return msgspec.structs.replace(policy(), shifts=made, **changes)  # type: ignore[arg-type]


def test_sessions_lie_in_the_shifts_and_not_between_them():
    """Two shifts with a long break: every session is in one of them, and both have some."""
    two = shifted(("08:00", "12:00"), ("14:00", "18:00"))
    for agent in agents(200):
        hours = [one.astimezone(ALMATY).hour for one in sessions(agent, MONDAY, two)]
        assert [hour < 12 for hour in hours] == [True, True, False, False]
        assert not {12, 13} & set(hours)
    assert in_lessons(two, at(9))
    assert not in_lessons(two, at(13))
    assert closes_at(two, at(9)) == at(12)
    assert closes_at(two, at(17)) == at(18)
    assert closes_at(two, at(13)) is None
    assert closes_at(two, at(19)) == at(22)


def test_where_nobody_is_there_in_the_evening_the_last_shift_makes_up_for_it():
    """With three shifts an overdue capacity test is the last session of the last one, no earlier one."""
    three = shifted(("08:00", "11:30"), ("12:00", "15:30"), ("16:00", "19:30"))
    overdue = known(last_long=at(17) - timedelta(days=7))
    *earlier, last = sessions(AGENT, MONDAY, three)
    assert last.astimezone(ALMATY).hour >= 16
    assert wanted(AGENT, three, overdue, last) == LONG_CAPACITY
    assert {wanted(AGENT, three, overdue, moment) for moment in earlier} == {VERDICT}


def test_there_are_no_lessons_on_holidays_and_outside_of_terms():
    """Holidays and days between terms have no session in lessons, single extra days have, whatever their weekday."""
    tuesday, saturday = date(2026, 11, 24), date(2026, 11, 28)
    one = shifted(("08:00", "13:00"), holidays=(MONDAY,), extra_days=(saturday,))
    assert sessions(AGENT, MONDAY, one) == []
    assert len(sessions(AGENT, tuesday, one)) == 4
    assert len(sessions(AGENT, saturday, one)) == 4
    term = shifted(("08:00", "13:00"), terms=(Term(first=tuesday, last=tuesday),))
    assert [len(sessions(AGENT, MONDAY + timedelta(days=days), term)) for days in range(3)] == [0, 4, 0]


def test_the_first_session_after_the_summer_is_found():
    """Three months without lessons do not end the plan, whether or not there are quiet hours."""
    autumn = Term(first=date(2026, 9, 1), last=date(2026, 10, 25))
    summer = unquiet(shifted(("08:00", "13:00"), terms=(autumn,)))
    following = next_session(AGENT, summer, at(9, day=date(2026, 6, 1)))
    assert following is not None
    assert following.astimezone(ALMATY).date() == date(2026, 9, 1)
    assert next_session(AGENT, summer, at(9, day=date(2026, 11, 1))) is None


def test_nothing_is_planned_while_tests_are_paused():
    """Neither sessions nor their making up for."""
    paused = msgspec.structs.replace(policy(), paused=True)
    assert planned(AGENT, MONDAY, paused) == []
    assert next_session(AGENT, paused, at(7)) is None
    assert catch_up(AGENT, paused, at(8) - timedelta(days=3), at(15)) is None


def test_a_shift_may_pass_midnight():
    """A late shift belongs to the day on which it began, and its early hours are no quiet ones."""
    late = shifted(("08:00", "12:00"), ("20:00", "01:00"))
    times = [one.astimezone(ALMATY) for one in sessions(AGENT, MONDAY, late)]
    assert all(one.hour < 12 or one.hour >= 20 or one.date() > MONDAY for one in times)
    assert in_lessons(late, at(0, 30, MONDAY + timedelta(days=1)))
    assert not in_lessons(late, at(0, 30))
    assert all(quiet_sessions(one, MONDAY, late)[0] < at(20) for one in agents(200))
