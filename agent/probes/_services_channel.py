"""A connection that brings the segments of a video lesson, for the loop of agent.meter.loop."""

import ssl
import time
from collections import deque
from socket import socket

from agent.meter import http_lane, interception
from agent.meter.dial import Endpoint
from agent.meter.errors import TransferError
from agent.meter.http_answer import Answers
from agent.meter.player import SEGMENT_PATH, Player

BUFFER_BYTES = 256 * 1024
_TLS_TURNS = 16  # TLS hands over one record of 16 KiB at a time
_IDLE_S = 3.0  # a reflector waits for five
_WAIT = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_NO_SEGMENTS = f"the test server has no {SEGMENT_PATH}: it is no netready reflector, or an older one"


class Channel:
    """A kept connection that brings the segments of its players one after the other; a transfer for the loop."""

    def __init__(
        self, sock: socket, endpoint: Endpoint, length: int, buffer: memoryview, fields: tuple[str, ...] = ()
    ) -> None:
        """Fetch segments of this many bytes; what arrives goes through the buffer, which others may use too."""
        sock.setblocking(False)
        self.sock = sock
        self.ended = False
        self._used_at = time.monotonic()
        self._endpoint, self._length = endpoint, length
        self._request = http_lane.get(endpoint, f"{endpoint.prefix}{SEGMENT_PATH}?bytes={length}", *fields)
        self._turns = _TLS_TURNS if isinstance(sock, ssl.SSLSocket) else 1
        self._buffer = buffer
        self._answers = Answers(interception.BODY_BYTES)
        self._complete = 0
        self._players: deque[Player] = deque()  # the first is being served
        self._out = memoryview(b"")

    @property
    def received(self) -> int:
        """Bytes of payload that came."""
        return self._answers.payload_bytes

    @property
    def wants_write(self) -> bool:
        return bool(self._out)

    def fileno(self) -> int:
        """Return the socket's descriptor for the selector."""
        return self.sock.fileno()

    def is_fresh(self, now: float) -> bool:
        """Tell whether the far end is sure to take another request: servers close what is idle."""
        return not self.ended and now - self._used_at < _IDLE_S

    def ask(self, pupil: Player) -> None:
        """Fetch a segment for this player once those who asked before have theirs.

        Raises:
            TransferError: the far end has closed the connection.
        """
        if self.ended:
            raise TransferError("closed_early", "the test server closed the connection between two segments")
        pupil.ask()
        self._players.append(pupil)
        if len(self._players) == 1:
            self._out = memoryview(self._request)

    def writable(self, now: float) -> None:  # noqa: ARG002 - the loop tells every transfer the time
        """Send what is left of a request.

        Raises:
            TransferError: the far end is gone.
        """
        try:
            self._out = self._out[self.sock.send(self._out) :]
        except _WAIT:
            return
        except OSError as error:
            raise TransferError.of(error, "the test server cannot be asked for a segment") from error

    def readable(self, now: float) -> None:
        """Take what has arrived.

        Raises:
            TransferError: the far end reset, closed, or sends something else than was asked for.
        """
        for _turn in range(self._turns):
            try:
                count = self.sock.recv_into(self._buffer)
            except _WAIT:
                return
            except OSError as error:
                raise TransferError.of(error, "the connection broke within a video segment") from error
            if not count:
                self._closed()
                return
            self._used_at = now
            self._take(self._buffer[:count], now)

    def _take(self, data: memoryview, now: float) -> None:
        answers = self._answers
        while data:
            if not self._players:
                raise TransferError("protocol_error", "the test server sends what nobody asked for")
            data = data[answers.feed(data) :]
            if not answers.heads:
                continue
            self._check()
            if answers.complete > self._complete:
                self._complete = answers.complete
                self._served(now)

    @property
    def _is_odd(self) -> bool:
        """Whether the last answer is not one of a test server."""
        is_page = self._answers.head.fields.get("content-type", "").lower().startswith("text/html")
        return self._answers.heads > 0 and (self._answers.status != 200 or is_page)

    def _check(self) -> None:
        """Refuse an answer that is no segment, as soon as that is seen."""
        answers = self._answers
        if self._is_odd:
            if answers.is_between or len(answers.kept) >= interception.BODY_BYTES:
                self._complain()
            return
        announced = answers.head.fields.get("content-length")
        wrong = announced is not None and announced != str(self._length)
        if wrong or answers.body_bytes > self._length or (answers.is_between and answers.body_bytes != self._length):
            what = f"the test server sends {announced or answers.body_bytes} bytes where {self._length} were asked for"
            raise TransferError("protocol_error", what)

    def _complain(self) -> None:
        trouble = http_lane.complaint(self._answers, self._endpoint)
        if trouble.failure == "http_status" and self._answers.status == 404:
            raise TransferError("http_status", _NO_SEGMENTS)
        raise trouble

    def _served(self, now: float) -> None:
        """Hand the segment over, and fetch the next one that is asked for."""
        pupil = self._players.popleft()
        pupil.take(now)
        self._out = memoryview(self._request) if self._players else self._out
        if pupil.wants(now):
            self.ask(pupil)
        if self._players and not self._answers.persists:
            raise TransferError("closed_early", "the test server closes the connection after a segment")

    def _closed(self) -> None:
        """Know that the far end has closed, which it may where nobody waits for anything."""
        if self._is_odd:
            self._complain()
        self._answers.ended()
        self.ended = True
        if self._players:
            raise TransferError("closed_early", "the test server closed the connection instead of sending a segment")
