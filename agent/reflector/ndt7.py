"""M-Lab's ndt7 as a server: one connection, ten seconds each way, and a few messages a second about it."""

import random
import time
from datetime import UTC, datetime
from typing import Literal

from agent.host import tcp_info
from agent.meter import dial, handshake, ndt7
from agent.meter.errors import HeadError
from agent.meter.ndt7 import AppInfo, ConnectionInfo, Measurement
from agent.meter.stream import BUFFER_BYTES, Stream
from agent.meter.throughput1 import MessageSizes
from agent.reflector.request import Exchange, Routes
from agent.reflector.session import Session

_GOODBYE_S = ndt7.MAX_DURATION_S - ndt7.DURATION_S  # M-Lab's own client has up to 64 MB on its way when time is up
_UNSENT_BYTES = 256 * 1024


def download(exchange: Exchange) -> None:
    """Send to the client, until its time is up or it has the bytes after which it asked to stop."""
    limit = _early_exit(exchange.request.query)
    stream = _accepted(exchange)
    tcp_info.keep_unsent_short(exchange.sock, _UNSENT_BYTES)
    stream.next_bulk = MessageSizes(smallest=ndt7.MIN_MESSAGE_BYTES, largest=ndt7.MAX_MESSAGE_BYTES)
    session = _session(exchange, stream, "download")
    # A client that sends bulk here takes this for an upload; the protocol has us close then.
    session.enough = lambda: stream.payload_received > 0 or (limit is not None and _acknowledged(stream) >= limit)
    session.run()


def upload(exchange: Exchange) -> None:
    """Count what the client sends."""
    _early_exit(exchange.request.query)
    _session(exchange, _accepted(exchange), "upload").run()


ROUTES: Routes = {("GET", ndt7.DOWNLOAD_PATH): download, ("GET", ndt7.UPLOAD_PATH): upload}


def _early_exit(query: dict[str, str]) -> int | None:
    """Return after how many bytes a download is to stop, None for not before its time.

    Raises:
        HeadError: another limit than the protocol's only one (400).
    """
    text = query.get("early_exit")
    if text is None:
        return None
    if text != str(ndt7.EARLY_EXIT_MB):
        raise HeadError(400, f"the parameter early_exit can only be {ndt7.EARLY_EXIT_MB} (MB)")
    return ndt7.EARLY_EXIT_MB * 1_000_000


def _accepted(exchange: Exchange) -> Stream:
    """Switch to WebSocket, and to BBR where the system has it."""
    exchange.sock.sendall(handshake.accept(exchange.request.head, ndt7.SUBPROTOCOL))
    tcp_info.choose_congestion_control(exchange.sock, "bbr")
    return Stream(exchange.sock, "server", bytearray(BUFFER_BYTES), exchange.rest)


def _session(exchange: Exchange, stream: Stream, test: Literal["download", "upload"]) -> Session:
    session = Session(exchange, stream, _Reporter(stream, test), ndt7.DURATION_S)
    session.goodbye_s = _GOODBYE_S
    return session


def _acknowledged(stream: Stream) -> int:
    """Return the bytes that arrived; where the system does not tell, those given to the socket."""
    info = tcp_info.read(stream.sock)
    return stream.wire_sent if info is None else info.bytes_acked


class _Reporter:
    """Sends the server's measurement messages on the protocol's random schedule."""

    def __init__(self, stream: Stream, test: Literal["download", "upload"]) -> None:
        self._stream = stream
        self._test: Literal["download", "upload"] = test
        self._began = time.monotonic()
        self._connection = _connection(stream)
        self._rng = random.Random()  # noqa: S311 - a schedule, no secret
        self._due = self._began + ndt7.next_interval_s(self._rng)

    def tick(self, now: float) -> None:
        """Send a message if one is due."""
        if now >= self._due:
            self.send(now)
            self._due = now + ndt7.next_interval_s(self._rng)

    def send(self, now: float) -> None:
        """Send a message now."""
        stream, elapsed_us = self._stream, int((now - self._began) * 1e6)
        counted = stream.payload_sent if self._test == "download" else stream.payload_received
        message = Measurement(
            app_info=AppInfo(elapsed_us=elapsed_us, num_bytes=counted),
            origin="server",
            test=self._test,
            connection_info=self._connection,
            tcp_info=tcp_info.read(stream.sock, elapsed_us),
        )
        stream.send_text(ndt7.encode(message))


def _connection(stream: Stream) -> ConnectionInfo:
    client, server = stream.sock.getpeername(), stream.sock.getsockname()
    return ConnectionInfo(
        client=dial.authority(client[0], client[1]),
        server=dial.authority(server[0], server[1]),
        start_time=datetime.now(UTC),
    )
