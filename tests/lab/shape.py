"""What an emulated line is told, and what it says it has done."""

import msgspec

MTU = 1500
_LATE_MS = 2.0


class Shape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One direction of a line. All sizes and rates are those of IP packets.

    The queue holds ``queue_ms`` of ``rate_bps`` and drops what does not fit (drop-tail). Loss is random, with a seed,
    and happens before the queue, so that what leaves is still the rate. ``burst_bytes`` is the depth of a token bucket:
    tokens come at ``rate_bps``, and while there are any, packets leave at ``peak_bps``. A full bucket so lets through
    ``burst_bytes`` more than the rate alone would have. As on Wi-Fi, all may have to wait for the air: at one packet
    in ``1 / pause_ratio`` for a random time of at most ``pause_ms``; that lowers the rate.
    """

    rate_bps: float
    delay_ms: float = 0.0
    queue_ms: float = 50.0
    loss_ratio: float = 0.0
    burst_bytes: int = 0
    peak_bps: float | None = None
    pause_ratio: float = 0.0
    pause_ms: float = 0.0
    seed: int = 1

    @property
    def queue_bytes(self) -> int:
        """The most that waits: two packets at least, else nothing could ever be sent back to back."""
        return max(2 * MTU, int(self.rate_bps / 8 * self.queue_ms / 1000))


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to be from now on, with empty queues, full buckets and all counts at zero; without shapes: only count."""

    download: Shape | None = None
    upload: Shape | None = None


class Passed(msgspec.Struct, frozen=True):
    """What one direction has done since it was shaped. ``unread_drops`` were the kernel's, not the line's."""

    packets_in: int
    bytes_in: int
    packets_out: int
    bytes_out: int
    queue_drops: int
    loss_drops: int
    longest_packet: int
    late_median_ms: float
    late_p99_ms: float
    late_worst_ms: float
    cpu_s: float
    unread_drops: int = 0

    def distrust(self, shape: Shape) -> str | None:
        """Return why this direction was not the line it was told to be; None where it was."""
        if self.unread_drops:
            return f"the kernel dropped {self.unread_drops} packets that the emulator had not read in time"
        if self.longest_packet > MTU:
            return f"a packet of {self.longest_packet} bytes came through a line of {MTU}"
        if self.late_worst_ms > shape.queue_ms:
            return f"a packet was {self.late_worst_ms:.1f} ms late, more than the queue of {shape.queue_ms:g} ms covers"
        if self.late_p99_ms > _LATE_MS:
            return f"one packet in 100 was {self.late_p99_ms:.1f} ms late or more"
        return None


class Counts(msgspec.Struct, frozen=True):
    """Both directions' counts."""

    download: Passed
    upload: Passed
