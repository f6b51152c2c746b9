import io
import re
import shutil
import tarfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest

from collector import access, backup, cli, enrollment, periods, rankings, rollup, simulate
from collector.errors import BackupError, DatabaseError
from collector.settings import DatabaseSettings, PolicySettings
from collector.store import dump, embedded
from collector.store.database import MINISTRY, Database, open_database

pa = pytest.importorskip("pyarrow")
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


def quiet(_: str) -> None:
    """Be told nothing."""


@pytest.fixture
def country(database):
    """A small synthetic country with reports, enrolments, tokens and their audit entries."""
    plan = simulate.Plan(schools=4, days=3, seed=1, last_day=NOW.date() - timedelta(days=1))
    simulate.run(database, plan, NOW, rollup.calendars_of(PolicySettings()))
    with database.owning() as connection:
        access.create(connection, role="ministry", scope=None, name="somebody", days=9, now=NOW)
        school = connection.execute("select min(school_id) from school").fetchone()[0]
        enrollment.create_token(connection, school, uses=3, days=9, now=NOW)
        connection.execute("insert into audit_entry (who, what) values ('somebody', 'saw')")
    return database


@pytest.fixture
def other_url(server):
    """A second database with nothing in it."""
    with psycopg.connect(server.url("postgres", embedded.SUPERUSER), autocommit=True) as connection:
        connection.execute("create database other")
        yield server.url("other", embedded.SUPERUSER)
        connection.execute("drop database other with (force)")
        for role in ("query", "ingest", "people"):
            connection.execute(f"drop role if exists other_{role}")


def ranked(database: Database) -> list:
    """Return what the rankings say."""
    window = rankings.Window(periods.parse("2026-Q4", ZoneInfo("Asia/Almaty")), None)
    with database.reading(MINISTRY) as connection:
        return [rankings.get(name).ranked(connection, window) for name in ("schools", "regions", "operators")]


def counts(database: Database) -> dict[str, int]:
    """Return how many rows each table has."""
    with database.owning() as connection:
        found = connection.execute("select tablename from pg_tables where schemaname = 'public'")
        names = [row[0] for row in found if row[0] not in dump.OWN]
        return {
            name: connection.execute(f'select count(*) from "{name}"').fetchone()[0]  # noqa: S608 - names of our tables
            for name in names
        }


def test_a_restored_database_answers_the_same(country, other_url, tmp_path):
    """Rankings, reports, tokens, log and partitions are as they were, and the program goes on working on it."""
    file = tmp_path / "country.tar.zst"
    made = backup.create(country, file, quiet)
    assert made.rows > 100
    assert backup.verify(file)[1] == made
    assert backup.restore(file, DatabaseSettings(url=other_url), quiet) == made
    with open_database(DatabaseSettings(url=other_url)) as restored:
        assert ranked(restored) == ranked(country)
        assert counts(restored) == counts(country)
        with restored.owning() as connection:
            connection.execute("insert into audit_entry (who, what) values ('somebody', 'saw')")
            assert connection.execute("select max(entry_id) > 1 from audit_entry").fetchone() == (True,)
            with pytest.raises(psycopg.errors.RaiseException, match="only ever added to"):
                connection.execute("delete from audit_entry")


def test_a_backup_is_one_moment(country, tmp_path, monkeypatch):
    """What is stored while it is written is either all in it or not at all."""
    file = tmp_path / "moment.tar.zst"
    pieces = backup._pieces

    def busy(connection, table):
        if table.name == "agent":
            with country.owning() as other:
                other.execute("insert into dirty_day (school_id, day) values ('later', '2026-11-23')")
        yield from pieces(connection, table)

    monkeypatch.setattr(backup, "_pieces", busy)
    made = backup.create(country, file, quiet)
    before = counts(country)
    assert {one.name: one.rows for one in made.contents}["dirty_day"] == before["dirty_day"] - 1


def test_large_tables_go_through_in_pieces(country, other_url, tmp_path, monkeypatch):
    """A piece may end anywhere between rows; memory never holds a table."""
    monkeypatch.setattr(backup, "_PIECE_BYTES", 1000)
    file = tmp_path / "pieces.tar.zst"
    made = backup.create(country, file, quiet)
    assert len(entries(file)) > 3 * len(made.contents)
    assert backup.restore(file, DatabaseSettings(url=other_url), quiet) == made


def test_only_its_owner_can_read_it_and_nothing_is_overwritten(country, tmp_path):
    """It holds all that the country stored, hashes of passwords too."""
    file = tmp_path / "private.tar.zst"
    backup.create(country, file, quiet)
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(BackupError, match="already there"):
        backup.create(country, file, quiet)
    assert [one.name for one in tmp_path.iterdir()] == ["private.tar.zst"]


def test_secrets_of_this_database_alone_are_not_in_it(country, tmp_path):
    """The passwords of the program's own roles belong to one server and are made anew."""
    file = tmp_path / "secrets.tar.zst"
    backup.create(country, file, quiet)
    with country.owning() as connection:
        secrets = [row[0] for row in connection.execute("select password from role_secret")]
    content = b"".join(entries(file).values()).decode()
    assert len(secrets) >= 2
    assert not any(secret in content for secret in secrets)


def entries(file: Path) -> dict[str, bytes]:
    """Read what a backup holds."""
    with pa.CompressedInputStream(str(file), "zstd") as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
        return {entry.name: archive.extractfile(entry).read() for entry in archive}


def rewrite(file: Path, changed: dict[str, bytes]) -> None:
    """Write a backup anew with other content."""
    file.unlink()
    with pa.CompressedOutputStream(str(file), "zstd") as stream, tarfile.open(fileobj=stream, mode="w|") as archive:
        for name, content in changed.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def _cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-200])


def _bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def _without_manifest(file: Path) -> None:
    rewrite(file, {name: content for name, content in entries(file).items() if name != "manifest.json"})


def _a_row_less(file: Path) -> None:
    changed = entries(file)
    name = next(name for name in changed if name.startswith("tables/report/"))
    changed[name] = changed[name].partition(b"\n")[2]
    rewrite(file, changed)


def _a_table_less(file: Path) -> None:
    rewrite(file, {name: content for name, content in entries(file).items() if not name.startswith("tables/report/")})


def _injection(file: Path) -> None:
    changed = entries(file)
    changed["about.json"] = changed["about.json"].replace(b'"DEFAULT"', b'"DEFAULT; drop table school"')
    rewrite(file, changed)


def _newer(file: Path) -> None:
    changed = entries(file)
    changed["about.json"] = re.sub(rb'"revision": "\d+"', b'"revision": "9999"', changed["about.json"])
    rewrite(file, changed)


def _other_file(file: Path) -> None:
    rewrite(file, {"../../etc/passwd": b"x"})


def _stranger(file: Path) -> None:
    file.write_bytes(b"no backup at all")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_cut_off, "cannot be read as a backup|cut off|damaged"),
        (_bit, "cannot be read as a backup|damaged"),
        (_without_manifest, "cut off"),
        (_a_row_less, "damaged: the table report"),
        (_a_table_less, "damaged: the table report"),
        (_injection, "netready never makes"),
        (_newer, "newer than this one"),
        (_other_file, "no backup of netready"),
        (_stranger, "cannot be read as a backup"),
    ],
)
def test_a_damaged_backup_restores_nothing(country, other_url, tmp_path, damage, told):
    """It is read to its end before anything is made; the place stays as empty as it was."""
    file = tmp_path / "damaged.tar.zst"
    backup.create(country, file, quiet)
    damage(file)
    with pytest.raises(BackupError, match=told):
        backup.verify(file)
    with pytest.raises(BackupError, match=told):
        backup.restore(file, DatabaseSettings(url=other_url), quiet)
    with psycopg.connect(other_url) as connection:
        assert connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone() == (0,)


def test_a_place_that_is_not_empty_is_refused(country, database_url, tmp_path):
    """A restore never mixes with, or goes over, what is there."""
    file = tmp_path / "full.tar.zst"
    backup.create(country, file, quiet)
    before = counts(country)
    with pytest.raises(DatabaseError, match="is not empty"):
        backup.restore(file, DatabaseSettings(url=database_url), quiet)
    assert counts(country) == before


def test_a_restore_that_fails_leaves_nothing(country, other_url, tmp_path, monkeypatch):
    """A table that came out different undoes all of it."""
    file = tmp_path / "different.tar.zst"
    backup.create(country, file, quiet)
    real = backup._take_in

    def spoil(connection, tables, found):
        real(connection, tables, found)
        connection.execute("update school set name = 'another'")

    monkeypatch.setattr(backup, "_take_in", spoil)
    with pytest.raises(BackupError, match="the table school came out different"):
        backup.restore(file, DatabaseSettings(url=other_url), quiet)
    with psycopg.connect(other_url) as connection:
        assert connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone() == (0,)


def test_backups_go_on_while_reports_come_in(country, tmp_path):
    """Nobody waits for a backup, and it waits for nobody."""
    stop = threading.Event()
    stored = [0]

    def deliver() -> None:
        while not stop.is_set():
            with country.owning() as connection:
                connection.execute(
                    "insert into dirty_day (school_id, day) values (%s, '2026-11-23')", (str(stored[0]),)
                )
            stored[0] += 1

    busy = threading.Thread(target=deliver)
    busy.start()
    try:
        for number in range(3):
            backup.create(country, tmp_path / f"{number}.tar.zst", quiet)
            backup.verify(tmp_path / f"{number}.tar.zst")
    finally:
        stop.set()
        busy.join(30)
    assert stored[0] > 0


def test_the_commands_work_on_the_embedded_database(tmp_path, capsys, country):
    """From a file into a new data folder, in the words of a person at a terminal."""
    file = tmp_path / "embedded.tar.zst"
    data = tmp_path / "data"
    backup.create(country, file, quiet)
    try:
        assert cli.main(["backup", "restore", str(file), "--data", str(data)]) == 0
        assert cli.main(["backup", "verify", str(file)]) == 0
        again = tmp_path / "again.tar.zst"
        assert cli.main(["backup", "create", str(again), "--data", str(data)]) == 0
        before, after = ({one.name: one for one in backup.verify(made)[1].contents} for made in (file, again))
        assert {name for name, one in after.items() if one != before[name]} == {"audit_entry"}  # it was restored
        assert after["audit_entry"].rows == before["audit_entry"].rows + 1
        assert cli.main(["backup", "restore", str(file), "--data", str(data)]) == 1
        assert "is not empty" in capsys.readouterr().err
    finally:
        shutil.rmtree(data, ignore_errors=True)
