"""What the collector counts, for Prometheus; one place for every metric's name.

What a process counts itself (requests, commits) is summed over the worker processes: each writes into files of its
place in a folder of the supervisor's (prometheus_client's multi-process mode), and whichever is asked adds all of them
up. The files belong to a place, not to a process, so that one that was started again counts on. What the database knows
(jobs, waiting days, the fleet) is asked from it, at most every ``FRESH_S`` seconds a process.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess, values
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from collector.errors import DatabaseError
from collector.store import measures
from collector.store.database import Database
from collector.store.measures import LogMeasures, Measures

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FRESH_S = 15.0
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # the name is prometheus_client's

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2, 2.5, 5, 10, 30)
_WAIT_SECONDS = (0.0005, 0.001, 0.005, 0.02, 0.1, 0.5, 2, 10)
_REPORTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)


class Metrics:
    """What one process counts; made once for each application."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        Gauge("netready_up", "Processes that answer", registry=registry, multiprocess_mode="livesum").set(1)
        self.requests = Counter(
            "netready_requests", "Requests by route and status", ["route", "method", "status"], registry=registry
        )
        self.request_seconds = Histogram(
            "netready_request_seconds",
            "Time to answer a request, its body included",
            ["route", "method"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.in_the_air = Gauge(
            "netready_requests_in_the_air", "Requests being answered", registry=registry, multiprocess_mode="livesum"
        )
        self.reports = Counter("netready_reports", "Reports by answer", ["answer"], registry=registry)
        self.ingest_waiting = Gauge(
            "netready_ingest_waiting",
            "Deliveries inside that are not yet answered",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.commit_reports = Histogram(
            "netready_ingest_commit_reports", "Reports in one commit", buckets=_REPORTS, registry=registry
        )
        self.commit_seconds = Histogram(
            "netready_ingest_commit_seconds", "Time to judge and commit reports", buckets=_SECONDS, registry=registry
        )
        self.pool_wait_seconds = Histogram(
            "netready_database_wait_seconds",
            "Wait for a connection to the database",
            ["pool"],
            buckets=_WAIT_SECONDS,
            registry=registry,
        )


def share(folder: Path, place: str) -> None:
    """Count into a folder that other processes count into too, under this place's name; call before making Metrics."""
    os.environ[_FOLDER] = str(folder)
    values.ValueClass = values.MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call]  # its own types are missing


def forget(folder: Path, place: str) -> None:
    """Take a dead process out of the figures of the living; what it counted stays."""
    multiprocess.mark_process_dead(place, str(folder))  # type: ignore[no-untyped-call]  # likewise


def render(own: CollectorRegistry, known: CollectorRegistry) -> bytes:
    """Return the text for Prometheus: what the processes counted and what the database knows."""
    counted = own
    if _FOLDER in os.environ:
        counted = CollectorRegistry()
        multiprocess.MultiProcessCollector(counted)  # type: ignore[no-untyped-call]  # its own types are missing
    return generate_latest(counted) + generate_latest(known)


class DatabaseMetrics(Collector):
    """What the database knows, asked again when the last answer is older than ``FRESH_S``."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._found: Measures | None = None

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; only ``netready_database_up 0`` where the database does not answer."""
        with self._lock:
            if self._clock() - self._asked_at >= FRESH_S:
                self._found = self._ask()
                self._asked_at = self._clock()
            found = self._found
        yield GaugeMetricFamily("netready_database_up", "1 while the database answers", value=float(found is not None))
        if found is not None:
            yield from _families(found)

    def describe(self) -> list[Metric]:
        """Name nothing ahead, so that being registered asks the database nothing."""
        return []

    def _ask(self) -> Measures | None:
        try:
            with self._database.owning() as connection:
                return measures.measures(connection)
        except DatabaseError:
            return None


def _families(found: Measures) -> Iterator[Metric]:
    yield GaugeMetricFamily("netready_database_bytes", "Size of the database", value=found.database_bytes)
    yield CounterMetricFamily(
        "netready_wal_written_bytes", "Write-ahead log written since the database was made", value=found.wal_written
    )
    if found.wal_bytes is not None:
        yield GaugeMetricFamily("netready_wal_bytes", "Write-ahead log on disk", value=found.wal_bytes)
    yield GaugeMetricFamily("netready_dirty_days", "School days waiting to be added up", value=found.dirty_days)
    yield GaugeMetricFamily(
        "netready_dirty_day_oldest_seconds", "How long the oldest of them has waited", value=found.oldest_dirty_s
    )
    partitions = GaugeMetricFamily(
        "netready_default_partition_rows",
        "Rows that no partition was made for (counted to 10000)",
        labels=["partition"],
    )
    for name, rows in found.default_rows.items():
        partitions.add_metric([name], rows)
    yield partitions
    yield from _job_families(found)
    yield from _log_families(found.log)
    computers = GaugeMetricFamily("netready_computers", "Computers by region and state", labels=["region", "state"])
    schools = GaugeMetricFamily("netready_schools", "Schools by region and state", labels=["region", "state"])
    for (region, state), count in found.computers.items():
        computers.add_metric([region, state], count)
    for (region, state), count in found.schools.items():
        schools.add_metric([region, state], count)
    yield computers
    yield schools


def _log_families(found: LogMeasures) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "netready_log_waiting", "Things that wait for their place in the log (counted to 10000)", value=found.waiting
    )
    yield GaugeMetricFamily(
        "netready_log_waiting_oldest_seconds", "How long the oldest of them has waited", value=found.oldest_waiting_s
    )
    if found.log is None:
        return
    yield GaugeMetricFamily("netready_log_entries", "Entries of the log", value=found.log.size)
    yield GaugeMetricFamily(
        "netready_log_stopped",
        "1 while the log stands still: restored from a backup, or without its key",
        value=float(found.log.stopped is not None),
    )
    if found.checkpoint is not None:
        at = found.checkpoint.at.timestamp()
        yield GaugeMetricFamily(
            "netready_log_checkpoint_entries", "Size in the checkpoint", value=found.checkpoint.size
        )
        yield GaugeMetricFamily("netready_log_checkpoint_timestamp_seconds", "When it was signed (Unix time)", value=at)
    cosigned = GaugeMetricFamily(
        "netready_witness_cosigned_timestamp_seconds", "When a witness cosigned last (Unix time)", labels=["witness"]
    )
    for one in found.witnesses:
        if one.ended_at is None and one.at is not None:
            cosigned.add_metric([one.name], one.at.timestamp())
    yield cosigned


def _job_families(found: Measures) -> Iterator[Metric]:
    success = GaugeMetricFamily(
        "netready_job_last_success_timestamp_seconds", "When a job last succeeded (Unix time)", labels=["job"]
    )
    took = GaugeMetricFamily("netready_job_last_seconds", "How long a job's newest run took", labels=["job"])
    runs = CounterMetricFamily("netready_job_runs", "Runs that ended", labels=["job"])
    failures = CounterMetricFamily("netready_job_failures", "Runs that failed", labels=["job"])
    for job in found.jobs:
        if job.succeeded_at is not None:
            success.add_metric([job.name], job.succeeded_at.timestamp())
        if job.duration_s is not None:
            took.add_metric([job.name], job.duration_s)
        runs.add_metric([job.name], job.runs)
        failures.add_metric([job.name], job.failures)
    yield from (success, took, runs, failures)
