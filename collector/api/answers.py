"""Answers as JSON, their schema from the types themselves, and lists with a total and a cursor."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import Response
from msgspec import Struct

from agent.contract.errors import MalformedError
from agent.contract.wire import Problem

DEFAULT_LIMIT = 500
MAX_LIMIT = 10_000
REF = "#/components/schemas/{name}"


class _Place(Struct, frozen=True):
    offset: int
    of: str


def json_answer(value: object, status: int = 200) -> Response:
    """Return a value as a JSON response."""
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")


def page(rows: Sequence[Any], *, of: str, limit: int, cursor: str | None) -> dict[str, Any]:
    """Cut one page out of a list; ``of`` names the question, so that a cursor of another one is refused.

    Raises:
        MalformedError: the cursor was not made here for this question.
    """
    offset = offset_of(cursor, of)
    return part(rows[offset : offset + limit], len(rows), of=of, offset=offset)


def offset_of(cursor: str | None, of: str) -> int:
    """Return where the page of a cursor begins; ``of`` names the question. Raises MalformedError as ``page`` does."""
    return _offset(cursor, of) if cursor else 0


def part(rows: Sequence[Any], total: int, *, of: str, offset: int) -> dict[str, Any]:
    """Return rows that the database has cut out already as a page of a list."""
    end = offset + len(rows)
    following = _cursor(_Place(end, of)) if rows and end < total else None
    return {"items": list(rows), "total": total, "cursor": following}


def cursor_at(offset: int, of: str) -> str:
    """Return the cursor of a page that begins at an offset, or after an entry of this number."""
    return _cursor(_Place(offset, of))


def _cursor(place: _Place) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _offset(cursor: str, of: str) -> int:
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        place = msgspec.json.decode(raw, type=_Place)
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise MalformedError("the cursor is not one of ours; start again without it") from error
    if place.of != of or place.offset < 0:
        raise MalformedError("the cursor belongs to another question; start again without it")
    return place.offset


def schema_of(kind: Any, *, is_list: bool = False, files: Sequence[str] = ()) -> dict[int | str, dict[str, Any]]:
    """Return FastAPI's ``responses`` for an answer of this type, or as files of these media types, and for errors."""
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=REF)
    if is_list:
        properties = {
            "items": {"type": "array", "items": schema},
            "total": {"type": "integer"},
            "cursor": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        }
        schema = {"type": "object", "required": list(properties), "properties": properties}
    problem = {
        "description": "what is wrong, and what to do",
        "content": {"application/problem+json": {"schema": {"$ref": REF.format(name="Problem")}}},
    }
    content = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in files}
    content["application/json"] = {"schema": schema}
    return {
        200: {"description": "the answer", "content": content},
        "4XX": problem,
        "5XX": problem,
    }


def body_of(kind: Any) -> dict[str, Any]:
    """Return FastAPI's ``openapi_extra`` for a request body of this type, which our own code reads."""
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=REF)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def needs(login: str) -> dict[str, Any]:
    """Return FastAPI's ``openapi_extra`` for who may ask: holders of a ``token``, or an ``agent`` with its key."""
    return {"security": [{login: []}]}


def complete(document: dict[str, Any], kinds: Sequence[Any]) -> None:
    """Add to an OpenAPI document the schemas of our types and the ways to log in."""
    _, schemas = msgspec.json.schema_components([*kinds, Problem], ref_template=REF)
    parts = document.setdefault("components", {})
    parts.setdefault("schemas", {}).update(schemas)
    parts["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "made by 'netready-collector access create'"},
        "agent": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "Netready AGENT:SIGNATURE, with the key that the agent enrolled with",
        },
    }
