"""Private files beside a log or a witness: a key that is made once, a note that outlasts a power cut."""

import base64
import binascii
import contextlib
import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

from nacl.signing import SigningKey

from collector.evidence.errors import KeepingError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_LARGEST = 1024 * 1024
_SEED_BYTES = 32


def key_in(file: Path) -> SigningKey | None:
    """Return the key in a file; null where there is no such file.

    Raises:
        KeepingError: it cannot be read, or holds no key.
    """
    text = text_in(file)
    if text is None:
        return None
    try:
        seed = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        seed = b""
    if len(seed) != _SEED_BYTES:
        raise KeepingError(f"{file} holds no key; bring back the file that was made here, or name another")
    return SigningKey(seed)


def made_key(file: Path) -> SigningKey:
    """Return the key in a file, made there if there is no such file; of several who make it at once, one does.

    Raises:
        KeepingError: it cannot be read or written.
    """
    known = key_in(file)
    if known is not None:
        return known
    made = base64.b64encode(bytes(SigningKey.generate())).decode() + "\n"
    with _sentences(file), _beside(file, made) as written, contextlib.suppress(FileExistsError):
        os.link(written, file)  # unlike renaming, never over a key that another process has just made
        _sync(file.parent)
    found = key_in(file)
    if found is None:
        raise KeepingError(f"{file} went away as soon as it was made")
    return found


def text_in(file: Path) -> str | None:
    """Return the text of a small file; null where there is none. Raises KeepingError where it cannot be read."""
    try:
        with file.open("rb") as opened:
            raw = opened.read(_LARGEST + 1)
        if len(raw) > _LARGEST:
            raise KeepingError(f"{file} is too long to be what it should be")
        return raw.decode()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise KeepingError(f"{file} is damaged: it is no text") from error
    except OSError as error:
        raise KeepingError(f"{file} cannot be read: {error.strerror or error}") from error


def keep(file: Path, text: str) -> None:
    """Replace a file so that, whatever happens, it holds the old text or the new one. Raises KeepingError."""
    with _sentences(file), _beside(file, text) as written:
        written.replace(file)
        _sync(file.parent)


@contextlib.contextmanager
def alone(file: Path) -> Iterator[None]:
    """Keep every other process that asks for the same file out.

    Raises:
        KeepingError: another one is in.
    """
    with _sentences(file):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _locked(descriptor):
            raise KeepingError(f"another process holds {file}; one at a time works in this folder")
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


@contextlib.contextmanager
def _beside(file: Path, text: str) -> Iterator[Path]:
    """Give a file with this text, on the disk and for its owner alone, in the same folder; it goes away if it stays."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(text.encode())
            opened.flush()
            os.fsync(opened.fileno())
        yield written
    finally:
        written.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _sentences(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise KeepingError(f"{file} cannot be written: {error.strerror or error}; make its folder writable") from error
