"""A verdict on a line's month, as it is kept, logged and shown; pure.

Its bytes are the verdict: two collectors that know the same facts write the same ones.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from agent.contract.errors import MalformedError
from collector.verdicts import canonical
from collector.verdicts.facts import Discovery, Past
from collector.verdicts.weighing import Part

FORMAT = 1
MAX_VERDICT_BYTES = 256 * 1024

State = Literal[
    "compliant",  # everything that was promised was there, as far as chance allows to say
    "watch",  # something looks worse than promised, and chance may still explain it
    "breach",  # something was not there, beyond chance
    "insufficient",  # too little is known
    "no contract",  # nobody recorded what was promised
]


class Span(Struct, frozen=True, kw_only=True):
    """Days on which the same record of a contract held; both are included."""

    contract: str
    number: int
    first: date
    last: date


class Availability(Struct, frozen=True, kw_only=True):
    """How long the line was down for certain: in this month, and with the eleven months before.

    ``days_in_a_row`` is the longest row of working days off line, with those at the end of the month before.
    ``days_at_end`` is the row that the month ends with and the next one carries on; 0 if it is counted here already.
    """

    outages: int
    outage_s: int
    outage_year_s: int
    most_year_s: int | None
    days_in_a_row: int
    days_at_end: int
    is_breach: bool


class Reduction(Struct, frozen=True, kw_only=True):
    """What the month's price falls by, as the contract counts it; ``kept``: which share of its promise was kept."""

    amount: Decimal
    currency: str | None
    kept: float


class Verdict(Struct, frozen=True, kw_only=True):
    """One verdict.

    ``tests`` is how many were heard, ``used`` how many of them the judged half hours rest on, ``excluded`` how often
    each reason kept one from speaking against the line. Tests that only their servers tell of are counted there alone
    (``unreported``); ``kept_by_record`` is how many half hours would be bad without the servers' own records, and
    ``kept_unreported``, where there are any, how many of these rest on tests that no computer of the school knows.
    ``discovery`` says how rare a breach has to be among all lines of the operator; null where nothing is broken, and
    while those are not judged. ``reports_sha256`` is over the list of every report that was read, ``facts_sha256`` over
    everything else (collector.verdicts.judge writes both).
    """

    format: int = FORMAT
    school: str
    line: str
    month: str
    operator: str
    state: State
    rule: str | None = None
    spans: tuple[Span, ...] = ()
    parts: tuple[Part, ...] = ()
    availability: Availability | None = None
    chance: float | None = None
    discovery: Discovery | None = None
    is_recurring: bool = False
    reduction: Reduction | None = None
    tests: int = 0
    used: int = 0
    kept_by_record: int = 0
    kept_unreported: int | UnsetType = UNSET
    excluded: Mapping[str, int] = {}
    reports: int = 0
    reports_sha256: str
    facts_sha256: str
    standard_sha256: str
    causes_sha256: str


def past_of(one: Verdict) -> Past:
    """Return what a verdict means for later months."""
    down = one.availability
    outage_s, days_down = (down.outage_s, down.days_at_end) if down is not None else (0, 0)
    return Past(month=one.month, is_breach=one.state == "breach", outage_s=outage_s, days_down=days_down)


_decoder: msgspec.json.Decoder[Verdict] = msgspec.json.Decoder(Verdict)


def decode(raw: bytes) -> Verdict:
    """Read a verdict.

    Raises:
        MalformedError: it is none, or not written as this program writes it.
    """
    try:
        verdict = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError) as error:
        raise MalformedError(f"not a verdict: {error}") from error
    if len(raw) > MAX_VERDICT_BYTES or canonical.encode(verdict) != raw:
        raise MalformedError("a verdict is not written as it has to be: in one line, keys in order")
    return verdict
