"""How the service ended before: what crashes again and again is started ever more seldom, and the doctor tells why.

Whoever starts the service again (systemd, Windows, launchd) does so after a minute, time after time; what it costs when
that does not help is decided here, the same on every system.
"""

import logging
import sys
import traceback
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType, TracebackType

import msgspec
from msgspec import Struct

from agent.errors import StateError
from agent.host import files

_FILE = "crashes.json"
_KEPT = 10
_MAX_BYTES = 64 * 1024
_SETTLED_S = 600.0  # a life of so long was no part of a loop
_RECENT = timedelta(days=1)
_WAITS_S = (60.0, 300.0, 900.0, 3600.0)
KILLED = "it ended without a word: killed, by a person or for want of memory"

_log = logging.getLogger(__name__)


class Crash(Struct, frozen=True, kw_only=True):
    """An end that nobody asked for; ``reason`` has the kind of error and the place in the program, and no values.

    ``at`` is when it was found where it ended without a word. ``is_settled``: it had lived for ten minutes and more.
    """

    at: datetime
    version: str
    is_settled: bool
    reason: str


class Book(Struct, frozen=True, kw_only=True):
    """What is written down: the last crashes, oldest first, and how it is with the version that was started last.

    ``boot`` names the time since the computer was switched on then. ``is_alive``: it works, or ended without a word;
    ``is_settled``: for ten minutes and more. ``in_a_row``: how many of its lives before were no longer than that.
    """

    version: str = ""
    boot: str = ""
    is_alive: bool = False
    is_settled: bool = False
    in_a_row: int = 0
    crashes: tuple[Crash, ...] = ()

    @property
    def wait_s(self) -> float:
        """How long to wait before working: 1, 5, 15, 60 minutes with each short life."""
        return 0.0 if self.in_a_row < 1 else _WAITS_S[min(self.in_a_row, len(_WAITS_S)) - 1]


def read(state: Path) -> Book:
    """Return what is written down; an empty book where there is none, or where it cannot be understood.

    Raises:
        StateError: the file is there and the system does not let us read it.
    """
    data = files.read_if_there(state / _FILE)
    if data is None or len(data) > _MAX_BYTES:
        return Book()
    try:
        return msgspec.json.decode(data, type=Book)
    except msgspec.DecodeError:
        return Book()


class Crashes:
    """The lives of the service, written down so that the next one knows how those before ended.

    Args:
        state: the state folder, which nobody else works on.
        version: what runs.
        boot: the name of the time since this computer was switched on: who did not live on after that lost its power.
    """

    def __init__(self, state: Path, version: str, boot: str) -> None:
        self._state = state
        self._version = version
        self._boot = boot
        self._book = Book()

    def begin(self, now: datetime) -> float:
        """Write down that a life begins; return how many seconds it should wait, because earlier ones crashed."""
        try:
            self._book = read(self._state)
        except StateError as error:
            _log.warning("%s", error)
        if self._book.is_alive and self._book.boot == self._boot:
            self._crash(now, KILLED)
        if (self._book.version, self._book.boot) != (self._version, self._boot):
            self._change(in_a_row=0)
        self._change(version=self._version, boot=self._boot, is_alive=True, is_settled=False)
        self._write()
        return self._book.wait_s

    def alive(self, worked_s: float) -> None:
        """Note once that this life was long enough not to be a part of a loop."""
        if not self._book.is_settled and worked_s >= _SETTLED_S:
            self._change(is_settled=True, in_a_row=0)
            self._write()

    def crashed(self, now: datetime, reason: str) -> None:
        """Write down an end with its reason."""
        self._crash(now, reason)
        self._write()

    def ended(self) -> None:
        """Write down an end that was asked for: whoever starts the service again has put right what was wrong."""
        self._change(is_alive=False, in_a_row=0)
        self._write()

    def _crash(self, now: datetime, reason: str) -> None:
        before = self._book
        newest = Crash(at=now, version=before.version, is_settled=before.is_settled, reason=reason)
        self._change(
            is_alive=False,
            in_a_row=0 if before.is_settled else before.in_a_row + 1,
            crashes=(*before.crashes, newest)[-_KEPT:],
        )

    def _change(self, **values: object) -> None:
        self._book = msgspec.structs.replace(self._book, **values)

    def _write(self) -> None:
        try:
            files.write_atomically(self._state / _FILE, msgspec.json.encode(self._book))
        except StateError as error:  # a service that cannot write how it is works all the same
            _log.warning("%s", error)


def recent(crashes: tuple[Crash, ...], now: datetime) -> tuple[Crash, ...]:
    """Return the crashes of the last day."""
    return tuple(one for one in crashes if abs(now - one.at) <= _RECENT)


def place_of(error: BaseException) -> str:
    """Return an error's kind and where in the program it was raised; not its text, which may hold what is secret."""
    return f"{type(error).__name__} in {_innermost(error.__traceback__)}"


def place_of_thread(thread: int | None) -> str:
    """Return where in the program a thread is just now."""
    frame = None if thread is None else sys._current_frames().get(thread)  # noqa: SLF001 - Python has no other way
    return "a thread that is gone" if frame is None else _innermost_frame(frame)


def _innermost(at: TracebackType | None) -> str:
    walked = [(frame, line) for frame, line in traceback.walk_tb(at)]
    return _ours([(frame.f_code.co_filename, line, frame.f_code.co_name) for frame, line in walked])


def _innermost_frame(frame: FrameType) -> str:
    walked = [(one, line) for one, line in traceback.walk_stack(frame)]
    return _ours([(one.f_code.co_filename, line, one.f_code.co_name) for one, line in reversed(walked)])


def _ours(places: list[tuple[str, int, str]]) -> str:
    """Return the innermost place in this program, or in whose code it is; as module:line, never a folder's name."""
    package = str(Path(__file__).parent)
    ours = [(file, line, name) for file, line, name in places if file.startswith(package)]
    if not (ours or places):
        return "a place that is not known"
    file, line, name = (ours or places)[-1]
    shown = Path(file).relative_to(Path(package).parent).as_posix() if ours else Path(file).name
    return f"{shown}:{line} ({name})"
