import threading

import psycopg
import pytest

from collector.errors import NotFound
from collector.jobs import Job, Runner, run_if_due
from collector.settings import Settings
from collector.store import jobs as stored


@pytest.fixture
def record(database):
    """Return what is stored of a job."""

    def find(name: str) -> stored.JobRecord:
        with database.owning() as connection:
            return next(one for one in stored.jobs(connection) if one.name == name)

    return find


def test_a_job_runs_when_its_time_has_come(database, record):
    """It runs at once, then not again before its interval is over."""
    ran = []
    job = Job("count", 3600, lambda *given: ran.append(given))
    settings = Settings()
    assert [run_if_due(job, database, settings) for _ in range(3)] == [True, False, False]
    assert ran == [(database, settings)]
    assert (record("count").runs, record("count").outcome, record("count").error) == (1, "done", None)
    with database.owning() as connection:
        connection.execute("update job set started_at = started_at - interval '1 hour'")
    assert run_if_due(job, database, settings)


def test_a_job_runs_in_one_process_at_a_time(database):
    """While one runs it, another passes it over, even if its time had come."""
    begun, go_on, done = threading.Event(), threading.Event(), []

    def work(*_) -> None:
        begun.set()
        assert go_on.wait(30)

    job = Job("long", 0, work)
    first = threading.Thread(target=lambda: done.append(run_if_due(job, database, Settings())))
    first.start()
    assert begun.wait(30)
    assert not run_if_due(job, database, Settings())
    go_on.set()
    first.join(30)
    assert done == [True]


def test_another_takes_over_when_the_one_that_ran_it_died(database, database_url, record):
    """The lock ends with the connection of whoever held it; a run that never ended is begun again."""
    job = Job("taken-over", 0, lambda *_: None)
    with stored.alone(database, job.name) as connection:
        assert connection is not None
        assert stored.begin(connection, job.name, every_s=0, run_by="elsewhere:1")
        assert not run_if_due(job, database, Settings())
        with psycopg.connect(database_url, autocommit=True) as boss:
            boss.execute("select pg_terminate_backend(%s::integer)", (connection.info.backend_pid,))
    assert record(job.name).duration_s is None
    assert run_if_due(job, database, Settings())
    assert record(job.name).outcome == "done"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NotFound("nothing here"), "nothing here"),
        (KeyError("secret detail"), "a mistake in netready itself (KeyError); its trace is in the log"),
    ],
)
def test_a_failed_run_is_told_and_tried_again(database, record, caplog, error, told):
    """A failure is kept with its sentence, a mistake of ours logged with its trace; the next run clears it."""
    failing = [True]

    def work(*_) -> None:
        if failing:
            raise error

    job = Job("shaky", 0, work)
    assert run_if_due(job, database, Settings())
    assert (record("shaky").outcome, record("shaky").error, record("shaky").failures) == ("failed", told, 1)
    assert record("shaky").succeeded_at is None
    assert "shaky" in caplog.text
    failing.clear()
    assert run_if_due(job, database, Settings())
    assert (record("shaky").outcome, record("shaky").error, record("shaky").failures) == ("done", None, 1)


def test_jobs_go_on_after_the_database_was_away(database, database_url):
    """A lost connection costs a run, not the job."""
    ran = threading.Semaphore(0)
    runner = Runner(database, Settings(), [Job("steady", 0.05, lambda *_: ran.release())])
    runner.start()
    try:
        assert ran.acquire(timeout=30)
        with psycopg.connect(database_url, autocommit=True) as boss:
            boss.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
                " and pid <> pg_backend_pid()"
            )
        for _ in range(3):
            assert ran.acquire(timeout=30)
    finally:
        assert runner.stop(30)


def test_a_job_that_does_not_end_is_not_waited_for_longer_than_the_limit(database):
    """The end of the collector does not hang on a job."""
    begun, go_on = threading.Event(), threading.Event()

    def work(*_) -> None:
        begun.set()
        go_on.wait(60)

    runner = Runner(database, Settings(), [Job("endless", 0.05, work)])
    runner.start()
    assert begun.wait(30)
    assert not runner.stop(0.1)
    go_on.set()
    assert runner.stop(30)


def test_a_job_that_fails_does_not_keep_another_from_running(database, caplog):
    """Each job has a thread of its own."""
    ran = threading.Semaphore(0)

    def fail(*_) -> None:
        raise NotFound("never works")

    runner = Runner(database, Settings(), [Job("bad", 0.05, fail), Job("good", 0.05, lambda *_: ran.release())])
    runner.start()
    try:
        for _ in range(3):
            assert ran.acquire(timeout=30)
    finally:
        assert runner.stop(30)
    assert "job bad failed: never works" in caplog.text
