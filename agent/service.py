"""The resident agent: measures at its drawn times, sends what waits, and lets nothing that fails end it."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger
from msgspec import Struct

import agent
from agent import health, identity, schedule, session, turns, watch
from agent.contract.errors import NetreadyError
from agent.contract.measurement import Link
from agent.contract.report import Report, Trigger
from agent.contract.standards import Target
from agent.contract.wire import Policy
from agent.crashes import Crashes, place_of
from agent.errors import NotEnrolledError, PausedError, RevokedError, StateError, UplinkError
from agent.host import files, supervisor
from agent.host.clock import Clock
from agent.identity import Enrolled
from agent.outbox import Outbox
from agent.planning import Planner
from agent.reflector.peer_presence import Presence
from agent.session import Session
from agent.settings import Settings
from agent.turns import Asking, Turn
from agent.uplink import Drained, Uplink
from agent.watch import Watch

LAST_SESSION = "last session"
LAST_TROUBLE = "last trouble with the collector"
ONCE_S = 120.0
_POLICY_INTERVAL_S = 6 * 3600
_SENDING_S = 40.0
_ONCE_RESERVE_S = 10.0  # of ONCE_S: the last batch may begin just before the time to send is over
_LINE_WITHIN_S = 7.0
_LEAST_ANSWER_S = 1.0  # to ask for the line once more
_NOBODY_WAITS: frozenset[Trigger] = frozenset({"scheduled", "light", "ordered"})
_ORDER_HOLDS = timedelta(hours=1)
_OPEN_AT_LEAST = timedelta(minutes=10)  # a session's time may be drawn for the last minutes of its hours
_RUN_NOW = "run_now"
_POLICY_TAG = "policy tag"
_LINE_PATIENTLY_S = 40.0  # nobody waits for the service, and another computer's test against this one ends by then
_STOP_WITHIN_S = 5.0
_STUCK = 70  # EX_SOFTWARE of sysexits.h: whoever watches the service starts it again
_WATCH_S = 60.0  # WatchdogSec of the unit is longer
_CLOCK_SLACK_S = 60.0
_CLOCK = Clock()
SCHEDULING = {
    "job_defaults": {"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
    "timezone": UTC,
}

_log = logging.getLogger(__name__)


def _nowhere() -> None:
    """No port: other computers of the school cannot test against this program."""


class Station(Struct, frozen=True, kw_only=True):
    """An enrolled computer with everything it needs to measure and report.

    ``peer_port`` says where other computers of the school can test against it just now.
    """

    state: Path
    settings: Settings
    enrolled: Enrolled
    outbox: Outbox
    uplink: Uplink
    peer_port: Callable[[], int | None] = _nowhere
    clock: Clock = _CLOCK

    def policy(self) -> Policy:
        """Return the stored policy."""
        return identity.load_policy(self.state)

    def planner(self) -> Planner:
        """Return who decides what a session of this computer asks."""
        return Planner(
            identity=self.enrolled.identity, policy=self.policy(), settings=self.settings, outbox=self.outbox
        )

    def measure(
        self,
        names: tuple[str, ...],
        trigger: Trigger,
        announce: Callable[[str], None],
        *,
        target: Target | None = None,
        turn: Turn | None = None,
    ) -> tuple[Session, Report]:
        """Run one session and keep its report; returns when the report is on disk.

        What it took is counted against the month's data budget before that. ``target`` is what a person asks for
        instead of the policy's; ``turn`` is what the collector said about the line.
        """
        turn = turn or Turn()
        with ExitStack() as stack:
            stack.callback(turn.give_back)
            patience_s = _LINE_PATIENTLY_S if trigger in _NOBODY_WAITS else _LINE_WITHIN_S
            stack.enter_context(the_line(self.state, patience_s))
            turn.wait_for_start()
            now = self.clock.now()
            if trigger != "light":
                self.outbox.write_note(LAST_SESSION, now.isoformat())
            planner = self.planner()
            plan = turn.applied(planner.plan(trigger, now, target))
            seen = session.run(names, plan, announce, turn.give_back)
            planner.remember(seen.measurements, self.clock.now())
        seen = announced(seen, self.peer_port())
        room, now = self.settings.agent.room, self.clock.now()
        return seen, session.record(seen, trigger, self.enrolled, room, self.outbox, lease=turn.granted, now=now)

    def ask(self, trigger: Trigger, lease: str | None = None, within_s: float = turns.WITHIN_S) -> Turn:
        """Ask the collector for the line; ``lease`` is that of a wish which waits already."""
        asking = Asking(trigger=trigger, now=self.clock.now(), lease=lease, within_s=within_s)
        return turns.ask(self.uplink, self.enrolled, self.planner(), asking)

    def send(self, *, whatever_pause: bool = False, deadline_s: float = _SENDING_S) -> Drained:
        """Empty the outbox as far as the collectors allow, and fetch the policy when there is a newer one.

        Raises:
            UplinkError: not everything could be sent.
        """
        try:
            drained = self.uplink.drain(self.outbox, whatever_pause=whatever_pause, deadline_s=deadline_s)
        except PausedError:
            raise
        except UplinkError as error:
            self.outbox.write_note(LAST_TROUBLE, str(error))
            raise
        self.outbox.write_note(LAST_TROUBLE, "")
        if drained.policy_version not in {None, self.policy().version}:
            self.refresh_policy()
        return drained

    def check_welcome(self) -> None:
        """Raise RevokedError where the collector no longer wants this computer: then its reports only wait."""
        reason = self.outbox.revoked(self.enrolled.identity.agent)
        if reason is not None:
            raise RevokedError(f"the collector takes no more reports of this computer: {reason}")

    def refresh_policy(self) -> None:
        """Fetch and store the policy if there is another; raises UplinkError, and the stored one stays.

        What an older version of this program stored it may not have understood whole: it is fetched again.
        """
        software, _, tag = (self.outbox.note(_POLICY_TAG) or "").partition(" ")
        fetched = self.uplink.fetch_policy(self.enrolled, tag if software == session.software() and tag else None)
        if fetched.policy is None:
            return
        schedule.zone_of(fetched.policy.hours)
        identity.save_policy(self.state, fetched.policy)
        self.outbox.write_note(_POLICY_TAG, f"{session.software()} {fetched.tag or ''}")


def station(state: Path, settings: Settings, clock: Clock = _CLOCK) -> Station:
    """Return this computer ready to measure; raises NotEnrolledError or StateError."""
    return Station(
        state=state,
        settings=settings,
        enrolled=identity.require(state),
        outbox=outbox(state, settings, clock),
        uplink=Uplink(settings, clock=clock.wall_s),
        clock=clock,
    )


def outbox(state: Path, settings: Settings, clock: Clock = _CLOCK) -> Outbox:
    """Open the outbox of a state folder."""
    bounds = settings.outbox
    return Outbox(state, max_bytes=bounds.max_bytes, max_age_days=bounds.max_age_days, clock=clock.wall_s)


def announced(seen: Session, port: int | None) -> Session:
    """Say in a session's link where other computers of the school can test against this one."""
    with_port = tuple(
        msgspec.structs.replace(one, peer_port=port) if isinstance(one, Link) else one for one in seen.measurements
    )
    return msgspec.structs.replace(seen, measurements=with_port)


@contextmanager
def the_line(state: Path, within_s: float | None = None) -> Iterator[None]:
    """Have the line alone among the netready programs of this state folder; raises StateError if another keeps it."""
    busy = "another netready program is measuring on this computer just now; run this again in a minute"
    with alone(state / "session.lock", busy, _LINE_WITHIN_S if within_s is None else within_s):
        yield


@contextmanager
def alone(lock: Path, busy: str, within_s: float = 0.0) -> Iterator[None]:
    """Hold a lock file alone; raises StateError with these words if another process still has it after that time."""
    ends = time.monotonic() + within_s
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(files.exclusive(lock))
                break
            except BlockingIOError:
                if time.monotonic() >= ends:
                    raise StateError(busy) from None
                time.sleep(0.2)
        yield


def once(here: Station, announce: Callable[[str], None] = lambda _: None) -> Drained:
    """Measure one capacity session and send the whole outbox, whatever the hours and pauses.

    Raises:
        UplinkError: not everything could be sent; it stays in the outbox.
    """
    ends = time.monotonic() + ONCE_S - _ONCE_RESERVE_S
    turn = _turn_within(here, turns.WITHIN_S)
    here.measure(here.planner().names("once", here.clock.now()), "once", announce, turn=turn)
    drained = here.send(whatever_pause=True, deadline_s=min(_SENDING_S, ends - time.monotonic()))
    here.check_welcome()
    return drained


def _turn_within(here: Station, within_s: float) -> Turn:
    """Return this computer's turn if it comes so soon, else none: then the session goes on without."""
    ends = time.monotonic() + within_s
    turn = here.ask("once", within_s=within_s)
    while turn.reply is not None and turn.state == "wait":
        time.sleep(max(0.0, min(turn.reply.retry_after_s, ends - time.monotonic())))
        if time.monotonic() >= ends - _LEAST_ANSWER_S:
            turn.give_back()
            return Turn()
        turn = here.ask("once", turn.lease, ends - time.monotonic())
    return Turn() if turn.state in {"enough", "paused"} else turn


class SessionTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler 3 has no types
    """Fires at this agent's drawn session times."""

    def __init__(self, agent: str, policy: Policy) -> None:
        self._agent = agent
        self._policy = policy

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Return the first session after both (APScheduler's question)."""
        return schedule.next_session(self._agent, self._policy, max(previous_fire_time or now, now))


def _threaded() -> BaseScheduler:
    return BackgroundScheduler(executors={"default": ThreadPoolExecutor(1)}, **SCHEDULING)


def work(
    state: Path, settings: Settings, clock: Clock = _CLOCK, scheduler: Callable[[], BaseScheduler] = _threaded
) -> None:
    """Work until told to stop, and begin afresh whenever this computer is enrolled anew."""
    files.sweep(state, clock.wall_s())
    with suppress(KeyboardInterrupt):  # told to stop between two of them
        while Service(station(state, settings, clock), scheduler()).run():
            pass


def wait(seconds: float, clock: Clock = _CLOCK) -> None:
    """Wait, and say meanwhile to whoever watches that nothing hangs."""
    ends = clock.steady_s() + seconds
    while (left_s := ends - clock.steady_s()) > 0:
        supervisor.alive()
        clock.sleep(min(_WATCH_S, left_s))


class Service:
    """The jobs of a resident agent. One worker thread does them one after the other: they never share the line."""

    def __init__(self, here: Station, scheduler: BaseScheduler | None = None) -> None:
        self._clock = here.clock
        self._peers = Presence(here.enrolled.identity.agent, lambda: the_line(here.state, 0.0))
        self._here = msgspec.structs.replace(here, peer_port=lambda: self._peers.port)
        self._agent = here.enrolled.identity.agent
        self._policy = here.policy()
        self._working = threading.Lock()
        self._stopping = False
        self._ordered = False  # a session that was asked for waits or runs
        self._clock_ahead_s = self._clock.ahead_s()
        self._notes = health.Notes(here.state, agent.__version__, self._clock.now())
        self._crashes = Crashes(here.state, agent.__version__, identity.boot_id())
        self._watch = Watch(watch.looks_within(here.settings.uplink.interval_s, _WATCH_S))
        self._scheduler = scheduler or _threaded()

    def run(self) -> bool:
        """Work until SIGTERM or SIGINT, or until this computer was enrolled anew; then return True: begin afresh.

        Raises:
            StateError: another service works on this state folder.
            NotEnrolledError: this computer left its school.
        """
        with alone(
            self._here.state / "service.lock",
            "netready-agent run already runs on this computer: nothing is to be done, or stop that one first",
        ):
            # A handler that raises, not one that sets an Event: setting takes a lock that the waiting thread may hold.
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            try:
                self._work_while_enrolled()
            except KeyboardInterrupt:
                self._end()
                return False
            except NotEnrolledError:
                self._end()
                raise
            except Exception as error:
                self._crashes.crashed(self._clock.now(), place_of(error))
                raise
            else:
                return True
            finally:
                self._peers.close()

    def _work_while_enrolled(self) -> None:
        self._wait_after_crashes(self._crashes.begin(self._clock.now()))
        began_s = self._clock.steady_s()
        self._begin()
        supervisor.ready(self._status())
        while self._is_still_us():
            self._clock.sleep(_WATCH_S)
            self._watch_the_clock()
            self._notes.alive(self._clock.now())
            self._crashes.alive(self._clock.steady_s() - began_s)
            self._watch_the_work()
            supervisor.alive(self._status())
        _log.info("this computer was enrolled anew; beginning afresh")
        with self._working:  # what is under way is finished under the key it was begun with
            self._stopping = True
        self._scheduler.shutdown(wait=True)
        self._crashes.ended()

    def _wait_after_crashes(self, wait_s: float) -> None:
        """Wait where earlier lives ended too soon: what crashes at once would else take a processor for nothing."""
        if not wait_s:
            return
        status = f"waiting {wait_s / 60:.0f} min: it crashed just now, see netready-agent doctor"
        _log.warning("%s", status)
        supervisor.ready(status)
        wait(wait_s, self._clock)

    def _watch_the_work(self) -> None:
        """End this process where the work does not go on: started again it does, and a thread cannot be ended."""
        stuck = self._watch.look()
        if stuck is None:
            return
        _log.critical("stuck: %s; ending, to be started again", stuck)
        self._crashes.crashed(self._clock.now(), f"stuck: {stuck}")
        logging.shutdown()
        os._exit(_STUCK)

    def _status(self) -> str:
        return f"measuring for {self._here.enrolled.identity.school.name}; next session {self._next()}"

    def _is_still_us(self) -> bool:
        """Tell whether this computer is still enrolled as it was at the start; raises NotEnrolledError if it left.

        Whoever enrols this computer again does so in another process, and this one would go on with a revoked key.
        """
        try:
            enrolled = identity.require(self._here.state)
        except StateError as error:  # read between two files of an enrolment, or a disk that fails just now
            _log.warning("who this computer is cannot be read: %s", error)
            return True
        return enrolled.identity == self._here.enrolled.identity

    def _end(self) -> None:
        _log.info("stopping")
        supervisor.stopping()
        self._stopping = True  # for a job that waits behind another: Python would wait for it at the end
        if self._scheduler.running:  # told to stop before anything was planned, it does not yet
            self._scheduler.shutdown(wait=False)
        self._crashes.ended()
        if not self._working.acquire(timeout=_STOP_WITHIN_S):
            # A session is under way. What counts is on disk already; what is half measured is no result.
            logging.shutdown()
            os._exit(0)
        self._working.release()

    def _watch_the_clock(self) -> None:
        """Plan everything anew once the clock was set back: APScheduler would wait for the times that were ahead."""
        ahead_s = self._clock.ahead_s()
        if ahead_s < self._clock_ahead_s - _CLOCK_SLACK_S:
            _log.warning("the clock was set back by %.0f s; planning anew", self._clock_ahead_s - ahead_s)
            self._plan()
        self._clock_ahead_s = ahead_s

    def _begin(self) -> None:
        self._notes.begin()
        self._plan()
        self._catch_up(self._clock.now())
        self._meet_peers()
        self._scheduler.start()
        _log.info("measuring for %s; next session %s", self._here.enrolled.identity.school.name, self._next())

    def _plan(self) -> None:
        every = self._here.settings.uplink.interval_s
        begin = self._clock.now() + timedelta(seconds=1 + schedule.phase_s(self._agent, min(every, 60)))
        first = self._clock.now() + timedelta(seconds=_POLICY_INTERVAL_S)
        self._add("send", self._send, IntervalTrigger(seconds=every, start_date=begin))
        seldom = IntervalTrigger(seconds=_POLICY_INTERVAL_S, start_date=first, jitter=600)
        self._add("policy", self._refresh_policy, seldom)
        if self._notes.is_first_of_version:  # whoever installed it waits to see that the collector answers it
            self._add("first policy", self._refresh_policy, DateTrigger(begin))
        self._plan_sessions()

    def _plan_sessions(self) -> None:
        self._add("session", self._on_session_time, SessionTrigger(self._agent, self._policy))
        every = self._policy.latency_interval_s
        epoch = datetime.fromtimestamp(schedule.phase_s(self._agent, every), UTC)
        self._add("light", self._light, IntervalTrigger(seconds=every, start_date=epoch))

    def _add(self, name: str, work: Callable[[], None], trigger: BaseTrigger) -> None:
        self._scheduler.add_job(self._safely, trigger, args=(name, work), id=name, replace_existing=True)

    def _safely(self, name: str, work: Callable[[], None]) -> None:
        """Do one job; what goes wrong is one line in the log, and the next job comes all the same."""
        with self._working:
            if self._stopping:
                return
            self._watch.began(name)
            try:
                work()
            except (PausedError, RevokedError) as reason:
                _log.info("%s: %s", name, reason)
            except NetreadyError as error:
                _log.warning("%s: %s", name, error)
            finally:
                self._watch.ended()

    def _on_session_time(self) -> None:
        now = self._clock.now()
        planned = schedule.latest_session(self._agent, self._policy, now)
        if planned is not None and now - planned <= schedule.ON_TIME:
            self._full_session()
        else:
            self._catch_up(now)

    def _catch_up(self, now: datetime) -> None:
        """Plan one session in place of those that were slept through, if there is reason to."""
        note = self._here.outbox.note(LAST_SESSION)
        moment = schedule.catch_up(self._agent, self._policy, datetime.fromisoformat(note) if note else None, now)
        if moment is not None:
            _log.info("missed a session while asleep; making up for it at %s", moment.isoformat(timespec="seconds"))
            self._add("catch up", self._full_session, DateTrigger(moment))

    def _full_session(self) -> None:
        now = self._clock.now()
        closes = schedule.closes_at(self._policy, now) or now
        self._session("scheduled", max(closes, now + _OPEN_AT_LEAST))

    def _session(self, trigger: Trigger, until: datetime, lease: str | None = None) -> None:
        """Measure if it is this computer's turn; else come back when told, as long as the session's hours last."""
        turn = self._here.ask(trigger, lease)
        now = self._clock.now()
        if turn.reply is not None and turn.state == "wait":
            again = now + timedelta(seconds=max(0.1, turn.reply.retry_after_s))
            if again < until:
                _log.debug("waiting for the line: %s", turn.reply.detail)
                self._add(f"{trigger} turn", lambda: self._session(trigger, until, turn.lease), DateTrigger(again))
                return
            turn.give_back()
            _log.info("no session: the line was not free within its hours (%s)", turn.reply.detail)
        elif turn.state == "paused":
            _log.info("no session: tests are paused")
            self._refresh_policy()
        else:
            self._measure(self._here.planner().names(trigger, now), trigger, turn)
            _log.info("next session %s", self._next())
        if trigger == "ordered":
            self._ordered = False
        self._send()

    def _light(self) -> None:
        self._measure(session.LIGHT, "light")

    def _measure(self, names: tuple[str, ...], trigger: Trigger, turn: Turn | None = None) -> None:
        seen, made = self._here.measure(names, trigger, lambda _: None, turn=turn)
        _log.info("report %d (%s): %s", made.sequence, trigger, ", ".join(map(session.words, seen.measurements)))

    def _send(self) -> None:
        drained = self._here.send()
        if drained.sent or drained.refused:
            _log.info("sent %d reports, %d refused", drained.sent, drained.refused)
        if drained.sent or drained.refused:
            self._notes.heard(self._clock.now())
        self._follow_policy()
        if _RUN_NOW in drained.orders and not self._ordered:
            self._ordered = True
            now = self._clock.now()
            _log.info("a session was asked for")
            self._add("ordered turn", lambda: self._session("ordered", now + _ORDER_HOLDS), DateTrigger(now))

    def _refresh_policy(self) -> None:
        self._here.refresh_policy()
        self._notes.heard(self._clock.now())
        self._follow_policy()

    def _follow_policy(self) -> None:
        policy = self._here.policy()
        if policy != self._policy:
            self._policy = policy
            self._plan_sessions()
            self._meet_peers()
            _log.info("new policy; next session %s", self._next())

    def _meet_peers(self) -> None:
        if self._here.settings.agent.peer:
            self._peers.follow(self._policy.inside)

    def _next(self) -> str:
        moment = schedule.next_session(self._agent, self._policy, self._clock.now())
        return moment.isoformat(timespec="seconds") if moment else "never: the policy plans none"
