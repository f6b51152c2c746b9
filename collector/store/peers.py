"""What computers of one school need to test against each other: the school's key, and where each can be reached."""

import ipaddress
import secrets
from collections.abc import Sequence
from datetime import datetime

from agent.contract.measurement import Link
from agent.contract.wire import PeerCard
from collector.store.database import Connection
from collector.store.questions import sql
from collector.store.reports import Row

_KEY_BYTES = 32
_MOST = 64  # the contract's bound
_INSIDE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))


def key_of_school(connection: Connection, school_id: str) -> bytes:
    """Return the school's key, made when it is first asked for and the same ever after."""
    connection.execute(sql("keep_peer_key"), {"school_id": school_id, "key": secrets.token_bytes(_KEY_BYTES)})
    row = connection.execute(sql("peer_key"), {"school_id": school_id}).fetchone()
    assert row is not None  # noqa: S101 - just kept
    return bytes(row[0])


def row(link: Link, stamp: Row, seen_at: datetime) -> Row | None:
    """Return where a computer says that it can be reached; None where it does not, or at no address inside a school."""
    if link.peer_port is None or not is_inside(link.address):
        return None
    return {
        "school_id": stamp["school_id"],
        "agent_id": stamp["agent_id"],
        "address": link.address,
        "port": link.peer_port,
        "seen_at": seen_at,
    }


def is_inside(address: str | None) -> bool:
    """Tell whether others in the school can call this address: RFC 1918 or RFC 4193, written as an address alone."""
    try:
        told = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    # Not "is_private": that holds for 255.255.255.255, for ::ffff:127.0.0.1, and with any text as a zone.
    return "%" not in str(told) and any(told in network for network in _INSIDE)


def keep(connection: Connection, rows: Sequence[Row]) -> None:
    """Store where computers can be reached; the newest word of each counts."""
    with connection.cursor() as cursor:
        cursor.executemany(sql("keep_peer"), rows)


def cards(connection: Connection, school_id: str, since: datetime) -> tuple[PeerCard, ...]:
    """Return the school's computers that said since then where they can be reached, the newest first."""
    parameters = {"school_id": school_id, "since": since, "most": _MOST}
    rows = connection.execute(sql("peers_of_school"), parameters).fetchall()
    return tuple(PeerCard(agent=agent, addresses=(address,), port=port) for agent, address, port in rows)
