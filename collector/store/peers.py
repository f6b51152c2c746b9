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
    """Tell whether others in the school can call this address: a private one, of neither this computer nor a cable."""
    try:
        told = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    return told.is_private and not (told.is_loopback or told.is_link_local or told.is_unspecified or told.is_multicast)


def keep(connection: Connection, rows: Sequence[Row]) -> None:
    """Store where computers can be reached; the newest word of each counts."""
    with connection.cursor() as cursor:
        cursor.executemany(sql("keep_peer"), rows)


def cards(connection: Connection, school_id: str, since: datetime) -> tuple[PeerCard, ...]:
    """Return the school's computers that said since then where they can be reached, the newest first."""
    parameters = {"school_id": school_id, "since": since, "most": _MOST}
    rows = connection.execute(sql("peers_of_school"), parameters).fetchall()
    return tuple(PeerCard(agent=agent, addresses=(address,), port=port) for agent, address, port in rows)
