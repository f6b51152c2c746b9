"""Who may test here, and how much: a lease's ticket where one is wanted, and limits of each source in an hour.

What moves next to nothing (is it alive? what is my address?) passes, so that a client can find out whom it talks to.
"""

import threading
import time
from collections.abc import Callable, Iterable

from msgspec import Struct

from agent.contract import ticket
from agent.contract.errors import NetreadyError, SettingsError
from agent.contract.signing import PUBLIC_KEY_BYTES
from agent.contract.ticket import Ticket
from agent.meter import echo
from agent.meter.errors import HeadError
from agent.reflector import request
from agent.reflector.metrics import Metrics
from agent.reflector.request import Request

HOUR_S = 3600.0
MAX_SOURCES = 65_536  # whose hours are remembered; TCP has shown that each can be reached, none is forged
MAX_LEASES = 65_536
CLOCKS_S = 30  # by so much the collector's clock and this one may differ
_WITHOUT_ID_S = 60.0  # requests of one source without a test's id belong to one test for so long
_NAMES = 64  # of a source's tests that are remembered: more than it may have connections
_KEYS = 16  # of collectors that a file may name

# What every client asks before a test, and what costs less than a refusal.
_FREE = frozenset(
    {
        "/healthz",
        "/",
        "/backend/empty.php",
        "/backend/getIP.php",
        "/speedtest-config.php",
        "/speedtest-servers-static.php",
        "/speedtest-servers.php",
        "/speedtest/latency.txt",
        "/speedtest/upload.php",
        echo.NONCE_PATH,
    }
)


class Limits(Struct, frozen=True, kw_only=True):
    """What one source may have open at a time, and in an hour; 0 for no limit in an hour.

    A source is an IPv4 address or an IPv6 /64. Many schools may stand behind one address of their operator: then theirs
    have to be higher, or the leases keep order alone.
    """

    connections: int = 48  # at a time: a dozen usual tests behind one address, or one of the most connections
    tests: int = 600
    bytes: int = 500_000_000_000  # a line of 1 Gbit/s cannot move more in an hour in one direction


class Leases(Struct, frozen=True, kw_only=True):
    """Whose tickets are believed, and for which addresses of this server they have to be."""

    public_keys: tuple[bytes, ...]
    servers: tuple[str, ...]


class _Hour(Struct):
    """What a source had since its hour began, on time.monotonic."""

    began: float
    bytes: int = 0
    tests: int = 0
    names: dict[str, None] = {}  # of the last tests, by which further connections of theirs are known


class _Lease(Struct):
    expires: float  # on the system's clock
    max_bytes: int
    bytes: int = 0


class Gate:
    """Admits tests and counts what they move. Used from many threads."""

    def __init__(self, limits: Limits, leases: Leases | None = None, metrics: Metrics | None = None) -> None:
        self.metrics = Metrics() if metrics is None else metrics
        self._limits = limits
        self._leases = leases
        self._lock = threading.Lock()
        self._hours: dict[str, _Hour] = {}  # oldest first
        self._spent: dict[str, _Lease] = {}

    @property
    def connections(self) -> int:
        """How many connections one source may have open."""
        return self._limits.connections

    @property
    def wants_leases(self) -> bool:
        """Whether tests need a ticket."""
        return self._leases is not None

    def admit(self, asked: Request, source: str) -> Callable[[int], bool] | None:
        """Let a request in; return what is to be told how many bytes it has moved so far, and says whether to end.

        None for what is no test.

        Raises:
            HeadError: it is refused, with the cause in a header (403, 429, 503).
        """
        if not _is_test(asked):
            return None
        shown = None if self._leases is None else self._proved(asked, self._leases)
        lease = None if shown is None else shown.lease
        now = time.monotonic()
        with self._lock:
            hour = self._hour(source, now)
            spent = None if shown is None else self._lease(shown)
            self._refuse_what_is_over(hour, spent, now)
            name = lease or asked.query.get("mid", "")[:64] or f"at {int(now / _WITHOUT_ID_S)}"
            if name not in hour.names:
                if self._limits.tests and hour.tests >= self._limits.tests:
                    raise refusal("tests", hour.began + HOUR_S - now)
                hour.tests += 1
                hour.names[name] = None
                if len(hour.names) > _NAMES:
                    del hour.names[next(iter(hour.names))]
                self.metrics.count_test(asked.path)
        return _Meter(self, hour, spent).moved

    def refused(self, error: HeadError) -> None:
        """Count a refusal of ours."""
        for field in error.fields:
            name, _, cause = field.partition(": ")
            if name == ticket.REFUSAL_HEADER:
                self.metrics.count_refusal(cause)

    def add(self, hour: _Hour, spent: _Lease | None, more: int) -> bool:
        """Count bytes that were moved; tell whether they are enough."""
        self.metrics.count_bytes(more)
        with self._lock:
            hour.bytes += more
            if spent is not None:
                spent.bytes += more
            return bool(self._limits.bytes and hour.bytes >= self._limits.bytes) or (
                spent is not None and spent.bytes >= spent.max_bytes
            )

    def _refuse_what_is_over(self, hour: _Hour, spent: _Lease | None, now: float) -> None:
        if spent is not None and spent.bytes >= spent.max_bytes:
            raise refusal("ticket-spent")
        if self._limits.bytes and hour.bytes >= self._limits.bytes:
            raise refusal("bytes", hour.began + HOUR_S - now)

    def _hour(self, source: str, now: float) -> _Hour:
        hour = self._hours.get(source)
        if hour is not None and now - hour.began < HOUR_S:
            return hour
        self._hours.pop(source, None)
        while self._hours and now - next(iter(self._hours.values())).began >= HOUR_S:
            del self._hours[next(iter(self._hours))]
        if len(self._hours) >= MAX_SOURCES:
            raise refusal("full", HOUR_S / 60)
        made = self._hours[source] = _Hour(now)
        return made

    def _lease(self, shown: Ticket) -> _Lease:
        known = self._spent.get(shown.lease)
        if known is None:
            if len(self._spent) >= MAX_LEASES:
                now = time.time()
                self._spent = {name: one for name, one in self._spent.items() if one.expires >= now}
            if len(self._spent) >= MAX_LEASES:
                raise refusal("full", HOUR_S / 60)
            known = self._spent[shown.lease] = _Lease(shown.expires + CLOCKS_S, shown.max_bytes)
        return known

    def _proved(self, asked: Request, leases: Leases) -> Ticket:
        """Return the ticket that a request shows, if it is good here and now."""
        text = asked.head.fields.get(ticket.HEADER.lower())
        if text is None:
            raise refusal("ticket-missing")
        try:
            shown = ticket.read(text, leases.public_keys)
        except NetreadyError as error:
            raise refusal("ticket-forged") from error
        named = request.lease(asked)
        if named is not None and named != shown.lease:  # the record would name another's lease
            raise refusal("ticket-forged")
        if not any(ticket.same_server(shown.server, one) for one in leases.servers):
            raise refusal("ticket-elsewhere")
        now = time.time()
        if now > shown.expires + CLOCKS_S:
            raise refusal("ticket-expired")
        if now < shown.not_before - CLOCKS_S:
            raise refusal("ticket-early")
        return shown


class _Meter:
    """Tells the gate what one request moved more than when it was last asked."""

    def __init__(self, gate: Gate, hour: _Hour, spent: _Lease | None) -> None:
        self._gate, self._hour, self._spent = gate, hour, spent
        self._told = 0

    def moved(self, total: int) -> bool:
        more, self._told = total - self._told, total
        return self._gate.add(self._hour, self._spent, more)


def refusal(cause: str, wait_s: float | None = None) -> HeadError:
    """Return the answer that refuses for this cause; with a time to wait it is one that passes by itself."""
    sentence = ticket.REFUSALS[cause]
    fields: tuple[str, ...] = (f"{ticket.REFUSAL_HEADER}: {cause}",)
    if wait_s is None:
        return HeadError(403, sentence, fields)
    seconds = max(1, int(wait_s) + 1)
    if cause == "full":
        return HeadError(503, sentence, fields)  # which asks to wait anyway
    return HeadError(429, f"{sentence}; come back in {seconds} s", (*fields, f"Retry-After: {seconds}"))


def read_keys(text: str, where: str) -> tuple[bytes, ...]:
    """Read a file of public keys as 'netready-collector servers lease-key' prints them, one a line; # is a remark.

    Raises:
        SettingsError: there is none, or one is no key.
    """
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    keys = tuple(_keys(filter(None, lines), where))
    if not 1 <= len(keys) <= _KEYS:
        raise SettingsError(f"{where}: 1 to {_KEYS} keys are needed, as 'netready-collector servers lease-key' prints")
    return keys


def _keys(lines: Iterable[str], where: str) -> Iterable[bytes]:
    for line in lines:
        try:
            key = bytes.fromhex(line)
        except ValueError:
            key = b""
        if len(key) != PUBLIC_KEY_BYTES:
            raise SettingsError(f"{where}: {line[:80]!r} is no key; 'netready-collector servers lease-key' prints one")
        yield key


def _is_test(asked: Request) -> bool:
    """Tell whether a request moves something; whoever sends a body does, whatever he calls it."""
    fields = asked.head.fields
    if "transfer-encoding" in fields or fields.get("content-length", "0").strip("0"):
        return True
    return asked.method in ("GET", "POST") and asked.path not in _FREE
