"""What the kernel knows of a TCP connection: TCP_INFO, congestion control, segment size; None where it is silent."""

import contextlib
import os
import socket
import struct
import sys

import msgspec
from msgspec import Struct

# Linux, include/uapi/linux/tcp.h. Fields are only ever added at the end, so that offsets stay.
_FIELDS = {
    "snd_mss": ("I", 16),
    "rcv_mss": ("I", 20),
    "rtt": ("I", 68),
    "rtt_var": ("I", 72),
    "snd_cwnd": ("I", 80),
    "total_retrans": ("I", 100),
    "pacing_rate": ("q", 104),  # all ones, "no limit", reads as -1 as in M-Lab's data
    "bytes_acked": ("Q", 120),
    "bytes_received": ("Q", 128),
    "min_rtt": ("I", 148),
    "data_segs_in": ("I", 152),
    "delivery_rate": ("Q", 160),
    "busy_time": ("Q", 168),
    "rwnd_limited": ("Q", 176),
    "sndbuf_limited": ("Q", 184),
    "bytes_sent": ("Q", 200),
    "bytes_retrans": ("Q", 208),
}
_NO_LINGER = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)  # struct linger: on, for 0 s
_SO_MAX_PACING_RATE = 47  # include/uapi/asm-generic/socket.h; Python has no name for it
_NEEDED_BYTES = 216  # up to bytes_retrans: Linux 4.19 and later
_ASKED_BYTES = 512
_BYTES, _COUNT = struct.Struct("=Q"), struct.Struct("=I")


class TcpInfo(Struct, frozen=True, kw_only=True):
    """The fields of struct tcp_info that say something about the path, under the names of M-Lab's JSON.

    Times are in microseconds, rates in bytes per second. ``elapsed_us`` is ours: since the stream began.
    """

    snd_mss: int = msgspec.field(name="SndMSS")
    rcv_mss: int = msgspec.field(name="RcvMSS")
    rtt: int = msgspec.field(name="RTT")
    rtt_var: int = msgspec.field(name="RTTVar")
    snd_cwnd: int = msgspec.field(name="SndCwnd")
    total_retrans: int = msgspec.field(name="TotalRetrans")
    pacing_rate: int = msgspec.field(name="PacingRate")
    bytes_acked: int = msgspec.field(name="BytesAcked")
    bytes_received: int = msgspec.field(name="BytesReceived")
    min_rtt: int = msgspec.field(name="MinRTT")
    data_segs_in: int = msgspec.field(name="DataSegsIn")
    delivery_rate: int = msgspec.field(name="DeliveryRate")
    busy_time: int = msgspec.field(name="BusyTime")
    rwnd_limited: int = msgspec.field(name="RWndLimited")
    sndbuf_limited: int = msgspec.field(name="SndBufLimited")
    bytes_sent: int = msgspec.field(name="BytesSent")
    bytes_retrans: int = msgspec.field(name="BytesRetrans")
    elapsed_us: int = msgspec.field(name="ElapsedTime", default=0)


def decode(raw: bytes, elapsed_us: int = 0) -> TcpInfo | None:
    """Decode a struct tcp_info; None where the kernel is too old to fill all of our fields."""
    if len(raw) < _NEEDED_BYTES:
        return None
    values = {name: struct.unpack_from(f"={kind}", raw, offset)[0] for name, (kind, offset) in _FIELDS.items()}
    return TcpInfo(**values, elapsed_us=elapsed_us)


def read(sock: socket.socket, elapsed_us: int = 0) -> TcpInfo | None:
    """Return what the kernel knows of the connection; None on other systems than Linux, or once it is gone."""
    if sys.platform != "linux":
        return None
    with contextlib.suppress(OSError):
        return decode(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ASKED_BYTES), elapsed_us)
    return None


def is_told() -> bool:
    """Tell whether this system says what its TCP connections do."""
    return sys.platform == "linux"


class Arrived(Struct, frozen=True):
    """What the kernel has received on a connection: bytes in order, data segments in any order, what a full one holds.

    Every segment that crossed the line counts: their number does not wait for a lost one to be sent again, as the bytes
    in order do.
    """

    in_order_bytes: int
    segments: int
    segment_bytes: int


def arrived(sock: socket.socket) -> Arrived | None:
    """Return what the kernel has received; None on other systems than Linux, or once the connection is gone."""
    raw = _raw(sock)
    if raw is None:
        return None
    return Arrived(_BYTES.unpack_from(raw, 128)[0], _COUNT.unpack_from(raw, 152)[0], _COUNT.unpack_from(raw, 20)[0])


class Sent(Struct, frozen=True):
    """What the kernel has sent: bytes acknowledged in order, segments delivered in any order, bytes with repeats."""

    acked: int
    delivered: int
    with_repeats: int


def sent(sock: socket.socket) -> Sent | None:
    """Return what the kernel has sent; None where the system does not tell."""
    raw = _raw(sock)
    if raw is None:
        return None
    return Sent(_BYTES.unpack_from(raw, 120)[0], _COUNT.unpack_from(raw, 192)[0], _BYTES.unpack_from(raw, 200)[0])


def _raw(sock: socket.socket) -> bytes | None:
    if is_told():
        with contextlib.suppress(OSError):
            raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _NEEDED_BYTES)
            return raw if len(raw) == _NEEDED_BYTES else None
    return None


def segment_bytes(sock: socket.socket) -> int | None:
    """Return the TCP payload of a full segment on this connection, None where the system does not tell.

    Linux has the room for timestamps already taken off.
    """
    option = getattr(socket, "TCP_MAXSEG", None)
    with contextlib.suppress(OSError):
        if option is not None and (size := sock.getsockopt(socket.IPPROTO_TCP, option)) > 0:
            return int(size)
    return None


def congestion_control(sock: socket.socket) -> str | None:
    """Return the name of the sender's congestion control, None where the system does not tell."""
    if sys.platform != "linux":
        return None
    with contextlib.suppress(OSError):
        raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
        return raw.partition(b"\0")[0].decode("ascii", "replace") or None
    return None


def choose_congestion_control(sock: socket.socket, name: str) -> bool:
    """Ask for a congestion control; False where the system lacks or refuses it, and the default goes on."""
    if sys.platform != "linux":
        return False
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, name.encode("ascii"))
        return True
    return False


def pace(sock: socket.socket, rate_bps: float) -> bool:
    """Have the kernel send no more TCP payload than this (SO_MAX_PACING_RATE); False where it cannot."""
    if sys.platform != "linux":
        return False
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, _SO_MAX_PACING_RATE, int(rate_bps / 8))
        return True
    return False


def throw_away_unsent(sock: socket.socket) -> None:
    """Have closing the socket reset the connection: what is unsent then stays off the line (SO_LINGER for 0 s).

    Never raises.
    """
    with contextlib.suppress(OSError):  # macOS refuses (EINVAL) once the connection is gone: nothing is left to send
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)


def keep_unsent_short(sock: socket.socket, limit_bytes: int) -> None:
    """Let the kernel hold only this much that it has not sent yet, where the system can (TCP_NOTSENT_LOWAT)."""
    if sys.platform == "linux":
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, limit_bytes)
