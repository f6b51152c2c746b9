"""What ``netready-agent status`` tells: who this computer is, what it saw last, what waits, and what comes next."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

import agent
from agent import budget, identity, schedule, service
from agent.budget import Budget
from agent.contract import standards
from agent.contract.measurement import Direction, Failed, Latency, Link, Measurement, Skipped, Throughput, Unknown
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
    budget: Budget | None = None
    last: tuple[Report, ...] = ()


def gather(state: Path, settings: Settings, now: datetime) -> Status:
    """Collect the status; raises StateError where the state cannot be read."""
    enrolled = identity.load(state)
    bare = Status(version=agent.__version__, state=str(state), enrolled=enrolled is not None)
    if enrolled is None:
        return bare
    who = enrolled.identity
    outbox = service.outbox(state, settings)
    policy = identity.load_policy(state)
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
        next_session=schedule.next_session(who.agent, policy, now),
        budget=budget.of_month(outbox, policy, settings.agent.monthly_bytes, now),
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
    if status.budget is not None:
        yield f"Data       {_budget(status.budget)}"
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


def _budget(month: Budget) -> str:
    taken = f"{budget.volume(month.spent_bytes)} taken by tests in {month.month}"
    if month.limit_bytes is None or month.left_bytes is None:
        return f"{taken}, no limit set"
    return f"{taken}, {budget.volume(month.left_bytes)} of {budget.volume(month.limit_bytes)} left"


def _words(seen: Measurement | Unknown) -> str:
    match seen:
        case Throughput():
            return f"{_rate('download', seen.download)}, {_rate('upload', seen.upload)} ({seen.purpose})"
        case Latency():
            return f"latency {seen.median_ms:.1f} ms, loss {seen.loss_ratio:.1%}"
        case Link():
            speed = f", {mbit(seen.speed_bps)} Mbit/s" if seen.speed_bps else ""
            return f"link {seen.interface} ({seen.medium or 'unknown kind'}{speed})"
        case Failed():
            return f"{seen.probe} failed, {seen.failure.replace('_', ' ')}: {seen.detail}"
        case Skipped():
            return f"{seen.probe} was not run: {seen.reason}"
    return seen.kind if isinstance(seen, Unknown) else type(seen).__name__.lower()


def _rate(name: str, direction: Direction | None) -> str:
    if direction is None:
        return f"{name} not measured"
    rate = standards.interval_of(direction)
    if direction.is_lower_bound:
        return f"{name} at least {mbit(rate.low_bps)} Mbit/s"
    return f"{name} {mbit(rate.value_bps)} Mbit/s"


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"
