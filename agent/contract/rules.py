"""The numbers by which causes are told apart: config/diagnosis.toml, versioned; numbers are data, rules are code."""

import functools
import hashlib
import tomllib
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from agent.contract import settings_file, shipped
from agent.contract.errors import SettingsError
from agent.contract.values import Text, Word

_EXAMPLE = "config/diagnosis.toml"
_FINGERPRINT_LETTERS = 12
Number = Annotated[float, Meta(ge=-1e3, le=1e12)]
Sourced = Annotated[str, Meta(min_length=1, max_length=2048)]


class Threshold(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One number, its unit and where it comes from ("ours" where nobody published one)."""

    value: Number
    unit: Word
    source: Sourced


class Enough(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When there is enough to judge at all, and when something has happened repeatedly."""

    tests: Threshold
    hours: Threshold
    computers: Threshold
    repeats: Threshold
    days: Threshold
    servers: Threshold
    slow_ratio: Threshold
    known_for_hours: Threshold


class Host(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the computer itself was the limit."""

    cpu_busy_ratio: Threshold
    own_traffic_ratio: Threshold


class Plans(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The speeds that plans are sold at."""

    values_bps: Annotated[tuple[Annotated[float, Meta(gt=0, le=1e12)], ...], Meta(min_length=1, max_length=100)]
    source: Sourced


class LineRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a line delivers, when it is full, and when it looks like a smaller plan."""

    delivers_ratio: Threshold
    headroom_ratio: Threshold
    busy_ratio: Threshold
    queue_ms: Threshold
    queue_ratio: Threshold
    plan_ratio: Threshold
    flat_ratio: Threshold
    flat_hours: Threshold
    plans: Plans


class Wired(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a cable or the wiring is at fault."""

    slowest_link_bps: Threshold
    full_link_ratio: Threshold
    error_ratio: Threshold
    least_errors: Threshold
    router_p95_ms: Threshold
    router_loss_ratio: Threshold
    broadcasts_per_s: Threshold
    mtu_bytes: Threshold


class WifiRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When coverage, the air or the settings of the Wi-Fi are at fault."""

    signal_dbm: Threshold
    no_signal_dbm: Threshold
    borderline_db: Threshold
    router_p95_ms: Threshold
    router_loss_ratio: Threshold
    busy_ratio: Threshold
    retry_ratio: Threshold
    stations: Threshold
    rival_db: Threshold
    rivals: Threshold
    rival_dbm: Threshold
    full_rate_ratio: Threshold
    idle_rate_ratio: Threshold
    wide_2ghz_mhz: Threshold


class Names(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a name server is slow or lies."""

    school_resolver_ms: Threshold
    resolver_ms: Threshold
    differing_names: Threshold


class SchoolRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a school's network is not properly organised, and when two causes stand."""

    unfit_ratio: Threshold
    unfit_days: Threshold
    second_cause_ratio: Threshold
    together_minutes: Threshold


class Rules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of config/diagnosis.toml; ``fingerprint`` begins the SHA-256 of the file's bytes."""

    version: Annotated[str, Meta(min_length=1, max_length=40)]
    enough: Enough
    host: Host
    line: LineRules
    wired: Wired
    wifi: WifiRules
    names: Names
    school: SchoolRules
    fingerprint: Text = ""

    @property
    def name(self) -> str:
        """The name of exactly these rules, as every diagnosis carries it."""
        return f"{self.version}+{self.fingerprint}" if self.fingerprint else self.version


def load(file: Path) -> Rules:
    """Read the rules from a TOML file; raises SettingsError naming the file and the key."""
    try:
        return parse(file.read_bytes(), str(file))
    except FileNotFoundError as error:
        raise SettingsError(f"there is no settings file {file}; see {_EXAMPLE} for one to begin with") from error
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error}") from error


def parse(raw: bytes, where: str = _EXAMPLE) -> Rules:
    """Read the rules from the bytes of a file; raises SettingsError naming the key."""
    try:
        table = tomllib.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(f"{where} cannot be read: {error}") from error
    digest = hashlib.sha256(raw).hexdigest()
    return msgspec.structs.replace(
        settings_file.convert(table, Rules, where, _EXAMPLE), fingerprint=digest[:_FINGERPRINT_LETTERS]
    )


@functools.cache
def shipped_rules() -> Rules:
    """Return the rules that came with this installation."""
    return load(shipped.path("diagnosis.toml"))
