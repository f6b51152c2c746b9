"""The collector's settings: defaults in these structs, changes from a TOML file and the command line. Read once."""

import os
import sys
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from agent.contract import settings_file
from agent.contract.errors import SettingsError
from agent.contract.wire import CameraAsked, Clock, MonthlyBytes, PlatformAsked

Port = Annotated[int, Meta(ge=0, le=65_535)]


class Serve(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the API and the pages are offered. Without TLS only this computer should be listened on.

    ``local_pages``: pages without a login for people at this computer while nobody else can reach the collector. Switch
    it off behind a proxy: some pass requests on in a way that cannot be told from a local person's.
    """

    listen: str = "127.0.0.1:8080"
    tls_cert: str | None = None
    tls_key: str | None = None
    local_pages: bool = True


class DatabaseSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``url``: a PostgreSQL 16 to 18; without it the embedded one lives in ``data``."""

    url: str | None = None
    data: str | None = None
    pool_size: Annotated[int, Meta(ge=1, le=50)] = 8


class PolicySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What agents are told; ``quiet_*`` and the rest are explained in agent.contract.wire.

    Without ``platforms`` agents ask those of config/services.toml. ``control_centres``: where cameras have to reach.
    """

    servers: tuple[str, ...] = ()
    start: Clock = "08:00"
    end: Clock = "18:00"
    weekdays: tuple[Annotated[int, Meta(ge=1, le=7)], ...] = (1, 2, 3, 4, 5)
    time_zone: str = "Asia/Almaty"
    quiet_start: Clock = "18:00"
    quiet_end: Clock = "22:00"
    quiet_weekdays: tuple[Annotated[int, Meta(ge=1, le=7)], ...] = (1, 2, 3, 4, 5)
    capacity_sessions_per_day: Annotated[int, Meta(ge=0, le=48)] = 4
    long_capacity_days: Annotated[int, Meta(ge=1, le=90)] = 7
    latency_interval_s: Annotated[int, Meta(ge=60, le=86_400)] = 900
    monthly_bytes: MonthlyBytes | None = None
    wifi_scans_per_day: Annotated[int, Meta(ge=0, le=24)] = 2
    peer_bytes: Annotated[int, Meta(ge=1_000_000, le=10**10)] = 200_000_000
    platforms: Annotated[tuple[PlatformAsked, ...], Meta(max_length=32)] = ()
    control_centres: Annotated[tuple[CameraAsked, ...], Meta(max_length=8)] = ()


class IngestSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many batches are stored at once, and how many may wait before agents are asked to come back later."""

    workers: Annotated[int, Meta(ge=1, le=32)] = 4
    waiting: Annotated[int, Meta(ge=0, le=10_000)] = 64
    retry_after_s: Annotated[int, Meta(ge=1, le=3_600)] = 30


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of the collector."""

    serve: Serve = Serve()
    database: DatabaseSettings = DatabaseSettings()
    policy: PolicySettings = PolicySettings()
    ingest: IngestSettings = IngestSettings()


def load(file: Path | None) -> Settings:
    """Read settings from a TOML file, or the defaults without one; raises SettingsError naming the file and the key."""
    return Settings() if file is None else settings_file.read(file, Settings, "config/collector.toml")


def default_data_folder() -> Path:
    """Return where the embedded database lives unless told otherwise: one place per system and kind of user."""
    told = os.environ.get("NETREADY_DATA")
    if told:
        return Path(told)
    if sys.platform == "linux" and os.geteuid() == 0:
        return Path("/var/lib/netready-collector")
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "netready-collector"


def split_address(text: str) -> tuple[str, int]:
    """Split ``HOST:PORT`` (IPv6 in brackets); raises SettingsError."""
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdecimal() or int(port) > 65_535:
        raise SettingsError(f"{text!r} is not HOST:PORT; for example 127.0.0.1:8080 or [::]:8080")
    return host.strip("[]"), int(port)
