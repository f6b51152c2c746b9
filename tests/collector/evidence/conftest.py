import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from nacl.signing import SigningKey

from collector import enrollment, ingest
from collector.bundles.exporting import Export
from collector.evidence import note, verifier
from collector.evidence.bundle import Wanted
from collector.evidence.places import Trust
from collector.judging import running
from collector.ledger import checkpointing, cosigning
from collector.ledger.keeping import keeping_of
from collector.settings import DatabaseSettings, PolicySettings, Server, Settings
from collector.store import agreements, embedded, schools, verdicts
from collector.store.database import MINISTRY, Database
from collector.store.schools import SchoolRecord
from collector.verdicts.facts import days_of
from tests.collector.conftest import a_database
from tests.fakes import lines
from tests.fakes.computer import Computer

ENROLLED = datetime(2026, 8, 20, tzinfo=UTC)
CLOSED = datetime(2026, 10, 5, tzinfo=UTC)
POLICY = PolicySettings(servers=(Server(url=lines.OUTSIDE, place="outside"),))


@dataclass(frozen=True)
class Made:
    """A bundle's lines, the key of its log as verifiers are told it, and the secret one."""

    lines: list[bytes]
    key: note.Key
    secret: SigningKey


class Place:
    """A collector with schools whose months can be judged and exported."""

    def __init__(self, database, settings) -> None:
        self.database, self.settings = database, settings

    def school(self, school_id="0101", operator="Alpha", seed=1, region="KZ-75") -> lines.Computer:
        """Add a school with one computer."""
        record = SchoolRecord(school_id=school_id, name="A school", region_id=region, pupils=300, operator=operator)
        with self.database.owning() as connection:
            schools.keep_schools(connection, [record])
            token = enrollment.create_token(connection, school_id, uses=1, days=30, now=ENROLLED)
        with self.database.ingesting() as connection:
            body = Computer(school_id, seed).enrollment(token)
            enrollment.enroll(connection, body, PolicySettings(), ENROLLED)
        return lines.Computer(seed, school=school_id)

    def contract(self, **changes) -> None:
        with self.database.owning() as connection:
            agreements.keep_terms(connection, lines.terms(**changes), "KZ-75")

    def deliver(self, reports) -> None:
        for one in reports:
            with self.database.ingesting() as connection:
                receipts = ingest.accept(connection, [msgspec.json.encode(one.envelope)], one.received_at)
            assert [each.answer for each in receipts] == ["stored"]

    def judge(self, now=CLOSED) -> None:
        running.run(self.database, self.settings, now=now)

    def sign(self) -> None:
        """Give all that waits its place, and sign it."""
        checkpointing.run(self.database, self.settings)

    def key(self) -> note.Key:
        with self.database.owning() as connection:
            log = cosigning.log_of(connection, None)
        return note.key(log.origin, "log", log.public_key)

    def export(self, viewer=MINISTRY, now=CLOSED + timedelta(hours=1), **wanted) -> list[bytes]:
        """Return the lines of a bundle."""
        export = Export(self.database, self.settings, viewer, Wanted(**wanted), now)
        return b"".join(export.chunks()).splitlines(keepends=True)


@pytest.fixture
def place(database, database_url, tmp_path):
    """A collector with a log of its own."""
    return Place(database, _settings(database_url, tmp_path))


@pytest.fixture
def other_place(server, migrated, tmp_path):
    """Another collector, with a database and a log of its own."""
    with a_database(server, migrated) as name:
        url = server.url(name, embedded.SUPERUSER)
        with Database(url, pool_size=2) as database:
            yield Place(database, _settings(url, tmp_path / "other"))


@pytest.fixture
def month(place):
    """A school's month that was judged and logged, in a collector that can go on."""
    return a_month(place)


@pytest.fixture(scope="module")
def made(server, migrated, tmp_path_factory):
    """A bundle of a month that proves, when the collector and its database are gone."""
    with a_database(server, migrated) as name:
        url = server.url(name, embedded.SUPERUSER)
        with Database(url, pool_size=2) as database:
            place = a_month(Place(database, _settings(url, tmp_path_factory.mktemp("made"))))
            return Made(place.export(school="0101"), place.key(), keeping_of(place.settings).made_key())


def _settings(url: str, folder: Path) -> Settings:
    return Settings(database=DatabaseSettings(url=url, data=str(folder / "data")), policy=POLICY)


def a_month(place: Place) -> Place:
    computer = place.school()
    place.contract()
    place.deliver(lines.month(computer, [[60.0, 95.0]] * 8))
    place.judge()
    place.sign()
    return place


def judge_again(place: Place, at: datetime, month: str = "2026-09", *, sign: bool = True) -> None:
    """Judge a month of all schools again, and sign what came of it."""
    with place.database.owning() as connection:
        verdicts.mark_all(connection, month, days_of(month)[1], at - timedelta(minutes=5))
    place.judge(at)
    if sign:
        place.sign()


def verified(bundle, *keys, **trust) -> verifier.Told:
    return verifier.verify(bundle, Trust(logs=keys, **trust))


def kinds(bundle) -> list[str]:
    return [re.search(rb'"kind":"([a-z ]+)"', line)[1].decode() for line in bundle]
