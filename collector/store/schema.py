"""Bring a database to this version's schema, and give the program's roles exactly what they need.

The owner (whoever the database URL names) makes tables. The program itself connects as ``DATABASE_query``, which reads
through row-level security, ``DATABASE_ingest``, which stores reports, or ``DATABASE_people``, which knows accounts and
sessions and no school. None owns a table or can bypass policies.

Nobody has to stop for it. Tables, grants and policies change in one transaction, so that whoever reads sees all of the
old or all of the new. It waits ``_LOCK_WAIT`` at most for a table that is in use (others queue behind it that long),
then gives way and tries again. Processes of the version before go on answering meanwhile and afterwards, as long as a
migration only adds (expand); what no version in use reads any more is taken away by a later version (contract). So
upgrade the database first (``netready-collector db upgrade``), then restart the collector's processes one by one.
"""

import hashlib
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import alembic.command
import alembic.config
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from collector.errors import DatabaseError
from collector.store import distribution
from collector.store.distribution import Layout

OLDEST_SERVER = 160_000
_LOCK = 0x6E657472  # "netr": one process migrates at a time
_FOLDER = Path(__file__).parent
_LOCK_WAIT = "2s"
_PAUSE_S = 1.0
_PATIENCE_S = 600.0
_MARK = "roles"
# Which rows a reader sees, by the file that says so: see there.
_READ = {
    "reader_of_agents.sql": ("agent", "computer_health", "agent_key"),
    "reader.sql": (
        *("school", "school_history", "report", "measurement", "speed_test"),
        *("contract", "dispute_step", "dispute_file", "verdict", "server_record", "reported_test"),
        "notice_event",
    ),
    "reader_of_rooms.sql": ("room", "sighting", "test_order", "lease", "school_fleet"),
    "reader_of_periods.sql": ("school_day", "school_month", "school_period", "school_finding"),
}

_log = logging.getLogger(__name__)


def upgrade(owner_conninfo: str, *, patience_s: float = _PATIENCE_S) -> None:
    """Apply the missing migrations and renew the roles' grants; several processes may call this at once.

    Locks nothing where there is nothing to do. ``patience_s``: how long it tries to get at tables that are in use.

    Raises:
        DatabaseError: the server is too old or newer than this program's schema, the owner may not make roles, or
            a table was in use all the time.
    """
    with psycopg.connect(owner_conninfo, autocommit=True) as connection:
        _check_server(connection)
        if _is_marked(connection):
            return
        connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
        if not _is_marked(connection):
            _upgrade_in_turn(owner_conninfo, patience_s)


def _upgrade_in_turn(owner_conninfo: str, patience_s: float) -> None:
    until = time.monotonic() + patience_s
    while True:
        try:
            migrate(owner_conninfo)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
            if time.monotonic() >= until:
                raise DatabaseError(
                    "the schema cannot be changed, because a table is always in use; end long reports and backups,"
                    " then try again"
                ) from error
            _log.info("a table is in use; the schema is changed as soon as it is free")
            time.sleep(_PAUSE_S)
        else:
            return


def _is_marked(connection: psycopg.Connection) -> bool:
    """Tell whether this very version set up this database and its roles last."""
    if connection.execute("select to_regclass('schema_mark')").fetchone() == (None,):
        return False
    marked = connection.execute("select value from schema_mark where name = %s", (_MARK,)).fetchone()
    names = [*role_names(connection.info.dbname), people_role_name(connection.info.dbname)]
    known = connection.execute("select count(*) from pg_roles where rolname = any(%s)", (names,)).fetchone()
    return marked == (_mark(connection.info.dbname),) and known == (len(names),)


def _mark(database: str) -> str:
    """Return what stands for all that is set up: the steps' names, grants and policies, and whom they are for."""
    steps = sorted(path.name for path in (_FOLDER / "migrations" / "versions").glob("*.py"))
    texts = [path.read_bytes() for path in (*sorted(_FOLDER.glob("*.sql")), Path(__file__))]
    return hashlib.sha256(b"\0".join([database.encode(), *(step.encode() for step in steps), *texts])).hexdigest()


def _check_server(connection: psycopg.Connection) -> None:
    if connection.info.server_version < OLDEST_SERVER:
        version = connection.info.server_version // 10_000
        raise DatabaseError(f"this PostgreSQL is version {version}; netready needs 16, 17 or 18: upgrade the server")


def migrate(
    owner_conninfo: str, target: str = "head", then: Callable[[psycopg.Connection], None] | None = None
) -> None:
    """Apply the steps up to a target, renew the roles at the head, and do what comes ``then``, in one transaction.

    Raises:
        DatabaseError: the schema is newer than this program's, or the owner may not make roles.
        LockNotAvailable, DeadlockDetected: a table is in use (psycopg.errors).
    """
    config = alembic.config.Config()
    config.set_main_option("script_location", str(_FOLDER / "migrations").replace("%", "%%"))
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(owner_conninfo), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"set local lock_timeout = '{_LOCK_WAIT}'")
            # On several machines (Citus), one connection to each; any other PostgreSQL knows nothing of this name.
            connection.exec_driver_sql("set local citus.multi_shard_modify_mode = 'sequential'")
            config.attributes["connection"] = connection
            alembic.command.upgrade(config, target)
            driver: psycopg.Connection = connection.connection.driver_connection  # type: ignore[assignment]  # its own
            if target == "head":
                _renew_roles(driver)
                if distribution.is_laid_out(driver):  # the tables that are new
                    distribution.lay_out(driver, _secrets(driver), role_names(driver.info.dbname)[1])
                _keep_mark(driver)
            if then is not None:
                then(driver)
            connection.commit()
    except alembic.util.CommandError as error:
        raise DatabaseError(
            f"the database has a schema this version does not know ({error}); use the newer netready that made it"
        ) from error
    except DBAPIError as error:  # as psycopg raised it
        raise (error.orig or error) from error
    finally:
        engine.dispose()


def distribute(owner_conninfo: str, *, shards: int = distribution.SHARDS) -> Layout:
    """Lay the tables out over the machines that Citus knows; again after a machine or a version came changes the rest.

    Raises:
        DatabaseError: the database has no Citus or no workers, or a table was in use all the time.
    """
    upgrade(owner_conninfo)
    try:
        with psycopg.connect(owner_conninfo) as connection:
            connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
            connection.execute(sql.SQL("set local lock_timeout = {}").format(_LOCK_WAIT))
            _, ingest = role_names(connection.info.dbname)
            layout = distribution.lay_out(connection, _secrets(connection), ingest, shards)
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
        raise DatabaseError(
            "a table is in use; stop the collector's processes ('serve', 'work') for as long as this takes, then again"
        ) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise DatabaseError(
            f"{' '.join(str(error).split())}: laying tables out needs a superuser; name one in --database"
        ) from error
    with psycopg.connect(owner_conninfo) as connection:
        distribution.forget_copies(connection, [*layout.everywhere, *layout.by_school])
    return layout


def newest_revision() -> str:
    """Return the number of the newest step that this version knows."""
    return max(path.name for path in (_FOLDER / "migrations" / "versions").glob("[0-9]*.py"))[:4]


def _keep_mark(connection: psycopg.Connection) -> None:
    connection.execute(
        "insert into schema_mark (name, value) values (%s, %s) on conflict (name) do update set value = excluded.value",
        (_MARK, _mark(connection.info.dbname)),
    )


def role_names(database: str) -> tuple[str, str]:
    """Return the names of the query and the ingest role of a database (roles belong to the whole server)."""
    return f"{database[:50]}_query", f"{database[:50]}_ingest"


def people_role_name(database: str) -> str:
    """Return the name of the role that knows accounts, sessions and tokens, and no school."""
    return f"{database[:50]}_people"


def _renew_roles(connection: psycopg.Connection) -> None:
    query, ingest = role_names(connection.info.dbname)
    people = people_role_name(connection.info.dbname)
    for role in (query, ingest, people):
        _make_role(connection, role)
    names = {
        "query": sql.Identifier(query),
        "ingest": sql.Identifier(ingest),
        "people": sql.Identifier(people),
        "database": sql.Identifier(connection.info.dbname),
    }
    for file in ("roles.sql", "people.sql", "log.sql", "agreements.sql", "records.sql", "verdicts.sql", "notices.sql"):
        _execute(connection, file, names)
    for file, tables in _READ.items():
        for table in tables:
            _execute(connection, file, names | {"table": sql.Identifier(table)})


def _execute(connection: psycopg.Connection, file: str, names: Mapping[str, sql.Identifier]) -> None:
    """Run the statements of a file one by one: over several machines Citus passes on what came in one go as one."""
    for statement in statements((_FOLDER / file).read_text(encoding="utf-8")):
        connection.execute(sql.SQL(statement).format(**names))


def statements(text: str) -> list[str]:
    """Cut a file into its statements: each ends with a semicolon at a line's end, outside of $$ and comments."""
    found, lines, is_body = [], [], False
    for line in text.splitlines():
        code = line.partition("--")[0].rstrip()
        lines.append(line)
        is_body ^= code.count("$$") % 2 == 1
        if code.endswith(";") and not is_body:
            found.append("\n".join(lines))
            lines = []
    return found


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


def _secrets(connection: psycopg.Connection) -> list[tuple[str, str]]:
    return connection.execute("select role_name, password from role_secret order by role_name").fetchall()


def role_conninfo(owner_conninfo: str) -> tuple[str, str]:
    """Return how the query and the ingest role connect: as the owner does, with their own names and passwords."""
    with psycopg.connect(owner_conninfo) as connection:
        names = role_names(connection.info.dbname)
        passwords = dict(_secrets(connection))
    query, ingest = (make_conninfo(owner_conninfo, user=name, password=passwords[name]) for name in names)
    return query, ingest


def people_conninfo(owner_conninfo: str) -> str:
    """Return how the role that knows people connects."""
    with psycopg.connect(owner_conninfo) as connection:
        name = people_role_name(connection.info.dbname)
        row = connection.execute("select password from role_secret where role_name = %s", (name,)).fetchone()
    return make_conninfo(owner_conninfo, user=name, password=row[0] if row else "")
