"""A test has two halves: what the computer reported, and what the test server signed by itself; pure.

The server's half comes twice, in the computer's report and straight from the server, so that neither can leave it out.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from agent.contract import record
from agent.contract.errors import NetreadyError
from agent.contract.measurement import Throughput
from agent.contract.record import ServerRecord
from collector.verdicts.facts import Server, authority_of


class Twin(Struct, frozen=True):
    """The server's half of a test: null where there is none, and whether it contradicts the report."""

    record: ServerRecord | None
    differs: bool


class Twins:
    """Finds the server's half of tests. Keys and records that cannot be read prove nothing, and hide nothing."""

    def __init__(self, servers: Iterable[Server], records: Iterable[bytes]) -> None:
        """Take the registered servers, and the records that they sent by themselves."""
        self._key_of: Mapping[str, bytes] = {
            authority_of(one.url): one.public for one in servers if one.public is not None
        }
        self._sent: dict[tuple[str, bytes], list[ServerRecord]] = {}
        for raw in records:
            for key in set(self._key_of.values()):
                read = _read(raw, key)
                if read is not None:
                    self._sent.setdefault((read.test_id, key), []).append(read)

    def of(self, test: Throughput) -> Twin:
        """Return the server's half of a test."""
        key = self._key_of.get(authority_of(test.server))
        if key is None or test.test_id is None:
            return Twin(None, differs=False)
        sent = self._sent.get((test.test_id, key), [])
        carried = _read(test.record, key) if test.record is not None else None
        known = [one for one in (carried, *sent) if one is not None]
        if not known:
            return Twin(None, differs=False)
        agree = all(one == known[0] for one in known)
        return Twin(known[0], differs=not agree or record.differs(test, known[0]) is not None)

    def is_kept_by(self, server: str) -> bool:
        """Tell whether a server signs records, so that a test against it without one is only half a test."""
        return authority_of(server) in self._key_of


def goes_over(known: ServerRecord, networks: Sequence[str]) -> bool:
    """Tell whether a test came from one of these networks, as CIDR."""
    wanted = [ipaddress.ip_network(one, strict=False) for one in networks]
    peers = [_network(one) for one in known.peers]
    return bool(peers) and all(any(_overlap(peer, one) for one in wanted) for peer in peers)


def _network(address: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Return the network that a server recorded of its peer: of IPv4 the /24, of IPv6 the /48."""
    found = ipaddress.ip_address(address.partition("/")[0])
    return ipaddress.ip_network(f"{found}/{24 if found.version == 4 else 48}", strict=False)


def _overlap(
    one: ipaddress.IPv4Network | ipaddress.IPv6Network, other: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> bool:
    return one.version == other.version and one.overlaps(other)


def _read(raw: bytes, key: bytes) -> ServerRecord | None:
    try:
        return record.verify(raw, key)
    except NetreadyError:
        return None
