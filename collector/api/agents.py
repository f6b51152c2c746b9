"""What agents call: enrol, deliver reports, fetch the policy. Deliveries are answered only after the commit."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Annotated, TypeVar

import anyio
import anyio.to_thread
from fastapi import APIRouter, Request, Response
from msgspec import Meta, Struct
from prometheus_client import CollectorRegistry, Counter
from starlette.requests import ClientDisconnect

from agent.contract import signing, wire
from agent.contract.errors import MalformedError, SignatureError
from collector import enrollment, ingest, policy
from collector.api.answers import body_of, json_answer, needs, schema_of
from collector.api.problems import Busy
from collector.context import Context, In, context_of
from collector.errors import NotFound
from collector.store import agents, schools

_BODY_LIMIT = wire.MAX_BATCH_BYTES + 64 * 1024
_BODY_TIMEOUT_S = 60.0
_Answer = TypeVar("_Answer")


class SignedReports(Struct, frozen=True):
    """The body of a delivery as the API's document shows it; the whole body may be gzipped."""

    envelopes: Annotated[tuple[signing.Envelope, ...], Meta(min_length=1, max_length=wire.MAX_BATCH_REPORTS)]


class Door:
    """Lets a few deliveries in at once and some wait; the others are asked to come back, so that none is half done."""

    def __init__(self, *, workers: int, waiting: int, retry_after_s: int) -> None:
        self._limit = anyio.CapacityLimiter(workers)
        self._room = workers + waiting
        self._inside = 0
        self._retry_after_s = retry_after_s

    @contextlib.asynccontextmanager
    async def entered(self) -> AsyncIterator[None]:
        """Take a place, or raise Busy where there is none."""
        if self._inside >= self._room:
            raise Busy(self._retry_after_s)
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    async def run(self, work: Callable[[], _Answer]) -> _Answer:
        """Do blocking work in a thread when it is this delivery's turn."""
        return await anyio.to_thread.run_sync(work, limiter=self._limit)


def router(door: Door, metrics: CollectorRegistry) -> APIRouter:
    """Return the agents' routes."""
    routes = APIRouter(tags=["agents"])
    answered = Counter("netready_reports", "Reports by answer", ["answer"], registry=metrics)

    @routes.post(
        wire.ENROLL_PATH,
        responses=schema_of(wire.EnrollReply),
        openapi_extra=body_of(signing.Envelope),
        summary="Bind a computer's key to a school",
    )
    async def enroll(request: Request) -> Response:
        context = context_of(request)
        async with door.entered():
            body = await _body(request)

            def work() -> wire.EnrollReply:
                with context.database.ingesting() as connection:
                    return enrollment.enroll(connection, body, context.settings.policy, context.now())

            return json_answer(await door.run(work))

    @routes.post(
        wire.REPORTS_PATH,
        responses=schema_of(wire.BatchReply),
        openapi_extra=body_of(SignedReports),
        summary="Deliver signed reports",
    )
    async def deliver(request: Request) -> Response:
        context = context_of(request)
        async with door.entered():
            body = await _body(request)
            compressed = _is_gzip(request)
            receipts = await door.run(lambda: _accept(context, body, compressed=compressed))
        for receipt in receipts:
            answered.labels(receipt.answer).inc()
        version = policy.version(context.settings.policy)
        return json_answer(wire.BatchReply(items=tuple(receipts), policy_version=version))

    @routes.get(
        wire.POLICY_PATH,
        responses=schema_of(wire.Policy),
        openapi_extra=needs("agent"),
        summary="What an agent is told to do",
    )
    def policy_of_agent(request: Request, context: In) -> Response:
        agent_id, signature = signing.requesting_agent(request.headers.get("authorization", ""))
        with context.database.ingesting() as connection:
            agent = agents.agents_by_id(connection, [agent_id]).get(agent_id)
            if agent is None:
                raise NotFound("this computer's key was never enrolled here; enrol it with a token of its school")
            signing.verify_request("GET", wire.POLICY_PATH, signature, agent.public_key)
            if agent.revoked_at is not None:
                raise SignatureError("this computer was taken out of service; enrol it again if that was wrong")
            school = schools.school(connection, agent.school_id)
            if school is None:
                raise NotFound(f"school {agent.school_id} is no longer in the registry")
            inside = policy.inside_of(connection, school, context.settings.policy, context.now())
        return json_answer(policy.policy_for(school, context.settings.policy, inside))

    return routes


def _accept(context: Context, body: bytes, *, compressed: bool) -> list[wire.Receipt]:
    """Return the receipts of a batch; leaving the block commits, so none is given out before."""
    envelopes = ingest.read_batch(body, compressed=compressed)
    with context.database.ingesting() as connection:
        return ingest.accept(connection, envelopes, context.now())


def _is_gzip(request: Request) -> bool:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        raise MalformedError(f"the content encoding {encoding!r} is not understood; send gzip or none")
    return encoding == "gzip"


async def _body(request: Request) -> bytes:
    """Read the body within a size and a time, so that neither a huge nor a dripping one holds a place."""
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_BODY_TIMEOUT_S):
            async for chunk in request.stream():
                size += len(chunk)
                if size > _BODY_LIMIT:
                    raise ingest.TooLarge(f"the body has more than {_BODY_LIMIT} bytes; send fewer reports at once")
                chunks.append(chunk)
    except TimeoutError as error:
        raise MalformedError(f"the body did not arrive within {_BODY_TIMEOUT_S:.0f} seconds; send it again") from error
    except ClientDisconnect as error:
        raise MalformedError("the connection ended before the body did; send it again") from error
    return b"".join(chunks)
