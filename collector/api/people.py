"""What people's programs ask: schools, rankings, lines below contract. Each sees what its role may see."""

from typing import Annotated, get_args

import msgspec
from fastapi import APIRouter, Path, Query, Response
from msgspec import Struct

from collector import coverage, export, rankings, readiness, sla
from collector.api import answers
from collector.api.answers import json_answer, needs, page, schema_of
from collector.context import By, ByWhom, In, note, note_school
from collector.coverage import SchoolCoverage
from collector.diagnosis import SchoolDiagnosis, stored
from collector.readiness import State
from collector.store import days, figures, schools
from collector.store.days import History
from collector.store.figures import StoredFailure, StoredTest
from collector.store.schools import SchoolRecord

PeriodName = Annotated[
    str | None,
    Query(
        description="2026-Q4, 2026-11 or 2026; the current quarter if left out",
        json_schema_extra={"pattern": "^20[0-9]{2}(-(Q[1-4]|0[1-9]|1[0-2]))?$|^$"},
    ),
]
RankingName = Annotated[str, Path(json_schema_extra={"enum": list(rankings.names())})]
RegionCode = Annotated[str | None, Query(description="ISO 3166-2 code, for example KZ-75", max_length=16)]
Filter = Annotated[str | None, Query(max_length=200, description="exactly as the registry writes it")]
StateName = Annotated[str | None, Query(json_schema_extra={"enum": list(get_args(State))}, max_length=32)]
Limit = Annotated[int, Query(ge=1, le=answers.MAX_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=512, description="from the answer before")]
Format = Annotated[str, Query(pattern="^(json|csv|xlsx|parquet)$")]


class ListedSchool(SchoolRecord, frozen=True, kw_only=True):
    """A school of the registry; ``id`` is its ``school_id_govt``."""

    id: str


class RankingCard(Struct, frozen=True):
    """A ranking that can be asked for, and how its order comes about."""

    id: str
    title: str
    about: str


class SchoolAnswer(Struct, frozen=True, kw_only=True):
    """A school with its readiness and diagnosis in a period, and the newest 200 tests and failures behind them.

    ``history``: its days and months in the period, as far as the viewer may know them.

    ``coverage`` is null for operators, who judge lines.
    """

    id: str
    school: SchoolRecord
    period: str
    tests: int
    computers: int
    download_bps: float | None
    upload_bps: float | None
    download_at_least_bps: float | None
    upload_at_least_bps: float | None
    required_download_bps: int | None
    required_upload_bps: int
    meets: bool | None
    state: State
    reason: str
    synthetic: bool
    diagnosis: SchoolDiagnosis
    speed_tests: list[StoredTest]
    failures: list[StoredFailure]
    history: History
    coverage: SchoolCoverage | None = None


routes = APIRouter(prefix="/api/v1", tags=["people"])
"""The routes for people's programs."""


@routes.get(
    "/schools",
    responses=schema_of(ListedSchool, is_list=True),
    openapi_extra=needs("token"),
    summary="The registry's schools",
)
def list_schools(
    context: In, viewer: By, region: RegionCode = None, limit: Limit = answers.DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """Answer the schools the viewer may see."""
    with context.database.reading(viewer) as connection:
        found = schools.schools(connection, region)
    items = [_listed(school) for school in found]
    return json_answer(page(items, of=f"schools {region}", limit=limit, cursor=cursor))


@routes.get(
    "/schools/{school_id:path}",
    responses=schema_of(SchoolAnswer),
    openapi_extra=needs("token"),
    summary="One school and its tests",
)
def one_school(context: In, viewer: By, asker: ByWhom, school_id: str, period: PeriodName = None) -> Response:
    """Answer one school with its readiness and the tests behind it."""
    when = context.period(period)
    context.catch_up()
    with context.database.reading(viewer) as connection:
        school = schools.visible_school(connection, school_id)
        note_school(context, asker, school_id, period=when.label)
        judged = readiness.of_school(connection, school, when)
        diagnosis = stored.of_school(connection, school, when, for_operator=viewer.role == "operator")
        speed_tests = figures.school_tests(connection, school_id, when)
        failures = figures.school_failures(connection, school_id, when)
        covered = None if viewer.role == "operator" else coverage.of_school(connection, school, when)
        history = days.history(connection, school_id, when.start.date(), when.end.date())
    answer = _school_answer(judged, when.label, diagnosis, speed_tests, failures, history)
    return json_answer(msgspec.structs.replace(answer, coverage=covered))


@routes.get(
    "/rankings",
    responses=schema_of(RankingCard, is_list=True),
    openapi_extra=needs("token"),
    summary="Which rankings there are",
)
def list_rankings(_viewer: By) -> Response:
    """Answer which rankings there are."""
    known = {name: rankings.get(name) for name in rankings.names()}
    found = [RankingCard(name, one.title, one.about) for name, one in known.items()]
    return json_answer({"items": found, "total": len(found), "cursor": None})


@routes.get(
    "/rankings/{name}",
    responses=schema_of(rankings.Row, is_list=True, files=tuple(export.MEDIA_TYPES.values())),
    openapi_extra=needs("token"),
    summary="A ranking of a period",
)
def ranking(
    context: In,
    viewer: By,
    asker: ByWhom,
    name: RankingName,
    period: PeriodName = None,
    region: RegionCode = None,
    district: Filter = None,
    operator: Filter = None,
    technology: Filter = None,
    state: StateName = None,
    format: Format = "json",  # noqa: A002 - the parameter's name on the wire
    limit: Limit = answers.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Answer a ranking as JSON, or as a file."""
    wanted = rankings.get(name)
    of = f"{name} {context.period(period).label} {region} {district} {operator} {technology} {state}"
    is_file = format != "json"
    if is_file:
        asker.require("export")
    window = rankings.Window(
        context.period(period),
        region,
        district=district,
        operator=operator,
        technology=technology,
        state=state,
        limit=None if is_file else limit,
        offset=0 if is_file else answers.offset_of(cursor, of),
    )
    context.catch_up(window.period if wanted.rests_on_findings else None)
    with context.database.reading(viewer) as connection:
        found = wanted.ranked(connection, window)
    if is_file:
        note(
            context,
            asker,
            "exported",
            f"ranking {name}",
            period=window.period.label,
            format=format,
            rows=len(found.rows),
        )
        headings = {"content-disposition": f'attachment; filename="{name}-{window.period.label}.{format}"'}
        return Response(
            export.export(found.rows, wanted.row, format), media_type=export.MEDIA_TYPES[format], headers=headings
        )
    return json_answer(answers.part(found.rows, found.total, of=of, offset=window.offset))


@routes.get(
    "/sla/breaches",
    responses=schema_of(sla.Breach, is_list=True),
    openapi_extra=needs("token"),
    summary="Lines judged in breach, and lines measured below contract",
)
def breaches(
    context: In, viewer: By, period: PeriodName = None, limit: Limit = answers.DEFAULT_LIMIT, cursor: Cursor = None
) -> Response:
    """Answer the lines judged in breach (``judged`` names the months), then those to look at, each with its tests."""
    when = context.period(period)
    with context.database.reading(viewer) as connection:
        found = page(sla.breaches(connection, when), of=f"breaches {when.label}", limit=limit, cursor=cursor)
        found["items"] = [sla.with_evidence(connection, breach, when) for breach in found["items"]]
    return json_answer(found)


def _listed(school: SchoolRecord) -> ListedSchool:
    return ListedSchool(id=school.school_id, **msgspec.structs.asdict(school))


def _school_answer(
    judged: readiness.Readiness,
    period: str,
    diagnosis: SchoolDiagnosis,
    speed_tests: list[StoredTest],
    failures: list[StoredFailure],
    history: History,
) -> SchoolAnswer:
    return SchoolAnswer(
        id=judged.school.school_id,
        school=judged.school,
        period=period,
        tests=judged.tests,
        computers=judged.computers,
        download_bps=judged.download_bps,
        upload_bps=judged.upload_bps,
        download_at_least_bps=judged.download_at_least_bps,
        upload_at_least_bps=judged.upload_at_least_bps,
        required_download_bps=judged.target.download_bps,
        required_upload_bps=judged.target.upload_bps,
        meets=judged.meets,
        state=judged.state,
        reason=judged.reason,
        synthetic=judged.school.synthetic,
        diagnosis=diagnosis,
        speed_tests=speed_tests,
        failures=failures,
        history=history,
    )
