"""The roadmap: every school once, under what comes first for it; the parts add up to the country."""

import io
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from collector import export, findings, ingest, periods, rankings, rollup
from collector.rankings import plan
from collector.settings import PolicySettings
from collector.store.database import MINISTRY, Viewer
from tests.fakes.sessions import cable, lan, radio, throughput

ALMATY = ZoneInfo("Asia/Almaty")
MONDAY = datetime(2026, 11, 16, 4, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
PERIOD = periods.parse("2026-Q4", ALMATY)
FIT, SLOW, SMALL = (96e6, 19.6e6), (37e6, 19.6e6), (14.5e6, 9.7e6)
TASKS = ("buy", "repair_line", "full_line", "repair_inside", "measure", "connect")


@pytest.fixture
def measured(database, add_school, enrolled):
    """Add a school of 1,000 pupils (it needs 50 Mbit/s down), with two lessons' tests on each of five days."""

    def add(number: int, *sessions, days: int = 5, **changes):
        usual = {"operator": "A", "pupils": 1000, "download_contracted_bps": 10**8, "upload_contracted_bps": 2 * 10**7}
        add_school(str(number), **(usual | changes))
        for seed, session in enumerate(sessions):
            computer = enrolled(str(number), 10 * number + seed)
            for day in range(days):
                for hour in (0, 3):
                    at = MONDAY + timedelta(days=day, hours=hour, minutes=seed)
                    seen = [msgspec.structs.replace(one, started_at=at) for one in session]
                    with database.ingesting() as connection:
                        answers = ingest.accept(connection, [computer.report(*seen, room=str(seed), at=at)], NOW)
                    assert answers[0].answer == "stored"

    return add


@pytest.fixture
def country(database, measured):
    """A country with a school for every task."""
    measured(1, (cable(), throughput(*FIT), lan()))
    measured(2, (cable(), throughput(*SLOW), lan()))
    measured(3, (cable(), throughput(*SMALL), lan()), download_contracted_bps=15 * 10**6, operator="B")
    measured(4, (radio(-82), throughput(*SLOW), lan()), (radio(-84), throughput(*SLOW), lan()), region_id="KZ-71")
    measured(5, (cable(), throughput(*SLOW), lan()), days=1)
    measured(6, connected=False, operator=None, download_contracted_bps=None, upload_contracted_bps=None)
    measured(7, region_id="KZ-71")
    rollup.run(database, rollup.calendars_of(PolicySettings()))
    findings.run(database, ALMATY)


def planned(database, viewer=MINISTRY, **filters):
    """Return the plan."""
    with database.reading(viewer) as connection:
        return plan.ranked(connection, rankings.Window(PERIOD, **filters))


def schools(database):
    """Return the ranking of schools."""
    with database.reading(MINISTRY) as connection:
        return rankings.get("schools").ranked(connection, rankings.Window(PERIOD))


@pytest.mark.usefixtures("country")
def test_each_school_has_one_task(database):
    """What to buy, to repair, to measure and to connect, by region and operator; most to do first."""
    rows = {row.id: row for row in planned(database).rows}
    tasks = {
        key: {name: count for name in TASKS if (count := getattr(row, f"{name}_schools"))} for key, row in rows.items()
    }
    assert tasks == {
        "KZ-75 A": {"repair_line": 1, "measure": 1},
        "KZ-75 B": {"buy": 1},
        "KZ-71 A": {"repair_inside": 1, "measure": 1},
        "KZ-75": {"connect": 1},
    }
    one = rows["KZ-75 A"]
    assert (one.schools, one.judged, one.ready, one.lacking, one.name) == (3, 2, 1, 1, "Almaty, A")
    assert one.repair_line_download_bps == pytest.approx(50e6 - 37e6, rel=0.02)
    assert rows["KZ-75 B"].buy_download_bps == pytest.approx(50e6 - 14.5e6, rel=0.02)
    assert (rows["KZ-75"].connect_download_bps, rows["KZ-75"].connect_upload_bps) == (50e6, 5e6)
    assert (rows["KZ-75"].rank, rows["KZ-75"].meets, rows["KZ-75"].missing_download_bps) == (1, None, None)
    assert rows["KZ-71 A"].unfit_rooms == 2


@pytest.mark.usefixtures("country")
def test_the_parts_add_up_to_the_country(database):
    """Sums over all rows are the figures of the ranking of schools, and tasks are the parts of each row."""
    found, all_schools = planned(database), schools(database)
    rows = found.rows
    assert found.counted == all_schools.counted
    assert sum(row.schools for row in rows) == all_schools.total == 7
    assert sum(row.ready for row in rows) == all_schools.counted.ready
    assert sum(row.lacking for row in rows) == all_schools.counted.below
    assert sum(row.connect_schools for row in rows) == all_schools.counted.off
    assert all(row.schools == row.ready + sum(getattr(row, f"{name}_schools") for name in TASKS) for row in rows)
    for way in ("download", "upload"):
        lacks = [getattr(row, f"missing_{way}_bps") or 0 for row in all_schools.rows if row.meets is not True]
        total = sum(getattr(row, f"missing_{way}_bps") or 0 for row in rows)
        parts = [getattr(row, f"{name}_{way}_bps") or 0 for row in rows for name in TASKS if name != "connect"]
        assert total == pytest.approx(sum(lacks))
        assert total == pytest.approx(sum(parts))


@pytest.mark.usefixtures("country")
def test_each_sees_its_own_part(database):
    """A region plans for its schools, an operator for those on its lines, by its own time's tests."""
    assert [row.id for row in planned(database, Viewer("region", "KZ-71")).rows] == ["KZ-71 A"]
    own = planned(database, Viewer("operator", "B")).rows
    assert [(row.id, row.buy_schools) for row in own] == [("KZ-75 B", 1)]
    assert planned(database, Viewer("operator", "C")).rows == []
    assert [row.id for row in planned(database, operator="B").rows] == ["KZ-75 B"]
    page = planned(database, limit=1, offset=3)
    assert (len(page.rows), page.total) == (1, 4)


@pytest.mark.usefixtures("country")
def test_the_plan_as_page_and_file(database, client):
    """The page shows it and leads to the schools; files carry every figure with its unit."""
    text = client.get("/rankings/plan?period=2026-Q4").text
    assert "Almaty, no operator" in text
    assert "/rankings/schools?region=KZ-75&amp;operator=B&amp;period=2026-Q4" in text
    import pyarrow.parquet

    content = export.export(planned(database).rows, plan.Row, "parquet")
    headings = pyarrow.parquet.read_table(io.BytesIO(content)).column_names
    assert {f"{name}_schools" for name in TASKS} <= set(headings)
    assert {f"{name}_{way}_bps" for name in TASKS for way in ("download", "upload")} <= set(headings)
