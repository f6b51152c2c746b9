"""Measures for the page exactly as ``netready-agent check`` does: same lock, same probes, same report, same budget."""

import time
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from agent import budget, identity, planning, service, session
from agent.contract.errors import NetreadyError
from agent.contract.wire import Policy
from agent.errors import StateError
from agent.meter import progress
from agent.page.checking import Checked, Outcome, Step, Tell, Trouble
from agent.page.judging import Judges
from agent.settings import Settings

WAITS_S = 120.0  # for a test of the service: the longest has ended by then
_LOOKS_EVERY_S = 1.0


class Home(Struct, frozen=True, kw_only=True):
    """This computer: its state folder and settings; ``server`` is what to measure against instead of the school's."""

    state: Path
    settings: Settings
    judges: Judges
    server: str | None = None

    def metered(self) -> bool:
        """Tell whether the connection is paid for by volume."""
        return budget.is_metered(self.settings.agent.metered)


def is_busy(state: Path) -> bool:
    """Tell whether another netready program measures on this computer just now."""
    if not state.is_dir():
        return False
    try:
        with service.the_line(state, 0.0):
            return False
    except StateError:
        return True


def check(home: Home, tell: Tell) -> Outcome:
    """Measure once and send the result, telling every step; what cannot be done is an outcome too."""
    if home.server is None and not _waited(home.state, tell):
        return Trouble(word="busy")
    try:
        with progress.watch(lambda now: tell(_step(now))):
            return _alone(home, home.server, tell) if home.server else _at_school(home, tell)
    except NetreadyError as error:
        return Trouble(word="said", detail=str(error))


def _waited(state: Path, tell: Tell) -> bool:
    """Wait for the line as long as the service may have it; the service is never disturbed."""
    ends = time.monotonic() + WAITS_S
    while is_busy(state):
        if time.monotonic() >= ends:
            return False
        tell(Step(name="waiting"))
        time.sleep(_LOOKS_EVERY_S)
    return True


def _at_school(home: Home, tell: Tell) -> Checked:
    policy = identity.load_policy(home.state)
    settings = _settings(home)
    target, _ = home.judges.target(policy)
    here = service.station(home.state, settings)
    names = planning.names_by_hand(settings, policy)
    seen, report = here.measure(names, "manual", lambda name: tell(Step(name=name)), target=target)
    tell(Step(name="sending"))
    try:
        here.send()
    except NetreadyError as error:
        return Checked(at=report.created_at, measurements=seen.measurements, ending="kept", detail=str(error))
    return Checked(at=report.created_at, measurements=seen.measurements, ending="sent")


def _alone(home: Home, server: str, tell: Tell) -> Checked:
    settings = _settings(home)
    target, _ = home.judges.target(Policy())
    plan = planning.by_hand(settings, Policy(servers=(server,)), target)
    names = planning.names_by_hand(settings, Policy())
    seen = session.run(names, plan, lambda name: tell(Step(name=name)))
    return Checked(at=datetime.now(UTC), measurements=seen.measurements, ending="alone")


def _settings(home: Home) -> Settings:
    """Return the settings with what the system says of the connection, asked once for the whole check."""
    return replace(home.settings, agent=replace(home.settings.agent, metered=home.metered()))


def _step(now: progress.Progress) -> Step:
    rates = {} if now.ip_bps is None else {now.phase: now.ip_bps}
    return Step(name=now.phase, share=now.share, rates=rates)
