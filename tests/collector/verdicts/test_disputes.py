"""A dispute goes one way, in its time: opened, evidence, decided; and whoever missed a deadline is shown to have."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from collector.verdicts import disputes
from collector.verdicts.disputes import Disputed, Step, Times, WorkingDays
from collector.verdicts.errors import DisputeError

ABOUT = Disputed(school="0101", line="1", month="2026-10", version=1, operator="Alpha")
TIMES = Times(open_days=10, evidence_days=10, decide_days=20)
DAYS = WorkingDays(
    zone=ZoneInfo("Asia/Almaty"), holidays=frozenset({date(2026, 12, 16)}), extra_days=frozenset({date(2026, 12, 19)})
)
MADE = datetime(2026, 11, 2, 3, tzinfo=UTC)  # a Monday


def opened(at: datetime = MADE, about: Disputed = ABOUT) -> Step:
    return disputes.opened(
        about, "the school was cut off", MADE, at=at, author="Alpha's lawyer", days=DAYS, times=TIMES
    )


def step(number: int, action: str, **more: object) -> Step:
    told = {"dispute": disputes.id_of(ABOUT), "number": number, "action": action, "about": ABOUT, "text": "so it is"}
    return Step(at=MADE + timedelta(days=number), author="somebody", **told | more)


def test_deadlines_are_fixed_when_it_is_opened():
    """Ten working days for evidence, twenty more to decide; a holiday is none, a Saturday worked instead is one."""
    first = opened()
    assert first.evidence_until == date(2026, 11, 16)
    assert first.decide_until == date(2026, 12, 14)
    later = opened(at=MADE + timedelta(days=7))
    assert later.decide_until == date(2026, 12, 21)


def test_it_is_opened_in_time_or_not_at_all():
    """The tenth working day is the last, to its end in local time."""
    last = datetime(2026, 11, 16, 18, 59, tzinfo=UTC)
    assert opened(at=last).number == 1
    with pytest.raises(DisputeError, match="until 2026-11-16"):
        opened(at=last + timedelta(minutes=1))


def test_each_version_of_a_verdict_has_one_dispute():
    """Its id says which; another version, line or operator has another."""
    others = [replace(ABOUT, version=2), replace(ABOUT, line="2"), replace(ABOUT, operator="Beta")]
    assert len({disputes.id_of(one) for one in (ABOUT, *others, ABOUT)}) == 4


def test_its_steps_add_up():
    """Evidence and a decision with what follows from it."""
    steps = [opened(), step(2, "evidence"), step(3, "decided", outcome="partly", exclusions=("0" * 16,))]
    found = disputes.folded(reversed(steps))
    assert (found.state, found.outcome, found.exclusions) == ("decided", "partly", ("0" * 16,))
    assert disputes.standing(found, date(2030, 1, 1), DAYS).is_overdue is False


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [step(1, "evidence")],
        [opened(), step(3, "evidence")],
        [opened(), step(2, "opened")],
        [opened(), step(2, "decided"), step(3, "evidence")],
        [opened(), step(2, "withdrawn"), step(3, "decided")],
        [opened(), step(2, "evidence"), step(2, "evidence")],
        [opened(), step(2, "evidence", about=replace(ABOUT, month="2026-09"))],
    ],
)
def test_what_cannot_be_is_refused(steps):
    """A gap, a second beginning, or anything after the end."""
    with pytest.raises(DisputeError):
        disputes.folded(steps)


def test_evidence_has_an_end_and_a_decision_has_none():
    """An overdue dispute can still be decided: its deadline is shown, and decides nothing."""
    found = disputes.folded([opened()])
    disputes.check_next(found, "evidence", date(2026, 11, 16))
    with pytest.raises(DisputeError, match="until 2026-11-16"):
        disputes.check_next(found, "evidence", date(2026, 11, 17))
    disputes.check_next(found, "decided", date(2027, 6, 1))
    told = [disputes.standing(found, day, DAYS) for day in (date(2026, 11, 13), date(2026, 11, 17), date(2026, 12, 17))]
    assert [(one.waits_for, one.days_left, one.is_overdue) for one in told] == [
        ("evidence", 1, False),
        ("decision", 19, False),
        ("decision", -2, True),
    ]


def test_an_end_is_an_end():
    """Nothing is added to a dispute that was withdrawn or decided."""
    for action in ("withdrawn", "decided"):
        with pytest.raises(DisputeError, match=action):
            disputes.check_next(disputes.folded([opened(), step(2, action)]), "evidence", date(2026, 11, 3))


def test_the_most_urgent_comes_first():
    """Open ones by their deadline, then the others."""
    other = replace(ABOUT, school="0102")
    done = replace(step(2, "decided", outcome="rejected"), dispute=disputes.id_of(other), about=other)
    third = replace(ABOUT, school="0103")
    steps = [opened(about=other), done, opened(), opened(at=MADE - timedelta(days=1), about=third)]
    assert [one.about.school for one in disputes.all_folded(steps)] == ["0103", "0101", "0102"]
