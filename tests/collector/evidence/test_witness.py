"""A witness puts its name under a continuation, and under nothing else."""

import pytest
from nacl.signing import SigningKey

from collector.evidence import merkle, note, witness
from collector.evidence.errors import ForkError, NoteError
from collector.evidence.note import Checkpoint, Note

LOG = SigningKey(bytes(range(32)))
KEY = note.key("netready.test/log", "log", bytes(LOG.verify_key))
LEAVES = [merkle.leaf_hash(bytes([each])) for each in range(20)]
FORKED = [*LEAVES[:3], bytes(32), *LEAVES[4:]]


def checkpoint(size: int, leaves: list[bytes] = LEAVES, origin: str = KEY.name) -> Checkpoint:
    return Checkpoint(origin, size, merkle.root_of(leaves[:size]))


def shown(what: Checkpoint, secret: SigningKey = LOG) -> Note:
    return Note(what.body, (note.sign(what.body, KEY.name, secret),))


def proof(old: int, new: int, leaves: list[bytes] = LEAVES) -> list[bytes]:
    return merkle.consistency(merkle.from_mapping(merkle.grown(lambda *_: b"", 0, leaves)), old, new)


@pytest.mark.parametrize(("old", "new"), [(0, 4), (4, 4), (4, 9), (8, 20), (7, 20)])
def test_a_log_that_grows(old: int, new: int) -> None:
    """What continues the kept checkpoint is accepted."""
    assert witness.continued(checkpoint(old), shown(checkpoint(new)), KEY, proof(old, new)) == checkpoint(new)


def test_the_first_time() -> None:
    """A witness that knows nothing yet believes the log, if the log signed it."""
    assert witness.continued(None, shown(checkpoint(5)), KEY, []) == checkpoint(5)
    with pytest.raises(NoteError, match="not signed by"):
        witness.continued(None, shown(checkpoint(5), SigningKey.generate()), KEY, [])


@pytest.mark.parametrize(("old", "new", "leaves"), [(5, 9, FORKED), (5, 5, FORKED), (8, 16, FORKED)])
def test_a_fork(old: int, new: int, leaves: list[bytes]) -> None:
    """Another history of the same log shows, whatever it proves."""
    with pytest.raises(ForkError, match="not a continuation"):
        witness.continued(checkpoint(old), shown(checkpoint(new, leaves)), KEY, proof(old, new, leaves))


def test_a_log_restored_from_an_old_backup() -> None:
    """A log that has become shorter is said to be."""
    with pytest.raises(ForkError, match="restored from a backup"):
        witness.continued(checkpoint(9), shown(checkpoint(5)), KEY, [])


@pytest.mark.parametrize("bent", [[], [bytes(32)], [bytes(32)] * 9])
def test_a_wrong_proof(bent: list[bytes]) -> None:
    """Without a proof, or with another one, nothing is cosigned."""
    with pytest.raises(ForkError):
        witness.continued(checkpoint(5), shown(checkpoint(9)), KEY, bent)


def test_another_log() -> None:
    """A checkpoint that names another log is not this log's."""
    with pytest.raises(ForkError, match="the key is that of"):
        witness.continued(None, shown(checkpoint(5, origin="else.test")), KEY, [])
