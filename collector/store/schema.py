"""Bring a database to this version's schema, and give the program's two roles exactly what they need.

The owner (whoever the database URL names) makes tables. The program itself connects as ``DATABASE_query``, which reads
through row-level security, or ``DATABASE_ingest``, which stores reports. Neither owns a table or can bypass policies.
"""

import secrets
from pathlib import Path

import alembic.command
import alembic.config
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from collector.errors import DatabaseError

OLDEST_SERVER = 160_000
_LOCK = 0x6E657472  # "netr": one process migrates at a time
_FOLDER = Path(__file__).parent


def upgrade(owner_conninfo: str) -> None:
    """Apply the missing migrations and renew the roles' grants; several processes may call this at once.

    Raises:
        DatabaseError: the server is too old or newer than this program's schema, or the owner may not make roles.
    """
    with psycopg.connect(owner_conninfo, autocommit=True) as connection:
        _check_server(connection)
        connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
        _migrate(owner_conninfo)
        with connection.transaction():
            _renew_roles(connection)


def _check_server(connection: psycopg.Connection) -> None:
    if connection.info.server_version < OLDEST_SERVER:
        version = connection.info.server_version // 10_000
        raise DatabaseError(f"this PostgreSQL is version {version}; netready needs 16, 17 or 18: upgrade the server")


def _migrate(owner_conninfo: str) -> None:
    config = alembic.config.Config()
    config.set_main_option("script_location", str(_FOLDER / "migrations").replace("%", "%%"))
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(owner_conninfo), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            alembic.command.upgrade(config, "head")
            connection.commit()
    except alembic.util.CommandError as error:
        raise DatabaseError(
            f"the database has a schema this version does not know ({error}); use the newer netready that made it"
        ) from error
    finally:
        engine.dispose()


def role_names(database: str) -> tuple[str, str]:
    """Return the names of the query and the ingest role of a database (roles belong to the whole server)."""
    return f"{database[:50]}_query", f"{database[:50]}_ingest"


def _renew_roles(connection: psycopg.Connection) -> None:
    query, ingest = role_names(connection.info.dbname)
    for role in (query, ingest):
        _make_role(connection, role)
    names = {
        "query": sql.Identifier(query),
        "ingest": sql.Identifier(ingest),
        "database": sql.Identifier(connection.info.dbname),
    }
    connection.execute(_statements("roles.sql").format(**names))
    connection.execute(_statements("reader_of_agents.sql").format(**names))
    for table in ("school", "school_history", "report", "measurement", "speed_test"):
        connection.execute(_statements("reader.sql").format(table=sql.Identifier(table), **names))
    for table in ("room", "sighting"):
        connection.execute(_statements("reader_of_rooms.sql").format(table=sql.Identifier(table), **names))
    for table in ("school_day", "school_month", "school_period"):
        connection.execute(_statements("reader_of_periods.sql").format(table=sql.Identifier(table), **names))


def _statements(file: str) -> sql.SQL:
    return sql.SQL((_FOLDER / file).read_text(encoding="utf-8"))


def _make_role(connection: psycopg.Connection, role: str) -> None:
    row = connection.execute("select password from role_secret where role_name = %s", (role,)).fetchone()
    password = row[0] if row else secrets.token_urlsafe(32)
    exists = connection.execute("select 1 from pg_roles where rolname = %s", (role,)).fetchone()
    verb = sql.SQL("alter role" if exists else "create role")
    rights = sql.SQL("login nosuperuser nocreatedb nocreaterole noinherit noreplication nobypassrls password")
    if row and exists:
        return
    try:
        connection.execute(sql.SQL("{} {} {} {}").format(verb, sql.Identifier(role), rights, sql.Literal(password)))
    except psycopg.errors.InsufficientPrivilege as error:
        raise DatabaseError(
            f"{connection.info.user} may not make the role {role}; let the database's administrator run: "
            f"alter role {connection.info.user} createrole"
        ) from error
    connection.execute(
        "insert into role_secret (role_name, password) values (%s, %s)"
        " on conflict (role_name) do update set password = excluded.password",
        (role, password),
    )


def role_conninfo(owner_conninfo: str) -> tuple[str, str]:
    """Return how the query and the ingest role connect: as the owner does, with their own names and passwords."""
    with psycopg.connect(owner_conninfo) as connection:
        names = role_names(connection.info.dbname)
        passwords: dict[str, str] = dict(connection.execute("select role_name, password from role_secret").fetchall())
    query, ingest = (make_conninfo(owner_conninfo, user=name, password=passwords[name]) for name in names)
    return query, ingest
