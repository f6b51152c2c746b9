"""Signed reports and what was read from them; written once, never changed."""

from collections.abc import Sequence
from typing import Any

from collector.store.database import Connection
from collector.store.questions import sql

Row = dict[str, Any]


def stored_hashes(connection: Connection, keys: Sequence[tuple[str, str, int]]) -> dict[tuple[str, str, int], bytes]:
    """Return the payload hashes of those (school, agent, sequence) that are already stored."""
    parameters = {
        "schools": [key[0] for key in keys],
        "agents": [key[1] for key in keys],
        "sequences": [key[2] for key in keys],
    }
    rows = connection.execute(sql("stored_hashes"), parameters).fetchall()
    return {(row[0], row[1], row[2]): bytes(row[3]) for row in rows}


def keep(connection: Connection, reports: Sequence[Row], measurements: Sequence[Row], tests: Sequence[Row]) -> None:
    """Store reports with their measurements and speed tests, and note that their agents were seen."""
    with connection.cursor() as cursor:
        cursor.executemany(sql("keep_report"), reports)
        cursor.executemany(sql("keep_measurement"), measurements)
        cursor.executemany(sql("keep_speed_test"), tests)
        cursor.executemany(sql("agent_was_seen"), reports)
