"""Lay the tables out over several machines with Citus: schools' data by school, the registry on each machine.

All that belongs to one school lies on one machine, so that joins by school stay there. What every question joins with
is copied to each. The rest (people, jobs, servers) stays where the collector connects. Each is chosen by its columns,
and an exception has a name here, so that a table of a later version finds its place by itself.
"""

from collections.abc import Sequence

import psycopg
from msgspec import Struct
from psycopg import sql

from collector.errors import DatabaseError
from collector.store.questions import sql as question

KEY = "school_id"
# What names schools and is joined with everything; what is small and the same for everybody.
EVERYWHERE = ("region", "school", "school_history", "policy_change", "period_prior", "exclusion")
# What names schools and is asked before anybody knows which one: by whoever locks a row of it, or takes what waits.
AT_HOME = ("agent_place", "log_pending")
SHARDS = 32

_WITHOUT = (
    "this database has no Citus, so everything stays on one machine, which is enough for a country; to use several, let"
    " the database's administrator install Citus on each, then run there 'create extension citus' in this database and"
    " here 'select citus_set_coordinator_host(...)' and 'select citus_add_node(...)' for each worker"
)


class Layout(Struct, frozen=True):
    """The tables whose place was changed, and on how many workers the schools' data lies."""

    by_school: Sequence[str]
    everywhere: Sequence[str]
    workers: int


def is_laid_out(connection: psycopg.Connection) -> bool:
    """Tell whether this database's tables lie on several machines."""
    if connection.execute("select to_regclass('pg_dist_partition')").fetchone() == (None,):
        return False
    asked = "select exists (select from pg_dist_partition where logicalrelid = 'school'::regclass)"
    return connection.execute(asked).fetchone() == (True,)


def lay_out(
    connection: psycopg.Connection, secrets: Sequence[tuple[str, str]], ingest: str, shards: int = SHARDS
) -> Layout:
    """Give each table that has none yet its place, in this transaction; nobody can use the tables meanwhile.

    ``secrets`` are the names and passwords of the program's roles, with which the coordinator connects to the workers;
    ``ingest`` is the name of the one that stores.

    Raises:
        DatabaseError: there is no Citus, no worker, or the coordinator's own address is not set; says what to do.
    """
    workers = _workers(connection)
    # One connection to each worker: a table's shards then see what was just done to another's.
    connection.execute("set local citus.multi_shard_modify_mode = 'sequential'")
    _let_in(connection, secrets)
    # Citus stores many rows with COPY, which PostgreSQL refuses under any policy. The role's policies hide nothing from
    # it (a test keeps them so): what it may do, its grants say.
    connection.execute(sql.SQL("alter role {} bypassrls").format(sql.Identifier(ingest)))
    everywhere, by_school = _without_place(connection)
    keys = connection.execute(question("foreign_keys"), {"tables": [*everywhere, *by_school]}).fetchall()
    for table, name, _ in keys:
        connection.execute(_alter("alter table {} drop constraint {}", table, name))
    for table in everywhere:
        connection.execute("select create_reference_table(%s)", (table,))
    for table in by_school:
        _distribute(connection, table, shards)
    for table, name, definition in keys:
        connection.execute(_alter("alter table {} add constraint {} " + definition, table, name))
    return Layout(by_school, everywhere, workers)


def forget_copies(connection: psycopg.Connection, tables: Sequence[str]) -> None:
    """Remove what laying out left behind here of tables that had rows: nobody sees it, and it takes room."""
    for table in tables:
        connection.execute("select truncate_local_data_after_distributing_table(%s)", (table,))


def _workers(connection: psycopg.Connection) -> int:
    if connection.execute("select exists (select from pg_extension where extname = 'citus')").fetchone() != (True,):
        raise DatabaseError(_WITHOUT)
    nodes = connection.execute("select groupid, noderole from pg_dist_node where isactive").fetchall()
    workers = sum(1 for group, role in nodes if group != 0 and role == "primary")
    if not workers:
        raise DatabaseError(
            "Citus knows no worker yet; run 'select citus_add_node(host, port)' for each in this database, then again"
        )
    if not any(group == 0 for group, _ in nodes):
        raise DatabaseError(
            "Citus does not know this machine's own address, and so cannot keep the registry here too; run"
            " 'select citus_set_coordinator_host(host, port)' with a name that the workers can reach, then again"
        )
    return workers


def _let_in(connection: psycopg.Connection, secrets: Sequence[tuple[str, str]]) -> None:
    for role, password in secrets:
        connection.execute(question("let_role_into_workers"), {"role": role, "secret": f"password={password}"})


def _without_place(connection: psycopg.Connection) -> tuple[list[str], list[str]]:
    """Return the tables to copy to each machine and those to spread, in an order in which they can be moved."""
    rows = connection.execute(question("tables_without_place"), {"key": KEY}).fetchall()
    names = [name for name, _ in rows]
    everywhere = [name for name in EVERYWHERE if name in names]
    by_school = [name for name, has_key in rows if has_key and name not in (*EVERYWHERE, *AT_HOME)]
    return everywhere, by_school


def _distribute(connection: psycopg.Connection, table: str, shards: int) -> None:
    row = connection.execute("select exists (select from pg_dist_partition where partmethod = 'h')").fetchone()
    if row == (True,):  # beside what is there already: a school's rows of all tables lie together
        connection.execute("select create_distributed_table(%s, %s, colocate_with => 'agent')", (table, KEY))
    else:
        connection.execute(
            "select create_distributed_table(%s, %s, shard_count => %s, colocate_with => 'none')", (table, KEY, shards)
        )


def _alter(statement: str, table: str, name: str) -> sql.Composed:
    return sql.SQL(statement).format(sql.Identifier(table), sql.Identifier(name))
