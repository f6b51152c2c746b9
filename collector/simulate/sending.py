"""Bring a simulated country into a collector through the ingest that real reports take, and read every answer."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from agent.contract.wire import Receipt
from collector import ingest, registry, rollup
from collector.errors import SimulationError
from collector.rollup import Calendars
from collector.simulate import rooms
from collector.simulate.computers import SOFTWARE, Computer, Plan, computers
from collector.simulate.country import Site, sites
from collector.simulate.sessions import envelopes
from collector.store import agents, schools
from collector.store import rooms as stored_rooms
from collector.store.database import Connection, Database

BATCH_REPORTS = 200

Register = Callable[[Computer], None]
Deliver = Callable[[Sequence[bytes]], Sequence[Receipt]]
Progress = Callable[[int, int], None]


class Sent(Struct, frozen=True, kw_only=True):
    """What a simulation brought in; ``duplicates`` were there already from the same simulation before."""

    schools: int
    agents: int
    stored: int
    duplicates: int


def run(database: Database, plan: Plan, now: datetime, calendars: Calendars, progress: Progress | None = None) -> Sent:
    """Put a synthetic country and its reports into the database, and add them up.

    The same plan brings the same bytes: running it again changes nothing.

    Raises:
        SimulationError: the collector did not take a report.
    """
    country = sites(plan.schools, plan.seed)
    with database.owning() as connection:
        keep_country(connection, country)
    sent = deliver(database, country, plan, now, progress)
    rollup.run(database, calendars)
    return sent


def deliver(
    database: Database, country: Sequence[Site], plan: Plan, now: datetime, progress: Progress | None = None
) -> Sent:
    """Enrol the computers of schools that are in the registry, and deliver their reports as received at ``now``.

    Raises:
        SimulationError: the collector did not take a report.
    """

    def register(computer: Computer) -> None:
        with database.ingesting() as connection:
            agents.keep_agent(connection, _enrolled(computer), now)

    def hand_in(batch: Sequence[bytes]) -> Sequence[Receipt]:
        # Leaving the block commits: the receipts count only then.
        with database.ingesting() as connection:
            return ingest.accept(connection, batch, now)

    return send(country, plan, register, hand_in, progress)


def plan_until_yesterday(schools: int, days: int, seed: int, now: datetime) -> Plan:
    """Return the plan of so many school days before today."""
    zone = ZoneInfo(registry.shipped_country().about.time_zone)
    yesterday = now.astimezone(zone).date() - timedelta(days=1)
    return Plan(schools=schools, days=days, seed=seed, last_day=yesterday)


def keep_country(connection: Connection, country: Sequence[Site]) -> None:
    """Store a country's registry: regions, schools, rooms."""
    schools.keep_regions(connection, registry.region_records(registry.regions()))
    schools.keep_schools(connection, [site.school for site in country])
    stored_rooms.keep_rooms(connection, [room for site in country for room in rooms.rooms(site)])


def _enrolled(computer: Computer) -> dict[str, object]:
    return {
        "school_id": computer.site.school.school_id,
        "agent_id": computer.agent_id,
        "public_key": computer.public_key,
        "token_sha256": None,
        "room": computer.room,
        "software": SOFTWARE,
    }


def send(
    country: Sequence[Site], plan: Plan, register: Register, deliver: Deliver, progress: Progress | None = None
) -> Sent:
    """Register every computer before its first report and deliver all reports in batches; sum up the answers.

    ``progress`` is told after each school how many of all are done.
    """
    delivery = _Delivery(deliver)
    registered = 0
    for done, site in enumerate(country, start=1):
        for computer in computers(site, plan):
            register(computer)
            registered += 1
            for envelope in envelopes(computer, plan):
                delivery.add(envelope)
        if progress is not None:
            progress(done, len(country))
    delivery.flush()
    return Sent(schools=len(country), agents=registered, stored=delivery.stored, duplicates=delivery.duplicates)


class _Delivery:
    """Gathers reports into batches and accepts no answer but "stored" and "duplicate"."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._batch: list[bytes] = []
        self.stored = 0
        self.duplicates = 0

    def add(self, envelope: bytes) -> None:
        self._batch.append(envelope)
        if len(self._batch) == BATCH_REPORTS:
            self.flush()

    def flush(self) -> None:
        if not self._batch:
            return
        receipts = self._deliver(self._batch)
        if len(receipts) != len(self._batch):
            raise SimulationError(f"{len(self._batch)} reports were delivered and {len(receipts)} answers came back")
        for receipt in receipts:
            self._count(receipt)
        self._batch = []

    def _count(self, receipt: Receipt) -> None:
        if receipt.answer == "stored":
            self.stored += 1
        elif receipt.answer == "duplicate":
            self.duplicates += 1
        else:
            raise SimulationError(
                f"the collector did not take a simulated report: {receipt.answer}, {receipt.reason}: {receipt.detail}"
            )
