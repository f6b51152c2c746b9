"""The audit log for those who watch over the others: who logged in, and what each saw, exported and changed."""

from datetime import datetime
from typing import Annotated, get_args

from fastapi import APIRouter, Query, Response

from collector.api import answers
from collector.api.answers import json_answer, needs, schema_of
from collector.context import ByWhom, In
from collector.store import audit
from collector.store.audit import AuditEntry, Wanted, What

Who = Annotated[str | None, Query(max_length=200, description="a person's account or a token's holder")]
Kind = Annotated[str | None, Query(max_length=32, json_schema_extra={"enum": list(get_args(What))})]
About = Annotated[str | None, Query(max_length=300, description="as the entries write it, for example 'school 0007'")]
Limit = Annotated[int, Query(ge=1, le=answers.MAX_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=512, description="from the answer before")]

routes = APIRouter(prefix="/api/v1", tags=["people"])
"""The routes of the audit log."""


@routes.get(
    "/audit",
    responses=schema_of(AuditEntry, is_list=True),
    openapi_extra=needs("token"),
    summary="Who saw, exported and changed what; newest first",
)
def audit_log(
    context: In,
    asker: ByWhom,
    who: Who = None,
    what: Kind = None,
    about: About = None,
    since: datetime | None = None,
    limit: Limit = answers.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Answer entries of the audit log; ``since`` is taken as UTC where it names no zone."""
    asker.require("audit")
    wanted = Wanted(who=who, what=what, about=about, since=since)
    of = f"audit {who} {what} {about} {since}"
    before = answers.offset_of(cursor, of) or None
    with context.database.reading(asker.viewer) as connection:
        found = audit.entries(connection, wanted, limit=limit, before=before)
        total = audit.count(connection, wanted)
    following = answers.cursor_at(found[-1].entry_id, of) if len(found) == limit else None
    return json_answer({"items": found, "total": total, "cursor": following})
