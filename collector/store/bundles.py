"""What a bundle of evidence is made of, as the database has it; other modules here know the rest."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct, structs
from psycopg.rows import kwargs_row

from collector.evidence.bundle import Wanted
from collector.store.database import Connection
from collector.store.evidence import StoredEntry
from collector.store.questions import sql


class Named(Struct, frozen=True, kw_only=True):
    """A version of a verdict, and the SHA-256 of the rules by which it was judged."""

    school_id: str
    line: str
    month: str
    operator: str
    version: int
    standard: str
    causes: str


class StoredVerdict(Struct, frozen=True, kw_only=True):
    """A version of a verdict as its very bytes, and those of the facts but for reports and rules."""

    body: bytes
    facts: bytes
    judged_at: datetime
    synthetic: bool


class StoredPast(Struct, frozen=True, kw_only=True):
    """An earlier month's verdict."""

    month: str
    version: int
    body: bytes


class StoredReport(Struct, frozen=True, kw_only=True):
    """A report as it was signed, and when it was made by its own clock and came in."""

    agent: str
    sequence: int
    created_at: datetime
    received_at: datetime
    payload: bytes
    signature: bytes
    sha256: bytes


def named(connection: Connection, wanted: Wanted) -> list[Named]:
    """Return which verdicts the viewer may see of those that are wanted, in order."""
    with connection.cursor(row_factory=kwargs_row(Named)) as cursor:
        found = cursor.execute(sql("bundle_verdicts"), structs.asdict(wanted)).fetchall()
    return sorted(found, key=lambda one: (one.school_id, one.line, one.month, one.operator))


def verdict(connection: Connection, one: Named) -> StoredVerdict | None:
    """Return a version of a verdict; null where it is gone, as a preliminary one may be."""
    with connection.cursor(row_factory=kwargs_row(StoredVerdict)) as cursor:
        return cursor.execute(sql("bundle_verdict"), structs.asdict(one)).fetchone()


def past(connection: Connection, one: Named, months: Sequence[str], known_at: datetime) -> list[StoredPast]:
    """Return the final verdicts on these months of the same line and operator as they stood at a moment.

    Of a month of which versions were made at that very moment: these, and the newest before, the newest first.
    """
    asked = structs.asdict(one) | {"months": list(months), "known_at": known_at}
    with connection.cursor(row_factory=kwargs_row(StoredPast)) as cursor:
        return cursor.execute(sql("bundle_past"), asked).fetchall()


def agent_keys(
    connection: Connection, school_id: str, agents: Sequence[str], known_at: datetime
) -> list[tuple[str, bytes]]:
    """Return what was recorded of computers' keys until a moment, each with the computer; for the owner."""
    asked = {"school_id": school_id, "agents": list(agents), "known_at": known_at}
    return [(row[0], bytes(row[1])) for row in connection.execute(sql("bundle_agent_keys"), asked).fetchall()]


def reports(connection: Connection, school_id: str, wanted: Sequence[tuple[str, int]]) -> list[StoredReport]:
    """Return those of a school's reports, by computer and number, that are kept."""
    asked = {"school_id": school_id, "agents": [one[0] for one in wanted], "sequences": [one[1] for one in wanted]}
    with connection.cursor(row_factory=kwargs_row(StoredReport)) as cursor:
        return cursor.execute(sql("bundle_reports"), asked).fetchall()


def rules(connection: Connection, sha256: str) -> bytes | None:
    """Return rules by their SHA-256 in hex."""
    row = connection.execute(sql("verdict_rules"), {"sha256": bytes.fromhex(sha256)}).fetchone()
    return None if row is None else bytes(row[0])


def entries(connection: Connection, schools: Sequence[str], subject: str, keys: Sequence[str]) -> list[StoredEntry]:
    """Return the entries about things of these schools, the oldest first; several where logs ended."""
    asked = {"schools": list(schools), "subject": subject, "keys": list(keys)}
    with connection.cursor(row_factory=kwargs_row(StoredEntry)) as cursor:
        return cursor.execute(sql("bundle_entries"), asked).fetchall()


def lowest_tiles(connection: Connection, log: int, numbers: Sequence[int]) -> dict[int, bytes]:
    """Return tiles of a log's lowest level."""
    asked = {"log": log, "numbers": list(numbers)}
    rows = connection.execute(sql("bundle_tiles"), asked, binary=True).fetchall()
    return {number: bytes(hashes) for number, hashes in rows}
