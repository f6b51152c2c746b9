"""How far a test is that was asked for, as far as the collector can know; pure.

It knows when the test was asked for, when a computer got its turn (it then knows that the computer asked), how long the
turn lasts or when it was given back, and what was reported since. It does not know when a computer read the order, nor
how fast a test is while it runs.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from collector.store.school_looks import Followed
from collector.words import Sentence, mark, say

Stage = Literal["asked", "turn", "measuring", "waiting", "done", "failed", "lost", "expired", "replaced"]
ENDED: frozenset[Stage] = frozenset({"done", "failed", "lost", "expired", "replaced"})
SHOWN = timedelta(hours=3)
_REPORTED_WITHIN = timedelta(minutes=10)
WORDS: dict[Stage, str] = {
    "asked": mark("asked for; the computer has not come for its turn yet"),
    "turn": mark("the computer came and got its turn, which begins soon"),
    "measuring": mark("it has the line and measures"),
    "waiting": mark("its turn is over; the report has not come yet"),
    "done": mark("the report arrived"),
    "failed": mark("the test failed"),
    "lost": mark("its turn is over, and no report came"),
    "expired": mark("no computer came in time: is it switched on?"),
    "replaced": mark("replaced by a newer wish"),
}


class Progress(Struct, frozen=True, kw_only=True):
    """One computer's way through a test."""

    followed: Followed
    stage: Stage

    @property
    def words(self) -> Sentence:
        """What it is in words."""
        return Sentence(WORDS[self.stage])


def stage_of(one: Followed, now: datetime) -> Stage:
    """Return how far one computer is."""
    if one.measured_at is not None:
        return "done"
    if one.failure is not None:
        return "failed"
    if one.granted_at is None or one.starts_at is None or one.ends_at is None:
        if one.done_at is not None:
            return "replaced"
        return "asked" if now < one.until else "expired"
    if one.released_at is None and now < one.ends_at:
        return "turn" if now < one.starts_at else "measuring"
    over = one.released_at or one.ends_at
    return "waiting" if now - over < _REPORTED_WITHIN else "lost"


def progress(orders: Sequence[Followed], now: datetime) -> list[Progress]:
    """Return how far the newest wish is, one computer after the other."""
    newest = orders[0].order_id if orders else None
    return [Progress(followed=one, stage=stage_of(one, now)) for one in orders if one.order_id == newest]


def is_over(found: Sequence[Progress]) -> bool:
    """Tell whether there is nothing more to wait for."""
    return all(one.stage in ENDED for one in found)


def summary(found: Sequence[Progress]) -> Sentence:
    """Return how far it is in one sentence."""
    done = sum(one.stage in ENDED for one in found)
    if not found:
        return say("No test was asked for in the last hours.")
    if is_over(found):
        return say("It is over: {done} of {all} computers are through.", done=done, all=len(found))
    return say("It goes on: {done} of {all} computers are through.", done=done, all=len(found))
