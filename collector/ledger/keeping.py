"""What is kept of a log beside its database: its key, and the newest checkpoint that was ever shown to anybody.

A database that was restored from an old backup knows nothing of what came after; these files do, if they were not
restored with it.
"""

import hashlib
from pathlib import Path

from msgspec import Struct
from nacl.signing import SigningKey

from collector.evidence import note, safekeeping
from collector.evidence.note import Note
from collector.settings import Settings, default_data_folder

KEY = "log.key"


class Keeping(Struct, frozen=True, kw_only=True):
    """The files of one collector. ``is_alone``: no other computer can have worked on this database."""

    key_file: Path
    folder: Path
    told_checkpoint_file: Path | None
    is_alone: bool

    def key(self) -> SigningKey | None:
        """Return the log's key; null where it is not here. Raises KeepingError."""
        return safekeeping.key_in(self.key_file)

    def made_key(self) -> SigningKey:
        """Return the log's key, made if it is not here. Raises KeepingError."""
        return safekeeping.made_key(self.key_file)

    def checkpoint_file(self, origin: str) -> Path:
        """Return where the newest checkpoint is; ``origin`` is that of the database's first log.

        Named after it, because several databases may share a folder.
        """
        name = f"log-{hashlib.sha256(origin.encode()).hexdigest()[:12]}.checkpoint"
        return self.told_checkpoint_file or self.folder / name

    def newest(self, origin: str) -> Note | None:
        """Return the newest checkpoint; null where there is no file. Raises KeepingError, NoteError."""
        text = safekeeping.text_in(self.checkpoint_file(origin))
        return None if text is None else note.read(text)

    def keep(self, origin: str, newest: Note) -> None:
        """Keep a checkpoint, before anybody is shown it. Raises KeepingError."""
        safekeeping.keep(self.checkpoint_file(origin), newest.text)


def keeping_of(settings: Settings) -> Keeping:
    """Return where these settings say that a log's files are."""
    told = settings.evidence
    folder = data_folder(settings)
    return Keeping(
        key_file=Path(told.key_file) if told.key_file else folder / KEY,
        folder=folder,
        told_checkpoint_file=Path(told.checkpoint_file) if told.checkpoint_file else None,
        is_alone=settings.database.url is None,
    )


def data_folder(settings: Settings) -> Path:
    """Return where the collector keeps what is not in its database."""
    return Path(settings.database.data) if settings.database.data else default_data_folder()
