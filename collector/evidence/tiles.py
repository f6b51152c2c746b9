"""A log's tree as it is stored: tiles of 256 hashes, as C2SP's tlog-tiles cuts it; pure over whoever keeps them.

Tile ``number`` of ``level`` holds the hashes of the subtrees of 256**level leaves, from 256 * number on. Levels between
are computed when asked for. A tile at the tree's end has fewer, and is replaced while the tree grows.
"""

from collections.abc import Callable, Iterable

from collector.evidence import merkle
from collector.evidence.errors import ProofError
from collector.evidence.merkle import HASH_BYTES, Place

HEIGHT = 8
WIDTH = 1 << HEIGHT

Tile = tuple[int, int]
Fetch = Callable[[int, int], bytes]


class Tiles:
    """The nodes of a stored tree: each tile is fetched once, and its inner hashes are computed once."""

    def __init__(self, fetch: Fetch) -> None:
        """``fetch`` returns a tile's hashes one after the other, by level and number."""
        self._fetch = fetch
        self._rows: dict[Tile, bytes] = {}
        self._inner: dict[Place, bytes] = {}

    def node(self, level: int, number: int) -> bytes:
        """Return the hash of a full subtree.

        Raises:
            ProofError: the stored tree has no such subtree.
        """
        rows, inside = divmod(level, HEIGHT)
        if inside == 0:
            return self._stored(rows, number)
        known = self._inner.get((level, number))
        if known is None:
            left, right = (self.node(level - 1, 2 * number + side) for side in (0, 1))
            known = self._inner[level, number] = merkle.node_hash(left, right)
        return known

    def _stored(self, rows: int, number: int) -> bytes:
        tile, place = divmod(number, WIDTH)
        held = self._rows.get((rows, tile))
        if held is None:
            held = self._rows[rows, tile] = self._fetch(rows, tile)
        found = held[place * HASH_BYTES : (place + 1) * HASH_BYTES]
        if len(found) != HASH_BYTES:
            raise ProofError(f"the stored log has no hash {number} of level {rows}: tiles are missing")
        return found


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
