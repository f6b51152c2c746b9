"""The facts of a line's month, as the database knows them."""

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from agent.contract import measurement, record, report
from agent.contract.measurement import Throughput
from collector import ingest
from collector.evidence import figures
from collector.judging import gathering
from collector.records import NewServer, add_server
from collector.settings import PolicySettings
from collector.settings import Server as Placed
from collector.store import agreements, schools
from collector.store.audit import Who
from collector.store.questions import sql
from collector.store.records import NewRecord
from collector.verdicts import standard
from collector.verdicts.facts import Facts
from collector.verdicts.judge import judge
from tests.fakes import halves, lines, sessions
from tests.fakes.lines import Computer

CLOSED = datetime(2026, 10, 5, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = PolicySettings(servers=(Placed(url=lines.OUTSIDE, place="outside"),))


def throughputs_of(reports):
    """Return the tests in reports."""
    found = (measurement.decode(raw) for one in reports for raw in report.decode(one.payload).measurements)
    return [one for one in found if isinstance(one, Throughput)]


@pytest.fixture
def school(database, add_school, enrolled):
    """A school with one computer, a contract and a test server that signs."""
    add_school("0101", operator="Alpha")
    enrolled("0101")
    key = bytes(halves.SERVER.verify_key).hex()
    with database.owning() as connection:
        wanted = NewServer(url=lines.OUTSIDE, key=key, place="outside")
        add_server(connection, wanted, Who("x"), datetime(2026, 8, 1, tzinfo=UTC))
        agreements.keep_terms(connection, lines.terms(), "KZ-75")
    return Computer()


@pytest.fixture
def deliver(database):
    """Take in reports, as of the moments at which they were received."""

    def take(reports) -> None:
        for one in reports:
            with database.ingesting() as connection:
                receipts = ingest.accept(connection, [msgspec.json.encode(one.envelope)], one.received_at)
            assert [each.answer for each in receipts] == ["stored"]

    return take


@pytest.fixture
def tell(database):
    """Give records to the school whose tests they are of, as if it had leased them."""

    def keep(envelopes) -> None:
        with database.owning() as connection:
            for raw in envelopes:
                found = record.open_envelope(raw)
                one = record.decode(found.payload)
                began = one.download.began_at
                new = NewRecord(
                    test_id=one.test_id,
                    key_id=found.signatures[0].keyid,
                    lease_id=None,
                    began_at=began,
                    received_at=began + timedelta(minutes=1),
                    envelope=raw,
                )
                place = {"school_id": "0101", "region_id": "KZ-75", "operator": "Alpha"}
                connection.execute(sql("record_keep"), msgspec.structs.asdict(new) | place)

    return keep


@pytest.fixture
def gathered(database):
    """Gather the facts of September."""

    def gather(now: datetime = CLOSED) -> list[Facts]:
        with database.owning() as connection:
            [one] = schools.schools_by_id(connection, ["0101"])
            return list(gathering.facts_of(connection, gathering.Asked(one, "2026-09"), POLICY, now))

    return gather


def test_tests_that_no_report_tells_of(school, deliver, tell, gathered, database):
    """The servers' records of the line's days that no report carries are facts, and stand in the evidence."""
    _, reports, kept_back = halves.withheld(5)
    deliver(reports)
    others = [halves.recorded(sessions.throughput(95e6, started_at=at), 2000) for at in (CLOSED, lines.FIRST - DAY)]
    carried = [one.record for one in throughputs_of(reports)]
    tell([*kept_back, *carried, *others])
    [facts] = gathered()
    assert facts.records == tuple(sorted(kept_back))
    assert judge(facts).verdict.kept_by_record == 5
    with database.owning() as connection:
        _, shown = gathering.drawn_from(connection, facts, CLOSED)
    assert {one.envelope for one in shown} == {*kept_back, *carried}
    lines_of = [(number, one.envelope.decode()) for number, one in enumerate(shown)]
    assert figures.left_out(facts, facts.reports, lines_of) == []
    bare = msgspec.structs.replace(facts, records=())
    assert len(figures.left_out(bare, facts.reports, lines_of)) == 5
    [before] = gathered(lines.FIRST + timedelta(days=1))
    assert 0 < len(before.records) <= 5


def test_nobody_is_shown_what_went_over_another_line(school, deliver, tell, gathered, database):
    """Of two lines each has the records of tests that surely went over it, and only those."""
    assert school
    with database.owning() as connection:
        near = lines.terms(number=2, networks=("198.51.100.0/29",))
        far = lines.terms(line="2", contract="B-1", operator="Beta", networks=("203.0.113.0/29",))
        for one in (near, far):
            agreements.keep_terms(connection, one, "KZ-75")
    _, reports, kept_back = halves.withheld(5)
    deliver(reports)
    tell(kept_back)
    alpha, beta = gathered()
    assert (alpha.records, beta.records) == (tuple(sorted(kept_back)), ())
    with database.owning() as connection:
        assert len(gathering.drawn_from(connection, beta, CLOSED)[1]) == 0
        shown = gathering.drawn_from(connection, alpha, CLOSED)[1]
    assert set(kept_back) <= {one.envelope for one in shown}


def test_the_report_before_a_late_one(school, deliver, gathered, database):
    """Where a month begins with reports that came late, the newest before it that came at once is shown with them."""
    with database.owning() as connection:
        agreements.keep_terms(connection, lines.terms(number=2, valid_from=date(2026, 8, 1)), "KZ-75")
    august = school.reports(datetime(2026, 8, 31, 4, 5, tzinfo=UTC), sessions.cable(), monotonic_s=100.0)
    school.boot = "another"
    back = datetime(2026, 9, 4, 4, 5, tzinfo=UTC)
    late = [school.reports(datetime(2026, 9, day, 4, 5, tzinfo=UTC), sessions.cable()) for day in (1, 2, 3)]
    deliver([august, *(msgspec.structs.replace(one, received_at=back) for one in late)])
    [facts] = gathered()
    assert [one.sequence for one in facts.reports] == [1, 2, 3, 4]
    with database.owning() as connection:
        assert tuple(gathering.drawn_from(connection, facts, CLOSED)[0]) == facts.reports


def test_another_operators_report_before_is_not_shown(school, deliver, gathered):
    """The contract began with the month: the report of the day before is nobody's here."""
    august = school.reports(datetime(2026, 8, 31, 4, 5, tzinfo=UTC), sessions.cable(), monotonic_s=100.0)
    late = school.reports(datetime(2026, 9, 1, 4, 5, tzinfo=UTC), sessions.cable())
    deliver([august, msgspec.structs.replace(late, received_at=late.received_at + timedelta(hours=1))])
    [facts] = gathered()
    assert [one.sequence for one in facts.reports] == [2]


@pytest.fixture
def strict(monkeypatch):
    """Let a computer make ten reports a month, or one MiB."""
    raw = lines.facts(()).standard.replace(b"value = 6000,", b"value = 10,").replace(b"value = 32,", b"value = 1,")
    monkeypatch.setattr(gathering, "shipped_standard", lambda: standard.parse(raw))


@pytest.mark.usefixtures("strict")
def test_a_computer_that_floods(school, deliver, gathered, database):
    """No more is read than shows it; nothing of it is believed, and the evidence comes to the same."""
    deliver(lines.month(school, [[60.0] * 6] * 4))
    [facts] = gathered()
    assert [one.sequence for one in facts.reports] == list(range(1, 12))
    assert judge(facts).verdict.excluded == {"too_many": 11}
    with database.owning() as connection:
        bare = msgspec.structs.replace(facts, reports=())
        assert tuple(gathering.drawn_from(connection, bare, CLOSED)[0]) == facts.reports
        agreements.keep_terms(connection, lines.terms(number=2, valid_to=date(2026, 9, 1)), "KZ-75")
        beta = lines.terms(contract="B-1", operator="Beta", valid_from=date(2026, 9, 2))
        agreements.keep_terms(connection, beta, "KZ-75")
    found = gathered()
    assert [one.reports for one in found] == [(), ()]  # on nobody's days alone are there too many
    hidden = [judge(one).verdict.excluded["too_many"] for one in found]
    assert min(hidden) >= 1  # and both are told
    assert [one.left_out for one in found] == [{"too_many": count} for count in hidden]


@pytest.mark.usefixtures("strict")
def test_as_many_reports_as_there_may_be(school, deliver, gathered, database):
    """The report of the month before, shown for its clock, makes no computer one that floods."""
    with database.owning() as connection:
        agreements.keep_terms(connection, lines.terms(number=2, valid_from=date(2026, 8, 1)), "KZ-75")
    august = school.reports(datetime(2026, 8, 31, 4, 5, tzinfo=UTC), sessions.cable(), monotonic_s=100.0)
    september = lines.month(school, [[60.0] * 5] * 2)
    september[0] = msgspec.structs.replace(september[0], received_at=september[0].received_at + timedelta(hours=1))
    deliver([august, *september])
    [facts] = gathered()
    assert len(facts.reports) == 11
    assert "too_many" not in judge(facts).verdict.excluded


@pytest.mark.usefixtures("strict")
def test_a_computer_with_too_many_bytes(school, deliver, gathered):
    """A few huge reports are as bad."""
    tests = [sessions.throughput(60e6, started_at=lines.FIRST) for _ in range(120)]
    deliver([school.reports(lines.FIRST + timedelta(minutes=number), sessions.cable(), *tests) for number in range(9)])
    [facts] = gathered()
    size = sum(len(one.payload) for one in facts.reports)
    assert 2**20 < size < 2**20 + len(facts.reports[0].payload) + 100
    assert judge(facts).verdict.excluded == {"too_many": len(facts.reports)}
