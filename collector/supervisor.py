"""Several processes behind one listening socket: started, watched, started again, told to end.

A process that dies is started again, at first soon and then ever later (``_FIRST_PAUSE_S`` to ``_LONGEST_PAUSE_S``), so
that a lasting fault costs little and says so in the log. SIGTERM or SIGINT: nobody accepts any more, everybody finishes
what is in the air within the drain's limit and ends. SIGHUP is passed on where there are certificates to read again;
else it ends all, as where a terminal is closed. If this process itself is killed, the others see their standard input
end, and end in the same orderly way.
"""

import contextlib
import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from collector import metrics
from collector.orders import Orders

_log = logging.getLogger(__name__)
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_LIVED_LONG_S = 60.0
_BEYOND_DRAIN_S = 15.0  # closing pools and letting go of the embedded database comes after the drain
_END_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class _Place:
    """One process's place: the process in it, and when it may be started again."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.process: subprocess.Popen[bytes] | None = None
        self.ready = False
        self.started_at = 0.0
        self.next_start = 0.0
        self.pause_s = _FIRST_PAUSE_S

    def died(self, now: float) -> float:
        """Plan the next start; return in how many seconds it is."""
        self.process, self.ready = None, False
        if now - self.started_at >= _LIVED_LONG_S:
            self.pause_s = _FIRST_PAUSE_S
        pause, self.pause_s = self.pause_s, min(2 * self.pause_s, _LONGEST_PAUSE_S)
        self.next_start = now + pause
        return pause


class Supervisor(Struct, frozen=True, kw_only=True):
    """``listener`` is handed to the processes that answer; ``folder`` is where they count (collector.metrics).

    ``passes_hangup``: they have something to read again on SIGHUP.
    """

    listener: socket.socket
    folder: Path
    drain_s: float
    passes_hangup: bool = False
    module: str = "collector.worker"

    def run(self, wanted: Sequence[Orders], ready: Callable[[], None]) -> bool:
        """Keep these processes running until a signal ends all; tell whether all ended by themselves.

        ``ready`` is called once, when each that answers has answered that it does.
        """
        places = [_Place(orders) for orders in wanted]
        with _signals() as received, selectors.DefaultSelector() as selector:
            selector.register(received, selectors.EVENT_READ)
            told = False
            while True:
                self._start_due(places, selector)
                ended = self._wait(places, selector, received)
                if ended:
                    return self._drain(places)
                if not told and all(place.ready for place in places):
                    told = True
                    ready()

    def _start_due(self, places: Sequence[_Place], selector: selectors.BaseSelector) -> None:
        now = time.monotonic()
        for place in places:
            if place.process is None and place.next_start <= now:
                place.process = self._start(place.orders)
                place.started_at = now
                assert place.process.stdout is not None  # noqa: S101 - we asked for a pipe
                selector.register(place.process.stdout, selectors.EVENT_READ, place)

    def _start(self, orders: Orders) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", self.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(self.listener.fileno(),) if orders.role == "answer" else (),
            start_new_session=True,  # Ctrl-C reaches us alone, and we end them in order
        )
        assert process.stdin is not None  # noqa: S101 - we asked for a pipe
        # Through a pipe, not as arguments: every user of the computer can read those, and a URL may hold a password.
        with contextlib.suppress(BrokenPipeError):  # it died at once; its end is seen below
            process.stdin.write(msgspec.json.encode(orders) + b"\n")
            process.stdin.flush()
        return process

    def _wait(self, places: Sequence[_Place], selector: selectors.BaseSelector, received: socket.socket) -> bool:
        """Wait for what happens next; tell whether it was a signal to end."""
        starts = [place.next_start for place in places if place.process is None]
        pause = max(0.0, min(starts) - time.monotonic()) if starts else None
        for key, _ in selector.select(pause):
            if key.fileobj is received:
                numbers = received.recv(64)
                hung_up = signal.SIGHUP in numbers
                if any(number in _END_SIGNALS for number in numbers) or (hung_up and not self.passes_hangup):
                    return True
                if hung_up:
                    _tell(places, signal.SIGHUP)
            else:
                self._hear(key.data, selector)
        return False

    def _hear(self, place: _Place, selector: selectors.BaseSelector) -> None:
        """Take in what a process says: that it is ready, or, by the end of its output, that it died."""
        process = place.process
        assert process is not None  # noqa: S101 - only a running one is listened to
        assert process.stdout is not None  # noqa: S101
        if os.read(process.stdout.fileno(), 4096):
            place.ready = True
            return
        selector.unregister(process.stdout)
        code = _collect(process)
        metrics.forget(self.folder, place.orders.place)
        pause = place.died(time.monotonic())
        _log.error("%s %s; it is started again in %.1f s", place.orders.place, _how(code), pause)

    def _drain(self, places: Sequence[_Place]) -> bool:
        self.listener.close()
        _tell(places, signal.SIGTERM)
        until = time.monotonic() + self.drain_s + _BEYOND_DRAIN_S
        orderly = True
        for place in places:
            process = place.process
            if process is None:
                continue
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                _log.error("%s did not end within the limit and is killed", place.orders.place)
                process.kill()
                orderly = False
            _collect(process)
        return orderly


def _tell(places: Sequence[_Place], number: signal.Signals) -> None:
    for place in places:
        if place.process is not None:
            place.process.send_signal(number)


def _collect(process: subprocess.Popen[bytes]) -> int:
    """Close the pipes of a process and take in its exit status; one that closed its output but lives is ended."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
    try:
        return process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _how(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit status {code}"


@contextlib.contextmanager
def _signals() -> Iterator[socket.socket]:
    """Give a socket on which the numbers of signals that arrive can be read."""
    reading, writing = socket.socketpair()
    with reading, writing:
        writing.setblocking(False)
        earlier_fd = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        handlers = {number: signal.signal(number, lambda *_: None) for number in (*_END_SIGNALS, signal.SIGHUP)}
        try:
            yield reading
        finally:
            signal.set_wakeup_fd(earlier_fd)
            for number, handler in handlers.items():
                signal.signal(number, handler)
