"""Locks that the kernel drops when their holder dies, however it dies (``flock``)."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collector.store.embedded.account import Account
from collector.store.embedded.waiting import Say, wait_until


def open_file(path: Path, account: Account) -> int:
    """Open a lock file, made if missing; never through a symbolic link, since root opens it in another's folder."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    file = os.open(path, flags, 0o600)
    account.own(file)
    return file


def try_exclusive(file: int) -> bool:
    """Take the lock alone if nobody else holds it; a shared lock held through the same file is given up."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def share(file: int) -> None:
    """Take the lock together with others; waits for one who holds it alone."""
    fcntl.flock(file, fcntl.LOCK_SH)


@contextmanager
def opened(path: Path, account: Account) -> Iterator[int]:
    """Have a lock file open; closing it drops the lock, unless a child process inherited it."""
    file = open_file(path, account)
    try:
        yield file
    finally:
        os.close(file)


@contextmanager
def alone(path: Path, account: Account, say: Say) -> Iterator[None]:
    """Hold the lock alone, after waiting for it as long as it takes."""
    with opened(path, account) as file:
        wait_until(lambda: try_exclusive(file), say, "waiting for another command that starts or stops the database")
        yield
