"""Jobs beside the answers: named, each with an interval, each in exactly one process at a time.

A job is a function of the database and the settings. Every process that may run jobs tries each at its interval; the
database's lock (collector.store.jobs) gives the turn to one of them, on whatever machine, and to another when that one
dies. How each run ended is kept in the database, for /metrics, for the logs and for the next start.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence

import psycopg
from msgspec import Struct

from agent.contract.errors import NetreadyError
from collector.errors import DatabaseError
from collector.settings import Settings
from collector.store import jobs
from collector.store.database import Database

_log = logging.getLogger(__name__)
_LONGEST_PAUSE_S = 30.0
_LONGEST_ERROR = 500

Work = Callable[[Database, Settings], object]


class Job(Struct, frozen=True):
    """``every_s``: seconds from the beginning of one run to that of the next, if the run does not take longer."""

    name: str
    every_s: float
    work: Work


class Runner:
    """Runs jobs in threads of their own, so that a long one keeps no other from its turn."""

    def __init__(self, database: Database, settings: Settings, wanted: Sequence[Job]) -> None:
        self._database = database
        self._settings = settings
        self._ending = threading.Event()
        # Daemons: a job that does not end in time is cut off with the process, and its transaction with its connection.
        self._threads = [
            threading.Thread(target=self._keep_running, args=(job,), name=f"job-{job.name}", daemon=True)
            for job in wanted
        ]

    def start(self) -> None:
        """Begin; jobs whose time has come run at once."""
        for thread in self._threads:
            thread.start()

    def stop(self, within_s: float) -> bool:
        """Begin no further run and wait for those under way; tell whether all ended in time."""
        self._ending.set()
        until = time.monotonic() + within_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _keep_running(self, job: Job) -> None:
        pause = min(job.every_s, _LONGEST_PAUSE_S)
        last = ""
        while not self._ending.is_set():
            try:
                run_if_due(job, self._database, self._settings)
                last = ""
            except (DatabaseError, psycopg.Error) as error:  # not the job's own: it could not even be begun or noted
                if str(error) != last:
                    last = str(error)
                    _log.warning("job %s waits for the database: %s", job.name, error)
            self._ending.wait(pause)


def run_if_due(job: Job, database: Database, settings: Settings) -> bool:
    """Run a job if its time has come and nobody else runs it; tell whether it ran.

    Raises:
        DatabaseError: it could not be begun, or its end not be noted.
    """
    with jobs.alone(database, job.name) as connection:
        if connection is None or not jobs.begin(connection, job.name, every_s=job.every_s, run_by=_me()):
            return False
        began = time.monotonic()
        error = _run(job, database, settings)
        jobs.end(connection, job.name, duration_s=time.monotonic() - began, error=error)
        return True


def _run(job: Job, database: Database, settings: Settings) -> str | None:
    """Run a job; return the sentence of its failure, None where there was none."""
    began = time.monotonic()
    try:
        job.work(database, settings)
    except (NetreadyError, psycopg.Error, OSError) as error:
        _log.error("job %s failed: %s", job.name, error)
        return " ".join(str(error).split())[:_LONGEST_ERROR]
    except Exception as error:  # noqa: BLE001 - a mistake in one job must end neither the others nor the answers
        _log.exception("job %s has a mistake in it", job.name)
        return f"a mistake in netready itself ({type(error).__name__}); its trace is in the log"
    _log.debug("job %s done in %.1f s", job.name, time.monotonic() - began)
    return None


def _me() -> str:
    return f"{socket.gethostname()[:64]}:{os.getpid()}"
