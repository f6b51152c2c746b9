"""A page's progress as server-sent events: bounded in time and in number, with comments that keep proxies awake."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable

import anyio
import anyio.to_thread
import msgspec
from fastapi.responses import StreamingResponse
from msgspec import Struct

from collector.errors import TooManyTries
from collector.pages.asking import speech

LASTS_S = 120.0
EVERY_S = 2.0
_HEARTBEAT_S = 15.0
_MOST = 40
_MOST_OF_ONE = 4
_open: Counter[str] = Counter()  # by who looks; one thread's event loop counts


class Shown(Struct, frozen=True):
    """What a page shows now; ``is_over``: nothing more will come."""

    html: str
    is_over: bool


def stream(of: str, look: Callable[[], Shown]) -> StreamingResponse:
    """Return events with what a page shows, whenever that changes.

    Args:
        of: who looks, for the bound on connections.
        look: finds out what is shown; called in a thread.

    Raises:
        TooManyTries: too many look at once; the page itself goes on to refresh.
    """
    if _open.total() >= _MOST or _open[of] >= _MOST_OF_ONE:
        raise TooManyTries(speech().say("too many pages follow tests at once; this one is renewed by itself"), 30)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_events(of, look), media_type="text/event-stream", headers=headers)


async def _events(of: str, look: Callable[[], Shown]) -> AsyncIterator[str]:
    _open[of] += 1
    try:
        begun = told = time.monotonic()
        shown: Shown | None = None
        yield "retry: 5000\n\n"
        while time.monotonic() - begun < LASTS_S:
            now = await anyio.to_thread.run_sync(look)
            if now != shown:
                shown, told = now, time.monotonic()
                yield _event("end" if now.is_over else "progress", now.html)
            elif time.monotonic() - told >= _HEARTBEAT_S:
                told = time.monotonic()
                yield ": still here\n\n"
            if now.is_over:
                return
            await anyio.sleep(EVERY_S)
        yield _event("pause", "")
    finally:
        _open[of] -= 1
        if not _open[of]:
            del _open[of]


def _event(name: str, html: str) -> str:
    return f"event: {name}\ndata: {msgspec.json.encode({'html': html}).decode()}\n\n"
