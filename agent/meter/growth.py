"""More connections, only while they help: a long or lossy line needs them, on every other they cost fairness."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from agent.meter.errors import TransferError
from agent.meter.lane import Lane
from agent.meter.loop import TICK_S

_STEP = 2
_HELPS = 1.1
_LEAST_S = 0.3
_PACKETS_BITS = 40 * 12_000
_MANY = 4  # connections are taken to fill a line, as iperf3 -P 4 is: our reference
_SECOND_S = 0.5  # and as many round trips as a handshake over TLS takes: so long the first waits for the other
_HANDSHAKE_ROUNDS = 4
_PATIENCE_S = 3.0  # for the first: a firewall may answer one connection too many with silence


class Growth:
    """Opens two more connections once the rate is even, and looks whether that raised it by a tenth.

    Attributes:
        settled: more connections would not help, or there may be none.
        helped_at_s: since when the connections that last helped have been carrying; the test begins anew there.
    """

    def __init__(self, open_one: Callable[[], Lane], have: int, most: int, rtt_s: float) -> None:
        """Grow from ``have`` connections up to ``most`` of them."""
        self.settled = have >= most
        self.helped_at_s = 0.0
        self._open_one = open_one
        self._have = have
        self._most = most
        self._rtt_s = rtt_s
        self._opening: list[Future[Lane]] = []
        self._asked_at_s = 0.0
        self._came_at_s: float | None = None
        self._joined_at_s: float | None = None
        self._before_bps = 0.0
        self._did_not_help = False

    @property
    def filled(self) -> bool:
        """Whether the connections fill the line as far as any can: without that its rate has no upper bound."""
        return self._did_not_help or self._have >= _MANY

    def joined(self, elapsed_s: float) -> list[Lane]:
        """Return the connections that are open by now and were not returned before."""
        if not self._opening or not self._has_waited(elapsed_s):
            return []
        lanes = []
        for one in self._opening:
            if not one.done():
                one.add_done_callback(_close_late)
                continue
            with suppress(TransferError):  # a server that takes no more has enough of us: the test goes on as it is
                lanes.append(one.result())
        self._opening, self._came_at_s = [], None
        self._joined_at_s = elapsed_s
        self._have += len(lanes)
        self.settled = not lanes
        return lanes

    def _has_waited(self, elapsed_s: float) -> bool:
        done = [one.done() for one in self._opening]
        if not any(done):
            return elapsed_s > self._asked_at_s + _PATIENCE_S + _HANDSHAKE_ROUNDS * self._rtt_s
        self._came_at_s = elapsed_s if self._came_at_s is None else self._came_at_s
        return all(done) or elapsed_s > self._came_at_s + _SECOND_S + _HANDSHAKE_ROUNDS * self._rtt_s

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
                self.settled = self._did_not_help = True
                return
            self.helped_at_s, self._joined_at_s = self._joined_at_s, None
            self.settled = self._have >= self._most
            return
        self._before_bps, self._asked_at_s = found_bps, counted_to_s
        self._opening = [_in_background(self._open_one) for _ in range(min(_STEP, self._most - self._have))]

    def close(self) -> None:
        """Close what is still opening."""
        for one in self._opening:
            one.add_done_callback(_close_late)


def _in_background(open_one: Callable[[], Lane]) -> Future[Lane]:
    """Open in a thread that nobody waits for when the program ends."""
    coming: Future[Lane] = Future()

    def run() -> None:
        coming.set_running_or_notify_cancel()
        try:
            coming.set_result(open_one())
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is taken
            coming.set_exception(error)

    threading.Thread(target=run, name="more-connections", daemon=True).start()
    return coming


def _close_late(one: "Future[Lane]") -> None:
    if one.exception() is None:
        one.result().close()
