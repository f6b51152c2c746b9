"""UDP at a constant rate, and what of it arrives; downloads by TCP, as fast as they go.

``python -m tests.lab.traffic send HOST PORT BPS`` sends packets of 1500 bytes (IP), ``... count PORT`` counts them.
``... give PORT`` is a server of endless downloads, ``... take HOST PORT NUMBER`` has so many at once.
All print ``ready``, work until standard input closes, then print one JSON line (``Sent``, ``Arrived``).
"""

import select
import socket
import struct
import sys
import threading
import time
from contextlib import suppress

import msgspec

MTU = 1500
_PIECE = bytes(65_536)
_STEP_S = 0.001
_SERIES_NS = 10**8
_TIMESTAMPS = 35  # SO_TIMESTAMPNS in asm-generic/socket.h
_TIMESPEC = struct.Struct("@qq")
_SAID_BYTES = socket.CMSG_SPACE(_TIMESPEC.size)
# More than a shaped interface of 1 Gbit/s keeps waiting, so that a sender is not slowed by its own queue.
_BUFFER_BYTES = 1 << 24
_FORCED = {socket.SO_SNDBUF: 32, socket.SO_RCVBUF: 33}  # SO_SNDBUFFORCE, SO_RCVBUFFORCE in asm-generic/socket.h


class Sent(msgspec.Struct, frozen=True):
    """What the sender handed to its interface, in bytes of IP packets."""

    packets: int
    bytes: int


class Arrived(msgspec.Struct, frozen=True):
    """What came: ``over_s`` is from the first to the last packet, ``series`` the bytes at every tenth of a second."""

    packets: int
    bytes: int
    over_s: float
    series: tuple[int, ...]

    @property
    def ip_bps(self) -> float:
        """The rate between the first packet and the last, at the IP layer."""
        return (self.bytes - MTU) * 8 / self.over_s


def _ended() -> bool:
    return bool(select.select((sys.stdin,), (), (), 0)[0])


def _widen(udp: socket.socket, buffer: int) -> None:
    """Ask for a large buffer; only root gets it beyond the system's limit."""
    try:
        udp.setsockopt(socket.SOL_SOCKET, _FORCED[buffer], _BUFFER_BYTES)
    except PermissionError:
        udp.setsockopt(socket.SOL_SOCKET, buffer, _BUFFER_BYTES)


def send(host: str, port: int, rate_bps: float) -> Sent:
    """Send until told to end, at this rate by the clock: a late step is made up for in the next."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    payload = bytes(MTU - (48 if family == socket.AF_INET6 else 28))
    packets, started = 0, time.monotonic()
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        _widen(udp, socket.SO_SNDBUF)
        udp.connect((host, port))
        while not _ended():
            due = int((time.monotonic() - started) * rate_bps / (8 * MTU))
            while packets < due:
                udp.send(payload)
                packets += 1
            time.sleep(max(_STEP_S, (packets + 1) * 8 * MTU / rate_bps - (time.monotonic() - started)))
    return Sent(packets, packets * MTU)


def count(udp: socket.socket) -> Arrived:
    """Count ``send``'s packets until told to end, by the kernel's time of arrival: this process may be late."""
    udp.setsockopt(socket.SOL_SOCKET, _TIMESTAMPS, 1)
    packets, first_ns, last_ns, series = 0, 0, 0, []
    while sys.stdin not in (ready := select.select((udp, sys.stdin), (), ())[0]):
        if udp in ready:
            _, said, _, _ = udp.recvmsg(MTU, _SAID_BYTES)
            seconds, nanoseconds = _TIMESPEC.unpack(said[0][2])
            last_ns = seconds * 10**9 + nanoseconds
            first_ns = first_ns or last_ns
            series += [packets * MTU] * ((last_ns - first_ns) // _SERIES_NS - len(series))
            packets += 1
    return Arrived(packets, packets * MTU, (last_ns - first_ns) / 1e9, tuple(series))


def give(port: int) -> None:
    """Send to everybody who connects, without end."""
    server = socket.create_server(("", port), backlog=64)

    def feed(taker: socket.socket) -> None:
        with taker, suppress(OSError):
            while True:
                taker.sendall(_PIECE)

    def accept() -> None:
        while True:
            threading.Thread(target=feed, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def take(host: str, port: int, number: int) -> None:
    """Have so many downloads at once, without end."""

    def eat(giver: socket.socket) -> None:
        while giver.recv(len(_PIECE)):
            pass

    for _ in range(number):
        threading.Thread(target=eat, args=(socket.create_connection((host, port)),), daemon=True).start()


def main() -> None:
    """Do what the arguments say."""
    role, *rest = sys.argv[1:]
    if role in {"give", "take"}:
        give(int(rest[0])) if role == "give" else take(rest[0], int(rest[1]), int(rest[2]))
        print("ready", flush=True)  # noqa: T201
        sys.stdin.read()
        return
    if role == "send":
        print("ready", flush=True)  # noqa: T201
        result = send(rest[0], int(rest[1]), float(rest[2]))
    else:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp:
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            _widen(udp, socket.SO_RCVBUF)
            udp.bind(("::", int(rest[0])))
            print("ready", flush=True)  # noqa: T201
            result = count(udp)
    print(msgspec.json.encode(result).decode())  # noqa: T201


if __name__ == "__main__":
    main()
