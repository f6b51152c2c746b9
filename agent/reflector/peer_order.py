"""What the process at the far end of one test is told; apart, so that who gives the order loads nothing else."""

from typing import Annotated

from msgspec import Meta, Struct


class Order(Struct, frozen=True, kw_only=True):
    """Where to listen (the next free port where this one is taken), and for whom.

    ``max_bytes`` and ``direction_s`` hold for each direction, ``seconds`` for the whole test.
    """

    host: str
    port: int
    visitor: str
    ticket: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    max_bytes: int
    direction_s: float
    seconds: float
