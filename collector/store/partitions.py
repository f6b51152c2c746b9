"""Partitions by time, named by when they begin: ``report_2026_11``, ``school_day_2026``."""

import re
from collections.abc import Iterable
from datetime import date
from typing import Literal

from msgspec import Struct
from psycopg import sql

from collector.store.database import Connection
from collector.store.questions import sql as question

# Deliveries wait for whoever waits for a table's lock: rather give up and come again.
_LOCK_LIMIT = "5s"


class Table(Struct, frozen=True):
    """A table in partitions of a month or a year (UTC) of ``key``; what lies in none is in its ``_other``."""

    name: str
    key: str
    span: Literal["month", "year"]

    @property
    def other(self) -> str:
        """The name of its default partition."""
        return f"{self.name}_other"


class Partition(Struct, frozen=True):
    """One partition, attached or not."""

    table: Table
    begins: date

    @property
    def name(self) -> str:
        """Its own name as a table."""
        year = f"{self.table.name}_{self.begins.year:04d}"
        return year if self.table.span == "year" else f"{year}_{self.begins.month:02d}"

    @property
    def ends(self) -> date:
        """When the next one begins."""
        if self.table.span == "year":
            return date(self.begins.year + 1, 1, 1)
        return date(self.begins.year + self.begins.month // 12, self.begins.month % 12 + 1, 1)


def attached(connection: Connection, table: Table) -> list[Partition]:
    """Return a table's partitions but the default one, the oldest first."""
    rows = connection.execute(question("attached_partitions"), {"table": table.name}).fetchall()
    return _named(table, (row[0] for row in rows))


def detached(connection: Connection, table: Table) -> list[Partition]:
    """Return what was a partition of a table once and still is in the database, the oldest first."""
    rows = connection.execute(question("detached_partitions"), {"table": table.name}).fetchall()
    return _named(table, (row[0] for row in rows))


def strays(connection: Connection, table: Table, most: int) -> list[date]:
    """Return when the partitions would begin that rows of the default partition belong to, at most so many."""
    begins = "date_trunc({span}, {key})" if table.span == "year" else "date_trunc({span}, {key} at time zone 'UTC')"
    asked = sql.SQL(f"select distinct {begins}::date as begins from {{other}} order by begins limit {{most}}")  # noqa: S608
    return [row[0] for row in connection.execute(asked.format(**_names(table), most=sql.Literal(most))).fetchall()]


def make(connection: Connection, partition: Partition) -> int:
    """Make a partition and move what waited for it in the default one there; return how many rows that were.

    Built aside and attached, which does not keep anybody from the table: CREATE ... PARTITION OF would.
    """
    names = _names(partition.table) | _bounds(partition)
    for statement in (
        "set local lock_timeout = {limit}",
        "create table {partition} (like {table} including defaults including constraints including storage)",
        "alter table {partition} enable row level security",
        "lock table {other} in share row exclusive mode",
    ):
        connection.execute(sql.SQL(statement).format(**names))
    # Two statements under one lock: moving in one is more than a database over several machines can do.
    these = "from {other} where {key} >= {begins} and {key} < {ends}"
    moved = connection.execute(sql.SQL(f"insert into {{partition}} select * {these}").format(**names)).rowcount
    if moved:
        connection.execute(sql.SQL(f"delete {these}").format(**names))
    attach = "alter table {table} attach partition {partition} for values from ({begins}) to ({ends})"
    connection.execute(sql.SQL(attach).format(**names))
    return moved


def detach(connection: Connection, partition: Partition) -> None:
    """Take a partition out: its rows no longer show, and stay in a table of its name."""
    names = _names(partition.table) | _bounds(partition)
    connection.execute(sql.SQL("set local lock_timeout = {limit}").format(**names))
    connection.execute(sql.SQL("alter table {table} detach partition {partition}").format(**names))


def drop(connection: Connection, partition: Partition) -> None:
    """Delete what was detached."""
    connection.execute(sql.SQL("drop table {}").format(sql.Identifier(partition.name)))


def _named(table: Table, names: Iterable[str]) -> list[Partition]:
    found = []
    for name in names:
        match = re.fullmatch(rf"{table.name}_(\d{{4}})(?:_(\d{{2}}))?", name, re.ASCII)
        if match is not None and (match[2] is None) is (table.span == "year"):
            found.append(Partition(table, date(int(match[1]), int(match[2] or 1), 1)))
    return sorted(found, key=lambda one: one.begins)


def _names(table: Table) -> dict[str, sql.Composable]:
    return {
        "table": sql.Identifier(table.name),
        "other": sql.Identifier(table.other),
        "key": sql.Identifier(table.key),
        "span": sql.Literal(table.span),
        "limit": sql.Literal(_LOCK_LIMIT),
    }


def _bounds(partition: Partition) -> dict[str, sql.Composable]:
    def bound(day: date) -> sql.Composable:
        return sql.Literal(str(day) if partition.table.span == "year" else f"{day} 00:00:00+00")

    return {
        "partition": sql.Identifier(partition.name),
        "begins": bound(partition.begins),
        "ends": bound(partition.ends),
    }
