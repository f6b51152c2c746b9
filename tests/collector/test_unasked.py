"""Pairs and joint tests that nobody has to ask for."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from collector import findings, ingest, policies, rollup, unasked
from collector.settings import PolicySettings
from collector.store import test_orders
from collector.store.database import MINISTRY
from collector.store.policies import Scope
from tests.fakes.sessions import cable, lan, radio, throughput

ALMATY = ZoneInfo("Asia/Almaty")
FRIDAY = datetime(2026, 11, 20, 4, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)  # Monday, nine o'clock in Almaty
BASE = PolicySettings(servers=("ws://one:1",))
CONTRACT = {"download_contracted_bps": 100_000_000, "upload_contracted_bps": 20_000_000}


@pytest.fixture
def deliver(database):
    """Store sessions of a computer, on Friday and Saturday, some hours after nine o'clock."""

    def send(computer, *measurements, hours=0) -> None:
        with database.ingesting() as connection:
            for at in [FRIDAY + timedelta(hours=hours + offset) for offset in (0, 2, 24, 26)]:
                stamped = [msgspec.structs.replace(one, started_at=at) for one in measurements]
                envelope = computer.report(*stamped, at=at)
                assert ingest.accept(connection, [envelope], NOW)[0].answer == "stored"

    return send


@pytest.fixture
def look(database):
    """Add up, judge, and ask."""

    def run(now=NOW, base=BASE) -> list[str]:
        rollup.run(database, rollup.calendars_of(base))
        findings.run(database, ALMATY)
        return unasked.ask(database, base, now)

    return run


def orders(database):
    """Return what is asked of whom."""
    with database.reading(MINISTRY) as connection:
        return sorted((one.kind, one.agent_id) for one in test_orders.open_orders(connection, Scope(), NOW))


def test_a_slow_laptop_and_a_fast_cable_are_paired(database, add_school, enrolled, deliver, look):
    """Once a day, in lessons only; where their tests lie side by side already, not at all."""
    add_school("1", **CONTRACT)
    add_school("2", **CONTRACT)
    for school_id, seed, hours in (("1", 1, 6), ("2", 3, 0)):
        wired, laptop = enrolled(school_id, seed), enrolled(school_id, seed + 1)
        deliver(wired, throughput(), cable(), lan())
        deliver(laptop, throughput(9e6, 4e6), radio(), hours=hours)
    evening = NOW + timedelta(hours=15)
    assert look(evening) == []
    assert look() == ["1"]
    found = orders(database)
    assert [kind for kind, _ in found] == ["pair", "pair"]
    assert len({agent for _, agent in found}) == 2
    assert look(NOW + timedelta(hours=3)) == []
    assert look(NOW + timedelta(days=1, hours=1)) == ["1"]


@pytest.mark.parametrize(("speed_bps", "asked"), [(100e6, ["big"]), (1e9, [])])
def test_what_no_port_carries_is_tested_together(database, add_school, enrolled, deliver, look, speed_bps, asked):
    """Three ports of 100 Mbit/s carry 200 together; a single one of a gigabit does alone."""
    add_school("big", pupils=4_000)
    add_school("small", pupils=300)
    computers = [enrolled("big", seed) for seed in (1, 2, 3)]
    for computer in [*computers, enrolled("small", 4)]:
        deliver(computer, throughput(90e6, 19e6), cable(speed_bps=speed_bps))
    assert look() == asked
    assert orders(database) == sorted(("joint", one.id) for one in computers if asked)


def test_a_paused_school_is_left_alone(database, add_school, enrolled, deliver, look):
    """Whoever paused a school is not overruled by a job; neither is a school that was closed."""
    add_school("big", pupils=4_000)
    for seed in (1, 2, 3):
        deliver(enrolled("big", seed), throughput(90e6, 19e6), cable(speed_bps=100e6))
    with database.owning() as connection:
        policies.pause(connection, Scope("", "big"), BASE, paused=True, who=unasked.BY, now=NOW)
    assert look() == []
    with database.owning() as connection:
        policies.pause(connection, Scope("", "big"), BASE, paused=False, who=unasked.BY, now=NOW)
    assert look(base=msgspec.structs.replace(BASE, lease=False)) == []
    assert look() == ["big"]
