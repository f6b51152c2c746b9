"""Bulk transfer over plain HTTP/1.1: a kept connection that fetches, or sends, one body after the other.

Requests are never pipelined: not every server takes the next one before it has answered the last.
"""

import secrets
import socket
import ssl
import time
from typing import Literal

from msgspec import Struct

from agent.host import tcp_info
from agent.meter import interception, layers, loop, payload
from agent.meter.client import USER_AGENT
from agent.meter.dial import Dialler, Endpoint
from agent.meter.errors import TransferError
from agent.meter.http_answer import Answers
from agent.meter.lane import Way
from agent.meter.pacer import Pacer

BODY_BYTES = 20 << 20  # LibreSpeed's own client sends as much: what a server is sure to take
LEAST_BODY_BYTES = 1 << 20
_MAX_REPLY_BYTES = 64 * 1024
_BUFFER_BYTES = 256 * 1024
_OPENING_BYTES = 16 * 1024
_PIECE_BYTES = 64 * 1024
_WAIT = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_TLS_TURNS = 16  # TLS hands over one record of 16 KiB at a time, a plain socket the whole buffer
_CLOSES = "the far end closes the connection after each answer, and the line is too fast to measure it so"


class Asking(Struct, frozen=True, kw_only=True):
    """What all lanes of a direction have in common.

    ``target`` is path and query, ``within_s`` the time to open each. None of them sends more than ``max_bytes``;
    ``fields`` are further header lines.
    """

    way: Way
    endpoint: Endpoint
    target: str
    context: ssl.SSLContext | None
    within_s: float
    max_bytes: int | None = None
    fields: tuple[str, ...] = ()


def get(endpoint: Endpoint, target: str, *fields: str) -> bytes:
    """Return a request to fetch."""
    return _request("GET", endpoint, target, *fields)


def post(endpoint: Endpoint, target: str, length: int, *fields: str) -> bytes:
    """Return the head of a request to send so many bytes."""
    own = ("Content-Type: application/octet-stream", f"Content-Length: {length}")
    return _request("POST", endpoint, target, *own, *fields)


def _request(method: str, endpoint: Endpoint, target: str, *fields: str) -> bytes:
    usual = endpoint.port == (443 if endpoint.is_secure else 80)
    lines = (
        f"{method} {target} HTTP/1.1",
        f"Host: {endpoint.authority.rpartition(':')[0] if usual else endpoint.authority}",
        f"User-Agent: {USER_AGENT}",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: keep-alive",
        *fields,
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def complaint(answers: Answers, asked: Endpoint) -> TransferError:
    """Return what an answer means that is not what was asked for."""
    encrypted, fields = asked.is_secure, answers.head.fields
    return TransferError(
        *interception.answered(answers.status, fields, answers.kept, host=asked.host, encrypted=encrypted)
    )


class Opener:
    """Opens the lanes of a direction; may be used from several threads."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._dialler = Dialler(asking.endpoint, asking.context)
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))

    @property
    def rtt_s(self) -> float:
        """The shortest TCP handshake so far: a round trip of the line as it was then."""
        return self._dialler.rtt_s

    def open(self) -> "Download | Upload":
        """Open one lane and have its first request answered: a download has begun then, an empty upload is over.

        Raises:
            TransferError: it cannot be opened, or the answer is not what a backend of LibreSpeed answers.
        """
        deadline = time.monotonic() + self._asking.within_s
        lane = self._first_answered(deadline)
        if isinstance(lane, Upload) and not lane.persists:
            lane.close()
            lane = Upload(self._dialler.dial(deadline), self._asking)
        lane.buffer = self._buffer
        return lane

    def _first_answered(self, deadline: float) -> "Download | Upload":
        sock = self._dialler.dial(deadline)
        lane: Download | Upload
        if self._asking.way == "download":
            lane = Download(sock, self._asking)
        else:
            lane = Upload(sock, self._asking)
            lane.post(0)
        try:
            loop.run([lane], lambda now: now < deadline, lambda: lane.is_answered)
        except BaseException:
            lane.close()
            raise
        if lane.is_answered:
            return lane
        lane.close()
        lane.complain()
        raise TransferError("stalled", "connected, but the far end does not answer")


class _HttpLane:
    """A transfer for the loop: what both directions have in common (see agent.meter.lane.Lane).

    A far end that ends it before its time is an error at once, so that ``left`` stays None.

    Attributes:
        buffer: takes what arrives; its own while it is opened in a thread, one for all lanes of the loop afterwards.
    """

    left: Literal["peace", "early"] | None = None

    def __init__(self, sock: socket.socket, asking: Asking) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.opened_at = time.monotonic()
        self.ended = False
        self.payload_sent = self.wire_sent = self.wire_received = 0
        self._asking = asking
        self._answers = Answers(interception.BODY_BYTES)
        self._is_odd = (
            False  # the last answer is not what was asked for: its beginning is waited for, to say what it is
        )
        self._asked = self._answered = 0
        self._pacer = Pacer()
        self._out = memoryview(b"")  # what is left of a request's head
        self.buffer = memoryview(bytearray(_OPENING_BYTES))
        self._record_overhead = layers.record_overhead(sock)
        self._turns = _TLS_TURNS if self._record_overhead else 1

    def fileno(self) -> int:
        """Return the socket's descriptor for the selector."""
        return self.sock.fileno()

    def readable(self, now: float) -> None:  # noqa: ARG002 - the loop tells every transfer the time
        """Take what has arrived.

        Raises:
            TransferError: the far end reset, closed, or does not answer as it should.
        """
        for _turn in range(self._turns):
            try:
                count = self.sock.recv_into(self.buffer)
            except _WAIT:
                return
            except OSError as error:
                raise TransferError.of(error, "the connection broke while receiving") from error
            if count == 0:
                self._closed()
                return
            self.wire_received += count + self._record_overhead
            self._take(self.buffer[:count])

    def writable(self, now: float) -> None:
        """Send what there is room for.

        Raises:
            TransferError: the far end reset or is gone.
        """
        for _turn in range(self._turns):
            piece = self._out or self._payload()[: self._pacer.room(now)]
            if not piece:
                return
            try:
                count = self.sock.send(piece)
            except _WAIT:
                return
            except OSError as error:
                raise TransferError.of(error, "the connection broke while sending") from error
            on_wire = count - (-count // layers.TLS_RECORD_BYTES) * self._record_overhead
            self.wire_sent += on_wire
            self._pacer.sent(on_wire)
            if self._out:
                self._out = self._out[count:]
                if not self.payload_sent:
                    self.wire_sent = 0  # what comes before the test is no part of it
            else:
                self._payload_went(count)

    def pace(self, rate_bps: float) -> None:
        """Send no more TCP payload than this; the head of a request does not wait."""
        self._pacer.hold(self.sock, rate_bps)

    def finish(self, reason: str) -> None:  # noqa: ARG002 - HTTP has no word for it
        """Send no more; what is still to come is not waited for."""
        self.ended = True

    def close(self) -> None:
        """Close the socket; what is unsent is thrown away, off the line."""
        if self.sock.fileno() >= 0:
            tcp_info.throw_away_unsent(self.sock)
        self.sock.close()
        self.ended = True

    def _payload(self) -> memoryview:
        return self._out

    def _payload_went(self, count: int) -> None:
        """Know that so many bytes of payload were given to the socket."""

    def _is_whole(self) -> None:
        """Know that the last answer is whole."""

    def _fresh_target(self) -> str:
        """Return the target in a form that no cache has seen."""
        target = self._asking.target
        return f"{target}{'&' if '?' in target else '?'}r={secrets.token_hex(8)}"

    def _take(self, data: memoryview) -> None:
        answers = self._answers
        while data:
            heads = answers.heads
            data = data[answers.feed(data) :]
            if answers.heads > heads:
                self._is_odd = not self._fits(answers)
            if answers.heads > self._asked:
                raise TransferError("protocol_error", "the far end answers what nobody asked")
            if self._is_odd and (answers.complete == answers.heads or len(answers.kept) >= interception.BODY_BYTES):
                self.complain()
            if answers.complete > self._answered:
                self._answered = answers.complete
                self._is_whole()

    def complain(self) -> None:
        """Raise what an answer means that is not the one asked for; do nothing where there was none.

        Raises:
            TransferError: there was one.
        """
        if self._is_odd:
            raise complaint(self._answers, self._asking.endpoint)

    def _fits(self, answers: Answers) -> bool:
        """Tell whether the answer that has begun is what was asked for."""
        return answers.status == 200

    def _closed(self) -> None:
        self.complain()
        self._answers.ended()
        raise TransferError("closed_early", _CLOSES if self._answers.complete else "the far end closed the connection")


class Download(_HttpLane):
    """A lane that fetches again and again."""

    def __init__(self, sock: socket.socket, asking: Asking) -> None:
        super().__init__(sock, asking)
        self._ask()

    @property
    def is_answered(self) -> bool:
        """Whether the first answer has begun, as it should."""
        return self._answers.heads > 0 and not self._is_odd

    @property
    def payload_received(self) -> int:
        return self._answers.payload_bytes

    @property
    def wants_write(self) -> bool:
        return bool(self._out)

    @property
    def waits(self) -> bool:
        return False

    def _take(self, data: memoryview) -> None:
        super()._take(data)
        if not self.payload_received:
            self.wire_received = 0  # what comes before the test is no part of it

    def _ask(self) -> None:
        self._asked += 1
        self._out = memoryview(get(self._asking.endpoint, self._fresh_target(), *self._asking.fields))

    def _fits(self, answers: Answers) -> bool:
        is_page = answers.head.fields.get("content-type", "").lower().startswith("text/html")
        return super()._fits(answers) and not is_page

    def _is_whole(self) -> None:
        if self._answers.body_bytes < LEAST_BODY_BYTES:
            what = (
                f"the far end sends {self._answers.body_bytes} bytes where at least {LEAST_BODY_BYTES} were asked for"
            )
            raise TransferError("protocol_error", f"{what}; is this the backend's address?")
        if not self._answers.persists:
            raise TransferError("closed_early", _CLOSES)
        self._ask()


class Upload(_HttpLane):
    """A lane that sends again and again, once it was started."""

    payload_received = 0

    def __init__(self, sock: socket.socket, asking: Asking) -> None:
        super().__init__(sock, asking)
        self._length = self._left = 0  # of the body
        self._is_started = False

    @property
    def is_answered(self) -> bool:
        """Whether the first request was answered."""
        return self._answered > 0

    @property
    def persists(self) -> bool:
        """Whether the far end takes more requests over this connection."""
        return self._answers.persists and not self.ended

    @property
    def wants_write(self) -> bool:
        return bool(self._out) or (self._left > 0 and self._pacer.room(time.monotonic()) > 0)

    @property
    def waits(self) -> bool:
        if self._is_sending:
            return not self.wants_write
        return self._is_started and bool(self._due())

    def start(self) -> None:
        """Send bulk from now on."""
        self._is_started = True
        self.post(self._due())

    def post(self, length: int) -> None:
        """Send one body of this length."""
        self._asked += 1
        self._length = self._left = length
        self._out = memoryview(post(self._asking.endpoint, self._fresh_target(), length, *self._asking.fields))

    @property
    def _is_sending(self) -> bool:
        return bool(self._out) or self._left > 0

    def _payload(self) -> memoryview:
        begin = (self._length - self._left) % payload.BLOCK_BYTES
        return payload.block()[begin : begin + min(self._left, _PIECE_BYTES)]

    def _payload_went(self, count: int) -> None:
        self.payload_sent += count
        self._left -= count
        self._go_on()

    def _is_whole(self) -> None:
        if self._answers.body_bytes > _MAX_REPLY_BYTES:
            raise TransferError("protocol_error", "the far end answers an upload with a page of its own")
        self._go_on()

    def _go_on(self) -> None:
        """Send the next body once this one is sent and answered, in whichever order."""
        if self._is_sending or not self._is_started or self._answered < self._asked or not self._due():
            return
        if not self._answers.persists:
            raise TransferError("closed_early", _CLOSES)
        self.post(self._due())

    def _due(self) -> int:
        """Return how long the next body may be; 0 once the limit is reached."""
        limit = self._asking.max_bytes
        return BODY_BYTES if limit is None else min(BODY_BYTES, limit - self.payload_sent)

    def _closed(self) -> None:
        if self._is_started and not (self._is_sending or self._due() or self._answered < self._asked):
            self.ended = True  # it had all that it was to have
            return
        if self._is_started or self._is_odd:
            super()._closed()
        self._answers.ended()
        self._answered = self._answers.complete
        if not self._answered:
            raise TransferError("closed_early", "the far end closed the connection instead of answering")
        self.ended = True
