"""More connections, only while they help: a long or lossy line needs them, on every other they cost fairness."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from agent.meter.errors import TransferError
from agent.meter.lane import Lane
from agent.meter.loop import TICK_S

_STEP = 2
_HELPS = 1.1
_LEAST_S = 0.3
_PACKETS_BITS = 40 * 12_000


class Growth:
    """Opens two more connections once the rate is even, and looks whether that raised it by a tenth.

    Attributes:
        settled: more connections would not help, or there may be none.
        helped_at_s: since when the connections that last helped have been carrying; the test begins anew there.
    """

    def __init__(self, open_one: Callable[[], Lane], most: int, rtt_s: float) -> None:
        self.settled = most <= 0
        self.helped_at_s = 0.0
        self._open_one = open_one
        self._left = most
        self._rtt_s = rtt_s
        self._pool = ThreadPoolExecutor(_STEP, thread_name_prefix="more-connections")
        self._opening: list[Future[Lane]] = []
        self._joined_at_s: float | None = None
        self._before_bps = 0.0

    def joined(self, elapsed_s: float) -> list[Lane]:
        """Return the connections that are open by now and were not returned before."""
        if not self._opening or not all(one.done() for one in self._opening):
            return []
        lanes = []
        for one in self._opening:
            with suppress(TransferError):  # a server that takes no more has enough of us: the test goes on as it is
                lanes.append(one.result())
        self._opening = []
        self._joined_at_s = elapsed_s
        self._left = self._left - len(lanes) if lanes else 0
        self.settled = not lanes
        return lanes

    def judge(self, rate: Callable[[float, float], float], counted_to_s: float, found_bps: float) -> None:
        """Look whether the last ones helped; ask for more where it is not known yet. Called while the rate is even.

        Args:
            rate: the rate between two times of the test.
            counted_to_s: until when bytes are counted.
            found_bps: the rate as it stands.
        """
        if self.settled or self._opening:
            return
        if self._joined_at_s is not None:
            window_s = max(_LEAST_S, 2 * self._rtt_s, _PACKETS_BITS / max(found_bps, 1.0))
            begin_s = self._joined_at_s + 2 * self._rtt_s + TICK_S
            if counted_to_s < begin_s + window_s:
                return
            if rate(begin_s, counted_to_s) <= _HELPS * self._before_bps:
                self.settled = True
                return
            self.helped_at_s, self._joined_at_s = self._joined_at_s, None
            self.settled = self._left <= 0
            return
        self._before_bps = found_bps
        self._opening = [self._pool.submit(self._open_one) for _ in range(min(_STEP, self._left))]

    def close(self) -> None:
        """Close what is still opening."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for one in self._opening:
            one.add_done_callback(_close_late)


def _close_late(one: "Future[Lane]") -> None:
    if not one.cancelled() and one.exception() is None:
        one.result().close()
