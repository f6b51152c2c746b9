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


class RegionToken(Struct, frozen=True, kw_only=True):
    """What a region's token is good for: computers of any school of the region."""

    region_id: str
    uses: int
    used: int
    expires_at: datetime


class OpenRegionToken(RegionToken, frozen=True, kw_only=True):
    """A region's token that still enrols computers."""

    created_at: datetime
    mark: str


class Standing(Struct, frozen=True, kw_only=True):
    """Whose place a key took, and when and how its own time ended: "succeeded" by another key, "left" or "moved"."""

    succeeds: str | None
    ended_at: datetime | None
    ended_by: str | None


class EarlierKey(Struct, frozen=True, kw_only=True):
    """A key with a recovery code."""

    agent_id: str
    revoked_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None


class LikeMachine(Struct, frozen=True, kw_only=True):
    """A key in service on a machine like another one; ``alive_at`` is when it was last heard, or enrolled."""

    agent_id: str
    room: str | None
    alive_at: datetime


class ComputerKey(Struct, frozen=True, kw_only=True):
    """One of the keys that a computer had, and how many reports it numbered."""

    agent_id: str
    enrolled_at: datetime
    last_seen_at: datetime | None
    reports: int
    succeeds: str | None
    revoked_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None


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
    ended_at: datetime | None
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


def keep_region_token(
    connection: Connection, *, token_sha256: bytes, region_id: str, uses: int, expires_at: datetime
) -> None:
    """Store a new token of a region by its hash."""
    values = {"token_sha256": token_sha256, "region_id": region_id, "uses": uses, "expires_at": expires_at}
    connection.execute(sql("keep_region_token"), values)


def region_token_for_use(connection: Connection, token_sha256: bytes) -> RegionToken | None:
    """Return a region's token and lock it until the transaction ends."""
    with connection.cursor(row_factory=kwargs_row(RegionToken)) as cursor:
        return cursor.execute(sql("region_token_for_use"), {"token_sha256": token_sha256}).fetchone()


def spend_region_token(connection: Connection, token_sha256: bytes) -> None:
    """Count one use of a region's token."""
    connection.execute(sql("spend_region_token"), {"token_sha256": token_sha256})


def region_tokens(connection: Connection, now: datetime) -> list[OpenRegionToken]:
    """Return the regions' tokens that still enrol, the newest first."""
    with connection.cursor(row_factory=kwargs_row(OpenRegionToken)) as cursor:
        return cursor.execute(sql("region_tokens"), {"now": now}).fetchall()


def end_region_token(connection: Connection, mark: str, now: datetime) -> bool:
    """Let a region's token enrol nobody from now on; tell whether it did until now."""
    return connection.execute(sql("end_region_token"), {"mark": mark, "now": now}).rowcount > 0


def standing(connection: Connection, school_id: str, agent_id: str) -> Standing | None:
    """Return whose place a key took and whether its time ended; None where the school has no such key."""
    asked = {"school_id": school_id, "agent_id": agent_id}
    with connection.cursor(row_factory=kwargs_row(Standing)) as cursor:
        return cursor.execute(sql("agent_standing"), asked).fetchone()


def keep_marks(
    connection: Connection, key: tuple[str, str], machine: Sequence[str], recovery_sha256: bytes | None
) -> None:
    """Store by what a computer may be known again; what is not told now stays as it is."""
    values = {"school_id": key[0], "agent_id": key[1], "machine": list(machine), "recovery_sha256": recovery_sha256}
    connection.execute(sql("keep_agent_marks"), values)


def by_recovery(connection: Connection, key: tuple[str, str], recovery_sha256: bytes) -> list[EarlierKey]:
    """Return a school's other keys with this recovery code, the newest first."""
    asked = {"school_id": key[0], "agent_id": key[1], "recovery_sha256": recovery_sha256}
    with connection.cursor(row_factory=kwargs_row(EarlierKey)) as cursor:
        return cursor.execute(sql("agents_by_recovery"), asked).fetchall()


def by_machine(connection: Connection, key: tuple[str, str], machine: Sequence[str]) -> list[LikeMachine]:
    """Return a school's other keys in service whose machine has one of these hints."""
    asked = {"school_id": key[0], "agent_id": key[1], "machine": list(machine)}
    with connection.cursor(row_factory=kwargs_row(LikeMachine)) as cursor:
        return cursor.execute(sql("agents_by_machine"), asked).fetchall()


def end(connection: Connection, school_id: str, agent_id: str, ended_by: str, now: datetime) -> str | None:
    """End a key's time; return the name of its computer, None if it had ended or was revoked.

    What it signed before stays valid, and is still taken when it comes late.
    """
    values = {"school_id": school_id, "agent_id": agent_id, "ended_by": ended_by, "now": now}
    row = connection.execute(sql("end_agent"), values).fetchone()
    return None if row is None else str(row[0])


def succeed(connection: Connection, school_id: str, agent_id: str, former: str, now: datetime) -> bool:
    """Let a key take another's place, which ends with that; tell False if another key has it already."""
    computer = end(connection, school_id, former, "succeeded", now)
    if computer is None:
        return False
    values = {"school_id": school_id, "agent_id": agent_id, "succeeds": former, "computer_id": computer}
    connection.execute(sql("link_agent"), values)
    return True


def keys_of_computer(connection: Connection, school_id: str, agent_id: str) -> list[ComputerKey]:
    """Return every key that the computer with this key had, the newest first."""
    asked = {"school_id": school_id, "agent_id": agent_id}
    with connection.cursor(row_factory=kwargs_row(ComputerKey)) as cursor:
        return cursor.execute(sql("keys_of_computer"), asked).fetchall()


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
