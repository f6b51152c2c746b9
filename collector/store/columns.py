"""Columns of many rows as PostgreSQL's binary arrays, for ``insert ... select from unnest``.

COPY is refused under row-level security, and a statement for each row costs several times as much. Packed here because
psycopg would look for the type of every single element.
"""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
from msgspec import Struct
from psycopg.adapt import Buffer, Dumper, PyFormat
from psycopg.pq import Format

# PostgreSQL's array_send (src/backend/utils/adt/arrayfuncs.c): dimensions, nulls or not, element type, length, lowest.
_HEADER = struct.Struct("!iiIii")
_EMPTY = struct.Struct("!iiI")
_LENGTH = struct.Struct("!i")
_NULL = _LENGTH.pack(-1)
_EPOCH, _EPOCH_DAY = datetime(2000, 1, 1, tzinfo=UTC), date(2000, 1, 1).toordinal()
_MICROSECOND = timedelta(microseconds=1)


class Column(Struct, frozen=True):
    """One column, packed; the types are numbers of pg_type, a fixed part of the protocol."""

    element_type: int
    array_type: int
    elements: tuple[bytes, ...]


Pack = Callable[[Iterable[Any]], Column]


class _ColumnDumper(Dumper):
    format = Format.BINARY

    def get_key(self, obj: Column, format: PyFormat) -> tuple[type, int]:  # type: ignore[override]  # noqa: A002, ARG002
        # One dumper for each type; psycopg only looks the key up in a dictionary. (The names are its own.)
        return (self.cls, obj.array_type)

    def upgrade(self, obj: Column, format: PyFormat) -> Dumper:  # noqa: A002, ARG002 - psycopg's own names
        dumper = _ColumnDumper(self.cls)
        dumper.oid = obj.array_type
        return dumper

    def dump(self, obj: Column) -> Buffer:
        if not obj.elements:
            return _EMPTY.pack(0, 0, obj.element_type)
        return _HEADER.pack(1, 1, obj.element_type, len(obj.elements), 1) + b"".join(obj.elements)


psycopg.adapters.register_dumper(Column, _ColumnDumper)


def packed(table: Mapping[str, Pack], rows: Sequence[Mapping[str, Any]]) -> dict[str, Column]:
    """Return a table's columns of these rows, by name.

    Raises:
        psycopg.DataError: a value that the column's type cannot hold.
    """
    try:
        return {name: pack([row[name] for row in rows]) for name, pack in table.items()}
    except (struct.error, OverflowError, UnicodeEncodeError) as error:
        raise psycopg.DataError(f"a value is out of range: {error}") from error


def _fixed(element_type: int, array_type: int, code: str, convert: Callable[[Any], Any] | None = None) -> Pack:
    element = struct.Struct("!i" + code)
    size = struct.calcsize("!" + code)
    pack = element.pack

    def column(values: Iterable[Any]) -> Column:
        if convert is None:
            elements = tuple(_NULL if value is None else pack(size, value) for value in values)
        else:
            elements = tuple(_NULL if value is None else pack(size, convert(value)) for value in values)
        return Column(element_type, array_type, elements)

    return column


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _day(day: date) -> int:
    return day.toordinal() - _EPOCH_DAY


booleans = _fixed(16, 1000, "?")
integers = _fixed(23, 1007, "i")
bigints = _fixed(20, 1016, "q")
doubles = _fixed(701, 1022, "d")
moments = _fixed(1184, 1185, "q", _microseconds)
days = _fixed(1082, 1182, "i", _day)


def texts(values: Iterable[str | None]) -> Column:
    """Pack texts."""
    return Column(25, 1009, tuple(_NULL if one is None else _with_length(one.encode()) for one in values))


def bytestrings(values: Iterable[bytes | None]) -> Column:
    """Pack bytes."""
    return Column(17, 1001, tuple(_NULL if one is None else _with_length(one) for one in values))


def lists(values: Iterable[Sequence[str]]) -> Column:
    """Pack lists of texts as text, to be cast to text[]: an array of arrays would need them to be of one length."""
    return texts("{" + ",".join(_quoted(word) for word in value) + "}" for value in values)


def _quoted(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _with_length(value: bytes) -> bytes:
    return _LENGTH.pack(len(value)) + value
