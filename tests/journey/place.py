"""A folder in which real agents, reflectors and collectors run, for journeys and benchmarks."""

import contextlib
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

READY_S = 90.0
COMMAND_S = 150.0


class Place:
    """A folder in which real agents, reflectors and collectors run; everything it started ends with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.state = folder / "state"
        self.port = _free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.server = f"ws://127.0.0.1:{_free_port()}"
        self._running: list[subprocess.Popen] = []
        # Real measurements, but short ones: what is tested here is the way, not the meter.
        (folder / "agent.toml").write_text("[probes.msak]\nmax_s = 5.0\n[probes.link]\ncount_s = 0.2\n")

    def start(self, program: str, *arguments: str) -> subprocess.Popen:
        """Start a command that goes on running."""
        with (self.folder / "log").open("ab") as log:
            child = subprocess.Popen(self._command(program, arguments), stdout=log, stderr=log, env=self.environment())
        self._running.append(child)
        return child

    def run(self, program: str, *arguments: str, allowed: tuple[int, ...] = (0,)) -> str:
        """Run a command to its end and return what it printed."""
        done = subprocess.run(
            self._command(program, arguments),
            capture_output=True,
            text=True,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            timeout=COMMAND_S,
            check=False,
        )
        assert done.returncode in allowed, f"{program} {arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def reflect(self) -> subprocess.Popen:
        """Start the far end and wait until it answers."""
        child = self.start("netready-agent", "reflect", "--listen", self.server.removeprefix("ws://"))
        self.wait_for(self.server.replace("ws:", "http:") + "/healthz")
        return child

    def serve(self, *options: str) -> subprocess.Popen:
        """Start the collector and wait until it answers."""
        listen = ["--listen", f"127.0.0.1:{self.port}", "--data", str(self.data), "--server", self.server]
        child = self.start("netready-collector", "serve", *listen, *options)
        self.wait_for(self.address + "/healthz")
        return child

    def collector(self, *arguments: str) -> str:
        """Run a collector command on the same data."""
        return self.run("netready-collector", *arguments, "--data", str(self.data))

    def agent(self, *arguments: str, allowed: tuple[int, ...] = (0,)) -> str:
        """Run an agent command on the same state."""
        return self.run("netready-agent", *arguments, allowed=allowed)

    def join_a_school(self, school: str = "0042") -> None:
        """Import a registry of one school and enrol this computer there."""
        self.import_school(school)
        token = self.collector("enrollment", "create", "--school", school).strip()
        self.agent("enroll", "--collector", self.address, "--token", token)

    def import_school(self, school: str) -> None:
        """Import a registry of one school."""
        registry = self.folder / "registry.csv"
        columns = "school_id_govt,school_name,admin1,admin2,latitude,longitude,num_students,connectivity_type,operator"
        row = f"{school},Мектеп,KZ-75,Медеу,43.25,76.95,300,fibre,Operator,20,5"
        registry.write_text(f"{columns},download_speed_contracted,upload_speed_contracted\n{row}\n", encoding="utf-8")
        self.collector("schools", "import", str(registry))

    def sequences(self) -> list[int]:
        """Return the sequence numbers that the collector has stored, one entry for each stored report."""
        token = self.collector("access", "create", "--role", "ministry", "--name", "journey").strip()
        request = urllib.request.Request(f"{self.address}/api/v1/schools/0042")  # noqa: S310 - loopback
        request.add_header("Authorization", f"Bearer {token}")
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
            return sorted(test["sequence"] for test in json.load(answer)["speed_tests"])

    def postmaster(self) -> int:
        """Return the process id of this place's own embedded PostgreSQL."""
        (file,) = self.data.rglob("postmaster.pid")
        return int(file.read_text().splitlines()[0])

    def waiting(self) -> int:
        """Return how many reports wait in the agent's outbox."""
        file = self.state / "outbox.sqlite3"
        if not file.exists():
            return 0
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as connection:
            try:
                return connection.execute("select count(*) from reports").fetchone()[0]
            except sqlite3.OperationalError:  # the tables are not laid out yet
                return 0

    def wait_for(self, url: str) -> None:
        """Wait until a URL answers with success."""
        end = time.monotonic() + READY_S
        while True:
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - loopback
                return
            log = (self.folder / "log").read_text(errors="replace")
            assert time.monotonic() < end, f"{url} does not answer:\n{log}"
            time.sleep(0.1)

    def stop(self) -> None:
        """End everything this place started, by pid; ask first."""
        for child in reversed(self._running):
            if child.poll() is None:
                child.terminate()
        for child in self._running:
            try:
                child.wait(45)  # longer than the collector waits for what is under way
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def environment(self) -> dict[str, str]:
        """Return the environment in which this place's commands run."""
        return os.environ | {
            "NETREADY_STATE": str(self.state),
            "NETREADY_CONFIG": str(self.folder / "agent.toml"),
        }

    @staticmethod
    def _command(program: str, arguments: tuple[str, ...]) -> list[str]:
        return [str(Path(sys.executable).parent / program), *arguments]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
