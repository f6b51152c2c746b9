"""Hold the sending of one connection to a rate: by the kernel where it can, else by a bucket that each tick fills."""

import time

from agent.host import tcp_info
from agent.meter import loop
from agent.meter.stream import BUFFER_BYTES, Stream
from agent.reflector.request import Exchange

MIN_BPS, MAX_BPS = 10_000, 10_000_000_000
_UNSENT_S = 0.1
_MIN_UNSENT_BYTES, _MAX_UNSENT_BYTES = 1 << 14, 1 << 18


def stream(exchange: Exchange, pace_bps: int) -> Stream:
    """Take over the connection for sending at most this many bits of payload per second."""
    unsent = int(pace_bps / 8 * _UNSENT_S)
    tcp_info.keep_unsent_short(exchange.sock, min(_MAX_UNSENT_BYTES, max(_MIN_UNSENT_BYTES, unsent)))
    if tcp_info.pace(exchange.sock, pace_bps):
        return Stream(exchange.sock, "server", bytearray(BUFFER_BYTES), exchange.rest)
    return BucketStream(exchange, pace_bps)


def largest_message(pace_bps: int, most: int) -> int:
    """Return the largest message at this pace: what passes within a tick, so that texts do not wait behind it."""
    return min(most, max(1 << 10, 1 << (int(pace_bps / 8 * loop.TICK_S).bit_length() - 1)))


class BucketStream(Stream):
    """A stream that wants to send only while its bucket holds something.

    A message may overdraw it, and is then waited for, so that the mean is the pace. It holds two ticks' worth: what a
    tick that comes late would have allowed.
    """

    def __init__(self, exchange: Exchange, pace_bps: int) -> None:
        super().__init__(exchange.sock, "server", bytearray(BUFFER_BYTES), exchange.rest)
        self._bytes_per_s = pace_bps / 8
        self._filled_at = time.monotonic()
        self._spent = 0
        self._held = 0.0

    @property
    def wants_write(self) -> bool:
        """Whether there is anything to send, and the pace allows it."""
        now = time.monotonic()
        self._held += self._spent - self.payload_sent + (now - self._filled_at) * self._bytes_per_s
        self._held = min(self._held, self._bytes_per_s * 2 * loop.TICK_S)
        self._filled_at, self._spent = now, self.payload_sent
        return self._held > 0 and super().wants_write
