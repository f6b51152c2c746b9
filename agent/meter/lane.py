"""What the meter asks of a connection, and of the engine that makes connections: the same for every protocol."""

import socket
from collections.abc import Callable
from typing import Literal, Protocol

from msgspec import Struct

from agent.host.tcp_info import Arrived
from agent.meter.loop import Transfer

Way = Literal["download", "upload"]


class Lane(Transfer, Protocol):
    """One connection of a test.

    Attributes:
        opened_at: when it was ready, on time.monotonic; the far end's clock began about then.
        payload_received, payload_sent: bytes of the test in it; sent means given to the socket, never arrived.
        wire_received, wire_sent: bytes of the TCP stream, with framing and TLS records.
    """

    sock: socket.socket
    opened_at: float
    wire_received: int
    payload_sent: int
    wire_sent: int

    @property
    def payload_received(self) -> int: ...

    @property
    def waits(self) -> bool:
        """Whether it will send again: once the far end has answered what it sent, or its pace allows it."""

    @property
    def left(self) -> Literal["peace", "early"] | None:
        """Whether the far end has ended it: as the protocol says, or in the middle."""

    def pace(self, rate_bps: float) -> None:
        """Send no more TCP payload than this, in bits per second, from now on; what is no bulk does not wait."""

    def finish(self, reason: str) -> None:
        """Send no more, and say goodbye where the protocol has a word for it."""

    def close(self) -> None:
        """Close the connection; what is unsent is thrown away, off the line."""


class FarCount(Struct, frozen=True, kw_only=True):
    """What the far end says of an upload's connection, on its own clock.

    ``wire_bytes`` is what it has read of the TCP stream; ``kernel`` what its kernel has received, None where it does
    not say.
    """

    clock_s: float
    wire_bytes: int
    kernel: Arrived | None = None


Heard = Callable[[Lane, FarCount, float], None]
"""Takes what the far end said of a lane and when it came; raises TransferError where it cannot be true."""


class Engine(Protocol):
    """One direction of a test in some protocol.

    Attributes:
        most_lanes: how many connections the protocol allows.
        tells_count: whether the far end says during an upload how much it has received.
    """

    most_lanes: int
    tells_count: bool

    @property
    def rtt_s(self) -> float:
        """The shortest TCP handshake of its connections so far, in seconds."""

    def open(self) -> Lane:
        """Open one connection, ready to transfer; blocks, and is called from several threads.

        Raises:
            TransferError: it cannot be opened.
        """

    def begin(self, lane: Lane, heard: Heard) -> None:
        """Set the lane to work, in the measuring thread; ``heard`` takes what the far end says of an upload."""

    def tick(self, now: float) -> None:
        """Say what the protocol has to say meanwhile."""

    def server_limited(self) -> bool:
        """Tell whether the far end says that it was itself the limit; False where it does not say."""
