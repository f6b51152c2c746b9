import threading
import time

import psycopg
import pytest

from collector.errors import DatabaseError
from collector.store import embedded, schema
from collector.store.database import Database

# What a process of the first version asked all day long.
OLD_QUESTIONS = (
    "select school_id, name, region_id, district, pupils, operator, synthetic, extra from school order by school_id",
    "select agent_id, sequence, created_at, received_at, payload from report where school_id = '1' order by sequence",
    "select download_bps, upload_bps, tainted from speed_test where school_id = '1' order by measured_at",
    "select kind, probe, failure, detail, body from measurement where school_id = '1' order by measured_at",
    "select name, role, scope, expires_at, revoked_at from access_token",
)

OLD_ROWS = """
insert into region values ('KZ-75', 'Алматы', 'Алматы', 'Almaty');
insert into school (school_id, name, region_id) values ('1', 'School', 'KZ-75');
insert into agent (school_id, agent_id, public_key) values ('1', 'a', 'x');
insert into report
select '1', 'a', number, '{}', 'x', null, 'x', 1, 'old', 'light', 'boot', number, now(), now(), null, 'KZ-75', null,
    false
from generate_series(1, 2000) as number;
insert into measurement
select '1', 'a', number, 0, 'link', null, null, null, now(), '{}', 'KZ-75', null, false
from generate_series(1, 2000) as number;
insert into speed_test (
    school_id, agent_id, sequence, position, measured_at, engine, server, purpose, tainted, region_id, synthetic
)
select '1', 'a', number, 0, now(), 'msak', 'x', 'capacity', '{}', 'KZ-75', false
from generate_series(1, 2000) as number;
"""


@pytest.fixture
def old_url(server):
    """A database of the first version with reports in it, and its roles as that version left them."""
    boss = server.url("postgres", embedded.SUPERUSER)
    with psycopg.connect(boss, autocommit=True) as connection:
        connection.execute("create database old")
    url = server.url("old", embedded.SUPERUSER)
    schema.migrate(url, "0001")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(OLD_ROWS)
        connection.execute("create role old_query login nosuperuser noinherit")
        connection.execute("grant select on all tables in schema public to old_query")
        for table in ("school", "agent", "report", "measurement", "speed_test", "enrollment_token"):
            connection.execute(f"alter table {table} enable row level security")
        for table in ("school", "report", "measurement", "speed_test"):
            connection.execute(f"create policy reader on {table} for select to old_query using (true)")
    yield url
    with psycopg.connect(boss, autocommit=True) as connection:
        connection.execute("drop database old with (force)")
        for role in ("query", "ingest", "people"):
            connection.execute(f"drop role if exists old_{role}")


class Reader(threading.Thread):
    """A process of the old version: asks its questions one after the other and notes what it is told."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self.ending = threading.Event()
        self.asked = 0
        self.longest_s = 0.0
        self.wrong: list[str] = []

    def run(self) -> None:
        """Ask until told to end."""
        with psycopg.connect(self._url, user="old_query", autocommit=True) as connection:
            connection.execute("select set_config('netready.role', 'ministry', false)")
            while not self.ending.is_set():
                for number, question in enumerate(OLD_QUESTIONS):
                    began = time.monotonic()
                    try:
                        rows = connection.execute(question).fetchall()
                    except psycopg.Error as error:
                        self.wrong.append(f"{question[:40]}: {error}")
                        return
                    self.longest_s = max(self.longest_s, time.monotonic() - began)
                    self.asked += 1
                    if number in (1, 2, 3) and len(rows) != 2000:
                        self.wrong.append(f"{question[:40]}: {len(rows)} rows")


def test_a_process_of_the_old_version_goes_on_answering(old_url):
    """While a new version migrates, and afterwards, the old one's questions give what they gave before."""
    readers = [Reader(old_url) for _ in range(3)]
    for reader in readers:
        reader.start()
    while min(reader.asked for reader in readers) < 10:
        assert all(reader.is_alive() for reader in readers), [reader.wrong for reader in readers]
        time.sleep(0.01)
    schema.upgrade(old_url, patience_s=60)
    after = [reader.asked for reader in readers]
    while any(reader.asked < number + 10 for reader, number in zip(readers, after, strict=True)):
        assert all(reader.is_alive() for reader in readers), [reader.wrong for reader in readers]
        time.sleep(0.01)
    for reader in readers:
        reader.ending.set()
        reader.join(30)
    assert [reader.wrong for reader in readers] == [[], [], []]
    with Database(old_url, pool_size=1) as database, database.ingesting() as connection:
        assert connection.execute("select count(*) from report").fetchone() == (2000,)


def test_what_was_stored_moves_into_partitions_whole(old_url):
    """Each measurement has the time its report came, and each agent knows its newest report."""
    schema.upgrade(old_url, patience_s=60)
    with psycopg.connect(old_url) as connection:
        for table in ("measurement", "speed_test"):
            question = f"select count(*) from {table} join report using (school_id, agent_id, sequence, received_at)"  # noqa: S608
            assert connection.execute(question).fetchone() == (2000,)
        assert connection.execute("select count(*) from report_other").fetchone() == (0,)
        assert connection.execute("select highest_sequence, head_sha256 from agent").fetchall() == [(2000, b"x")]


def test_a_table_in_use_is_waited_for_without_holding_others_up(old_url, monkeypatch):
    """A long report keeps the migration waiting, not the readers: it gives way again and again."""
    monkeypatch.setattr(schema, "_LOCK_WAIT", "100ms")
    monkeypatch.setattr(schema, "_PAUSE_S", 0.05)
    done = threading.Event()
    migrating = threading.Thread(target=lambda: (schema.upgrade(old_url), done.set()), daemon=True)
    with psycopg.connect(old_url) as long_report:
        long_report.execute("select count(*) from school")
        migrating.start()
        assert not done.wait(1.0)
        with psycopg.connect(old_url, autocommit=True) as other:
            other.execute("set statement_timeout = '20s'")
            for _ in range(5):
                assert other.execute("select count(*) from school").fetchone() == (1,)
        assert not done.is_set()
    assert done.wait(60)


def test_patience_has_an_end(old_url, monkeypatch):
    """Where a table never gets free, a person is told, and nothing was changed."""
    monkeypatch.setattr(schema, "_LOCK_WAIT", "50ms")
    with psycopg.connect(old_url) as long_report:
        long_report.execute("lock table school in access share mode")
        with pytest.raises(DatabaseError, match="always in use"):
            schema.upgrade(old_url, patience_s=0.2)
    with psycopg.connect(old_url) as connection:
        assert connection.execute("select version_num from alembic_version").fetchone() == ("0001",)


def test_a_start_that_changes_nothing_locks_nothing(database_url):
    """Processes start while reports are being read and written: a second look takes no lock on any table."""
    schema.upgrade(database_url)
    with psycopg.connect(database_url) as busy:
        busy.execute("lock table school, agent, report in access exclusive mode")
        schema.upgrade(database_url, patience_s=0)


@pytest.mark.parametrize(
    "change", ["drop owned by {role} cascade; drop role {role}", "update schema_mark set value = 'x'"]
)
def test_what_is_missing_is_set_up_again(database_url, change):
    """A database that was moved to another server has no roles there; another version's mark is not trusted."""
    schema.upgrade(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in change.format(role=f"{connection.info.dbname}_query").split(";"):
            connection.execute(statement)
    with Database(database_url, pool_size=1) as database, database.owning() as connection:
        assert connection.execute("select count(*) from schema_mark where value <> 'x'").fetchone() == (1,)


def test_a_newer_schema_is_left_alone(database_url):
    """An old program started by mistake changes nothing and says which one to use."""
    schema.upgrade(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
        connection.execute("update schema_mark set value = 'newer'")
    with pytest.raises(DatabaseError, match="use the newer netready"):
        schema.upgrade(database_url)
