"""Verdicts in the database: made when a month is over, anew when facts change, never overwritten."""

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from agent.contract import report, signing
from agent.contract.errors import NetreadyError
from collector import ingest
from collector.judging import distrusting, running
from collector.settings import PolicySettings, Server, Settings
from collector.store import agreements, verdicts
from collector.store.database import Viewer
from collector.verdicts import verdict
from collector.verdicts.verdict import Verdict
from tests.fakes import lines
from tests.fakes.lines import Computer, month

GOOD, BAD = [95.0] * 6, [60.0] * 6
SETTINGS = Settings(policy=PolicySettings(servers=(Server(url=lines.OUTSIDE, place="outside"),)))
OPEN = datetime(2026, 10, 1, 6, tzinfo=UTC)
CLOSED = datetime(2026, 10, 5, tzinfo=UTC)


@pytest.fixture
def deliver(database):
    """Take in reports, as of the moments at which they were received."""

    def take(reports) -> None:
        for one in reports:
            envelope = signing.Envelope(
                payload_type=report.PAYLOAD_TYPE,
                payload=one.payload,
                signatures=(signing.Signature(keyid=one.agent, sig=one.signature),),
            )
            with database.ingesting() as connection:
                receipts = ingest.accept(connection, [msgspec.json.encode(envelope)], one.received_at)
            assert [each.answer for each in receipts] == ["stored"]

    return take


@pytest.fixture
def contract(database):
    """Record terms."""

    def keep(**changes) -> None:
        with database.owning() as connection:
            agreements.keep_terms(connection, lines.terms(**changes), "KZ-75")

    return keep


@pytest.fixture
def school(add_school, enrolled):
    """A school with one computer."""
    add_school("0101", operator="Alpha")
    enrolled("0101")
    return Computer()


def judged(database, now: datetime) -> None:
    running.run(database, SETTINGS, now=now)


def versions(database, viewer: Viewer | None = None) -> list[tuple[int, Verdict]]:
    question = "select version, body from verdict where month = '2026-09' order by line, operator, version"
    with database.reading(viewer) if viewer else database.owning() as connection:
        return [(row[0], verdict.decode(bytes(row[1]))) for row in connection.execute(question).fetchall()]


def test_a_month_is_judged_when_it_is_over(database, school, contract, deliver):
    """Preliminary while it goes on, version 1 some days after its end, and the same again makes no other."""
    contract()
    reports = month(school, [BAD] * 21)
    deliver(reports)
    with database.owning() as connection:
        verdicts.mark(connection, [("0101", "2026-09")], OPEN, OPEN)
    judged(database, OPEN)
    assert versions(database) == []  # what was marked just now may not be committed whole
    judged(database, OPEN + timedelta(minutes=3))
    assert [(number, one.state) for number, one in versions(database)] == [(0, "breach")]
    for _ in range(2):
        judged(database, CLOSED)
        found = versions(database)
        assert [(number, one.state) for number, one in found] == [(1, "breach")]
    assert found[0][1].discovery is not None
    assert (found[0][1].discovery.lines, found[0][1].discovery.accused) == (1, 1)


def test_late_facts_make_a_new_version(database, school, contract, deliver):
    """Reports that come in later are judged, and what was said before stays."""
    contract()
    reports = month(school, [GOOD] * 21)
    deliver(reports[:100])
    judged(database, CLOSED)
    late = [msgspec.structs.replace(one, received_at=CLOSED + timedelta(hours=1)) for one in reports[100:]]
    deliver(late)
    with database.owning() as connection:
        verdicts.mark(connection, [("0101", "2026-09")], CLOSED, CLOSED)
    judged(database, CLOSED + timedelta(hours=2))
    assert [(number, one.reports) for number, one in versions(database)] == [(1, 100), (2, 126)]


def test_a_breach_changes_what_follows(database, school, contract, deliver):
    """A month that turns out to be a breach makes the next one recurring."""
    contract()
    deliver(month(school, [BAD] * 21))
    with database.owning() as connection:
        verdicts.mark(connection, [("0101", "2026-10")], OPEN, OPEN)
    judged(database, OPEN)
    judged(database, datetime(2026, 11, 5, tzinfo=UTC))
    with database.owning() as connection:
        past = verdicts.past(connection, verdicts.Line("0101", "1"), "Alpha", "2026-08", "2026-10")
    assert [(one.month, one.is_breach) for one in past] == [("2026-09", True)]


def test_an_operator_leaves(database, school, contract, deliver):
    """Each operator sees the verdict on its own days, and nobody else's."""
    contract(valid_to=date(2026, 9, 15))
    contract(contract="B-1", operator="Beta", valid_from=date(2026, 9, 16))
    deliver(month(school, [BAD] * 11 + [GOOD] * 10))
    judged(database, CLOSED)
    alpha, beta = (versions(database, Viewer("operator", name)) for name in ("Alpha", "Beta"))
    assert [(one.operator, one.state) for _, one in alpha] == [("Alpha", "breach")]
    assert [(one.operator, one.state) for _, one in beta] == [("Beta", "compliant")]
    assert len(versions(database, Viewer("school", "0101"))) == 2
    assert versions(database, Viewer("school", "0102")) == []
    assert len(versions(database, Viewer("region", "KZ-75"))) == 2
    assert versions(database, Viewer("region", "KZ-71")) == []


def test_terms_that_are_taken_back(database, school, contract, deliver):
    """Where a contract turns out to have ended before, a new version says that there was none."""
    contract()
    deliver(month(school, [BAD] * 21))
    judged(database, CLOSED)
    contract(number=2, valid_to=date(2026, 8, 31), valid_from=date(2026, 8, 31), recorded_at=CLOSED)
    with database.owning() as connection:
        verdicts.mark(connection, [("0101", "2026-09")], CLOSED, CLOSED)
    judged(database, CLOSED + timedelta(hours=1))
    assert [(number, one.state) for number, one in versions(database)] == [
        (1, "breach"),
        (2, "no contract"),
    ]


def test_no_data_is_said(database, school, contract):
    """A line that nobody measured is insufficient, not forgotten."""
    contract()
    judged(database, CLOSED)
    assert [(number, one.state) for number, one in versions(database)] == [(1, "insufficient")]


def test_every_version_waits_for_its_place_in_the_log(database, school, contract):
    """A final verdict is pended with its hash; a preliminary one is not."""
    contract()
    judged(database, CLOSED)
    with database.owning() as connection:
        found = connection.execute("select key, sha256 from log_pending where subject = 'verdict'").fetchall()
        bodies = connection.execute("select sha256 from verdict where version = 1").fetchall()
    assert [row[0] for row in found] == ["1/2026-09/1"]
    assert [row[1] for row in found] == [row[0] for row in bodies]


def test_a_stolen_key(database, school, contract, deliver):
    """What came in after a key was stolen proves nothing; months are judged again, and the key is never good again."""
    contract()
    deliver(month(school, [BAD] * 21))
    judged(database, CLOSED)
    record = verdicts.KeyRecord(
        agent=school.agent,
        distrusted_from=lines.school_days(2)[1],
        recorded_at=CLOSED + timedelta(hours=1),
        author="ministry",
        reason="the laptop was stolen",
    )
    with database.owning() as connection:
        assert distrusting.distrust(connection, record) == 2
        later = msgspec.structs.replace(record, distrusted_from=CLOSED)
        distrusting.distrust(connection, later)
    judged(database, CLOSED + timedelta(hours=2))
    assert [(number, one.state) for number, one in versions(database)] == [(1, "breach"), (2, "insufficient")]
    assert versions(database)[1][1].excluded == {"key_revoked": 120}
    with database.owning() as connection:
        assert connection.execute("select count(*) from log_pending where key like 'agent/%%'").fetchone() == (2,)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reason": " "}, "say why"),
        ({"distrusted_from": CLOSED + timedelta(days=1)}, "within the last year"),
        ({"distrusted_from": CLOSED - timedelta(days=400)}, "within the last year"),
        ({"agent": "0" * 32}, "no computer"),
    ],
)
def test_distrust_needs_a_reason_and_a_moment(database, school, changes, said):
    """Whoever takes a computer's word back says since when and why."""
    values = {"agent": school.agent, "distrusted_from": OPEN, "recorded_at": CLOSED, "author": "x", "reason": "stolen"}
    record = verdicts.KeyRecord(**values | changes)
    with database.owning() as connection, pytest.raises(NetreadyError, match=said):
        distrusting.distrust(connection, record)
