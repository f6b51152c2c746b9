"""Bundles of evidence for whoever may see the verdicts: one packed file, to be checked anywhere."""

import re
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from agent.contract.errors import MalformedError, SettingsError
from collector.api.answers import needs, schema_of
from collector.bundles.exporting import Export, about, compressed
from collector.context import By, ByWhom, In, note
from collector.evidence.bundle import Wanted

_MEDIA_TYPE = "application/gzip"
_MONTH = "^[0-9]{4}-(0[1-9]|1[0-2])$"
_NOT_IN_NAMES = re.compile(r"[^0-9A-Za-z._-]+", re.ASCII)

Name = Annotated[str | None, Query(min_length=1, max_length=200)]

routes = APIRouter(prefix="/api/v1/evidence", tags=["evidence"])
"""The route."""


@routes.get(
    "/bundle",
    responses=schema_of(str, files=(_MEDIA_TYPE,)),
    openapi_extra=needs("token"),
    summary="All the evidence of verdicts in one file, for 'netready-collector evidence verify'",
)
def bundle(
    context: In,
    asker: ByWhom,
    viewer: By,
    school: Annotated[str | None, Query(min_length=1, max_length=64)] = None,
    line: Name = None,
    month: Annotated[str | None, Query(pattern=_MONTH, description="as 2026-10; left out, all months")] = None,
    operator: Name = None,
    version: Annotated[int | None, Query(ge=0, le=1_000_000, description="left out: the newest of each")] = None,
    files: Annotated[bool, Query(description="also the files that disputes attached")] = False,
) -> Response:
    """Answer a bundle (JSON Lines, gzip) of a school's verdicts, or of all in a month that one may see."""
    asker.require("export")
    if school is None and month is None:
        raise SettingsError(
            "name a school, a month, or both: evidence of everything at once is more than anybody reads"
        )
    if any("\0" in text for text in (school, line, operator) if text is not None):
        raise MalformedError("a name with a NUL character is nobody's")
    if operator is None and viewer.role == "operator":
        operator = viewer.scope
    wanted = Wanted(school=school, line=line, month=month, operator=operator, version=version, files=files)
    export = Export(context.database, context.settings, viewer, wanted, context.now())
    note(context, asker, "exported", about(wanted), month=month, verdicts=len(export.named))
    name = "-".join(_NOT_IN_NAMES.sub("_", text) for text in ("evidence", school, month) if text)
    headings = {"content-disposition": f'attachment; filename="{name}.jsonl.gz"'}
    return StreamingResponse(_packed(export), media_type=_MEDIA_TYPE, headers=headings)


def _packed(export: Export) -> Iterator[bytes]:
    return compressed(export.chunks())
