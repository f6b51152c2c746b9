"""Turns what the operating system or PostgreSQL complained about into a sentence that says what to do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collector.errors import EmbeddedError

_ADVICE = {  # the texts of the C library, which programs with LC_ALL=C and Python share
    "No space left on device": "free some space on its disk and start again; nothing that was committed is lost",
    "Disk quota exceeded": "raise the quota or free some space and start again; nothing that was committed is lost",
    "Read-only file system": "give a --data folder on a disk that can be written",
    "Permission denied": "start as the user who owns the folder, or give another --data folder",
    "Operation not permitted": "start as the user who owns the folder, or as root with the right to change users",
    "Not a directory": "give a --data folder, not a file",
    "File exists": "give a --data folder, not a file",
    "Cannot allocate memory": "free some memory and start again",
    "could not look up effective user ID": "give the user a line in /etc/passwd, or use --database",
}
_TROUBLE = re.compile(r"(?:PANIC|FATAL|error):.*", re.MULTILINE)
_MOST_SHOWN = 600


def advice_for(text: str) -> str:
    """Say what to do about a complaint."""
    known = (advice for words, advice in _ADVICE.items() if words in text)
    return next(known, "if that does not say what to do, use another PostgreSQL with --database")


def failure(what_failed: str, output: str) -> EmbeddedError:
    """Make the error for a program that failed with this output: the telling lines of it, and the advice."""
    telling = _TROUBLE.findall(output) or output.strip().splitlines()[-3:] or ["it gave no reason"]
    shown = "; ".join(dict.fromkeys(line.strip() for line in telling))[:_MOST_SHOWN]
    return EmbeddedError(f"{what_failed}: {shown}; {advice_for(output)}")


@contextmanager
def system_errors(data: Path) -> Iterator[None]:
    """Raise EmbeddedError in place of any OSError about the data folder."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise EmbeddedError(
            f"the embedded PostgreSQL cannot use the data folder {data}: {reason} ({error.filename}); "
            f"{advice_for(reason)}"
        ) from error
