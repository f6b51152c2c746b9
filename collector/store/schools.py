"""Schools and regions as the registry knows them."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import msgspec
from msgspec import Struct
from psycopg.rows import kwargs_row
from psycopg.sql import SQL, Identifier
from psycopg.types.json import Json

from collector.errors import NotFound
from collector.store import agreements
from collector.store.database import Connection
from collector.store.questions import sql


class RegionRecord(Struct, frozen=True, kw_only=True):
    """A unit of the country: ISO 3166-2 code and its names."""

    region_id: str
    name_kk: str
    name_ru: str
    name_en: str


class SchoolRecord(Struct, frozen=True, kw_only=True):
    """A school of the registry. Null is "the registry does not say"; contract speeds are IP-layer bit/s.

    From ``closed_on`` it is no school any more; ``merged_into`` is the one that took it over. What was measured stays.
    """

    school_id: str
    name: str
    region_id: str
    district: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    pupils: int | None = None
    connectivity_type: str | None = None
    connected: bool | None = None
    operator: str | None = None
    download_contracted_bps: int | None = None
    upload_contracted_bps: int | None = None
    synthetic: bool = False
    closed_on: date | None = None
    merged_into: str | None = None
    extra: dict[str, str] = {}


def keep_regions(connection: Connection, regions: Iterable[RegionRecord]) -> None:
    """Store the country's regions, renewing their names."""
    with connection.cursor() as cursor:
        cursor.executemany(sql("keep_region"), [msgspec.structs.asdict(region) for region in regions])


def keep_schools(connection: Connection, schools: Sequence[SchoolRecord]) -> tuple[int, int]:
    """Store schools: new ones are added, known ones renewed, none removed. Return how many were added and renewed."""
    ids = [school.school_id for school in schools]
    row = connection.execute("select count(*) from school where school_id = any(%s)", (ids,)).fetchone()
    known = int(row[0]) if row else 0
    with connection.cursor() as cursor:
        cursor.executemany(sql("keep_school"), [_parameters(school) for school in schools])
    for table in ("report", "measurement", "speed_test"):
        earlier = SQL(sql("give_first_operator")).format(table=Identifier(table))
        connection.execute(earlier, {"schools": ids})
    connection.execute(sql("rooms_follow_their_school"), {"schools": ids})
    agreements.follow_schools(connection, ids)
    return len(schools) - known, known


def school(connection: Connection, school_id: str) -> SchoolRecord | None:
    """Return one school, or None if there is none that the viewer may see."""
    with connection.cursor(row_factory=kwargs_row(SchoolRecord)) as cursor:
        return cursor.execute(sql("school"), {"school_id": school_id}).fetchone()


def visible_school(connection: Connection, school_id: str) -> SchoolRecord:
    """Return one school; raises NotFound if there is none that the viewer may see."""
    found = school(connection, school_id)
    if found is None:
        raise NotFound(f"there is no school {school_id!r} that you may see; ids are text, leading zeros count")
    return found


def schools(connection: Connection, region_id: str | None = None) -> list[SchoolRecord]:
    """Return the schools the viewer may see, in the order of their ids."""
    with connection.cursor(row_factory=kwargs_row(SchoolRecord)) as cursor:
        return cursor.execute(sql("schools"), {"region_id": region_id}).fetchall()


def schools_by_id(connection: Connection, school_ids: Sequence[str]) -> list[SchoolRecord]:
    """Return these schools, as far as the viewer may see them, in the order of their ids."""
    with connection.cursor(row_factory=kwargs_row(SchoolRecord)) as cursor:
        return cursor.execute(sql("schools_by_id"), {"schools": list(school_ids)}).fetchall()


def regions(connection: Connection) -> dict[str, RegionRecord]:
    """Return all regions by their code."""
    with connection.cursor(row_factory=kwargs_row(RegionRecord)) as cursor:
        return {region.region_id: region for region in cursor.execute(sql("regions")).fetchall()}


def operators(connection: Connection) -> list[str]:
    """Return the operators of the schools the viewer may see."""
    return [row[0] for row in connection.execute(sql("operators")).fetchall()]


def _parameters(school: SchoolRecord) -> dict[str, Any]:
    return msgspec.structs.asdict(school) | {"extra": Json(school.extra)}
