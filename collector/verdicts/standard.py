"""The numbers by which lines are judged: config/sla.toml, named by the SHA-256 of its bytes; pure but for the file.

Numbers are read as they are written, in decimals: a share of 0.8 is exactly four fifths on every machine.
"""

import functools
import hashlib
import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from agent.contract import settings_file, shipped
from agent.contract.errors import SettingsError
from agent.contract.report import Sha256Hex
from agent.contract.values import Word
from collector.verdicts.heard import Eligibility
from collector.verdicts.reading import Limits
from collector.verdicts.rules import Numbers
from collector.verdicts.twins import Twins
from collector.verdicts.weighing import Statistics

MAX_BYTES = 65_536
_EXAMPLE = "config/sla.toml"
_SHARES = ("speed_share", "slot_share", "rtt_share", "best_share", "best_days", "normal_share", "least_share")
# Exponents are refused: the fraction of 1e-999999999 would fill the memory.
_SHARE = re.compile("[01]([.][0-9]{1,9})?|[0-9]{1,6}/[0-9]{1,6}", re.ASCII)
_LEAST = Decimal("0.000000001")
_Sourced = Annotated[str, Meta(min_length=1, max_length=2048)]
_RuleName = Annotated[str, Meta(pattern="^[a-z0-9-]{1,64}$")]


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    unit: Word
    source: _Sourced


class Share(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A share of something, above 0 and at most 1."""

    value: Decimal


class Number(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Any amount above zero."""

    value: Annotated[float, Meta(gt=0, le=1e6)]


class Whole(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole number of something."""

    value: Annotated[int, Meta(ge=1, le=100_000)]


class EligibilityTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a test may speak."""

    link_headroom: Number
    cpu_busy_ratio: Share
    own_traffic_ratio: Share
    clock_s: Whole
    reports_per_month: Whole
    mib_per_month: Whole


class StatisticsTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How sure one has to be."""

    slot_minutes: Whole
    risk: Share
    watch_risk: Share
    effective_slots: Whole
    days: Whole
    own_correlation_days: Whole
    pooled_correlation: Share
    discovery: Share


class VerdictsTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a month's verdicts are made."""

    closed_after_days: Whole


class AvailabilityTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When being off line is a breach by itself."""

    days_in_a_row: Whole


class ExclusionsTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What has to be kept for a span of time not to count."""

    announced_h: Whole
    longest_days: Whole
    filed_within_days: Whole


class DisputesTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long each step of a dispute may take, and how much may be attached."""

    open_days: Whole
    evidence_days: Whole
    decide_days: Whole
    file_mib: Whole
    files: Whole


class Standard(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of config/sla.toml. ``sha256`` is of the bytes that it was read from, and ``raw`` are these."""

    version: Annotated[str, Meta(min_length=1, max_length=40)]
    eligibility: EligibilityTable
    statistics: StatisticsTable
    verdicts: VerdictsTable
    availability: AvailabilityTable
    exclusions: ExclusionsTable
    disputes: DisputesTable
    rules: Annotated[Mapping[_RuleName, Numbers], Meta(min_length=1, max_length=100)]
    sha256: Sha256Hex = "0" * 64
    raw: bytes = b""

    def eligible(self, twins: Twins, *, has_other_line: bool) -> Eligibility:
        """Return when a test may speak; ``twins``: what the test servers signed, and where they stand."""
        table = self.eligibility
        return Eligibility(
            link_headroom=table.link_headroom.value,
            cpu_busy_ratio=float(table.cpu_busy_ratio.value),
            own_traffic_ratio=float(table.own_traffic_ratio.value),
            twins=twins,
            has_other_line=has_other_line,
        )

    def limits(self) -> Limits:
        """Return how far a clock may be wrong, and what a computer can send in a month."""
        table = self.eligibility
        return Limits(
            clock_s=table.clock_s.value,
            reports=table.reports_per_month.value,
            payload_bytes=table.mib_per_month.value * 2**20,
        )

    def sure(self) -> Statistics:
        """Return how sure one has to be."""
        table = self.statistics
        return Statistics(
            risk=table.risk.value,
            watch_risk=table.watch_risk.value,
            effective_slots=table.effective_slots.value,
            days=table.days.value,
            own_correlation_days=table.own_correlation_days.value,
            pooled_correlation=Fraction(table.pooled_correlation.value),
        )


def parse(raw: bytes, where: str = _EXAMPLE) -> Standard:
    """Read the numbers from the bytes of a file, as they stand in an installation or in a bundle of evidence.

    Raises:
        SettingsError: they are none, or a number is wrong; names the file and the key.
    """
    if len(raw) > MAX_BYTES:
        raise SettingsError(f"{where} is larger than {MAX_BYTES} bytes and cannot be rules for verdicts")
    try:
        table = tomllib.loads(raw.decode("utf-8"), parse_float=Decimal)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, ArithmeticError, RecursionError) as error:
        raise SettingsError(f"{where} cannot be read: {error}") from error
    for own in ("sha256", "raw"):
        if own in table:
            raise SettingsError(f"{where}: {own}: there is no such setting; see {_EXAMPLE}")
    found = settings_file.convert(table, Standard, where, _EXAMPLE)
    _check_shares(found, where)
    return msgspec.structs.replace(found, sha256=hashlib.sha256(raw).hexdigest(), raw=raw)


def load(file: Path) -> Standard:
    """Read the numbers from a file; raises SettingsError naming the file and the key."""
    try:
        return parse(file.read_bytes(), str(file))
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error}") from error


@functools.cache
def shipped_standard() -> Standard:
    """Return the numbers that came with this installation."""
    return load(shipped.path("sla.toml"))


def _check_shares(found: Standard, where: str) -> None:
    """Refuse shares beyond 0 to 1, and such as are no number at all."""
    for name, table in (("eligibility", found.eligibility), ("statistics", found.statistics)):
        for field in table.__struct_fields__:
            one = getattr(table, field)
            if isinstance(one, Share) and not (one.value.is_finite() and _LEAST <= one.value <= 1):
                raise SettingsError(f"{where}: {name}.{field}.value: {one.value} is not above 0 and at most 1")
    for rule, numbers in found.rules.items():
        for field in _SHARES:
            text = getattr(numbers, field)
            if not _is_share(text):
                raise SettingsError(f'{where}: rules.{rule}.{field}: {text!r} is no share as "0.8" or "2/3"')


def _is_share(text: str) -> bool:
    try:
        return _SHARE.fullmatch(text) is not None and 0 < Fraction(text) <= 1
    except ZeroDivisionError:
        return False
