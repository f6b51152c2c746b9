"""One thread, one selector, many non-blocking transfers; a tick at a fixed schedule."""

import selectors
import time
from collections.abc import Callable, Sequence
from typing import Protocol

TICK_S = 0.05


class Transfer(Protocol):
    """A connection that moves bytes when its socket lets it. Every engine's streams look like this to the loop."""

    def fileno(self) -> int: ...

    @property
    def wants_write(self) -> bool:
        """Whether there is anything to send now."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come or go."""

    def readable(self, now: float) -> None:
        """Take what has arrived."""

    def writable(self, now: float) -> None:
        """Send what there is room for."""


def run(
    transfers: Sequence[Transfer],
    tick: Callable[[float], bool],
    enough: Callable[[], bool] | None = None,
    *,
    keep_on: bool = False,
) -> None:
    """Drive the transfers until ``tick`` says False, ``enough`` says True, or all have ended.

    ``tick`` is called with ``time.monotonic()``: first at once, then whenever that clock passes a multiple of TICK_S,
    and a last time when the end came between two ticks. So loops in several threads look at the same moments, and what
    they count adds up to one moment's count. ``enough`` is asked whenever something has moved.
    With ``keep_on`` it ticks on after all have ended.
    Whatever a transfer or the tick raises ends the loop and rises.
    """
    with selectors.DefaultSelector() as selector:
        interest: dict[Transfer, int] = {}
        next_tick = time.monotonic()
        while True:
            now = time.monotonic()
            if now >= next_tick:
                if not tick(now):
                    return
                next_tick = TICK_S * (int(now / TICK_S) + 1)
            for transfer in transfers:
                _update(selector, interest, transfer)
            if not (interest or keep_on) or (enough is not None and enough()):
                tick(time.monotonic())
                return
            for key, events in selector.select(max(0.0, next_tick - time.monotonic())):
                _serve(key.data, events, time.monotonic())


def _update(selector: selectors.BaseSelector, interest: dict[Transfer, int], transfer: Transfer) -> None:
    """Ask the selector for what the transfer waits for, only where that has changed."""
    known = interest.get(transfer)
    if transfer.ended:
        if known is not None:
            selector.unregister(transfer.fileno())
            del interest[transfer]
        return
    wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if transfer.wants_write else 0)
    if known == wanted:
        return
    if known is None:
        selector.register(transfer.fileno(), wanted, transfer)
    else:
        selector.modify(transfer.fileno(), wanted, transfer)
    interest[transfer] = wanted


def _serve(transfer: Transfer, events: int, now: float) -> None:
    if events & selectors.EVENT_READ:
        transfer.readable(now)
    if events & selectors.EVENT_WRITE and not transfer.ended:
        transfer.writable(now)
