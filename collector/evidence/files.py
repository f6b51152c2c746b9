"""The files that steps of disputes attached, where a bundle has them: piece by piece, against their SHA-256; pure."""

import hashlib

from collector.evidence.bundle import FileRecord
from collector.verdicts.disputes import Step


class Files:
    """The files of one verdict's disputes, which stand in the bundle in the order of their steps."""

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._done = self._pieces = self._size = self._sound = 0
        self._hash = hashlib.sha256()

    @property
    def attached(self) -> int:
        """How many files the steps attached."""
        return len(self._steps)

    @property
    def missing(self) -> int:
        """How many of them were not shown whole, and as they were attached."""
        return len(self._steps) - self._sound

    def expect(self, step: Step) -> None:
        """Note what a step attached."""
        if step.attached is not None:
            self._steps.append(step)

    def take(self, one: FileRecord) -> str | None:
        """Take the next piece; return what is wrong with it, null if nothing is."""
        step = self._steps[self._done] if self._done < len(self._steps) else None
        attached = step.attached if step is not None else None
        if step is None or attached is None:
            return "a piece of a file that no step attached"
        if (one.dispute, one.number, one.piece) != (step.dispute, step.number, self._pieces):
            return f"not the piece that comes next: {self._pieces} of step {step.number} of dispute {step.dispute}"
        self._hash.update(one.content)
        self._pieces, self._size = self._pieces + 1, self._size + len(one.content)
        if self._size < attached.size:
            return None
        is_same = (self._size, self._hash.hexdigest()) == (attached.size, attached.sha256)
        self._sound += is_same
        self._done, self._pieces, self._size, self._hash = self._done + 1, 0, 0, hashlib.sha256()
        return None if is_same else f"not the file {attached.name!r} that was attached: its SHA-256 differs"
