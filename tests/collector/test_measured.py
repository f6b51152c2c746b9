"""What the database holds of a school's month, and what of it an operator's line is judged by."""

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from agent.contract import measurement, record, report
from agent.contract.record import Counted
from collector.judging import measured
from collector.judging.measured import Measured, Month, OfLine
from collector.store.questions import sql
from collector.verdicts.standard import shipped_standard
from collector.verdicts.terms import stretches
from tests.fakes import halves, lines, sessions
from tests.fakes.lines import Computer

CLOSED = datetime(2026, 10, 5, tzinfo=UTC)
BEGINS = datetime(2026, 8, 31, 19, tzinfo=UTC)  # in Almaty


@pytest.fixture
def keep(database):
    """Keep servers' records and a computer's reports for the school, as they are."""

    def do(envelopes, reports=()) -> None:
        with database.owning() as connection:
            for raw in envelopes:
                opened = record.open_envelope(raw)
                one = record.decode(opened.payload)
                began = one.download.began_at
                values = {"school_id": "0101", "region_id": "KZ-75", "operator": "Alpha", "lease_id": None}
                values |= {"test_id": one.test_id, "key_id": opened.signatures[0].keyid, "envelope": raw}
                connection.execute(sql("record_keep"), values | {"began_at": began, "received_at": began})
            for one in reports:
                connection.execute(
                    """
                    insert into report (school_id, agent_id, sequence, received_at, created_at, payload, payload_sha256,
                        signature, schema, software, trigger, boot_id, monotonic_s, region_id, synthetic)
                    values ('0101', %s, %s, %s, %s, %s, '', %s, 99, 'x', 'scheduled', 'boot', 1, 'KZ-75', false)
                    """,
                    (one.agent, one.sequence, one.received_at, one.received_at, one.payload, one.signature),
                )

    return do


@pytest.fixture
def shown(database):
    """Return what the line of Alpha is judged by in September."""

    def ask():
        terms = (lines.terms(),)
        month = Month(
            school_id="0101",
            lessons=lines.LESSONS,
            begins=BEGINS,
            ends=BEGINS + timedelta(days=30),
            known_at=CLOSED,
            limits=shipped_standard().limits(),
        )
        days = stretches(terms, date(2026, 9, 1), date(2026, 9, 30))
        line = OfLine(days=days, terms=terms, servers=halves.SIGNING, has_other_line=False)
        with database.owning() as connection:
            return Measured(connection, month).shown(line)

    return ask


JUNK = Counted(bytes=70_000, counted_at="acked", began_at=lines.FIRST, lasted_s=0.4, connections=1)


def junk_of(count: int, peer: str = "198.51.100.0", **changes) -> list[bytes]:
    """Return the records of so many tests that say nothing, or as changed, one each second."""
    found = []
    for number in range(count):
        counted = msgspec.structs.replace(JUNK, began_at=lines.FIRST + timedelta(seconds=number), **changes)
        made = record.ServerRecord(
            test_id=f"{5000 + number:032x}", server="one", software="reflector", peers=(peer,), download=counted
        )
        found.append(record.sign(made, halves.SERVER))
    return found


def told_of(count: int, begins: datetime = lines.FIRST, first: int = 0) -> list[bytes]:
    """Return the records of so many tests, one each ten seconds."""
    moments = (begins + timedelta(seconds=10 * number) for number in range(count))
    return [
        halves.recorded(sessions.throughput(95e6, started_at=at), first + number) for number, at in enumerate(moments)
    ]


def test_a_half_hour_has_so_many_records(keep, shown):
    """However many tests a server tells of, facts hold the first ones of each half hour, and the evidence the same."""
    flood, calm = told_of(50), told_of(3, lines.FIRST + timedelta(days=1), 100)
    keep(flood + calm)
    found = shown()
    assert set(found.records) == {*flood[:20], *calm}
    assert {one.envelope for one in found.of_servers} == set(found.records)
    assert found.left_out == {"left_out": 30}


@pytest.mark.parametrize(
    ("junk", "left"),
    [
        ({}, 26),
        ({"lasted_s": 5.0}, 26),
        ({"bytes": 10**9, "counted_at": "given", "lasted_s": 5.0}, 26),
        ({"bytes": 10**9, "lasted_s": 5.0, "peer": "203.0.113.0"}, 20),
    ],
)
def test_tests_that_say_nothing_hide_no_good_one(keep, shown, junk, left):
    """However many come first, too short, too slow, given to a system or from elsewhere; how many go is counted."""
    flood, good = junk_of(40, **junk), told_of(6, lines.FIRST + timedelta(minutes=10))
    keep(flood + good)
    found = shown()
    assert set(good) <= set(found.records)
    assert found.left_out == {"left_out": left}


def test_a_fast_download_hides_no_upload(keep, shown):
    """Each direction has its own first ones."""
    flood, good = junk_of(40, bytes=10**9, lasted_s=5.0), told_of(3, lines.FIRST + timedelta(minutes=10))
    keep(flood + good)
    assert set(good) <= set(shown().records)


def test_a_record_of_another_time_is_not_of_a_reported_test(keep, shown, monkeypatch):
    """An id that was used again on another operator's day shows nobody that day."""
    early, late = lines.FIRST, lines.FIRST + timedelta(days=10)
    records = [halves.recorded(sessions.throughput(95e6, started_at=at), 1) for at in (early, late)]
    test = sessions.throughput(95e6, started_at=late, test_id=f"{1:032x}")
    keep(records, [Computer().reports(late + timedelta(minutes=1), test)])
    terms = (lines.terms(valid_from=date(2026, 9, 8)),)
    monkeypatch.setattr(lines, "terms", lambda: terms[0])
    assert shown().records == (records[1],)


def test_tests_that_are_reported_go_first(keep, shown):
    """Records of reported tests are kept before others; those that a report carries take no room."""
    flood, bare = told_of(30), told_of(1, lines.FIRST + timedelta(minutes=10), 200)
    carried = told_of(1, lines.FIRST + timedelta(minutes=11), 300)
    computer = Computer()
    at = lines.FIRST + timedelta(minutes=12)
    told = [
        sessions.throughput(95e6, started_at=lines.FIRST, test_id=f"{200:032x}"),
        sessions.throughput(95e6, started_at=lines.FIRST, test_id=f"{300:032x}", record=carried[0]),
    ]
    keep(flood + bare + carried, [computer.reports(at, *told)])
    found = shown()
    assert set(found.records) == {*flood[:19], *bare}
    assert {one.envelope for one in found.of_servers} == {*flood[:19], *bare, *carried}


def test_a_month_has_so_many_bytes(keep, shown, monkeypatch):
    """Where even that is too much, each half hour has its first record before any has its second."""
    days = [told_of(4, day, 10 * number) for number, day in enumerate(lines.school_days(3))]
    keep([one for day in days for one in day])
    monkeypatch.setattr(measured, "_MOST_BYTES", sum(len(day[0]) for day in days) + len(days[0][1]))
    assert set(shown().records) == {days[0][0], days[1][0], days[2][0], days[0][1]}


def test_a_report_that_is_read_in_part_hides_no_record(keep, shown):
    """A report of which one measurement cannot be read is not judged: what it carries is a fact by itself."""
    [raw] = told_of(1)
    test = sessions.throughput(95e6, started_at=lines.FIRST, test_id=f"{0:032x}", record=raw)
    one = Computer().reports(lines.FIRST + timedelta(minutes=1), test)
    newer = report.decode(one.payload)
    bodies = (msgspec.Raw(measurement.encode(test)), msgspec.Raw(b'{"kind": "throughput", "engine": 5}'))
    payload = report.encode(msgspec.structs.replace(newer, measurements=bodies))
    keep([raw], [msgspec.structs.replace(one, payload=payload)])
    assert shown().records == (raw,)
