"""Streams that a client has asked to be paced."""

from agent.host import tcp_info
from agent.meter.stream import BUFFER_BYTES, Stream
from agent.reflector.request import Exchange

MIN_BPS, MAX_BPS = 10_000, 10_000_000_000
_UNSENT_S = 0.1
_MIN_UNSENT_BYTES, _MAX_UNSENT_BYTES = 1 << 14, 1 << 18


def stream(exchange: Exchange, pace_bps: int) -> Stream:
    """Take over the connection for sending at most this many bits of TCP payload per second."""
    unsent = int(pace_bps / 8 * _UNSENT_S)
    tcp_info.keep_unsent_short(exchange.sock, min(_MAX_UNSENT_BYTES, max(_MIN_UNSENT_BYTES, unsent)))
    paced = Stream(exchange.sock, "server", bytearray(BUFFER_BYTES), exchange.rest)
    paced.pace(pace_bps)
    return paced
