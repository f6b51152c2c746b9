"""The embedded PostgreSQL: a real server from the programs inside a wheel, in one private folder of the data folder.

Linux only: it relies on ``/proc``, ``flock`` and Unix sockets. Written and run on Linux x86-64, as root and as an
ordinary user; never run on another processor, under musl, or on a network file system (NFS turns ``flock`` into
another kind of lock). On Windows and macOS it refuses and names ``--database``.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Self

from collector.errors import EmbeddedError
from collector.store.embedded.address import SUPERUSER, conninfo
from collector.store.embedded.waiting import Say

__all__ = ["SUPERUSER", "Server", "exists", "start_or_join"]


class Server:
    """The embedded server as one user of it sees it; leaving the ``with`` block releases it."""

    def __init__(self, socket: Path, revive: Callable[[Say], None], leave: Callable[[], None]) -> None:
        self._socket = socket
        self._revive = revive
        self._leave = leave

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def url(self, database: str, user: str) -> str:
        """Return the conninfo that connects this process to a database as a role."""
        return conninfo(self._socket, database, user)

    def revive(self, *, progress: Say | None = None) -> None:
        """Start the server again if it died under its users; cheap while it lives, and ``url`` stays the same.

        Raises:
            EmbeddedError: it does not start; says what to do.
        """
        self._revive(progress or _say_nothing)

    def release(self) -> None:
        """Stop needing the server: its last user stops it, and waits until it has stopped. Twice is as good as once.

        Raises:
            EmbeddedError: it did not stop; says which process it is.
        """
        self._leave()


def exists(data: Path) -> bool:
    """Tell whether a data folder has ever held a database of ours."""
    return (data / "postgres").is_dir()


def start_or_join(data: Path, *, progress: Say | None = None) -> Server:
    """Start the server of this data folder, or join the one that runs; returns when it accepts connections.

    That can take long after a power cut: the server then first replays what was committed. ``progress`` is told about
    it in a sentence every few seconds.

    Raises:
        EmbeddedError: it can neither be started nor joined; says what to do.
    """
    if sys.platform != "linux":
        raise EmbeddedError(
            "the embedded PostgreSQL runs on Linux only; install PostgreSQL on this computer and name it with "
            "--database postgresql://USER@HOST/NAME"
        )
    # Here, not above: these need modules that Windows lacks, and its users must be able to read the sentence above.
    from collector.store.embedded.membership import enter

    member = enter(data, progress or _say_nothing)
    return Server(member.socket, member.revive, member.leave)


def _say_nothing(_: str) -> None:
    """Be the progress of those who do not ask for it."""
