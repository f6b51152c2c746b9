"""Enrolment tokens and the agents that were enrolled with them."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from psycopg.rows import kwargs_row

from collector.store import evidence
from collector.store.database import Connection
from collector.store.evidence import Pending
from collector.store.questions import sql


class TokenRecord(Struct, frozen=True, kw_only=True):
    """What a token is good for."""

    school_id: str
    uses: int
    used: int
    expires_at: datetime


class OpenToken(Struct, frozen=True, kw_only=True):
    """A token that still enrols computers. ``mark`` tells it from others, without being it."""

    school_id: str
    name: str
    region_id: str
    uses: int
    used: int
    created_at: datetime
    expires_at: datetime
    mark: str


class AgentRecord(Struct, frozen=True, kw_only=True):
    """One enrolled computer and the school it belongs to; ``head_sha256`` names its report of the highest sequence."""

    school_id: str
    agent_id: str
    public_key: bytes
    token_sha256: bytes | None
    room: str | None
    revoked_at: datetime | None
    highest_sequence: int
    head_sha256: bytes | None
    region_id: str
    operator: str | None
    synthetic: bool


def keep_token(connection: Connection, *, token_sha256: bytes, school_id: str, uses: int, expires_at: datetime) -> None:
    """Store a new enrolment token by its hash."""
    connection.execute(
        sql("keep_token"),
        {"token_sha256": token_sha256, "school_id": school_id, "uses": uses, "expires_at": expires_at},
    )


def token_for_use(connection: Connection, token_sha256: bytes) -> TokenRecord | None:
    """Return a token and lock it until the transaction ends, so that two computers cannot share its last use."""
    school = connection.execute(sql("school_of_token"), {"token_sha256": token_sha256}).fetchone()
    if school is None:
        return None
    with connection.cursor(row_factory=kwargs_row(TokenRecord)) as cursor:
        asked = {"school_id": school[0], "token_sha256": token_sha256}
        return cursor.execute(sql("token_for_use"), asked).fetchone()


def mark_of(token_sha256: bytes) -> str:
    """Return what tells a token from others in lists and in the audit log."""
    return token_sha256[:8].hex()


def open_tokens(connection: Connection, school_id: str | None, *, now: datetime, limit: int) -> list[OpenToken]:
    """Return tokens that still enrol, of one school or of all, the newest first."""
    asked = {"school_id": school_id, "now": now, "limit": limit}
    with connection.cursor(row_factory=kwargs_row(OpenToken)) as cursor:
        return cursor.execute(sql("open_tokens"), asked).fetchall()


def token_makers(connection: Connection, tokens: Sequence[OpenToken]) -> dict[str, str]:
    """Return who made tokens, by their marks, where the audit log tells."""
    asked = {"about": sorted({f"school {one.school_id}" for one in tokens}), "marks": [one.mark for one in tokens]}
    return dict(connection.execute(sql("token_makers"), asked).fetchall()) if tokens else {}


def end_token(connection: Connection, school_id: str, mark: str, now: datetime) -> bool:
    """Let a token enrol nobody from now on; tell whether it did until now. Computers that it enrolled stay."""
    asked = {"school_id": school_id, "mark": mark, "now": now}
    return connection.execute(sql("end_token"), asked).rowcount > 0


def one_at_a_time(connection: Connection, agent_id: str) -> None:
    """Let no other enrolment of this key go on until the transaction ends, whatever token it has."""
    connection.execute(sql("one_enrollment_at_a_time"), {"agent_id": agent_id})


def spend_token(connection: Connection, token_sha256: bytes) -> None:
    """Count one use of a token."""
    connection.execute(sql("spend_token"), {"token_sha256": token_sha256})


def keep_agent(connection: Connection, agent: dict[str, Any], now: datetime) -> None:
    """Store an agent, whose key waits for the log, or renew its room and software if the school has it already."""
    is_known = connection.execute(sql("agent_is_known"), agent).fetchone() is not None
    connection.execute(sql("keep_agent"), agent)
    if not is_known:
        evidence.pend(connection, [enrolled(agent["agent_id"], agent["school_id"], agent["public_key"], now)])
    connection.execute(sql("keep_agent_place"), agent)


def enrolled(agent_id: str, school_id: str, public_key: bytes, now: datetime) -> Pending:
    """Return what the log shall say of a computer's key: it was enrolled for this school."""
    return Pending(
        subject="key",
        key=f"computer/{agent_id}",
        school_id=school_id,
        sha256=hashlib.sha256(public_key).digest(),
        at=now,
        is_salted=False,  # nobody guesses a key
    )


def public_keys(connection: Connection, school_id: str, agent_ids: Sequence[str]) -> dict[str, bytes]:
    """Return the keys with which these computers were enrolled for a school, by computer."""
    asked = {"school_id": school_id, "agent_ids": list(agent_ids)}
    return {row[0]: bytes(row[1]) for row in connection.execute(sql("agent_public_keys"), asked).fetchall()}


def revoke(connection: Connection, agent_id: str) -> int:
    """Revoke an agent from now on; return how many enrolments that ended."""
    return connection.execute(sql("revoke_agent"), {"agent_id": agent_id}).rowcount


def agents_by_id(connection: Connection, agent_ids: list[str], *, lock: bool = False) -> dict[str, AgentRecord]:
    """Return agents by id with what their reports are stamped with; the enrolment that still holds goes first.

    With ``lock`` no other delivery of the same agents is stored at the same time.
    """
    question = sql("schools_of_agents") + ("for no key update" if lock else "")
    places = connection.execute(question, {"agent_ids": agent_ids}).fetchall()
    asked = {"school_ids": [school_id for school_id, _ in places], "agent_ids": [agent_id for _, agent_id in places]}
    with connection.cursor(row_factory=kwargs_row(AgentRecord)) as cursor:
        rows = cursor.execute(sql("agents_by_id"), asked).fetchall()
    found: dict[str, AgentRecord] = {}
    for row in rows:
        if row.agent_id not in found or found[row.agent_id].revoked_at is not None:
            found[row.agent_id] = row
    return found


def note_fork(connection: Connection, school_id: str, agent_id: str, sequence: int) -> None:
    """Note that a computer's report does not continue the one before it: from there on it told two histories."""
    asked = {"school_id": school_id, "agent_id": agent_id, "sequence": sequence}
    connection.execute(sql("agent_forked"), asked)
