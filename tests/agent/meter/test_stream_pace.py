"""A stream keeps a pace without the kernel's help, and says meanwhile what it has to say."""

import socket
import time
from collections.abc import Callable, Iterator

import pytest

from agent.host import tcp_info
from agent.meter import loop, websocket
from agent.meter.pacer import BURST_S
from agent.meter.stream import BUFFER_BYTES, Stream

RATE_BPS = 8_000_000
TICKS = 20
AT_MOST_TICKS = 200  # no test waits longer
MESSAGE_BYTES = 1 << 20  # more than a second's worth


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Stream, Stream]]:
    """Both ends of a WebSocket over loopback on a system that cannot pace; the first wants to send without end."""
    monkeypatch.setattr(tcp_info, "pace", lambda _sock, _rate_bps: False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near_sock = socket.create_connection(listener.getsockname())
        far_sock, _ = listener.accept()
    near = Stream(near_sock, "client", bytearray(BUFFER_BYTES))
    far = Stream(far_sock, "server", bytearray(BUFFER_BYTES))
    near.next_bulk = lambda: MESSAGE_BYTES
    yield near, far
    near.close()
    far.close()


def run(ends: tuple[Stream, Stream], done: Callable[[], bool] = lambda: False, ticks: int = AT_MOST_TICKS) -> None:
    left = iter(range(ticks))
    loop.run(ends, lambda _now: next(left, None) is not None and not done())


def test_it_keeps_its_pace(ends: tuple[Stream, Stream]) -> None:
    """The far end receives what the pace allows and a burst at most, and at least most of it."""
    near, far = ends
    began = time.monotonic()
    near.pace(RATE_BPS)
    run(ends, ticks=TICKS)
    assert far.wire_received <= RATE_BPS / 8 * (time.monotonic() - began + BURST_S)
    assert far.wire_received >= 0.8 * RATE_BPS / 8 * (TICKS - 1) * loop.TICK_S
    assert far.payload_received == near.payload_sent


def test_held_back_is_not_idle(ends: tuple[Stream, Stream]) -> None:
    """While the pace holds bulk back the stream does not want to send, but will; without more to send it is idle."""
    near, _far = ends
    assert (near.wants_write, near.waits) == (True, False)
    near.pace(8)
    assert (near.wants_write, near.waits) == (False, True)
    near.next_bulk = None
    assert (near.wants_write, near.waits) == (False, False)


@pytest.mark.parametrize("has_begun", [True, False])
def test_words_do_not_wait(ends: tuple[Stream, Stream], *, has_begun: bool) -> None:
    """Texts and the goodbye go out at once, with what is left of the message they are behind."""
    near, far = ends
    heard: list[bytes] = []
    far.on_text = lambda text, _now: heard.append(text)
    if has_begun:
        near.pace(RATE_BPS)
        run(ends, lambda: far.payload_received > 0)
    near.pace(1000)
    near.send_text(b"still here")
    assert near.wants_write
    run(ends, lambda: bool(heard))
    assert heard == [b"still here"]
    assert far.payload_received == (MESSAGE_BYTES if has_begun else 0)
    near.finish("done")
    run(ends, lambda: near.ended)
    assert (near.peer_code, far.peer_code) == (websocket.NORMAL_CLOSURE, websocket.NORMAL_CLOSURE)
