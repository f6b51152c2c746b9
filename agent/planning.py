"""What a session asks, within its data budget; and what it took and which capacity tests came out, for the next one."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from agent import budget, extras, schedule, session
from agent.contract import standards
from agent.contract.measurement import Measurement, Throughput
from agent.contract.report import Trigger
from agent.contract.standards import Target
from agent.contract.wire import Policy
from agent.host import power
from agent.identity import Identity
from agent.outbox import Outbox
from agent.schedule import Known, Wanted
from agent.session import Plan, Question
from agent.settings import Settings

LAST_CAPACITY = "last capacity test"
LAST_LONG = "last long capacity test"
USUAL_ENGINE = "msak"


class Came(Struct, frozen=True):
    """When a capacity test came out, and how many bytes the long form takes on that line."""

    at: datetime
    long_bytes: int


class Planner(Struct, frozen=True, kw_only=True):
    """Plans the sessions of an enrolled computer."""

    identity: Identity
    policy: Policy
    settings: Settings
    outbox: Outbox

    def names(self, trigger: Trigger, now: datetime) -> tuple[str, ...]:
        """Return the probes of a full session: the usual ones, and by the agent's own schedule the others in turn."""
        if trigger == "scheduled":
            return session.full(self.engine) + extras.due(self.policy, self.outbox, now)
        return names_by_hand(self.settings, self.policy)

    @property
    def engine(self) -> str:
        """The probe that fills the line."""
        return engine_of(self.settings, self.policy)

    def plan(self, trigger: Trigger, now: datetime, target: Target | None = None) -> Plan:
        """Return whom to measure against, what to ask (about ``target`` instead of the policy's), how much it may take.

        The budget limits and refuses only what the agent does by itself: a person's own test ("manual") is counted, and
        never refused.
        """
        target = target or target_of(self.policy)
        if trigger == "manual":
            return self._handed(by_hand(self.settings, self.policy, target), None, now)
        usual = plan(self.settings, self.policy, target)
        if trigger == "light":
            return usual
        if (reason := self.outbox.revoked(self.identity.agent)) is not None:  # the line stays free for others
            unwanted = f"the collector takes no more reports of this computer: {reason}"
            return msgspec.structs.replace(self._handed(usual, 0, now), refusal=unwanted)
        if trigger == "scheduled" and (low := self._low_battery()) is not None:
            return msgspec.structs.replace(self._handed(usual, 0, now), refusal=low)
        month = budget.of_month(self.outbox, self.policy, self.settings.agent.monthly_bytes, now)
        needed, left = budget.verdict_bytes(target), month.left_bytes
        if (refusal := budget.refusal(month, needed)) is not None:
            return msgspec.structs.replace(self._handed(usual, 0, now), refusal=refusal)
        usual = self._handed(usual, self._extra_bytes(left), now)
        asked = self._wanted(trigger, left, needed, now)
        if left is not None and asked.purpose == "capacity" and trigger == "scheduled":
            left = schedule.capacity_share(left)
        # A verdict limits itself to what was just found to be left.
        return _asking(usual, asked, None if left is None or asked.purpose == "verdict" else left // 2)

    def _low_battery(self) -> str | None:
        least, found = self.settings.agent.least_battery_percent, power.battery()
        if found is None or not power.is_low(least, found):
            return None
        return (
            f"this computer runs on its battery with {found.percent:.0f} % left, and below {least} % a test waits until"
            " it is plugged in ([agent] least_battery_percent)"
        )

    def _handed(self, usual: Plan, left_bytes: int | None, now: datetime) -> Plan:
        given = extras.handed(self.policy, self.outbox, self.identity.agent, left_bytes, now)
        return msgspec.structs.replace(usual, handed=given)

    def _extra_bytes(self, left_bytes: int | None) -> int | None:
        """Return what a video lesson may take: nothing where volume is paid for."""
        if budget.is_metered(self.settings.agent.metered):
            return 0
        return None if left_bytes is None else schedule.capacity_share(left_bytes) // 2

    def count(self, seen: Iterable[Measurement], now: datetime) -> None:
        """Count the bytes of these tests against the month's data budget."""
        budget.spend(self.outbox, self.policy, budget.taken(seen, target_of(self.policy)), now)

    def remember(self, seen: Sequence[Measurement], now: datetime) -> None:
        """Count the bytes of these tests, and note which capacity tests really came out, in which form."""
        self.count(seen, now)
        extras.remember(seen, self.outbox, now)
        for one in seen:
            if isinstance(one, Throughput) and one.purpose == "capacity":
                came = msgspec.json.encode(Came(now, budget.long_bytes(one))).decode()
                for name in (LAST_CAPACITY, LAST_LONG) if one.form == "long" else (LAST_CAPACITY,):
                    self.outbox.write_note(name, came)

    def _wanted(self, trigger: Trigger, left_bytes: int | None, verdict_bytes: int, now: datetime) -> Wanted:
        if trigger != "scheduled":
            return _at_any_hour(self.settings)
        return schedule.wanted(self.identity.agent, self.policy, self._known(left_bytes, verdict_bytes), now)

    def _known(self, left_bytes: int | None, verdict_bytes: int) -> Known:
        capacity, long = self._came(LAST_CAPACITY), self._came(LAST_LONG)
        newest = long or capacity
        if "form" not in session.settings_of(self.engine):
            long = capacity  # this engine has one form, and that is as long as it gets
        return Known(
            since=self.identity.enrolled_at,
            last_capacity=capacity.at if capacity else None,
            last_long=long.at if long else None,
            metered=budget.is_metered(self.settings.agent.metered),
            left_bytes=left_bytes,
            verdict_bytes=verdict_bytes,
            long_bytes=newest.long_bytes if newest else None,
        )

    def _came(self, name: str) -> Came | None:
        note = self.outbox.note(name)
        return msgspec.json.decode(note, type=Came) if note else None


def engine_of(settings: Settings, policy: Policy) -> str:
    """Return the probe that fills the line: this computer's own choice, the policy's first that is here, else msak."""
    known = (name for name in policy.engines if "purpose" in session.settings_of(name))
    return settings.agent.engine or next(known, USUAL_ENGINE)


def by_hand(settings: Settings, policy: Policy, target: Target) -> Plan:
    """Return how a session that a person asks for is measured: what it asks depends on nothing but the connection."""
    return _asking(plan(settings, policy, target), _at_any_hour(settings))


def names_by_hand(settings: Settings, policy: Policy) -> tuple[str, ...]:
    """Return the probes of a session that a person asks for: with a look at the Wi-Fi where there is any."""
    usual = session.full(engine_of(settings, policy))
    return (*usual, "wifi") if extras.has_wifi() else usual


def plan(settings: Settings, policy: Policy, target: Target | None = None) -> Plan:
    """Return how a session is measured where nothing else is asked: the line's capacity, in the short form."""
    question = Question()
    if target is not None:
        question = Question(
            target_download_bps=target.download_bps or target.download_floor_bps, target_upload_bps=target.upload_bps
        )
    return Plan(
        servers=policy.servers,
        engine=engine_of(settings, policy),
        question=question,
        probes=settings.probes,
        ca_file=settings.agent.ca_file,
    )


def _asking(usual: Plan, asked: Wanted, max_bytes: int | None = None) -> Plan:
    question = msgspec.structs.replace(usual.question, purpose=asked.purpose, form=asked.form, max_bytes=max_bytes)
    return msgspec.structs.replace(usual, question=question)


def _at_any_hour(settings: Settings) -> Wanted:
    return schedule.VERDICT if budget.is_metered(settings.agent.metered) else schedule.CAPACITY


def target_of(policy: Policy) -> Target:
    """Return what the school needs; where the policy does not say, what every school needs at least."""
    return policy.target or standards.target_for(None)
