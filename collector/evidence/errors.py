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
