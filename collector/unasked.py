"""Tests of several computers that nobody has to ask for: where a diagnosis lacks them, or no single port is enough.

A pair (cable and Wi-Fi in the same minute) tells a slow line from a bad network inside. A joint test (several cables
at once) is the only way to see a line carry more than any one computer's port does. A school is asked for a pair once a
day at most, each time with another computer on Wi-Fi, for a joint test once a week, and during lessons, when computers
are on.
"""

import logging
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from collector import policies, policy, rollup, steering
from collector.settings import PolicySettings, Settings
from collector.steering import Steering
from collector.store import leases, schools, test_orders
from collector.store.audit import Who
from collector.store.database import Connection, Database
from collector.store.leases import Placed
from collector.store.policies import Scope
from collector.store.schools import SchoolRecord

BY = Who("diagnosis")
_PAIR_EVERY, _JOINT_EVERY = timedelta(days=1), timedelta(days=7)
_AT_ONCE = 200  # schools a run: asking takes some milliseconds each
_SMALLEST_PORT_BPS = 100e6  # a narrower one is a defect of its own (config/diagnosis.toml)

_log = logging.getLogger(__name__)


def run(database: Database, settings: Settings) -> None:
    """Ask what is due, and log how many that were."""
    asked = ask(database, settings.policy, datetime.now(UTC))
    if asked:
        _log.info("asked %d schools for tests of several computers", len(asked))


def ask(database: Database, base: PolicySettings, now: datetime) -> list[str]:
    """Ask the schools that lack a pair or a joint test; return which."""
    asked: list[str] = []
    with database.owning() as connection:
        at = rollup.calendars_of(base).at(connection)
        month = f"{now.astimezone(policy.zone_of(base)):%Y-%m}"
        carried_bps = steering.PORT_CARRIES * _SMALLEST_PORT_BPS
        lacking: list[tuple[steering.Action, list[str]]] = [
            ("pair", test_orders.schools_that_want_a_pair(connection, month, now - _PAIR_EVERY, _AT_ONCE)),
            ("joint", test_orders.schools_above_a_port(connection, month, carried_bps, now - _JOINT_EVERY, _AT_ONCE)),
        ]
        for action, school_ids in lacking:
            for school in schools.schools_by_id(connection, school_ids):
                calendar = at(school)
                if calendar.is_lesson(calendar.slot_of(now)) and _ask(connection, school, action, base, now):
                    asked.append(school.school_id)
    return asked


def _ask(
    connection: Connection, school: SchoolRecord, action: steering.Action, base: PolicySettings, now: datetime
) -> bool:
    effective = policies.effective(connection, school, base)
    if school.closed_on is not None or effective.paused or not effective.lease:
        return False
    placed = leases.placed(connection, school.school_id, now - steering.SEEN_WITHIN)
    chosen = _pair(placed) if action == "pair" else _joint(placed, school, effective)
    if not chosen:
        return False
    scope = Scope(school_id=school.school_id)
    steering.steer(connection, Steering(action=action, scope=scope, agents=chosen), base, who=BY, now=now)
    return True


def _pair(placed: Sequence[Placed]) -> list[str]:
    """Return the best-placed computer with a cable and any on Wi-Fi, so that all of those have their turn."""
    on_wifi = [one for one in placed if one.medium == "wifi"]
    cabled = [one for one in placed if one.medium == "ethernet"]
    return steering.pair([*cabled, random.choice(on_wifi)]) if on_wifi else []  # noqa: S311 - no secret


def _joint(placed: Sequence[Placed], school: SchoolRecord, effective: PolicySettings) -> list[str]:
    """Return the computers of a joint test; none where one port alone can carry the target."""
    target = policy.target_of(school, effective)
    best_bps = max((one.link_speed_bps or 0 for one in placed if one.medium == "ethernet"), default=0)
    wanted_bps = target.download_bps or target.download_floor_bps
    return [] if steering.PORT_CARRIES * best_bps >= wanted_bps else steering.joint(placed, target)
