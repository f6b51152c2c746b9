"""All of a database's tables as text, and back: what backups are made of.

Rows come as PostgreSQL's COPY writes them, in the order of the primary key and with the settings below, so that equal
tables give equal bytes on every supported version. Left out: what every database makes for itself (passwords of the
program's own roles, the migrations' number, the mark of what was set up).
"""

import contextlib
import re
from collections.abc import Iterator

import psycopg
from msgspec import Struct
from psycopg import sql as compose
from psycopg.rows import tuple_row

from collector.errors import BackupError
from collector.store.database import Connection
from collector.store.questions import sql

OWN = ("role_secret", "alembic_version", "schema_mark")

_FORM = (
    "set local timezone = 'UTC'",
    "set local datestyle = 'ISO, MDY'",
    "set local intervalstyle = 'postgres'",
    "set local bytea_output = 'hex'",
    "set local extra_float_digits = 1",
    "set local row_security = off",  # an error rather than a part, should the owner be under a policy
)
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}", re.ASCII)
_BOUND = re.compile(r"FOR VALUES FROM \('[0-9TZ:.+ -]+'\) TO \('[0-9TZ:.+ -]+'\)|DEFAULT", re.ASCII)


class Partition(Struct, frozen=True, kw_only=True):
    """A part of a table, and which rows belong there, as PostgreSQL says it."""

    name: str
    bound: str


class Table(Struct, frozen=True, kw_only=True):
    """A table, its columns and key in order, and its partitions where it has any."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    partitions: tuple[Partition, ...] = ()

    def check(self) -> None:
        """Raise BackupError for what is none of our tables: names and bounds go into statements."""
        names = (self.name, *self.columns, *self.key, *(one.name for one in self.partitions))
        bounds = (one.bound for one in self.partitions)
        if not all(_NAME.fullmatch(name) for name in names) or not all(_BOUND.fullmatch(bound) for bound in bounds):
            raise BackupError(f"the backup describes a table {self.name[:80]!r} that netready never makes")


class Sequence(Struct, frozen=True, kw_only=True):
    """Where a column that counts by itself stands."""

    table: str
    column: str
    last: int


def in_our_form(connection: Connection) -> None:
    """Let rows of this transaction read and write the same everywhere."""
    for statement in _FORM:
        connection.execute(statement)


def tables(connection: Connection) -> list[Table]:
    """Return every table with data of the country, those that others refer to first."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(sql("tables_to_copy"), {"own": list(OWN)}).fetchall()
        parts: dict[str, list[Partition]] = {}
        for whole, name, bound in cursor.execute(sql("partitions_to_copy")):
            parts.setdefault(whole, []).append(Partition(name=name, bound=bound))
        needed = cursor.execute(sql("tables_that_refer")).fetchall()
    found = {
        name: Table(name=name, columns=tuple(columns), key=tuple(key or ()), partitions=tuple(parts.get(name, ())))
        for name, columns, key in rows
    }
    return [found[name] for name in _in_order(list(found), [(one, other) for one, other in needed])]


def _in_order(names: list[str], needed: list[tuple[str, str]]) -> list[str]:
    """Sort names so that each comes after those it needs."""
    ordered: list[str] = []
    while left := [name for name in names if name not in ordered]:
        free = [
            name
            for name in left
            if all(other in ordered for one, other in needed if one == name and other in names and other != name)
        ]
        if not free:
            raise BackupError(f"the tables {', '.join(left)} need each other; this netready cannot put them in order")
        ordered += free
    return ordered


def sequences(connection: Connection) -> list[Sequence]:
    """Return where the columns stand that count by themselves."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        found = cursor.execute(sql("sequences_to_copy")).fetchall()
    return [Sequence(table=table, column=column, last=last) for table, column, last in found]


@contextlib.contextmanager
def rows_of(connection: Connection, table: Table) -> Iterator[Iterator[bytes]]:
    """Give the rows of a table as text, in pieces."""
    order: list[compose.Composable] = [compose.Identifier(name) for name in table.key]
    order = order or [compose.SQL("{}::text").format(compose.Identifier(table.name))]
    question = compose.SQL("copy (select {} from {} order by {}) to stdout").format(
        compose.SQL(", ").join(map(compose.Identifier, table.columns)),
        _named(table.name),
        compose.SQL(", ").join(order),
    )
    with connection.cursor() as cursor, cursor.copy(question) as copy:
        yield (bytes(piece) for piece in copy)


@contextlib.contextmanager
def into(connection: Connection, table: Table) -> Iterator[psycopg.Copy]:
    """Give what takes the rows of a table that is emptied first; its partitions are made if they are missing."""
    table.check()
    for one in table.partitions:
        connection.execute(
            compose.SQL("create table if not exists {} partition of {} {}").format(
                compose.Identifier(one.name),
                _named(table.name),
                compose.SQL(one.bound),
            )
        )
    statement = compose.SQL("copy {} ({}) from stdin").format(
        _named(table.name), compose.SQL(", ").join(map(compose.Identifier, table.columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        yield copy


@contextlib.contextmanager
def without_triggers(connection: Connection, names: list[str]) -> Iterator[None]:
    """Let rows come in as they were: a log that numbers or refuses entries must not do so again."""
    for name in names:
        connection.execute(compose.SQL("alter table {} disable trigger user").format(_named(name)))
    yield
    for name in names:
        connection.execute(compose.SQL("alter table {} enable trigger user").format(_named(name)))


def empty(connection: Connection, names: list[str]) -> None:
    """Empty tables of what the migrations put into them."""
    listed = compose.SQL(", ").join(map(_named, names))
    connection.execute(compose.SQL("truncate {}").format(listed))


def set_sequence(connection: Connection, one: Sequence) -> None:
    """Let a column go on counting after its last number."""
    connection.execute(sql("set_sequence"), {"table": one.table, "column": one.column, "last": one.last})


def revision(connection: Connection) -> str:
    """Return the newest migration of the schema."""
    row = connection.execute("select version_num from alembic_version").fetchone()
    assert row is not None  # noqa: S101 - a migrated database has it
    return str(row[0])


def _named(name: str) -> compose.Identifier:
    return compose.Identifier("public", name)
