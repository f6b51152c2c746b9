"""One timed WebSocket test from its handshake to its end, the same for every protocol that has one."""

import time
from collections.abc import Callable
from typing import Protocol

from agent.meter import loop
from agent.meter.stream import Stream
from agent.reflector.request import Exchange

GOODBYE_S = 2.0  # for the closing handshake behind whatever still fills the line


class Reporter(Protocol):
    """Sends a protocol's measurement messages."""

    def tick(self, now: float) -> None:
        """Send one if one is due."""

    def send(self, now: float) -> None:
        """Send one now."""


class Session:
    """Lets a stream run for its time, or until there is enough; then says goodbye, and waits for the peer's."""

    def __init__(self, exchange: Exchange, stream: Stream, reporter: Reporter, duration_s: float) -> None:
        """Begin now; the end always comes, at the latest ``goodbye_s`` after the duration."""
        self.goodbye_s = GOODBYE_S
        self.enough: Callable[[], bool] = lambda: False
        self._exchange = exchange
        self._stream = stream
        self._reporter = reporter
        self._ends_at = time.monotonic() + duration_s
        self._gone_at: float | None = None  # set with the goodbye

    @property
    def over_at(self) -> float | None:
        """When it was over but for the goodbye, on time.monotonic; null where it broke off."""
        return None if self._gone_at is None else self._gone_at - self.goodbye_s

    def run(self) -> None:
        """Serve the stream to its end."""
        try:
            loop.run([self._stream], self._tick)
        finally:
            self._has_moved_enough()

    def _tick(self, now: float) -> bool:
        if self._exchange.stopping() or (self._gone_at is not None and now >= self._gone_at):
            return False
        if self._gone_at is not None:
            return True
        if self._stream.peer_code is not None:
            self._gone_at = now + self.goodbye_s
        elif self._has_moved_enough() or now >= self._ends_at or self.enough():
            self._gone_at = now + self.goodbye_s
            self._stream.next_bulk = None
            self._reporter.send(now)
            self._stream.finish("Done sending")
        else:
            self._reporter.tick(now)
        return True

    def _has_moved_enough(self) -> bool:
        return self._exchange.enough(self._stream.payload_sent + self._stream.payload_received)
