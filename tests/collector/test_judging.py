"""Verdicts in the database: made when a month is over, anew when facts change, never overwritten."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from agent.contract.errors import NetreadyError
from collector import ingest, records
from collector.errors import DatabaseError
from collector.judging import distrusting, running
from collector.records import NewServer
from collector.settings import PolicySettings, Server, Settings, StoreSettings
from collector.store import agreements, verdicts
from collector.store.audit import Who
from collector.store.database import Viewer
from collector.verdicts import canonical, verdict
from collector.verdicts.facts import Facts
from collector.verdicts.verdict import Verdict
from tests.fakes import halves, lines, sessions
from tests.fakes.lines import Computer, month

GOOD, BAD = [95.0] * 6, [60.0] * 6
DOUBTFUL = [60.0, 60.0, 95.0, 95.0, 95.0, 95.0]  # on 20 of 21 days, one month in 400 at the limit is as bad
SETTINGS = Settings(policy=PolicySettings(servers=(Server(url=lines.OUTSIDE, place="outside"),)))
OPEN = datetime(2026, 10, 1, 6, tzinfo=UTC)
CLOSED = datetime(2026, 10, 5, tzinfo=UTC)
WHO = Who("a test", "admin")
ALMATY = ZoneInfo("Asia/Almaty")


@pytest.fixture
def deliver(database):
    """Take in reports, each for itself or all at once, as of the moments at which they were received."""

    def take(reports, *, at_once: bool = False) -> None:
        for group in [reports] if at_once else [[one] for one in reports]:
            envelopes = [msgspec.json.encode(one.envelope) for one in group]
            with database.ingesting() as connection:
                receipts = ingest.accept(connection, envelopes, group[0].received_at)
            assert {each.answer for each in receipts} == {"stored"}

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


def test_a_mark_is_not_thrown_back(database, school, contract, deliver):
    """A report that is not settled yet is judged later, though its month is marked meanwhile for no new fact."""
    contract()
    reports = month(school, [GOOD] * 21)
    deliver(reports[:100])
    judged(database, CLOSED)
    at = CLOSED + timedelta(hours=5)
    just_now, settled = at - timedelta(seconds=30), at - timedelta(minutes=2)
    deliver([msgspec.structs.replace(one, received_at=just_now) for one in reports[100:]])
    with database.owning() as connection:
        verdicts.mark(connection, [("0101", "2026-09")], just_now, at + timedelta(hours=1))
        verdicts.mark(connection, [("0101", "2026-09")], settled, settled)
    judged(database, at)
    judged(database, at + timedelta(hours=2))
    assert [(number, one.reports) for number, one in versions(database)] == [(1, 100), (2, 126)]


def test_a_month_that_is_judged_last_is_told_to_those_after_it(database, school, contract, deliver, monkeypatch):
    """Where a month was put off and comes out after the next one, the next one hears of it."""
    contract(valid_from=date(2026, 8, 1))
    august = datetime(2026, 8, 3, 4, 5, tzinfo=UTC)
    for day in lines.school_days(18, august):
        for number in range(6):
            at = day + timedelta(minutes=30 * number)
            test = sessions.throughput(60e6, started_at=at - timedelta(seconds=10))
            monotonic_s = (at - august).total_seconds() + 3600
            deliver([school.reports(at, sessions.cable(), test, monotonic_s=monotonic_s)])
    deliver(month(school, [BAD] * 21))
    with database.owning() as connection:
        verdicts.mark(connection, [("0101", "2026-08")], OPEN - timedelta(days=35), OPEN - timedelta(days=35))
    judged(database, OPEN - timedelta(days=34))
    real = running.judge_school

    def failing(connection, one, wanted, *rest):
        if wanted == "2026-08":
            raise ValueError(wanted)
        return real(connection, one, wanted, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(running, "judge_school", failing)
        judged(database, CLOSED)
    assert [(number, one.is_recurring) for number, one in versions(database)] == [(1, False)]
    judged(database, CLOSED + timedelta(hours=2))
    assert [(number, one.is_recurring) for number, one in versions(database)] == [(1, False), (2, True)]


TOO_MUCH = "select repeat('x', 2000000000)"
CUT_OFF = "select pg_terminate_backend(pg_backend_pid())"


@pytest.mark.parametrize(("question", "is_put_off"), [(TOO_MUCH, True), (CUT_OFF, False)])
def test_a_school_that_asks_too_much_is_put_off(
    database, school, contract, deliver, second_school, monkeypatch, question, is_put_off
):
    """What the database cannot answer for one school keeps no other from being judged; its own end does."""
    contract()
    deliver(month(school, [BAD] * 21))
    real = running.judge_school

    def asking(connection, one, *rest):
        if one.school_id == "0101":
            connection.execute(question)
        return real(connection, one, *rest)

    monkeypatch.setattr(running, "judge_school", asking)
    if not is_put_off:
        with pytest.raises(DatabaseError):
            judged(database, CLOSED)
        return
    judged(database, CLOSED)
    assert (versions_of(database, "0101"), versions_of(database, "0202")) == ([], [(1, "insufficient")])
    with database.owning() as connection:
        assert connection.execute("select school_id from dirty_verdict").fetchall() == [("0101",)]


@pytest.fixture
def second_school(add_school, enrolled, contract):
    """Another school of the same operator; give it a month that is judged anew some days later."""
    add_school("0202", operator="Alpha")
    enrolled("0202", seed=2)
    contract(school="0202", contract="A-2")
    return Computer(2, school="0202")


def judged_anew(database, deliver, late, at: datetime = CLOSED + timedelta(days=1)) -> None:
    """Let reports of the second school come in late, and judge."""
    deliver([msgspec.structs.replace(one, received_at=at) for one in late])
    with database.owning() as connection:
        verdicts.mark(connection, [("0202", "2026-09")], at, at)
    judged(database, at + timedelta(hours=1))


def versions_of(database, school_id: str) -> list[tuple[int, str]]:
    question = "select version, state from verdict where school_id = %s and month = '2026-09' order by version"
    with database.owning() as connection:
        return connection.execute(question, (school_id,)).fetchall()


def test_what_others_are_accused_of_makes_no_version(database, school, contract, deliver, second_school):
    """A late fact of one line changes how rare a breach has to be; other lines that stay breaches stay as they are."""
    contract()
    deliver(month(school, [BAD] * 21))
    reports = month(second_school, [BAD] * 21)
    deliver(reports[:6])
    judged(database, CLOSED)
    assert (versions_of(database, "0101"), versions_of(database, "0202")) == ([(1, "breach")], [(1, "insufficient")])
    judged_anew(database, deliver, reports[6:])
    assert versions_of(database, "0202") == [(1, "insufficient"), (2, "breach")]
    with database.owning() as connection:
        verdicts.mark_all(connection, "2026-09", date(2026, 9, 30), CLOSED)
    judged(database, CLOSED + timedelta(days=2))
    assert versions_of(database, "0101") == [(1, "breach")]
    assert how_rare(database) == (2, 2)


def test_too_many_lines_make_a_breach_a_doubt(database, school, contract, deliver, second_school):
    """Where a breach is not rare enough any more among all lines, or is again, a version says so."""
    contract()
    deliver(month(school, [DOUBTFUL] * 20 + [GOOD]))
    reports = month(second_school, [DOUBTFUL] * 15 + [GOOD] * 6)
    deliver(reports[:100])
    judged(database, CLOSED)
    assert versions_of(database, "0101") == [(1, "breach")]
    others(database, 30)
    judged_anew(database, deliver, reports[100:110])
    assert versions_of(database, "0101") == [(1, "breach"), (2, "watch")]
    others(database, 0)
    judged_anew(database, deliver, reports[110:], CLOSED + timedelta(days=2))
    assert versions_of(database, "0101") == [(1, "breach"), (2, "watch"), (3, "breach")]


def test_invented_schools_accuse_nobody(database, school, contract, deliver, second_school, add_school):
    """Synthetic lines count only where an operator has no real ones."""
    contract()
    add_school("0202", operator="Alpha", synthetic=True)
    deliver(month(school, [DOUBTFUL] * 20 + [GOOD]))
    reports = month(second_school, [BAD] * 21)
    deliver(reports)
    others(database, 30, synthetic=True)
    judged(database, CLOSED)
    assert versions_of(database, "0101") == [(1, "breach")]
    assert how_rare(database) == (1, 1)
    with database.owning() as connection:
        connection.execute("delete from verdict where not synthetic")
        assert len(verdicts.chances(connection, "2026-09", "Alpha")) == 31


def others(database, count: int, *, synthetic: bool = False) -> None:
    """Let the operator have so many more lines, each as good as promised."""
    question = """
        insert into verdict
        select 'more' || number, '1', '2026-09', 'Alpha', 1, 'KZ-75', %s, 'compliant', false, 1.0, now(), '', '', ''
        from generate_series(1, %s) as number
    """
    with database.owning() as connection:
        connection.execute("delete from verdict where school_id like 'more%%'")
        connection.execute(question, (synthetic, count))


def how_rare(database) -> tuple[int, int]:
    """Return among how many lines of the operator how many are accused."""
    with database.owning() as connection:
        found = verdicts.discovery(connection, "Alpha", "2026-09")
    return found.lines, found.accused


@pytest.fixture
def reflector(database) -> NewServer:
    """A test server that signs records."""
    wanted = NewServer(url=lines.OUTSIDE, key=bytes(halves.SERVER.verify_key).hex(), place="outside")
    with database.owning() as connection:
        records.add_server(connection, wanted, WHO, datetime(2026, 8, 1, tzinfo=UTC))
    return wanted


def told_late(database, envelopes, at: datetime = CLOSED + timedelta(hours=1)) -> None:
    """Let the server's records come in after the month was judged, and judge what that marked."""
    with database.ingesting() as connection:
        records.take(connection, [msgspec.Raw(one) for one in envelopes], at, ALMATY)
    judged(database, at + timedelta(minutes=30))
    judged(database, at + timedelta(minutes=70))


def test_a_late_record_is_judged(database, school, contract, deliver, reflector):
    """A test server's records that arrive after the verdict make a new version by themselves, where they change it."""
    contract()
    reports, envelopes = halves.twinned(school, 60.0, carried=False)
    deliver(reports)
    judged(database, CLOSED)
    assert [(number, one.state) for number, one in versions(database)] == [(1, "insufficient")]
    told_late(database, envelopes)
    assert [(number, one.state) for number, one in versions(database)] == [(1, "insufficient"), (2, "breach")]
    with database.owning() as connection:
        assert connection.execute("select count(*) from dirty_verdict").fetchone() == (0,)


def test_a_late_record_that_says_nothing_new(database, school, contract, deliver, reflector):
    """Records that the reports carried already make no version."""
    contract()
    reports, envelopes = halves.twinned(school, 60.0)
    deliver(reports)
    judged(database, CLOSED)
    told_late(database, envelopes)
    assert [(number, one.state) for number, one in versions(database)] == [(1, "breach")]


def test_a_server_that_stood_elsewhere(database, school, contract, deliver, reflector):
    """Closed months are judged again after a server's key was added, changed or ended for time that is past."""
    contract()
    reports, _ = halves.twinned(school, 60.0)
    deliver(reports)
    judged(database, CLOSED)
    at = CLOSED + timedelta(days=1)
    with database.owning() as connection:
        records.add_server(connection, msgspec.structs.replace(reflector, place="inside"), WHO, at)
    judged(database, at + timedelta(minutes=3))
    assert versions(database)[-1][1].excluded == {"server_inside": 126}
    with database.owning() as connection:
        records.end_server(connection, reflector.url, WHO, at + timedelta(hours=1), at=lines.school_days(2)[1])
    judged(database, at + timedelta(minutes=63))
    assert [number for number, _ in versions(database)] == [1, 2, 3]


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


def test_a_month_without_its_reports_is_not_judged_again(database, school, contract, deliver):
    """Where retention took the reports away, even some of its first day, what was said of their month stays."""
    contract()
    deliver(month(school, [BAD] * 21))
    judged(database, CLOSED)
    much_later = datetime(2027, 2, 5, tzinfo=UTC)
    for months, found in ((4, [1]), (5, [1, 2])):
        with database.owning() as connection:
            connection.execute("delete from report")
            verdicts.mark(connection, [("0101", "2026-09")], much_later, much_later)
        settings = msgspec.structs.replace(SETTINGS, store=StoreSettings(keep_months=months))
        running.run(database, settings, now=much_later + timedelta(minutes=3))
        assert [number for number, _ in versions(database)] == found


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


def test_a_fork_is_remembered(database, school, contract, deliver):
    """From the report on that does not continue the one before it nothing is believed, in later months neither."""
    contract(valid_from=date(2026, 8, 1))
    deliver([school.reports(datetime(2026, 8, 28, 4, tzinfo=UTC), sessions.cable(), monotonic_s=9.0) for _ in range(2)])
    school.previous = "0" * 64
    deliver([school.reports(datetime(2026, 8, 28, 5, tzinfo=UTC), sessions.cable(), monotonic_s=9.0) for _ in range(2)])
    deliver(month(school, [BAD] * 21))
    judged(database, CLOSED)
    [(_, found)] = versions(database)
    assert (found.state, found.excluded) == ("insufficient", {"chain_forked": 126})
    with database.owning() as connection:
        facts = [
            canonical.decode(bytes(row[0]), Facts)
            for row in connection.execute(
                "select facts from verdict where month in ('2026-08', '2026-09') order by month"
            )
        ]
    assert [key.forked_from for one in facts for key in one.keys] == [3, 3]


def test_a_fork_says_nothing_of_what_was_before(database, school, contract, deliver):
    """Months before the computer told two histories stay as they were, in every byte."""
    contract()
    deliver(month(school, [BAD] * 21))
    judged(database, CLOSED)
    school.previous = "0" * 64
    deliver([school.reports(CLOSED + timedelta(hours=5), sessions.cable())])
    with database.owning() as connection:
        assert connection.execute("select forked_from from agent").fetchall() == [(127,)]
        verdicts.mark_all(connection, "2026-09", date(2026, 9, 30), CLOSED)
    judged(database, CLOSED + timedelta(days=1))
    assert [(number, one.state) for number, one in versions(database)] == [(1, "breach")]


def test_a_fork_that_is_seen_late(database, school, contract, deliver):
    """Where a late report shows two histories, the months that were judged by what came after it are judged again."""
    contract(valid_from=date(2026, 8, 1))
    first, second = (datetime(2026, 8, 28, hour, tzinfo=UTC) for hour in (4, 5))
    late = [school.reports(first, sessions.cable(), monotonic_s=9.0)]
    school.previous = "0" * 64
    late.append(school.reports(second, sessions.cable(), monotonic_s=9.0))
    deliver(month(school, [BAD] * 21))
    judged(database, CLOSED)
    assert [(number, one.state) for number, one in versions(database)] == [(1, "breach")]
    at = CLOSED + timedelta(hours=1)
    deliver([msgspec.structs.replace(one, received_at=at) for one in late], at_once=True)
    judged(database, at + timedelta(hours=2))
    assert [(number, one.state) for number, one in versions(database)] == [(1, "breach"), (2, "insufficient")]


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
