"""What ``netready-agent status`` tells: who this computer is, what it saw last, what waits, and what comes next."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

import agent
from agent import identity, schedule, service
from agent.contract.measurement import Failed, Latency, Link, Measurement, Skipped, Throughput, Unknown
from agent.contract.report import Report
from agent.contract.wire import SchoolCard
from agent.diagnosis import mbit
from agent.outbox import Contents, Outbox, Refused
from agent.settings import Settings
from agent.uplink import Uplink


class Status(Struct, frozen=True, kw_only=True):
    """The keys of ``status --json``; null where there is nothing to tell."""

    version: str
    state: str
    enrolled: bool
    agent: str | None = None
    school: SchoolCard | None = None
    collector: str | None = None
    room: str | None = None
    revoked: str | None = None
    outbox: Contents | None = None
    refusals: tuple[Refused, ...] = ()
    trouble: str | None = None
    next_try: datetime | None = None
    next_session: datetime | None = None
    last: tuple[Report, ...] = ()


def gather(state: Path, settings: Settings, now: datetime) -> Status:
    """Collect the status; raises StateError where the state cannot be read."""
    enrolled = identity.load(state)
    bare = Status(version=agent.__version__, state=str(state), enrolled=enrolled is not None)
    if enrolled is None:
        return bare
    who = enrolled.identity
    outbox = service.outbox(state, settings)
    return msgspec.structs.replace(
        bare,
        agent=who.agent,
        school=who.school,
        collector=who.collector,
        room=settings.agent.room or who.room,
        revoked=outbox.revoked(who.agent),
        outbox=outbox.contents(),
        refusals=tuple(outbox.refusals()),
        trouble=outbox.note(service.LAST_TROUBLE) or outbox.note("damaged"),
        next_try=_next_try(outbox, settings, who.collector, now),
        next_session=schedule.next_session(who.agent, identity.load_policy(state), now),
        last=tuple(outbox.latest()),
    )


def lines(status: Status) -> Iterator[str]:
    """Return the status for people, one fact a line."""
    if not status.enrolled or status.school is None or status.outbox is None:
        yield f"This computer belongs to no school yet (nothing in {status.state})."
        yield "Enrol it:  netready-agent enroll --collector URL --token TOKEN"
        return
    yield f"School     {school_words(status.school)}"
    yield f"Computer   {status.agent}" + (f", room {status.room}" if status.room else "")
    yield f"Collector  {status.collector}"
    if status.revoked:
        yield f"           no longer wants this computer: {status.revoked}"
    waiting = status.outbox
    size = f" ({waiting.bytes / 1024:.0f} KiB)" if waiting.reports else ""
    yield f"Waiting    {waiting.reports} reports{size}, {waiting.dropped} dropped so far, {waiting.refused} refused"
    for refusal in status.refusals[:3]:
        yield f"           refused no. {refusal.sequence}: {refusal.reason}: {refusal.detail}"
    if status.trouble:
        yield f"Trouble    {status.trouble}"
    if status.next_try:
        yield f"           next try {_local(status.next_try)}"
    for report in status.last:
        yield f"Measured   {_local(report.created_at)}  (no. {report.sequence}, {report.trigger})"
        for seen in report.read_measurements():
            yield f"           {_words(seen)}"
    yield f"Next test  {_local(status.next_session) if status.next_session else 'none planned by the collector'}"


def school_words(school: SchoolCard) -> str:
    """Return a school for people: name, id, where it is."""
    place = ", ".join(part for part in (school.district, school.region) if part)
    pupils = f", {school.pupils} pupils" if school.pupils is not None else ""
    synthetic = " [synthetic, not a real school]" if school.synthetic else ""
    return f"{school.name} (id {school.id}{pupils}){', ' + place if place else ''}{synthetic}"


def encode(value: Any) -> str:
    """Return any of our structs as one line of JSON."""
    return msgspec.json.encode(value).decode()


def _next_try(outbox: Outbox, settings: Settings, collector: str, now: datetime) -> datetime | None:
    moment = datetime.fromtimestamp(Uplink(settings).pause(outbox, collector).not_before, UTC)
    return moment if moment > now else None


def _words(seen: Measurement | Unknown) -> str:
    match seen:
        case Throughput():
            rates = [
                f"{name} {mbit(one.ip_bps)} Mbit/s" if one else f"{name} not measured"
                for name, one in (("download", seen.download), ("upload", seen.upload))
            ]
            return ", ".join(rates)
        case Latency():
            return f"latency {seen.median_ms:.1f} ms, loss {seen.loss_ratio:.1%}"
        case Link():
            speed = f", {mbit(seen.speed_bps)} Mbit/s" if seen.speed_bps else ""
            return f"link {seen.interface} ({seen.medium or 'unknown kind'}{speed})"
        case Failed():
            return f"{seen.probe} failed, {seen.failure.replace('_', ' ')}: {seen.detail}"
        case Skipped():
            return f"{seen.probe} not possible here: {seen.reason}"
    return seen.kind


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"
