"""A coordinator and two workers with Citus, to run the collector's tests and rankings on; outside of CI.

    python -m tests.citus INSTALLATION FOLDER

INSTALLATION is a PostgreSQL into which Citus was installed (``make install`` with its ``pg_config``). Makes the three
servers in FOLDER, prints what to set, and stops them on Ctrl-C or SIGTERM. Then, beside it,

    NETREADY_TEST_CITUS=... python -m pytest tests/collector

gives every test whose database has this version's schema one that lies on all three; they follow one another there.
"""

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from collector.store import schema
from collector.store.embedded.account import account_of

VARIABLE = "NETREADY_TEST_CITUS"
OWNER = "postgres"
SHARDS = 4
_FIRST_PORT = 9700
_WORKERS = 2
_OF_THE_SCHEMA = ("alembic_version", "role_secret", "schema_mark")
_SETTINGS = """
shared_preload_libraries = 'citus'
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
max_prepared_transactions = 300
shared_buffers = '256MB'
fsync = off
full_page_writes = off
synchronous_commit = off
citus.enable_ddl_propagation = on
citus.shard_count = 4
"""


class Cluster:
    """The three servers as whoever runs tests reaches them; the first is the coordinator."""

    def __init__(self, urls: list[str]) -> None:
        self.urls = urls
        self._of_the_schema: set[str] | None = None

    def url(self, database: str, user: str) -> str:
        """Return how to reach a database of the coordinator."""
        return make_conninfo(self.urls[0], dbname=database, user=user)

    @contextmanager
    def a_database(self, name: str, *, shards: int = SHARDS) -> Iterator[str]:
        """Make a database that spans all servers, with its schema laid out; taken away afterwards."""
        for url in self.urls:
            with psycopg.connect(make_conninfo(url, dbname="postgres"), autocommit=True) as connection:
                connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
            with psycopg.connect(make_conninfo(url, dbname=name), autocommit=True) as connection:
                connection.execute("create extension citus")
        with psycopg.connect(self.url(name, OWNER), autocommit=True) as connection:
            here, *workers = (conninfo_to_dict(url) for url in self.urls)
            connection.execute("select citus_set_coordinator_host(%s, %s)", (here["host"], int(str(here["port"]))))
            for one in workers:
                connection.execute("select citus_add_node(%s, %s)", (one["host"], int(str(one["port"]))))
        schema.distribute(self.url(name, OWNER), shards=shards)
        try:
            yield name
        finally:
            for url in self.urls:
                with psycopg.connect(make_conninfo(url, dbname="postgres"), autocommit=True) as connection:
                    connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))

    def empty(self, name: str) -> None:
        """Remove every row but what the schema itself keeps."""
        with psycopg.connect(self.url(name, OWNER)) as connection:
            self._drop_what_was_made(connection)
            rows = connection.execute(
                "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
                " and not relispartition and relname <> all(%s) and relname not like 'citus%%'",
                (list(_OF_THE_SCHEMA),),
            ).fetchall()
            connection.execute("set local citus.multi_shard_modify_mode = 'sequential'")
            connection.execute("alter table audit_entry disable trigger user")
            tables = sql.SQL(", ").join(sql.Identifier(row[0]) for row in rows)
            connection.execute(sql.SQL("truncate {} restart identity cascade").format(tables))
            connection.execute("alter table audit_entry enable trigger user")

    def _drop_what_was_made(self, connection: psycopg.Connection) -> None:
        """Drop the partitions that a test made, attached or not."""
        rows = connection.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
            " and relname ~ '_[0-9]{4}(_[0-9]{2})?$' order by relname"
        ).fetchall()
        names = {row[0] for row in rows}
        if self._of_the_schema is None:
            self._of_the_schema = names
        for name in sorted(names - self._of_the_schema):
            connection.execute(sql.SQL("drop table {}").format(sql.Identifier(name)))


def wanted() -> Cluster | None:
    """Return the servers that the environment names, if it does."""
    named = os.environ.get(VARIABLE)
    return Cluster(named.split(",")) if named else None


def main(words: list[str]) -> int:
    """Run the three servers until told to end."""
    if len(words) != 2:
        sys.stderr.write(__doc__ or "")
        return 2
    programs, folder = Path(words[0]).resolve() / "bin", Path(words[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    account = account_of(folder)
    shutil.chown(folder, account.uid, account.gid)
    data = [folder / f"node-{number}" for number in range(_WORKERS + 1)]

    def run(*command: str) -> None:
        done = account.run(list(command), folder)
        if done.returncode:
            raise SystemExit(done.stdout)

    for number, one in enumerate(data):
        if not one.exists():
            run(str(programs / "initdb"), "-D", str(one), "-U", OWNER, "-A", "trust", "-E", "UTF8", "--locale=C")
            with (one / "postgresql.conf").open("a", encoding="utf-8") as settings:
                settings.write(f"{_SETTINGS}port = {_FIRST_PORT + number}\n")
        run(str(programs / "pg_ctl"), "-D", str(one), "-w", "-l", str(folder / f"node-{number}.log"), "start")
    ports = [_FIRST_PORT + number for number in range(len(data))]
    urls = ",".join(f"postgresql://{OWNER}@127.0.0.1:{port}" for port in ports)
    sys.stdout.write(f"{VARIABLE}={urls}\n")
    sys.stdout.flush()
    try:
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    finally:
        for one in data:
            run(str(programs / "pg_ctl"), "-D", str(one), "-m", "fast", "stop")
    return 0


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    sys.exit(main(sys.argv[1:]))
