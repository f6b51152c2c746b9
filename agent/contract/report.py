"""The report: what one agent saw in one session, in the order it saw it, chained to the report before.

The bytes that were signed are the report. Whoever stores it stores those bytes; this module only reads them.
"""

import hashlib
import json
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from agent.contract import measurement
from agent.contract.errors import MalformedError
from agent.contract.measurement import Measurement, Unknown
from agent.contract.values import Aware, Count, Seconds, Word

SCHEMA_VERSION = 1
PAYLOAD_TYPE = "application/vnd.netready.report+json"
MAX_PAYLOAD_BYTES = 256 * 1024
MAX_MEASUREMENTS = 256

AgentId = Annotated[str, Meta(pattern="^[0-9a-f]{32}$", max_length=32)]
SchoolId = Annotated[str, Meta(min_length=1, max_length=64)]
Sha256Hex = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
LeaseId = Annotated[str, Meta(pattern="^[0-9a-f]{32}$", max_length=32)]
Trigger = Literal["scheduled", "once", "manual", "light", "survey", "ordered"]


class Report(Struct, frozen=True, kw_only=True):
    """One session of one agent.

    ``sequence`` starts at 1 and never repeats; ``previous`` is the SHA-256 of the payload before it, null in the first.
    ``monotonic_s`` is the boot clock when the report was made: with ``boot_id`` it orders reports whatever the wall
    clock says. ``dropped`` counts the reports this agent had to drop unsent since it was enrolled, ``waiting`` those of
    it that waited for the collector when this one was made; null from agents that cannot tell.
    ``room`` is where the computer stands, in a survey where it was carried to; ``floor`` is told only there.
    ``lease`` names the collector's permission under which the line was filled, null where there was none.
    """

    schema: Annotated[int, Meta(ge=1, le=10_000)] = SCHEMA_VERSION
    agent: AgentId
    school: SchoolId
    sequence: Annotated[int, Meta(ge=1, le=2**53)]
    previous: Sha256Hex | None
    boot_id: Word
    created_at: Aware
    monotonic_s: Annotated[float, Meta(ge=0, le=1e12)]
    time_zone: Word
    software: Word
    trigger: Word
    room: Annotated[str, Meta(max_length=128)] | None = None
    floor: Word | None = None
    dropped: Count = 0
    waiting: Count | None = None
    session_s: Seconds | None = None
    lease: LeaseId | None = None
    measurements: Annotated[tuple[msgspec.Raw, ...], Meta(max_length=MAX_MEASUREMENTS)]

    def read_measurements(self) -> list[Measurement | Unknown]:
        """Read the measurements; raises MalformedError if one of a known kind is wrong."""
        return [measurement.decode(raw) for raw in self.measurements]


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Report] = msgspec.json.Decoder(Report)


def encode(report: Report) -> bytes:
    """Return the payload: the bytes to sign, and from then on the report itself."""
    return _encoder.encode(report)


def decode(payload: bytes) -> Report:
    """Read a payload of this schema or a newer one; fields that are not known here are passed over.

    Raises:
        MalformedError: too large, no JSON, ambiguous JSON, a field missing, of the wrong type or out of bounds.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise MalformedError(f"the report has {len(payload)} bytes; {MAX_PAYLOAD_BYTES} are allowed")
    try:
        decoded = _decoder.decode(payload)
        # Over all of it, also what is passed over: all readers of signed bytes must see the same (RFC 8259, 4, 8.1).
        json.loads(payload.decode(), object_pairs_hook=_refuse_twice, parse_int=str, parse_float=str)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise MalformedError(f"not a report: {error}") from error
    measurement.check_year(decoded.created_at)
    return decoded


def _refuse_twice(pairs: list[tuple[str, object]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise MalformedError("not a report: a key stands twice in one object")


def sha256_hex(payload: bytes) -> str:
    """Return the name under which the next report refers to this payload."""
    return hashlib.sha256(payload).hexdigest()
