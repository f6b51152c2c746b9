"""A database that was restored from an old backup, or changed, is noticed before its log goes on."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from collector import backup
from collector.errors import NotFound
from collector.evidence import entry, merkle, note, safekeeping
from collector.evidence.errors import LogStopped
from collector.ledger import checkpointing, restarting, sequencing
from collector.ledger.trees import tree_of
from collector.settings import DatabaseSettings, Settings
from collector.store import audit, evidence
from collector.store.audit import Who
from collector.store.database import MINISTRY, Database, open_database
from collector.store.evidence import Pending, Wanted

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
TABLES = ("log", "log_entry", "log_tile", "checkpoint", "log_pending")


class Place:
    """A collector: its database and its settings, and how its database goes back to what it was."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database, self.settings = database, settings
        self.pended = 0

    def grow(self, by: int) -> None:
        """Store more, and sign it."""
        self.pend(by)
        checkpointing.run(self.database, self.settings)

    def pend(self, by: int) -> None:
        numbers = range(self.pended, self.pended + by)
        self.pended += by
        wanted = [
            Pending(
                subject="report",
                key=f"agent/{number}",
                school_id="1",
                sha256=hashlib.sha256(number.to_bytes(8)).digest(),
                at=AT + timedelta(seconds=number),
            )
            for number in numbers
        ]
        with self.database.ingesting() as connection:
            evidence.pend(connection, wanted)

    def remember(self) -> None:
        with self.database.owning() as connection:
            connection.execute("drop schema if exists old cascade")
            connection.execute("create schema old")
            for table in TABLES:
                connection.execute(f"create table old.{table} as table {table}")

    def put_back(self) -> None:
        """Be the database of then."""
        with self.database.owning() as connection:
            for table in TABLES:
                overriding = "overriding system value" if table == "log_pending" else ""
                connection.execute(f"truncate {table}")
                connection.execute(f"insert into {table} {overriding} select * from old.{table}")  # noqa: S608 - ours

    def files(self, end: str) -> Path:
        (found,) = Path(self.settings.database.data).glob(f"*{end}")
        return found

    def newest(self) -> evidence.LogRecord:
        with self.database.owning() as connection:
            return evidence.newest_log(connection)

    def entries(self, log: int) -> list[entry.Entry]:
        with self.database.owning() as connection:
            found = evidence.entries_after(connection, Wanted(), (log - 1, 2**40), 1_000)
        return [entry.decode(one.entry) for one in found if one.log == log]

    def refuses(self, why: str) -> None:
        """See that the log stands still and says why, and that nothing is lost meanwhile."""
        size = self.newest().size
        self.pend(3)
        for job in (sequencing.run, checkpointing.run):
            with pytest.raises(LogStopped, match=why):
                job(self.database, self.settings)
        assert (self.newest().size, why in self.newest().stopped) == (size, True)
        with self.database.owning() as connection:
            assert evidence.waiting(connection, 100)[0] >= 3


@pytest.fixture
def place(database, database_url, tmp_path):
    """A collector with a data folder of its own and 20 entries."""
    settings = Settings(database=DatabaseSettings(url=database_url, data=str(tmp_path / "data")))
    made = Place(database, settings)
    made.grow(20)
    return made


def test_an_older_database_is_shorter_than_what_was_shown(place):
    """Restored without what was signed since: the log stands still."""
    place.remember()
    place.grow(10)
    place.put_back()
    place.refuses("restored from an older backup")


def test_an_older_database_that_went_on_has_another_history(place):
    """As long as before, with other entries: the root tells."""
    place.remember()
    place.grow(10)
    shown = place.files(".checkpoint").read_text()
    place.put_back()
    place.files(".checkpoint").unlink()
    place.pended = 100
    place.grow(15)
    safekeeping.keep(Path(place.settings.database.data) / _name(place), shown)
    place.refuses("are others than in the checkpoint that was shown")


def test_a_changed_entry_shows_when_its_hash_was_changed_too(place):
    """Whoever rewrites the tree has the log's own checkpoints against them."""
    with place.database.owning() as connection:
        connection.execute("update log_tile set hashes = set_byte(hashes, 5, 255 - get_byte(hashes, 5))")
    place.refuses("are others than in the checkpoint")


def test_a_tree_with_a_gap(place):
    """Tiles that were lost are named, and nothing is added over them."""
    with place.database.owning() as connection:
        connection.execute("update log_tile set hashes = substring(hashes from 1 for 320)")
    place.refuses("is damaged")


def test_a_database_without_its_key(place):
    """In a new folder, as after a restore on another computer, the key is asked for; with it the log goes on."""
    key = place.files(".key")
    away = key.rename(key.with_name("elsewhere"))
    place.refuses("the log's key is not here")
    away.rename(key)
    place.grow(1)
    assert place.newest().stopped is None


def test_the_key_of_another_log(place):
    """It is refused: its signatures would be nobody's."""
    place.files(".key").unlink()
    safekeeping.made_key(place.files(".checkpoint").with_name("log.key"))
    place.refuses("is not the key of the log")


@pytest.mark.parametrize("text", ["", "not a note", "netready\n20\n"])
def test_a_damaged_file(place, text):
    """A file that says nothing is not passed over."""
    place.files(".checkpoint").write_text(text)
    place.refuses("not a")


def test_the_embedded_database_misses_its_file(place):
    """Where no other computer can have worked, the file has to be there."""
    place.files(".checkpoint").unlink()
    embedded = Settings(database=DatabaseSettings(data=place.settings.database.data))
    with pytest.raises(LogStopped, match="last checkpoint is missing"):
        sequencing.run(place.database, embedded)
    place.grow(1)  # another PostgreSQL may be another computer's work: there the file comes back
    assert place.files(".checkpoint").exists()


def test_the_next_log_begins_with_the_last_word_of_the_one_before(place):
    """Its first entry is the hash of the last checkpoint that was shown; what that had not covered comes again."""
    place.remember()
    place.grow(10)
    shown = place.files(".checkpoint").read_text()
    place.put_back()
    place.refuses("restored")
    done = restarting.restart(place.database, place.settings, "the disk broke", Who("somebody"), NOW)
    assert done.again == 0
    place.grow(2)
    log = place.newest()
    assert (log.number, log.stopped, log.before) == (2, None, shown)
    assert log.origin.endswith("/2")
    first, *rest = place.entries(2)
    assert (first.subject, first.key) == ("log", log.origin.removesuffix("/2"))
    assert first.sha256 == hashlib.sha256(shown.encode()).hexdigest()
    assert len(rest) == 3 + 2  # what waited while it stood still, and what came
    assert note.checkpoint_of(note.read(place.files(".checkpoint").read_text())).origin == log.origin
    with place.database.reading(MINISTRY) as connection:
        about = audit.entries(connection, audit.Wanted(about=f"log {log.origin}"), limit=5)
        assert [one.detail["reason"] for one in about] == ["the disk broke"]


def test_what_no_checkpoint_covered_comes_again(place):
    """Entries of the old log that nobody can prove have a place in the next one."""
    place.pend(4)
    sequencing.run(place.database, place.settings)
    done = restarting.restart(place.database, place.settings, "to try it", Who("somebody"), NOW)
    assert done.again == 4
    place.grow(1)
    assert {one.key for one in place.entries(2)[1:]} == {f"agent/{number}" for number in range(20, 25)}
    assert {one.sha256 for one in place.entries(2)[1:5]} == {one.sha256 for one in place.entries(1)[20:]}


def test_a_database_from_before_the_last_restart(place):
    """It knows nothing of the log that was shown last; the next one has a number beyond that."""
    place.remember()
    restarting.restart(place.database, place.settings, "first", Who("somebody"), NOW)
    place.grow(1)
    shown = place.files(".checkpoint").read_text()
    place.put_back()
    place.refuses("which this database does not know")
    done = restarting.restart(place.database, place.settings, "second", Who("somebody"), NOW)
    assert (done.log.number, done.log.before) == (3, shown)
    place.grow(1)
    with place.database.reading(MINISTRY) as connection:
        merkle.root(tree_of(connection, 3).node, place.newest().size)


def test_a_lost_key_needs_another_log(place):
    """A new key signs the next log; the one before keeps its own."""
    old = place.newest().public_key
    place.files(".key").unlink()
    restarting.restart(place.database, place.settings, "the key was lost", Who("somebody"), NOW)
    place.grow(1)
    assert place.newest().public_key != old
    with place.database.owning() as connection:
        assert evidence.logs(connection, 1)[0].public_key == old


def test_nothing_to_restart(database, database_url, tmp_path):
    """Before the first log there is none to end."""
    settings = Settings(database=DatabaseSettings(url=database_url, data=str(tmp_path)))
    with pytest.raises(NotFound, match="no log yet"):
        restarting.restart(database, settings, "why not", Who("somebody"), NOW)


def test_a_restored_backup_goes_on_only_beside_its_files(place, server, tmp_path):
    """The newest backup with the key and the checkpoint: it goes on; without them: it says what is missing."""
    file = tmp_path / "country.tar.zst"
    backup.create(place.database, file, lambda _: None)
    with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as connection:
        connection.execute("create database restored_log")
    try:
        url = server.url("restored_log", "postgres")
        backup.restore(file, DatabaseSettings(url=url), lambda _: None)
        with open_database(DatabaseSettings(url=url)) as restored:
            bare = Settings(database=DatabaseSettings(url=url, data=str(tmp_path / "new")))
            with pytest.raises(LogStopped, match="key is not here"):
                sequencing.run(restored, bare)
            beside = Settings(database=DatabaseSettings(url=url, data=place.settings.database.data))
            other = Place(restored, beside)
            other.grow(1)
            assert (other.newest().size, other.newest().stopped) == (21, None)
    finally:
        with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as connection:
            connection.execute("drop database restored_log with (force)")
            for role in ("query", "ingest", "people"):
                connection.execute(f"drop role if exists restored_log_{role}")


def _name(place: Place) -> str:
    return f"log-{hashlib.sha256(place.newest().origin.encode()).hexdigest()[:12]}.checkpoint"
