from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from collector import ingest, maintenance
from collector.settings import StoreSettings
from collector.store import jobs, leases, partitions, test_orders
from collector.store.database import MINISTRY
from collector.store.leases import NewLease
from collector.store.policies import Scope
from tests.fakes.computer import throughput, wire_link

NOW = datetime(2031, 5, 15, 12, tzinfo=UTC)  # later than any partition that the migration made


@pytest.fixture
def ask(database_url, database):
    """Ask the database as its owner."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield lambda question: connection.execute(question).fetchall()


@pytest.fixture
def deliver(database, add_school, enrolled):
    """Store a report received at a moment."""
    add_school("7")
    computer = enrolled("7")

    def accept(at: datetime) -> None:
        with database.ingesting() as connection:
            ingest.accept(connection, [computer.report(wire_link(), throughput(30e6, 6e6), at=at)], at)

    return accept


def seen(database) -> int:
    with database.reading(MINISTRY) as connection:
        return connection.execute("select count(*) from speed_test").fetchone()[0]


def test_partitions_are_there_before_they_are_needed(database, ask):
    """The current month and three ahead of every growing table, and the years around; again changes nothing."""
    done = maintenance.maintain(database, StoreSettings(), NOW)
    assert "report_2031_05" in done.made
    assert "sighting_2031_08" in done.made
    assert "school_day_2032" in done.made
    again = maintenance.maintain(database, StoreSettings(), NOW)
    assert list(again.sentences()) == []
    insecure = "select relname from pg_class where relname like '%\\_20%' and relkind = 'r' and not relrowsecurity"
    assert ask(insecure) == []


def test_a_fresh_database_takes_todays_reports_into_a_partition_of_their_month(deliver, ask):
    """Nothing that comes today lies in the default partition, before any job has run."""
    deliver(datetime.now(UTC))
    assert ask("select count(*) from report") == [(1,)]
    assert ask("select count(*) from report_other") == [(0,)]


def test_what_came_outside_of_every_partition_gets_its_own(database, deliver, ask):
    """Rows that no partition was made for in time are kept, moved by the next maintenance, and told of in words."""
    deliver(NOW)
    deliver(datetime(2019, 1, 31, 23, 59, tzinfo=UTC))
    assert ask("select count(*) from measurement_other") == [(4,)]
    done = maintenance.maintain(database, StoreSettings(), NOW)
    assert done.found == 2 + 4 + 2 + 2
    assert "outside of every partition: 10" in " ".join(done.sentences())
    assert ask("select count(*) from measurement_other") == [(0,)]
    assert ask("select count(*) from measurement_2019_01") == [(2,)]
    assert seen(database) == 2


@pytest.mark.parametrize("drop_old", [False, True])
def test_what_is_older_than_the_retention_shows_no_more(database, deliver, ask, drop_old):
    """This month, those to keep and the one before stay; older ones are taken out, and deleted only where asked."""
    for at in (NOW, datetime(2031, 2, 1, tzinfo=UTC), datetime(2031, 1, 31, 23, tzinfo=UTC)):
        deliver(at)
    done = maintenance.maintain(database, StoreSettings(keep_months=2, drop_old=drop_old), NOW)
    assert {"report_2031_01", "speed_test_2031_01"} <= set(done.detached)
    assert "report_2031_02" not in done.detached
    assert seen(database) == 2
    assert ("report_2031_01" in done.dropped) is drop_old
    there = ask("select count(*) from pg_class where relname = 'report_2031_01'")
    assert there == [(0 if drop_old else 1,)]


def test_what_was_kept_aside_is_deleted_once_that_is_asked(database, deliver, ask):
    """Detached tables stay until the setting says to delete; no other table is ever touched."""
    deliver(datetime(2031, 1, 5, tzinfo=UTC))
    with database.owning() as connection:
        connection.execute("create table report_2030_notes as select 1 as mine")
    maintenance.maintain(database, StoreSettings(keep_months=1), NOW)
    done = maintenance.maintain(database, StoreSettings(keep_months=1, drop_old=True), NOW)
    assert "report_2031_01" in done.dropped
    assert ask("select mine from report_2030_notes") == [(1,)]


def test_one_process_at_a_time(database):
    """While one process maintains, another leaves it alone."""
    with jobs.alone(database, "partitions") as lock:
        assert lock is not None
        assert maintenance.maintain(database, StoreSettings(), NOW) is None


def test_a_report_for_a_partition_that_is_being_made_is_not_lost(database, deliver, ask):
    """What arrives for a month between two steps lies in the default partition and is moved with the rest."""
    month = partitions.Partition(maintenance.GROWING[0], date(2031, 5, 1))
    deliver(NOW)
    with database.owning() as connection:
        assert partitions.make(connection, month) == 1
    deliver(NOW)
    assert ask("select count(*) from report_2031_05") == [(2,)]


def test_old_leases_and_orders_are_removed_and_pauses_stay(database, add_school, enrolled, ask):
    """What is over for three months goes; a pause holds until somebody ends it."""
    add_school("8")
    computer = enrolled("8")
    old, new = NOW - timedelta(days=100), NOW - timedelta(days=10)
    with database.ingesting() as connection:
        for number, at in enumerate((old, new)):
            lease = NewLease(
                school_id="8",
                lease_id=str(number),
                agent_id=computer.id,
                region_id="KZ-75",
                mode="single",
                order_id=None,
                purpose="verdict",
                trigger="scheduled",
                server="",
                reserved_bps=0.0,
                share=None,
                granted_at=at,
                starts_at=at,
                ends_at=at + timedelta(minutes=1),
            )
            leases.keep_leases(connection, [lease], at, at)
        for kind, at, until in (("pause", old, NOW + timedelta(days=1)), ("run_now", old, old + timedelta(hours=1))):
            test_orders.keep(connection, Scope("", "8"), None, kind=kind, author="a test", now=at, until=until)
    done = maintenance.maintain(database, StoreSettings(), NOW)
    assert done.forgotten == 2
    assert ask("select lease_id from lease") == [("1",)]
    assert ask("select kind from test_order") == [("pause",)]


RECORDS = """
insert into server_record values
    ('7', 'old', 'key', null, %(old)s, %(old)s, 'KZ-75', null, ''),
    ('7', 'new', 'key', null, %(new)s, %(new)s, 'KZ-75', null, '');
insert into reported_test values
    ('7', 'old', 'a', 1, %(old)s, 'KZ-75', null),
    ('7', 'new', 'a', 2, %(new)s, 'KZ-75', null);
"""
EVENT = """
insert into notice_event (
    school_id, event_id, kind, region_id, operator, line, month, number, synthetic, is_late, at, detail
)
values (%(school)s, %(id)s, %(kind)s, 'KZ-75', '', '', '', 1, false, false, %(at)s, '{}')
"""
DELIVERY = """
insert into notice_delivery (
    school_id, event_id, subscriber_id, kind, role, scope, state, tries, created_at, next_at, body
)
values ('7', %(id)s, 's', 'breach.opened', 'region', '', %(state)s, 1, %(at)s, %(at)s, '')
"""


@pytest.mark.parametrize("drop_old", [False, True])
def test_records_and_notices_go_with_the_reports(database, ask, drop_old):
    """Deleted as late as reports are, and only where these are; what a silent school was told last stays."""
    old, new = datetime(2031, 1, 31, 23, tzinfo=UTC), datetime(2031, 2, 1, 1, tzinfo=UTC)
    events = (
        ("7", "b1", "breach.opened", old),
        ("7", "b2", "breach.opened", new),
        ("7", "s1", "school.silent", old - timedelta(days=9)),
        ("7", "s2", "school.heard", old),
        ("8", "s3", "school.silent", old),
    )
    with database.owning() as connection:
        for statement in RECORDS.strip().split(";\n"):
            connection.execute(statement, {"old": old, "new": new})
        for school, event, kind, at in events:
            connection.execute(EVENT, {"school": school, "id": event, "kind": kind, "at": at})
    done = maintenance.maintain(database, StoreSettings(keep_months=2, drop_old=drop_old), NOW)
    assert done.expired == (4 if drop_old else 0)
    assert [row[0] for row in ask("select test_id from server_record order by 1")] == ["new", "old"][: 2 - drop_old]
    assert [row[0] for row in ask("select test_id from reported_test order by 1")] == ["new", "old"][: 2 - drop_old]
    kept = [row[0] for row in ask("select event_id from notice_event order by 1")]
    assert kept == (["b2", "s2", "s3"] if drop_old else ["b1", "b2", "s1", "s2", "s3"])


def test_old_messages_are_removed(database, ask):
    """After 90 days nobody asks any more whether a message arrived; what still waits stays."""
    old = NOW - timedelta(days=91)
    with database.owning() as connection:
        for name, state, at in (("a", "delivered", old), ("b", "dead", old), ("c", "waiting", old), ("d", "dead", NOW)):
            connection.execute(DELIVERY, {"id": name, "state": state, "at": at})
    done = maintenance.maintain(database, StoreSettings(), NOW)
    assert done.deliveries == 2
    assert [row[0] for row in ask("select event_id from notice_delivery order by 1")] == ["c", "d"]
