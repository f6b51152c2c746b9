"""What the service notes of itself: enough for a version on trial, seldom enough for an old disk."""

from datetime import UTC, datetime, timedelta

import pytest

from agent import health
from agent.health import Health, Notes

BEGIN = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)


@pytest.fixture
def notes(tmp_path):
    made = Notes(tmp_path, "0.2.0", BEGIN)
    made.begin()
    return made


def test_it_says_when_it_began(tmp_path, notes) -> None:
    """And that nobody answered it yet."""
    assert health.read(tmp_path) == Health(version="0.2.0", started_at=BEGIN, alive_at=BEGIN)


def test_it_lives_until_it_is_heard(tmp_path, notes) -> None:
    """Signs of life stop once there is a better one; that comes once an hour."""
    minute = timedelta(minutes=1)
    written = []
    for minutes in range(1, 241):
        now = BEGIN + minutes * minute
        if minutes >= 10:
            notes.heard(now)
        notes.alive(now)
        written.append(health.read(tmp_path).alive_at)
    assert len(set(written)) <= 2 + 1 + 4
    assert health.read(tmp_path).heard_at == BEGIN + 190 * minute


def test_a_clock_that_was_set_back_does_not_silence_it(tmp_path, notes) -> None:
    """It writes again, with the time as it is now."""
    notes.heard(BEGIN)
    notes.heard(BEGIN - timedelta(days=300))
    assert health.read(tmp_path).heard_at == BEGIN - timedelta(days=300)


def test_who_is_the_first_of_a_version(tmp_path, notes) -> None:
    """It asks for the policy at once; the second start of the same does not."""
    assert notes.is_first_of_version
    for version, is_first in (("0.2.0", False), ("0.3.0", True), ("0.3.0", False)):
        later = Notes(tmp_path, version, BEGIN)
        later.begin()
        assert later.is_first_of_version is is_first


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff", b'{"version": 3}'])
def test_a_damaged_note_is_none(tmp_path, damage) -> None:
    """Nothing is known then; the next start writes a whole one."""
    (tmp_path / "health.json").write_bytes(damage)
    assert health.read(tmp_path) is None
    Notes(tmp_path, "0.2.0", BEGIN).begin()
    assert health.read(tmp_path) is not None


def test_a_disk_that_takes_nothing_is_one_line_in_the_log(tmp_path, caplog) -> None:
    """The service goes on: it is there to measure."""
    notes = Notes(tmp_path / "gone", "0.2.0", BEGIN)
    notes.begin()
    notes.heard(BEGIN)
    assert "cannot write" in caplog.text
