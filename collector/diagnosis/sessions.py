"""What a school's diagnosis is made from."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from agent.contract.measurement import Measurement, Unknown


class ComputerSession(Struct, frozen=True, kw_only=True):
    """One session of one computer of a school, with what its probes measured."""

    agent: str
    room: str | None = None
    started_at: datetime | None = None
    server: str | None = None
    measurements: Sequence[Measurement | Unknown]
