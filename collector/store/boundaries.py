"""The boundaries of the country's units as the ministry gave them, simplified; all of one file or none."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct
from psycopg.rows import kwargs_row
from psycopg.types.json import Json

from collector.store.database import Connection
from collector.store.questions import sql

Ring = Sequence[tuple[float, float]]


class Source(Struct, frozen=True, kw_only=True):
    """Where the boundaries are from; ``licence`` is what has to be shown beside them."""

    file: str
    sha256: str
    licence: str
    imported_at: datetime


def boundaries(connection: Connection) -> dict[str, list[Ring]]:
    """Return the rings of each unit, as (longitude, latitude); nothing where none were imported."""
    rows = connection.execute(sql("boundaries")).fetchall()
    return {unit: [[(place[0], place[1]) for place in ring] for ring in rings] for unit, rings in rows}


def boundary_source(connection: Connection) -> Source | None:
    """Return where the boundaries are from."""
    with connection.cursor(row_factory=kwargs_row(Source)) as cursor:
        return cursor.execute(sql("boundary_source")).fetchone()


def keep_boundaries(connection: Connection, found: Mapping[str, Sequence[Ring]], source: Source) -> None:
    """Store all boundaries of a file instead of those before."""
    connection.execute(sql("forget_boundaries"), {"kept": list(found)})
    with connection.cursor() as cursor:
        cursor.executemany(
            sql("keep_boundary"), [{"unit": unit, "rings": Json(rings)} for unit, rings in found.items()]
        )
    connection.execute(sql("keep_boundary_source"), msgspec.structs.asdict(source))
