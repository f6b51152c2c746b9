"""The short way of a simulated country: the same figures as the long way of signed reports, and nothing behind them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import psycopg
import pytest

from collector import periods, rankings, rollup, simulate
from collector.errors import SimulationError
from collector.settings import PolicySettings
from collector.store import embedded, filling
from collector.store.database import MINISTRY, Database

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
CALENDARS = rollup.calendars_of(PolicySettings())
# 45 school days lie in three months and two quarters; of 25 schools some have three computers, some one.
PLAN = simulate.plan_until_yesterday(25, 45, 3, NOW)
SMALL = simulate.plan_until_yesterday(25, 5, 3, NOW)
TABLES = ("school", "room", "school_day", "school_month", "school_period", "period_prior")


@pytest.fixture
def another_database(server):
    """A second database beside the first."""
    with psycopg.connect(server.url("postgres", embedded.SUPERUSER), autocommit=True) as connection:
        connection.execute("create database bulk_other")
        with Database(server.url("bulk_other", embedded.SUPERUSER), pool_size=2) as made:
            yield made
        connection.execute("drop database bulk_other with (force)")


def contents(database):
    """Return all rows of the tables that rankings read, without the time when they were written."""
    with database.owning() as connection:
        question = "select to_jsonb({0}) - '{{updated_at,created_at}}'::text[] as row from {0} order by row"
        return {table: connection.execute(question.format(table)).fetchall() for table in TABLES}


def test_the_short_way_comes_to_the_very_same_figures(database, another_database):
    """Every row and field of days, months, periods and priors is what ingest and the rollup make of the reports."""
    filled = simulate.fill(database, PLAN, CALENDARS)
    simulate.run(another_database, PLAN, NOW, CALENDARS)
    short, long = contents(database), contents(another_database)
    for table in TABLES:
        assert short[table] == long[table], table
    assert filled.rows == {table: len(long[table]) for table in ("school_day", "school_month", "school_period")}
    assert filled.tests == sum(row["tests"] for (row,) in long["school_day"] if row["voice"] == "any")
    assert filled.school_days == 45 * len({row["school_id"] for (row,) in long["school_day"]})


def test_the_rankings_are_ready_at_once(database):
    """Years lie in partitions of their own, and the ranking has every school."""
    steps = []
    simulate.fill(database, SMALL, CALENDARS, lambda done, total: steps.append((done, total)))
    assert steps[-1] == (25, 25)
    with database.owning() as connection:
        assert connection.execute("select count(*) from school_day_other").fetchone() == (0,)
        assert connection.execute("select count(*) from dirty_day").fetchone() == (0,)
    with database.reading(MINISTRY) as connection:
        period = periods.parse("2026-Q4", ZoneInfo("Asia/Almaty"))
        found = rankings.get("schools").ranked(connection, rankings.Window(period))
    assert (found.total, found.synthetic) == (25, True)
    assert (found.counted.schools, found.rows[0].rank, found.rows[0].tests > 0) == (25, 1, True)


def test_it_never_mixes_with_figures_that_are_there(database):
    """A second time it refuses, and says what to do; nothing has changed."""
    simulate.fill(database, SMALL, CALENDARS)
    before = contents(database)
    with pytest.raises(SimulationError, match="fill another database"):
        simulate.fill(database, SMALL, CALENDARS)
    assert contents(database) == before


def test_copied_text_comes_back_as_it_was(database):
    """Tabs, line ends, backslashes, NULL's own sign, bytes and JSON are copied as they are."""
    texts = ["a\tb", "line\nend\r", "\\N", "\\.", "back\\slash", "", "Қазақ", None, "\\t"]
    rows = [
        {"number": number, "word": text, "raw": bytes(range(256)), "detail": {"a": text, 'q"': 1}, "is_it": number > 3}
        for number, text in enumerate(texts)
    ]
    with database.owning() as connection:
        connection.execute("create temp table copied (number int, word text, raw bytea, detail jsonb, is_it boolean)")
        filling.fill(connection, filling.written("copied", rows))
        found = connection.execute("select * from copied order by number").fetchall()
    assert found == [tuple(row.values()) for row in rows]
