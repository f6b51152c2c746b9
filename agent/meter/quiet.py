"""Whether this computer's own traffic leaves its link nearly idle: a test beside it would disturb it, and lie."""

import math
import time

from agent.host import counters
from agent.host.counters import Counters

IDLE_S = 5.0  # so long the link has to be nearly idle (SamKnows: a 5 s idle window, given up after 30 s)
_SHARE = 0.05  # of the link, in either direction
_STEP_S = 0.5
_USUAL_LINK_BPS = 100e6  # where nobody knows the link's speed, as on Wi-Fi


class Quiet:
    """Watches one interface; ask it often. Where nothing can be counted, the link is taken to be idle.

    Attributes:
        busy_bps: the rate of the last step that was too busy; 0 before there is one.
    """

    def __init__(self, interface: str | None, link_bps: float | None) -> None:
        """Begin to watch now."""
        self.busy_bps = 0.0
        self._allowed_bps = _SHARE * (link_bps or _USUAL_LINK_BPS)
        self._read = None if interface is None else counters.reader(interface)
        self._since: float | None = None  # that it is quiet
        self._last: tuple[float, Counters] | None = None
        self._look(time.monotonic())

    def seconds(self) -> float:
        """Look, and return for how long it has been quiet by now."""
        now = time.monotonic()
        if self._read is None:
            return math.inf
        if self._last is None or now - self._last[0] >= _STEP_S:
            self._look(now)
        return 0.0 if self._since is None else now - self._since

    def _look(self, now: float) -> None:
        told = self._read() if self._read is not None else None
        if told is None:
            self._read = None
            return
        if self._last is None:
            self._since, self._last = now, (now, told)
            return
        (before, was), self._last = self._last, (now, told)
        passed = counters.step(was, told)
        if passed is None:
            return
        rate_bps = 8 * max(passed.rx_bytes, passed.tx_bytes) / (now - before)
        if rate_bps > self._allowed_bps:
            self.busy_bps, self._since = rate_bps, now

    @property
    def words(self) -> str:
        """What keeps it busy, for people."""
        return (
            f"its own traffic is {self.busy_bps / 1e6:.1f} Mbit/s, where less than {self._allowed_bps / 1e6:.1f} "
            "(5 % of its link) has to be for a test"
        )
