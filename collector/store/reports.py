"""Signed reports and what was read from them; written once, never changed."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

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


class Rows(Struct, frozen=True):
    """What is stored of reports: the reports, their measurements, speed tests, and sightings of the network inside."""

    reports: list[Row]
    measurements: list[Row]
    tests: list[Row]
    sightings: list[Row]


def keep(connection: Connection, rows: Rows) -> None:
    """Store what was read from reports, and note that their agents were seen."""
    with connection.cursor() as cursor:
        cursor.executemany(sql("keep_report"), rows.reports)
        cursor.executemany(sql("keep_measurement"), rows.measurements)
        cursor.executemany(sql("keep_speed_test"), rows.tests)
        cursor.executemany(sql("keep_sighting"), rows.sightings)
        cursor.executemany(sql("agent_was_seen"), rows.reports)
