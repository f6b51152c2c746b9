"""A lane that moves nothing: its counts are what the test says they are."""

import socket
import time


class FakeLane:
    """Behaves as agent.meter.lane.Lane does between two calls; its socket is closed, so that no kernel counts."""

    def __init__(self) -> None:
        self.sock = socket.socket()
        self.sock.close()
        self.opened_at = time.monotonic()
        self.payload_received = self.payload_sent = self.wire_received = self.wire_sent = 0
        self.wants_write = True
        self.waits = self.ended = False
        self.left = None

    def receive(self, count: int, share: float = 1.0) -> None:
        """Receive this much payload, in so many bytes of the TCP stream for each of it."""
        self.payload_received += count
        self.wire_received += round(count * share)

    def send(self, count: int, share: float = 1.0) -> None:
        """Send this much payload."""
        self.payload_sent += count
        self.wire_sent += round(count * share)

    def close(self) -> None:
        """Be gone."""
        self.ended = True
