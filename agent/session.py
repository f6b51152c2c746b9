"""One session: the probes in order, timed, and what they saw as one signed report in the outbox.

The only place that catches everything: a bug in one probe is logged with its name and must not cost the others.
"""

import importlib
import logging
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

import agent
from agent import identity, probes
from agent.contract import measurement, report, signing
from agent.contract.errors import InsecureUrlError, NetreadyError, SettingsError
from agent.contract.failure import Failure
from agent.contract.measurement import Failed, Form, Measurement, Purpose, Skipped, Throughput
from agent.contract.report import Report, Trigger
from agent.errors import ProbeUnavailable
from agent.host import transport
from agent.identity import Enrolled
from agent.meter import dial
from agent.meter.errors import TransferError
from agent.outbox import Outbox, Place
from agent.probes import Probe

LIGHT = ("latency",)
DEADLINES_S = {"link": 5.0, "latency": 8.0, "wifi": 8.0, "lan": 10.0}
USUAL_DEADLINE_S = 30.0
BULK_DEADLINES_S: dict[Form, float] = {"short": 60.0, "long": 90.0}
# Nothing came back: what answers and refuses is there, and its line too.
_SILENCE: frozenset[Failure] = frozenset({"connect_timeout", "unreachable", "no_answer", "dns_failed"})
_MAX_DETAIL = 2000
_ANSWERS_WITHIN_S = 2.0
_ALL_ANSWER_WITHIN_S = 6.0

_log = logging.getLogger(__name__)


class Question(Struct, frozen=True, kw_only=True):
    """What the engine is asked: those of these settings that it has and that are not null; bytes for each direction."""

    purpose: Purpose = "capacity"
    form: Form = "short"
    target_download_bps: float | None = None
    target_upload_bps: float | None = None
    max_bytes: int | None = None
    lease: str | None = None
    ticket: str | None = None


class Plan(Struct, frozen=True, kw_only=True):
    """Whom to measure against (the first that answers is used), what is asked, and the probes' tables of agent.toml.

    ``engine`` is the probe that fills the line. With a ``refusal`` no such probe is run, and that is recorded as why;
    what takes next to nothing of the line goes on.
    ``handed`` are settings for each probe that stand behind those of agent.toml.
    """

    servers: tuple[str, ...] = ()
    engine: str = "msak"
    question: Question = Question()
    refusal: str | None = None
    probes: dict[str, dict[str, Any]] = {}
    handed: dict[str, dict[str, Any]] = {}
    ca_file: str | None = None


class Session(Struct, frozen=True, kw_only=True):
    """What one session saw."""

    measurements: tuple[Measurement, ...]
    session_s: float
    server: str | None


def full(engine: str) -> tuple[str, ...]:
    """Return the probes of a full session, in order; the engine fills the line."""
    return ("link", "latency", "lan", engine)


def run(
    names: Sequence[str],
    plan: Plan,
    announce: Callable[[str], None] = lambda _: None,
    line_is_free: Callable[[], None] = lambda: None,
) -> Session:
    """Run the named probes one after the other; none runs beside another, so those that take the line have it.

    A light session to which nothing came back looks inside too: an outage is proven only where the router answers.

    Args:
        names: the probes, in order.
        plan: against whom, and with which settings.
        announce: told each probe's name before it begins.
        line_is_free: called when the engine has done, and those that take next to nothing of the line are left.
    """
    began = time.monotonic()
    server = first_that_answers(plan.servers)
    measurements = []
    for name in names:
        announce(name)
        seen = _measured(name, plan, server)
        measurements.append(seen)
        plan = _with_upload(plan, seen)
        if name == plan.engine:
            line_is_free()
    if tuple(names) == LIGHT and _nothing_came_back(measurements):
        announce("lan")
        measurements.append(_measured("lan", _looking_on(plan), server))
    return Session(measurements=tuple(measurements), session_s=round(time.monotonic() - began, 3), server=server)


def _measured(name: str, plan: Plan, server: str | None) -> Measurement:
    """Run one probe; that it cannot run as it is set is a failure of it too."""
    try:
        return measure(name, plan, server)
    except NetreadyError as error:
        _log.error("the probe %s cannot measure: %s", name, error)
        word: Failure = "no_server" if isinstance(error, InsecureUrlError) else "host_error"
        return Failed(probe=name, failure=word, detail=_plain(str(error)), started_at=_now(), took_s=0.0)


def _nothing_came_back(seen: Sequence[Measurement]) -> bool:
    return bool(seen) and all(isinstance(one, Failed) and one.failure in _SILENCE for one in seen)


def _looking_on(plan: Plan) -> Plan:
    """Let the look inside ask nobody but the router and the name servers: it may come every quarter of an hour."""
    table = plan.probes.get("lan", {}) | {"active": False}
    return msgspec.structs.replace(plan, probes=plan.probes | {"lan": table})


def _with_upload(plan: Plan, seen: Measurement) -> Plan:
    """Hand on how fast the line was just now, for what cameras leave of it; "at least" and spoiled tests do not say."""
    if not isinstance(seen, Throughput) or seen.upload is None or seen.upload.is_lower_bound or seen.tainted:
        return plan
    services = {**plan.handed.get("services", {}), "upload_bps": seen.upload.ip_bps}
    return msgspec.structs.replace(plan, handed={**plan.handed, "services": services})


def measure(name: str, plan: Plan, server: str | None, deadline_s: float | None = None) -> Measurement:
    """Run one probe and return what it measured, with its begin and duration; failures are measurements too.

    Raises:
        SettingsError: no such probe, or a setting of it is wrong.
        InsecureUrlError: it would have to use a plain address on a public network.
    """
    started_at = _now()
    began = time.monotonic()
    seen = _measure(name, plan, server, deadline_s)
    return msgspec.structs.replace(seen, started_at=started_at, took_s=round(time.monotonic() - began, 3))


def _measure(name: str, plan: Plan, server: str | None, deadline_s: float | None) -> Measurement:
    probe = _make(name, plan, server)
    if plan.refusal is not None and _is_engine(name):
        return Skipped(probe=name, reason=plan.refusal)
    usual_s = BULK_DEADLINES_S[plan.question.form] if probe.takes_the_line else USUAL_DEADLINE_S
    try:
        seen = probe.measure(deadline_s or DEADLINES_S.get(name, usual_s))
    except ProbeUnavailable as reason:
        return Skipped(probe=name, reason=str(reason))
    except NetreadyError:
        raise
    except Exception as error:  # noqa: BLE001 - the one place; see the module's docstring
        _log.exception("the probe %s has a bug; please report this", name)
        seen = Failed(probe=name, failure="host_error", detail=f"{type(error).__name__}: {error}")
    if isinstance(seen, Failed):
        # Servers have their words in here: a hostile one must not make the whole report unacceptable.
        seen = msgspec.structs.replace(seen, detail=_plain(seen.detail))
    return seen


def _make(name: str, plan: Plan, server: str | None) -> Probe:
    """Make the probe, with what the session knows filled in where it has such settings and agent.toml has not.

    A limit of bytes is the one thing that agent.toml can only lower.
    """
    own, fields = plan.probes.get(name, {}), settings_of(name)
    known = {**plan.handed.get(name, {}), "server": server, "ca_file": plan.ca_file, "ticket": plan.question.ticket}
    if "purpose" in fields:
        known |= msgspec.structs.asdict(plan.question)
    offered = {key: value for key, value in known.items() if key in fields and value is not None}
    table = offered | own
    limits = [one["max_bytes"] for one in (offered, own) if isinstance(one.get("max_bytes"), int)]
    if limits:
        table["max_bytes"] = min(limits)
    return probes.make(name, table)


def settings_of(name: str) -> frozenset[str]:
    """Return the names of a probe's settings; none for a probe that is not there."""
    return frozenset(_kind(name).__struct_fields__ if name in probes.names() else ())


def _is_engine(name: str) -> bool:
    """Tell whether a probe measures how fast the line is, and fills it for that with what a data budget pays."""
    return "purpose" in settings_of(name)


def _kind(name: str) -> Any:
    """Return the probe's struct, which is a Probe too: Python's types have no name for both at once."""
    return importlib.import_module(f"{probes.__name__}.{name}").Probe


def check_settings(plan: Plan, where: str) -> None:
    """Make every configured probe once, find the engine and read the CA file, so that what is wrong stops the start.

    Raises:
        SettingsError: names the file, the probe and the setting.
    """
    if plan.ca_file is not None:
        try:
            transport.tls_context(plan.ca_file)
        except SettingsError as error:
            raise SettingsError(f"{where}: agent.ca_file: {error}") from error
    engines = [name for name in probes.names() if _is_engine(name)]
    if plan.engine not in engines:
        raise SettingsError(
            f"{where}: agent.engine: {plan.engine!r} is no probe that fills the line; use {', '.join(engines)}"
        )
    for name in plan.probes:
        try:
            _make(name, plan, None)
        except SettingsError as error:
            raise SettingsError(f"{where}: [probes.{name}]: {error}") from error


def check_server(server: str) -> None:
    """Refuse a server that could never be measured against, before anything is measured.

    Raises:
        SettingsError: it is no address.
        InsecureUrlError: a plain address outside this computer and private networks.
    """
    with suppress(TransferError):  # a name that cannot be resolved is a result, and the probes say it
        dial.check_security(dial.endpoint(server), time.monotonic() + _ANSWERS_WITHIN_S)


def first_that_answers(servers: Sequence[str]) -> str | None:
    """Return the first server that accepts a connection; if none does, the first, whose failure is then the result."""
    ends = time.monotonic() + _ALL_ANSWER_WITHIN_S
    for server in servers if len(servers) > 1 else ():
        if answers(server, min(ends, time.monotonic() + _ANSWERS_WITHIN_S)):
            return server
    return servers[0] if servers else None


def answers(server: str, deadline: float | None = None) -> bool:
    """Tell whether a server accepts a connection, within two seconds or until ``deadline`` (of the monotonic clock)."""
    deadline = time.monotonic() + _ANSWERS_WITHIN_S if deadline is None else deadline
    try:
        target = dial.endpoint(server)
        places = dial.addresses(target.host, target.port, socket.SOCK_STREAM, deadline)
        connected, _ = dial.connect(places, deadline)
    except (TransferError, SettingsError) as error:
        _log.warning("the server %s does not answer (%s)", server, error)
        return False
    connected.close()
    return True


def record(
    session: Session,
    trigger: Trigger,
    enrolled: Enrolled,
    room: str | None,
    outbox: Outbox,
    *,
    floor: str | None = None,
    lease: str | None = None,
    now: datetime | None = None,
) -> Report:
    """Sign what a session saw as the next report of this computer, keep it in the outbox and return it.

    ``now`` is the time of a clock other than the system's.

    Raises:
        StateError: it could not be kept.
    """

    def make(place: Place) -> signing.Envelope:
        made = Report(
            agent=enrolled.identity.agent,
            school=enrolled.identity.school.id,
            sequence=place.sequence,
            previous=place.previous,
            boot_id=identity.boot_id(),
            created_at=now or _now(),
            monotonic_s=identity.boot_clock_s(),
            time_zone=identity.time_zone(),
            software=software(),
            trigger=trigger,
            room=room or enrolled.identity.room,
            floor=floor,
            dropped=place.dropped,
            waiting=place.waiting,
            session_s=session.session_s,
            lease=lease,
            measurements=tuple(msgspec.Raw(measurement.encode(one)) for one in session.measurements),
        )
        return signing.sign(report.PAYLOAD_TYPE, report.encode(made), enrolled.key)

    envelope = outbox.append(enrolled.identity.agent, enrolled.identity.collector, make)
    return report.decode(envelope.payload)


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text[:_MAX_DETAIL])


def _now() -> datetime:
    return datetime.now(UTC)


def words(seen: Measurement) -> str:
    """Return what a measurement is, for the log: its kind, or which probe failed and how."""
    match seen:
        case Failed():
            return f"{seen.probe} failed ({seen.failure})"
        case Skipped():
            return f"{seen.probe} skipped"
    return type(seen).__name__.lower()


def software() -> str:
    """Return how this program calls itself in reports."""
    return f"netready-agent/{agent.__version__}"
