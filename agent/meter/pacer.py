"""Hold the sending of one connection to a rate: by the kernel where it can, else by a bucket that time fills.

The bucket goes by the ticks of agent.meter.loop: it is asked at each whether it may send.
"""

import socket
import sys
import time

from agent.host import tcp_info
from agent.meter import loop

BURST_S = 2 * loop.TICK_S  # what a tick that comes late would have allowed
_LEAST_S = loop.TICK_S / 2  # less is not worth a call: else the loop would turn for every few bytes


def largest_message(rate_bps: float | None, most: int) -> int:
    """Return the largest message at this pace: what passes within a tick, so that texts do not wait behind it."""
    if rate_bps is None:
        return most
    return min(most, max(1 << 10, 1 << (int(rate_bps / 8 * loop.TICK_S).bit_length() - 1)))


class Pacer:
    """Says how much may be sent; without a rate, or where the kernel sees to it, anything.

    What may not wait, such as a text, is sent nevertheless: the bucket is overdrawn then, so that the mean is the rate.
    """

    def __init__(self) -> None:
        self._bytes_per_s: float | None = None
        self._held = self._filled_at = 0.0

    def hold(self, sock: socket.socket, rate_bps: float) -> None:
        """Let the connection send no more than this many bits of TCP payload per second from now on."""
        if tcp_info.pace(sock, rate_bps):
            return
        self._bytes_per_s = rate_bps / 8
        self._held, self._filled_at = 0.0, time.monotonic()

    def room(self, now: float) -> int:
        """Return how many bytes may be sent now.

        Until some are sent that never shrinks: a TLS send has to be repeated with as many bytes or more.
        """
        if self._bytes_per_s is None:
            return sys.maxsize
        filled = self._held + max(0.0, now - self._filled_at) * self._bytes_per_s
        self._held = min(filled, self._bytes_per_s * BURST_S)
        self._filled_at = max(now, self._filled_at)
        return max(1, int(self._held)) if self._held >= self._bytes_per_s * _LEAST_S else 0

    def sent(self, count: int) -> None:
        """Know that so many bytes were given to the socket, whatever they were."""
        self._held -= count
