"""A log's tree as it is stored: tiles of 256 hashes, as C2SP's tlog-tiles cuts it; pure over whoever keeps them.

Tile ``number`` of ``level`` holds the hashes of the subtrees of 256**level leaves, from 256 * number on. Levels between
are computed when asked for. A tile at the tree's end has fewer, and is replaced while the tree grows.
"""

import hashlib
from collections.abc import Callable, Iterable

from collector.evidence import merkle
from collector.evidence.errors import ProofError
from collector.evidence.merkle import HASH_BYTES

HEIGHT = 8
WIDTH = 1 << HEIGHT

Tile = tuple[int, int]
Fetch = Callable[[int, int], bytes]


class Tiles:
    """The nodes of a stored tree: each tile is fetched once, and its inner hashes are computed once."""

    def __init__(self, fetch: Fetch) -> None:
        """``fetch`` returns a tile's hashes one after the other, by level and number; empty where there is none."""
        self._fetch = fetch
        self._rows: dict[Tile, list[bytes]] = {}

    def node(self, level: int, number: int) -> bytes:
        """Return the hash of a full subtree.

        Raises:
            ProofError: the stored tree has no such subtree.
        """
        height, inside = divmod(level, HEIGHT)
        tile, place = divmod(number, WIDTH >> inside)
        rows = self._rows.get((height, tile))
        if rows is None:
            rows = self._rows[height, tile] = _rows(self._fetch(height, tile))
        found = rows[inside][place * HASH_BYTES : (place + 1) * HASH_BYTES]
        if len(found) != HASH_BYTES:
            raise ProofError(f"the stored log has no hash {number} of level {level}: tiles are missing")
        return found


def _rows(hashes: bytes) -> list[bytes]:
    """Return the hashes of a tile's full subtrees, row by row from its leaves up; in one go, which costs least."""
    rows, pair = [hashes], 2 * HASH_BYTES
    for _ in range(HEIGHT - 1):
        below = rows[-1]
        whole = range(0, len(below) - pair + 1, pair)
        rows.append(b"".join([hashlib.sha256(b"\1" + below[at : at + pair]).digest() for at in whole]))
    return rows


def appended(fetch: Fetch, size: int, leaves: Iterable[bytes]) -> dict[Tile, bytes]:
    """Return the tiles that are new or longer when these leaf hashes follow a tree of this size."""
    held = Tiles(fetch)
    tiles: dict[Tile, bytearray] = {}
    for (level, number), known in sorted(merkle.grown(held.node, size, leaves).items()):
        rows, inside = divmod(level, HEIGHT)
        if inside:
            continue
        tile, place = divmod(number, WIDTH)
        held_row = tiles.get((rows, tile))
        if held_row is None:
            held_row = tiles[rows, tile] = bytearray(fetch(rows, tile)[: place * HASH_BYTES] if place else b"")
        if len(held_row) != place * HASH_BYTES:
            raise ProofError(f"tile {tile} of level {rows} ends before its hash {place}: the stored log has a gap")
        held_row += known
    return {place: bytes(row) for place, row in tiles.items()}
