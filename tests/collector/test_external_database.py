import contextlib
import shutil
import socket
import tempfile
from pathlib import Path

import psycopg
import pytest

from collector.errors import DatabaseError
from collector.settings import DatabaseSettings
from collector.store.database import MINISTRY, open_database
from collector.store.embedded import binaries
from collector.store.embedded.account import account_of

BOSS = "boss-password"
OWNER = "owner-password"


@contextlib.contextmanager
def running(programs: binaries.Binaries, folder: Path):
    """Run a PostgreSQL as a ministry's administrator would: on TCP, with passwords for everybody."""
    account = account_of(folder)
    usable = binaries.for_account(programs, account)
    password = folder / "password"
    password.write_text(BOSS)
    data = folder / "data"
    data.mkdir()
    for place in (password, data):
        shutil.chown(place, account.uid, account.gid)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(program: str, *arguments: str) -> None:
        done = account.run([usable.program(program), *arguments], folder)
        assert done.returncode == 0, done.stdout

    run("initdb", "-D", str(data), "-U", "boss", "--auth=scram-sha-256", f"--pwfile={password}", "-E", "UTF8")
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories="
    run("pg_ctl", "start", "-w", "-D", str(data), "-l", str(data / "log"), "-o", options)
    try:
        yield port
    finally:
        run("pg_ctl", "stop", "-w", "-m", "fast", "-D", str(data))


@pytest.fixture(scope="module", params=[16, 18])
def port(request):
    """A server of the oldest and of the newest version that is supported, with two owners' databases."""
    programs = binaries.of_major(binaries.find(), request.param)
    assert programs is not None, "the dev extra brings both versions"
    folder = Path(tempfile.mkdtemp(prefix="netready-test-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        with running(programs, folder) as made:
            with psycopg.connect(f"postgresql://boss:{BOSS}@127.0.0.1:{made}/postgres", autocommit=True) as boss:
                boss.execute(f"create role netready login createrole password '{OWNER}'")
                boss.execute(f"create role powerless login password '{OWNER}'")
                boss.execute("create database netready owner netready")
                boss.execute("create database powerless owner powerless")
            yield made
    finally:
        shutil.rmtree(folder)


def url(user: str, port: int, password: str = OWNER) -> str:
    """Return the database URL a person would give."""
    return f"postgresql://{user}:{password}@127.0.0.1:{port}/{user}"


def test_an_ordinary_owner_is_enough(port):
    """The owner needs no superuser; the program then works as two roles with passwords of their own."""
    for _ in range(2):  # the second start finds everything in place
        with open_database(DatabaseSettings(url=url("netready", port))) as database:
            with database.reading(MINISTRY) as connection:
                assert connection.execute("select current_user").fetchone() == ("netready_query",)
            with database.ingesting() as connection:
                assert connection.execute("select current_user").fetchone() == ("netready_ingest",)


def test_an_owner_that_may_not_make_roles_is_told_what_to_ask_for(port):
    """The sentence holds the statement that the administrator has to run."""
    with pytest.raises(DatabaseError, match="alter role powerless createrole"):
        open_database(DatabaseSettings(url=url("powerless", port)))


@pytest.mark.parametrize("bad", ["wrong password", "no such database", "nobody listens"])
def test_a_wrong_url_is_a_sentence(port, bad):
    """Whatever is wrong with the URL, a person reads what to look at, without the password."""
    urls = {
        "wrong password": url("netready", port, "secret-guess"),
        "no such database": url("netready", port) + "x",
        "nobody listens": f"postgresql://netready:{OWNER}@127.0.0.1:1/netready",
    }
    with pytest.raises(DatabaseError, match="cannot be used") as caught:
        open_database(DatabaseSettings(url=urls[bad]))
    assert OWNER not in str(caught.value)
    assert "secret-guess" not in str(caught.value)
