"""What agents call: enrol, deliver reports, fetch the policy. Deliveries are answered only after the commit."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Annotated, Any, TypeVar

import anyio
import anyio.to_thread
from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from msgspec import Meta, Struct

from agent.contract import signing, wire
from agent.contract.errors import MalformedError
from collector import enrollment
from collector.api.answers import body_of, json_answer, needs, schema_of
from collector.api.bodies import Bodies
from collector.api.delivery import Deliveries
from collector.api.problems import Busy
from collector.context import Context, In
from collector.errors import NotFound
from collector.metrics import Metrics
from collector.settings import IngestSettings
from collector.store import agents, schools
from collector.store.database import Connection
from collector.telling import Teller

_Answer = TypeVar("_Answer")


class SignedReports(Struct, frozen=True):
    """The body of a delivery as the API's document shows it; the whole body may be gzipped."""

    envelopes: Annotated[tuple[signing.Envelope, ...], Meta(min_length=1, max_length=wire.MAX_BATCH_REPORTS)]


class Door:
    """Lets a few requests in at once and some wait; the others are asked to come back, so that none is half done."""

    def __init__(self, settings: IngestSettings) -> None:
        self._limit = anyio.CapacityLimiter(settings.workers)
        self._room = settings.workers + settings.waiting
        self._inside = 0
        self._retry_after_s = settings.retry_after_s

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
        """Do blocking work in a thread when it is this request's turn."""
        return await anyio.to_thread.run_sync(work, limiter=self._limit)


class _Bare(APIRoute):
    """A route whose function reads the request itself: nothing is looked for that would take time and is unused."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return handler


def router(context: Context, teller: Teller, metrics: Metrics) -> APIRouter:
    """Return the agents' routes."""
    routes = APIRouter(tags=["agents"])
    bare = APIRouter(route_class=_Bare)
    bodies = Bodies(context.settings.ingest)
    door = Door(context.settings.ingest)
    deliveries = Deliveries(context, teller, metrics)

    _add_enrollment(bare, context, bodies, door)

    @bare.post(
        wire.REPORTS_PATH,
        responses=schema_of(wire.BatchReply),
        openapi_extra=body_of(SignedReports),
        summary="Deliver signed reports",
    )
    async def deliver(request: Request) -> Response:
        compressed = _is_gzip(request)
        async with bodies.read(request) as body:
            reply = await deliveries.store(body, compressed=compressed)
        for answer, count in Counter(receipt.answer for receipt in reply.items).items():
            metrics.reports.labels(answer).inc(count)
        return json_answer(reply)

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
            enrollment.require_in_service(agent)
            school = schools.school(connection, agent.school_id)
            if school is None:
                raise NotFound(f"school {agent.school_id} is no longer in the registry")
            made = teller.policy(connection, school, agent_id, context.now())
        # RFC 9110, 8.8.3 and 13.1.2: the version is the entity tag.
        tag = f'"{made.version}"'
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers={"etag": tag})
        answer = json_answer(made)
        answer.headers["etag"] = tag
        return answer

    routes.include_router(bare)
    return routes


def _add_enrollment(bare: APIRouter, context: Context, bodies: Bodies, door: Door) -> None:
    async def answered(request: Request, work: Callable[[Connection, bytes], object]) -> Response:
        async with bodies.read(request) as body, door.entered():

            def done() -> object:
                with context.database.ingesting() as connection:
                    return work(connection, body)

            return json_answer(await door.run(done))

    @bare.post(
        wire.ENROLL_PATH,
        responses=schema_of(wire.EnrollReply),
        openapi_extra=body_of(signing.Envelope),
        summary="Bind a computer's key to a school",
    )
    async def enroll(request: Request) -> Response:
        settings, now = context.settings.policy, context.now()
        return await answered(request, lambda connection, body: enrollment.enroll(connection, body, settings, now))

    @bare.post(
        wire.ENROLL_SCHOOLS_PATH,
        responses=schema_of(wire.SchoolsReply),
        openapi_extra=body_of(wire.SchoolsRequest),
        summary="The schools that a region's token can enrol computers for",
    )
    async def choose(request: Request) -> Response:
        now = context.now()
        return await answered(request, lambda connection, body: enrollment.schools_to_choose(connection, body, now))

    @bare.post(
        wire.LEAVE_PATH,
        responses=schema_of(wire.LeaveReply),
        openapi_extra=body_of(signing.Envelope),
        summary="This computer leaves its school",
    )
    async def leave(request: Request) -> Response:
        now = context.now()
        return await answered(request, lambda connection, body: enrollment.leave(connection, body, now))


def _is_gzip(request: Request) -> bool:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        raise MalformedError(f"the content encoding {encoding!r} is not understood; send gzip or none")
    return encoding == "gzip"
