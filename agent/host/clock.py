"""The two clocks of a computer: the wall's, which people and servers set, and the steady one, which nobody can."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from msgspec import Struct


class Clock(Struct, frozen=True, kw_only=True):
    """Tells the time; a test hands over its own.

    ``wall_s`` is in seconds since the epoch, ``steady_s`` since whenever; it may stand still while the computer sleeps.
    ``sleep`` waits so many seconds.
    """

    wall_s: Callable[[], float] = time.time
    steady_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def now(self) -> datetime:
        """Return the wall's time, in UTC."""
        return datetime.fromtimestamp(self.wall_s(), UTC)

    def ahead_s(self) -> float:
        """Return how far the wall clock is ahead of the steady one: it changes when the wall's is set."""
        return self.wall_s() - self.steady_s()
