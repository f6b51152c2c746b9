"""The log: how long a root, a proof and a place take, and how fast what waits gets its places."""

import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from collector.evidence import merkle
from collector.evidence.tiles import Tiles, appended
from collector.ledger import checkpointing, sequencing
from collector.ledger.trees import proven, tree_of
from collector.settings import DatabaseSettings, Settings
from collector.store import evidence
from collector.store.database import MINISTRY, open_database
from collector.store.evidence import Pending

_LEAVES, _PROOFS = 100_000, 500


def run() -> None:
    """Print the table."""
    table = Table("what", "took", "limit", title=f"The log, {_LEAVES:,} entries", title_justify="left")
    _in_memory(table)
    table.add_section()
    with tempfile.TemporaryDirectory(prefix="netready-bench-") as folder:
        Path(folder).chmod(0o755)
        _in_a_database(table, Settings(database=DatabaseSettings(data=folder)))
    Console(width=100).print(table)


def _in_memory(table: Table) -> None:
    leaves = [merkle.leaf_hash(number.to_bytes(4)) for number in range(_LEAVES)]
    began = time.perf_counter()
    root = merkle.root_of(leaves)
    table.add_row("root of all leaves", _ms(time.perf_counter() - began), "1000 ms")
    tiles = appended(lambda _level, _number: b"", 0, leaves)
    took, longer = [], []
    for index in range(0, _LEAVES, _LEAVES // _PROOFS):
        began = time.perf_counter()
        proof = merkle.inclusion(Tiles(lambda level, number: tiles[level, number]).node, index, _LEAVES)
        took.append(time.perf_counter() - began)
        assert merkle.root_with(leaves[index], index, _LEAVES, proof) == root
        began = time.perf_counter()
        merkle.consistency(Tiles(lambda level, number: tiles[level, number]).node, index + 1, _LEAVES)
        longer.append(time.perf_counter() - began)
    table.add_row("proof of inclusion from stored nodes, p50", _ms(statistics.median(took)), "1 ms")
    table.add_row("proof of consistency from stored nodes, p50", _ms(statistics.median(longer)), "")


def _in_a_database(table: Table, settings: Settings) -> None:
    with open_database(settings.database, make=True) as database:
        at = datetime(2026, 11, 23, tzinfo=UTC)
        for begin in range(0, _LEAVES, 500):
            wanted = [
                Pending(
                    subject="report",
                    key=f"{number % 640:032x}/{number}",
                    school_id=f"{number % 200:04}",
                    operator="Operator A",
                    sha256=merkle.leaf_hash(number.to_bytes(4)),
                    at=at + timedelta(seconds=begin),
                    is_salted=False,
                )
                for number in range(begin, begin + 500)
            ]
            with database.ingesting() as connection:
                evidence.pend(connection, wanted)
        began = time.perf_counter()
        sequencing.run(database, settings)
        took = time.perf_counter() - began
        table.add_row("a place for each, and the tree", f"{_LEAVES / took:,.0f} a second", "2,500 a second")
        began = time.perf_counter()
        checkpointing.run(database, settings)
        table.add_row("a checkpoint", _ms(time.perf_counter() - began), "")
        proofs = []
        with database.reading(MINISTRY) as connection:
            log = evidence.newest_log(connection)
            assert log is not None
            for number in range(0, _LEAVES, _LEAVES // _PROOFS):
                began = time.perf_counter()
                (entry,) = evidence.entries_of(
                    connection, evidence.Thing("report", f"{number % 640:032x}/{number}"), limit=2
                )
                proven(connection, log, entry)
                proofs.append(time.perf_counter() - began)
            began = time.perf_counter()
            merkle.root(tree_of(connection, log.number).node, log.size)
            table.add_row("the root from the database", _ms(time.perf_counter() - began), "")
        table.add_row("an entry found, and its proof, from the database, p50", _ms(statistics.median(proofs)), "")
        with database.owning() as connection:
            row = connection.execute(
                "select sum(pg_total_relation_size(oid)) from pg_class where relname in ('log_entry', 'log_tile')"
            ).fetchone()
        assert row is not None
        table.add_row("on disk, an entry", f"{int(row[0]) / _LEAVES:.0f} bytes", "")


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.2f} ms"
