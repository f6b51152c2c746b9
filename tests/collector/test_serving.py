import contextlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
import pytest

from collector import enrollment
from collector.settings import DatabaseSettings, PolicySettings
from collector.store import schools
from collector.store.database import open_database
from collector.store.schools import RegionRecord, SchoolRecord
from tests.fakes.certificates import Authority
from tests.fakes.computer import Computer, batch, throughput

ROOT = Path(__file__).parents[2]


class Collector:
    """A collector in processes of its own, on a free port of loopback."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.data = folder / "data"
        self.log = folder / "log"
        (folder / "collector.toml").write_text('[log]\nformat = "json"\n[serve]\ndrain_s = 20\n')
        command = [sys.executable, "-m", "collector.cli", "serve", "--config", str(folder / "collector.toml")]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--listen", "127.0.0.1:0", "--data", str(self.data), *words],
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        """Wait for its address."""
        assert self.process.stdout is not None
        said = self.process.stdout.readline().decode()
        assert said.startswith("listening "), self.log.read_text()
        self.address = said.split()[1]
        self.port = int(self.address.rpartition(":")[2])

    def children(self) -> dict[str, psutil.Process]:
        """Return the processes that the supervisor keeps, by what they were told to be."""
        found = {}
        for child in psutil.Process(self.process.pid).children():
            if "collector.worker" in child.cmdline():
                listens = any(one.laddr.port == self.port for one in child.net_connections("tcp"))
                found[f"worker {child.pid}" if listens else "jobs"] = child
        return found

    def figure(self, pattern: str) -> float | None:
        """Return a figure of /metrics; None where it is not there."""
        with contextlib.suppress(httpx.TransportError):
            for line in httpx.get(f"{self.address}/metrics", timeout=30).text.splitlines():
                if re.fullmatch(f"{pattern} (.+)", line):
                    return float(line.rpartition(" ")[2])
        return None

    def wait_for(self, condition, limit_s: float = 60.0) -> None:
        """Wait for something that must happen."""
        ends = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < ends, self.log.read_text()[-3000:]
            time.sleep(0.05)

    def end(self) -> int:
        """Tell it to end; return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(90)


@pytest.fixture(scope="module")
def template():
    """A data folder with a school and an enrolled computer."""
    with tempfile.TemporaryDirectory(prefix="netready-test-") as folder:
        with open_database(DatabaseSettings(data=folder + "/data"), make=True) as database:
            with database.owning() as connection:
                region = RegionRecord(region_id="KZ-75", name_kk="Алматы", name_ru="Алматы", name_en="Almaty")
                schools.keep_regions(connection, [region])
                schools.keep_schools(
                    connection, [SchoolRecord(school_id="1", name="School", region_id="KZ-75", pupils=300)]
                )
                token = enrollment.create_token(connection, "1", uses=1, days=1, now=datetime.now(UTC))
            with database.ingesting() as connection:
                body = Computer("1").enrollment(token)
                enrollment.enroll(connection, body, PolicySettings(), datetime.now(UTC))
        yield Path(folder) / "data"


@pytest.fixture
def serve(template):
    """Start collectors; none outlives the test."""
    made: list[Collector] = []
    with tempfile.TemporaryDirectory(prefix="netready-test-") as folder:
        subprocess.run(["cp", "-a", template, f"{folder}/data"], check=True)

        def start(*words: str) -> Collector:
            made.append(Collector(Path(folder), *words))
            made[-1].wait_until_ready()
            return made[-1]

        yield start
        for one in made:
            for process in (
                (*psutil.Process(one.process.pid).children(), one.process) if one.process.poll() is None else ()
            ):
                process.kill()
            one.process.wait(30)
            one.process.stdout.close()
        shutil.rmtree(f"{folder}/data", ignore_errors=True)


def stored(data: Path) -> list[int]:
    """Return the sequence numbers of all stored reports."""
    with open_database(DatabaseSettings(data=str(data))) as database, database.owning() as connection:
        return [row[0] for row in connection.execute("select sequence from report order by sequence")]


def half_sent(port: int, body: bytes) -> socket.socket:
    """Begin a delivery and keep the second half of its body back; returns when the collector has begun to read it."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    head = f"POST /api/v1/reports HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    connection.sendall(f"{head}Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n".encode())
    assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
    connection.sendall(body[: len(body) // 2])
    return connection


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_in_the_air_is_finished_before_the_end(serve, workers):
    """SIGTERM: nobody accepts any more; a delivery that had begun is stored and answered; exit status 0."""
    one = serve("--workers", str(workers))
    body = batch(Computer("1").report(throughput(3e7, 8e6)))
    with half_sent(one.port, body) as connection:
        one.process.send_signal(signal.SIGTERM)
        one.wait_for(lambda: _is_refused(one.port))
        connection.sendall(body[len(body) // 2 :])
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"answer":"stored"' in answer
    assert one.process.wait(60) == 0
    assert stored(one.data) == [1]


def _is_refused(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_dead_worker_is_replaced_and_what_it_counted_stays(serve):
    """Figures are sums over the processes and go on when one dies; the collector answers all the time."""
    one = serve("--workers", "2")
    for _ in range(20):
        assert httpx.get(f"{one.address}/healthz", timeout=30).status_code == 200
    counted = 'netready_requests_total{method="GET",route="/healthz",status="200"}'
    one.wait_for(lambda: one.figure(re.escape(counted)) == 20)
    assert one.figure("netready_up") == 2
    victim = next(process for name, process in one.children().items() if name != "jobs")
    victim.kill()
    for _ in range(20):
        assert httpx.get(f"{one.address}/healthz", timeout=30).status_code == 200
    one.wait_for(lambda: one.figure("netready_up") == 2)
    assert one.figure(re.escape(counted)) == 40
    assert one.end() == 0
    lines = [json.loads(line) for line in one.log.read_text().splitlines() if line.startswith("{")]
    assert any("was killed by SIGKILL; it is started again" in line["event"] for line in lines)


def test_jobs_run_in_another_process_when_theirs_was_killed(serve):
    """The jobs have a process of their own beside the workers; kill -9 of it, and the next one goes on."""
    one = serve("--workers", "2")
    succeeded = re.escape('netready_job_last_success_timestamp_seconds{job="rollup"}')
    one.wait_for(lambda: one.figure(succeeded) is not None)
    before = one.figure(succeeded)
    one.children()["jobs"].kill()
    one.wait_for(lambda: (one.figure(succeeded) or 0) > before)
    assert one.end() == 0


def test_nothing_goes_on_when_the_supervisor_was_killed(serve):
    """Kill -9 of the first process: the others end by themselves, the database with the last of them."""
    one = serve("--workers", "2")
    children = list(one.children().values())
    one.process.kill()
    one.process.wait(30)
    gone, alive = psutil.wait_procs(children, timeout=60)
    assert (len(gone), alive) == (3, [])
    assert list(one.data.rglob("postmaster.pid")) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_a_renewed_certificate_is_used_without_a_restart(serve, tmp_path, workers):
    """SIGHUP: new connections get the new certificate; files that cannot be used change nothing and are told."""
    authority = Authority(tmp_path)
    certificate, key = authority.issue()
    one = serve("--workers", str(workers), "--tls-cert", certificate, "--tls-key", key)
    first = _serial(one.port)
    authority.issue()
    one.process.send_signal(signal.SIGHUP)
    one.wait_for(lambda: {_serial(one.port) for _ in range(8)}.isdisjoint({first}))
    second = _serial(one.port)
    Path(certificate).write_text("nonsense")
    one.process.send_signal(signal.SIGHUP)
    one.wait_for(lambda: one.log.read_text().count("the certificate stays as it was") == workers)
    assert _serial(one.port) == second
    assert one.end() == 0


def _serial(port: int) -> bytes:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), timeout=30) as plain, context.wrap_socket(plain) as secure:
        return secure.getpeercert(binary_form=True)
