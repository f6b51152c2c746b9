"""Verdicts on lines for people's programs: the newest of each line's month, and all versions of one."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from agent.contract.errors import MalformedError
from collector.api import answers
from collector.api.answers import json_answer, needs, page, part, schema_of
from collector.context import By, In
from collector.store import verdicts
from collector.store.verdicts import Line, Listed, Wanted
from collector.verdicts.verdict import State

Limit = Annotated[int, Query(ge=1, le=answers.MAX_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=512, description="from the answer before")]
_MONTH = "^[0-9]{4}-(0[1-9]|1[0-2])$"
Month = Annotated[str | None, Query(pattern=_MONTH, description="as 2026-10; left out, all months")]
School = Annotated[str | None, Query(max_length=64, description="of one school")]
OfOperator = Annotated[str | None, Query(max_length=200, description="of one operator's lines")]
OfState = Annotated[State | None, Query(description="that came out so")]

KINDS = (Listed,)
"""What the API's document describes of these routes."""

routes = APIRouter(prefix="/api/v1/sla", tags=["contracts, exclusions, disputes"])
"""The routes."""


@routes.get(
    "/verdicts",
    responses=schema_of(Listed, is_list=True),
    openapi_extra=needs("token"),
    summary="Which lines kept their contract, month by month",
)
def list_verdicts(
    context: In,
    viewer: By,
    month: Month = None,
    school: School = None,
    operator: OfOperator = None,
    state: OfState = None,
    limit: Limit = answers.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Answer the newest verdict on each line's month, newest months and breaches first."""
    _check(school, operator)
    of = f"verdicts {month} {school} {operator} {state}"
    offset = answers.offset_of(cursor, of)
    wanted = Wanted(school=school, first=month, last=month, operator=operator, state=state)
    with context.database.reading(viewer) as connection:
        found, total = verdicts.listed(connection, wanted, limit=limit, offset=offset)
    return json_answer(part(found, total, of=of, offset=offset))


@routes.get(
    "/verdicts/{school}/{line}/{month}",
    responses=schema_of(Listed, is_list=True),
    openapi_extra=needs("token"),
    summary="All versions of the verdict on a line's month",
)
def verdict_versions(
    context: In,
    viewer: By,
    school: Annotated[str, Path(max_length=64)],
    line: Annotated[str, Path(max_length=64)],
    month: Annotated[str, Path(pattern=_MONTH)],
    operator: OfOperator = None,
    limit: Limit = answers.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Answer every version, of each operator the newest first; none is ever overwritten."""
    _check(school, line, operator)
    with context.database.reading(viewer) as connection:
        found = verdicts.versions(connection, Line(school, line), month, operator)
    return json_answer(page(found, of=f"verdict {school} {line} {month} {operator}", limit=limit, cursor=cursor))


def _check(*texts: str | None) -> None:
    if any("\0" in text for text in texts if text is not None):
        raise MalformedError("a name with a NUL character is nobody's")
