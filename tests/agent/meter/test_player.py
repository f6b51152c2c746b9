"""The player model: when it asks, starts and stalls, on a clock of the test's own."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agent.meter import player
from agent.meter.player import SEGMENT_S, Player


def watched(*arrivals: float, segments: int | None = None) -> Player:
    """Return a player that took segments at these times, each asked for at the first moment it wanted one."""
    pupil, asks = Player(segments or len(arrivals), 0.0), 0.0
    for arrival in arrivals:
        while not pupil.wants(asks):
            asks += 0.01
        assert asks <= arrival
        pupil.ask()
        pupil.take(arrival)
        asks = arrival
    return pupil


def test_it_starts_with_one_segment() -> None:
    """The first picture comes with the first whole segment, and waiting for it is no stall."""
    pupil = Player(2, 10.0)
    assert pupil.wants(10.0)
    assert not pupil.stands_still(13.0)
    pupil.ask()
    pupil.take(13.0)
    assert (pupil.start_s, pupil.stalls, pupil.stalled_s) == (3.0, 0, 0.0)


def test_it_asks_for_one_at_a_time_and_keeps_two_ahead() -> None:
    """While one is under way no other is asked for, and with two ahead none before there is room."""
    pupil = Player(5, 0.0)
    pupil.ask()
    assert not pupil.wants(0.5)
    pupil.take(1.0)
    assert pupil.wants(1.0)
    pupil.ask()
    pupil.take(1.5)  # the picture lasts until 5.0 now
    assert not pupil.wants(2.9)
    assert pupil.wants(3.0)


def test_it_stalls_when_it_has_played_all() -> None:
    """A segment that comes after the last picture was shown is one stall, as long as it was late."""
    pupil = watched(1.0, 3.5, 5.0)
    assert (pupil.stalls, pupil.stalled_s) == (1, 0.5)


def test_what_nobody_sees_is_no_stall() -> None:
    """A picture that stands still for less than one frame does not count."""
    assert watched(1.0, 3.03, 5.0).stalls == 0


def test_the_end_of_the_lesson_is_no_stall() -> None:
    """Once every segment has come, the picture ends when the lesson does."""
    pupil = watched(1.0, 2.0)
    assert pupil.has_all
    assert not pupil.wants(100.0)
    assert not pupil.stands_still(100.0)
    assert player.summarise([pupil], 100.0).stalls == 0


def test_a_lesson_that_is_broken_off() -> None:
    """A picture that stands still at the end has stalled, one that still moves has not; what was seen is counted."""
    stood, moved = watched(1.0, segments=5), watched(1.0, 2.0, segments=5)
    assert stood.stands_still(4.0)
    playback = player.summarise([stood, moved], 4.0)
    assert playback.stalls == 1
    assert playback.played_s == pytest.approx((2.0 + 3.0) / 2)
    assert playback.stalled_ratio == pytest.approx(1.0 / 6.0)
    assert not playback.is_smooth


def test_a_pupil_who_never_had_a_picture() -> None:
    """Then there is no first picture of the last pupil, and all of that pupil's time was waiting."""
    playback = player.summarise([watched(1.0, 2.0), Player(2, 0.0)], 4.0)
    assert playback.start_s is None
    assert playback.stalled_ratio == pytest.approx(4.0 / 8.0)
    assert not playback.is_smooth


def test_what_a_lesson_that_was_broken_off_tells() -> None:
    """Broken off while all is well it tells nothing; after a late picture or a stall it tells that it was too much."""
    well, late = watched(1.0, 2.0, segments=5), watched(3.0, segments=5)
    assert player.summarise([well], 4.0).is_undecided
    assert not player.summarise([late], 4.0).is_undecided
    assert not player.summarise([watched(1.0, 4.0, segments=5)], 4.0).is_undecided
    assert not player.summarise([watched(1.0, 2.0)], 4.0).is_undecided


def test_no_time_has_no_share() -> None:
    """Where no time has passed nothing is said of its share."""
    assert player.summarise([Player(2, 1.0)], 1.0).stalled_ratio is None


@given(rate=st.floats(0.5, 1.5), segments=st.integers(2, 10))
def test_it_plays_exactly_what_the_line_carries(rate: float, segments: int) -> None:
    """A line that brings a segment in no more than its own length never stalls it, and any slower one does."""
    late_s = SEGMENT_S / rate - SEGMENT_S
    assume(abs(late_s - 0.04) > 0.01)  # the test asks a little late
    pupil, now = Player(segments, 0.0), 0.0
    while not pupil.has_all:
        while not pupil.wants(now):
            now += 0.005
        pupil.ask()
        now += SEGMENT_S / rate
        pupil.take(now)
    assert (pupil.stalls > 0) == (late_s > 0.04)


@given(st.lists(st.floats(0, 30), min_size=1, max_size=8))
def test_time_adds_up(gaps: list[float]) -> None:
    """What was seen and what was waited for are together the time from the first picture to the end."""
    pupil, now = Player(len(gaps) + 1, 0.0), 0.0
    for gap in gaps:
        now += gap
        pupil.ask()
        pupil.take(now)
    end = now + 1.0
    playback = player.summarise([pupil], end)
    assert 0 <= playback.stalled_ratio <= 1
    unseen_s = 0.04 * (len(gaps) + 1)
    assert playback.played_s + pupil.stalled_s == pytest.approx(end - pupil.start_s, abs=unseen_s + 1e-6)


@pytest.mark.parametrize(
    ("rate_bps", "smooth", "stalled", "pupils"),
    [(19.3e6, 4, 8, 7), (25e6, 4, 8, 7), (9e6, 4, 8, 4), (7.7e6, 0, 4, 3), (1e6, 0, 4, 0), (47.8e6, 16, 32, 19)],
)
def test_how_many_a_line_carries(rate_bps: float, smooth: int, stalled: int, pupils: int) -> None:
    """As many as its rate has room for; never fewer than played, nor as many as did not."""
    assert player.carried(rate_bps, 2.5e6, smooth, stalled) == pupils
