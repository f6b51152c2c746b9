"""A year of the whole country: how long rankings, a school's year and a late day take, and what it all occupies."""

import itertools
import math
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import msgspec
import psutil

from collector import findings, periods, rankings, rollup, simulate
from collector.api.answers import DEFAULT_LIMIT, part
from collector.pages import PAGE_ROWS
from collector.settings import DatabaseSettings, PolicySettings
from collector.simulate import Plan, Site
from collector.simulate.country import dice
from collector.store import days, distribution, rollups
from collector.store.database import MINISTRY, Database, Viewer, open_database
from tests import citus
from tests.benchmarks import page
from tests.journey.place import Place

SCHOOLS = 7_098
DAYS = 368  # school days: 2.6 million of the 7,078 schools that have a line, as many as 7,098 have in a calendar year
PAGE_MS, YEAR_MS, LATE_DAY_MS = 80.0, 20.0, 50.0
_ROUNDS = 6
_SCHOOLS_ASKED = 200
_ZONE = ZoneInfo(PolicySettings().time_zone)
_CALENDARS = rollup.calendars_of(PolicySettings())
_TABLES = ("school_day", "school_month", "school_period")


def run(words: Sequence[str] = ()) -> None:
    """Print the tables; words are how many schools and how many school days.

    Where the environment names the servers of ``tests.citus``, the country lies on all of them.
    """
    numbers = [int(word) for word in words if word.isdecimal()]
    schools, school_days = [*numbers, *(SCHOOLS, DAYS)[len(numbers) :]][:2]
    plan = simulate.plan_until_yesterday(schools, school_days, 1, datetime.now(UTC))
    summary = page.Summary(f"{schools} schools, {school_days} school days")
    if cluster := citus.wanted():
        with (
            page.telling() as now,
            cluster.a_database("country", shards=distribution.SHARDS) as name,
            Database(cluster.url(name, citus.OWNER), pool_size=4) as database,
        ):
            _fill(database, plan, now)
            measure(database, plan, now, summary)
        summary.show()
        return
    with tempfile.TemporaryDirectory(prefix="netready-bench-") as folder, page.telling() as now:
        Path(folder).chmod(0o755)
        place = Place(Path(folder))
        try:
            with open_database(DatabaseSettings(data=str(place.data)), make=True) as database:
                _fill(database, plan, now)
                measure(database, plan, now, summary)
            _of_the_collector(place, now, summary)
        finally:
            place.stop()
    summary.show()


def measure(database: Database, plan: Plan, now: page.Now, summary: page.Summary) -> None:
    """Measure everything in a filled database."""
    _late_days(database, plan, now, summary)
    _find(database, plan)
    _years(database, plan, now, summary)
    _rankings(database, plan, now, summary)


def _fill(database: Database, plan: Plan, now: page.Now) -> None:
    began = time.monotonic()
    filled = simulate.fill(
        database, plan, _CALENDARS, lambda done, total: now.say(f"adding up schools: {done} of {total}")
    )
    took_s = time.monotonic() - began
    with database.owning() as connection:
        sizes = {table: _size(connection, table) for table in _TABLES}
        sizes["whole"] = connection.execute("select pg_database_size(current_database())").fetchone()[0]
    _vacuum(database)
    with page.table(
        f"The bulk path: {filled.tests} tests of {filled.school_days} school days in {took_s:.0f} s",
        "table",
        "rows",
        "MB",
    ) as made:
        for table in _TABLES:
            made.add_row(table, str(filled.rows[table]), f"{sizes[table] / 1e6:.0f}")
        made.add_row("the whole database", "", f"{sizes['whole'] / 1e6:.0f}")


def _size(connection: Any, table: str) -> int:
    """Return what a table, its partitions and their indexes occupy."""
    question = (
        "select pg_total_relation_size(%(table)s) + coalesce(sum(pg_total_relation_size(inhrelid)), 0) from pg_inherits"
        " where inhparent = %(table)s::regclass"
    )
    return int(connection.execute(question, {"table": table}).fetchone()[0])


def _vacuum(database: Database) -> None:
    """Do at once what autovacuum does within minutes.

    The bulk path writes a school's periods one after the other; a country writes the period that goes on, of all its
    schools. Rows are laid as a country leaves them.
    """
    with database.owning() as connection:
        connection.commit()
        connection.autocommit = True
        if not distribution.is_laid_out(connection):
            connection.execute("create index as_written on school_period (period, school_id)")
            connection.execute("cluster school_period using as_written")
            connection.execute("drop index as_written")
        connection.execute("vacuum (analyze) school, school_day, school_month, school_period")


class _Times:
    """How long something took, time and again, in milliseconds."""

    def __init__(self) -> None:
        self.ms: list[float] = []
        self.slowest = ""

    @contextmanager
    def one(self, of: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        took_ms = 1000 * (time.perf_counter() - began)
        if not self.ms or took_ms > max(self.ms):
            self.slowest = of
        self.ms.append(took_ms)

    def share(self, share: float) -> float:
        return sorted(self.ms)[math.ceil(share * len(self.ms)) - 1]

    def cells(self, limit: float) -> list[str]:
        p95 = self.share(0.95)
        told = page.judged(f"{p95:.1f}", fine=p95 <= limit)
        return [str(len(self.ms)), f"{statistics.median(self.ms):.1f}", told, f"{max(self.ms):.1f}", self.slowest]


def _rankings(database: Database, plan: Plan, now: page.Now, summary: page.Summary) -> None:
    with page.table(
        f"A page of a ranking ({PAGE_ROWS} or {DEFAULT_LIMIT} rows): asked, fetched and encoded, ms",
        *("ranking", "times", "p50", "p95", "worst", "note"),
        note="of years, quarters and months; first, middle and last pages; with and without filters; as ministry,"
        " region and operator",
    ) as made:
        worst = 0.0
        for name in rankings.names():
            now.say(f"ranking {name}")
            times = _pages(database, name, plan)
            made.add_row(name, *times.cells(PAGE_MS))
            worst = max(worst, times.share(0.95))
        made.add_section()
        made.add_row("bare: select count(*) from school_period", *_bare(database).cells(math.inf))
    summary.most("a page of the slowest ranking, p95", worst, PAGE_MS, "ms")


def _pages(database: Database, name: str, plan: Plan) -> _Times:
    times = _Times()
    asked = list(itertools.product(_viewers(plan), _windows(plan)))
    for round_number in range(_ROUNDS + 1):
        dice("pages", round_number).shuffle(asked)
        for viewer, (window, where) in asked:
            if where == "last":
                total = _page(database, viewer, name, msgspec.structs.replace(window, offset=0))
                window = msgspec.structs.replace(window, offset=max(0, total - (window.limit or 0)))  # noqa: PLW2901
            elif where == "middle":
                total = _page(database, viewer, name, msgspec.structs.replace(window, offset=0))
                window = msgspec.structs.replace(window, offset=total // 2)  # noqa: PLW2901
            filters = [value for value in (window.region_id, window.technology, window.state) if value]
            words = f"{window.period.label} {where} {window.limit} {viewer.role} {' '.join(filters)}"
            with times.one(words) if round_number else _untimed():
                _page(database, viewer, name, window)
    return times


@contextmanager
def _untimed() -> Iterator[None]:
    """Warm up: what connections and caches do the first time is not what people wait for."""
    yield


def _page(database: Database, viewer: Viewer, name: str, window: rankings.Window) -> int:
    with database.reading(viewer) as connection:
        found = rankings.get(name).ranked(connection, window)
    msgspec.json.encode(part(found.rows, found.total, of=name, offset=window.offset))
    return found.total


def _viewers(plan: Plan) -> tuple[Viewer, ...]:
    schools = [one.school for one in simulate.sites(plan.schools, plan.seed) if one.school.operator]
    largest = (statistics.mode(one.region_id for one in schools), statistics.mode(one.operator for one in schools))
    return MINISTRY, Viewer("region", largest[0]), Viewer("operator", largest[1])


def _windows(plan: Plan) -> list[tuple[rankings.Window, str]]:
    labels = rollup.labels_of(plan.school_days()[-1])
    whole_month = periods.before(periods.parse(labels[0], _ZONE))
    chosen = [periods.parse(label, _ZONE) for label in labels[1:]] + [whole_month]
    filters: tuple[dict[str, str], ...] = ({}, {"technology": "fibre", "state": "not ready"}, {"region_id": "KZ-61"})
    return [
        (rankings.Window(period, limit=limit, offset=0, **kept), where)
        for period, kept, (where, limit) in itertools.product(
            chosen,
            filters,
            (("first", PAGE_ROWS), ("middle", PAGE_ROWS), ("last", PAGE_ROWS), ("first", DEFAULT_LIMIT)),
        )
    ]


def _bare(database: Database) -> _Times:
    times = _Times()
    for number in range(_ROUNDS + 1):
        with database.owning() as connection, times.one("no index, one scan") if number else _untimed():
            connection.execute("select count(*) from school_period").fetchone()
    return times


def _years(database: Database, plan: Plan, now: page.Now, summary: page.Summary) -> None:
    now.say("years of schools")
    sites = dice("years").sample(simulate.sites(plan.schools, plan.seed), min(_SCHOOLS_ASKED, plan.schools))
    times = _Times()
    begins = plan.last_day - timedelta(days=365)
    rows = 0
    for number, site in enumerate(sites):
        with database.reading(MINISTRY) as connection, times.one("") if number > 10 else _untimed():
            found = days.history(connection, site.school.school_id, begins, plan.last_day + timedelta(days=1))
            msgspec.json.encode(found)
        rows = max(rows, len(found.days))
    _one_row("One school's year: its days and months", f"{rows} days", times, YEAR_MS)
    summary.most("one school's year, p95", times.share(0.95), YEAR_MS, "ms")


def _one_row(title: str, over: str, times: _Times, limit: float) -> None:
    with page.table(f"{title}, ms", "over", "times", "p50", "p95", "worst") as made:
        made.add_row(over, *times.cells(limit)[:4])


def _late_days(database: Database, plan: Plan, now: page.Now, summary: page.Summary) -> None:
    """Give one school its reports by the long way, and add single days of it up again, as when a report comes late."""
    now.say("late days")
    site = max(simulate.sites(plan.schools, plan.seed)[:200], key=lambda one: one.school.pupils or 0)
    before = _rows_of(database, site)
    _deliver(database, site, plan)
    times, wanted = _Times(), dice("late days").sample(plan.school_days(), min(40, plan.days))
    for number, day in enumerate(wanted):
        with database.owning() as connection:
            rollups.mark(connection, [(site.school.school_id, day)])
        with times.one("") if number > 3 else _untimed(), database.owning() as connection:
            rollup.step(connection, _CALENDARS)
    if _rows_of(database, site) != before:
        page.console.print("[bold red]a day that was added up again is another than the bulk path's[/bold red]")
    _one_row("A late day: its day, month, quarter and year anew, committed", f"{plan.days} days", times, LATE_DAY_MS)
    summary.most("a rollup of a late day, p95", times.share(0.95), LATE_DAY_MS, "ms")


def _find(database: Database, plan: Plan) -> None:
    """Judge the one school that has reports, and put what was found of it to all schools, each in another place."""
    asked = {period.label for window, _ in _windows(plan) for period in (window.period, periods.before(window.period))}
    year = rollup.labels_of(plan.school_days()[-1])[2]
    findings.run(database, _ZONE, label=year)
    with database.owning() as connection:
        connection.execute(
            "insert into school_finding"
            " (school_id, period, ranking, operator, region_id, synthetic, class, score, meets, body, rules_version)"
            " select line.school_id, line.period, ranking, line.operator, line.region_id, line.synthetic, class,"
            " random(), found.meets, body, rules_version"
            " from school_period as line cross join (select * from school_finding where operator = '') as found"
            " where line.period = any(%s) order by line.period, line.school_id on conflict do nothing",
            (sorted(asked),),
        )
        connection.commit()
        connection.autocommit = True
        connection.execute("vacuum (analyze) school_finding")


def _deliver(database: Database, site: Site, plan: Plan) -> None:
    simulate.deliver(database, [site], plan, datetime.now(UTC))
    rollup.run(database, _CALENDARS)


def _rows_of(database: Database, site: Site) -> list[Any]:
    """Return all that was added up of a school, without the time when it was written."""
    with database.owning() as connection:
        return [
            connection.execute(
                f"select to_jsonb({table}) - 'updated_at' as row from {table} where school_id = %s order by row",  # noqa: S608
                (site.school.school_id,),
            ).fetchall()
            for table in _TABLES
        ]


def _of_the_collector(place: Place, now: page.Now, summary: page.Summary) -> None:
    """Ask the same over HTTP, one after the other, and see what the collector's process takes."""
    now.say("the collector")
    process = psutil.Process(place.serve().pid)
    idle = process.memory_info().rss
    token = place.collector("access", "create", "--role", "ministry", "--name", "benchmark").strip()
    times = _Times()
    with httpx.Client(base_url=place.address, headers={"authorization": f"Bearer {token}"}, timeout=60) as client:
        for number in range(_ROUNDS * 5 + 1):
            for name in rankings.names():
                with times.one(name) if number else _untimed():
                    client.get(f"/api/v1/rankings/{name}", params={"limit": PAGE_ROWS}).raise_for_status()
    with page.table("The collector's process (without PostgreSQL's)", "", "figure") as made:
        made.add_row("resident after its start, MiB", f"{idle / 2**20:.0f}")
        made.add_row("resident after these requests, MiB", f"{process.memory_info().rss / 2**20:.0f}")
        made.add_row("a page of a ranking over HTTP, p95 in ms", f"{times.share(0.95):.1f}")
    summary.told("the collector's resident memory", f"{process.memory_info().rss / 2**20:.0f} MiB", "of a country")
