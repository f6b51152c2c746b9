"""An operator's line between two TUN devices: rate, delay, queue, loss and a boost, each direction on its own.

Run as ``python -m tests.lab.emulator`` in the router's namespace. It makes the devices ``wan`` and ``far`` there (the
caller moves ``far`` to the server; with the argument ``ethernet`` they carry whole frames, as a cable does), prints
``ready``, and obeys JSON lines on standard input (``Command``), each answered by a line of ``Counts``. It ends when
standard input closes. Each direction has a process to itself.

Why its rate is the truth: when a packet leaves is computed, not waited for. Departures follow a virtual clock, so a
late wake-up makes single packets late (which is counted) but changes no rate; only a wake-up later than the queue is
long could, or packets that the kernel had to drop before they were read. ``Passed.distrust`` tells of both.
"""

import fcntl
import gc
import mmap
import os
import random
import select
import signal
import socket
import struct
import sys
import time
from collections import deque
from itertools import accumulate

import msgspec

from tests.lab.shape import Command, Counts, Passed, Shape

NEAR, FAR = "wan", "far"
_TUNSETIFF = 0x400454CA  # linux/if_tun.h
_IFF_TUN, _IFF_TAP, _IFF_NO_PI = 0x0001, 0x0002, 0x1000
# After a pass that moved something it sleeps this long, as network cards do (interrupt moderation): at 25,000 packets a
# second, a wake-up for each would cost more than the packets themselves.
_NAP_S = 0.0002
_BATCH = 64
_TOTALS = struct.Struct("=8q")
_BINS, _BIN_S = 20_000, 0.00005  # up to a second: longer than any queue here, so that no wake-up is too late to be told
_ANSWERS_WITHIN_S = 10


class _Tally:
    """Counts in shared memory: the totals, then packets by how late they were. One process writes, another reads."""

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, _TOTALS.size + 8 * _BINS)
        self.bins = memoryview(self.memory)[_TOTALS.size :].cast("q")

    def clear(self) -> None:
        self.memory[:] = bytes(len(self.memory))

    def read(self) -> Passed:
        """Return what was counted. Lateness is the end of its bin, never less than it was (up to a second)."""
        ranks = list(accumulate(self.bins))
        late = [
            next(index for index, rank in enumerate([0, *ranks]) if rank >= share * ranks[-1]) * _BIN_S * 1000
            for share in (0.5, 0.99, 1.0)
        ]
        *totals, cpu_ns = _TOTALS.unpack_from(self.memory)
        return Passed(*totals, *late, cpu_ns / 1e9)


class _Direction:
    """The process that carries one direction, and the socket over which it is told its shape."""

    def __init__(self, source: int, sink: int) -> None:
        self._tally = _Tally()
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._orders.settimeout(_ANSWERS_WITHIN_S)
        if os.fork() == 0:
            self._orders.close()
            _obey(source, sink, theirs, self._tally)
            os._exit(0)
        theirs.close()

    def shape(self, shape: Shape) -> None:
        self._orders.send(msgspec.json.encode(shape))
        if not self._orders.recv(16):
            raise OSError("a direction of the emulator has ended")

    def count(self) -> Passed:
        return self._tally.read()


def _obey(source: int, sink: int, orders: socket.socket, tally: _Tally) -> None:
    """Carry packets as told until the other end of ``orders`` closes."""
    gc.disable()  # nothing here is cyclic, and a collection would make packets late
    _hurry()
    while order := orders.recv(4096):
        while _read(source) is not None:
            pass  # what still waited belonged to the line before
        tally.clear()
        shape = msgspec.json.decode(order, type=Shape)
        orders.send(b"done")
        _carry((source, sink, orders.fileno()), shape, tally)


def _hurry() -> None:
    """Go first where we may: a real link does not wait for this machine's CPU either."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        return  # in a user namespace; how late it is gets counted all the same


def _read(source: int) -> bytes | None:
    try:
        return os.read(source, 2048)
    except BlockingIOError:
        return None


def _carry(ends: tuple[int, int, int], shape: Shape, tally: _Tally) -> None:  # noqa: C901
    """Carry packets until there is a new order.

    One long function on purpose: at 37,000 packets a second there is no time for calls.
    """
    source, sink, orders = ends
    totals, used_ns, used_before = tally.memory, time.process_time_ns, time.process_time_ns()
    clock, read, write, wait, bins = time.monotonic, os.read, os.write, select.select, tally.bins
    rate_s, delay_s, limit = 8 / shape.rate_bps, shape.delay_ms / 1000, shape.queue_bytes
    peak_s, depth_s = 8 / (shape.peak_bps or shape.rate_bps), shape.burst_bytes * 8 / shape.rate_bps
    loss, pauses, pause_s = shape.loss_ratio, shape.pause_ratio, shape.pause_ms / 1000
    chance = random.Random(shape.seed).random  # noqa: S311 (repeatable, not secret)
    waiting, travelling, queued = deque(), deque(), 0
    last = tokens_at = float("-inf")  # the last departure, and the time at which the bucket has paid for it
    packets_in = bytes_in = packets_out = bytes_out = queue_drops = loss_drops = longest = 0
    while True:
        now, moved, before = clock(), 0, packets_in
        while waiting and waiting[0][0] <= now:
            queued -= waiting.popleft()[1]
        if travelling and travelling[0][0] <= now:
            late = now - travelling[0][0]
            while travelling and travelling[0][0] <= now:
                bytes_out += write(sink, travelling.popleft()[1])
                moved += 1
            packets_out += moved
            bins[min(int(late / _BIN_S), _BINS - 1)] += moved  # all that left together count as late as the first
        try:
            for _ in range(_BATCH):
                packet = read(source, 2048)
                size = len(packet)
                packets_in += 1
                bytes_in += size
                longest = max(longest, size)
                if loss and chance() < loss:
                    loss_drops += 1
                elif queued + size > limit:
                    queue_drops += 1
                else:
                    start = max(last, now) + (chance() * pause_s if pauses and chance() < pauses else 0.0)
                    tokens_at = max(tokens_at, start - depth_s) + size * rate_s
                    last = max(tokens_at, start + size * peak_s)
                    queued += size
                    waiting.append((last, size))
                    travelling.append((last + delay_s, packet))
        except BlockingIOError:
            pass  # all read
        if moved or packets_in != before:
            passed = (packets_in, bytes_in, packets_out, bytes_out, queue_drops, loss_drops, longest)
            _TOTALS.pack_into(totals, 0, *passed, used_ns() - used_before)
            ready = wait((orders,), (), (), _NAP_S)[0]
        else:
            pause = max(0.0, travelling[0][0] - clock()) if travelling else None
            ready = wait((source, orders), (), (), pause)[0]
        if orders in ready:
            return


def _device(name: str, kind: int) -> int:
    """Make a device without offloads: the kernel hands over single packets, however large its segments are."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), kind | _IFF_NO_PI))
    return descriptor


def main() -> None:
    """Run both directions until standard input closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the test; its end closes standard input
    kind = _IFF_TAP if sys.argv[1:] == ["ethernet"] else _IFF_TUN
    near, far = _device(NEAR, kind), _device(FAR, kind)
    download, upload = _Direction(far, near), _Direction(near, far)
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        command = msgspec.json.decode(line, type=Command)
        for direction, shape in ((download, command.download), (upload, command.upload)):
            if shape is not None:
                direction.shape(shape)
        counts = Counts(download.count(), upload.count())
        print(msgspec.json.encode(counts).decode(), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
