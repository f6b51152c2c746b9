import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from collector import access, metrics, rollcall, rollup
from collector.jobs import Job, run_if_due
from collector.metrics import DatabaseMetrics, Metrics
from collector.settings import Settings
from tests.fakes.computer import batch, throughput

PACKAGING = Path(__file__).parents[2] / "packaging" / "collector"


def families(text: str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Read Prometheus's text: the samples of each name by their labels."""
    found: dict[str, dict] = {}
    for family in text_string_to_metric_families(text):
        found.setdefault(family.name, {})
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


@pytest.fixture
def figures(client):
    """Ask /metrics as a person at this computer."""
    return lambda: families(client.get("/metrics").text)


def test_requests_are_counted_by_route_and_status(client, figures):
    """A route is counted by its pattern: neither schools nor typing mistakes make new series."""
    for path in ("/healthz", "/api/v1/policy", "/rankings/nonsense", "/no/such/page", "/no/such/other"):
        client.get(path)
    counted = figures()["netready_requests_total"]
    found = {(dict(labels)["route"], dict(labels)["status"]): value for labels, value in counted.items()}
    assert found["/healthz", "200"] == 1
    assert found["other", "404"] == 2
    assert found["/rankings/{name}", "404"] == 1
    assert not any("nonsense" in route for route, _ in found)
    assert figures()["netready_request_seconds_count"][("method", "GET"), ("route", "/healthz")] == 1


def test_deliveries_are_counted_by_answer_and_commit(client, figures, add_school, enrolled):
    """What was stored and what was there already, how many at once, and the wait for the database."""
    add_school("1")
    computer = enrolled("1")
    body = batch(computer.report(throughput(3e7, 8e6)), computer.report(throughput(3e7, 8e6)))
    for _ in range(2):
        assert client.post("/api/v1/reports", content=body).status_code == 200
    counted = figures()
    assert counted["netready_reports_total"] == {(("answer", "stored"),): 2, (("answer", "duplicate"),): 2}
    assert counted["netready_ingest_commit_reports_sum"][()] == 4
    assert counted["netready_ingest_commit_seconds_count"][()] == 2
    assert counted["netready_ingest_waiting"][()] == 0
    assert counted["netready_database_wait_seconds_count"][(("pool", "ingest"),)] >= 2


def test_what_the_database_knows_is_told(database, figures, add_school, enrolled):
    """Jobs, waiting days, sizes, and the fleet by region and state."""
    add_school("1")
    enrolled("1")
    settings = Settings()
    calendars = rollup.calendars_of(settings.policy)
    run_if_due(
        Job("fleet", 60, lambda at, _: rollcall.run(at, calendars.at, settings.fleet, datetime.now(UTC))),
        database,
        settings,
    )
    with database.owning() as connection:
        connection.execute(
            "insert into dirty_day (school_id, day, since) values ('1', '2026-11-23', now() - interval '1 h')"
        )
    counted = figures()
    assert counted["netready_database_up"][()] == 1
    assert counted["netready_database_bytes"][()] > 1e6
    assert counted["netready_wal_written_bytes_total"][()] > 0
    assert counted["netready_dirty_days"][()] == 1
    assert 3600 <= counted["netready_dirty_day_oldest_seconds"][()] < 3700
    assert counted["netready_default_partition_rows"][(("partition", "report_other"),)] == 0
    assert counted["netready_computers"] == {(("region", "KZ-75"), ("state", "never_reported")): 1}
    assert counted["netready_job_runs_total"][(("job", "fleet"),)] == 1
    assert counted["netready_job_last_success_timestamp_seconds"][(("job", "fleet"),)] > 1.7e9


def test_the_database_is_asked_seldom_and_may_be_away(database):
    """Scrapes in quick succession cost the database one look; without it one figure says so."""
    now = [0.0]
    asked = DatabaseMetrics(database, clock=lambda: now[0])
    sizes = []
    for at in (0.0, metrics.FRESH_S - 1, metrics.FRESH_S + 1):
        now[0] = at
        sizes.append(next(one for one in asked.collect() if one.name == "netready_dirty_days").samples[0].value)
        with database.owning() as connection:
            connection.execute(
                "insert into dirty_day (school_id, day) values ('x', %s)", (f"2026-11-{10 + len(sizes)}",)
            )
    assert sizes == [0, 0, 2]
    away = DatabaseMetrics(_Away(), clock=lambda: now[0])  # type: ignore[arg-type]  # only what is asked of it
    assert [(one.name, one.samples[0].value) for one in away.collect()] == [("netready_database_up", 0)]


class _Away:
    def owning(self):
        from collector.errors import DatabaseError

        raise DatabaseError("gone")


@pytest.mark.parametrize(("role", "scope", "status"), [("ministry", None, 200), ("operator", "Kaztelecom", 403)])
def test_figures_are_for_those_who_run_it(client, database, add_school, role, scope, status):
    """Operators, regions and schools are not shown the collector's own figures."""
    add_school("1", operator="Kaztelecom")
    with database.owning() as connection:
        token = access.create(connection, role=role, scope=scope, name="x", days=1, now=datetime.now(UTC))
    answer = client.get("/metrics", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == status


def test_processes_count_together_and_a_dead_ones_counts_stay(tmp_path):
    """Counters are sums over places; a process that comes after another in its place goes on counting."""
    script = """
import sys
from pathlib import Path
from prometheus_client import CollectorRegistry
from collector import metrics
metrics.share(Path(sys.argv[1]), sys.argv[2])
counted = metrics.Metrics(CollectorRegistry())
counted.reports.labels("stored").inc(int(sys.argv[3]))
counted.request_seconds.labels("/x", "GET").observe(0.5)
print(metrics.render(counted.registry, CollectorRegistry()).decode())
"""
    for place, count in (("worker-1", 5), ("worker-2", 7), ("worker-1", 2)):
        metrics.forget(tmp_path, place)
        said = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path), place, str(count)],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
            timeout=60,
        ).stdout
    counted = families(said)
    assert counted["netready_reports_total"] == {(("answer", "stored"),): 14}
    assert counted["netready_request_seconds_count"] == {(("method", "GET"), ("route", "/x")): 3}
    assert counted["netready_up"] == {(): 2}


def known_names() -> set[str]:
    """Return the name of every series that the collector can offer."""
    registry = CollectorRegistry()
    Metrics(registry)
    names = set()
    for family in registry.collect():
        names.add(family.name)
        ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ())
        names |= {family.name + end for end in ends}
    text = Path(metrics.__file__).read_text(encoding="utf-8")
    names |= set(re.findall(r'GaugeMetricFamily\(\s*"(netready_\w+)"', text))
    return names | {name + "_total" for name in re.findall(r'CounterMetricFamily\(\s*"(netready_\w+)"', text)}


def test_every_metric_of_the_dashboard_and_the_alerts_exists():
    """A renamed metric would leave a panel empty and an alert silent for ever."""
    board = json.loads((PACKAGING / "grafana-dashboard.json").read_text())
    shown = " ".join(target["expr"] for panel in board["panels"] for target in panel["targets"])
    rules = yaml.safe_load((PACKAGING / "prometheus-alerts.yaml").read_text())["groups"][0]["rules"]
    watched = " ".join(rule["expr"] for rule in rules)
    named = set(re.findall(r"\bnetready_\w+", shown + watched))
    assert named - known_names() == set()
    unseen = {name for name in known_names() if name.endswith("_total")} - named
    assert unseen == set(), "a counter that nobody looks at"
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_every_answer_has_an_id_of_ours(client):
    """The id is made here: one that a caller chose would forge lines of the log."""
    ids = {client.get("/healthz", headers={"x-request-id": "mine"}).headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3
    assert all(re.fullmatch("[0-9a-f]{16}", one) for one in ids)
