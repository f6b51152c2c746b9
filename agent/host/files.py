"""Files that survive a power cut, and locks that vanish with the process that held them."""

import errno
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agent.errors import StateError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_IN_USE_S = 3600.0


def make_private_folder(folder: Path) -> None:
    """Make the folder, readable by its owner only, if it is not there; raises StateError saying what to do."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(_sentence("make the folder", folder, error)) from error


def read_if_there(path: Path) -> bytes | None:
    """Return the bytes of a file, None where there is none; raises StateError where it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(_sentence("read", path, error)) from error


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file (mode 0600) so that after a power cut it holds either the old bytes or the new ones.

    Raises:
        StateError: full disk, no permission; says what to do. The old file is untouched.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise StateError(_sentence("write", path, error)) from error


def sweep(folder: Path, now_s: float) -> None:
    """Remove what writes that a power cut broke off have left beside their files; what is fresh may be in use."""
    with suppress(OSError):
        for beside in folder.glob(f".*.{'[0-9a-f]' * 8}"):
            if abs(now_s - beside.stat().st_mtime) > _IN_USE_S:
                beside.unlink(missing_ok=True)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock that this file stands for; the system frees it when the process ends, however it ends.

    Raises:
        BlockingIOError: another process holds it.
        StateError: the lock file cannot be made.
    """
    try:
        # Root locks in folders of others: no link of theirs leads it elsewhere, and what it makes there is theirs.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except OSError as error:
        raise StateError(_sentence("make the lock", path, error)) from error
    try:
        try:
            _give_to_the_folders_owner(descriptor, path.parent)
            _lock(descriptor)
        except BlockingIOError:
            raise
        except OSError as error:
            raise StateError(_sentence("lock", path, error)) from error
        yield
    finally:
        os.close(descriptor)


def _give_to_the_folders_owner(descriptor: int, folder: Path) -> None:
    if sys.platform == "win32" or os.geteuid() != 0:
        return
    owner = folder.stat()
    if os.fstat(descriptor).st_uid != owner.st_uid:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(error.errno, "locked by another process") from error
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _sync_folder(folder: Path) -> None:
    """Make the new name itself durable; Windows has no such call and needs none."""
    if sys.platform == "win32":
        return
    with suppress(OSError):  # some network file systems refuse it; the file's own bytes are safe already
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sentence(doing: str, path: Path, error: OSError) -> str:
    reason = error.strerror or str(error)
    advice = {
        errno.ENOSPC: "free some disk space",
        errno.EDQUOT: "free some disk space",
        errno.EACCES: "run this as the user who owns it",
        errno.EPERM: "run this as the user who owns it",
        errno.EROFS: "that disk is read-only",
    }.get(error.errno or 0, "check that disk")
    return f"cannot {doing} {path}: {reason}; {advice}, or give another folder with --state"
