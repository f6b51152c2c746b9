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
from typing import Annotated

from msgspec import Meta, Struct

from agent.meter.lane import Way
from agent.meter.series import Curve

REQUEST, ANSWER = b"NRq1", b"NRa1"
NONCE_PATH = "/netready/v1/echo"  # of a reflector: hands out nonces for its UDP port
NONCE_BYTES = 16
_LAYOUT = struct.Struct(f"!4s8sI{NONCE_BYTES}s")  # word, session, sequence, nonce; zeros where none is needed
DATAGRAM_BYTES = _LAYOUT.size
_MOST_AT_ONCE = 256  # a far end that floods us with datagrams does not keep the test from its other work
_FEW = 5
_GRACE_S = 2.0  # how long the last echo may take


class Nonce(Struct, frozen=True, kw_only=True):
    """What a reflector hands out over TCP for echoes from the address that asked (in hex), for so long at least.

    ``needed``: without it there is no answer.
    """

    nonce: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
    needed: bool = False
    seconds: float = 0.0


def request(session: bytes, sequence: int, nonce: bytes = b"") -> bytes:
    """Return the request with this number."""
    return _LAYOUT.pack(REQUEST, session, sequence, nonce)


def nonce_of(datagram: bytes) -> bytes:
    """Return the nonce that a request carries."""
    return datagram[-NONCE_BYTES:]


def answer(datagram: bytes) -> bytes | None:
    """Return the answer to a request, as long as it; None for anything else."""
    if len(datagram) != DATAGRAM_BYTES or not datagram.startswith(REQUEST):
        return None
    return ANSWER + datagram[len(ANSWER) :]


def answered(datagram: bytes, session: bytes) -> int | None:
    """Return the number that an answer of this session answers; None for anything else."""
    if len(datagram) != DATAGRAM_BYTES:
        return None
    word, its_session, sequence, _nonce = _LAYOUT.unpack(datagram)
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


def run_train(sock: socket.socket, count: int, interval_s: float, deadline: float, nonce: bytes = b"") -> Train:
    """Send echoes over a connected UDP socket, each at its own time whether or not earlier ones came back.

    So a slow echo delays none behind it, and a bad moment shows in as many echoes as it lasted (no coordinated
    omission). The deadline (``time.monotonic``) is kept by sending fewer.
    """
    sock.setblocking(False)
    runner = _Runner(sock, nonce)
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
    def __init__(self, sock: socket.socket, nonce: bytes) -> None:
        self._sock = sock
        self._nonce = nonce
        self._session = os.urandom(8)
        self.sent_at: list[float] = []
        self.back: dict[int, float] = {}
        self.refused = False

    def send(self) -> None:
        self.sent_at.append(time.monotonic())
        try:
            self._sock.send(request(self._session, len(self.sent_at) - 1, self._nonce))
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


class Echoes(Struct, frozen=True, kw_only=True):
    """What echoes sent within some time showed: ``lost`` never came back; of those read too late only that counts."""

    sent: int
    lost: int
    rtts_s: list[float]


class Rounds:
    """When echoes were sent and how long their round trips took; times are those of time.monotonic.

    Attributes:
        protocol: how they travel; "udp-echo" can be lost, "http" is sent again by TCP.
    """

    protocol: str
    wants_write = False

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.ended = False
        self._sent_at: list[float] = []
        self._rtts_s: dict[int, float | None] = {}
        self._curves: dict[Way, Curve] = {"upload": Curve(), "download": Curve()}

    def fileno(self) -> int:
        """Return the socket's descriptor for the selector."""
        return self.sock.fileno()

    def tick(self, now: float) -> None:
        """Send an echo if one is due."""
        raise NotImplementedError

    def readable(self, now: float) -> None:
        """Take the answers that have arrived."""
        self._take(now)

    def writable(self, now: float) -> None:
        """Nothing waits to be sent."""

    def catch_up(self) -> None:
        """Take answers that waited while nobody read: they came back, but nobody knows when."""
        self._take(None)

    def _take(self, now: float | None) -> None:
        raise NotImplementedError

    def _note(self, now: float, sent_bytes: int, received_bytes: int) -> None:
        self._curves["upload"].add(now, sent_bytes)
        self._curves["download"].add(now, received_bytes)

    @property
    def all_back(self) -> bool:
        """Whether every echo has come back."""
        return len(self._rtts_s) == len(self._sent_at)

    @property
    def latest_s(self) -> float:
        """The longest of the last few round trips; 0 without any."""
        return max((rtt for rtt in list(self._rtts_s.values())[-_FEW:] if rtt is not None), default=0.0)

    def ip_curve(self, way: Way) -> Curve:
        """Return the IP-layer bytes of the echoes over time: they too were on the line."""
        return self._curves[way]

    def between(self, begin: float, end: float) -> Echoes:
        """Return what the echoes sent between begin and end showed."""
        chosen = [index for index, sent in enumerate(self._sent_at) if begin <= sent <= end]
        rtts = [rtt for index in chosen if (rtt := self._rtts_s.get(index)) is not None]
        return Echoes(sent=len(chosen), lost=sum(index not in self._rtts_s for index in chosen), rtts_s=rtts)

    def loaded(self, begin: float, end: float) -> Echoes:
        """Return what those between begin and end showed whose answers had the time to come before the end."""
        latest = max((rtt for rtt in self.between(begin, end).rtts_s), default=0.0)
        return self.between(begin, end - 1.2 * latest)

    def close(self) -> None:
        """Close the socket."""
        self.ended = True
        self.sock.close()


class EchoStream(Rounds):
    """UDP echoes on a fixed schedule beside a test, as a transfer of its loop.

    Each is sent at its own time whether or not earlier ones came back, so that a full queue delays none behind it. It
    ends where the far end's computer says, before any has come back, that nobody listens there.
    """

    protocol = "udp-echo"

    def __init__(self, sock: socket.socket, interval_s: float, nonce: bytes = b"") -> None:
        """Send over a connected UDP socket."""
        super().__init__(sock)
        self._nonce = nonce
        self._interval_s = interval_s
        self._session = os.urandom(8)
        self._due = 0.0
        self._datagram_bytes = DATAGRAM_BYTES + (28 if sock.family == socket.AF_INET else 48)  # with UDP and IP headers

    def tick(self, now: float) -> None:
        self._note(now, len(self._sent_at) * self._datagram_bytes, len(self._rtts_s) * self._datagram_bytes)
        if now < self._due or self.ended:
            return
        self._due = max(self._due + self._interval_s, now + self._interval_s / 2)
        self._sent_at.append(now)
        try:
            self.sock.send(request(self._session, len(self._sent_at) - 1, self._nonce))
        except OSError as error:  # no buffer, no route for a moment, or a refusal: it is lost, and is counted so
            self._failed(error)

    def _take(self, now: float | None) -> None:
        for _turn in range(_MOST_AT_ONCE):
            try:
                datagram = self.sock.recv(2048)
            except OSError as error:
                self._failed(error)
                return
            sequence = answered(datagram, self._session)
            if sequence is not None and sequence < len(self._sent_at) and sequence not in self._rtts_s:
                self._rtts_s[sequence] = None if now is None else now - self._sent_at[sequence]

    def _failed(self, error: OSError) -> None:
        self.ended = self.ended or (isinstance(error, ConnectionError) and not self._rtts_s)
