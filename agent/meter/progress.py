"""Live rates for whoever shows progress, without every probe having to pass them on.

    with progress.watch(show):
        probe.measure(deadline_s)

``show`` is called in the measuring thread a few times a second; it has to be quick.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

from msgspec import Struct


class Progress(Struct, frozen=True, kw_only=True):
    """Where a test stands: what it is doing, how far (0 to 1) and how fast just now (IP layer, null if unknown)."""

    phase: Literal["download", "upload"]
    share: float
    ip_bps: float | None


_listener: ContextVar[Callable[[Progress], None] | None] = ContextVar("progress", default=None)


@contextmanager
def watch(listener: Callable[[Progress], None]) -> Iterator[None]:
    """Have the listener told of the progress of everything measured inside, in this thread."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def tell(progress: Progress) -> None:
    """Tell the listener, if there is one."""
    listener = _listener.get()
    if listener is not None:
        listener(progress)
