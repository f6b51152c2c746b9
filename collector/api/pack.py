"""Evidence packs for people's programs: a verdict with all that it rests on, as a PDF."""

import threading
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from agent.contract.errors import MalformedError
from collector.api.answers import needs, schema_of
from collector.api.problems import Busy
from collector.context import ByWhom, In, note
from collector.pack import gathering, printing
from collector.pack.gathering import Asked
from collector.pack.words import LANGUAGES, Language

_AT_ONCE = 2
_RETRY_AFTER_S = 5
_MEDIA_TYPE = "application/pdf"
_presses = threading.BoundedSemaphore(_AT_ONCE)
"""Setting a page takes a processor for a second; whoever comes while all are taken is told to come back."""

routes = APIRouter(prefix="/api/v1/sla", tags=["contracts, exclusions, disputes"])
"""The route."""


@routes.get(
    "/verdicts/{school}/{line}/{month}/pack.pdf",
    responses=schema_of(str, files=(_MEDIA_TYPE,)),
    openapi_extra=needs("token"),
    summary="A verdict with all that it rests on, to be printed: in Kazakh, Russian or English",
)
def evidence_pack(
    context: In,
    asker: ByWhom,
    school: Annotated[str, Path(max_length=64)],
    line: Annotated[str, Path(max_length=64)],
    month: Annotated[str, Path(pattern="^[0-9]{4}-(0[1-9]|1[0-2])$")],
    language: Language = LANGUAGES[0],
    operator: Annotated[str | None, Query(max_length=200, description="where several had to answer for it")] = None,
    version: Annotated[int | None, Query(ge=0, le=100_000, description="left out, the newest")] = None,
) -> Response:
    """Answer the pack of one version."""
    asker.require("export")
    if any("\0" in text for text in (school, line, operator or "")):
        raise MalformedError("a name with a NUL character is nobody's")
    asked = Asked(school=school, month=month, line=line, operator=operator, version=version)
    if not _presses.acquire(blocking=False):
        raise Busy(_RETRY_AFTER_S)
    try:
        case = gathering.case_of(context.database, asker.viewer, asked, context.settings.policy)
        content = printing.pdf(case, language)
    finally:
        _presses.release()
    of = f"evidence pack of school {school}"
    note(context, asker, "exported", of, line=line, month=month, version=case.verdict.version)
    name = printing.file_name(case, language)
    return Response(content, media_type=_MEDIA_TYPE, headers={"content-disposition": f'inline; filename="{name}"'})
