"""A pupil's video player as a model: when it asks for its next segment, starts, stalls; pure, the caller has the clock.

It starts once one segment is there, keeps at most two ahead, and stands still when it has played all that came. That is
the simplest player there is: real ones lower the picture's quality instead, which a pupil sees just as well.
"""

from collections.abc import Sequence

from msgspec import Struct

SEGMENT_S = 2.0
SEGMENT_PATH = "/video/segment"  # of a reflector, with ?bytes=N
MAX_SEGMENT_BYTES = 16 << 20
_UNSEEN_S = 0.04  # a picture that stands still for less than one frame of 25 a second does so unseen


class Player:
    """One pupil's player of a lesson of so many segments; every ``now`` is of the same clock, and never goes back.

    Attributes:
        start_s: from the beginning until the first picture; None before it.
        stalls, stalled_s: how often the picture stood still, and how long; the wait for the first one is not in them.
        arrived: segments that have come.
    """

    def __init__(self, segments: int, now: float) -> None:
        """Open the lesson."""
        self.start_s: float | None = None
        self.stalls = 0
        self.stalled_s = 0.0
        self.arrived = 0
        self._segments = segments
        self._began = now
        self._is_waiting = False
        self._dry_at = now  # when all that came has been played

    @property
    def has_all(self) -> bool:
        """Whether every segment has come."""
        return self.arrived == self._segments

    def wants(self, now: float) -> bool:
        """Tell whether the next segment is to be asked for: none is under way, and there is room for one."""
        return not self._is_waiting and not self.has_all and self._dry_at - now <= SEGMENT_S

    def ask(self) -> None:
        """Know that the next segment has been asked for."""
        self._is_waiting = True

    def take(self, now: float) -> None:
        """Take the segment that has come whole."""
        self._is_waiting = False
        self.arrived += 1
        if self.start_s is None:
            self.start_s = now - self._began
            self._dry_at = now
        else:
            self._note_stall(now)
        self._dry_at = max(self._dry_at, now) + SEGMENT_S

    def stands_still(self, now: float) -> bool:
        """Tell whether the picture stands still just now, visibly, for lack of a segment."""
        return self.start_s is not None and not self.has_all and now - self._dry_at > _UNSEEN_S

    def close(self, now: float) -> None:
        """End the lesson: a picture that stands still just then has stalled once more."""
        if self.start_s is not None and not self.has_all:
            self._note_stall(now)

    def waited_s(self, now: float) -> float:
        """Return how long the picture stood still; for a pupil who never got one, all the time until now."""
        return now - self._began if self.start_s is None else self.stalled_s

    def played_s(self, now: float) -> float:
        """Return how much of the lesson was seen; all of it where every segment has come in time to be."""
        content_s = self.arrived * SEGMENT_S
        return content_s if self.has_all else content_s - max(0.0, self._dry_at - now)

    def _note_stall(self, now: float) -> None:
        stood_s = now - self._dry_at
        if stood_s > _UNSEEN_S:
            self.stalls += 1
            self.stalled_s += stood_s


class Playback(Struct, frozen=True, kw_only=True):
    """How a lesson went for all pupils together; ``start_s`` is when the last of them had a picture.

    It ``is_whole`` where every segment came to everybody.
    """

    start_s: float | None
    stalls: int
    stalled_ratio: float | None
    played_s: float
    is_whole: bool

    @property
    def is_smooth(self) -> bool:
        """Whether every pupil saw all of it without a stall."""
        return self.is_whole and not self.stalls

    @property
    def is_undecided(self) -> bool:
        """Whether it was broken off before anything was wrong with it."""
        began_well = self.start_s is not None and self.start_s <= SEGMENT_S
        return not self.is_whole and not self.stalls and began_well


def summarise(players: Sequence[Player], now: float) -> Playback:
    """Close the players and say how it went; a share of time needs some time."""
    for player in players:
        player.close(now)
    starts = [player.start_s for player in players if player.start_s is not None]
    waited_s = sum(player.waited_s(now) for player in players)
    played_s = sum(player.played_s(now) for player in players)
    return Playback(
        start_s=max(starts) if starts and len(starts) == len(players) else None,
        stalls=sum(player.stalls for player in players),
        stalled_ratio=waited_s / (waited_s + played_s) if waited_s + played_s > 0 else None,
        played_s=played_s / len(players),
        is_whole=all(player.has_all for player in players),
    )


def carried(rate_bps: float, bitrate_bps: float, smooth: int, stalled: int) -> int:
    """Return how many streams a line carries on which ``smooth`` of them played and ``stalled`` did not.

    Where streams stall the line is full, and what it then delivers says how many of them it carries.
    """
    return max(smooth, min(int(rate_bps / bitrate_bps), stalled - 1))
