"""What agents ask before they fill their school's line, and when they have done."""

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread
import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Struct

from agent.contract import signing, wire
from agent.contract.errors import MalformedError
from collector import enrollment, turns
from collector.api.answers import body_of, json_answer, schema_of
from collector.context import Context, context_of
from collector.errors import NotFound
from collector.ledger import ticketing
from collector.store import agents
from collector.store.agents import AgentRecord
from collector.store.database import Connection

_MAX_BODY_BYTES = 64 * 1024
_AT_ONCE = 4  # the rest of the database's connections is for reports
_Asked = TypeVar("_Asked")
_Answer = TypeVar("_Answer")


class Released(Struct, frozen=True):
    """The lease, or the place in the queue, is given back; asking again changes nothing."""

    released: bool = True


def router() -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["agents"])
    limiter = anyio.CapacityLimiter(_AT_ONCE)

    async def run(work: Callable[[], _Answer]) -> _Answer:
        return await anyio.to_thread.run_sync(work, limiter=limiter)

    @routes.post(
        wire.LEASE_PATH,
        responses=schema_of(wire.LeaseReply),
        openapi_extra=body_of(signing.Envelope),
        summary="May this computer fill the line now?",
    )
    async def ask(request: Request) -> Response:
        context, body = context_of(request), await _body(request)
        return json_answer(await run(lambda: _ask(context, body)))

    @routes.post(
        wire.RELEASE_PATH,
        responses=schema_of(Released),
        openapi_extra=body_of(signing.Envelope),
        summary="This computer has done",
    )
    async def release(request: Request) -> Response:
        context, body = context_of(request), await _body(request)
        return json_answer(await run(lambda: _release(context, body)))

    return routes


def _ask(context: Context, body: bytes) -> wire.LeaseReply:
    with context.database.ingesting() as connection:
        agent, asked = _opened(connection, body, wire.LEASE_TYPE, wire.LeaseRequest)
        enrollment.require_in_service(agent)
        reply = turns.ask(connection, agent, asked, context.settings.policy, context.now())
    return ticketing.with_ticket(context.settings, reply, context.now())


def _release(context: Context, body: bytes) -> Released:
    with context.database.ingesting() as connection:
        agent, asked = _opened(connection, body, wire.RELEASE_TYPE, wire.LeaseRelease)
        turns.release(connection, agent, asked.lease, context.now())
    return Released()


def _opened(connection: Connection, body: bytes, kind: str, payload: type[_Asked]) -> tuple[AgentRecord, _Asked]:
    """Return who signed a request, and what it says.

    Raises:
        MalformedError: it is no envelope, or not such a request.
        NotFound: nobody that ever enrolled here signed it.
        SignatureError: the signature does not fit.
    """
    envelope = signing.decode_envelope(body)
    keyids = [one.keyid for one in envelope.signatures if "\0" not in one.keyid]
    known = agents.agents_by_id(connection, keyids)
    agent = next((known[keyid] for keyid in keyids if keyid in known), None)
    if agent is None:
        raise NotFound("this computer's key was never enrolled here; enrol it with a token of its school")
    signed = signing.verify(envelope, kind, agent.public_key)
    try:
        return agent, msgspec.json.decode(signed, type=payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"the request cannot be read: {error}") from error


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            raise MalformedError(f"the body has more than {_MAX_BODY_BYTES} bytes; a request for a lease is short")
    return bytes(body)
