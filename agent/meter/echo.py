"""UDP echo: the 32-byte datagram of both ends, the client's train on a fixed schedule, and its statistics.

Request and answer begin with different words, so that two reflectors never answer each other, and are equally long,
so that nobody is flooded in another's name.
"""

import os
import selectors
import socket
import statistics
import struct
import time
from itertools import pairwise

from msgspec import Struct

REQUEST, ANSWER = b"NRq1", b"NRa1"
_LAYOUT = struct.Struct("!4s8sIQQ")  # word, session, sequence, reserved for the client's clock and the server's
DATAGRAM_BYTES = _LAYOUT.size
_GRACE_S = 2.0  # how long the last echo may take


def request(session: bytes, sequence: int) -> bytes:
    """Return the request with this number."""
    return _LAYOUT.pack(REQUEST, session, sequence, 0, 0)


def answer(datagram: bytes) -> bytes | None:
    """Return the answer to a request, as long as it; None for anything else."""
    if len(datagram) != DATAGRAM_BYTES or not datagram.startswith(REQUEST):
        return None
    return ANSWER + datagram[len(ANSWER) :]


def answered(datagram: bytes, session: bytes) -> int | None:
    """Return the number that an answer of this session answers; None for anything else."""
    if len(datagram) != DATAGRAM_BYTES:
        return None
    word, its_session, sequence, *_clocks = _LAYOUT.unpack(datagram)
    return int(sequence) if word == ANSWER and its_session == session else None


class Statistics(Struct, frozen=True, kw_only=True):
    """What a train showed; times in milliseconds. The 95th percentile is a real round trip (nearest rank)."""

    min_ms: float
    median_ms: float
    p95_ms: float
    jitter_ms: float | None


def summarise(rtts_s: list[float]) -> Statistics:
    """Summarise round trips in the order they were sent; there is at least one."""
    ordered = sorted(rtts_s)
    changes = [abs(after - before) for before, after in pairwise(rtts_s)]
    return Statistics(
        min_ms=_ms(ordered[0]),
        median_ms=_ms(statistics.median(ordered)),
        p95_ms=_ms(ordered[-(-len(ordered) * 95 // 100) - 1]),
        jitter_ms=_ms(statistics.fmean(changes)) if changes else None,
    )


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


class Train(Struct, frozen=True):
    """How many echoes were sent, and the round trips of those that came back, in the order sent.

    ``refused`` tells that the far end's computer said that nothing listens there.
    """

    sent: int
    rtts_s: list[float]
    refused: bool


def run_train(sock: socket.socket, count: int, interval_s: float, deadline: float) -> Train:
    """Send echoes over a connected UDP socket, each at its own time whether or not earlier ones came back.

    So a slow echo delays none behind it, and a bad moment shows in as many echoes as it lasted (no coordinated
    omission). The deadline (``time.monotonic``) is kept by sending fewer.
    """
    sock.setblocking(False)
    runner = _Runner(sock)
    began = time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        for index in range(count):
            due = began + index * interval_s
            if due >= deadline:
                break
            runner.receive_until(due, selector, all_are_enough=False)
            runner.send()
        runner.receive_until(min(deadline, time.monotonic() + _GRACE_S), selector, all_are_enough=True)
    back = [runner.back[sequence] for sequence in sorted(runner.back)]
    return Train(len(runner.sent_at), back, runner.refused)


class _Runner:
    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._session = os.urandom(8)
        self.sent_at: list[float] = []
        self.back: dict[int, float] = {}
        self.refused = False

    def send(self) -> None:
        self.sent_at.append(time.monotonic())
        try:
            self._sock.send(request(self._session, len(self.sent_at) - 1))
        except OSError as error:
            self._note(error)

    def receive_until(self, until: float, selector: selectors.BaseSelector, *, all_are_enough: bool) -> None:
        while (left := until - time.monotonic()) > 0:
            if all_are_enough and len(self.back) == len(self.sent_at):
                return
            if selector.select(left):
                self._receive()

    def _receive(self) -> None:
        try:
            datagram = self._sock.recv(2048)
        except OSError as error:
            self._note(error)
            return
        now = time.monotonic()
        sequence = answered(datagram, self._session)
        if sequence is not None and sequence < len(self.sent_at) and sequence not in self.back:
            self.back[sequence] = now - self.sent_at[sequence]

    def _note(self, error: OSError) -> None:
        """Remember a refusal; any other trouble of a single datagram (no route for a moment, no buffer) is its loss."""
        self.refused = self.refused or isinstance(error, ConnectionError)
