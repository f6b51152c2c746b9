"""What the supervisor tells a process it starts, and what that answers."""

from typing import Literal

from msgspec import Struct

from collector.settings import Settings

READY = b"ready\n"
"""What a process prints when it does its work; it prints nothing else."""


class Orders(Struct, frozen=True, kw_only=True):
    """``place`` is the process's name in logs and figures, the same for the one that comes after it.

    ``listener`` is the number of the listening socket's file descriptor, ``folder`` where figures are counted.
    """

    role: Literal["answer", "jobs"]
    place: str
    settings: Settings
    folder: str
    listener: int | None = None
