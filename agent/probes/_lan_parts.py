"""Parts of a measurement that run beside each other: one that hangs, or may not run, costs no other its result."""

import queue
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from agent.contract.values import Denied

_Result = TypeVar("_Result")
_MOST_TEXT = 2048


class Part(Generic[_Result]):
    """Work under way in a thread of its own, which nobody waits for once its time is over.

    Attributes:
        denied: what this computer did not allow; empty where nothing, or not known yet.
    """

    def __init__(self, what: str, work: Callable[[], _Result]) -> None:
        self.denied: tuple[Denied, ...] = ()
        self._what = what
        self._work = work
        self._ends: queue.SimpleQueue[tuple[_Result | None, Exception | None]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name=what, daemon=True).start()

    def _run(self) -> None:
        try:
            self._ends.put((self._work(), None))
        except Exception as error:  # noqa: BLE001 - carried to the waiting thread and raised there
            self._ends.put((None, error))

    def result(self, until: float) -> _Result | None:
        """Wait for the end until that time; None where it has not come, and where the system or the network refused.

        What else the work raised is a bug and rises here.
        """
        try:
            result, error = self._ends.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return None
        if isinstance(error, PermissionError):
            self.denied = (Denied(what=self._what, setting=str(error)[:_MOST_TEXT]),)
        elif error is not None and not isinstance(error, OSError):
            raise error
        return result
