"""One user of the server: lets it start or joins it, and stops it when it was the last one."""

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

from collector.errors import EmbeddedError
from collector.store.embedded import cluster, explain, locks, postmaster
from collector.store.embedded.address import PORT
from collector.store.embedded.home import Home, remove_folder, settle
from collector.store.embedded.waiting import Say

_LONGEST_SOCKET_PATH = 107  # bytes; sockaddr_un.sun_path holds 108 with the final zero (unix(7))
_SOCKET_NAME = f".s.PGSQL.{PORT}"


class Member:
    """This process's share in the server.

    Users are counted by a lock file that all of them share: one who was killed drops out by itself.
    """

    def __init__(self, home: Home, say: Say) -> None:
        self._home = home
        self._say = say
        with ExitStack() as stack:
            self.socket = _reachable(home.socket, stack)
            self._users = stack.enter_context(locks.opened(home.users, home.account))
            stack.callback(self._stop_if_last)  # also where the start is cut off, by Ctrl-C for example
            with locks.alone(home.gate, home.account, say):
                _ensure_running(home, say)
                locks.share(self._users)
            self._stack = stack.pop_all()

    def revive(self, say: Say) -> None:
        """Start the server again if it died."""
        with explain.system_errors(self._home.data):
            if not postmaster.is_ready(self._home):
                with locks.alone(self._home.gate, self._home.account, say):
                    _ensure_running(self._home, say)

    def leave(self) -> None:
        """Drop the share; the last one stops the server."""
        with explain.system_errors(self._home.data):
            self._stack.close()

    def _stop_if_last(self) -> None:
        with locks.alone(self._home.gate, self._home.account, self._say):
            if locks.try_exclusive(self._users):
                postmaster.stop(self._home, self._say)


def enter(data: Path, say: Say) -> Member:
    """Start or join the server of a data folder.

    Raises:
        EmbeddedError: it can neither be started nor joined; says what to do.
    """
    with explain.system_errors(data):
        return Member(settle(data), say)


def _ensure_running(home: Home, say: Say) -> None:
    """Leave a server running that accepts connections; called by one process at a time."""
    process = postmaster.find(home)
    if process is not None and postmaster.is_stopping(home):
        postmaster.await_end(home, process, say)
    elif process is not None and postmaster.await_ready(home, say):
        return
    postmaster.refuse_copy(home, say)
    binaries = cluster.prepare(home, say)
    say("starting the database")
    postmaster.start(home, binaries, say)
    remove_folder(home.replaced)  # the upgraded database has started


def _reachable(socket: Path, stack: ExitStack) -> Path:
    """Return a path to the socket's folder that libpq accepts.

    A socket's path is short by the kernel's rule, and libpq takes a comma for the end of a host. Where the real path
    does not fit, a symbolic link in a fresh private folder leads to it: nobody can have prepared that, each process has
    its own, and the server needs to know nothing of it.
    """
    if _fits(socket):
        return socket
    short = stack.enter_context(tempfile.TemporaryDirectory(prefix="netready-", dir=_short_place()))
    link = Path(short, "socket")
    link.symlink_to(socket)
    return link


def _short_place() -> Path:
    """Return the folder for temporary files, or the usual one where that is itself too long."""
    places = [Path(place) for place in (tempfile.gettempdir(), "/tmp")]  # noqa: S108 - the folder made in it is private
    for place in places:
        if _fits(place / "netready-12345678" / "socket") and os.access(place, os.W_OK):
            return place
    raise EmbeddedError(
        "the path of the data folder is too long for a Unix socket, and so is the path of the folder for temporary "
        "files; give a --data folder with a shorter path"
    )


def _fits(folder: Path) -> bool:
    """Tell whether libpq can be told this folder as its host."""
    path = os.fsencode(folder / _SOCKET_NAME)
    return len(path) <= _LONGEST_SOCKET_PATH and b"," not in path and path.decode(errors="replace").isprintable()
