"""``netready-agent run`` in fast time: the whole service as it is, by a clock that jumps from one job to the next.

    python -m tests.fakes.fast_agent FOLDER

The folder holds ``state``, ``agent.toml``, ``probes`` (instead of those that take time), and ``clock``: two numbers in
shared memory, so that time outlives a process that is killed. On each line of stdin, a wall time, it works until then
and answers with one line of JSON. Each report that is on disk goes into ``ledger``, by a write that no kill undoes.
"""

import json
import logging
import mmap
import os
import signal
import sqlite3
import struct
import sys
from contextlib import closing
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import psutil
from apscheduler.executors.base import BaseExecutor, run_job
from apscheduler.schedulers import base
from apscheduler.schedulers.base import STATE_STOPPED, BaseScheduler

from agent import probes, service, settings
from agent.errors import StateError
from agent.host.clock import Clock

_CLOCK = struct.Struct("dd")


class SharedClock:
    """The wall's clock and the steady one, in a file that every process of this computer maps."""

    def __init__(self, file: Path) -> None:
        if not file.exists():
            file.write_bytes(_CLOCK.pack(0.0, 0.0))
        with file.open("r+b") as opened:
            self._memory = mmap.mmap(opened.fileno(), _CLOCK.size)

    def read(self) -> tuple[float, float]:
        """Return both, in seconds."""
        wall_s, steady_s = _CLOCK.unpack_from(self._memory)
        return wall_s, steady_s

    def wall_s(self) -> float:
        """Return the wall's time."""
        return self.read()[0]

    def steady_s(self) -> float:
        """Return the steady time, which stands still while the computer sleeps."""
        return self.read()[1]

    def move(self, wall_s: float, steady_s: float = 0.0) -> None:
        """Move both on, or the wall's alone as sleep and people do."""
        wall, steady = self.read()
        _CLOCK.pack_into(self._memory, 0, wall + wall_s, steady + steady_s)

    def pass_until(self, wall_s: float) -> None:
        """Let time pass."""
        passed = max(0.0, wall_s - self.wall_s())
        self.move(passed, passed)


class InTurn(BaseExecutor):  # type: ignore[misc]  # APScheduler 3 has no types
    """The one worker thread, without the thread: what is due is done one after the other once it was planned."""

    def __init__(self) -> None:
        super().__init__()
        self._due: list[tuple[Any, list[datetime]]] = []

    def _do_submit_job(self, job: Any, run_times: list[datetime]) -> None:
        self._due.append((job, run_times))

    def work(self) -> None:
        """Do what is due."""
        while self._due:
            job, run_times = self._due.pop(0)
            self._run_job_success(job.id, run_job(job, job._jobstore_alias, run_times, self._logger.name))


class Stepped(BaseScheduler):  # type: ignore[misc]  # APScheduler 3 has no types
    """APScheduler with nobody who waits: ``step`` does what is due."""

    def __init__(self) -> None:
        self.worker = InTurn()
        super().__init__(executors={"default": self.worker}, **service.SCHEDULING)

    def wakeup(self) -> None:
        """Do nothing: the next step looks for itself."""

    def shutdown(self, wait: bool = True) -> None:
        """End: nothing is due any more."""
        super().shutdown(wait)

    def soonest(self) -> float:
        """Return when the next job is due."""
        return min((job.next_run_time.timestamp() for job in self.get_jobs()), default=float("inf"))

    def step(self) -> None:
        """Do what is due now."""
        self._process_jobs()
        self.worker.work()


class Life:
    """One life of the process, from power on to whatever ends it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clock = SharedClock(folder / "clock")
        self._until = self._clock.wall_s()
        self._scheduler = Stepped()

    def live(self) -> None:
        """Work until stdin ends."""
        config, clock = settings.load(self._folder / "agent.toml"), self._clock
        told = Clock(wall_s=clock.wall_s, steady_s=clock.steady_s, sleep=self._sleep)
        service.work(self._folder / "state", config, told, self._new_scheduler)

    def _new_scheduler(self) -> Stepped:
        self._scheduler = Stepped()
        return self._scheduler

    def _sleep(self, seconds: float) -> None:
        """Pass so many seconds of fast time; jobs that come due meanwhile are done, and nothing before we are told."""
        ends = self._clock.wall_s() + seconds
        while True:
            if self._clock.wall_s() >= self._until:
                before = self._clock.wall_s()
                self._wait_for_orders()
                ends += max(0.0, self._clock.wall_s() - before)  # slept: the wall's clock went on, this wait did not
                ends = min(ends, self._clock.wall_s() + seconds)
            moment = min(max(self._scheduler.soonest(), self._clock.wall_s()), ends, self._until)
            self._clock.pass_until(moment)
            if self._scheduler.state != STATE_STOPPED and self._scheduler.soonest() <= self._clock.wall_s():
                self._scheduler.step()
            if self._clock.wall_s() >= ends:
                return

    def _wait_for_orders(self) -> None:
        ours = psutil.Process()
        _say(rss=ours.memory_info().rss, handles=ours.num_fds())
        line = sys.stdin.readline()
        if not line:
            raise KeyboardInterrupt
        self._until = float(line)


class _Ledger(logging.Handler):
    """Writes down each report that the service says is kept: the newest in the outbox, which nobody sent yet."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._outbox = f"file:{folder / 'state' / 'outbox.sqlite3'}?mode=ro"
        self._file = os.open(folder / "ledger", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line at once."""
        if record.msg.startswith("report %d"):
            with closing(sqlite3.connect(self._outbox, uri=True)) as outbox:
                newest = outbox.execute("SELECT agent, sequence FROM reports ORDER BY id DESC LIMIT 1").fetchone()
            assert newest[1] == record.args[0], (newest, record.args)  # type: ignore[index]
            os.write(self._file, f"{newest[0]} {newest[1]}\n".encode())


def _say(**words: object) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def main(folder: Path) -> int:
    """Live once."""
    clock = SharedClock(folder / "clock")

    class Moment(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.fromtimestamp(clock.wall_s(), tz)

    base.datetime = Moment  # the only place where APScheduler itself asks for the time
    probes.__path__.insert(0, str(folder / "probes"))
    logging.basicConfig(filename=folder / "log", level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("agent.service").addHandler(_Ledger(folder))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        Life(folder).live()
    except StateError as error:
        _say(error=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
