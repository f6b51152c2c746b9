"""What the doctor says: one finding for each check, and all of them together."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

Result = Literal["ok", "warning", "fault", "unknown"]
LeftOutFor = Literal["offline", "not enrolled", "no servers known"]


class Found(Struct, frozen=True, kw_only=True):
    """What a check found: what was seen, and what is to be done where it is not well."""

    result: Result
    seen: str
    advice: str = ""


class Finding(Struct, frozen=True, kw_only=True):
    """A check and what it found; ``why`` says why it matters. These are the keys of ``doctor --json``."""

    name: str
    title: str
    result: Result
    seen: str
    why: str
    advice: str


class LeftOut(Struct, frozen=True, kw_only=True):
    """A check that was not made, and for what reason."""

    name: str
    title: str
    reason: LeftOutFor


class Examination(Struct, frozen=True, kw_only=True):
    """The whole examination; ``took_s`` is how long it took. No fault does not mean that nothing was warned of."""

    version: str
    made_at: datetime
    took_s: float
    faults: int
    warnings: int
    findings: tuple[Finding, ...]
    left_out: tuple[LeftOut, ...]


def well(seen: str) -> Found:
    """Return that a thing is as it should be."""
    return Found(result="ok", seen=seen)


def warning(seen: str, advice: str) -> Found:
    """Return that a thing is not as it should be, though the agent works."""
    return Found(result="warning", seen=seen, advice=advice)


def fault(seen: str, advice: str) -> Found:
    """Return that a thing keeps the agent from working."""
    return Found(result="fault", seen=seen, advice=advice)


def unknown(seen: str, advice: str = "") -> Found:
    """Return that a thing could not be looked at, and why."""
    return Found(result="unknown", seen=seen, advice=advice)
