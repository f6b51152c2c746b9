"""What waits gets its place once, in order, whatever happens in between; and the log signs what it has."""

import hashlib
import multiprocessing
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from collector.errors import DatabaseError
from collector.evidence import entry, merkle, note
from collector.ledger import checkpointing, sequencing
from collector.ledger.trees import note_of, proven, tree_of
from collector.settings import DatabaseSettings, EvidenceSettings, Settings
from collector.store import evidence
from collector.store.database import MINISTRY, Database, Viewer
from collector.store.evidence import Pending, Wanted
from tests.fakes.computer import batch, throughput

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@pytest.fixture
def settings(database_url, tmp_path):
    """A collector with a data folder of its own."""
    return Settings(database=DatabaseSettings(url=database_url, data=str(tmp_path / "data")))


def thing(number: int, **changes) -> Pending:
    """Return something that waits."""
    values = {
        "subject": "report",
        "key": f"agent/{number}",
        "school_id": f"{number % 7}",
        "sha256": hashlib.sha256(number.to_bytes(8)).digest(),
        "at": AT + timedelta(seconds=number),
        "is_salted": False,
    }
    return Pending(**(values | changes))


def pend(database: Database, wanted: list[Pending]) -> None:
    with database.ingesting() as connection:
        evidence.pend(connection, wanted)


def everything(database: Database) -> list[evidence.StoredEntry]:
    with database.owning() as connection:
        return evidence.entries_after(connection, Wanted(), (0, 0), 100_000)


def test_what_waits_gets_its_place_in_order(database, settings):
    """By time, then school, subject and key, whatever the order it came in; then nothing waits any more."""
    wanted = [thing(number) for number in range(40)]
    wanted += [thing(9, key="agent/8a", subject="record"), thing(9, key="agent/08")]
    shuffled = random.Random(1).sample(wanted, len(wanted))  # noqa: S311 - a test that can be repeated
    for one in shuffled:
        pend(database, [one])
    assert sequencing.run(database, settings) == len(wanted)
    found = everything(database)
    assert [one.index for one in found] == list(range(len(wanted)))
    read = [entry.decode(one.entry) for one in found]
    assert [(one.at, one.school, one.subject, one.key) for one in read] == sorted(
        (one.at, one.school_id, one.subject, one.key) for one in wanted
    )
    assert {one.sha256 for one in read} == {one.sha256.hex() for one in wanted}
    assert sequencing.run(database, settings) == 0


def test_what_could_be_guessed_is_salted(database, settings):
    """Two entries that say the same have other hashes, unless what they tell of can be guessed by nobody."""
    pend(database, [thing(1, is_salted=True), thing(1, is_salted=True), thing(2), thing(2)])
    sequencing.run(database, settings)
    salts = [entry.decode(one.entry).salt for one in everything(database)]
    assert len(set(salts)) == 3
    assert salts[2:] == [None, None]


def test_batches_make_one_tree(database, settings, monkeypatch):
    """However many transactions it took, the root is that of all entries."""
    monkeypatch.setattr(sequencing, "BATCH", 100)
    for numbers in (range(365), range(365, 730)):
        pend(database, [thing(number) for number in numbers])
        assert sequencing.run(database, settings) == 365
    leaves = [merkle.leaf_hash(one.entry) for one in everything(database)]
    with database.reading(MINISTRY) as connection:
        assert merkle.root(tree_of(connection, 1).node, 730) == merkle.root_of(leaves)


def test_reports_wait_in_the_transaction_that_stores_them(database, settings, client, add_school, enrolled):
    """Each stored report has one entry with the hash of its very bytes, sent twice or not."""
    add_school("1", operator="Operator A")
    computer = enrolled("1")
    body = batch(computer.report(throughput(3e7, 8e6)), computer.report(throughput(3e7, 8e6)))
    for _ in range(2):
        assert client.post("/api/v1/reports", content=body).status_code == 200
    sequencing.run(database, settings)
    with database.owning() as connection:
        stored = connection.execute("select sequence, payload from report order by sequence").fetchall()
    found = [entry.decode(one.entry) for one in everything(database)]
    reports = [one for one in found if one.subject == "report"]
    assert [(one.key, one.sha256) for one in reports] == [
        (f"{computer.id}/{sequence}", hashlib.sha256(payload).hexdigest()) for sequence, payload in stored
    ]
    assert {(one.school, one.operator) for one in reports} == {("1", "Operator A")}


def test_a_process_that_dies_in_between_leaves_nothing_half_done(database, settings, monkeypatch):
    """Its batch waits again, and the next one gives each thing one place."""
    pend(database, [thing(number) for number in range(50)])
    whole = evidence.append

    def dies(connection, *rest):
        whole(connection, *rest)
        connection.execute("select pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr(evidence, "append", dies)
    with pytest.raises(DatabaseError):
        sequencing.run(database, settings)
    monkeypatch.undo()
    assert everything(database) == []
    assert sequencing.run(database, settings) == 50
    assert [one.index for one in everything(database)] == list(range(50))


def _sequence(url: str, settings: Settings) -> None:
    with Database(url, pool_size=1) as database:
        for _ in range(20):
            sequencing.run(database, settings)


def test_several_processes_at_once_give_each_thing_one_place(database, database_url, settings):
    """No place is given twice and none is left out, while more comes in."""
    pend(database, [thing(0)])
    sequencing.run(database, settings)  # the key is made once
    context = multiprocessing.get_context("spawn")
    running = [context.Process(target=_sequence, args=(database_url, settings)) for _ in range(3)]
    for one in running:
        one.start()
    for numbers in (range(at, at + 20) for at in range(1, 1_001, 20)):
        pend(database, [thing(number) for number in numbers])
    for one in running:
        one.join(120)
        assert one.exitcode == 0
    sequencing.run(database, settings)
    found = everything(database)
    assert [one.index for one in found] == list(range(1_001))
    assert len({entry.decode(one.entry).key for one in found}) == 1_001
    leaves = [merkle.leaf_hash(one.entry) for one in found]
    with database.reading(MINISTRY) as connection:
        assert merkle.root(tree_of(connection, 1).node, 1_001) == merkle.root_of(leaves)


def test_a_checkpoint_is_signed_when_something_came(database, settings):
    """It covers what waited, is the log's, and is kept beside the database; without news there is no new one."""
    assert checkpointing.run(database, settings) is None
    pend(database, [thing(number) for number in range(5)])
    first = checkpointing.run(database, settings)
    assert first.size == 5
    assert checkpointing.run(database, settings) == first
    pend(database, [thing(number) for number in range(5, 9)])
    second = checkpointing.run(database, settings)
    with database.reading(MINISTRY) as connection:
        log = evidence.newest_log(connection)
        tree = tree_of(connection, log.number)
        proof = merkle.consistency(tree.node, first.size, second.size)
        said = note.checkpoint_of(note.read(note_of(connection, second)))
    note.check(note.read(second.note), note.key(log.origin, "log", log.public_key))
    merkle.check_consistency((first.size, first.root), (second.size, second.root), proof)
    assert (said.origin, said.size, said.root) == (log.origin, 9, second.root)
    (kept,) = (tmp for tmp in _files(settings) if tmp.name.endswith(".checkpoint"))
    assert kept.read_text() == second.note
    assert {one.stat().st_mode & 0o777 for one in _files(settings)} == {0o600}


def test_every_entry_is_proven_once_a_checkpoint_covers_it(database, settings):
    """The proof leads from the entry's bytes to the root that was signed; before, it says that there is none yet."""
    pend(database, [thing(number) for number in range(300)])
    sequencing.run(database, settings)
    with database.reading(MINISTRY) as connection:
        (found,) = evidence.entries_of(connection, evidence.Thing("report", "agent/77"), limit=9)
        log = evidence.newest_log(connection)
        assert proven(connection, log, found).proof is None
    signed = checkpointing.run(database, settings)
    with database.reading(MINISTRY) as connection:
        shown = proven(connection, log, found)
    leaf = merkle.leaf_hash(shown.entry.encode())
    assert merkle.root_with(leaf, shown.index, shown.size, shown.proof) == signed.root


def test_an_own_name_and_own_files(database, settings, tmp_path):
    """The log is called as the settings say, and its files are where they say."""
    chosen = EvidenceSettings(
        origin="log.example/netready", key_file=str(tmp_path / "a" / "k"), checkpoint_file=str(tmp_path / "b" / "c")
    )
    pend(database, [thing(1)])
    told = Settings(database=settings.database, evidence=chosen)
    assert checkpointing.run(database, told).note.startswith("log.example/netready\n1\n")
    assert (tmp_path / "a" / "k").exists()
    assert (tmp_path / "b" / "c").read_text().startswith("log.example/netready\n1\n")


def test_only_whom_it_concerns_sees_an_entry(database, settings, add_school):
    """A school its own, a region its schools', an operator its own; what concerns nobody alone, everybody."""
    add_school("a", region_id="KZ-75")
    add_school("b", region_id="KZ-71")
    pend(
        database,
        [
            thing(1, key="one", school_id="a", operator="A"),
            thing(2, key="two", school_id="b", operator="B"),
            thing(3, key="three", school_id=None, operator="B"),
            thing(4, key="four", school_id=None),
        ],
    )
    sequencing.run(database, settings)
    seen = {}
    for viewer in (
        MINISTRY,
        Viewer("region", "KZ-75"),
        Viewer("school", "b"),
        Viewer("operator", "A"),
        Viewer("operator", "B"),
    ):
        with database.reading(viewer) as connection:
            found = evidence.entries_after(connection, Wanted(), (0, 0), 10)
        seen[str(viewer.scope)] = {entry.decode(one.entry).key for one in found}
    assert seen == {
        "None": {"one", "two", "three", "four"},
        "KZ-75": {"one", "four"},
        "b": {"two", "four"},
        "A": {"one", "four"},
        "B": {"two", "three", "four"},
    }


def test_whoever_stores_reports_cannot_change_the_log(database):
    """It lets things wait, and neither reads nor takes back what waits; entries and checkpoints it never writes."""
    for statement in (
        "select * from log_pending",
        "delete from log_pending",
        "update log set size = 0",
        "insert into log_entry select * from log_entry",
        "insert into checkpoint select * from checkpoint",
        "delete from cosignature",
        "update cosignature set line = ''",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), database.ingesting() as connection:
            connection.execute(statement)


def _files(settings: Settings):
    return list(Path(settings.database.data).iterdir())
