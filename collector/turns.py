"""Gives leases: puts before collector.lease what is known of a school and its servers, and stores what it answers."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from agent.contract.errors import MalformedError
from agent.contract.wire import LeaseReply, LeaseRequest
from collector import lease, policies, policy
from collector.errors import NotFound
from collector.lease import Decision, Enough, Granted, Group, Held, Mode, School, Wait, Waiting, Wish
from collector.settings import PolicySettings
from collector.store import leases, schools
from collector.store.agents import AgentRecord
from collector.store.database import Connection
from collector.store.leases import AskedRecord, LeaseRecord, NewLease, WaitRecord
from collector.store.schools import SchoolRecord

_PLACED_WITHIN = timedelta(days=2)
_GONE_AFTER = timedelta(minutes=5)
_NOT_KNOWN_BPS = 100e6  # where neither a contract nor a port says how fast a school's line may be
_VERDICT_PACE = 2.0  # times the target: what a paced test takes of a server at most
_MODES: dict[str, Mode] = {"run_now": "single", "pair": "pair", "joint": "joint"}
_REASONS = {
    "busy": "another computer of the school is measuring; {position} go first",
    "turn": "it is another computer's turn; {position} go first",
    "server": "the test servers are busy",
    "others": "the other computers of this test are not there yet",
}


def ask(
    connection: Connection, agent: AgentRecord, request: LeaseRequest, base: PolicySettings, now: datetime
) -> LeaseReply:
    """Answer an agent that wants to fill its school's line.

    Raises:
        NotFound: its school is no longer in the registry.
        MalformedError: the lease it names is over already.
    """
    school = schools.school(connection, agent.school_id)
    if school is None:
        raise NotFound(f"school {agent.school_id} is no longer in the registry")
    settings = policies.effective(connection, school, base)
    asked = leases.asked_of(connection, school.school_id, agent.agent_id, now)
    group = _group_of(asked)
    if any(one.kind == "pause" for one in asked) or (settings.paused and group is None):
        return LeaseReply(state="paused", detail="tests are paused")
    if not settings.lease:
        leases.orders_done(connection, school.school_id, [agent.agent_id] if group else [], now)
        return LeaseReply(state="free")
    known = _school(connection, school, settings, now)
    _refuse_what_is_over(connection, agent, request, now)
    wish = Wish(
        agent=agent.agent_id,
        lease_id=request.lease,
        seconds=request.seconds,
        reserved_bps=_reserved_bps(request, school, settings, known.ports.get(agent.agent_id)),
        servers=request.servers,
        group=group,
    )
    decision = _decide(connection, known, wish, settings, now)
    _keep(connection, agent, request, decision, now)
    return _reply(decision, now)


def release(connection: Connection, agent: AgentRecord, lease_id: str, now: datetime) -> None:
    """Take a lease back, or a place in the queue; doing so again changes nothing."""
    leases.release(connection, agent.school_id, agent.agent_id, lease_id, now)


def _refuse_what_is_over(connection: Connection, agent: AgentRecord, request: LeaseRequest, now: datetime) -> None:
    known = leases.lease(connection, agent.school_id, request.lease)
    if known is not None and (known.agent_id != agent.agent_id or not known.is_held(now)):
        raise MalformedError("this lease is over, or another computer's; ask with a new id")


def _decide(connection: Connection, known: School, wish: Wish, settings: PolicySettings, now: datetime) -> Decision:
    """Decide; servers are locked only where it comes to them, so that a country does not queue up behind one row."""
    decision = lease.decide(known, (), wish, now)
    servers = [one for one in settings.all_servers if one.url in wish.servers] or list(settings.all_servers)
    if not decision.leases or not servers:
        return decision
    loads = leases.lock_loads(connection, [one.url for one in servers], now)
    limits = [
        lease.Server(
            url=one.url,
            tests=one.tests,
            capacity_bps=one.capacity_bps,
            load_tests=loads[one.url].tests if one.url in loads else 0,
            load_bps=loads[one.url].reserved_bps if one.url in loads else 0.0,
        )
        for one in servers
    ]
    return lease.decide(known, limits, wish, now)


def _school(connection: Connection, school: SchoolRecord, settings: PolicySettings, now: datetime) -> School:
    """Return what is known of a school's line; nobody else decides about it until the transaction ends."""
    leases.lock_turn(connection, school.school_id)
    placed = leases.placed(connection, school.school_id, now - _PLACED_WITHIN)
    local = now.astimezone(policy.zone_of(settings))
    today = datetime.combine(local.date(), time.min, local.tzinfo)
    slot = now - timedelta(minutes=local.minute % settings.slot_minutes, seconds=local.second)
    # Held ones too that began before midnight.
    given = leases.leases_since(connection, school.school_id, min(today, now - timedelta(hours=1)))
    return School(
        held=tuple(_held(one) for one in given if one.is_held(now)),
        recent=tuple(_held(one) for one in given if now - one.starts_at < lease.PAIR_WITHIN),
        waiting=tuple(_waiting(one) for one in leases.waits(connection, school.school_id, now)),
        last=next((one.agent_id for one in reversed(given) if one.order_id is None), None),
        order=tuple(one.agent_id for one in placed),
        ports={one.agent_id: one.link_speed_bps for one in placed if one.link_speed_bps},
        served=frozenset(one.agent_id for one in given if one.granted_at >= today),
        in_slot=sum(1 for one in given if one.granted_at >= slot),
        tests_per_slot=settings.tests_per_slot,
        usual_s=_usual_s(given),
    )


def _usual_s(given: Sequence[LeaseRecord]) -> float:
    """Return how long the last few leases were really held; a guess where none was given back yet."""
    spans = [(one.released_at - one.starts_at).total_seconds() for one in given[-8:] if one.released_at is not None]
    return max(0.2, sum(spans) / len(spans)) if spans else lease.USUAL_TEST_S


def _held(one: LeaseRecord) -> Held:
    mode: Mode = next((mode for mode in _MODES.values() if mode == one.mode), "single")
    return Held(
        agent=one.agent_id,
        lease_id=one.lease_id,
        mode=mode,
        order_id=one.order_id,
        server=one.server,
        reserved_bps=one.reserved_bps,
        starts_at=one.starts_at,
        ends_at=one.ends_at,
        share=one.share,
    )


def _waiting(one: WaitRecord) -> Waiting:
    group = None
    if one.order_id is not None and one.kind is not None:
        group = Group(one.order_id, _MODES[one.kind], _members(one.kind, one.members))
    return Waiting(
        agent=one.agent_id,
        lease_id=one.lease_id,
        since=one.since,
        due_at=one.due_at,
        seconds=one.seconds,
        group=group,
    )


def _group_of(asked: Sequence[AskedRecord]) -> Group | None:
    for one in asked:
        if one.kind in _MODES:
            return Group(one.order_id, _MODES[one.kind], _members(one.kind, one.members))
    return None


def _members(kind: str, members: int | None) -> int:
    """Return how many have to be there before it begins; a test now is each computer's own."""
    return 1 if kind == "run_now" else members or 1


def _reserved_bps(
    request: LeaseRequest, school: SchoolRecord, settings: PolicySettings, port_bps: float | None
) -> float:
    """Return what a test may take of a server: a paced one its pace, another what the line and the port can carry."""
    if request.purpose == "verdict":
        target = policy.target_of(school, settings)
        return _VERDICT_PACE * max(target.download_bps or target.download_floor_bps, target.upload_bps)
    contract = max(school.download_contracted_bps or 0, school.upload_contracted_bps or 0)
    known = [one for one in (contract, port_bps) if one]
    return float(min(known, default=_NOT_KNOWN_BPS))


def _keep(connection: Connection, agent: AgentRecord, request: LeaseRequest, decision: Decision, now: datetime) -> None:
    if decision.waits is not None:
        one = decision.waits
        place = WaitRecord(
            agent_id=one.agent, lease_id=one.lease_id, since=one.since, due_at=one.due_at, seconds=one.seconds
        )
        leases.keep_wait(connection, agent.school_id, place)
    if decision.leases:
        new = [
            NewLease(
                school_id=agent.school_id,
                lease_id=one.lease_id,
                agent_id=one.agent,
                region_id=agent.region_id,
                mode=one.mode,
                order_id=one.order_id,
                purpose=request.purpose,
                trigger=request.trigger,
                server=one.server,
                reserved_bps=one.reserved_bps,
                share=one.share,
                granted_at=now,
                starts_at=one.starts_at,
                ends_at=one.ends_at,
            )
            for one in decision.leases
        ]
        leases.keep_leases(connection, new, now, now - _GONE_AFTER)


def _reply(decision: Decision, now: datetime) -> LeaseReply:
    match decision.answer:
        case Granted(given):
            return LeaseReply(
                state="granted",
                lease=given.lease_id,
                server=given.server or None,
                starts_in_s=max(0.0, (given.starts_at - now).total_seconds()),
                ends_in_s=max(0.0, (given.ends_at - now).total_seconds()),
                share=given.share,
            )
        case Wait(retry_s, position, reason):
            detail = _REASONS[reason].format(position=position)
            return LeaseReply(state="wait", retry_after_s=retry_s, position=position, detail=detail)
        case Enough():
            return LeaseReply(state="enough", detail="this half hour's tests are made, and this computer's today")
