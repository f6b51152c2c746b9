"""One WebSocket over one non-blocking socket, plain or TLS: bulk frames out, payload counted in, control answered."""

import functools
import socket
import ssl
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Literal

from agent.host import tcp_info
from agent.meter import layers, payload, websocket
from agent.meter.errors import TransferError
from agent.meter.pacer import Pacer
from agent.meter.websocket import Parser, Role

BUFFER_BYTES = 256 * 1024
NO_CODE = 1005  # RFC 6455, 7.4.1: a close frame came without a code
# Linux throws TCP payload away without copying it (tcp(7)); nobody looks at it.
_DISCARD = int(socket.MSG_TRUNC) if sys.platform == "linux" else 0
_WAIT = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_TLS_TURNS = 16  # TLS hands over one record of 16 KiB at a time, a plain socket the whole buffer
_MAX_QUEUED = 64  # frames of ours that wait; a peer that pings without reading ends there


@functools.lru_cache(maxsize=32)
def _whole_frame(size: int, role: Role) -> memoryview:
    return _frame(size, role)


def _frame(size: int, role: Role) -> memoryview:
    return memoryview(websocket.header(websocket.BINARY, size, role) + payload.block()[:size])


def bulk_frame(size: int, role: Role) -> memoryview:
    """Return a binary frame of random payload; those of a power of two are made once and shared."""
    return _whole_frame(size, role) if size & (size - 1) == 0 else _frame(size, role)


class Stream:
    """A transfer for the loop.

    Attributes:
        next_bulk: gives the payload size of the next binary frame to send, or None for no more; None = sends no bulk.
        on_text: takes each text message and the time it came.
        payload_sent: binary payload given to the socket: what it may have sent, never what arrived.
        wire_sent, wire_received: bytes of the TCP streams, with frame headers, text and TLS records.
        peer_code: the code of the peer's close frame, None before it came.
    """

    def __init__(self, sock: socket.socket, role: Role, buffer: bytearray, rest: bytes = b"") -> None:
        """Take over a socket after its opening handshake; ``rest`` are bytes that came behind the handshake."""
        sock.setblocking(False)
        self.sock = sock
        self.opened_at = time.monotonic()
        self.role: Role = role
        self.next_bulk: Callable[[], int | None] | None = None
        self.on_text: Callable[[bytes, float], None] = lambda _text, _now: None
        self.payload_sent = self.wire_sent = 0
        self.wire_received = 0
        self.peer_code: int | None = None
        self.ended = False
        self._view = memoryview(buffer)
        self._rest = rest
        self._parser = Parser(role)
        self._queue: deque[tuple[memoryview, int]] = deque()  # what is left of a frame, and its payload in there
        self._closing = False
        self._pacer = Pacer()
        self._record_overhead = layers.record_overhead(sock)
        self._can_discard = _DISCARD != 0 and not self._record_overhead
        self._turns = _TLS_TURNS if self._record_overhead else 1

    def fileno(self) -> int:
        """Return the socket's descriptor for the selector."""
        return self.sock.fileno()

    @property
    def payload_received(self) -> int:
        """Binary payload received so far, also of messages not yet complete."""
        return self._parser.payload_bytes

    @property
    def wants_write(self) -> bool:
        """Whether there is anything to send now; bulk is not while the pace holds it back."""
        return self._has_words or (self._has_bulk and self._pacer.room(time.monotonic()) > 0)

    @property
    def waits(self) -> bool:
        """Whether it will send again: it waits for no answers, but may have to keep its pace."""
        return self._has_bulk and not self.wants_write

    @property
    def left(self) -> Literal["peace", "early"] | None:
        """Whether the far end has ended it: with a normal close frame, or in the middle."""
        if self.peer_code is None and not self.ended:
            return None
        return "peace" if self.peer_code == websocket.NORMAL_CLOSURE else "early"

    def send_text(self, text: bytes) -> None:
        """Queue a text message behind the frame that is being sent."""
        self._enqueue(websocket.frame(websocket.TEXT, text, self.role))

    def pace(self, rate_bps: float) -> None:
        """Send no more TCP payload than this; a text or a close frame, and a message it is behind, do not wait."""
        self._pacer.hold(self.sock, rate_bps)

    def finish(self, reason: str) -> None:
        """Send no more bulk and begin the closing handshake (RFC 6455, 7.1.2)."""
        self.next_bulk = None
        if not self._closing:
            self._closing = True
            self._enqueue(websocket.close_frame(websocket.NORMAL_CLOSURE, reason, self.role))

    def readable(self, now: float) -> None:
        """Take what has arrived.

        Raises:
            TransferError: the peer reset, closed without saying so, or broke the protocol.
        """
        self._take_rest(now)
        for _turn in range(self._turns):
            unseen = min(self._parser.bulk_left, BUFFER_BYTES) if self._can_discard else 0
            try:
                count = self.sock.recv_into(self._view, unseen, _DISCARD) if unseen else self.sock.recv_into(self._view)
            except _WAIT:
                return
            except OSError as error:
                self._lost(TransferError.of(error, "the connection broke while receiving"))
                return
            if count == 0:
                self._lost(TransferError("closed_early", "the far end closed the connection in the middle of the test"))
                return
            self.wire_received += count + self._record_overhead
            if unseen:
                self._parser.skip(count)
            else:
                self._take(self._view[:count], now)

    def writable(self, now: float) -> None:
        """Send what there is room for.

        Raises:
            TransferError: the peer reset or is gone.
        """
        self._take_rest(now)
        for _turn in range(self._turns):
            if not self._queue and not self._refill(now):
                return
            view, bulk = self._queue[0]
            room = len(view) if self._has_words else self._pacer.room(now)
            if not room:
                return
            try:
                count = self.sock.send(view[:room])
            except _WAIT:
                return
            except OSError as error:
                self._lost(TransferError.of(error, "the connection broke while sending"))
                return
            self._sent(view, bulk, count)

    def close(self) -> None:
        """Close the socket; unless both ends said goodbye, what is unsent is thrown away, off the line."""
        if not self.ended and self.sock.fileno() >= 0:
            tcp_info.throw_away_unsent(self.sock)
        self.sock.close()
        self.ended = True

    def _enqueue(self, frame: bytes) -> None:
        if len(self._queue) >= _MAX_QUEUED:
            raise TransferError("protocol_error", "the far end keeps asking and does not read the answers")
        self._queue.append((memoryview(frame), 0))

    @property
    def _has_bulk(self) -> bool:
        return bool(self._queue) or self.next_bulk is not None

    @property
    def _has_words(self) -> bool:
        """Whether a frame without bulk is in the queue: one that may not wait."""
        return any(not bulk for _view, bulk in self._queue)

    def _refill(self, now: float) -> bool:
        """Queue the next bulk frame; False if there is none, or it would have to wait, and texts behind it."""
        if not self._pacer.room(now):
            return False
        size = self.next_bulk() if self.next_bulk is not None else None
        if not size:
            self.next_bulk = None
            return False
        self._queue.append((bulk_frame(size, self.role), size))
        return True

    def _sent(self, view: memoryview, bulk: int, count: int) -> None:
        """Count what the socket took of the first frame in the queue: its header first, then its payload."""
        records = -(-count // layers.TLS_RECORD_BYTES)
        on_wire = count + records * self._record_overhead
        self.wire_sent += on_wire
        self._pacer.sent(on_wire)
        bulk_taken = max(0, count - (len(view) - bulk))
        self.payload_sent += bulk_taken
        if count < len(view):
            self._queue[0] = (view[count:], bulk - bulk_taken)
            return
        self._queue.popleft()
        if self.peer_code is not None and not self._queue:
            self.ended = True

    def _take_rest(self, now: float) -> None:
        if self._rest:
            rest, self._rest = self._rest, b""
            self.wire_received += len(rest)
            self._take(memoryview(rest), now)

    def _take(self, data: memoryview, now: float) -> None:
        for message in self._parser.feed(data):
            if message.opcode == websocket.TEXT:
                self.on_text(message.data, now)
            elif message.opcode == websocket.PING:
                self._enqueue(websocket.frame(websocket.PONG, message.data, self.role))
            elif message.opcode == websocket.CLOSE:
                self._peer_closed(message.data)
                return

    def _peer_closed(self, data: bytes) -> None:
        self.peer_code = websocket.close_code(data) or NO_CODE
        if self._closing:
            self.ended = not self._queue
        else:
            self.finish("as you wish")

    def _lost(self, error: TransferError) -> None:
        """End after a closing handshake has begun; before that a lost connection is an error."""
        if not self._closing:
            raise error
        self.ended = True
