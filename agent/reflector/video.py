"""Segments of a video lesson: as many random bytes as asked for, bounded, so that a player's needs can be played.

LibreSpeed's garbage comes in whole MiB, too coarse for two seconds of a pupil's picture.
"""

from agent.meter.errors import HeadError
from agent.meter.player import MAX_SEGMENT_BYTES, SEGMENT_PATH
from agent.reflector import payload
from agent.reflector.request import Exchange, Routes, number, reading


def segment(exchange: Exchange) -> None:
    """Send this many bytes.

    Raises:
        HeadError: their number is missing or out of bounds (400).
    """
    length = number(exchange.request.query, "bytes")
    if length is None or not 1 <= length <= MAX_SEGMENT_BYTES:
        raise HeadError(400, f"the parameter bytes has to be a number from 1 to {MAX_SEGMENT_BYTES}")
    payload.send_random(exchange, length, "application/octet-stream")


ROUTES: Routes = reading(SEGMENT_PATH, segment)
