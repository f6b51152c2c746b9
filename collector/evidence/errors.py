"""What can be wrong with evidence."""

from agent.contract.errors import NetreadyError


class EvidenceError(NetreadyError):
    """Something that should prove a thing does not."""


class ProofError(EvidenceError):
    """A Merkle proof that does not lead where it should, or is none."""


class NoteError(EvidenceError):
    """A signed note that cannot be read, or that nobody who counts has signed."""


class ForkError(EvidenceError):
    """A log that does not continue what it was: restored from a backup, or showing two people two histories."""


class KeepingError(EvidenceError):
    """A key or a note beside the database, or in a witness's folder, that is missing, damaged or cannot be written."""


class LogStopped(EvidenceError):  # noqa: N818 - the name is the condition itself
    """The log takes nothing in: its database is not what it was, or its key is not here; says what to do."""


class StampError(EvidenceError):
    """An authority that gives no stamp (RFC 3161), or one of something else."""
