"""Whose turn it is in this school: asks the collector before a session that fills the line, and says when it is free.

Without an answer the session goes on: its time was drawn so that computers seldom meet, collector or not.
"""

import logging
import math
import secrets
import time
from collections.abc import Callable
from datetime import datetime

import msgspec
from msgspec import Struct

from agent import session
from agent.contract import wire
from agent.contract.report import Trigger
from agent.errors import UplinkError
from agent.identity import Enrolled
from agent.planning import Planner
from agent.session import Plan
from agent.uplink import Uplink

WITHIN_S = 5.0
_AROUND_S = 5.0  # of a lease, for what comes between the probes
_LEAST_S = 1.0  # a shorter time to answer in is none
_LONGEST_WAIT_S = 15.0  # for the others of a test that begins together

_log = logging.getLogger(__name__)


class Turn(Struct, frozen=True, kw_only=True):
    """What the collector said; ``reply`` is null where nobody was asked or nobody answered.

    From ``starts_at`` to ``ends_at`` the line is ours, by the monotonic clock. ``give_back`` may be called again.
    """

    lease: str = msgspec.field(default_factory=lambda: secrets.token_hex(16))
    reply: wire.LeaseReply | None = None
    starts_at: float = 0.0
    ends_at: float = math.inf
    give_back: Callable[[], None] = lambda: None

    @property
    def state(self) -> wire.LeaseState:
        """The answer; "free" where there is none."""
        return "free" if self.reply is None else self.reply.state

    @property
    def granted(self) -> str | None:
        """The lease that was given, for the report."""
        return self.lease if self.state == "granted" else None

    def applied(self, plan: Plan) -> Plan:
        """Return the plan as the answer wants it: against that server, for that share of the target, or not at all."""
        if self.reply is None or self.state == "free":
            return plan
        if self.state == "enough":
            return msgspec.structs.replace(plan, refusal=self.reply.detail or "the school was measured enough just now")
        if time.monotonic() > self.ends_at - session.BULK_DEADLINES_S[plan.question.form]:
            return msgspec.structs.replace(plan, refusal="this computer's turn was over before it could begin")
        question = msgspec.structs.replace(plan.question, lease=self.granted, ticket=self.reply.ticket)
        share, targets = self.reply.share, (question.target_download_bps, question.target_upload_bps)
        if share is not None:
            download, upload = (None if one is None else one * share for one in targets)
            question = msgspec.structs.replace(question, target_download_bps=download, target_upload_bps=upload)
        servers = plan.servers if self.reply.server is None else (self.reply.server,)
        return msgspec.structs.replace(plan, question=question, servers=servers)

    def wait_for_start(self) -> None:
        """Wait until the line is ours: at once, or when the others of a joint test begin too."""
        time.sleep(min(_LONGEST_WAIT_S, max(0.0, self.starts_at - time.monotonic())))


def ask(uplink: Uplink, enrolled: Enrolled, planner: Planner, asked: "Asking") -> Turn:
    """Ask for the line; a server that does not answer is given back, and another asked for."""
    ends = time.monotonic() + asked.within_s
    plan = planner.plan(asked.trigger, asked.now)
    if plan.refusal is not None or not (planner.policy.lease or asked.trigger == "ordered"):
        return Turn()
    servers = planner.policy.servers
    lease = asked.lease or secrets.token_hex(16)
    while True:
        request = wire.LeaseRequest(
            lease=lease,
            trigger=asked.trigger,
            purpose=plan.question.purpose,
            seconds=_seconds(plan),
            servers=servers,
        )
        turn = _answered(uplink, enrolled, request, ends - time.monotonic())
        server = None if turn.reply is None else turn.reply.server
        if turn.state != "granted" or len(servers) < 2 or server is None or session.answers(server):
            return turn
        turn.give_back()
        servers, lease = tuple(one for one in servers if one != server), secrets.token_hex(16)


class Asking(Struct, frozen=True, kw_only=True):
    """For which session the line is asked; ``lease`` is that of a wish which waits already."""

    trigger: Trigger
    now: datetime
    lease: str | None = None
    within_s: float = WITHIN_S


def _answered(uplink: Uplink, enrolled: Enrolled, request: wire.LeaseRequest, within_s: float) -> Turn:
    held = [request.lease]

    def give_back() -> None:
        if not held:
            return
        held.clear()
        try:
            uplink.release_lease(enrolled, request.lease, WITHIN_S)
        except UplinkError as error:
            _log.info("the lease ends by itself: %s", error)

    if within_s < _LEAST_S:
        return Turn()
    try:
        reply = uplink.ask_lease(enrolled, request, within_s)
    except UplinkError as error:
        _log.info("no lease, going on without: %s", error)
        return Turn()
    if reply.state not in {"granted", "wait"}:
        held.clear()
    now = time.monotonic()
    return Turn(
        lease=request.lease,
        reply=reply,
        starts_at=now + reply.starts_in_s,
        ends_at=now + reply.ends_in_s if reply.state == "granted" else math.inf,
        give_back=give_back,
    )


def _seconds(plan: Plan) -> float:
    """Return how long a session has the line at most: from its first probe to the end of its engine."""
    before = (session.DEADLINES_S.get(name, session.USUAL_DEADLINE_S) for name in session.full(plan.engine)[:-1])
    return min(wire.MAX_LEASE_S, sum(before) + session.BULK_DEADLINES_S[plan.question.form] + _AROUND_S)
