"""Signed reports and what was read from them; written once, never changed."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from collector.store.columns import (
    Pack,
    bigints,
    booleans,
    bytestrings,
    doubles,
    integers,
    lists,
    moments,
    packed,
    texts,
)
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


_STAMP: dict[str, Pack] = {
    "school_id": texts,
    "agent_id": texts,
    "sequence": bigints,
    "received_at": moments,
    "region_id": texts,
    "synthetic": booleans,
}
_REPORT = _STAMP | {
    "operator": texts,
    "payload": bytestrings,
    "payload_sha256": bytestrings,
    "previous_sha256": bytestrings,
    "signature": bytestrings,
    "schema": integers,
    "software": texts,
    "trigger": texts,
    "boot_id": texts,
    "monotonic_s": doubles,
    "created_at": moments,
    "clock_ahead_s": doubles,
}
_MEASUREMENT = _STAMP | {
    "operator": texts,
    "position": integers,
    "kind": texts,
    "probe": texts,
    "failure": texts,
    "detail": texts,
    "measured_at": moments,
    "body": texts,
}
_SPEED_TEST = _STAMP | {
    "operator": texts,
    "position": integers,
    "measured_at": moments,
    "engine": texts,
    "server": texts,
    "purpose": texts,
    "download_bps": doubles,
    "download_low_bps": doubles,
    "download_high_bps": doubles,
    "download_at_least": booleans,
    "upload_bps": doubles,
    "upload_low_bps": doubles,
    "upload_high_bps": doubles,
    "upload_at_least": booleans,
    "rtt_idle_ms": doubles,
    "medium": texts,
    "link_speed_bps": doubles,
    "tainted": lists,
}
_SIGHTING = _STAMP | {
    "measured_at": moments,
    "is_survey": booleans,
    "room_key": texts,
    "medium": texts,
    "adapter": texts,
    "link_speed_bps": doubles,
    "duplex": texts,
    "packets": bigints,
    "errors": bigints,
    "gateway": texts,
    "gateway_digest": texts,
    "gateway_ms": doubles,
    "ssid_hex": texts,
    "looked": booleans,
    "own_dbm": doubles,
    "own_bssid": texts,
    "own_ssid_hex": texts,
    "own_ssid": texts,
    "own_channel": integers,
}
_SEEN = {name: _REPORT[name] for name in ("school_id", "agent_id", "sequence", "payload_sha256", "software")} | {
    "received_at": moments
}


def keep(connection: Connection, rows: Rows) -> None:
    """Store what was read from reports, and note of each agent that it was seen and which is its newest report."""
    newest = {(row["school_id"], row["agent_id"]): row for row in sorted(rows.reports, key=lambda row: row["sequence"])}
    for question, table, wanted in (
        ("keep_report", _REPORT, rows.reports),
        ("keep_measurement", _MEASUREMENT, rows.measurements),
        ("keep_speed_test", _SPEED_TEST, rows.tests),
        ("keep_sighting", _SIGHTING, rows.sightings),
        ("agent_was_seen", _SEEN, list(newest.values())),
    ):
        if wanted:
            connection.execute(sql(question), packed(table, wanted))
