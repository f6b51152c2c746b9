"""Sees whether the work goes on: a job that hangs, or a planner that plans nothing more, is found by its silence."""

import threading

from agent import crashes

_MOST_LOOKS = 30


class Watch:
    """Counts looks between which no job began or ended. Told by the worker, asked by the main thread.

    Looks are counted and not seconds: a computer that slept for a night in the middle of a job looked once.

    Args:
        looks: after so many looks without anything the work does not go on; the longest pause between jobs is shorter.
    """

    def __init__(self, looks: int = _MOST_LOOKS) -> None:
        self._looks = looks
        self._lock = threading.Lock()
        self._moves = 0
        self._seen = 0
        self._still = 0
        self._job: str | None = None
        self._thread: int | None = None

    def began(self, job: str) -> None:
        """Say that a job begins, in this thread."""
        with self._lock:
            self._moves += 1
            self._job, self._thread = job, threading.get_ident()

    def ended(self) -> None:
        """Say that it ended, however it did."""
        with self._lock:
            self._moves += 1
            self._job = self._thread = None

    def look(self) -> str | None:
        """Look once; return what is known of it where the work has stood still for too long."""
        with self._lock:
            self._still = self._still + 1 if self._moves == self._seen else 0
            self._seen = self._moves
            job, thread = self._job, self._thread
        if self._still < self._looks:
            return None
        if job is None:
            return "no job began any more, though some were due"
        return f"the job {job!r} did not end; it was in {crashes.place_of_thread(thread)}"


def looks_within(longest_pause_s: float, look_s: float) -> int:
    """Return how many looks without anything are too many where jobs may lie so far apart."""
    return _MOST_LOOKS + 2 * round(longest_pause_s / look_s)
