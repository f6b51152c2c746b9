"""MSAK throughput1 as a server: sends or counts, and says four times a second what it counted.

Two extensions: ``netready_report_ms=N`` has the messages sent at multiples of N milliseconds (50 to 1000) of this
computer's clock, so that those of all streams count the same moments. And a download may ask for
``netready_pace_bps=N``, and this connection then sends at most N bits of payload per second (10^4 to 10^10). Other
MSAK servers note and ignore parameters that they do not know. It counts TCP payload, so that packets with their headers
come to 1500/1448 of N.
"""

import time

from msgspec import Struct

from agent.host import tcp_info
from agent.host.tcp_info import TcpInfo
from agent.meter import handshake, pacer, throughput1
from agent.meter.errors import HeadError
from agent.meter.stream import BUFFER_BYTES, Stream
from agent.meter.throughput1 import (
    CONGESTION_CONTROLS,
    MAX_MESSAGE_BYTES,
    MAX_REPORT_MS,
    MIN_REPORT_MS,
    PACE_PARAMETER,
    REPORT_PARAMETER,
    MessageSizes,
    Reporter,
)
from agent.reflector import pacing, request
from agent.reflector.request import Exchange, Routes, Watched, number
from agent.reflector.session import Session

_UNSENT_BYTES = 256 * 1024


class _Options(Struct, frozen=True):
    """What the query asked for; ``limit`` in bytes, ``congestion`` None for the system's own, ``pace_bps`` for none."""

    duration_s: float
    limit: int | None
    congestion: str | None
    pace_bps: int | None
    report_s: float | None


def download(exchange: Exchange) -> None:
    """Send to the client."""
    options = _accepted(exchange)
    if options.pace_bps is not None:
        stream = pacing.stream(exchange, options.pace_bps)
        largest = pacer.largest_message(options.pace_bps, MAX_MESSAGE_BYTES)
    else:
        tcp_info.keep_unsent_short(exchange.sock, _UNSENT_BYTES)
        stream = Stream(exchange.sock, "server", bytearray(BUFFER_BYTES), exchange.rest)
        largest = MAX_MESSAGE_BYTES
    stream.next_bulk = MessageSizes(largest=largest, limit=options.limit)
    session = _session(exchange, stream, options)
    if options.limit is not None:  # the sizes run out at the limit
        is_over = session.enough
        session.enough = lambda: (stream.next_bulk is None and not stream.wants_write) or is_over()
    _run(exchange, stream, session, options.pace_bps)


def upload(exchange: Exchange) -> None:
    """Count what the client sends."""
    options = _accepted(exchange)
    stream = Stream(exchange.sock, "server", bytearray(BUFFER_BYTES), exchange.rest)
    session = _session(exchange, stream, options)
    if (limit := options.limit) is not None:
        is_over = session.enough
        session.enough = lambda: stream.payload_received >= limit or is_over()
    _run(exchange, stream, session)


ROUTES: Routes = {("GET", throughput1.DOWNLOAD_PATH): download, ("GET", throughput1.UPLOAD_PATH): upload}


def _accepted(exchange: Exchange) -> _Options:
    """Read the query, switch to WebSocket and set the congestion control."""
    options = _options(exchange.request.query)
    exchange.sock.sendall(handshake.accept(exchange.request.head, throughput1.SUBPROTOCOL))
    if options.congestion is not None:
        tcp_info.choose_congestion_control(exchange.sock, options.congestion)
    return options


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
    pace_bps = number(query, PACE_PARAMETER)
    if pace_bps is not None and not pacing.MIN_BPS <= pace_bps <= pacing.MAX_BPS:
        raise HeadError(
            400, f"the parameter {PACE_PARAMETER} has to be from {pacing.MIN_BPS} to {pacing.MAX_BPS} bits per second"
        )
    report_ms = number(query, REPORT_PARAMETER)
    if report_ms is not None and not MIN_REPORT_MS <= report_ms <= MAX_REPORT_MS:
        reason = f"has to be from {MIN_REPORT_MS} to {MAX_REPORT_MS} milliseconds"
        raise HeadError(400, f"the parameter {REPORT_PARAMETER} {reason}")
    duration_ms = number(query, "duration") or throughput1.DEFAULT_DURATION_MS
    number(query, "streams")
    return _Options(
        duration_s=min(duration_ms, throughput1.MAX_DURATION_MS) / 1000,
        limit=number(query, "bytes") or None,
        congestion=congestion,
        pace_bps=pace_bps,
        report_s=None if report_ms is None else report_ms / 1000,
    )


def _session(exchange: Exchange, stream: Stream, options: _Options) -> Session:
    reporter = Reporter(stream, time.monotonic(), with_tcp_info=True, period_s=options.report_s)
    return Session(exchange, stream, reporter, options.duration_s)


def _run(exchange: Exchange, stream: Stream, session: Session, pace_bps: int | None = None) -> None:
    """Serve the session to its end, and have it recorded where somebody does."""
    test_id, watch = exchange.request.query["mid"], exchange.watch
    if watch is None or not watch.began(test_id):
        session.run()
        return
    began, peer = time.monotonic(), request.peer(exchange)  # nobody can tell once it has broken off
    is_upload = exchange.request.path == throughput1.UPLOAD_PATH
    try:
        session.run()
    finally:
        told = tcp_info.read(stream.sock)
        seen = Watched(
            way="upload" if is_upload else "download",
            peer=peer,
            lease=request.lease(exchange.request),
            began=began,
            ended=time.monotonic() if session.over_at is None else session.over_at,
            bytes=stream.payload_received if is_upload else _arrived(stream, told),
            counted_at="received" if is_upload else "given" if told is None else "acked",
            congestion_control=None if is_upload else tcp_info.congestion_control(stream.sock),
            pace_bps=pace_bps,
            tcp_info=told,
        )
        watch.ended(test_id, seen)


def _arrived(stream: Stream, told: TcpInfo | None) -> int:
    """Return the payload that the client's system has acknowledged, or where ours does not tell, that it was sent."""
    if told is None:
        return stream.payload_sent
    # TCP's own count has frames, records and a handshake in it, as what was sent has but for the handshake.
    share = stream.payload_sent / max(1, stream.wire_sent)
    return min(stream.payload_sent, round(told.bytes_acked * share))
