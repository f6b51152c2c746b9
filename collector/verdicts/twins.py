"""A test has two halves: what the computer reported, and what the test server signed by itself; pure.

The server's half comes twice, in the computer's report and straight from the server, so that neither can leave it out.
"""

import functools
import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from agent.contract import record
from agent.contract.errors import NetreadyError
from agent.contract.measurement import Throughput
from agent.contract.record import ServerRecord
from collector.verdicts.facts import Place, Server, authority_of

SAME_TEST = timedelta(minutes=5)  # how far two clocks may be apart on when a test began; ours
# A report is made when its session ends: a test of another day in it proves nothing of that day.
EARLIEST, LATEST = -SAME_TEST, timedelta(hours=1)
_EVER = datetime.min.replace(tzinfo=UTC)


class Twin(Struct, frozen=True):
    """The server's half of a test: null where there is none, and whether it contradicts the report."""

    record: ServerRecord | None
    differs: bool


class Twins:
    """Finds the server's half of tests. Keys and records that cannot be read prove nothing, and hide nothing.

    A server may have had several keys. Each is believed of tests that began in its own time, by the test's clock and by
    the record's: whoever has a key that ended cannot sign for today by dating a record back. A computer may use an id
    again, and a server signs again then: each record is of its own time.
    """

    def __init__(self, servers: Iterable[Server], records: Iterable[bytes]) -> None:
        """Take the registered servers, and the records that they sent by themselves."""
        self._by_authority: dict[str, list[Server]] = {}
        for one in servers:
            self._by_authority.setdefault(authority_of(one.url), []).append(one)
        keys = {one.public for members in self._by_authority.values() for one in members if one.public is not None}
        self._sent: dict[tuple[str, bytes], list[ServerRecord]] = {}
        for raw in records:
            for key in keys:
                found = read(raw, key)
                if found is not None:
                    self._sent.setdefault((found.test_id, key), []).append(found)
        for sent in self._sent.values():
            sent.sort(key=first_began)

    def of(self, test: Throughput, at: datetime) -> Twin:
        """Return the server's half of a test; ``at``: when its report was made."""
        began = test.started_at or at
        known = [one for server in self._signing(test.server) for one in self._records(test, server, began)]
        if not known:
            return Twin(None, differs=False)
        then = [one for one in known if _is_then(test, at, one)]
        alike = [one for one in then if record.differs(test, one) is None]
        found = (alike or then or known)[0]
        agree = all(one == found for one in known if began_at(one) == began_at(found))
        return Twin(found, differs=not (alike and agree))

    def is_kept_by(self, server: str, at: datetime) -> bool:
        """Tell whether a server signed records then, so that a test against it without one is only half a test."""
        return any(one.counts(at) for one in self._signing(server))

    def place_of(self, server: str, at: datetime) -> Place | None:
        """Return whether a server stood inside or outside of the operator's network then; null where nobody placed it.

        Where no key of it counted then, as by the one that counted next before, else by the first.
        """
        known = self._by_authority.get(authority_of(server), [])
        counting = [one for one in known if one.counts(at)]
        before = [one for one in known if one.since is None or one.since <= at]
        newest = max(counting or before, key=lambda one: one.since or _EVER, default=None)
        return (newest or min(known, key=lambda one: one.since or _EVER)).place if known else None

    def _signing(self, server: str) -> list[Server]:
        return [one for one in self._by_authority.get(authority_of(server), ()) if one.public is not None]

    def _records(self, test: Throughput, server: Server, began: datetime) -> Iterator[ServerRecord]:
        """Yield what a server signed of a test with one of its keys, in that key's time."""
        if test.test_id is None or server.public is None:
            return
        carried = read(bytes(test.record), server.public) if test.record is not None else None
        for one in (carried, *self._sent.get((test.test_id, server.public), ())):
            if one is not None and all(server.counts(at) for at in (began, *began_at(one))):
                yield one


def began_at(known: ServerRecord) -> list[datetime]:
    """Return when a test's directions began, by the server's clock."""
    return [one.began_at for one in (known.download, known.upload) if one is not None]


def first_began(known: ServerRecord) -> datetime:
    """Return when a test began; before everything else where it has no direction."""
    return min(began_at(known), default=_EVER)


def goes_over(known: ServerRecord, networks: Sequence[str]) -> bool:
    """Tell whether a test came from one of these networks, as CIDR."""
    wanted = [ipaddress.ip_network(one, strict=False) for one in networks]
    peers = [network_of(one) for one in known.peers]
    return bool(peers) and all(any(_overlap(peer, one) for one in wanted) for peer in peers)


def network_of(address: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Return the network that a server recorded of its peer: of IPv4 the /24, of IPv6 the /48."""
    found = ipaddress.ip_address(address.partition("/")[0])
    return ipaddress.ip_network(f"{found}/{24 if found.version == 4 else 48}", strict=False)


def _is_then(test: Throughput, at: datetime, known: ServerRecord) -> bool:
    """Tell whether a test was made when its server saw it: a record proves nothing of any other time."""
    began = min(began_at(known), default=None)
    if began is None:
        return True
    return EARLIEST <= at - began <= LATEST if test.started_at is None else abs(test.started_at - began) <= SAME_TEST


def _overlap(
    one: ipaddress.IPv4Network | ipaddress.IPv6Network, other: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> bool:
    return one.version == other.version and one.overlaps(other)


@functools.lru_cache(maxsize=4096)
def read(raw: bytes, key: bytes) -> ServerRecord | None:
    """Read a record that this key signed; null where it did not, or nobody can read it."""
    try:
        return record.verify(raw, key)
    except NetreadyError:
        return None
