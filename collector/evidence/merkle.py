"""Merkle trees as Certificate Transparency has them: roots, proofs of inclusion, proofs of consistency; pure.

Source: RFC 6962 and RFC 9162, section 2.1 (the same tree). Nothing here holds a tree: the hash of a full subtree is
asked for by its level and its number, which stands for the leaves from ``number << level`` up to the next one's.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from collector.evidence.errors import ProofError

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
MOST_LEAVES = 1 << 48

Place = tuple[int, int]
Nodes = Callable[[int, int], bytes]
_Span = tuple[int, int]


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of an entry as a leaf; the prefix keeps it apart from the hash of two nodes."""
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two nodes side by side."""
    return hashlib.sha256(b"\1" + left + right).digest()


def grown(nodes: Nodes, size: int, leaves: Iterable[bytes]) -> dict[Place, bytes]:
    """Return the hashes of all subtrees that become full when these leaf hashes follow a tree of this size."""
    made: dict[Place, bytes] = {}
    for index, leaf in enumerate(leaves, size):
        level, number, known = 0, index, leaf
        made[level, number] = known
        while number & 1:
            beside = made.get((level, number - 1)) or nodes(level, number - 1)
            level, number, known = level + 1, number >> 1, node_hash(beside, known)
            made[level, number] = known
    return made


def root(nodes: Nodes, size: int) -> bytes:
    """Return the root of the first ``size`` leaves."""
    return _hash_of(nodes, (0, size)) if size else EMPTY_ROOT


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root of these leaf hashes."""
    return root(from_mapping(grown(_none, 0, leaves)), len(leaves))


def inclusion(nodes: Nodes, index: int, size: int) -> list[bytes]:
    """Return the proof that leaf ``index`` is in the tree of this size (RFC 9162, 2.1.3.1).

    Raises:
        ProofError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ProofError(f"there is no leaf {index} in a tree of {size}")
    return [_hash_of(nodes, span) for span in _beside(index, (0, size))]


def consistency(nodes: Nodes, old: int, new: int) -> list[bytes]:
    """Return the proof that the tree of ``old`` leaves is the beginning of that of ``new`` (RFC 9162, 2.1.4.1).

    Raises:
        ProofError: the old tree is the larger one.
    """
    if not 0 <= old <= new:
        raise ProofError(f"a tree of {old} leaves is no beginning of one of {new}")
    return [_hash_of(nodes, span) for span in _between(old, (0, new), is_whole=True)] if old else []


def root_with(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """Return the root that a proof of inclusion leads to (RFC 9162, 2.1.3.2); whoever asks compares it.

    Raises:
        ProofError: there is no such leaf, or the proof has the wrong length.
    """
    if not 0 <= index < size <= MOST_LEAVES:
        raise ProofError(f"there is no leaf {index} in a tree of {size}")
    first, last, found = index, size - 1, leaf
    for beside in proof:
        if last == 0:
            raise ProofError("the proof of inclusion is too long")
        if first & 1 or first == last:
            found = node_hash(beside, found)
            first, last = _up_to_a_right_one(first, last)
        else:
            found = node_hash(found, beside)
        first, last = first >> 1, last >> 1
    if last:
        raise ProofError("the proof of inclusion is too short")
    return found


def check_consistency(old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]) -> None:
    """Check that the old tree (size, root) is the beginning of the new one (RFC 9162, 2.1.4.2).

    Raises:
        ProofError: it is not, or this does not prove it.
    """
    (old_size, old_root), (new_size, new_root) = old, new
    if not 0 <= old_size <= new_size <= MOST_LEAVES:
        raise ProofError(f"a tree of {old_size} leaves is no beginning of one of {new_size}")
    if old_size in (0, new_size):
        wanted = EMPTY_ROOT if old_size == 0 else new_root
        if proof or old_root != wanted:
            raise ProofError(f"two trees of {old_size} leaves have different roots, or are proven with too much")
        return
    # Where the old tree is one full subtree, it is itself where the proof begins.
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not path:
        raise ProofError("the proof of consistency is too short")
    if _led_to(old_size, new_size, path) != (old_root, new_root):
        raise ProofError(f"the tree of {old_size} leaves is not the beginning of the tree of {new_size}")


def from_mapping(known: Mapping[Place, bytes]) -> Nodes:
    """Return the nodes of a tree in memory."""
    return lambda level, number: known[level, number]


def _led_to(old_size: int, new_size: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    first, last = old_size - 1, new_size - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    old = new = path[0]
    for beside in path[1:]:
        if last == 0:
            raise ProofError("the proof of consistency is too long")
        if first & 1 or first == last:
            old, new = node_hash(beside, old), node_hash(beside, new)
            first, last = _up_to_a_right_one(first, last)
        else:
            new = node_hash(new, beside)
        first, last = first >> 1, last >> 1
    if last:
        raise ProofError("the proof of consistency is too short")
    return old, new


def _up_to_a_right_one(first: int, last: int) -> _Span:
    """Pass the levels at which the last node of a row stands alone and moves up as it is."""
    while first and not first & 1:
        first, last = first >> 1, last >> 1
    return first, last


def _beside(index: int, span: _Span) -> Iterator[_Span]:
    """Yield the spans of leaves whose hashes lead from a leaf up to the root of a span, the lowest first."""
    begin, end = span
    if end - begin > 1:
        middle = _middle(begin, end)
        near, far = ((begin, middle), (middle, end)) if index < middle else ((middle, end), (begin, middle))
        yield from _beside(index, near)
        yield far


def _between(old: int, span: _Span, *, is_whole: bool) -> Iterator[_Span]:
    """Yield the spans that join the tree of the leaves before ``old`` to that of a span (SUBPROOF in the RFC)."""
    begin, end = span
    if old == end:
        if not is_whole:
            yield span
        return
    middle = _middle(begin, end)
    if old <= middle:
        yield from _between(old, (begin, middle), is_whole=is_whole)
        yield middle, end
    else:
        yield from _between(old, (middle, end), is_whole=False)
        yield begin, middle


def _hash_of(nodes: Nodes, span: _Span) -> bytes:
    begin, end = span
    size = end - begin
    if size & (size - 1) == 0:
        return nodes(size.bit_length() - 1, begin // size)
    middle = _middle(begin, end)
    return node_hash(_hash_of(nodes, (begin, middle)), _hash_of(nodes, (middle, end)))


def _middle(begin: int, end: int) -> int:
    """Split off the largest full subtree that is smaller than the span."""
    return begin + (1 << (end - begin - 1).bit_length() - 1)


def _none(level: int, number: int) -> bytes:
    raise LookupError(level, number)
