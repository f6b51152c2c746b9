import asyncio
import contextlib

import pytest
from prometheus_client import CollectorRegistry

from agent.contract.errors import MalformedError
from collector import ingest, policy
from collector.api.delivery import Deliveries
from collector.api.problems import Busy
from collector.context import Context
from collector.errors import DatabaseError
from collector.metrics import Metrics
from collector.settings import IngestSettings, Settings
from collector.store.database import MINISTRY
from collector.telling import Teller
from tests.fakes.computer import batch, throughput


@pytest.fixture
def computers(add_school, enrolled):
    """Computers of two schools."""
    add_school("1")
    add_school("2")
    return [enrolled(f"{1 + seed % 2}", seed) for seed in range(1, 9)]


@pytest.fixture
def store(database):
    """Deliver bodies all at once; return what became of each, answers and errors."""

    def deliver(*sent: bytes, **settings) -> list:
        chosen = Settings(ingest=IngestSettings(**settings))
        zone = policy.zone_of(chosen.policy)
        context = Context(database=database, settings=chosen, zone=zone, loopback_only=True)
        deliveries = Deliveries(context, Teller(chosen.policy), Metrics(CollectorRegistry()))

        async def all_of_them() -> list:
            waiting = (deliveries.store(body, compressed=False) for body in sent)
            return await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 60)

        return asyncio.run(all_of_them())

    return deliver


@pytest.fixture
def ask(database):
    """Read from the store with the ministry's eyes."""

    def read(question: str) -> list[tuple]:
        with database.reading(MINISTRY) as connection:
            return connection.execute(question).fetchall()

    return read


def test_what_comes_together_is_stored_together(computers, store, ask):
    """Deliveries that wait at the same time share one transaction, and each gets its own answers in its own order."""
    sent = [batch(one.report(throughput(1e6 * number, 1e6)), b"{}") for number, one in enumerate(computers, 1)]
    answers = store(*sent)
    assert [[one.answer for one in answer.items] for answer in answers] == [["stored", "refused"]] * 8
    assert ask("select count(*), count(distinct received_at) from report") == [(8, 1)]


def test_a_body_that_is_none_costs_its_neighbours_nothing(computers, store, ask):
    """Only who sent nonsense is told so."""
    first, nonsense, last = store(
        batch(computers[0].report(throughput(1e6, 1e6))), b"[", batch(computers[1].report(throughput(1e6, 1e6)))
    )
    assert isinstance(nonsense, MalformedError)
    assert [one.items[0].answer for one in (first, last)] == ["stored", "stored"]


def test_the_queue_is_bounded(computers, store, ask):
    """Who comes when too many wait is asked to come back; the others are stored, once."""
    sent = [batch(one.report(throughput(1e6, 1e6))) for one in computers]
    answers = store(*sent, waiting=3, workers=1)
    assert [isinstance(one, Busy) for one in answers] == [False] * 4 + [True] * 4
    assert ask("select count(*) from report") == [(4,)]


def test_the_same_report_twice_at_once_is_stored_once(computers, store, ask):
    """A delivery that was repeated before its answer came is told that it is known already."""
    body = batch(computers[0].report(throughput(1e6, 1e6)))
    answers = store(body, body)
    assert [one.items[0].answer for one in answers] == ["stored", "duplicate"]
    assert ask("select count(*) from report") == [(1,)]


def test_without_a_database_nobody_is_told_that_it_was_stored(computers, store, database, monkeypatch):
    """Each of a group that could not be stored learns it, and nobody waits for ever."""

    @contextlib.contextmanager
    def gone():
        raise DatabaseError("the database cannot be used")
        yield

    monkeypatch.setattr(database, "ingesting", gone)
    answers = store(*[batch(one.report(throughput(1e6, 1e6))) for one in computers])
    assert all(isinstance(one, DatabaseError) for one in answers)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_mistake_of_ours_leaves_nobody_waiting(computers, store, monkeypatch):
    """Even an error that nobody foresaw is answered, and what comes after it is stored."""
    real, calls = ingest.take, []

    def broken(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            raise ZeroDivisionError
        return real(*arguments)

    monkeypatch.setattr(ingest, "take", broken)
    (first,) = store(batch(computers[0].report(throughput(1e6, 1e6))))
    assert isinstance(first, RuntimeError)
    (second,) = store(batch(computers[1].report(throughput(1e6, 1e6))))
    assert second.items[0].answer == "stored"
