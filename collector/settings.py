"""The collector's settings: defaults in these structs, changes from a TOML file and the command line. Read once."""

import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from agent.contract import settings_file
from agent.contract.errors import SettingsError
from agent.contract.values import Label, Text, Word
from agent.contract.wire import CameraAsked, Clock, MonthlyBytes, PlatformAsked, Release, Shift, Term

Port = Annotated[int, Meta(ge=0, le=65_535)]
Weekdays = Annotated[tuple[Annotated[int, Meta(ge=1, le=7)], ...], Meta(max_length=7)]


class Serve(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the API and the pages are offered. Without TLS only this computer should be listened on.

    ``local_pages``: pages without a login for people at this computer while nobody else can reach the collector. Switch
    it off behind a proxy: some pass requests on in a way that cannot be told from a local person's.

    ``workers``: processes that answer, behind one address. Left out: one with the embedded database, which shares a
    small computer with other work; else one per processor, eight at most, as many as the database has connections for.
    ``drain_s``: how long the end waits for requests that are still being answered and jobs that still run.
    """

    listen: str = "127.0.0.1:8080"
    tls_cert: str | None = None
    tls_key: str | None = None
    local_pages: bool = True
    workers: Annotated[int, Meta(ge=1, le=64)] | None = None
    drain_s: Annotated[int, Meta(ge=1, le=600)] = 30


class DatabaseSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``url``: a PostgreSQL 16 to 18; without it the embedded one lives in ``data``."""

    url: str | None = None
    data: str | None = None
    pool_size: Annotated[int, Meta(ge=1, le=50)] = 8


class Server(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reflector that agents test against, and how much it can take.

    ``place``: "inside" the network of the school's operator or "outside" of it; null where nobody knows. ``tests`` is
    how many it takes at once, ``capacity_bps`` how fast its own line is; null: nobody limits it.
    """

    url: Text
    place: Literal["inside", "outside"] | None = None
    tests: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    capacity_bps: Annotated[float, Meta(ge=1e6, le=1e13)] | None = None


class PolicySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What agents are told, before the country, a region or a school changes it (collector.policies).

    ``quiet_*`` and the rest are explained in agent.contract.wire. ``shifts``: empty, one from ``start`` to ``end``.
    ``standard`` names one of config/standards.toml, null its default; ``target_*_bps`` are asked instead of what it
    asks. Without ``platforms`` agents ask those of config/services.toml. ``control_centres``: where cameras have to
    reach; ``cameras``: a school's own, beside those of the registry. ``survey_rooms``: rooms that every survey has to
    look at, beside the register's. ``tests_per_slot``: how often a slot's line is filled before computers that were
    measured today already are told that it is enough. ``update``: the version that computers shall have.
    """

    servers: Annotated[tuple[Text | Server, ...], Meta(max_length=32)] = ()
    standard: Word | None = None
    target_download_bps: Annotated[int, Meta(ge=100_000, le=10**12)] | None = None
    target_upload_bps: Annotated[int, Meta(ge=100_000, le=10**12)] | None = None
    start: Clock = "08:00"
    end: Clock = "18:00"
    shifts: Annotated[tuple[Shift, ...], Meta(max_length=4)] = ()
    weekdays: Weekdays = (1, 2, 3, 4, 5)
    terms: Annotated[tuple[Term, ...], Meta(max_length=32)] = ()
    holidays: Annotated[tuple[date, ...], Meta(max_length=400)] = ()
    extra_days: Annotated[tuple[date, ...], Meta(max_length=400)] = ()
    slot_minutes: Literal[10, 15, 20, 30, 60] = 30
    time_zone: Word = "Asia/Almaty"
    quiet_start: Clock = "18:00"
    quiet_end: Clock = "22:00"
    quiet_weekdays: Weekdays = (1, 2, 3, 4, 5)
    capacity_sessions_per_day: Annotated[int, Meta(ge=0, le=48)] = 4
    long_capacity_days: Annotated[int, Meta(ge=1, le=90)] = 7
    latency_interval_s: Annotated[int, Meta(ge=60, le=86_400)] = 900
    monthly_bytes: MonthlyBytes | None = None
    engines: Annotated[tuple[Literal["msak", "ndt7", "librespeed", "ookla"], ...], Meta(max_length=4)] = ()
    wifi_scans_per_day: Annotated[int, Meta(ge=0, le=24)] = 2
    peer_bytes: Annotated[int, Meta(ge=1_000_000, le=10**10)] = 200_000_000
    platforms: Annotated[tuple[PlatformAsked, ...], Meta(max_length=32)] = ()
    control_centres: Annotated[tuple[CameraAsked, ...], Meta(max_length=8)] = ()
    cameras: Annotated[tuple[CameraAsked, ...], Meta(max_length=32)] = ()
    survey_rooms: Annotated[tuple[Label, ...], Meta(max_length=200)] = ()
    lease: bool = True
    tests_per_slot: Annotated[int, Meta(ge=1, le=1_000)] = 4
    paused: bool = False
    update: Release | None = None

    @property
    def all_servers(self) -> tuple[Server, ...]:
        """The servers, each with what is known of it."""
        return tuple(Server(url=one) if isinstance(one, str) else one for one in self.servers)

    @property
    def all_shifts(self) -> tuple[Shift, ...]:
        """The shifts; at least one."""
        return self.shifts or (Shift(start=self.start, end=self.end),)


class StoreSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long reports and what was read from them are kept: this month and ``keep_months`` before it; null for ever.

    The month before these is kept too: months are deleted whole, by UTC, and the oldest one's first hours, by local
    time, lie in it. No verdict is made of it any more. What is older no longer shows anywhere. ``drop_old``: it is
    deleted; else it stays in the database, in tables of a month each, for its owner to store elsewhere. Added up days,
    months and periods stay, and verdicts as they are.
    """

    keep_months: Annotated[int, Meta(ge=1, le=1_200)] | None = None
    drop_old: bool = False

    def kept_from(self, now: datetime) -> date | None:
        """Return the first day (UTC) of which reports are kept, those of the month before too; null where all are."""
        if self.keep_months is None:
            return None
        today = now.astimezone(UTC)
        months = today.year * 12 + today.month - 2 - self.keep_months
        return date(max(1, months // 12), months % 12 + 1, 1)


class IngestSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many deliveries are in hand before agents are asked to come back later, in each process that answers.

    ``workers``: groups of deliveries stored at once, each in one transaction; enrolments too. ``waiting``: whole
    deliveries that wait for their group. ``bodies``: requests whose body is still coming in, of which one address may
    have ``address_share``; ``held_bytes``: what all of these may take. A body has some seconds, and more as long as it
    comes with ``least_bytes_per_s``.
    """

    workers: Annotated[int, Meta(ge=1, le=32)] = 2
    waiting: Annotated[int, Meta(ge=0, le=100_000)] = 2_000
    retry_after_s: Annotated[int, Meta(ge=1, le=3_600)] = 30
    bodies: Annotated[int, Meta(ge=1, le=100_000)] = 4_000
    address_share: Annotated[float, Meta(gt=0, le=1)] = 0.5
    held_bytes: Annotated[int, Meta(ge=8_000_000, le=10**12)] = 64_000_000
    least_bytes_per_s: Annotated[int, Meta(ge=1, le=10**9)] = 1_000


class LogSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``format``: text for people at a terminal, json (one object a line) for a program that collects logs."""

    format: Literal["text", "json"] = "text"
    requests: bool = False


class FleetSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a computer that reports no more becomes a matter of concern, in whole school days without a report.

    One missed day is common: a room without lessons, a computer that stays off. Timetables repeat each week, so who
    missed a whole week (five school days) has something wrong. A backlog older than ``backlog_hours`` is told.
    """

    at_risk_days: Annotated[int, Meta(ge=1, le=100)] = 2
    silent_days: Annotated[int, Meta(ge=1, le=100)] = 5
    backlog_hours: Annotated[int, Meta(ge=1, le=1_000)] = 24
    history_days: Annotated[int, Meta(ge=2, le=400)] = 30


class AccountsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How people log in. ``public_url``: what they type; needed behind a proxy and for the country's own login.

    ``trusted_proxies``: addresses whose X-Forwarded-For is believed. ``second_factor``: roles that must have one.
    After ``free_failures`` wrong passwords each further one doubles the wait, up to ``longest_wait_s``.
    """

    public_url: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    second_factor: tuple[Literal["ministry", "region", "school", "operator", "auditor", "admin"], ...] = ()
    idle_minutes: Annotated[int, Meta(ge=1, le=1_440)] = 30
    session_hours: Annotated[int, Meta(ge=1, le=168)] = 12
    first_password_days: Annotated[int, Meta(ge=1, le=90)] = 14
    free_failures: Annotated[int, Meta(ge=1, le=20)] = 5
    longest_wait_s: Annotated[int, Meta(ge=1, le=86_400)] = 900
    token_days: Annotated[int, Meta(ge=1, le=3_650)] = 365
    token_days_at_most: Annotated[int, Meta(ge=1, le=3_650)] = 730


class OidcRole(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one value of the claim means here. Either a fixed ``scope``, or the claim that holds it."""

    value: Annotated[str, Meta(min_length=1)]
    role: Literal["ministry", "region", "school", "operator", "auditor", "admin"]
    scope: str | None = None
    scope_claim: str | None = None


class OidcSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The country's own login (OpenID Connect). Nobody gets a role that ``roles`` does not name; the first counts."""

    issuer: str | None = None
    title: str = "the ministry's login"
    client_id: str | None = None
    client_secret_file: str | None = None
    scopes: tuple[str, ...] = ("openid", "profile")
    claim: str = "groups"
    roles: tuple[OidcRole, ...] = ()


class OpenDataSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said of open data, and how small a cell may be.

    ``smallest_cell``: measured figures of a school are told only where at least so many of its computers measured.
    ``licence``: an id of opendefinition.org, for example "CC-BY-4.0"; without one nobody knows what is allowed.
    """

    publisher: Label | None = None
    licence: Word | None = None
    licence_url: Text | None = None
    smallest_cell: Annotated[int, Meta(ge=2, le=100)] = 3


class EvidenceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The log of all evidence: what it is called, and where its key and its newest checkpoint are.

    ``origin``: the log's name for ever after, as "log.example/netready"; left out, one is made. ``key_file``: left out,
    log.key in the data folder, made on first use. ``checkpoint_file`` shows that a database was restored from an old
    backup, best where no backup of the database brings it back; left out, it is in the data folder. ``timestamp_url``:
    an authority that stamps checkpoints with the time (RFC 3161).
    """

    origin: Annotated[str, Meta(pattern=r"^[!-*,-~]{1,200}$")] | None = None
    key_file: str | None = None
    checkpoint_file: str | None = None
    timestamp_url: Text | None = None


class NoticesSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What people are told by webhook and email, and how that leaves (collector.notices).

    ``send``: false where messages shall wait, as in a copy of the database. ``synthetic``: of synthetic schools too.
    A line's breach is told from ``breach_months`` of its last ``of_months`` closed months on. One is enough unless told
    otherwise: a month's verdict is weighed over all its half hours, and over all lines of the operator, already.
    ``silent_days``: whole school days in a row without any computer of a school, at least what [fleet] calls silent.
    ``deadline_days``: working days before a dispute's deadline.

    Messages go to addresses of the internet, and to those inside ``allowed_networks``; ``ca_file`` has the authorities
    that vouch for webhooks, left out: this computer's. ``smtp_security`` "none" is for a mail server on this computer.
    """

    send: bool = True
    synthetic: bool = False
    breach_months: Annotated[int, Meta(ge=1, le=12)] = 1
    of_months: Annotated[int, Meta(ge=1, le=12)] = 1
    silent_days: Annotated[int, Meta(ge=1, le=100)] = 5
    deadline_days: Annotated[int, Meta(ge=0, le=30)] = 3
    allowed_networks: Annotated[tuple[Word, ...], Meta(max_length=100)] = ()
    ca_file: str | None = None
    subscribers_each: Annotated[int, Meta(ge=1, le=1_000)] = 20
    smtp_host: Label | None = None
    smtp_port: Annotated[int, Meta(ge=1, le=65_535)] = 587
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: Label | None = None
    smtp_password_file: str | None = None
    mail_from: Label | None = None


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of the collector."""

    serve: Serve = Serve()
    database: DatabaseSettings = DatabaseSettings()
    policy: PolicySettings = PolicySettings()
    store: StoreSettings = StoreSettings()
    ingest: IngestSettings = IngestSettings()
    accounts: AccountsSettings = AccountsSettings()
    oidc: OidcSettings = OidcSettings()
    log: LogSettings = LogSettings()
    fleet: FleetSettings = FleetSettings()
    open_data: OpenDataSettings = OpenDataSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    notices: NoticesSettings = NoticesSettings()


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
