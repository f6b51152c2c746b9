"""Contracts, exclusions and disputes for people's programs: each role sees and says what concerns it."""

from datetime import date, datetime
from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Path, Query, Request, Response
from msgspec import Struct

from agent.contract.errors import MalformedError
from collector import policy
from collector.agreements import contracts, disputes, exclusions
from collector.agreements.contracts import HeldContract, TermsWish
from collector.agreements.disputes import Decision, ListedDispute, Objection, Occasion, Piece
from collector.agreements.exclusions import Filing, Settlement
from collector.api import answers
from collector.api.answers import body_of, json_answer, needs, page, schema_of
from collector.api.bodies import checked, read_json, read_small
from collector.context import Asker, By, ByWhom, Context, In, context_of, note
from collector.errors import NotFound
from collector.store.agreements import Wanted
from collector.store.schools import visible_school
from collector.verdicts.disputes import Claim
from collector.verdicts.exclusions import Exclusion
from collector.verdicts.terms import Terms

Limit = Annotated[int, Query(ge=1, le=answers.MAX_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=512, description="from the answer before")]
School = Annotated[str | None, Query(max_length=64, description="of one school")]
OfOperator = Annotated[str | None, Query(max_length=200, description="with one operator")]
Line = Annotated[str | None, Query(max_length=64, description="of one line")]
Month = Annotated[str | None, Query(pattern="^[0-9]{4}-(0[1-9]|1[0-2])$", description="as 2026-10")]
Day = Annotated[date | None, Query(description="what holds on this day; left out, all records")]
Since = Annotated[datetime | None, Query(description="that end after it, with its zone")]
Until = Annotated[datetime | None, Query(description="that begin before it, with its zone")]
Id = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]
Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
Name = Annotated[str, Query(min_length=1, max_length=200, description="the file's name")]
Text = Annotated[str, Query(min_length=1, max_length=8_000, description="what the file shows")]


class Withdrawal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a dispute ends without a decision."""

    reason: Claim


KINDS = (HeldContract, Terms, TermsWish, Exclusion, Filing, Settlement, ListedDispute, Objection, Decision, Withdrawal)
"""What the API's document describes of these routes."""

routes = APIRouter(prefix="/api/v1", tags=["contracts, exclusions, disputes"])
"""The routes."""


@routes.get(
    "/contracts",
    responses=schema_of(HeldContract, is_list=True),
    openapi_extra=needs("token"),
    summary="What operators promised, and which schools have no contract",
)
def list_contracts(
    context: In,
    viewer: By,
    school: School = None,
    operator: OfOperator = None,
    day: Day = None,
    limit: Limit = answers.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Answer the records that the viewer may see."""
    zone = policy.zone_of(context.settings.policy)
    with context.database.reading(viewer) as connection:
        found = contracts.listed(connection, school=school, operator=operator, day=day, zone=zone)
    return json_answer(page(found, of=f"contracts {school} {operator} {day}", limit=limit, cursor=cursor))


@routes.post(
    "/contracts",
    responses=schema_of(Terms),
    openapi_extra=needs("token") | body_of(TermsWish),
    summary="Record a contract, or amend one",
)
async def record_contract(request: Request, asker: ByWhom) -> Response:
    """Keep a further record; one that says nothing new is answered with the newest."""
    asker.require("agreements")
    context = context_of(request)
    wish = await read_json(request, TermsWish)

    def work() -> Terms:
        _check_sees_school(context, asker, wish.school)
        with context.database.ingesting() as connection:
            return contracts.record(connection, wish, who=asker.who(), now=context.now())

    return json_answer(await anyio.to_thread.run_sync(work))


@routes.get(
    "/exclusions",
    responses=schema_of(Exclusion, is_list=True),
    openapi_extra=needs("token"),
    summary="Spans of time that do not count, or are claimed not to",
)
def list_exclusions(
    context: In,
    viewer: By,
    school: School = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = answers.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Answer the newest record of each exclusion that the viewer may see."""
    begins, ends = (_aware(one) for one in (since, until))
    with context.database.reading(viewer) as connection:
        found = exclusions.listed(connection, school=school, begins=begins, ends=ends)
    return json_answer(page(found, of=f"exclusions {school} {since} {until}", limit=limit, cursor=cursor))


@routes.get(
    "/exclusions/{exclusion_id}",
    responses=schema_of(Exclusion, is_list=True),
    openapi_extra=needs("token"),
    summary="All records of one exclusion",
)
def one_exclusion(
    context: In, viewer: By, exclusion_id: Id, limit: Limit = answers.DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """Answer an exclusion from its filing on."""
    with context.database.reading(viewer) as connection:
        found = exclusions.records_of(connection, exclusion_id)
    return json_answer(page(found, of=f"exclusion {exclusion_id}", limit=limit, cursor=cursor))


@routes.post(
    "/exclusions",
    responses=schema_of(Exclusion),
    openapi_extra=needs("token") | body_of(Filing),
    summary="File a span of time that does not count",
)
async def file_exclusion(request: Request, asker: ByWhom) -> Response:
    """Keep what somebody files; what may help whoever files it is a claim until somebody else confirms it."""
    asker.require("agreements")
    context = context_of(request)
    filing = await read_json(request, Filing)

    def work() -> Exclusion:
        if asker.viewer.role in ("region", "school"):
            _check_sees_school(context, asker, filing.school)
        with context.database.ingesting() as connection:
            return exclusions.file(connection, filing, who=asker.who(), now=context.now())

    return json_answer(await anyio.to_thread.run_sync(work))


@routes.post(
    "/exclusions/{exclusion_id}",
    responses=schema_of(Exclusion),
    openapi_extra=needs("token") | body_of(Settlement),
    summary="Confirm, refuse or withdraw an exclusion",
)
async def settle_exclusion(request: Request, asker: ByWhom, exclusion_id: Id) -> Response:
    """Keep a further record of an exclusion that the asker may see.

    The ministry and the region confirm and refuse. A school confirms a power cut that its operator claims, an operator
    what a school claims of lines that are its own alone. Whoever filed one withdraws it, works only until they begin,
    and nothing that somebody else confirmed.
    """
    asker.require("agreements")
    context = context_of(request)
    wanted = await read_json(request, Settlement)

    def work() -> Exclusion:
        with context.database.reading(asker.viewer) as connection:
            exclusions.records_of(connection, exclusion_id)
        with context.database.ingesting() as connection:
            return exclusions.settle(connection, exclusion_id, wanted, who=asker.who(), now=context.now())

    return json_answer(await anyio.to_thread.run_sync(work))


@routes.get(
    "/disputes",
    responses=schema_of(ListedDispute, is_list=True),
    openapi_extra=needs("token"),
    summary="Disputed verdicts with their deadlines, the most urgent first",
)
def list_disputes(
    context: In,
    viewer: By,
    school: School = None,
    operator: OfOperator = None,
    line: Line = None,
    month: Month = None,
    limit: Limit = answers.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Answer the disputes that the viewer may see."""
    wanted = Wanted(school=school, operator=operator, line=line, month=month)
    days = disputes.working_days(context.settings.policy)
    with context.database.reading(viewer) as connection:
        found = disputes.listed(connection, wanted, days=days, now=context.now())
    return json_answer(page(found, of=f"disputes {wanted}", limit=limit, cursor=cursor))


@routes.get(
    "/disputes/{dispute_id}",
    responses=schema_of(ListedDispute),
    openapi_extra=needs("token"),
    summary="One dispute, step by step",
)
def one_dispute(context: In, viewer: By, dispute_id: Id) -> Response:
    """Answer a dispute with all its steps."""
    days = disputes.working_days(context.settings.policy)
    with context.database.reading(viewer) as connection:
        found = disputes.listed(connection, Wanted(id=dispute_id), days=days, now=context.now())
    if not found:
        raise NotFound(f"there is no dispute {dispute_id!r} that you may see")
    return json_answer(found[0])


@routes.get(
    "/disputes/{dispute_id}/files/{sha256}",
    responses=schema_of(Exclusion, files=["application/octet-stream"]),
    openapi_extra=needs("token"),
    summary="A file that was attached to a dispute",
)
def dispute_file(context: In, asker: ByWhom, dispute_id: Id, sha256: Sha256) -> Response:
    """Answer the file as it was attached, never to be shown by a browser."""
    asker.require("read")
    with context.database.reading(asker.viewer) as connection:
        _, content = disputes.file_of(connection, dispute_id, sha256)
    note(context, asker, "saw", f"dispute {dispute_id}", file=sha256)
    return Response(
        content,
        media_type="application/octet-stream",
        headers={"content-disposition": f'attachment; filename="{sha256}.bin"'},
    )


@routes.post(
    "/disputes",
    responses=schema_of(ListedDispute),
    openapi_extra=needs("token") | body_of(Objection),
    summary="Dispute a verdict, as its operator",
)
async def open_dispute(request: Request, asker: ByWhom) -> Response:
    """Open a dispute and fix its deadlines."""
    context = _changing(request, asker)
    said = await read_json(request, Objection)

    def work() -> ListedDispute:
        with context.database.reading(asker.viewer) as connection:
            found = disputes.judged(connection, said, asker.viewer)
        on = _occasion(context, asker)
        with context.database.ingesting() as connection:
            return disputes.as_listed(disputes.open_one(connection, said, found, on), on)

    return json_answer(await anyio.to_thread.run_sync(work))


@routes.post(
    "/disputes/{dispute_id}/files",
    responses=schema_of(ListedDispute),
    openapi_extra=needs("token")
    | {
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
    summary="Attach evidence: the body is the file",
)
async def attach_file(request: Request, asker: ByWhom, dispute_id: Id, name: Name, text: Text) -> Response:
    """Keep a file and its SHA-256."""
    context = _changing(request, asker)
    content = await read_small(request, disputes.most_bytes())

    def work() -> ListedDispute:
        piece = checked({"name": name, "content": content, "text": text}, Piece)
        on = _seen(context, asker, dispute_id)
        with context.database.ingesting() as connection:
            return disputes.as_listed(disputes.attach(connection, dispute_id, piece, on), on)

    return json_answer(await anyio.to_thread.run_sync(work))


@routes.post(
    "/disputes/{dispute_id}/decision",
    responses=schema_of(ListedDispute),
    openapi_extra=needs("token") | body_of(Decision),
    summary="Decide a dispute, as the ministry; what follows from it is recorded and judged again",
)
async def decide_dispute(request: Request, asker: ByWhom, dispute_id: Id) -> Response:
    """Keep a decision and the exclusions that follow."""
    context = _changing(request, asker)
    decision = await read_json(request, Decision)

    def work() -> ListedDispute:
        on = _seen(context, asker, dispute_id)
        with context.database.ingesting() as connection:
            return disputes.as_listed(disputes.decide(connection, dispute_id, decision, on), on)

    return json_answer(await anyio.to_thread.run_sync(work))


@routes.post(
    "/disputes/{dispute_id}/withdrawal",
    responses=schema_of(ListedDispute),
    openapi_extra=needs("token") | body_of(Withdrawal),
    summary="Withdraw a dispute, as the operator who opened it",
)
async def withdraw_dispute(request: Request, asker: ByWhom, dispute_id: Id) -> Response:
    """Keep that a dispute ended without a decision."""
    context = _changing(request, asker)
    wanted = await read_json(request, Withdrawal)

    def work() -> ListedDispute:
        on = _seen(context, asker, dispute_id)
        with context.database.ingesting() as connection:
            return disputes.as_listed(disputes.withdraw(connection, dispute_id, wanted.reason, on), on)

    return json_answer(await anyio.to_thread.run_sync(work))


def _changing(request: Request, asker: Asker) -> Context:
    asker.require("agreements")
    return context_of(request)


def _occasion(context: Context, asker: Asker) -> Occasion:
    return Occasion(asker.who(), context.now(), disputes.working_days(context.settings.policy))


def _seen(context: Context, asker: Asker, dispute_id: str) -> Occasion:
    """Return the occasion to change a dispute that the asker may see; raises NotFound for another."""
    with context.database.reading(asker.viewer) as connection:
        disputes.one_of(connection, dispute_id)
    return _occasion(context, asker)


def _check_sees_school(context: Context, asker: Asker, school_id: str | None) -> None:
    """Raise NotFound for a school that the asker may not see."""
    if school_id is not None:
        with context.database.reading(asker.viewer) as connection:
            visible_school(connection, school_id)


def _aware(moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise MalformedError("write a moment with its zone, as 2026-10-05T07:00:00Z")
    return moment
