"""M-Lab's ndt7 protocol: the numbers and the messages that client and server both go by.

Source: m-lab/ndt-server, spec/ndt7-protocol.md, v0.11.0, and ndt7/spec/spec.go. Key names are the protocol's, not ours.
"""

import random
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from agent.host.tcp_info import TcpInfo
from agent.meter.errors import TransferError
from agent.meter.lane import FarCount
from agent.meter.throughput1 import Kernel

DOWNLOAD_PATH = "/ndt/v7/download"
UPLOAD_PATH = "/ndt/v7/upload"
SUBPROTOCOL = "net.measurementlab.ndt.v7"
DURATION_S = 10.0
MAX_DURATION_S = 15.0  # the reference server cuts the connection then
MIN_MESSAGE_BYTES = 1 << 13  # what a sender begins with; any from 1 << 10 to 1 << 24 is taken
MAX_MESSAGE_BYTES = 1 << 20
MIN_INTERVAL_S, MEAN_INTERVAL_S, MAX_INTERVAL_S = 0.025, 0.25, 0.625
EARLY_EXIT_MB = 250  # the only limit that may be asked for

_UNCOUNTED_BYTES = 65_536  # at most: a kernel counts the opening of the connection too, and a TLS record not yet whole

_Count = Annotated[int, Meta(ge=0, le=2**53)]


class AppInfo(Struct, frozen=True, kw_only=True):
    """What an end counted: binary payload since the start of the test, and its own clock in microseconds."""

    elapsed_us: _Count = msgspec.field(name="ElapsedTime")
    num_bytes: _Count = msgspec.field(name="NumBytes")


class ConnectionInfo(Struct, frozen=True, kw_only=True, rename="pascal"):
    """Who talks to whom, as the server sees it."""

    client: str
    server: str
    start_time: datetime


class Measurement(Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """One text message. A server says in each to whom it talks; TCP_INFO only where the system has it."""

    app_info: AppInfo
    origin: Literal["client", "server"]
    test: Literal["download", "upload"]
    connection_info: ConnectionInfo | None = None
    tcp_info: TcpInfo | None = msgspec.field(default=None, name="TCPInfo")


class _Received(Struct, frozen=True):
    """The few facts that a client needs of a server's message; the rest may be of any server's making."""

    app_info: AppInfo | None = msgspec.field(default=None, name="AppInfo")
    tcp_info: Kernel | None = msgspec.field(default=None, name="TCPInfo")


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Received)


def encode(measurement: Measurement) -> bytes:
    """Return the text message."""
    return _encoder.encode(measurement)


def received(text: bytes, sent_bytes: int) -> FarCount | None:
    """Read from a server's message what it had received of ``sent_bytes`` and when; None where it does not say.

    Its kernel's count is preferred: M-Lab's servers give no other, and it does not wait for messages to be whole.

    Raises:
        TransferError: it is not a measurement message (protocol_error).
    """
    try:
        message = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        reason = f"the far end sent a text that is not a measurement: {error}"
        raise TransferError("protocol_error", reason) from error
    kernel, app = message.tcp_info, message.app_info
    if kernel is not None and kernel.bytes_received is not None and kernel.elapsed_time > 0:
        counted = kernel.bytes_received
        counted = min(counted, sent_bytes) if counted <= sent_bytes + _UNCOUNTED_BYTES else counted
        return FarCount(clock_s=kernel.elapsed_time / 1e6, wire_bytes=counted, kernel=kernel.arrived())
    return None if app is None else FarCount(clock_s=app.elapsed_us / 1e6, wire_bytes=app.num_bytes)


def next_interval_s(rng: random.Random) -> float:
    """Draw the pause before the next measurement message: memoryless, within the protocol's bounds."""
    return min(MAX_INTERVAL_S, max(MIN_INTERVAL_S, rng.expovariate(1 / MEAN_INTERVAL_S)))
