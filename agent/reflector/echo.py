"""The UDP echo server: answers requests, and only as many from one source as a school needs."""

import ipaddress
import socket
import time

from agent.meter import echo

RATE_PER_S = 1000  # echoes a second for one source: fifty computers behind one address, twenty each
MAX_SOURCES = 4096  # sources remembered within a second; more of them get no answer in it
_BURST = 64  # datagrams taken at once before connections get their turn


class EchoServer:
    """Answers on a non-blocking UDP socket when told that it is readable."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
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
            if reply is None or not self._admits(address[0], time.monotonic()):
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
        source = _source(host)
        count = self._counts.get(source, 0)
        if count >= RATE_PER_S or (count == 0 and len(self._counts) >= MAX_SOURCES):
            return False
        self._counts[source] = count + 1
        return True


def _source(host: str) -> str:
    """Return what counts as one source: an IPv4 address, or the /64 that an IPv6 host picks its addresses from."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return str(address)
