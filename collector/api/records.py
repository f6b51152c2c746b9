"""What test servers deliver, and what people's programs ask of them: keys, records, tests that nobody reported."""

from datetime import datetime
from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Query, Request, Response
from msgspec import Meta, Struct

from agent.contract import signing, wire
from collector import records
from collector.api import answers
from collector.api.answers import body_of, json_answer, needs, page, schema_of
from collector.api.bodies import Bodies
from collector.context import By, Context, In
from collector.store import records as stored
from collector.store.records import MissingTest, ServerKey, StoredRecord

_MOST = 10_000
Limit = Annotated[int, Query(ge=1, le=answers.MAX_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=512, description="from the answer before")]
School = Annotated[str | None, Query(max_length=64, description="of one school")]
Moment = Annotated[datetime, Query(description="with its zone, as 2026-11-01T00:00:00Z")]


class SignedRecords(Struct, frozen=True):
    """The body of a delivery as the API's document shows it."""

    envelopes: Annotated[tuple[signing.Envelope, ...], Meta(min_length=1, max_length=wire.MAX_BATCH_RECORDS)]


KINDS = (SignedRecords, wire.RecordReply, ServerKey, StoredRecord, MissingTest)
"""What the API's document describes of these routes."""


def router(context: Context) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(tags=["test servers"])
    bodies = Bodies(context.settings.ingest)

    @routes.post(
        wire.RECORDS_PATH,
        responses=schema_of(wire.RecordReply),
        openapi_extra=body_of(SignedRecords),
        summary="Deliver a test server's signed records",
    )
    async def deliver(request: Request) -> Response:
        async with bodies.read(request) as body:

            def work() -> wire.RecordReply:
                envelopes = records.read_batch(body)
                with context.database.ingesting() as connection:
                    return records.take(connection, envelopes, context.now(), context.zone)

            return json_answer(await anyio.to_thread.run_sync(work))

    @routes.get(
        "/api/v1/records/servers",
        responses=schema_of(ServerKey, is_list=True),
        openapi_extra=needs("token"),
        summary="The test servers and their keys",
    )
    def servers(context: In, viewer: By, limit: Limit = answers.DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
        with context.database.reading(viewer) as connection:
            found = sorted(stored.keys(connection).values(), key=lambda one: (one.url, one.since, one.key_id))
        return json_answer(page(found, of="servers", limit=limit, cursor=cursor))

    @routes.get(
        "/api/v1/records/missing",
        responses=schema_of(MissingTest, is_list=True),
        openapi_extra=needs("token"),
        summary="Tests that a server recorded and no report told of within 14 days",
    )
    def missing(
        context: In, viewer: By, school: School = None, limit: Limit = answers.DEFAULT_LIMIT, cursor: Cursor = None
    ) -> Response:
        with context.database.reading(viewer) as connection:
            found = records.missing(connection, context.now(), school, limit=_MOST)
        return json_answer(page(found, of=f"missing {school}", limit=limit, cursor=cursor))

    @routes.get(
        wire.RECORDS_PATH,
        responses=schema_of(StoredRecord, is_list=True),
        openapi_extra=needs("token"),
        summary="Test servers' own signed records of a school's tests",
        description="Operators and schools see a record's lease and envelope from a day after its test on: until then"
        " the envelope is empty.",
    )
    def of_school(
        context: In,
        viewer: By,
        school: Annotated[str, Query(max_length=64)],
        begins: Moment,
        ends: Moment,
        limit: Limit = answers.DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Response:
        with context.database.reading(viewer) as connection:
            found = stored.of_school(connection, school, records.aware(begins), records.aware(ends))
        shown = [records.shown_to(viewer.role, one, context.now()) for one in found]
        return json_answer(page(shown, of=f"records {school}", limit=limit, cursor=cursor))

    return routes
