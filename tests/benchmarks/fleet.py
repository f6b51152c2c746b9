"""Many enrolled computers, put into the database at once, for load on the collector."""

from datetime import UTC, datetime, timedelta

import msgspec

from agent.contract import measurement
from collector import registry
from collector.settings import DatabaseSettings
from collector.store import schools
from collector.store.columns import bytestrings, packed, texts
from collector.store.database import Database, open_database
from collector.store.schools import SchoolRecord
from tests.fakes.computer import Computer, throughput, wire_link
from tests.journey.place import Place

_ENROL = """
insert into agent (school_id, agent_id, public_key, software)
select *, 'netready bench' from unnest(%(school_id)s, %(agent_id)s, %(public_key)s)
"""
_PLACES = "insert into agent_place (school_id, agent_id) select school_id, agent_id from agent on conflict do nothing"


def opened(place: Place) -> Database:
    """Join the database of a place."""
    return open_database(DatabaseSettings(data=str(place.data), pool_size=2))


def enrolled(place: Place, count: int, school_count: int) -> list[Computer]:
    """Put so many computers of so many schools into a place's database."""
    computers = [Computer(f"{number % school_count:05d}", number + 1) for number in range(count)]
    known = [
        SchoolRecord(
            school_id=f"{number:05d}", name=f"School {number}", region_id="KZ-75", pupils=300, operator="Operator"
        )
        for number in range(school_count)
    ]
    rows = [{"school_id": one.school, "agent_id": one.id, "public_key": one.public_key} for one in computers]
    columns = {"school_id": texts, "agent_id": texts, "public_key": bytestrings}
    with opened(place) as database, database.owning() as connection:
        schools.keep_regions(connection, registry.region_records(registry.regions()))
        schools.keep_schools(connection, known)
        connection.execute(_ENROL, packed(columns, rows))
        connection.execute(_PLACES)
    return computers


_MEASUREMENTS = tuple(msgspec.Raw(measurement.encode(one)) for one in (wire_link(), throughput(30e6, 6e6)))


def report_of(computer: Computer) -> bytes:
    """Return a computer's next report: a link and a test, 2 KB signed."""
    return computer.report(at=datetime.now(UTC) - timedelta(seconds=5), measurements=_MEASUREMENTS)
