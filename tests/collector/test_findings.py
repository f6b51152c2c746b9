"""What rankings keep of each school: fresh, for each viewer from its own facts, one school's failure its own."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from collector import findings, ingest, periods, rankings, rollup
from collector.diagnosis import stored
from collector.rankings import causes
from collector.settings import PolicySettings
from collector.store import findings as kept
from collector.store import schools
from collector.store.database import MINISTRY, Viewer
from tests.fakes.sessions import cable, lan, throughput

ALMATY = ZoneInfo("Asia/Almaty")
MONDAY = datetime(2026, 11, 16, 4, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
PERIOD = periods.parse("2026-Q4", ALMATY)
CALENDARS = rollup.calendars_of(PolicySettings())
SLOW = (37e6, 19.6e6)
CONTRACT = {"download_contracted_bps": 100_000_000, "upload_contracted_bps": 20_000_000}


@pytest.fixture
def deliver(database):
    """Store a computer's sessions, six hours apart from a day on."""

    def send(computer, *measurements, day=0, count=4) -> None:
        times = [MONDAY + timedelta(days=day, hours=6 * number) for number in range(count)]
        with database.ingesting() as connection:
            for at in times:
                envelope = computer.report(
                    *(msgspec.structs.replace(one, started_at=at) for one in measurements), room="12", at=at
                )
                assert ingest.accept(connection, [envelope], NOW)[0].answer == "stored"

    return send


@pytest.fixture
def look(database):
    """Add up and look at what waits; return how many school periods that were."""

    def run(**options) -> int:
        rollup.run(database, CALENDARS)
        return findings.run(database, ALMATY, **options)

    return run


@pytest.fixture
def rows(database):
    """Return the ranking of causes as somebody sees it, by school."""

    def read(viewer=MINISTRY, **filters):
        with database.reading(viewer) as connection:
            found = causes.ranked(connection, rankings.Window(PERIOD, **filters)).rows
        return {row.id: row for row in found}

    return read


def stored_rows(database):
    """Return what is kept of the quarter."""
    with database.owning() as connection:
        return connection.execute(
            "select ranking, operator from school_finding where period = '2026-Q4' order by 1, 2, school_id"
        ).fetchall()


def waiting(database, few=0):
    """Return which school periods would be looked at."""
    with database.owning() as connection:
        return [(one.school_id, one.period) for one in kept.due(connection, None, few=few, limit=100)]


def test_what_is_kept_is_what_one_school_is_told(database, add_school, enrolled, deliver, look, rows):
    """The ranking's row and the school's page never differ, for the ministry and for the operator."""
    add_school("1", operator="A", **CONTRACT)
    deliver(enrolled("1"), cable(), throughput(*SLOW), lan(dhcp_servers=("10.1.0.1", "10.1.0.9")))
    assert look() == 3
    assert stored_rows(database) == [("causes", ""), ("causes", "A"), ("classrooms", ""), ("coverage", "")]
    for viewer in (MINISTRY, Viewer("operator", "A")):
        with database.reading(viewer) as connection:
            school = schools.visible_school(connection, "1")
            live = stored.of_school(connection, school, PERIOD, for_operator=viewer.role == "operator")
        row = rows(viewer)["1"]
        assert (row.cause, row.confidence, row.sentence) == (live.cause, live.confidence, live.sentence)
        assert row.defects == ", ".join(sorted({one.defect for one in live.defects}))
        assert (row.rooms, row.unfit_rooms) == (live.rooms, live.unfit_rooms)


def test_an_operators_row_rests_on_its_own_time(database, add_school, enrolled, deliver, look, rows):
    """The slow line of the operator before is no finding against today's; neither sees the other's row."""
    add_school("1", operator="Old", **CONTRACT)
    deliver(enrolled("1"), cable(), throughput(*SLOW), lan())
    look()
    assert rows(Viewer("operator", "Old"))["1"].cause == "ISP_LINE"
    add_school("1", operator="New", **CONTRACT)
    deliver(enrolled("1", 2), cable(), throughput(), lan(), day=3, count=1)
    look()
    row = rows(Viewer("operator", "New"))["1"]
    assert (row.cause, row.computers) == ("INSUFFICIENT", 1)
    assert rows()["1"].computers == 2
    assert rows(Viewer("operator", "Old")) == {}
    assert ("causes", "Old") not in stored_rows(database)


def test_rooms_are_not_for_operators(database, add_school, enrolled, deliver, look):
    """What is kept of coverage and classrooms shows to the school and its authorities, and to no operator."""
    add_school("1", operator="A", **CONTRACT)
    deliver(enrolled("1"), cable(), throughput(), lan())
    look()
    seen = {}
    viewers = (
        MINISTRY,
        Viewer("region", "KZ-75"),
        Viewer("school", "1"),
        Viewer("operator", "A"),
        Viewer("school", "2"),
    )
    for viewer in (*viewers, Viewer("region", "KZ-71"), Viewer("operator", "B")):
        with database.reading(viewer) as connection:
            found = connection.execute("select distinct ranking, operator from school_finding order by 1, 2").fetchall()
        seen[str(viewer.scope)] = found
    everything = [("causes", ""), ("causes", "A"), ("classrooms", ""), ("coverage", "")]
    assert (seen["None"], seen["KZ-75"], seen["1"]) == (everything, everything, everything)
    assert seen["A"] == [("causes", "A")]
    assert (seen["2"], seen["KZ-71"], seen["B"]) == ([], [], [])


def test_a_mistake_over_one_school_is_its_own(database, add_school, enrolled, deliver, look, rows, monkeypatch, caplog):
    """The others are looked at; the school stays marked, is named in the log, and is tried again an hour later."""
    for number in (1, 2, 3):
        add_school(str(number), **CONTRACT)
        deliver(enrolled(str(number), number), cable(), throughput(*SLOW), lan())
    whole = stored.of_school

    def broken(connection, school, period, **options):
        if school.school_id == "2":
            raise ValueError("a body that nobody foresaw")
        return whole(connection, school, period, **options)

    monkeypatch.setattr(stored, "of_school", broken)
    look()
    assert {key: row.cause for key, row in rows().items()} == {"1": "ISP_LINE", "2": "INSUFFICIENT", "3": "ISP_LINE"}
    assert "school 2 cannot be judged" in caplog.text
    assert findings.run(database, ALMATY) == 0
    monkeypatch.undo()
    with database.owning() as connection:
        connection.execute("update finding_due set not_before = now()")
    assert findings.run(database, ALMATY) == 3
    assert rows()["2"].cause == "ISP_LINE"


def test_where_many_wait_a_school_is_looked_at_once_an_hour(database, add_school, enrolled, deliver, look):
    """What was found within the hour waits behind what was not; where few wait it is found anew at once."""
    add_school("1", **CONTRACT)
    computer = enrolled("1")
    deliver(computer, cable(), throughput(), lan(), count=1)
    look()
    deliver(computer, cable(), throughput(), lan(), day=1, count=1)
    rollup.run(database, CALENDARS)
    assert waiting(database, few=2) == []
    assert len(waiting(database, few=3)) == 3
    with database.owning() as connection:
        connection.execute("update school_finding set updated_at = now() - interval '61 minutes'")
    assert len(waiting(database, few=2)) == 3


def test_what_is_marked_meanwhile_stays_marked(database, add_school, enrolled, deliver, look):
    """A delivery while a school is looked at is not lost; who looked in vain changes nothing."""
    add_school("1", **CONTRACT)
    deliver(enrolled("1"), cable(), throughput(), lan(), count=1)
    rollup.run(database, CALENDARS)
    with database.owning() as connection:
        seen = kept.due(connection, "2026-Q4", few=10, limit=1)[0]
    with database.owning() as connection:
        kept.mark(connection, [("1", "2026-Q4")])
    with database.owning() as connection:
        findings.renew(database, connection, seen, ALMATY)
    assert ("1", "2026-Q4") in waiting(database, few=10)
    look()
    assert waiting(database, few=10) == []
    with database.owning() as connection:
        assert kept.replace(connection, seen, [], "rules") is False
    assert len(stored_rows(database)) == 3


def test_a_clock_that_was_decades_off_leaves_nothing_waiting(database, add_school, caplog):
    """A period that nobody can ask for is neither kept nor tried again for ever."""
    add_school("1")
    with database.owning() as connection:
        kept.mark(connection, [("1", "1970-Q1")])
    assert findings.run(database, ALMATY) == 1
    assert (waiting(database, few=10), caplog.text) == ([], "")


def test_an_answer_catches_up_with_few_and_not_with_many(database, add_school, rows, monkeypatch):
    """A handful of schools is looked at before the answer, a backlog is left to the job."""
    monkeypatch.setattr(findings, "_FEW_SCHOOLS", 2)
    for number in (1, 2, 3):
        add_school(str(number))
    with database.owning() as connection:
        findings.mark_present(connection, "123", NOW, ALMATY)
    findings.catch_up(database, PERIOD.label, ALMATY)
    assert stored_rows(database) == []
    with database.owning() as connection:
        connection.execute("delete from finding_due where school_id = '3'")
    findings.catch_up(database, PERIOD.label, ALMATY)
    assert len(stored_rows(database)) == 6
    assert waiting(database, few=10) == [(one, label) for one in "12" for label in ("2026", "2026-11")]


def test_new_rules_judge_the_present_again_and_not_the_past(database, add_school):
    """Findings of older rules are made anew while their period lasts; a period that is over keeps its answer."""
    add_school("1")
    past = datetime(2026, 5, 4, tzinfo=UTC)
    with database.owning() as connection:
        for moment in (NOW, past):
            findings.mark_present(connection, "1", moment, ALMATY)
    findings.run(database, ALMATY)
    assert findings.judge_by_new_rules(database, NOW, ALMATY) == 0
    with database.owning() as connection:
        connection.execute("update school_finding set rules_version = 'of before'")
    assert findings.judge_by_new_rules(database, NOW, ALMATY) == 3
    assert {label for _, label in waiting(database, few=10)} == {"2026", "2026-Q4", "2026-11"}


def test_a_page_of_the_whole(database, add_school, enrolled, deliver, look, rows):
    """Pages, filters and the places of the period before; schools of which nothing was found come last, and count."""
    stories = {"1": SLOW, "2": (96e6, 19.6e6), "3": SLOW}
    for number, (school_id, speeds) in enumerate(stories.items(), start=1):
        add_school(school_id, operator="A" if number < 3 else "B", district=f"d{number}", **CONTRACT)
        deliver(enrolled(school_id, number), cable(), throughput(*speeds), lan())
    add_school("0")
    look()
    with database.reading(MINISTRY) as connection:
        pages = [causes.ranked(connection, rankings.Window(PERIOD, limit=2, offset=offset)) for offset in (0, 2, 9)]
        later = rankings.Window(periods.parse("2027-Q1", ALMATY))
        after = causes.ranked(connection, later).rows
    assert [[(row.id, row.rank) for row in page.rows] for page in pages] == [
        [("1", 1), ("3", 1)],
        [("2", 3), ("0", None)],
        [],
    ]
    assert {(page.total, page.counted.schools) for page in pages} == {(4, 4)}
    assert {row.id: row.rank_before for row in after} == {"0": None, "1": 1, "2": 3, "3": 1}
    assert (set(rows(operator="A")), set(rows(district="d3")), set(rows(region_id="KZ-71"))) == (
        {"1", "2"},
        {"3"},
        set(),
    )
    assert set(rows(state="ready")) == set()
    with database.owning() as connection:
        connection.execute("update school set closed_on = '2026-09-01' where school_id = '3'")
    assert set(rows()) == {"0", "1", "2"}
    with database.reading(MINISTRY) as connection:
        without = causes.ranked(connection, later).rows
    assert {row.id: row.rank_before for row in without} == {"0": None, "1": 1, "2": 3}, "as they stood then"
