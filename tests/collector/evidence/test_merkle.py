"""The tree is that of RFC 6962, and its proofs prove what they say and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.evidence import merkle
from collector.evidence.errors import ProofError
from collector.evidence.tiles import HEIGHT, Tiles, appended

# The test vectors of Certificate Transparency's reference implementation: entries, and the root of the first n.
ENTRIES = [
    bytes.fromhex(each)
    for each in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
SIZES = st.integers(1, 700)


def leaves(number: int) -> list[bytes]:
    return [merkle.leaf_hash(each.to_bytes(4)) for each in range(number)]


def stored(parts: list[int]) -> Tiles:
    """Return a tree that was appended to in parts."""
    kept: dict[tuple[int, int], bytes] = {}

    def fetch(level: int, number: int) -> bytes:
        return kept.get((level, number), b"")

    size, known = 0, leaves(sum(parts))
    for part in parts:
        kept.update(appended(fetch, size, known[size : size + part]))
        size += part
    return Tiles(fetch)


@pytest.mark.parametrize("size", range(9))
def test_the_roots_are_those_of_rfc_6962(size: int) -> None:
    """The published roots come out, those of no and of one leaf too."""
    assert merkle.root_of([merkle.leaf_hash(entry) for entry in ENTRIES[:size]]).hex() == ROOTS[size]


@pytest.mark.parametrize(
    ("index", "size", "proof"),
    [
        (0, 1, []),
        (
            0,
            8,
            [
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            5,
            8,
            [
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    ],
)
def test_the_proofs_of_inclusion_are_those_of_rfc_6962(index: int, size: int, proof: list[str]) -> None:
    """The published proofs come out."""
    known = merkle.from_mapping(merkle.grown(lambda *_: b"", 0, map(merkle.leaf_hash, ENTRIES)))
    assert [each.hex() for each in merkle.inclusion(known, index, size)] == proof


@given(st.lists(SIZES, min_size=1, max_size=4), st.data())
def test_every_leaf_is_proven_in_every_tree(parts: list[int], data: st.DataObject) -> None:
    """However a log grew, a leaf is proven in each of its trees, and each tree in each later one."""
    tree, total = stored(parts), sum(parts)
    new = data.draw(st.integers(1, total))
    old = data.draw(st.integers(0, new))
    index = data.draw(st.integers(0, new - 1))
    known = leaves(total)
    roots = {size: merkle.root(tree.node, size) for size in (old, new)}
    assert roots[new] == merkle.root_of(known[:new])
    assert merkle.root_with(known[index], index, new, merkle.inclusion(tree.node, index, new)) == roots[new]
    proof = merkle.consistency(tree.node, old, new)
    merkle.check_consistency((old, roots[old]), (new, roots[new]), proof)


@given(st.integers(2, 300), st.data())
def test_a_changed_proof_proves_nothing(size: int, data: st.DataObject) -> None:
    """Another leaf, place, size, order or length of the proof does not lead to the root."""
    tree, known = stored([size]), leaves(size)
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion(tree.node, index, size)
    at = data.draw(st.integers(0, len(proof) - 1))
    bent = [*proof[:at], bytes(32), *proof[at + 1 :]]
    for leaf, place, path in (
        (bytes(32), index, proof),
        (known[index], index ^ 1, proof),
        (known[index], index, bent),
        (known[index], index, proof[:-1]),
        (known[index], index, [*proof, bytes(32)]),
    ):
        try:
            assert merkle.root_with(leaf, place, size, path) != merkle.root(tree.node, size)
        except ProofError:
            continue


@given(st.integers(2, 300), st.data())
def test_another_history_is_not_consistent(size: int, data: st.DataObject) -> None:
    """A log in which one old leaf was changed, dropped or moved is no continuation of what it was before."""
    old = data.draw(st.integers(1, size - 1))
    at = data.draw(st.integers(0, old - 1))
    known = leaves(size)
    forked = data.draw(
        st.sampled_from(
            [
                [*known[:at], bytes(32), *known[at + 1 :]],
                [*known[:at], *known[at + 1 :], bytes(32)],
                [*known[:at], *reversed(known[at : at + 2]), *known[at + 2 :]],
            ]
        )
    )
    if forked[:old] == known[:old]:
        return
    tree = merkle.from_mapping(merkle.grown(lambda *_: b"", 0, forked))
    proof = merkle.consistency(tree, old, size)
    with pytest.raises(ProofError):
        merkle.check_consistency((old, merkle.root_of(known[:old])), (size, merkle.root_of(forked)), proof)


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 5), (5, 5)])
def test_nothing_has_to_be_proven(old: int, new: int) -> None:
    """The empty log begins every log, and every log itself: without a proof, and with a wrong root not at all."""
    roots = [merkle.root_of(leaves(size)) for size in (old, new)]
    merkle.check_consistency((old, roots[0]), (new, roots[1]), [])
    with pytest.raises(ProofError):
        merkle.check_consistency((old, bytes(32)), (new, roots[1]), [])
    with pytest.raises(ProofError):
        merkle.check_consistency((old, roots[0]), (new, roots[1]), [bytes(32)])


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0), (0, 1 << 60)])
def test_leaves_that_are_not_there(index: int, size: int) -> None:
    """A place beyond the tree is refused, in words."""
    with pytest.raises(ProofError, match="no leaf"):
        merkle.root_with(bytes(32), index, size, [])


def test_a_smaller_tree_is_no_later_one() -> None:
    """A log cannot shrink."""
    with pytest.raises(ProofError, match="no beginning"):
        merkle.check_consistency((5, bytes(32)), (3, bytes(32)), [])


def test_missing_tiles_are_named() -> None:
    """A log whose tiles were lost says so instead of making up a hash, and does not grow over the gap."""
    tree = Tiles(lambda _level, _number: b"")
    with pytest.raises(ProofError, match="tiles are missing"):
        merkle.root(tree.node, 3)
    with pytest.raises(ProofError, match="gap"):
        appended(lambda _level, _number: b"", 6, leaves(1))


def test_tiles_are_cut_as_tlog_tiles_says() -> None:
    """A full tile has 256 hashes of the level below it, and one hash in the tile above."""
    grown = appended(lambda _level, _number: b"", 0, leaves(600))
    assert {place: len(row) // merkle.HASH_BYTES for place, row in grown.items()} == {
        (0, 0): 256,
        (0, 1): 256,
        (0, 2): 88,
        (1, 0): 2,
    }
    assert grown[1, 0][:32] == merkle.root_of(leaves(1 << HEIGHT))
