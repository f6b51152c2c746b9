"""The fleet as the database knows it: boots, refused numbers, and what was judged of computers and schools."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from psycopg.rows import kwargs_row, tuple_row

from collector.store.database import Connection
from collector.store.questions import sql

Key = tuple[str, str]
Row = dict[str, Any]


class Conflict(Struct, frozen=True, kw_only=True):
    """A report that was refused because another one of its computer has its number."""

    school_id: str
    agent_id: str
    boot_id: str
    sequence: int
    at: datetime


class Mark(Struct, frozen=True, kw_only=True):
    """Up to when reports were looked at, and when the fleet was last judged (null: not yet)."""

    looked_to: datetime
    judged_at: datetime | None


class StoredBoot(Struct, frozen=True, kw_only=True):
    """What is known of one boot of a computer; ``delay_s`` is how long its newest report waited."""

    school_id: str
    agent_id: str
    boot_id: str
    first_sequence: int
    last_sequence: int
    first_at: datetime
    last_at: datetime
    went_back: int
    delay_s: float
    waiting: int | None
    dropped: int | None


class StoredRefusals(Struct, frozen=True, kw_only=True):
    """The reports of one boot that were refused for their numbers."""

    school_id: str
    agent_id: str
    boot_id: str
    first_at: datetime
    last_at: datetime
    refused: int


class ComputerToJudge(Struct, frozen=True, kw_only=True):
    """A computer in service, and what was last judged of it; ``is_known``: nothing else of it has changed since."""

    school_id: str
    agent_id: str
    region_id: str
    room: str | None
    software: str | None
    last_seen_at: datetime | None
    enrolled_at: datetime
    synthetic: bool
    is_known: bool
    state: str | None
    days: int | None


class SchoolFleet(Struct, frozen=True, kw_only=True):
    """A school's computers counted by state. ``days``: whole school days since its best computer was heard."""

    id: str
    name: str
    region: str
    district: str | None
    state: str
    days: int | None
    computers: int
    live: int
    at_risk: int
    silent: int
    never_reported: int
    restored: int
    copied: int
    delayed: int
    versions: dict[str, int]
    synthetic: bool


class ComputerHealth(Struct, frozen=True, kw_only=True):
    """One computer. ``delay_s``: how long its newest report waited; ``waiting``: how many waited when it was made."""

    id: str
    school: str
    region: str
    state: str
    days: int
    identity: str
    room: str | None
    software: str | None
    last_seen_at: datetime | None
    enrolled_at: datetime
    delay_s: float | None
    waiting: int | None
    dropped: int | None
    refused: int
    is_delayed: bool
    synthetic: bool


class Asked(Struct, frozen=True, kw_only=True):
    """Which part of the fleet is asked for; null: all."""

    region_id: str | None = None
    school_id: str | None = None
    state: str | None = None
    identity: str | None = None


def note_conflict(connection: Connection, conflicts: Sequence[Conflict]) -> None:
    """Remember refused reports, a row a boot; for the ingest role, in the transaction that refuses them."""
    rows = [
        {
            "school_id": one.school_id,
            "agent_id": one.agent_id,
            "boot_id": one.boot_id,
            "sequence": one.sequence,
            "at": one.at,
        }
        for one in conflicts
    ]
    with connection.cursor() as cursor:
        cursor.executemany(sql("note_conflict"), rows)


def mark(connection: Connection) -> Mark | None:
    """Return when the fleet was last looked at; None before the first time."""
    with connection.cursor(row_factory=kwargs_row(Mark)) as cursor:
        return cursor.execute(sql("fleet_mark")).fetchone()


def keep_mark(connection: Connection, new: Mark) -> None:
    """Note that the fleet was looked at."""
    connection.execute(sql("keep_fleet_mark"), {"looked_to": new.looked_to, "judged_at": new.judged_at})


def look_at_boots(connection: Connection, since: datetime, until: datetime) -> None:
    """Take in the reports that were received after ``since`` and not after ``until``; never the same ones twice."""
    connection.execute(sql("look_at_boots"), {"since": since, "until": until})


def forget(connection: Connection, before: datetime) -> None:
    """Forget boots and refusals that ended before."""
    connection.execute(sql("forget_boots"), {"before": before})
    connection.execute(sql("forget_conflicts"), {"before": before})


def computers_to_look_at(connection: Connection, since: datetime) -> list[Key]:
    """Return the computers with new boots or refusals, and those whose key is in question."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        return [(row[0], row[1]) for row in cursor.execute(sql("computers_to_look_at"), {"since": since})]


def boots(connection: Connection, keys: Sequence[Key]) -> list[StoredBoot]:
    """Return the known boots of computers, by computer, the newest numbers last."""
    with connection.cursor(row_factory=kwargs_row(StoredBoot)) as cursor:
        return cursor.execute(sql("boots_of_computers"), _unzipped(keys)).fetchall()


def refusals(connection: Connection, keys: Sequence[Key]) -> list[StoredRefusals]:
    """Return the refusals of computers."""
    with connection.cursor(row_factory=kwargs_row(StoredRefusals)) as cursor:
        return cursor.execute(sql("refusals_of_computers"), _unzipped(keys)).fetchall()


def computers_to_judge(connection: Connection) -> list[ComputerToJudge]:
    """Return every computer in service."""
    with connection.cursor(row_factory=kwargs_row(ComputerToJudge)) as cursor:
        return cursor.execute(sql("computers_to_judge")).fetchall()


def keep_health(connection: Connection, rows: Iterable[Row]) -> None:
    """Store the states of computers that changed, and take out those that are no longer in service."""
    with connection.cursor() as cursor:
        cursor.executemany(sql("keep_health"), rows)
    connection.execute(sql("forget_health"))


def keep_identities(connection: Connection, rows: Iterable[Row]) -> None:
    """Store what keys and newest reports tell of computers."""
    with connection.cursor() as cursor:
        cursor.executemany(sql("keep_identity"), rows)


def keep_schools(connection: Connection) -> None:
    """Count every school's computers by what is stored of them."""
    connection.execute(sql("keep_school_fleet"))
    connection.execute(sql("forget_school_fleet"))


def by_school(connection: Connection, asked: Asked) -> list[SchoolFleet]:
    """Return schools with their computers counted, those that need a look first."""
    parameters = {"region_id": asked.region_id, "school_id": asked.school_id, "state": asked.state}
    with connection.cursor(row_factory=kwargs_row(SchoolFleet)) as cursor:
        return cursor.execute(sql("fleet_by_school"), parameters).fetchall()


def by_computer(connection: Connection, asked: Asked, *, limit: int, offset: int) -> tuple[list[ComputerHealth], int]:
    """Return computers, those that need a look first, and how many there are in all."""
    parameters = {
        "region_id": asked.region_id,
        "school_id": asked.school_id,
        "state": asked.state,
        "identity": asked.identity,
    }
    counted = connection.execute(sql("count_fleet_by_computer"), parameters).fetchone()
    with connection.cursor(row_factory=kwargs_row(ComputerHealth)) as cursor:
        found = cursor.execute(sql("fleet_by_computer"), {**parameters, "limit": limit, "offset": offset}).fetchall()
    return found, counted[0] if counted else 0


def _unzipped(keys: Sequence[Key]) -> dict[str, list[str]]:
    return {"schools": [key[0] for key in keys], "agents": [key[1] for key in keys]}
