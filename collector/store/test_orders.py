"""What people ask of single computers beside their policy: a test now, two or more together, or none until further."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct
from psycopg.rows import kwargs_row

from collector.store.database import Connection
from collector.store.policies import Scope
from collector.store.questions import sql

Kind = Literal["run_now", "pair", "joint", "pause"]
MOST_LISTED = 10_000


class AgentState(Struct, frozen=True, kw_only=True):
    """What concerns an agent beside its reports; ``policy_number`` grows with every change of any policy."""

    school_id: str
    policy_number: int
    paused: bool
    wanted: bool


class TestOrder(Struct, frozen=True, kw_only=True):
    """What one computer is asked; ``members`` is how many computers the same order names."""

    school_id: str
    agent_id: str
    order_id: str
    kind: Kind
    members: int
    author: str
    at: datetime
    until: datetime


def state(connection: Connection, agent_id: str, now: datetime) -> AgentState | None:
    """Return what concerns an agent; None where it belongs to no school any more."""
    with connection.cursor(row_factory=kwargs_row(AgentState)) as cursor:
        return cursor.execute(sql("agent_state"), {"agent_id": agent_id, "now": now}).fetchone()


def states(connection: Connection, agent_ids: Sequence[str], now: datetime) -> dict[str, AgentState]:
    """Return what concerns each of these agents that belongs to a school."""
    rows = connection.execute(sql("agent_states"), {"agent_ids": list(agent_ids), "now": now}).fetchall()
    return {
        agent_id: AgentState(school_id=school_id, policy_number=number, paused=paused, wanted=wanted)
        for agent_id, school_id, number, paused, wanted in rows
    }


def keep(
    connection: Connection,
    scope: Scope,
    agents: Sequence[str] | None,
    *,
    kind: Kind,
    author: str,
    now: datetime,
    until: datetime,
) -> list[str]:
    """Ask computers of a scope, all in service or those that are named; return which there were."""
    parameters = _filter(scope, agents) | {
        "order_id": secrets.token_hex(16),
        "kind": kind,
        "author": author,
        "now": now,
        "until": until,
    }
    return [row[0] for row in connection.execute(sql("keep_test_orders"), parameters).fetchall()]


def end(connection: Connection, scope: Scope, agents: Sequence[str] | None, *, pauses: bool, now: datetime) -> int:
    """End pauses, or else tests that were not made yet; return how many computers that concerned."""
    return connection.execute(sql("end_test_orders"), _filter(scope, agents) | {"pauses": pauses, "now": now}).rowcount


def open_orders(connection: Connection, scope: Scope, now: datetime) -> list[TestOrder]:
    """Return what is asked and not done of the schools in a scope that the viewer may see."""
    parameters = _filter(scope, None) | {"now": now, "most": MOST_LISTED}
    with connection.cursor(row_factory=kwargs_row(TestOrder)) as cursor:
        return cursor.execute(sql("open_test_orders"), parameters).fetchall()


def _filter(scope: Scope, agents: Sequence[str] | None) -> dict[str, object]:
    region_id = "" if scope.school_id else scope.region_id
    return {
        "region_id": region_id,
        "school_id": scope.school_id,
        "agents": None if agents is None else list(agents),
    }


def schools_that_want_a_pair(connection: Connection, period: str, since: datetime, most: int) -> list[str]:
    """Return schools whose diagnosis lacks a pair of tests, and that were asked for none since, at most so many."""
    parameters = {"period": period, "since": since, "limit": most}
    return [row[0] for row in connection.execute(sql("schools_that_want_a_pair"), parameters).fetchall()]


def schools_above_a_port(
    connection: Connection, period: str, carried_bps: float, since: datetime, most: int
) -> list[str]:
    """Return schools that need more than so much, and were asked for no joint test since, at most so many."""
    parameters = {"period": period, "carried_bps": carried_bps, "since": since, "limit": most}
    return [row[0] for row in connection.execute(sql("schools_above_a_port"), parameters).fetchall()]


def forget_old(connection: Connection, before: datetime) -> int:
    """Remove what was asked and is over for so long; return how many rows."""
    return connection.execute(sql("forget_test_orders"), {"before": before}).rowcount
