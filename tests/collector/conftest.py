import contextlib
import itertools
import socket
import threading
from datetime import UTC, datetime

import httpx
import psycopg
import pytest
import uvicorn

from collector import access, enrollment
from collector.app import make_app
from collector.serving import server_config
from collector.settings import PolicySettings, Serve, Settings
from collector.store import embedded, schools
from collector.store.database import Database
from collector.store.schools import RegionRecord, SchoolRecord
from tests import citus
from tests.fakes.computer import Computer

_numbers = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def data_folder(tmp_path_factory):
    """A folder for what collectors keep beside their databases: never that of this computer."""
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NETREADY_DATA", str(folder))
        yield folder


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One real PostgreSQL for all tests of the collector; what has to outlive a crash has servers of its own."""
    if cluster := citus.wanted():
        yield cluster
        return
    with embedded.start_or_join(tmp_path_factory.mktemp("postgres") / "data") as running:
        with psycopg.connect(running.url("postgres", embedded.SUPERUSER), autocommit=True) as connection:
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                connection.execute(f"alter system set {setting} = off")
            connection.execute("select pg_reload_conf()")
        yield running


@contextlib.contextmanager
def a_database(server, template="template1"):
    """Make a database, and take it away with its roles; one that lies on several machines is emptied instead."""
    if isinstance(server, citus.Cluster) and template != "template1":
        server.empty(template)
        _add_regions(server.url(template, embedded.SUPERUSER))
        yield template
        return
    name = f"test_{next(_numbers)}"
    with psycopg.connect(server.url("postgres", embedded.SUPERUSER), autocommit=True) as connection:
        connection.execute(f"create database {name} template {template}")
        try:
            yield name
        finally:
            connection.execute(f"drop database {name} with (force)")
            for role in ("query", "ingest", "people"):
                connection.execute(f"drop role if exists {name}_{role}")


@pytest.fixture(scope="session")
def migrated(server):
    """A migrated database with two regions, to be copied: migrating takes a hundred times as long."""
    if isinstance(server, citus.Cluster):
        with server.a_database("test_of_all") as name:
            yield name
        return
    with a_database(server) as name:
        _add_regions(server.url(name, embedded.SUPERUSER))
        yield name


def _add_regions(url):
    with Database(url, pool_size=1) as made, made.owning() as connection:
        schools.keep_regions(
            connection,
            [
                RegionRecord(region_id="KZ-75", name_kk="Алматы", name_ru="Алматы", name_en="Almaty"),
                RegionRecord(region_id="KZ-71", name_kk="Астана", name_ru="Астана", name_en="Astana"),
            ],
        )


@pytest.fixture
def database_url(server, migrated):
    """A migrated database of its own."""
    with a_database(server, migrated) as name:
        yield server.url(name, embedded.SUPERUSER)


@pytest.fixture
def database(database_url):
    """A migrated database with two regions."""
    with Database(database_url, pool_size=4) as made:
        yield made


@pytest.fixture
def add_school(database):
    """Add a school to the registry."""

    def add(school_id: str, **changes) -> SchoolRecord:
        record = SchoolRecord(
            **({"school_id": school_id, "name": f"School {school_id}", "region_id": "KZ-75", "pupils": 300} | changes)
        )
        with database.owning() as connection:
            schools.keep_schools(connection, [record])
        return record

    return add


@pytest.fixture
def bearer(database):
    """Make an API token and return the header that uses it."""

    def make(
        role: str, scope: str | None = None, days: int | None = None, now: datetime | None = None
    ) -> dict[str, str]:
        with database.owning() as connection:
            token = access.create(
                connection, role=role, scope=scope, name="test", days=days, now=now or datetime.now(UTC)
            )
        return {"authorization": f"Bearer {token}"}

    return make


@pytest.fixture
def make_token(database):
    """Make an enrolment token."""

    def make(school_id: str, uses: int = 1, days: int = 30, now: datetime | None = None) -> str:
        with database.owning() as connection:
            return enrollment.create_token(connection, school_id, uses=uses, days=days, now=now or datetime.now(UTC))

    return make


@pytest.fixture
def enrolled(database, make_token):
    """Enrol a computer at a school that exists."""

    def enrol(school_id: str, seed: int = 1) -> Computer:
        computer = Computer(school_id, seed)
        with database.ingesting() as connection:
            body = computer.enrollment(make_token(school_id))
            enrollment.enroll(connection, body, PolicySettings(), datetime.now(UTC))
        return computer

    return enrol


@contextlib.contextmanager
def serving(app):
    """Serve an application on a free port of loopback."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        config = server_config(app, Settings())
        config.log_level, config.timeout_graceful_shutdown = "error", 2
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


@pytest.fixture
def client(database):
    """The API and pages as a person at this computer reaches them."""
    settings = Settings(serve=Serve(listen="127.0.0.1:0"), policy=PolicySettings(servers=("ws://127.0.0.1:4443",)))
    with (
        serving(make_app(database, settings)) as address,
        httpx.Client(base_url=address, headers={"accept-language": "en"}, timeout=60) as made,
    ):
        yield made
