"""One check at a time, with a pause after each; whoever watches is told every step until it is over."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from agent.contract.causes import DirectionWord
from agent.contract.measurement import Measurement

PAUSE_S = 30.0
HEARTBEAT_S = 10.0
Ending = Literal["sent", "kept", "alone"]


class Step(Struct, frozen=True, kw_only=True):
    """Where a check stands; ``rates`` are the last speeds heard in each direction."""

    name: str = "begin"
    share: float | None = None
    rates: dict[DirectionWord, float] = {}


class Checked(Struct, frozen=True, kw_only=True):
    """What a check saw, and whether its report was sent, is kept, or there is none ("alone")."""

    at: datetime
    measurements: tuple[Measurement, ...]
    ending: Ending
    detail: str = ""


class Trouble(Struct, frozen=True, kw_only=True):
    """Why there was no check: another test would not end ("busy"), a fault of the program ("left"), or what it said."""

    word: Literal["busy", "left", "said"]
    detail: str = ""


Tell = Callable[[Step], None]
Outcome = Checked | Trouble


class Checks:
    """The checks of this process. ``work`` measures in a thread of its own and returns what came of it."""

    def __init__(self, work: Callable[[Tell], Outcome], pause_s: float = PAUSE_S) -> None:
        self._work = work
        self._pause_s = pause_s
        self._changed = threading.Condition()
        self._step: Step | None = None
        self._number = 0
        self._free_at = 0.0
        self._outcome: Outcome | None = None

    def begin(self) -> bool:
        """Begin a check; False where one runs already, or the last one ended a moment ago."""
        with self._changed:
            if self._step is not None or time.monotonic() < self._free_at:
                return False
            self._step = Step()
            self._number += 1
        threading.Thread(target=self._run, name="check", daemon=True).start()
        return True

    @property
    def step(self) -> Step | None:
        """Where the check stands that runs; None where none does."""
        return self._step

    @property
    def outcome(self) -> Outcome | None:
        """What came of the last check of this process."""
        return self._outcome

    @property
    def pause_left_s(self) -> float:
        """How long the next check has to wait."""
        return max(0.0, self._free_at - time.monotonic())

    def steps(self) -> Iterator[Step | None]:
        """Yield each step of the check that runs, None now and then where nothing changes; ends when it is over."""
        heard = -1
        while True:
            with self._changed:
                if self._step is not None and self._number == heard:
                    self._changed.wait(HEARTBEAT_S)
                step, number = self._step, self._number
            if step is None:
                return
            yield step if number != heard else None
            heard = number

    def _tell(self, step: Step) -> None:
        with self._changed:
            before = self._step.rates if self._step is not None else {}
            self._step = replace(step, rates={**before, **step.rates})
            self._number += 1
            self._changed.notify_all()

    def _run(self) -> None:
        outcome: Outcome = Trouble(word="left")
        try:
            outcome = self._work(self._tell)
        finally:  # a fault of the program rises, and the page says so all the same
            with self._changed:
                self._outcome = outcome
                self._step = None
                self._free_at = time.monotonic() + self._pause_s
                self._changed.notify_all()
