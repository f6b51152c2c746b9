"""The far end of one test between two computers of a school: a process of its own, which lasts as long as that test.

It reads one Order from standard input, prints ``listening ...`` and serves MSAK under a path that only the ticket's
holder knows, to one address. It ends when the time is over or standard input closes, whatever becomes of its parent.
"""

import sys
import threading
import time

import msgspec

from agent.meter import request_echo
from agent.meter.errors import HeadError
from agent.reflector import librespeed, msak, server, source
from agent.reflector.peer_order import Order
from agent.reflector.request import Exchange, Handler, Routes
from agent.reflector.server import Offer

# Beyond what was granted, so that it is the visitor who ends: seconds, and bytes that are on their way meanwhile.
_MARGIN_S, _MARGIN_BYTES, _MARGIN_SHARE = 2.5, 1 << 22, 1.1
_MOST_STREAMS = 8  # in a direction; the meter has six


class Allowance:
    """What one direction may take, over all of its connections together."""

    def __init__(self, max_bytes: int, seconds: float) -> None:
        """Begin to count with the first connection."""
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._ends: float | None = None
        self._moved: list[int] = []
        self._lock = threading.Lock()

    def bound(self, handler: Handler) -> Handler:
        """Return a handler that ends a test where this is used up."""

        def serve(exchange: Exchange) -> None:
            index = self._join()
            exchange.enough = lambda moved: self._is_used_up(index, moved)
            handler(exchange)

        return serve

    def _join(self) -> int:
        with self._lock:
            if self._ends is None:
                self._ends = time.monotonic() + self._seconds
            if len(self._moved) >= _MOST_STREAMS or time.monotonic() >= self._ends:
                raise HeadError(503, "this direction of the test has had all that was granted")
            self._moved.append(0)
            return len(self._moved) - 1

    def _is_used_up(self, index: int, moved: int) -> bool:
        self._moved[index] = moved
        return sum(self._moved) >= self._max_bytes or (self._ends is not None and time.monotonic() >= self._ends)


def routes(order: Order) -> Routes:
    """Return what the visitor may ask for: the two directions within their bounds, and small echoes."""
    max_bytes, seconds = int(_MARGIN_SHARE * order.max_bytes) + _MARGIN_BYTES, order.direction_s + _MARGIN_S
    offered: Routes = {key: Allowance(max_bytes, seconds).bound(handler) for key, handler in msak.ROUTES.items()}
    offered["GET", request_echo.PATH] = librespeed.empty
    return {(method, f"/{order.ticket}{path}"): handler for (method, path), handler in offered.items()}


def serve(order: Order, stop: threading.Event) -> None:
    """Serve until ``stop`` is set; raises OSError where it cannot listen at all."""
    offer = Offer(routes=routes(order), only=source.of(order.visitor))

    def listen(port: int) -> None:
        server.serve((order.host, port), None, None, lambda line: print(line, flush=True), stop, offer=offer)  # noqa: T201

    try:
        listen(order.port)
    except OSError:
        listen(0)


def main() -> None:
    """Do what the order on standard input says."""
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    stop = threading.Event()

    def wait() -> None:
        sys.stdin.buffer.read()
        stop.set()

    threading.Thread(target=wait, daemon=True).start()
    timer = threading.Timer(order.seconds, stop.set)
    timer.daemon = True
    timer.start()
    serve(order, stop)


if __name__ == "__main__":
    main()
