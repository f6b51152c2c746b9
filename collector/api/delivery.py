"""Deliveries of reports, stored many in one transaction: what is answered "stored" is committed, at a shared cost.

A group waits a moment for more to come, and while it is being committed the next one gathers. A second group is stored
beside the first only where enough wait for one: many small groups would cost more than they save.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence

import anyio
import anyio.to_thread
import msgspec
import psycopg
from msgspec import Struct

from agent.contract import wire
from agent.contract.errors import MalformedError
from collector import ingest
from collector.api.problems import Busy
from collector.context import Context
from collector.errors import DatabaseError
from collector.ledger.promising import Promiser
from collector.metrics import Metrics
from collector.settings import IngestSettings
from collector.store import test_orders
from collector.store.test_orders import AgentState
from collector.telling import Teller, Told

# A group large enough to make a commit cheap, small enough to be answered within a blink.
_GROUP_REPORTS = 500
_GROUP_BYTES = 8 * 1024 * 1024
_GATHER_S = 0.005
_ENOUGH = 16

_Failure = MalformedError | DatabaseError | psycopg.Error


class Delivery(Struct, eq=False):
    """One whole body that waits for its group, and what became of it."""

    body: bytes
    compressed: bool
    answer: asyncio.Future[wire.BatchReply]
    envelopes: Sequence[bytes] = ()
    outcome: wire.BatchReply | _Failure | None = None

    def settle(self) -> None:
        """Give the answer to whoever waits for it."""
        if self.answer.done():  # nobody waits any more
            return
        if isinstance(self.outcome, wire.BatchReply):
            self.answer.set_result(self.outcome)
        else:
            self.answer.set_exception(self.outcome or RuntimeError("a delivery was left without an answer"))


class Deliveries:
    """A bounded queue of deliveries, and the groups that are being stored."""

    def __init__(self, context: Context, teller: Teller, metrics: Metrics) -> None:
        self._context = context
        self._metrics = metrics
        self._settings: IngestSettings = context.settings.ingest
        self._teller = teller
        self._promiser = Promiser(context.settings)
        self._limit = anyio.CapacityLimiter(self._settings.workers)
        self._waiting: deque[Delivery] = deque()
        self._storing = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def store(self, body: bytes, *, compressed: bool) -> wire.BatchReply:
        """Store a delivery and return the answer to it, given only after the commit.

        Raises:
            Busy: too many wait already.
            MalformedError: it is no batch of reports.
            DatabaseError: it could not be stored; nothing of it was.
        """
        if len(self._waiting) >= self._settings.waiting + self._settings.workers:
            raise Busy(self._settings.retry_after_s)
        delivery = Delivery(body, compressed, asyncio.get_running_loop().create_future())
        self._waiting.append(delivery)
        self._begin()
        self._metrics.ingest_waiting.inc()
        try:
            return await delivery.answer
        finally:
            self._metrics.ingest_waiting.dec()

    def _begin(self) -> None:
        if len(self._waiting) >= (_ENOUGH if self._storing else 1) and self._storing < self._settings.workers:
            self._storing += 1
            task = asyncio.create_task(self._store_groups())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _store_groups(self) -> None:
        try:
            while self._waiting:
                if len(self._waiting) < _ENOUGH:
                    await asyncio.sleep(_GATHER_S)
                await self._store_next_group()
        finally:
            self._storing -= 1

    async def _store_next_group(self) -> None:
        taken: list[Delivery] = []
        try:
            await anyio.to_thread.run_sync(self._store_group, taken, limiter=self._limit)
        finally:
            for delivery in taken:
                delivery.settle()

    def _store_group(self, taken: list[Delivery]) -> None:
        """Take waiting deliveries, as many as make a group, and store them; in a thread."""
        group = self._gather(taken)
        if not group:
            return
        try:
            self._commit(group)
        except DatabaseError as error:
            for delivery in group:
                delivery.outcome = DatabaseError(str(error))
        except psycopg.Error:
            # Something that one of them holds, and that ingest did not foresee: it shall not cost the others.
            for delivery in group:
                self._commit_alone(delivery)

    def _gather(self, taken: list[Delivery]) -> list[Delivery]:
        group: list[Delivery] = []
        reports = size = 0
        while reports < _GROUP_REPORTS and size < _GROUP_BYTES:
            try:
                delivery = self._waiting.popleft()
            except IndexError:
                break
            taken.append(delivery)
            try:
                # Copied, so that what a body unpacked to is held no longer than needed.
                delivery.envelopes = [bytes(one) for one in _read(delivery)]
            except MalformedError as error:
                delivery.outcome = error
                continue
            group.append(delivery)
            reports += len(delivery.envelopes)
            size += sum(map(len, delivery.envelopes))
        return group

    def _commit_alone(self, delivery: Delivery) -> None:
        try:
            self._commit([delivery])
        except (DatabaseError, psycopg.Error) as error:
            delivery.outcome = error

    def _commit(self, group: Sequence[Delivery]) -> None:
        """Store deliveries in one transaction; when it has been committed, note the answer to each."""
        now = self._context.now()
        envelopes = [envelope for delivery in group for envelope in delivery.envelopes]
        with self._metrics.commit_seconds.time(), self._context.database.ingesting() as connection:
            taken = ingest.take(connection, envelopes, now, self._context.zone)
            senders = sorted({agent for agent in taken.agents if agent is not None})
            states = test_orders.states(connection, senders, now) if senders else {}
            self._promiser.look(connection, now)
        self._metrics.commit_reports.observe(len(envelopes))
        told = self._told(states)
        begin = 0
        for delivery in group:
            end = begin + len(delivery.envelopes)
            sender = next((one for one in taken.agents[begin:end] if one is not None), "")
            passing = told.get(sender, Told())
            receipts = taken.receipts[begin:end]
            delivery.outcome = wire.BatchReply(
                items=tuple(receipts),
                policy_version=passing.policy_version,
                orders=passing.orders,
                promise=self._promiser.promise(receipts, now),
            )
            begin = end

    def _told(self, states: Mapping[str, AgentState]) -> dict[str, Told]:
        now = self._context.now()
        told, unknown = self._teller.known(states, now)
        if unknown is None or self._waiting:
            return told  # a policy takes as long to make as many reports take to store: not while somebody waits
        try:
            # One school's policy at a time: the others' computers are told with what they send next.
            with self._context.database.ingesting() as connection:
                self._teller.learn(connection, unknown, now)
        except DatabaseError:  # what was stored is stored, and has to be answered so
            return told
        return self._teller.known(states, now)[0]


def _read(delivery: Delivery) -> Sequence[msgspec.Raw]:
    return ingest.read_batch(delivery.body, compressed=delivery.compressed)
