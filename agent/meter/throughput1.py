"""M-Lab MSAK's throughput1 protocol: the numbers and the messages that client and server both go by.

Source: m-lab/msak, pkg/throughput1/spec and pkg/throughput1/model. Key names are the protocol's, not ours.
"""

import random
import socket
import uuid
from contextlib import suppress
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from agent.host import tcp_info
from agent.host.tcp_info import Arrived, TcpInfo
from agent.meter import dial
from agent.meter.errors import TransferError
from agent.meter.lane import FarCount
from agent.meter.stream import Stream

DOWNLOAD_PATH = "/throughput/v1/download"
UPLOAD_PATH = "/throughput/v1/upload"
SUBPROTOCOL = "net.measurementlab.throughput.v1"
DEFAULT_DURATION_MS = 5_000
MAX_DURATION_MS = 25_000
REPORT_PARAMETER = "netready_report_ms"  # ours: report at multiples of this, all streams at the same moments
MIN_REPORT_MS, MAX_REPORT_MS = 50, 1000
PACE_PARAMETER = "netready_pace_bps"  # ours: the sender's pace for one stream; other servers record and ignore it
MIN_MESSAGE_BYTES = 1 << 10
MAX_MESSAGE_BYTES = 1 << 20
SCALING_FRACTION = 16
MIN_INTERVAL_S, MEAN_INTERVAL_S, MAX_INTERVAL_S = 0.1, 0.25, 0.4
CONGESTION_CONTROLS = frozenset({"bbr", "cubic", "reno"})

_LEAST_ELAPSED_US, _LIMITED_SHARE = 500_000, 0.2
_Bytes = Annotated[int, Meta(ge=0, le=2**53)]


class ByteCounters(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="pascal"):
    """Bytes that one end sent and received."""

    bytes_sent: _Bytes = 0
    bytes_received: _Bytes = 0


class Measurement(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One text message: what its sender counted so far. Only the first of a stream carries the four names.

    ``elapsed_us`` is the sender's own clock since the stream's start, in microseconds.
    """

    cc: str = msgspec.field(default="", name="CC")
    uuid: str = msgspec.field(default="", name="UUID")
    local_address: str = msgspec.field(default="", name="LocalAddr")
    remote_address: str = msgspec.field(default="", name="RemoteAddr")
    application: ByteCounters = msgspec.field(default=ByteCounters(), name="Application")
    network: ByteCounters = msgspec.field(default=ByteCounters(), name="Network")
    elapsed_us: Annotated[int, Meta(ge=0, le=2**53)] = msgspec.field(default=0, name="ElapsedTime")
    tcp_info: TcpInfo | None = msgspec.field(default=None, name="TCPInfo")


class Kernel(Struct, frozen=True):
    """What a far end's kernel counted, where it says so (Linux)."""

    bytes_received: _Bytes | None = msgspec.field(default=None, name="BytesReceived")
    data_segs_in: _Bytes | None = msgspec.field(default=None, name="DataSegsIn")
    rcv_mss: _Bytes = msgspec.field(default=0, name="RcvMSS")
    elapsed_time: _Bytes = msgspec.field(default=0, name="ElapsedTime")
    busy_time: _Bytes = msgspec.field(default=0, name="BusyTime")
    sndbuf_limited: _Bytes = msgspec.field(default=0, name="SndBufLimited")

    def arrived(self) -> Arrived | None:
        """Return both counts; None where one is missing."""
        if self.bytes_received is None or self.data_segs_in is None:
            return None
        return Arrived(self.bytes_received, self.data_segs_in, self.rcv_mss)


class _Received(Struct, frozen=True):
    """The few facts that a client needs of a server's message; the rest may be of any server's making."""

    application: ByteCounters = msgspec.field(default=ByteCounters(), name="Application")
    network: ByteCounters = msgspec.field(default=ByteCounters(), name="Network")
    elapsed_us: Annotated[int, Meta(ge=0, le=2**53)] = msgspec.field(default=0, name="ElapsedTime")
    tcp_info: Kernel | None = msgspec.field(default=None, name="TCPInfo")


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Received)


def encode(measurement: Measurement) -> bytes:
    """Return the text message."""
    return _encoder.encode(measurement)


def received(text: bytes) -> FarCount:
    """Read from a server's message what it had received and when on its clock.

    Its count of the TCP stream is preferred to that of messages, which it makes only when they are whole.

    Raises:
        TransferError: it is not a measurement message (protocol_error).
    """
    try:
        message = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = f"the far end sent a text that is not a measurement: {error}"
        raise TransferError("protocol_error", reason) from error
    return FarCount(
        clock_s=message.elapsed_us / 1e6,
        wire_bytes=message.network.bytes_received or message.application.bytes_received,
        kernel=None if message.tcp_info is None else message.tcp_info.arrived(),
    )


def sender_was_limited(text: bytes) -> bool:
    """Tell from a sender's last message whether it, and not the line, was the limit; False where it does not say.

    It was if for a fifth of the time it had nothing under way, or its own send buffer was full.
    """
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        told = _decoder.decode(text).tcp_info
        if told is not None and told.elapsed_time >= _LEAST_ELAPSED_US and told.busy_time > 0:
            idle_us = told.elapsed_time - told.busy_time
            return max(idle_us, told.sndbuf_limited) > _LIMITED_SHARE * told.elapsed_time
    return False


class MessageSizes:
    """The sizes of a stream's binary messages: doubled as soon as one is a sixteenth of what was sent before it.

    ``largest`` may be below the protocol's: a server counts whole messages, so small ones are counted more evenly.
    """

    def __init__(
        self, *, smallest: int = MIN_MESSAGE_BYTES, largest: int = MAX_MESSAGE_BYTES, limit: int | None = None
    ) -> None:
        """Begin with the smallest; never give out more than ``limit`` bytes in all."""
        self.given = 0
        self._size = smallest
        self._largest = largest
        self._limit = limit

    def __call__(self) -> int | None:
        """Return the size of the next message, None once the limit is reached."""
        size = self._size if self._limit is None else min(self._size, self._limit - self.given)
        if size <= 0:
            return None
        self.given += size
        if self._size < self._largest and self._size <= self.given / SCALING_FRACTION:
            self._size *= 2
        return size


def next_interval_s(rng: random.Random) -> float:
    """Draw the pause before the next measurement message: memoryless, within the protocol's bounds."""
    return min(MAX_INTERVAL_S, max(MIN_INTERVAL_S, rng.expovariate(1 / MEAN_INTERVAL_S)))


class Reporter:
    """Sends the measurement messages of one end of one stream, on the protocol's random schedule or a fixed one."""

    def __init__(self, stream: Stream, began: float, *, with_tcp_info: bool, period_s: float | None = None) -> None:
        """Report on the stream since ``began``; the kernel's view makes a message longer, so it can be left out.

        With a period, at its multiples on the system's clock: the streams of a test then report on the same moments,
        and their counts add up to what the line carried until then, however unevenly they share it.
        """
        self._stream = stream
        self._began = began
        self._with_tcp_info = with_tcp_info
        self._first = True
        self._rng = random.Random()  # noqa: S311 - a schedule, no secret
        self._period_s = period_s
        self._due = self._after(began)

    def tick(self, now: float) -> None:
        """Send a message if one is due."""
        if now >= self._due:
            self.send(now)
            self._due = self._after(now)

    def _after(self, now: float) -> float:
        if self._period_s is None:
            return now + next_interval_s(self._rng)
        return self._period_s * (int(now / self._period_s + 1e-6) + 1)

    def send(self, now: float) -> None:
        """Send a message now."""
        self._stream.send_text(encode(self._measure(now)))
        self._first = False

    def _measure(self, now: float) -> Measurement:
        stream, elapsed_us = self._stream, int((now - self._began) * 1e6)
        return Measurement(
            **(_names(stream.sock) if self._first else {}),
            application=ByteCounters(bytes_sent=stream.payload_sent, bytes_received=stream.payload_received),
            network=ByteCounters(bytes_sent=stream.wire_sent, bytes_received=stream.wire_received),
            elapsed_us=elapsed_us,
            tcp_info=tcp_info.read(stream.sock, elapsed_us) if self._with_tcp_info else None,
        )


def _names(sock: socket.socket) -> dict[str, str]:
    """Return what the first message of a stream says once; nothing of a connection that is already gone."""
    try:
        local, remote = sock.getsockname(), sock.getpeername()
    except OSError:
        return {}
    return {
        "cc": tcp_info.congestion_control(sock) or "",
        "uuid": str(uuid.uuid4()),
        "local_address": dial.authority(local[0], local[1]),
        "remote_address": dial.authority(remote[0], remote[1]),
    }
