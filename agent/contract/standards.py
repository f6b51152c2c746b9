"""Which speed a school needs, and whether a measured interval reaches it. Rules are code; numbers are data.

The ITU recommendation as used by Kazakhstan's ministry: a school has at least 20 Mbit/s down and 5 Mbit/s up; above
400 pupils, 1 Mbit/s down per 20 pupils. ``max(20, pupils / 20)`` is continuous at 400.
"""

import functools
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from agent.contract import shipped
from agent.contract.errors import SettingsError
from agent.contract.measurement import Direction

Outcome = Literal["PASS", "FAIL", "UNDECIDED"]


class Standard(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One published speed target for schools."""

    title: str
    source: str
    download_bps: Annotated[int, Meta(gt=0)]
    upload_bps: Annotated[int, Meta(gt=0)]
    per_pupil_bps: Annotated[float, Meta(ge=0, le=1e9)] = 0
    note: str = ""


class Readiness(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When stored tests are enough to say yes or no about a school.

    A slot is half an hour of lessons at one school. ``slot_share`` of the judged ones have to meet the target; with
    fewer than ``minimum_slots``, or on fewer than ``minimum_days``, there is not enough data. ``confidence`` is that of
    each bound of the share; from ``decisive_slots`` on the share itself decides what the bounds leave open.
    ``day_correlation`` is how alike the slots of one day are (intra-class correlation) where few days cannot tell it.
    """

    minimum_tests: Annotated[int, Meta(ge=1)] = 3
    slot_share: Annotated[float, Meta(gt=0, le=1)] = 0.8
    minimum_slots: Annotated[int, Meta(ge=1)] = 8
    minimum_days: Annotated[int, Meta(ge=1)] = 3
    confidence: Annotated[float, Meta(gt=0.5, lt=1)] = 0.9
    decisive_slots: Annotated[int, Meta(ge=1)] = 60
    day_correlation: Annotated[float, Meta(ge=0, le=1)] = 0.3


class Standards(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of config/standards.toml."""

    default: str
    tolerance: Annotated[float, Meta(ge=0, lt=0.5)]
    readiness: Readiness
    standards: dict[str, Standard]

    def chosen(self, name: str | None = None) -> Standard:
        """Return the named standard, or the default one; raises SettingsError for a name that is not there."""
        wanted = name or self.default
        try:
            return self.standards[wanted]
        except KeyError:
            known = ", ".join(sorted(self.standards))
            raise SettingsError(f"no standard is called {wanted!r}; known are: {known}") from None


class Target(Struct, frozen=True, kw_only=True):
    """What one school has to reach.

    ``download_bps`` is null where the number of pupils is not known; ``download_floor_bps`` is the least it can be.
    """

    standard: str
    pupils: int | None
    download_bps: int | None
    download_floor_bps: int
    upload_bps: int
    tolerance: float

    @property
    def download_level_bps(self) -> float | None:
        """The decision level for download: target x (1 - tolerance)."""
        return None if self.download_bps is None else decision_level(self.download_bps, self.tolerance)

    @property
    def upload_level_bps(self) -> float:
        """The decision level for upload: target x (1 - tolerance)."""
        return decision_level(self.upload_bps, self.tolerance)


class Interval(Struct, frozen=True, kw_only=True):
    """What is known of a rate: a value with bounds; ``low_bps`` 0 and ``high_bps`` null where nothing bounds it."""

    value_bps: float
    low_bps: float
    high_bps: float | None


class Verdict(Struct, frozen=True, kw_only=True):
    """The outcome for both directions together and for each; a direction is null where it was not measured."""

    outcome: Outcome
    download: Outcome | None
    upload: Outcome | None


def load(file: Path) -> Standards:
    """Read standards from a TOML file; raises SettingsError naming the file and the key."""
    try:
        standards = _convert(tomllib.loads(file.read_text(encoding="utf-8")))
        standards.chosen()
    except (OSError, ValueError, msgspec.ValidationError, SettingsError) as error:
        raise SettingsError(f"{file}: {error}") from error
    return standards


def _convert(data: dict[str, object]) -> Standards:
    # One by one first: msgspec does not say in which entry of a dict the mistake is.
    tables = data.get("standards")
    for name, table in tables.items() if isinstance(tables, dict) else ():
        try:
            msgspec.convert(table, Standard)
        except msgspec.ValidationError as error:
            raise SettingsError(f"standards.{name}: {error}") from error
    return msgspec.convert(data, Standards)


@functools.cache
def shipped_standards() -> Standards:
    """Return the standards that came with this installation."""
    return load(shipped.path("standards.toml"))


def required_download(pupils: int, standard: Standard | None = None) -> int:
    """Return the download a school of so many pupils needs, in bit/s at the IP layer.

    Args:
        pupils: number of pupils, not negative.
        standard: the standard to apply; the ITU recommendation by default.

    Raises:
        ValueError: ``pupils`` is negative.
    """
    if pupils < 0:
        raise ValueError(f"a school cannot have {pupils} pupils")
    rule = standard or shipped_standards().chosen()
    return max(rule.download_bps, round(pupils * rule.per_pupil_bps))


def target_for(pupils: int | None, standards: Standards | None = None, name: str | None = None) -> Target:
    """Return what a school has to reach under the named standard (the default one if none is named)."""
    all_standards = standards or shipped_standards()
    rule = all_standards.chosen(name)
    known = required_download(pupils, rule) if pupils is not None else None
    return Target(
        standard=name or all_standards.default,
        pupils=pupils,
        download_bps=known if known is not None or rule.per_pupil_bps else rule.download_bps,
        download_floor_bps=rule.download_bps,
        upload_bps=rule.upload_bps,
        tolerance=all_standards.tolerance,
    )


def decision_level(target_bps: float, tolerance: float) -> float:
    """Return the level at which "meets" is decided: target x (1 - tolerance). The only place this is computed."""
    return target_bps * (1 - tolerance)


def interval_of(direction: Direction) -> Interval:
    """Return what a measured direction proves: nothing on the side where the meter could give no bound.

    A result that the sender's pace bound has no upper bound (DESIGN 5.2), and a mean without an interval proves
    nothing, paced or not. Nor does a direction that contradicts itself.
    """
    if direction.contradiction is not None:
        return Interval(value_bps=direction.ip_bps, low_bps=0.0, high_bps=None)
    low = direction.ip_low_bps if direction.ip_low_bps is not None else 0.0
    high = None if direction.is_lower_bound else direction.ip_high_bps
    return Interval(value_bps=direction.ip_bps, low_bps=low, high_bps=high)


def judge_rate(rate: Interval, target_bps: float, tolerance: float) -> Outcome:
    """Say PASS if the whole interval reaches the decision level, FAIL if none of it does, else UNDECIDED."""
    level = decision_level(target_bps, tolerance)
    if rate.low_bps >= level:
        return "PASS"
    if rate.high_bps is not None and rate.high_bps < level:
        return "FAIL"
    return "UNDECIDED"


def judge(download: Interval | None, upload: Interval | None, target: Target) -> Verdict:
    """Judge both directions against a target: one FAIL fails, PASS needs both.

    With an unknown number of pupils a download below the floor fails, and one above it stays UNDECIDED.
    """
    down = up = None
    if download is not None:
        down = judge_rate(download, target.download_bps or target.download_floor_bps, target.tolerance)
        if target.download_bps is None and down == "PASS":
            down = "UNDECIDED"
    if upload is not None:
        up = judge_rate(upload, target.upload_bps, target.tolerance)
    outcome: Outcome = "UNDECIDED"
    if "FAIL" in (down, up):
        outcome = "FAIL"
    elif down == up == "PASS":
        outcome = "PASS"
    return Verdict(outcome=outcome, download=down, upload=up)
