"""Late data, corrections and crashes: what rankings read always follows from the stored facts."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from agent.contract.measurement import Failed
from collector import ingest, periods, rankings, readiness, rollup
from collector.settings import PolicySettings
from collector.store import rollups, schools
from collector.store.database import MINISTRY, Viewer
from tests.fakes.computer import direction, paced, throughput, wire_link

ALMATY = ZoneInfo("Asia/Almaty")
MONDAY = datetime(2026, 11, 16, 4, tzinfo=UTC)  # 9 o'clock in Almaty
NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
CALENDARS = rollup.calendars_of(PolicySettings())
PERIOD = periods.parse("2026-Q4", ALMATY)


@pytest.fixture
def deliver(database):
    """Deliver a computer's speed tests of given moments, as if received at ``now``."""

    def send(computer, tests, now=NOW, link=None) -> None:
        envelopes = [
            computer.report(
                link or wire_link(started_at=at),
                throughput(down, up, started_at=at)
                if isinstance(down, float)
                else throughput(1e6, up, download=down, started_at=at),
                at=at,
            )
            for at, down, up in tests
        ]
        with database.ingesting() as connection:
            receipts = ingest.accept(connection, envelopes, now)
        assert {one.answer for one in receipts} == {"stored"}, receipts

    return send


@pytest.fixture
def add_up(database):
    """Add up what waits."""
    return lambda: rollup.run(database, CALENDARS)


@pytest.fixture
def answer(database, add_up):
    """Return the judged period of a school as somebody sees it."""

    def read(school_id: str, viewer: Viewer = MINISTRY, *, cabled: bool = False) -> readiness.Readiness:
        add_up()
        with database.reading(viewer) as connection:
            return next(
                one
                for one in readiness.of_period(connection, PERIOD, cabled=cabled)
                if one.school.school_id == school_id
            )

    return read


def lessons(days: int, down, up=8e6) -> list:
    """Return two tests a day in lessons, on so many days in a row from Monday."""
    return [(MONDAY + timedelta(days=day, hours=hour), down, up) for day in range(days) for hour in (0, 3)]


def test_a_delivery_is_seen_in_the_next_answer(add_school, enrolled, deliver, answer):
    """Reports mark their days; adding up judges the school's month, quarter and year."""
    add_school("1")
    assert answer("1").tests == 0
    deliver(enrolled("1"), lessons(5, 30e6))
    one = answer("1")
    assert (one.meets, one.tests, one.slots_met, one.days, one.computers) == (True, 10, 10, 5, 1)
    assert one.download_bps == pytest.approx(30e6, rel=0.003)


def test_late_data_change_what_they_touch_and_nothing_else(database, add_school, enrolled, deliver, answer):
    """Tests that arrive a week late are added to their day; other days' rows are the same as before."""
    add_school("1")
    computer = enrolled("1")
    deliver(computer, lessons(5, 30e6)[:8])
    first = answer("1")
    with database.owning() as connection:
        before = rollups.days_of_months(connection, [("1", date(2026, 11, 1))])
    deliver(computer, lessons(5, 30e6)[8:], now=NOW + timedelta(days=7))
    late = answer("1")
    assert (first.slots, late.slots) == (8, 10)
    with database.owning() as connection:
        after = rollups.days_of_months(connection, [("1", date(2026, 11, 1))])
        # Later days are only what is said of those without a word, up to the day on which this runs.
        untouched = [[one for one in rows if one.begins < date(2026, 11, 20)] for rows in (before, after)]
        assert untouched[0] == untouched[1] != []
        assert connection.execute("select count(*) from dirty_day").fetchone() == (0,)


def test_adding_up_again_changes_nothing(database, add_school, enrolled, deliver, answer):
    """The same facts give the same rows, however often a day is marked."""
    add_school("1")
    deliver(enrolled("1"), lessons(3, 30e6))
    first = answer("1")
    with database.owning() as connection:
        rollups.mark_schools(connection, ["1"])
    assert answer("1") == first


def test_what_is_marked_meanwhile_stays_marked(database, add_school, enrolled, deliver):
    """A delivery during the adding up is not lost: its own mark outlives the step."""
    add_school("1")
    deliver(enrolled("1"), lessons(1, 30e6))
    with database.owning() as connection:
        seen = rollups.waiting(connection, 10)
        with database.owning() as other:
            rollups.mark(other, [("1", seen[0].day)])
        rollups.done(connection, seen)
    with database.owning() as connection:
        assert [one.day for one in rollups.waiting(connection, 10)] == [seen[0].day]


def test_a_failed_step_loses_no_day(database, add_school, enrolled, deliver, monkeypatch):
    """An error in the middle leaves every day marked and no row changed."""
    add_school("1")
    deliver(enrolled("1"), lessons(2, 30e6))
    monkeypatch.setattr(rollup, "add_up_periods", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        rollup.run(database, CALENDARS)
    with database.owning() as connection:
        assert {one.day.day for one in rollups.waiting(connection, 10)} >= {16, 17}
        assert connection.execute("select count(*) from school_day").fetchone() == (0,)


def test_an_operator_answers_for_its_own_time_and_for_cables(add_school, enrolled, deliver, answer):
    """Slow Wi-Fi and the time of the operator before are not held against today's; each sees only its own."""
    add_school("1", operator="Old")
    computer = enrolled("1")
    deliver(computer, lessons(5, 5e6))
    add_school("1", operator="New")
    good = [(at + timedelta(days=7), down, up) for at, down, up in lessons(5, 30e6)]
    deliver(computer, good, now=NOW + timedelta(days=7))
    wifi = [(at + timedelta(days=7, minutes=40), down, up) for at, down, up in lessons(5, 5e6)]
    deliver(enrolled("1", seed=2), wifi, now=NOW + timedelta(days=7), link=wire_link(medium="wifi"))
    assert answer("1").slots_met == 10
    assert answer("1").slots_missed == 10
    new = answer("1", cabled=True)
    assert (new.meets, new.slots_met, new.slots_missed, new.tests) == (True, 10, 0, 20)
    assert answer("1", Viewer("operator", "New")).slots_met == 10


def test_paced_lessons_and_the_evenings_capacity(add_school, enrolled, deliver, answer):
    """Lessons prove that the target is reached, the evening how fast the line is."""
    add_school("1")
    evening = [(MONDAY + timedelta(hours=10, days=day), 95e6, 30e6) for day in range(3)]
    deliver(enrolled("1"), [*lessons(5, paced(20e6)), *evening])
    one = answer("1")
    assert (one.meets, one.download_bps) == (True, None)
    assert one.download_at_least_bps == pytest.approx(19.8e6, rel=0.02)
    assert one.download_p95_bps == pytest.approx(95e6, rel=0.003)


def test_a_period_and_the_one_before(database, add_school, enrolled, deliver, add_up):
    """Each row says where the school stood a period earlier, and by what share."""
    for school_id, earlier, later in (("1", 30e6, 5e6), ("2", 5e6, 30e6)):
        add_school(school_id)
        computer = enrolled(school_id, seed=int(school_id))
        months_ago = [(at - timedelta(days=56), down, up) for at, down, up in lessons(5, earlier)]
        deliver(computer, [*months_ago, *lessons(5, later)])
    add_up()
    with database.reading(MINISTRY) as connection:
        found = rankings.get("schools").ranked(connection, rankings.Window(PERIOD))
    assert [(row.id, row.rank, row.rank_before, row.share, row.share_before) for row in found.rows] == [
        ("2", 1, 2, 1.0, 0.0),
        ("1", 2, 1, 0.0, 1.0),
    ]


def test_ten_good_slots_do_not_top_forty(database, add_school, enrolled, deliver, add_up):
    """Drawn towards the country's share, ten slots without a miss stand below forty with one."""
    for number, (count, slow) in enumerate(((5, 0), (20, 1), (10, 20), (10, 20), (10, 20)), start=1):
        add_school(str(number))
        tests = [(at, 5e6 if index < slow else 30e6, up) for index, (at, down, up) in enumerate(lessons(count, 30e6))]
        deliver(enrolled(str(number), seed=number), tests, now=NOW + timedelta(days=30))
    add_up()
    with database.reading(MINISTRY) as connection:
        found = rankings.get("schools").ranked(connection, rankings.Window(PERIOD, limit=2))
    assert (found.total, found.counted.schools, len(found.rows)) == (5, 5, 2)
    assert [row.id for row in found.rows] == ["2", "1"]


def test_closed_schools_and_filters(database, add_school, enrolled, deliver, add_up):
    """A closed school ranks in its past only; districts, operators, technologies and answers are filtered by."""
    for number in range(1, 5):
        add_school(
            str(number), district=f"d{number % 2}", operator="A" if number < 3 else "B", connectivity_type="fibre"
        )
        deliver(enrolled(str(number), seed=number), lessons(5, 30e6 if number % 2 else 5e6))
    add_up()
    with database.owning() as connection:
        connection.execute("update school set closed_on = '2026-09-01' where school_id = '4'")

    def ids(**filters) -> list[str]:
        with database.reading(MINISTRY) as connection:
            window = rankings.Window(PERIOD, **filters)
            return sorted(row.id for row in rankings.get("schools").ranked(connection, window).rows)

    assert ids() == ["1", "2", "3"]
    assert (ids(district="d1"), ids(operator="A"), ids(state="ready"), ids(technology="adsl")) == (
        ["1", "3"],
        ["1", "2"],
        ["1", "3"],
        [],
    )
    with database.reading(MINISTRY) as connection:
        window = rankings.Window(PERIOD)
        groups = {
            name: rankings.get(name).ranked(connection, window)
            for name in ("regions", "districts", "operators", "technologies")
        }
    assert [(row.id, row.ready, row.judged) for row in groups["districts"].rows] == [
        ("KZ-75 d1", 2, 2),
        ("KZ-75 d0", 0, 1),
    ]
    assert [(row.id, row.ready, row.judged) for row in groups["operators"].rows] == [("B", 1, 1), ("A", 1, 2)]
    assert [(row.id, row.schools, row.ready) for row in groups["technologies"].rows] == [("fibre", 3, 2)]
    assert [(row.name, row.name_kk, row.counted) for row in groups["regions"].rows if hasattr(row, "counted")] == []
    assert groups["regions"].counted.ready == 2


def test_a_region_that_was_split_keeps_its_past(database, add_school, enrolled, deliver, add_up):
    """A school counts in the region where it stood at the time."""
    add_school("1", region_id="KZ-75")
    computer = enrolled("1")
    deliver(
        computer,
        [(at - timedelta(days=120), down, up) for at, down, up in lessons(5, 30e6)],
        now=NOW - timedelta(days=100),
    )
    add_school("1", region_id="KZ-71")
    deliver(computer, lessons(5, 30e6))
    add_up()
    with database.reading(MINISTRY) as connection:
        windows = [rankings.Window(periods.parse(label, ALMATY)) for label in ("2026-Q3", "2026-Q4")]
        found = [[row.id for row in rankings.get("regions").ranked(connection, one).rows] for one in windows]
    assert found == [["KZ-75"], ["KZ-71"]]


def test_what_schools_are_held_against_can_change(database, add_school, enrolled, deliver, answer):
    """When the registry says more pupils, the past is judged anew."""
    add_school("1", pupils=300)
    deliver(enrolled("1"), lessons(5, 30e6))
    assert answer("1").meets is True
    with database.owning() as connection:
        schools.keep_schools(connection, [add_school("1", pupils=2000)])
        rollups.mark_schools(connection, ["1"])
    assert (answer("1").meets, answer("1").target.download_bps) == (False, 100_000_000)


def test_disturbed_directions_count_as_tests_and_prove_little(add_school, enrolled, deliver, answer):
    """A direction without an interval leaves its slots open."""
    add_school("1")
    deliver(enrolled("1"), lessons(5, direction(10e6, ip_low_bps=None, ip_high_bps=None)))
    one = answer("1")
    assert (one.tests, one.slots, one.slots_met, one.slots_missed, one.meets) == (10, 10, 0, 0, None)


def test_half_hours_that_were_not_measured_have_a_reason(database, add_school, enrolled, add_up):
    """A day that is over says why: the line was down while a computer was on; without reports there is no computer."""
    add_school("1")
    add_school("2")
    enrolled("2", seed=2)
    computer = enrolled("1")
    reports = [
        computer.report(Failed(probe="latency", failure="unreachable", detail="", started_at=at), at=at, boot_id="one")
        for at in (MONDAY - timedelta(hours=1) + timedelta(minutes=15 * number) for number in range(40))
    ]
    with database.ingesting() as connection:
        ingest.accept(connection, reports, NOW)
    with database.owning() as connection:
        rollups.mark_day(connection, MONDAY.date())
    add_up()
    with database.owning() as connection:
        found = {
            one.school_id: one.figures.absences
            for one in rollups.days_of_months(connection, [("1", date(2026, 11, 1)), ("2", date(2026, 11, 1))])
            if one.begins == MONDAY.date()
        }
    assert found == {"1": {"line_down": 20}, "2": {"no_computer": 20}}
