"""When a computer changes its version."""

from datetime import UTC, date, datetime, timedelta

import pytest

from agent.contract.errors import SettingsError
from agent.contract.wire import Hours, Policy, Release, Shift
from agent.updates import plan

EVENING = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)  # 21:00 in Almaty, a Tuesday
AGENT = "a" * 32


def policy(version="0.2.0", percent=100.0, **more) -> Policy:
    return Policy(update=Release(version=version, percent=percent), hours=Hours(start="08:00", end="18:00"), **more)


def decided(told: Policy, installed="0.1.0", failed=(), now=EVENING, agent=AGENT):
    return plan.decide(agent, installed, told, failed, now)


def test_a_newer_version_in_the_evening() -> None:
    """It is taken."""
    assert decided(policy()).version == "0.2.0"


@pytest.mark.parametrize(
    ("told", "installed", "failed", "words"),
    [
        (Policy(), "0.1.0", (), "names no version"),
        (policy("0.1.0"), "0.1.0", (), "0.1.0 is installed"),
        (policy("0.1"), "0.1.0", (), "is installed"),
        (policy("0.1.9"), "0.1.10", (), "older than 0.1.10"),
        (policy(), "0.1.0", ("0.2.0",), "did not work here"),
        (policy(percent=0), "0.1.0", (), "0 % of the computers"),
    ],
    ids=["none", "this one", "this one written shorter", "older", "failed here", "nobody yet"],
)
def test_why_nothing_is_done(told, installed, failed, words) -> None:
    """Each reason is said; nobody takes a computer back to a version with known holes, the collector neither."""
    answer = decided(told, installed, failed)
    assert answer.version is None
    assert words in answer.reason


@pytest.mark.parametrize("version", ["", "latest", "../../etc", "1", "1.2.3-rc1", "٣.١", "1.2.3.4.5", "99999.1"])
def test_what_is_no_version_is_refused(version) -> None:
    """It would become a part of a path and of an address."""
    with pytest.raises(SettingsError, match="is no version of netready"):
        decided(policy(version))


@pytest.mark.parametrize(
    ("clock", "allowed"),
    [
        ("07:29", True),
        ("07:30", False),  # what is installed now would be tried in the lesson
        ("08:00", False),
        ("12:59", False),
        ("13:00", True),
        ("13:30", False),
        ("18:59", False),
        ("19:00", True),
        ("00:10", True),
    ],
)
def test_never_in_lessons(clock, allowed) -> None:
    """Nor just before; in the break between two shifts it may be."""
    told = policy(shifts=(Shift(start="08:00", end="13:00"), Shift(start="14:00", end="19:00")))
    now = datetime.fromisoformat(f"2026-11-24T{clock}:00+05:00").astimezone(UTC)
    assert (decided(told, now=now).version is not None) is allowed


def test_a_shift_that_passes_midnight_and_holidays() -> None:
    """A shift belongs to the day on which it began; on a day without lessons any hour is good."""
    night = policy(shifts=(Shift(start="20:00", end="01:00"),))
    assert decided(night, now=datetime.fromisoformat("2026-11-25T00:30:00+05:00")).version is None
    assert decided(night, now=datetime.fromisoformat("2026-11-25T01:00:00+05:00")).version == "0.2.0"
    holiday = policy(holidays=(date(2026, 11, 24),))
    assert decided(holiday, now=datetime.fromisoformat("2026-11-24T10:00:00+05:00")).version == "0.2.0"


def test_a_share_grows_and_is_as_large_as_was_said() -> None:
    """Who has it at 5 % has it at 20 % too; and it is not always the same computers that are first."""
    agents = [f"{number:032x}" for number in range(4000)]

    def taken(version: str, percent: float) -> set[str]:
        return {one for one in agents if decided(policy(version, percent), agent=one).version}

    five, twenty = taken("0.2.0", 5), taken("0.2.0", 20)
    assert five < twenty
    assert 0.04 < len(five) / len(agents) < 0.06
    assert 0.18 < len(twenty) / len(agents) < 0.22
    assert len(five & taken("0.3.0", 5)) < 30
    assert len(taken("0.2.0", 100)) == len(agents)


def test_half_an_hour_is_what_is_kept_free() -> None:
    """The constant is what the README says."""
    assert timedelta(minutes=30) == plan.BEFORE_LESSONS
