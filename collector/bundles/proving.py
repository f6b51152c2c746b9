"""The places of many things in the logs, with the proofs to the newest checkpoints; some hundred of them at a time."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from msgspec import Struct

from collector.evidence import bundle, entry, merkle, note
from collector.evidence.bundle import Place, Signed
from collector.evidence.entry import Subject
from collector.evidence.tiles import Tiles
from collector.ledger.trees import note_of, tree_of
from collector.store import bundles, checkpoints, evidence
from collector.store.checkpoints import CheckpointRecord
from collector.store.database import Connection
from collector.store.evidence import LogRecord, StoredEntry

_AT_ONCE = 500
_MOST_TILES = 4_096
_MOST_WITNESSES = bundle.MOST_CHECKPOINTS - 1


class ShownLog(Struct, frozen=True):
    """A log with the checkpoints that a bundle shows, the smallest first; all proofs lead to the last one."""

    log: LogRecord
    checkpoints: tuple[CheckpointRecord, ...]

    @property
    def size(self) -> int:
        """How many entries the last checkpoint covers."""
        return self.checkpoints[-1].size


class Prover:
    """Finds places. ``logs`` are those with a checkpoint, by number."""

    def __init__(self, logs: Mapping[int, ShownLog]) -> None:
        self.logs = logs
        self._tiles: dict[tuple[int, int, int], bytes] = {}

    def places(
        self, connection: Connection, schools: Sequence[str], subject: Subject, things: Sequence[tuple[str, str]]
    ) -> list[Place | None]:
        """Return where things stand, by key and SHA-256 in hex; null for those that no checkpoint covers.

        ``schools``: whose entries are looked at, '' for what concerns no single one.
        """
        found: list[Place | None] = []
        for begin in range(0, len(things), _AT_ONCE):
            found += self._some(connection, schools, subject, things[begin : begin + _AT_ONCE])
        return found

    def _some(
        self, connection: Connection, schools: Sequence[str], subject: Subject, things: Sequence[tuple[str, str]]
    ) -> list[Place | None]:
        stored: dict[tuple[str, str], StoredEntry] = {}
        for one in bundles.entries(connection, schools, subject, [key for key, _ in things]):
            shown = self.logs.get(one.log)
            if shown is not None and one.index < shown.size:
                said = entry.decode(one.entry)
                stored[said.key, said.sha256] = one
        trees = self._trees(connection, list(stored.values()))
        return [self._place(trees, stored[thing]) if thing in stored else None for thing in things]

    def _place(self, trees: Mapping[int, Tiles], one: StoredEntry) -> Place:
        path = merkle.inclusion(trees[one.log].node, one.index, self.logs[one.log].size)
        return Place(log=one.log, index=one.index, entry=one.entry.decode(), proof=tuple(path))

    def _trees(self, connection: Connection, stored: Sequence[StoredEntry]) -> dict[int, Tiles]:
        """Return the logs' trees, the lowest tiles fetched in one go, and the others kept from one time to the next."""
        wanted: dict[int, set[int]] = defaultdict(set)
        for one in stored:
            wanted[one.log].add(one.index // 256)
        return {log: self._tree(connection, log, sorted(numbers)) for log, numbers in wanted.items()}

    def _tree(self, connection: Connection, log: int, numbers: Sequence[int]) -> Tiles:
        lowest = bundles.lowest_tiles(connection, log, numbers)

        def fetch(level: int, number: int) -> bytes:
            if level == 0 and number in lowest:
                return lowest[number]
            place = (log, level, number)
            if place not in self._tiles:
                if len(self._tiles) >= _MOST_TILES:
                    self._tiles.clear()
                self._tiles[place] = evidence.tile(connection, log, level, number)
            return self._tiles[place]

        return Tiles(fetch)


def shown_logs(connection: Connection) -> dict[int, ShownLog]:
    """Return all logs that have a checkpoint, with their newest and the newest that each witness cosigned."""
    found = {}
    for log in evidence.logs(connection):
        newest = checkpoints.newest(connection, log.number)
        if newest is None:
            continue
        sizes = {one.size for one in checkpoints.witnesses(connection, log.number) if one.size is not None}
        older = [
            one
            for size in sorted(sizes, reverse=True)[:_MOST_WITNESSES]
            if size < newest.size and (one := checkpoints.of_size(connection, log.number, size)) is not None
        ]
        found[log.number] = ShownLog(log, (*reversed(older), newest))
    return found


def record_of(connection: Connection, one: ShownLog) -> bundle.Log:
    """Return a log as a bundle shows it."""
    tree = tree_of(connection, one.log.number)
    return bundle.Log(
        number=one.log.number,
        key=note.key(one.log.origin, "log", one.log.public_key).text,
        checkpoints=tuple(
            Signed(
                note=note_of(connection, each),
                consistency=tuple(merkle.consistency(tree.node, each.size, one.size)) if each.size < one.size else (),
            )
            for each in one.checkpoints
        ),
    )
