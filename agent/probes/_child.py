"""A child process for a library that must not stay in the agent's memory, or needs more rights: both of its sides.

The probe sends one order to the child's standard input and keeps that open; the child prints what it finds, a JSON
object a line, and leaves when it is done or when the probe is gone.
"""

import contextlib
import itertools
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import IO, Generic, NoReturn, Self, TypeVar

import msgspec
from msgspec import Struct

_DIES_WITHIN_S = 5.0
_MOST_LINES = 10_000  # more than any child has to say
_MOST_WORDS = 500

Say = Callable[[Struct], None]
_Order = TypeVar("_Order", bound=Struct)
_Line = TypeVar("_Line")


class Child(Generic[_Line]):
    """The probe's side, used in a ``with`` statement: the child is ended by its process id when it does not end itself.

    ``is_over``: it has ended, and all that it said is heard.
    """

    def __init__(self, module: str, order: Struct, lines: msgspec.json.Decoder[_Line]) -> None:
        self._module, self._order, self._decoder = module, order, lines
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.is_over = False

    def __enter__(self) -> Self:
        """Start it."""
        self._errors: IO[bytes] = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", self._module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        threading.Thread(target=self._read, name=self._module, daemon=True).start()
        with contextlib.suppress(BrokenPipeError):
            self._stdin.write(_encode(self._order))
            self._stdin.flush()
        return self

    def __exit__(self, *_exception: object) -> None:
        """See that it is gone."""
        self._process.kill()
        self._process.wait(_DIES_WITHIN_S)
        with contextlib.suppress(BrokenPipeError):
            self._stdin.close()
        self._errors.close()

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None  # noqa: S101 - asked for
        return self._process.stdin

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - asked for
        with self._process.stdout as output:
            for said in itertools.islice(output, _MOST_LINES):
                self._lines.put(said)
        self._lines.put(b"")

    def hear(self, patience_s: float) -> _Line | None:
        """Return the next line, waiting so long for it; None where there is none, or no more (``is_over``)."""
        if self.is_over:
            return None
        try:
            said = self._lines.get(timeout=patience_s)
        except queue.Empty:
            return None
        self.is_over = not said
        return self._decoder.decode(said) if said else None

    def last_words(self) -> str:
        """Return the end of what it wrote to standard error, once it has ended by itself."""
        self._process.wait(_DIES_WITHIN_S)
        self._errors.seek(0)
        return self._errors.read().decode("utf-8", "replace").strip()[-_MOST_WORDS:]


def obey(order: type[_Order], work: Callable[[_Order, Say], None]) -> NoReturn:
    """Be the child: read an order of that type, do it, and end the process; ends at once when the probe is gone."""
    mine = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints is not ours
    ordered = msgspec.json.decode(sys.stdin.buffer.readline(), type=order)
    lock = threading.Lock()

    def say(line: Struct) -> None:
        with lock, contextlib.suppress(BrokenPipeError):
            os.write(mine, _encode(line))

    def leave_with_the_probe() -> None:
        while os.read(sys.stdin.fileno(), 1):  # not sys.stdin.buffer, whose lock Python cannot do without when it ends
            pass
        os._exit(1)

    threading.Thread(target=leave_with_the_probe, daemon=True).start()
    work(ordered, say)
    sys.stderr.flush()
    os._exit(0)  # a library's threads may still wait, or send


def _encode(said: Struct) -> bytes:
    return msgspec.json.encode(said) + b"\n"
