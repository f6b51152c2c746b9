"""Bodies of requests, read whole before they take a place in any queue: slow ones hold up nobody.

Bounded in number, in bytes, in time and in what one address may have of them.
"""

import asyncio
import contextlib
import ipaddress
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import TypeVar

import msgspec
from fastapi import Request
from msgspec import Struct
from starlette.requests import ClientDisconnect

from agent.contract import wire
from agent.contract.errors import MalformedError
from collector import ingest
from collector.api.problems import Busy
from collector.settings import IngestSettings

BODY_LIMIT = wire.MAX_BATCH_BYTES + 64 * 1024
# A poor line needs some seconds for the handshake and the first window; with an honest pace there is time for 4 MiB.
_GRACE_S = 10.0
_LONGEST_S = 600.0


_MOST_JSON_BYTES = 256 * 1024
_Kind = TypeVar("_Kind")


async def read_small(request: Request, most_bytes: int) -> bytes:
    """Return the body of somebody's request who is known.

    Raises:
        TooLarge: it is larger than anything that is asked there.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            raise ingest.TooLarge(f"the body has more than {most_bytes} bytes; nothing that is asked here is so long")
    return bytes(body)


async def read_json(request: Request, kind: type[_Kind]) -> _Kind:
    """Return what somebody asks in JSON; raises TooLarge, and MalformedError naming what is wrong."""
    body = await read_small(request, _MOST_JSON_BYTES)
    if b"\\u0000" in body:
        raise MalformedError("the body holds a NUL character")
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"the body cannot be read: {error}") from error


def checked(values: Mapping[str, object], kind: type[_Kind]) -> _Kind:
    """Return what somebody asks in single values; raises MalformedError naming what is wrong."""
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise MalformedError(f"this cannot be: {error}") from error


class _Coming(Struct, eq=False):
    """One body on its way."""

    began: float
    limit: asyncio.Timeout
    size: int = 0


class Bodies:
    """The bodies that are in hand: coming in, or whole and waiting to be worked on."""

    def __init__(self, settings: IngestSettings) -> None:
        self._settings = settings
        self._share = max(1, int(settings.bodies * settings.address_share))
        self._coming: dict[_Coming, None] = {}
        self._by_address: Counter[str] = Counter()
        self.held_bytes = 0

    @contextlib.asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """Give a request's whole body; what it takes is counted until the block ends.

        Raises:
            Busy: there is no room, or this address has its share already.
            TooLarge: the body is larger than any batch may be.
            MalformedError: it ended early or came too slowly.
        """
        address = _address(request)
        if self._by_address[address] >= self._share:
            raise Busy(self._settings.retry_after_s)
        self._make_room()
        self._by_address[address] += 1
        body = bytearray()
        try:
            await self._fill(body, request)
            yield bytes(body)
        finally:
            self.held_bytes -= len(body)
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]

    async def _fill(self, body: bytearray, request: Request) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            async with asyncio.timeout_at(began + _GRACE_S) as limit:
                coming = _Coming(began, limit)
                self._coming[coming] = None
                try:
                    async for chunk in request.stream():
                        if len(body) + len(chunk) > BODY_LIMIT:
                            raise ingest.TooLarge(f"the body has more than {BODY_LIMIT} bytes; send fewer at once")
                        if self.held_bytes + len(chunk) > self._settings.held_bytes:
                            raise Busy(self._settings.retry_after_s)
                        self.held_bytes += len(chunk)
                        body += chunk
                        earned = _GRACE_S + len(body) / self._settings.least_bytes_per_s
                        limit.reschedule(began + min(_LONGEST_S, earned))
                finally:
                    del self._coming[coming]
        except TimeoutError as error:
            raise MalformedError(
                f"the body came too slowly ({len(body)} bytes in {clock() - began:.0f} seconds); send it again"
            ) from error
        except ClientDisconnect as error:
            raise MalformedError("the connection ended before the body did; send it again") from error

    def _make_room(self) -> None:
        """Where all places are taken, cut off the body that has been coming for longest: honest ones are soon whole."""
        if len(self._coming) < self._settings.bodies:
            return
        now = asyncio.get_running_loop().time()
        oldest = next(iter(self._coming))
        if now - oldest.began < 1.0:
            raise Busy(self._settings.retry_after_s)
        oldest.limit.reschedule(now)


def _address(request: Request) -> str:
    """Return who a place is counted for: an IPv4 address, or the IPv6 network that one customer has (RFC 6177)."""
    host = request.client.host if request.client else ""
    if ":" not in host:
        return host
    return str(ipaddress.ip_network((host.partition("%")[0], 64), strict=False))
