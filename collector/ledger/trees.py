"""A log's tree as the database holds it, and what is proven with it."""

from msgspec import Struct

from collector.evidence import merkle, note
from collector.evidence.tiles import Tiles
from collector.store import checkpoints, evidence
from collector.store.checkpoints import CheckpointRecord
from collector.store.database import Connection
from collector.store.evidence import LogRecord, StoredEntry


class Proof(Struct, frozen=True, kw_only=True):
    """That an entry stands in a log: the hashes that lead from it to the root in the checkpoint (RFC 9162, 2.1.3).

    ``entry`` is the leaf, letter by letter; ``checkpoint`` a note, with what witnesses added. ``size``, ``checkpoint``
    and ``proof`` are null while no checkpoint covers the entry yet.
    """

    log: str
    index: int
    entry: str
    size: int | None
    proof: tuple[bytes, ...] | None
    checkpoint: str | None


def tree_of(connection: Connection, log: int) -> Tiles:
    """Return a log's tree."""
    return Tiles(lambda level, number: evidence.tile(connection, log, level, number))


def proven(connection: Connection, log: LogRecord, entry: StoredEntry) -> Proof:
    """Return the proof of an entry in its log's newest checkpoint."""
    shown = Proof(log=log.origin, index=entry.index, entry=entry.entry.decode(), size=None, proof=None, checkpoint=None)
    newest = checkpoints.newest(connection, log.number)
    if newest is None or newest.size <= entry.index:
        return shown
    path = merkle.inclusion(tree_of(connection, log.number).node, entry.index, newest.size)
    return Proof(
        log=shown.log,
        index=shown.index,
        entry=shown.entry,
        size=newest.size,
        proof=tuple(path),
        checkpoint=note_of(connection, newest),
    )


def note_of(connection: Connection, one: CheckpointRecord) -> str:
    """Return a checkpoint as a note, with the lines of those who cosigned it."""
    lines = [cosigned.line for cosigned in checkpoints.cosignatures(connection, one.log, one.size)]
    return note.read(one.note).text + "".join(lines)
