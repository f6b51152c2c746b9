"""How the computers are: by region, by school, one by one. As of the newest roll call (collector.rollcall)."""

from datetime import datetime
from typing import Annotated, get_args

from fastapi import APIRouter, Query, Response

from collector import fleet
from collector.api import answers
from collector.api.answers import json_answer, needs, page, part, schema_of
from collector.api.people import Cursor, Limit, RegionCode
from collector.context import By, ByWhom, In, note_school
from collector.errors import NotAllowed
from collector.fleet import RegionFleet
from collector.store import fleet as stored
from collector.store import schools
from collector.store.database import Connection, Viewer
from collector.store.fleet import Asked, ComputerHealth, SchoolFleet

SchoolId = Annotated[str | None, Query(max_length=64, description="a school's id")]
StateName = Annotated[str | None, Query(max_length=32, json_schema_extra={"enum": list(get_args(fleet.State))})]
SchoolStateName = Annotated[
    str | None, Query(max_length=32, json_schema_extra={"enum": list(get_args(fleet.SchoolState))})
]
IdentityName = Annotated[str | None, Query(max_length=32, json_schema_extra={"enum": list(get_args(fleet.Identity))})]

routes = APIRouter(prefix="/api/v1/fleet", tags=["people"])
"""The routes of the fleet."""


@routes.get(
    "",
    responses=schema_of(RegionFleet, is_list=True),
    openapi_extra=needs("token"),
    summary="Computers and schools by state, each region",
)
def regions(context: In, viewer: By) -> Response:
    """Answer each region's schools and computers counted by state; the region that needs a look most comes first."""
    judges_lines_only(viewer)
    with context.database.reading(viewer) as connection:
        names = {region_id: one.name_en for region_id, one in schools.regions(connection).items()}
        rows = fleet.by_region(stored.by_school(connection, Asked()), names)
        judged_at = _judged_at(connection)
    return json_answer({"items": rows, "total": len(rows), "cursor": None, "judged_at": judged_at})


@routes.get(
    "/schools",
    responses=schema_of(SchoolFleet, is_list=True),
    openapi_extra=needs("token"),
    summary="Computers by state, each school",
)
def by_school(
    context: In,
    viewer: By,
    region: RegionCode = None,
    state: SchoolStateName = None,
    limit: Limit = answers.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Answer schools with their computers counted by state; the longest silent first."""
    judges_lines_only(viewer)
    with context.database.reading(viewer) as connection:
        rows = stored.by_school(connection, Asked(region_id=region, state=state))
        judged_at = _judged_at(connection)
    found = page(rows, of=f"fleet schools {region} {state}", limit=limit, cursor=cursor)
    return json_answer({**found, "judged_at": judged_at})


@routes.get(
    "/computers",
    responses=schema_of(ComputerHealth, is_list=True),
    openapi_extra=needs("token"),
    summary="One by one: when each was heard, what waits on it, whether its key is its own",
)
def by_computer(
    context: In,
    viewer: By,
    asker: ByWhom,
    region: RegionCode = None,
    school: SchoolId = None,
    state: StateName = None,
    identity: IdentityName = None,
    limit: Limit = answers.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Answer computers; the longest silent first."""
    sees_computers(viewer)
    of = f"fleet computers {region} {school} {state} {identity}"
    offset = answers.offset_of(cursor, of)
    if school is not None:
        note_school(context, asker, school, part="computers")
    with context.database.reading(viewer) as connection:
        asked = Asked(region_id=region, school_id=school, state=state, identity=identity)
        rows, total = stored.by_computer(connection, asked, limit=limit, offset=offset)
        judged_at = _judged_at(connection)
    return json_answer({**part(rows, total, of=of, offset=offset), "judged_at": judged_at})


def judges_lines_only(viewer: Viewer) -> None:
    """Raise NotAllowed for an operator: an empty list would look like an empty country."""
    if viewer.role == "operator":
        raise NotAllowed("operators judge lines; the state of schools' computers is not shown to them")


def sees_computers(viewer: Viewer) -> None:
    """Raise NotAllowed for those who do not see single computers: an empty list would look like none."""
    judges_lines_only(viewer)
    if viewer.role == "region":
        raise NotAllowed("regions see their schools' computers counted; single computers are the school's own matter")


def _judged_at(connection: Connection) -> datetime | None:
    known = stored.mark(connection)
    return known.judged_at if known else None
