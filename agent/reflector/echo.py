"""The UDP echo server: answers requests, and only as many from one source as a school needs."""

import socket
import time
from collections.abc import Callable

from agent.meter import echo
from agent.reflector.source import of as source_of

RATE_PER_S = 1000  # echoes a second for one source: fifty computers behind one address, twenty each
MAX_SOURCES = 4096  # sources remembered within a second; more of them get no answer in it
_BURST = 64  # datagrams taken at once before connections get their turn


class EchoServer:
    """Answers on a non-blocking UDP socket when told that it is readable."""

    def __init__(
        self,
        sock: socket.socket,
        only: str | None = None,
        knows: Callable[[bytes, str], bool] | None = None,
        refused: Callable[[str], None] = lambda _cause: None,
    ) -> None:
        """Answer everybody, or only this source; or who has a nonce that ``knows`` knows for its address.

        ``refused`` is told the cause of what is not answered for want of a nonce.
        """
        self._sock = sock
        self._only = only
        self._knows = knows
        self._refused = refused
        self._second = 0
        self._counts: dict[str, int] = {}

    def answer(self) -> None:
        """Answer the requests that wait; everything else is ignored in silence."""
        for _ in range(_BURST):
            try:
                datagram, address = self._sock.recvfrom(2048)
            except ConnectionError:
                continue  # Windows tells here that an earlier answer was not wanted
            except OSError:
                return
            reply = echo.answer(datagram)
            if reply is None:
                continue
            # Before it is counted: a forged sender uses up nobody's share.
            if self._knows is not None and not self._knows(echo.nonce_of(datagram), address[0]):
                self._refused("nonce")
                continue
            if not self._admits(address[0], time.monotonic()):
                continue
            try:
                self._sock.sendto(reply, address)
            except OSError:
                continue  # no buffer or no way back: to the client this is a lost echo, which it is

    def _admits(self, host: str, now: float) -> bool:
        """Count an echo of the source in the current second; False beyond the bound."""
        if int(now) != self._second:
            self._second = int(now)
            self._counts.clear()
        source = source_of(host)
        if self._only is not None and source != self._only:
            return False
        count = self._counts.get(source, 0)
        if count >= RATE_PER_S or (count == 0 and len(self._counts) >= MAX_SOURCES):
            return False
        self._counts[source] = count + 1
        return True
