"""What computers of one school need to test against each other: the school's key, and where each can be reached."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from agent.contract.measurement import Link
from agent.contract.values import in_private_network
from agent.contract.wire import PeerCard
from collector.store.columns import Pack, integers, moments, packed, texts
from collector.store.database import Connection
from collector.store.questions import sql
from collector.store.reports import Row

_KEY_BYTES = 32
_MOST = 64  # the contract's bound

_PEER: dict[str, Pack] = {
    "school_id": texts,
    "agent_id": texts,
    "address": texts,
    "port": integers,
    "seen_at": moments,
}


def key_of_school(connection: Connection, school_id: str) -> bytes:
    """Return the school's key, made when it is first asked for and the same ever after."""
    connection.execute(sql("keep_peer_key"), {"school_id": school_id, "key": secrets.token_bytes(_KEY_BYTES)})
    row = connection.execute(sql("peer_key"), {"school_id": school_id}).fetchone()
    assert row is not None  # noqa: S101 - just kept
    return bytes(row[0])


def row(link: Link, stamp: Row, seen_at: datetime) -> Row | None:
    """Return where a computer says that it can be reached; None where it does not, or at no address inside a school."""
    if link.peer_port is None or not in_private_network(link.address or ""):
        return None
    return {
        "school_id": stamp["school_id"],
        "agent_id": stamp["agent_id"],
        "address": link.address,
        "port": link.peer_port,
        "seen_at": seen_at,
    }


def keep(connection: Connection, rows: Sequence[Row]) -> None:
    """Store where computers can be reached; the newest word of each counts."""
    newest = {(row["school_id"], row["agent_id"]): row for row in sorted(rows, key=lambda row: row["seen_at"])}
    if newest:
        # In the order of their keys, so that two deliveries at once cannot wait for each other.
        connection.execute(sql("keep_peer"), packed(_PEER, [newest[key] for key in sorted(newest)]))


def cards(connection: Connection, school_id: str, since: datetime) -> tuple[PeerCard, ...]:
    """Return the school's computers that said since then where they can be reached, the newest first."""
    parameters = {"school_id": school_id, "since": since, "most": _MOST}
    rows = connection.execute(sql("peers_of_school"), parameters).fetchall()
    return tuple(PeerCard(agent=agent, addresses=(address,), port=port) for agent, address, port in rows)
