"""Waiting for something, and saying so every few seconds."""

import math
import time
from collections.abc import Callable

Say = Callable[[str], None]
"""What is told about progress, one sentence at a time."""

_POLL_S = 0.05
_SPEAK_EVERY_S = 3.0


def wait_until(done: Callable[[], bool], say: Say, sentence: str, limit_s: float = math.inf) -> bool:
    """Wait until it is done, at most ``limit_s`` seconds; returns whether it is done."""
    started = time.monotonic()
    spoken = 0.0
    while not done():
        waited = time.monotonic() - started
        if waited >= limit_s:
            return False
        if waited >= spoken + _SPEAK_EVERY_S:
            spoken = waited
            say(f"{sentence} ({waited:.0f} s so far)")
        time.sleep(_POLL_S)
    return True
