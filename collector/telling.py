"""What agents are told in passing: whether there is a newer policy for them, and whether somebody wants a test now."""

import hashlib
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from agent.contract.wire import Policy
from collector import policies
from collector.settings import PolicySettings
from collector.store import schools, test_orders
from collector.store.database import Connection
from collector.store.schools import SchoolRecord
from collector.store.test_orders import AgentState

RUN_NOW = "run_now"
_VERSION_HOLDS = timedelta(minutes=10)


class Told(Struct, frozen=True):
    """What goes with the receipts of an agent's reports: see agent.contract.wire.BatchReply."""

    policy_version: int | None = None
    orders: tuple[str, ...] = ()


class Teller:
    """Knows each school's policy version as of the newest change of any policy.

    What is known of the inside of a school comes from months of its reports, too much to ask with every delivery: that
    is some minutes old at most. One school's is made at a time; whoever comes meanwhile is told nothing new.
    """

    def __init__(self, base: PolicySettings) -> None:
        self._base = base
        self._known: dict[str, tuple[datetime, int, int]] = {}
        self._making = threading.Lock()

    def known(self, states: Mapping[str, AgentState], now: datetime) -> tuple[dict[str, Told], AgentState | None]:
        """Return what agents that just delivered are told, and one whose school's policy has to be made first."""
        told: dict[str, Told] = {}
        unknown = None
        for agent_id, state in states.items():
            version = self._version(state, now)
            if version is None:
                unknown = state
            elif state.paused:
                version = _paused_version(version)
            told[agent_id] = Told(version, (RUN_NOW,) if state.wanted and not state.paused else ())
        return told, unknown

    def learn(self, connection: Connection, state: AgentState, now: datetime) -> None:
        """Make the policy of an agent's school, to know its version, unless another one is being made."""
        if not self._making.acquire(blocking=False):
            return
        try:
            school = schools.school(connection, state.school_id)
            if school is not None:
                version = policies.made(connection, school, self._base, now).version
                self._known[state.school_id] = (now, state.policy_number, version)
        finally:
            self._making.release()

    def policy(self, connection: Connection, school: SchoolRecord, agent_id: str, now: datetime) -> Policy:
        """Return an agent's policy; the tests of a single computer may be paused too."""
        state = test_orders.state(connection, agent_id, now)
        made = policies.made(connection, school, self._base, now)
        if state is None:
            return made
        self._known[school.school_id] = (now, state.policy_number, made.version)
        if not state.paused:
            return made
        return msgspec.structs.replace(made, paused=True, version=_paused_version(made.version))

    def _version(self, state: AgentState, now: datetime) -> int | None:
        at, number, version = self._known.get(state.school_id, (None, 0, 0))
        is_fresh = at is not None and number == state.policy_number and now - at <= _VERSION_HOLDS
        return version if is_fresh else None


def _paused_version(version: int) -> int:
    digest = hashlib.sha256(f"{version} paused".encode()).digest()
    return 1 + int.from_bytes(digest[:4], "big")
