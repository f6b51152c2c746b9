"""All that a verdict on a line's month rests on, as it was known when it was made; pure.

Whoever has these facts comes to the same verdict, byte for byte: nothing else is asked, no clock, no database, and no
time zone data of the machine's own.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import UNSET, Meta, Struct, UnsetType

from agent.contract import report, signing
from agent.contract.report import AgentId, SchoolId, Sha256Hex
from agent.contract.timetable import Timetable
from agent.contract.values import Aware
from collector import slots
from collector.verdicts.exclusions import Exclusion
from collector.verdicts.terms import LineId, Name, Stretch, Terms, stretches

_PLAIN_PORT, _TLS_PORT = 80, 443
Place = Literal["inside", "outside"]
LeftOut = Literal[
    "too_many",  # reports of computers that sent more in the month than they can make, on another operator's days
    "left_out",  # servers' records of tests, beyond what facts hold
]
Count = Annotated[int, Meta(ge=1, le=2**53)]
# From 1970 to 2261: what is reckoned from a month's edges is a date as well.
_YEAR = "(19[7-9][0-9]|2[01][0-9]{2}|22[0-5][0-9]|226[01])"
Month = Annotated[str, Meta(pattern=f"^{_YEAR}-(0[1-9]|1[0-2])$", max_length=7)]


class SignedReport(Struct, frozen=True, kw_only=True):
    """A computer's report as it came: the very bytes, their signature, and when the collector took them in."""

    agent: AgentId
    sequence: Annotated[int, Meta(ge=1, le=2**53)]
    received_at: Aware
    payload: bytes
    signature: bytes

    @property
    def envelope(self) -> signing.Envelope:
        """The report as its computer sent it."""
        signature = signing.Signature(keyid=self.agent, sig=self.signature)
        return signing.Envelope(payload_type=report.PAYLOAD_TYPE, payload=self.payload, signatures=(signature,))


class AgentKey(Struct, frozen=True, kw_only=True):
    """A computer's key.

    What it signed from ``distrusted_from`` on proves nothing: whoever has the key may have. From the report with the
    number ``forked_from`` on the computer told two histories, as its reports of this month or of an earlier one show.
    """

    agent: AgentId
    public: Annotated[bytes, Meta(min_length=32, max_length=32)]
    distrusted_from: Aware | None = None
    forked_from: Annotated[int, Meta(ge=1, le=2**53)] | None = None


class Known(Struct, frozen=True, kw_only=True):
    """A report that is there and not shown, since it is of other days or another line: it holds the chain together."""

    agent: AgentId
    sequence: int
    sha256: Sha256Hex


class Server(Struct, frozen=True, kw_only=True):
    """A test server, inside or outside of the network of the line's operator, and its key if it signs its records.

    The key is believed of tests that began ``since`` then and before it ``ended_at``. One server may have had several.
    """

    url: Name
    place: Place
    public: Annotated[bytes, Meta(min_length=32, max_length=32)] | None = None
    since: Aware | None = None
    ended_at: Aware | None = None

    def counts(self, at: datetime) -> bool:
        """Tell whether it speaks of a test that began then."""
        return (self.since is None or self.since <= at) and (self.ended_at is None or at < self.ended_at)


def authority_of(server: str) -> str:
    """Return a server's name and port, however it was written: with or without scheme, path and the usual port."""
    try:
        parts = urlsplit(server if "://" in server else f"ws://{server}")
        port = parts.port or (_TLS_PORT if parts.scheme in ("wss", "https") else _PLAIN_PORT)
    except ValueError:  # no address, or a port that is none
        return server
    return f"{parts.hostname}:{port}"


class Offset(Struct, frozen=True, kw_only=True):
    """How far the local clock is ahead of UTC from a moment on."""

    since: Aware
    minutes: Annotated[int, Meta(gt=-24 * 60, lt=24 * 60)]


class Lessons(Struct, frozen=True, kw_only=True):
    """When the school has lessons, and what its clocks show. ``clock`` is in the order of time."""

    timetable: Timetable
    clock: Annotated[tuple[Offset, ...], Meta(min_length=1)]

    def slot_of(self, at: datetime, slot_minutes: int) -> datetime:
        """Return the beginning of the slot that a moment lies in, in local time."""
        place = bisect_right(self.clock, at, key=lambda one: one.since)
        minutes = self.clock[max(0, place - 1)].minutes
        local = at.astimezone(timezone(timedelta(minutes=minutes)))
        return local.replace(minute=local.minute - local.minute % slot_minutes, second=0, microsecond=0)

    def is_lesson(self, slot: datetime) -> bool:
        """Tell whether lessons go on when a slot begins."""
        return slots.are_lessons(self.timetable, slot.date(), slot.hour * 60 + slot.minute)


class Past(Struct, frozen=True, kw_only=True):
    """What an earlier month of this line and operator came to.

    ``days_down``: how many working days in a row, up to its last, the line was off line at its end.
    """

    month: Month
    is_breach: bool
    outage_s: Annotated[int, Meta(ge=0)] = 0
    days_down: Annotated[int, Meta(ge=0)] = 0


class Discovery(Struct, frozen=True, kw_only=True):
    """How rare a line's month has to be, among all lines of its operator that were judged in it."""

    lines: Annotated[int, Meta(ge=0)]
    accused: Annotated[int, Meta(ge=0)]
    most_chance: Annotated[float, Meta(ge=0, le=1)]


class Facts(Struct, frozen=True, kw_only=True):
    """The facts of one line, one operator and one month.

    ``standard`` is config/sla.toml and ``causes`` config/diagnosis.toml as they were in force. ``terms`` are all
    records of the line's contracts with the operator. ``records`` are those of test servers that no report carries.
    ``has_other_line``: the school has a second line in the month. ``discovery`` is null as long as the operator's other
    lines are not judged. ``left_out`` counts what of the operator's days is not among these facts, by why; without it
    nothing is.
    """

    school: SchoolId
    line: LineId
    month: Month
    operator: Name
    standard: bytes
    causes: bytes
    lessons: Lessons
    terms: tuple[Terms, ...]
    exclusions: tuple[Exclusion, ...] = ()
    servers: tuple[Server, ...] = ()
    keys: tuple[AgentKey, ...] = ()
    known: tuple[Known, ...] = ()
    reports: tuple[SignedReport, ...] = ()
    records: tuple[bytes, ...] = ()
    has_other_line: bool = False
    past: tuple[Past, ...] = ()
    discovery: Discovery | None = None
    left_out: Mapping[LeftOut, Count] | UnsetType = UNSET

    @property
    def days(self) -> tuple[date, date]:
        """The month's first and last day."""
        return days_of(self.month)

    @property
    def stretches(self) -> list[Stretch]:
        """The days of the month on which the operator had to answer for the line, cut where its terms change."""
        mine = (self.line, self.operator)
        return [one for one in stretches(self.terms, *self.days) if (one.terms.line, one.terms.operator) == mine]


def days_of(month: str) -> tuple[date, date]:
    """Return a month's first and last day."""
    first = date.fromisoformat(f"{month}-01")
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def number_of(month: str) -> int:
    """Return a month as a number; one more is the next."""
    return int(month[:4]) * 12 + int(month[5:]) - 1


def clock_of(zone_offsets: Sequence[tuple[datetime, int]]) -> tuple[Offset, ...]:
    """Return a local clock by moments and minutes ahead of UTC."""
    return tuple(Offset(since=since.astimezone(UTC), minutes=minutes) for since, minutes in sorted(zone_offsets))


def named(number: int) -> str:
    """Return the month that has a number of ``number_of``."""
    return f"{number // 12:04d}-{number % 12 + 1:02d}"
