"""Notices for people's programs: what happened within their scope, who is told of it, and what became of it."""

from datetime import datetime
from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Path, Query, Request, Response
from msgspec import Struct

from agent.contract.errors import MalformedError
from collector.api import answers
from collector.api.answers import body_of, json_answer, needs, part, schema_of
from collector.api.bodies import read_json
from collector.context import By, ByWhom, In, context_of
from collector.notices import subscribing
from collector.notices.subscribing import Holder, Subscribed, Wish
from collector.store import notices
from collector.store.notices import Delivery, Kind, ListedEvent, State, Subscriber, Wanted

Limit = Annotated[int, Query(ge=1, le=answers.MAX_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=512, description="from the answer before")]
Id = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]


class Tested(Struct, frozen=True, kw_only=True):
    """A test that is sent within seconds; what became of it is among the deliveries under this id."""

    id: str


KINDS = (ListedEvent, Subscriber, Delivery, Wish, Subscribed, Tested)
"""What the API's document describes of these routes."""

routes = APIRouter(prefix="/api/v1/notices", tags=["notices"])
"""The routes."""


@routes.get(
    "",
    responses=schema_of(ListedEvent, is_list=True),
    openapi_extra=needs("token"),
    summary="Breaches, disputes and silence as they began and ended, the newest first",
)
def list_events(
    context: In,
    viewer: By,
    school: Annotated[str | None, Query(max_length=64, description="of one school")] = None,
    kind: Annotated[Kind | None, Query(description="of one kind")] = None,
    since: Annotated[datetime | None, Query(description="with its zone, as 2026-11-01T00:00:00Z")] = None,
    limit: Limit = answers.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Answer what the viewer may see; ``is_late``: it came to light too late to be sent."""
    if since is not None and since.tzinfo is None:
        raise MalformedError("since: give its zone as well, as 2026-11-01T00:00:00Z")
    of = f"notices {school} {kind} {since}"
    offset = answers.offset_of(cursor, of)
    with context.database.reading(viewer) as connection:
        wanted = Wanted(school_id=school, kind=kind, since=since)
        found, total = notices.events(connection, wanted, limit=limit, offset=offset)
    return json_answer(part(found, total, of=of, offset=offset))


@routes.get(
    "/subscribers",
    responses=schema_of(Subscriber, is_list=True),
    openapi_extra=needs("token"),
    summary="Who is told",
)
def list_subscribers(
    context: In,
    viewer: By,
    ended: Annotated[bool, Query(description="those too that are told no more")] = False,
    limit: Limit = answers.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Answer the subscriptions of the viewer's own role and scope; the ministry's people see all."""
    with context.database.reading(viewer) as connection:
        found = notices.subscribers(connection, with_ended=ended)
    return json_answer(answers.page(found, of=f"subscribers {ended}", limit=limit, cursor=cursor))


@routes.post(
    "/subscribers",
    responses=schema_of(Subscribed),
    openapi_extra=needs("token") | body_of(Wish),
    summary="Be told by webhook or email; a webhook's secret is answered once",
)
async def subscribe(request: Request, asker: ByWhom) -> Response:
    """Tell somebody of what the asker may see."""
    asker.require("notices")
    context = context_of(request)
    wish = await read_json(request, Wish)

    def work() -> Subscribed:
        with context.database.ingesting() as connection:
            return subscribing.subscribe(
                connection,
                wish,
                asker.viewer,
                context.settings.notices,
                who=asker.who(),
                now=context.now(),
                holder=Holder("token", asker.name),
            )

    return json_answer(await anyio.to_thread.run_sync(work))


@routes.post(
    "/subscribers/{subscriber_id}/end",
    responses=schema_of(Subscriber),
    openapi_extra=needs("token"),
    summary="Be told no more",
)
def end(context: In, asker: ByWhom, subscriber_id: Id) -> Response:
    """End a subscription that the asker may see; answer what it was."""
    asker.require("notices")
    with context.database.reading(asker.viewer) as connection:
        found = subscribing.one_of(connection, subscriber_id, asker.viewer)
    with context.database.ingesting() as connection:
        subscribing.end(connection, found, who=asker.who(), now=context.now())
    return json_answer(found)


@routes.post(
    "/subscribers/{subscriber_id}/test",
    responses=schema_of(Tested),
    openapi_extra=needs("token"),
    summary="Send a test",
)
def test(context: In, asker: ByWhom, subscriber_id: Id) -> Response:
    """Let a test wait for its turn, which comes within seconds."""
    asker.require("notices")
    with context.database.reading(asker.viewer) as connection:
        found = subscribing.one_of(connection, subscriber_id, asker.viewer)
    with context.database.ingesting() as connection:
        made = subscribing.test(connection, found, who=asker.who(), now=context.now())
    return json_answer(Tested(id=made))


@routes.get(
    "/deliveries",
    responses=schema_of(Delivery, is_list=True),
    openapi_extra=needs("token"),
    summary="What was sent, waits or was given up, the newest first",
)
def list_deliveries(
    context: In,
    viewer: By,
    subscriber: Annotated[str | None, Query(max_length=16, description="to one subscriber")] = None,
    state: Annotated[State | None, Query(description="dead: given up")] = None,
    limit: Limit = answers.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Answer messages to subscribers of the viewer's own role and scope; the ministry's people see all."""
    of = f"deliveries {subscriber} {state}"
    offset = answers.offset_of(cursor, of)
    with context.database.reading(viewer) as connection:
        found, total = notices.deliveries(connection, subscriber, state, limit=limit, offset=offset)
    return json_answer(part(found, total, of=of, offset=offset))
