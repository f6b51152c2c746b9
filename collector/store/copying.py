"""Very many rows with COPY, a tenth of what inserting costs; for the owner alone: COPY is refused under a policy."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec
from msgspec import Struct
from psycopg import sql

from collector.store.database import Connection

# What would end a value or a row, and what says so (PostgreSQL, COPY, "Text Format").
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class Rows(Struct, frozen=True):
    """Rows of a table as COPY takes them; made wherever there is time, without the database."""

    table: str
    columns: tuple[str, ...]
    count: int
    text: bytes


def written(table: str, rows: Sequence[Mapping[str, Any]]) -> Rows:
    """Write rows down, each a value for every column, all in the order of the first one's."""
    columns = tuple(rows[0]) if rows else ()
    text = "".join("\t".join([_text(value) for value in row.values()]) + "\n" for row in rows)
    return Rows(table, columns, len(rows), text.encode())


def copy(connection: Connection, rows: Rows) -> None:
    """Put rows into their table."""
    if not rows.count:
        return
    statement = sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier(rows.table), sql.SQL(", ").join(map(sql.Identifier, rows.columns))
    )
    with connection.cursor().copy(statement) as copying:
        copying.write(rows.text)


def _text(value: Any) -> str:  # noqa: PLR0911 - one return for each type
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    if isinstance(value, date):
        return value.isoformat()
    return msgspec.json.encode(value).decode().translate(_ESCAPES)
