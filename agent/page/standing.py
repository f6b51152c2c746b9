"""What the page shows beside a check: who this computer is, what waits, what comes next, and its last sessions.

All of it is what ``status`` and ``diagnose`` read; the page itself writes nothing. Read at most every few seconds.
"""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo

from msgspec import Struct

from agent import identity, service, status
from agent.contract.causes import Contract
from agent.contract.errors import NetreadyError
from agent.contract.measurement import Measurement, Throughput, Unknown
from agent.contract.report import Report
from agent.contract.standards import Outcome, Target
from agent.contract.wire import Policy
from agent.outbox import KEPT_SESSIONS
from agent.page import judging, measuring
from agent.page.judging import Way
from agent.page.measuring import Home
from agent.status import Status

KEPT = KEPT_SESSIONS
_FRESH_S = 3.0


class Row(Struct, frozen=True, kw_only=True):
    """One session of the history."""

    at: datetime
    trigger: str
    outcome: Outcome
    ways: tuple[Way, Way]


class Newest(Struct, frozen=True, kw_only=True):
    """The newest session that is kept, whole."""

    at: datetime
    measurements: tuple[Measurement | Unknown, ...]


class Standing(Struct, frozen=True, kw_only=True):
    """Where this computer stands; ``trouble`` is why it could not be read, ``broken`` counts unreadable records."""

    target: Target
    is_floor: bool
    contract: Contract
    zone: tzinfo | None
    status: Status | None = None
    trouble: str | None = None
    rows: tuple[Row, ...] = ()
    newest: Newest | None = None
    broken: int = 0
    is_metered: bool = False
    is_busy: bool = False


class Standings:
    """Reads where this computer stands, and keeps that for a moment: pages that are asked for often cost little."""

    def __init__(self, home: Home, clock: Callable[[], float] = time.monotonic) -> None:
        self._home = home
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: Standing | None = None
        self._read_at = 0.0

    def read(self, *, is_running: bool) -> Standing:
        """Return where it stands; while a check runs what was read before it is shown."""
        with self._lock:
            is_fresh = is_running or self._clock() - self._read_at < _FRESH_S
            if self._kept is None or not is_fresh:
                self._kept, self._read_at = gather(self._home, datetime.now(UTC)), self._clock()
            return self._kept

    def forget(self) -> None:
        """Read anew next time: something was measured."""
        with self._lock:
            self._read_at = -_FRESH_S - 1


def gather(home: Home, now: datetime) -> Standing:
    """Read where this computer stands; what cannot be read is said, never raised."""
    policy = Policy() if home.server else identity.load_policy(home.state)
    target, is_floor = home.judges.target(policy)
    bare = Standing(
        target=target,
        is_floor=is_floor,
        contract=home.judges.contract(policy),
        zone=None if home.server else home.judges.zone(policy),
        is_metered=home.metered(),
    )
    if home.server:
        return bare
    try:
        found = status.gather(home.state, home.settings, now)
        if not found.enrolled or found.agent is None:
            return _with(bare, status=found)
        kept = _with(bare, status=found, is_busy=measuring.is_busy(home.state))
        reports = service.outbox(home.state, home.settings).recent(found.agent)
    except NetreadyError as error:
        return _with(bare, trouble=str(error))
    return _remembered(kept, reports)


def _remembered(bare: Standing, reports: Sequence[Report]) -> Standing:
    """Add the sessions that are kept, the newest first; a record that cannot be read costs no other."""
    rows, newest, broken = [], None, 0
    for report in reversed(reports[-KEPT:]):
        try:
            seen = tuple(report.read_measurements())
        except NetreadyError:
            broken += 1
            continue
        newest = newest or Newest(at=report.created_at, measurements=seen)
        rows.append(row(report.created_at, report.trigger, seen, bare.target))
    return _with(bare, rows=tuple(rows), newest=newest, broken=broken)


def row(at: datetime, trigger: str, seen: Sequence[Measurement | Unknown], target: Target) -> Row:
    """Return a session as a row of the history."""
    outcome, ways = judging.brief(seen, target)
    return Row(at=at, trigger=trigger, outcome=outcome, ways=ways)


def has_speed(seen: Sequence[Measurement | Unknown]) -> bool:
    """Tell whether a session measured a speed at all."""
    return any(isinstance(one, Throughput) for one in seen)


def _with(standing: Standing, **changes: object) -> Standing:
    from msgspec.structs import replace

    return replace(standing, **changes)
