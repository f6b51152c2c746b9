"""What there is of this agent, read without changing or needing any of it: whatever cannot be read is said as such."""

import getpass
import ipaddress
import os
import socket
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from agent import identity, settings
from agent.contract import report, signing
from agent.contract.errors import MalformedError, NetreadyError, SettingsError
from agent.contract.report import Report
from agent.contract.wire import Policy
from agent.doctor import veil
from agent.doctor.veil import Veil
from agent.errors import StateError
from agent.host.clock import Clock
from agent.identity import Enrolled, Identity
from agent.settings import Settings

_BUSY_S = 2.0
_NAMES = ("USER", "LOGNAME", "USERNAME", "SUDO_USER", "COMPUTERNAME")
_CLOCK = Clock()


class Place(Struct, frozen=True, kw_only=True):
    """Where to look: the state folder, the settings file if one is named, the environment and the clock."""

    state: Path
    config: Path | None
    environment: Mapping[str, str]
    clock: Clock = _CLOCK


class Refusal(Struct, frozen=True):
    """A report that the collector refused for good: the reason's word and its sentence."""

    reason: str
    detail: str


class Stored(Struct, frozen=True, kw_only=True):
    """What the outbox holds; ``unwanted`` of its reports are of a computer that the collector revoked.

    ``oldest`` is when the oldest waiting report was made, ``last`` the newest report of any kind.
    """

    waiting: int = 0
    waiting_bytes: int = 0
    unwanted: int = 0
    oldest: datetime | None = None
    dropped: int = 0
    refused: int = 0
    conflicts: int = 0
    refusals: tuple[Refusal, ...] = ()
    revoked: str | None = None
    notes: dict[str, str] = {}
    last: Report | None = None


class Installation(Struct, frozen=True, kw_only=True):
    """Everything that the checks look at; a trouble is the sentence why its part could not be read."""

    place: Place
    settings: Settings
    settings_trouble: str | None
    identity: Identity | None
    enrolled: Enrolled | None
    enrolment_trouble: str | None
    policy: Policy
    stored: Stored | None
    stored_trouble: str | None

    @property
    def collector(self) -> str | None:
        """The collector's address, as this computer knows it."""
        return self.identity.collector if self.identity else None


def read(place: Place) -> Installation:
    """Read everything that can be read."""
    read_settings, settings_trouble = _settings(place)
    who, enrolled, enrolment_trouble = _identity(place.state)
    stored, stored_trouble = _stored(place.state / "outbox.sqlite3", who.agent if who else None)
    return Installation(
        place=place,
        settings=read_settings,
        settings_trouble=settings_trouble,
        identity=who,
        enrolled=enrolled,
        enrolment_trouble=enrolment_trouble,
        policy=identity.load_policy(place.state),
        stored=stored,
        stored_trouble=stored_trouble,
    )


def veil_of(here: Installation) -> Veil:
    """Return what hides the secrets of this computer."""
    place = here.place
    text = ""
    with suppress(OSError):
        text = place.config.read_text(encoding="utf-8", errors="replace") if place.config else ""
    secrets = [*veil.of_settings(text), *veil.of_environment(place.environment), *veil.of_state(place.state)]
    if here.enrolled is not None:
        code = identity.recovery_code(here.enrolled.key)
        secrets += [code, code.replace("-", "")]
    homes = {home for name in ("HOME", "USERPROFILE") if len(home := place.environment.get(name, "").rstrip("/\\")) > 1}
    return Veil(
        secrets=veil.gather(secrets),
        names=veil.gather(_names(place.environment)),
        # A service's home is nobody's, and says where to look.
        paths=tuple(
            sorted({each for each in homes if not each.startswith("/var/lib/")} | {"/root"}, key=len, reverse=True)
        ),
        known=frozenset(_known_addresses(here)),
    )


def _names(environment: Mapping[str, str]) -> Iterator[str]:
    """Give the names of this computer and of who uses it, but for those that every installation has."""
    usual = {"localhost", "netready", "root"}
    host = socket.gethostname()
    for name in (host, host.partition(".")[0], *map(environment.get, _NAMES)):
        if name and name.lower() not in usual:
            yield name
    with suppress(OSError, KeyError, ImportError):  # a user without an entry in the system's list
        if (user := getpass.getuser()).lower() not in usual:
            yield user


def _known_addresses(here: Installation) -> Iterator[str]:
    for url in (here.collector, *here.policy.servers):
        with suppress(ValueError):
            host = urlsplit(url).hostname if url else None
            if host:
                yield str(ipaddress.ip_address(host))


def _settings(place: Place) -> tuple[Settings, str | None]:
    try:
        return settings.load(place.config), None
    except SettingsError as error:
        return Settings(), str(error)


def _identity(state: Path) -> tuple[Identity | None, Enrolled | None, str | None]:
    """Return the identity even where its key is missing: the collector can be looked at all the same."""
    try:
        enrolled = identity.load(state)
    except StateError as error:
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            return msgspec.json.decode((state / "identity.json").read_bytes(), type=Identity), None, str(error)
        return None, None, str(error)
    return (enrolled.identity if enrolled else None), enrolled, None


def _stored(file: Path, agent: str | None) -> tuple[Stored | None, str | None]:
    """Read the outbox without making, repairing or locking anything (agent.outbox does all three)."""
    try:
        if not file.exists():
            return Stored(), None
        if not os.access(file, os.R_OK):
            raise PermissionError(13, "it may not be read by this user")
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S)) as connection:
            (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if answer != "ok":
                return None, f"the outbox {file} is damaged: {answer}"
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            return (_contents(connection, agent) if version else Stored()), None
    except (OSError, sqlite3.Error, NetreadyError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return None, f"the outbox {file} cannot be read: {reason}"


def _contents(connection: sqlite3.Connection, agent: str | None) -> Stored:
    def one(question: str, *given: object) -> tuple[object, ...]:
        row: tuple[object, ...] | None = connection.execute(question, given).fetchone()
        return row or (None,)

    waiting, size = one("SELECT count(*), coalesce(sum(length(envelope)), 0) FROM reports")
    revoked_too = "SELECT count(*) FROM reports JOIN chains USING (agent) WHERE revoked IS NOT NULL"
    newest = connection.execute("SELECT reason, detail FROM refused ORDER BY id DESC LIMIT 3").fetchall()
    return Stored(
        waiting=_count(waiting),
        waiting_bytes=_count(size),
        unwanted=_count(one(revoked_too)[0]),
        oldest=_made_at(one("SELECT envelope FROM reports ORDER BY id LIMIT 1")[0]),
        dropped=_count(one("SELECT coalesce(sum(dropped), 0) FROM chains")[0]),
        refused=_count(one("SELECT count(*) FROM refused")[0]),
        conflicts=_count(one("SELECT count(*) FROM refused WHERE reason = 'sequence_conflict'")[0]),
        refusals=tuple(Refusal(str(reason), str(detail)) for reason, detail in newest),
        revoked=_text(one("SELECT revoked FROM chains WHERE agent = ?", agent)[0]),
        notes=dict(connection.execute("SELECT name, value FROM notes").fetchall()),
        last=_last([payload for (payload,) in connection.execute("SELECT payload FROM latest")], agent),
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _made_at(envelope: object) -> datetime | None:
    if not isinstance(envelope, bytes):
        return None
    with suppress(MalformedError):
        return report.decode(signing.decode_envelope(envelope).payload).created_at
    return None


def _last(payloads: list[bytes], agent: str | None) -> Report | None:
    """Return the newest report by its number: the clock may have been wrong."""
    reports = []
    for payload in payloads:
        with suppress(MalformedError):
            reports.append(report.decode(payload))
    return max((each for each in reports if each.agent == agent), key=lambda each: each.sequence, default=None)
