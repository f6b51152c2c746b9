"""MSAK throughput1 as a server: sends or counts, and says four times a second what it counted."""

import time

from msgspec import Struct

from agent.host import tcp_info
from agent.meter import handshake, loop, throughput1
from agent.meter.errors import HeadError
from agent.meter.stream import BUFFER_BYTES, Stream
from agent.meter.throughput1 import CONGESTION_CONTROLS, MessageSizes, Reporter
from agent.reflector.request import Exchange, Handler

_GOODBYE_S = 2.0  # for the closing handshake behind whatever still fills the line
_UNSENT_BYTES = 256 * 1024


class _Options(Struct, frozen=True):
    """What the query asked for; ``limit`` in bytes, ``congestion`` None for the system's own."""

    duration_s: float
    limit: int | None
    congestion: str | None


def download(exchange: Exchange) -> None:
    """Send to the client."""
    _serve(exchange, sends=True)


def upload(exchange: Exchange) -> None:
    """Count what the client sends."""
    _serve(exchange, sends=False)


ROUTES: dict[str, Handler] = {throughput1.DOWNLOAD_PATH: download, throughput1.UPLOAD_PATH: upload}


def _options(query: dict[str, str]) -> _Options:
    """Read the query; parameters that we do not know are other clients' notes and are ignored.

    Raises:
        HeadError: one is missing or makes no sense (400).
    """
    for name, what in (("mid", "the measurement's id"), ("streams", "the number of streams")):
        if not query.get(name):
            raise HeadError(400, f"the parameter {name} ({what}) is missing")
    congestion = query.get("cc") or None
    if congestion is not None and congestion not in CONGESTION_CONTROLS:
        raise HeadError(400, f"the parameter cc has to be one of {', '.join(sorted(CONGESTION_CONTROLS))}")
    duration_ms = _number(query, "duration") or throughput1.DEFAULT_DURATION_MS
    _number(query, "streams")
    return _Options(
        duration_s=min(duration_ms, throughput1.MAX_DURATION_MS) / 1000,
        limit=_number(query, "bytes") or None,
        congestion=congestion,
    )


def _number(query: dict[str, str], name: str) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise HeadError(400, f"the parameter {name} has to be a whole number")
    return int(text)


def _serve(exchange: Exchange, *, sends: bool) -> None:
    options = _options(exchange.request.query)
    exchange.sock.sendall(handshake.accept(exchange.request.head, throughput1.SUBPROTOCOL))
    if options.congestion is not None:
        tcp_info.choose_congestion_control(exchange.sock, options.congestion)
    stream = Stream(exchange.sock, "server", bytearray(BUFFER_BYTES), exchange.rest)
    if sends:
        tcp_info.keep_unsent_short(exchange.sock, _UNSENT_BYTES)
        stream.next_bulk = MessageSizes(limit=options.limit)
    loop.run([stream], _Session(exchange, stream, options, sends=sends).tick)


class _Session:
    """One stream from its handshake to its end, which always comes: at the latest _GOODBYE_S after its duration."""

    def __init__(self, exchange: Exchange, stream: Stream, options: _Options, *, sends: bool) -> None:
        began = time.monotonic()
        self._stopping = exchange.stopping
        self._stream = stream
        self._limit = options.limit
        self._sends = sends
        self._reporter = Reporter(stream, began, with_tcp_info=True)
        self._ends_at = began + options.duration_s
        self._gone_at = self._ends_at + _GOODBYE_S
        self._finished = False

    def tick(self, now: float) -> bool:
        if self._stopping() or now >= self._gone_at:
            return False
        if self._finished or self._stream.peer_code is not None:
            return True
        if now >= self._ends_at or self._has_enough():
            self._finished = True
            self._gone_at = min(self._gone_at, now + _GOODBYE_S)
            self._stream.next_bulk = None
            self._reporter.send(now)
            self._stream.finish("Done sending")
        else:
            self._reporter.tick(now)
        return True

    def _has_enough(self) -> bool:
        if self._limit is None:
            return False
        if self._sends:
            return not self._stream.wants_write  # the sizes ran out at the limit, and all of it was sent
        return self._stream.payload_received >= self._limit
