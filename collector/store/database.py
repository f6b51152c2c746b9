"""Open the database: the embedded one or any PostgreSQL by URL, migrated, with a pool for each of its roles."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import psycopg
import psycopg_pool
from msgspec import Struct
from psycopg import sql

from collector.errors import DatabaseError
from collector.settings import DatabaseSettings, default_data_folder
from collector.store import embedded, schema
from collector.store.distribution import Layout

Connection = psycopg.Connection[tuple[Any, ...]]
Role = Literal["ministry", "region", "school", "operator", "auditor", "admin"]
EMBEDDED_DATABASE = "netready"
_POOL_WAIT_S = 10.0
# The third line carries what follows it to every machine of a database on several (Citus), where policies look at it
# too: it does so for SET LOCAL alone, not for set_config. Any other PostgreSQL keeps it as a name that nobody reads.
_AS_VIEWER = sql.SQL("""
set local transaction_read_only = on;
set local citus.propagate_set_commands = 'local';
set local netready.role = {};
set local netready.scope = {}
""")
_WATCH_S = 1.0

_log = logging.getLogger(__name__)


class Viewer(Struct, frozen=True):
    """Who is asking. Row-level security shows a region, school or operator only what its scope names."""

    role: Role
    scope: str | None = None


MINISTRY = Viewer("ministry")


class Database:
    """A migrated database; makes connections for readers, for ingest and for the owner's commands."""

    def __init__(self, owner_conninfo: str, *, pool_size: int, server: embedded.Server | None = None) -> None:
        schema.upgrade(owner_conninfo)
        self._owner = owner_conninfo
        self._server = server
        self._closed = threading.Event()
        self.waited: Callable[[str, float], None] = lambda _pool, _seconds: None
        query, ingest = schema.role_conninfo(owner_conninfo)
        self._query = _pool("query", query, pool_size)
        self._ingest = _pool("ingest", ingest, pool_size)
        self._people = _pool("people", schema.people_conninfo(owner_conninfo), pool_size)

    @contextlib.contextmanager
    def reading(self, viewer: Viewer) -> Iterator[Connection]:
        """Give a connection on which exactly what the viewer may see exists; read-only."""
        with self._connection(self._query) as connection, connection.transaction():
            connection.execute(_AS_VIEWER.format(viewer.role, viewer.scope or ""))
            yield connection

    @contextlib.contextmanager
    def ingesting(self) -> Iterator[Connection]:
        """Give a connection in a transaction of the ingest role: stores reports and enrols agents, nothing else."""
        with self._connection(self._ingest) as connection, connection.transaction():
            yield connection

    @contextlib.contextmanager
    def admitting(self) -> Iterator[Connection]:
        """Give a connection in a transaction of the role that knows accounts, sessions and tokens, and no school."""
        with self._connection(self._people) as connection, connection.transaction():
            yield connection

    @contextlib.contextmanager
    def owning(self) -> Iterator[Connection]:
        """Give a connection in a transaction of the owner: for the commands of whoever runs the collector."""
        with _as_database_error(), psycopg.connect(self._owner) as connection:
            yield connection

    def distribute(self, shards: int) -> Layout:
        """Lay the tables out over the machines that Citus knows.

        Raises:
            DatabaseError: the database has no Citus or no workers, or a table was in use all the time.
        """
        with _as_database_error():
            return schema.distribute(self._owner, shards=shards)

    def max_connections(self) -> int:
        """Return how many connections the server allows."""
        with self.owning() as connection:
            row = connection.execute("select current_setting('max_connections')::integer").fetchone()
        assert row is not None  # noqa: S101 - the setting always has a value
        return int(row[0])

    def watch(self) -> None:
        """Start the embedded server again within a second or so if it dies under us, until ``close``."""
        if self._server is not None:
            threading.Thread(target=self._keep_alive, args=(self._server,), name="database-watch", daemon=True).start()

    def close(self) -> None:
        """Close the pools and let go of the embedded server; its last user stops it."""
        self._closed.set()
        self._query.close()
        self._ingest.close()
        self._people.close()
        if self._server is not None:
            self._server.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _keep_alive(self, server: embedded.Server) -> None:
        last = ""
        while not self._closed.wait(_WATCH_S):
            try:
                server.revive(progress=_log.warning)
                last = ""
            except DatabaseError as error:
                if str(error) != last:
                    last = str(error)
                    _log.error("the database cannot be watched over; was its folder moved? %s", error)

    @contextlib.contextmanager
    def _connection(self, pool: psycopg_pool.ConnectionPool[Connection]) -> Iterator[Connection]:
        asked = time.perf_counter()
        with _as_database_error(), pool.connection(timeout=_POOL_WAIT_S) as connection:
            self.waited(pool.name, time.perf_counter() - asked)
            yield connection


def open_database(
    settings: DatabaseSettings, progress: Callable[[str], None] | None = None, *, make: bool = False
) -> Database:
    """Open the database the settings name, starting or joining the embedded one if they name none.

    Without ``make`` an embedded database has to be there already: a mistyped folder must not look like lost data.

    Raises:
        DatabaseError: it cannot be reached, started or migrated; says what to do.
    """
    if settings.url is not None:
        with _as_database_error():
            return Database(settings.url, pool_size=settings.pool_size)
    data = Path(settings.data) if settings.data else default_data_folder()
    if not make and not embedded.exists(data):
        raise DatabaseError(
            f"there is no database in {data}; name its folder with --data, or make one with 'serve' or 'schools import'"
        )
    server = embedded.start_or_join(data, progress=progress)
    try:
        with _as_database_error():
            _make_embedded_database(server)
            owner = server.url(EMBEDDED_DATABASE, embedded.SUPERUSER)
            return Database(owner, pool_size=settings.pool_size, server=server)
    except BaseException:
        server.release()
        raise


@contextlib.contextmanager
def opened_empty(settings: DatabaseSettings, progress: Callable[[str], None] | None = None) -> Iterator[str]:
    """Give how the owner connects to a database with nothing in it, made if it is the embedded one.

    Raises:
        DatabaseError: it has tables already, or cannot be reached or started.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_as_database_error())
        if settings.url is not None:
            conninfo, place = settings.url, "the database named"
        else:
            data = Path(settings.data) if settings.data else default_data_folder()
            server = stack.enter_context(embedded.start_or_join(data, progress=progress))
            _make_embedded_database(server)
            conninfo, place = server.url(EMBEDDED_DATABASE, embedded.SUPERUSER), f"the database in {data}"
        with psycopg.connect(conninfo) as connection:
            row = connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone()
        if row != (0,):
            raise DatabaseError(f"{place} is not empty; name a new --data folder or an empty --database")
        yield conninfo


def _make_embedded_database(server: embedded.Server) -> None:
    with (
        psycopg.connect(server.url("postgres", embedded.SUPERUSER), autocommit=True) as connection,
        contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation),
    ):
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(EMBEDDED_DATABASE)))


def _pool(name: str, conninfo: str, size: int) -> psycopg_pool.ConnectionPool[Connection]:
    return psycopg_pool.ConnectionPool(
        conninfo,
        name=name,
        min_size=1,
        max_size=size,
        timeout=_POOL_WAIT_S,
        open=True,
        check=psycopg_pool.ConnectionPool.check_connection,
    )


@contextlib.contextmanager
def _as_database_error() -> Iterator[None]:
    try:
        yield
    except psycopg_pool.PoolTimeout as error:
        raise DatabaseError("the database is too busy or gone; try again in a moment") from error
    except psycopg.errors.ReadOnlySqlTransaction as error:
        raise DatabaseError("the database is read-only: name the one that takes writes, not its standby") from error
    except psycopg.OperationalError as error:
        said = " ".join(str(error).split())
        raise DatabaseError(f"the database cannot be used ({said}); is it running, and is the URL right?") from error
