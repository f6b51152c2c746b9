"""SQL in files named by the question they answer."""

import functools
from pathlib import Path
from typing import LiteralString

_FOLDER = Path(__file__).parent


@functools.cache
def sql(question: str) -> LiteralString:
    """Return the SQL text of a question; the files are part of the program, never input."""
    return (_FOLDER / f"{question}.sql").read_text(encoding="utf-8")
