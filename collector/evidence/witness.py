"""What a witness does: it keeps a log's checkpoint, and puts its name under the next only if that continues it; pure.

Nobody can then be shown another history than everybody else, if the signatures of witnesses are asked for. Source: C2SP
tlog-witness, whose rules these are.
"""

from collections.abc import Sequence

from collector.evidence import merkle, note
from collector.evidence.errors import ForkError, ProofError
from collector.evidence.note import Checkpoint, Key, Note


def continued(kept: Checkpoint | None, shown: Note, log: Key, proof: Sequence[bytes]) -> Checkpoint:
    """Return the checkpoint that a note shows, if it is the log's and continues the one that was kept.

    Args:
        kept: what was cosigned last; null the first time, when whatever the log shows is believed.
        shown: the note as the log gives it now.
        log: the log's key, known from elsewhere.
        proof: of consistency, from the kept size to the shown one.

    Raises:
        NoteError: it is no checkpoint, or not signed by this log.
        ForkError: it does not continue what was kept.
    """
    note.check(shown, log)
    now = note.checkpoint_of(shown)
    if now.origin != log.name:
        raise ForkError(f"the checkpoint is of the log {now.origin!r}; the key is that of {log.name!r}")
    if kept is None:
        return now
    if kept.origin != now.origin:
        raise ForkError(f"another log: {now.origin!r} instead of {kept.origin!r}")
    if now.size < kept.size:
        raise ForkError(
            f"the log has become shorter: {now.size} entries, and {kept.size} were cosigned; it was restored from a"
            " backup, or another history is shown"
        )
    try:
        merkle.check_consistency((kept.size, kept.root), (now.size, now.root), proof)
    except ProofError as error:
        raise ForkError(f"the log is not a continuation of what was cosigned: {error}") from error
    return now
