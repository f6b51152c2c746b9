"""Collector killed, database killed, disk full, again and again under load: what was called stored is there, once."""

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks import fleet
from tests.fakes.outboxes import Outboxes
from tests.journey.place import Place

_COMPUTERS, _SCHOOLS = 12, 6
_ROUNDS = 8
_REPORTS = 100  # between two blows


@contextlib.contextmanager
def small_disk(folder: Path, size: str = "320m") -> Iterator[Path]:
    """Mount a disk in memory that is soon full; needs root."""
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(disk)], check=True, timeout=10)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True, timeout=10)


@contextlib.contextmanager
def besieged(folder: Path) -> Iterator["Siege"]:
    """Run a real collector on its own database, to be killed; whatever is left of both ends with it."""
    folder.chmod(0o755)
    siege = Siege(folder)
    try:
        yield siege
    finally:
        siege.place.stop()
        pid = siege.database()
        if pid is not None:  # a collector that was killed leaves its database running
            os.kill(pid, signal.SIGINT)
            _wait(lambda: siege.database() is None, "the database does not end")


class Siege:
    """A collector that is dealt blows."""

    def __init__(self, folder: Path) -> None:
        self.place = Place(folder)
        self._collector = self.place.serve()
        self._ballast = folder / "ballast"

    def database(self) -> int | None:
        """Return the process id of the database's server, if there is one just now."""
        for file in self.place.data.rglob("postmaster.pid"):
            with contextlib.suppress(OSError, ValueError, IndexError):  # gone, or being written
                return int(file.read_text().splitlines()[0])
        return None

    def kill_database(self, outboxes: Outboxes) -> None:
        """Kill -9 the database's server; the collector starts another."""
        pid = self.database()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        _wait(lambda: self.database() not in (None, pid), "nobody started the database again")
        outboxes.wait_for(_REPORTS)

    def kill_collector(self, outboxes: Outboxes) -> None:
        """Kill -9 the collector, and start it again; it takes over the database that still runs."""
        self._collector.kill()
        self._collector.wait()
        self._collector = self.place.serve()
        outboxes.wait_for(_REPORTS)

    def kill_both(self, outboxes: Outboxes) -> None:
        """Kill -9 both at once, as a power cut does, and start again."""
        pid = self.database()
        self._collector.kill()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        self._collector.wait()
        self._collector = self.place.serve()
        outboxes.wait_for(_REPORTS)

    def fill_disk(self, outboxes: Outboxes) -> None:
        """Leave no byte on the disk until reports are turned away; then there is room again."""
        with self._ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"\0" * 65_536)
        outboxes.wait_for_trouble()
        self._ballast.unlink()
        outboxes.wait_for(_REPORTS)

    def check(self, outboxes: Outboxes) -> tuple[int, int, int]:
        """Return how many reports are there, how many that were called stored are not, and how many are there twice."""
        with fleet.opened(self.place) as database, database.owning() as connection:
            found = Counter(connection.execute("select agent_id, sequence from report").fetchall())
            tests = connection.execute("select count(*) from speed_test").fetchone()
            heads = connection.execute("select sum(highest_sequence) from agent").fetchone()
        assert tests == heads == (found.total(),), (tests, heads, found.total())
        return found.total(), len(outboxes.kept - set(found)), sum(count > 1 for count in found.values())


def run() -> None:
    """Print the table."""
    if os.geteuid() != 0:
        print("kills: not measured: a small disk to fill needs root")
        return
    broken = False
    table = Table("blow", "times", "called stored", "in the database", "lost", "twice", "turned away or cut off")
    with tempfile.TemporaryDirectory(prefix="netready-bench-") as folder, small_disk(Path(folder), "1g") as disk:
        Path(folder).chmod(0o755)
        with besieged(disk) as siege, Console().status("killing"):
            computers = fleet.enrolled(siege.place, _COMPUTERS, _SCHOOLS)
            for blow in (siege.kill_database, siege.kill_collector, siege.kill_both, siege.fill_disk):
                with Outboxes(siege.place.port, computers) as outboxes:
                    outboxes.wait_for(_REPORTS)
                    for _ in range(_ROUNDS):
                        blow(outboxes)
                found = siege.check(outboxes)
                words = (blow.__name__.replace("_", " "), _ROUNDS, len(outboxes.kept), *found, outboxes.troubles())
                table.add_row(*map(str, words))
                broken |= found[1:] != (0, 0)
    table.title, table.title_justify = "Blows under load; the database's column counts all so far", "left"
    Console(width=118).print(table)
    assert not broken


def _wait(is_so: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end, otherwise
        time.sleep(0.02)
