"""The log as anybody may check it: checkpoints, tiles, proofs, keys; entries as far as somebody may see them.

What another program needs to be a witness or to verify stands in collector/evidence/README.md.
"""

import re
from datetime import datetime
from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse
from msgspec import Struct

from agent.contract.errors import MalformedError
from collector.api import answers
from collector.api.answers import json_answer, needs, schema_of
from collector.context import Context, In, LocalOrBy, context_of
from collector.errors import NotFound
from collector.evidence import merkle, note
from collector.evidence.merkle import HASH_BYTES
from collector.evidence.tiles import WIDTH
from collector.ledger import cosigning
from collector.ledger.trees import Proof, note_of, proven, tree_of
from collector.store import checkpoints, evidence
from collector.store.database import Connection
from collector.store.evidence import LogRecord, StoredEntry, Thing, Wanted

_MOST_COUNTED = 100_000
_MOST_LEVELS = 6
_LOG_BITS = 48
# C2SP tlog-tiles: a number in groups of three digits, as x001/x234/067, and how many hashes of a tile that is not full.
_TILE = re.compile(r"(?P<number>(?:x\d{3}/)*\d{3}|\d{1,15})(?:\.p/(?P<width>\d{1,3}))?", re.ASCII)
_FOR_EVER = {"cache-control": "private, max-age=31536000, immutable"}

Number = Annotated[int | None, Query(ge=1, le=10_000, description="which log; left out, the one that grows")]
Size = Annotated[int, Query(ge=0, le=merkle.MOST_LEAVES)]


class WitnessState(Struct, frozen=True, kw_only=True):
    """A witness and what it cosigned last; ``behind``: how many entries came since; null where it never did."""

    name: str
    key: str
    size: int | None
    at: datetime | None
    behind: int | None


class LogState(Struct, frozen=True, kw_only=True):
    """A log: ``stopped`` says why it takes nothing in, ``before`` is the last checkpoint of the one before it."""

    number: int
    origin: str
    size: int
    begun_at: datetime
    ended_at: datetime | None
    reason: str | None
    stopped: str | None
    before: str | None
    checkpoint_size: int | None
    checkpoint_at: datetime | None
    is_stamped: bool
    witnesses: tuple[WitnessState, ...]


class KeyOfReceipts(Struct, frozen=True, kw_only=True):
    """A key with which receipts are signed; in hex."""

    key_id: str
    public_key: str
    made_at: datetime


class Keys(Struct, frozen=True, kw_only=True):
    """What checkpoints and receipts are checked with; the log's key should be known from elsewhere, too."""

    origin: str
    key: str
    receipts: tuple[KeyOfReceipts, ...]


class ListedEntry(Struct, frozen=True, kw_only=True):
    """An entry in its place; ``entry`` is the leaf, letter by letter."""

    log: int
    index: int
    entry: str


class ConsistencyProof(Struct, frozen=True, kw_only=True):
    """That the log of ``begin`` entries is the beginning of that of ``end`` (RFC 9162, 2.1.4)."""

    log: str
    begin: int
    end: int
    proof: tuple[bytes, ...]


class Cosigned(Struct, frozen=True, kw_only=True):
    """Whose cosignatures were kept, under which checkpoint."""

    log: int
    size: int
    witnesses: tuple[str, ...]


KINDS = (LogState, Keys, ListedEntry, Proof, ConsistencyProof, Cosigned)

routes = APIRouter(prefix="/api/v1/evidence", tags=["evidence"])
"""The log's routes."""


@routes.get(
    "/log", responses=schema_of(LogState), openapi_extra=needs("token"), summary="How the log is, and who cosigned it"
)
def state(context: In, viewer: LocalOrBy, log: Number = None) -> Response:
    """Answer how a log is."""
    with context.database.reading(viewer) as connection:
        return json_answer(_state(connection, cosigning.log_of(connection, log)))


@routes.get(
    "/checkpoint",
    responses=schema_of(str, files=("text/plain",)),
    openapi_extra=needs("token"),
    summary="The log's newest checkpoint, or one of a size: a signed note (C2SP)",
)
def checkpoint(
    context: In, viewer: LocalOrBy, log: Number = None, size: Annotated[int | None, Query(ge=1)] = None
) -> Response:
    """Answer a checkpoint with its cosignatures."""
    with context.database.reading(viewer) as connection:
        number = cosigning.log_of(connection, log).number
        found = (
            checkpoints.newest(connection, number) if size is None else checkpoints.of_size(connection, number, size)
        )
        if found is None:
            raise NotFound("there is no such checkpoint; one is signed each hour in which something came")
        return PlainTextResponse(note_of(connection, found))


@routes.get(
    "/stamp",
    responses=schema_of(str, files=("application/timestamp-reply",)),
    openapi_extra=needs("token"),
    summary="An authority's stamp of a checkpoint's note as the log signed it (RFC 3161)",
)
def stamp(context: In, viewer: LocalOrBy, size: Size, log: Number = None) -> Response:
    """Answer a stamp."""
    with context.database.reading(viewer) as connection:
        found = checkpoints.of_size(connection, cosigning.log_of(connection, log).number, size)
    if found is None or found.stamp is None:
        raise NotFound("this checkpoint has no stamp")
    return Response(found.stamp, media_type="application/timestamp-reply")


@routes.get(
    "/key", responses=schema_of(Keys), openapi_extra=needs("token"), summary="The keys of the log and its receipts"
)
def keys(context: In, viewer: LocalOrBy, log: Number = None) -> Response:
    """Answer the keys."""
    with context.database.reading(viewer) as connection:
        found = cosigning.log_of(connection, log)
        receipts = tuple(
            KeyOfReceipts(key_id=one.key_id, public_key=one.public_key.hex(), made_at=one.made_at)
            for one in evidence.receipt_keys(connection)
        )
    key = note.key(found.origin, "log", found.public_key).text
    return json_answer(Keys(origin=found.origin, key=key, receipts=receipts))


@routes.get(
    "/tile/{level}/{place:path}",
    responses=schema_of(str, files=("application/octet-stream",)),
    openapi_extra=needs("token"),
    summary="A tile of the log's tree, as C2SP tlog-tiles cuts it",
)
def tile(context: In, viewer: LocalOrBy, level: int, place: str, log: Number = None) -> Response:
    """Answer a tile's hashes, one after the other."""
    found = _TILE.fullmatch(place)
    if found is None or not 0 <= level <= _MOST_LEVELS:
        raise MalformedError("a tile is named as tile/LEVEL/x001/x234/067, or with .p/WIDTH where it is not full")
    number = int(found["number"].replace("x", "").replace("/", ""))
    width = int(found["width"] or WIDTH)
    if not 1 <= width <= WIDTH or number >= 1 << _LOG_BITS:
        raise MalformedError("a tile has 1 to 256 hashes, and no log has so many tiles")
    with context.database.reading(viewer) as connection:
        held = evidence.tile(connection, cosigning.log_of(connection, log).number, level, number)
    if len(held) < width * HASH_BYTES:
        raise NotFound(f"this tile has {len(held) // HASH_BYTES} hashes yet; ask for so many with .p/WIDTH")
    return Response(
        held[: width * HASH_BYTES], media_type="application/octet-stream", headers=_FOR_EVER if width == WIDTH else {}
    )


@routes.get(
    "/entries",
    responses=schema_of(ListedEntry, is_list=True),
    openapi_extra=needs("token"),
    summary="The log's entries, as far as one may see them",
)
def entries(
    context: In,
    viewer: LocalOrBy,
    school: Annotated[str | None, Query(max_length=64)] = None,
    subject: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=answers.MAX_LIMIT)] = answers.DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(max_length=512, description="from the answer before")] = None,
) -> Response:
    """Answer entries in the order of the log; ``total`` is counted to 100,000."""
    wanted = Wanted(school_id=school, subject=subject)
    asked = f"entries {school} {subject}"
    place = answers.offset_of(cursor, asked) if cursor else 0
    after = (place >> _LOG_BITS, place & ((1 << _LOG_BITS) - 1)) if cursor else (0, 0)
    if not after[0] < 1 << 31:
        raise MalformedError("the cursor is not one of ours; start again without it")
    with context.database.reading(viewer) as connection:
        found = evidence.entries_after(connection, wanted, after, limit)
        total = evidence.count_entries(connection, wanted, _MOST_COUNTED)
    more = len(found) == limit
    following = answers.cursor_at((found[-1].log << _LOG_BITS) + found[-1].index, asked) if more else None
    return json_answer({"items": [_listed(one) for one in found], "total": total, "cursor": following})


@routes.get(
    "/proof",
    responses=schema_of(Proof, is_list=True),
    openapi_extra=needs("token"),
    summary="The entries about a thing, with the proof that each stands in its log",
)
def proof(
    context: In,
    viewer: LocalOrBy,
    subject: Annotated[str, Query(max_length=64, description="for example report")],
    key: Annotated[str, Query(max_length=256, description="for example AGENT/SEQUENCE")],
    school: Annotated[
        str | None, Query(max_length=64, description="whose thing it is, as verdicts of many have one key")
    ] = None,
) -> Response:
    """Answer proofs, a hundred at most; more than one where a thing began and ended."""
    with context.database.reading(viewer) as connection:
        known = {one.number: one for one in evidence.logs(connection)}
        found = [
            proven(connection, known[one.log], one)
            for one in evidence.entries_of(connection, Thing(subject, key, school), limit=100)
        ]
    if not found:
        raise NotFound("the log has no such entry that you may see; what was just stored gets its place in a moment")
    return json_answer({"items": found, "total": len(found), "cursor": None})


@routes.get(
    "/consistency",
    responses=schema_of(ConsistencyProof),
    openapi_extra=needs("token"),
    summary="The proof that the log only grew",
)
def consistency(
    context: In,
    viewer: LocalOrBy,
    begin: Annotated[int, Query(alias="from", ge=0, le=merkle.MOST_LEAVES)],
    end: Annotated[int, Query(alias="to", ge=0, le=merkle.MOST_LEAVES)],
    log: Number = None,
) -> Response:
    """Answer the proof between two sizes."""
    with context.database.reading(viewer) as connection:
        found = cosigning.log_of(connection, log)
        if not begin <= end <= found.size:
            raise NotFound(f"the log has {found.size} entries: ask from a size to a larger one, both within it")
        path = merkle.consistency(tree_of(connection, found.number).node, begin, end)
    return json_answer(ConsistencyProof(log=found.origin, begin=begin, end=end, proof=tuple(path)))


@routes.post(
    "/cosignature",
    responses=schema_of(Cosigned),
    openapi_extra={"requestBody": {"required": True, "content": {"text/plain": {"schema": {"type": "string"}}}}},
    summary="What a registered witness cosigned: the note with its line",
)
async def cosign(request: Request) -> Response:
    """Keep a witness's cosignature; its key says who it is, so that no token is asked for."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > note.MAX_NOTE_BYTES:
            raise MalformedError(f"a note has at most {note.MAX_NOTE_BYTES} bytes")
    try:
        text = bytes(body).decode()
    except UnicodeDecodeError as error:
        raise MalformedError("the body is no signed note: it is no text") from error
    context = context_of(request)
    return json_answer(await anyio.to_thread.run_sync(_accept, context, text))


def _accept(context: Context, text: str) -> Cosigned:
    with context.database.ingesting() as connection:
        stored, names = cosigning.accept(connection, text, context.now())
    return Cosigned(log=stored.log, size=stored.size, witnesses=tuple(names))


def _listed(one: StoredEntry) -> ListedEntry:
    return ListedEntry(log=one.log, index=one.index, entry=one.entry.decode())


def _state(connection: Connection, log: LogRecord) -> LogState:
    newest = checkpoints.newest(connection, log.number)
    return LogState(
        number=log.number,
        origin=log.origin,
        size=log.size,
        begun_at=log.begun_at,
        ended_at=log.ended_at,
        reason=log.reason,
        stopped=log.stopped,
        before=log.before,
        checkpoint_size=newest.size if newest else None,
        checkpoint_at=newest.at if newest else None,
        is_stamped=newest is not None and newest.stamp is not None,
        witnesses=tuple(
            WitnessState(
                name=one.name,
                key=one.key,
                size=one.size,
                at=one.at,
                behind=None if one.size is None else log.size - one.size,
            )
            for one in cosigning.known(connection, log.number)
        ),
    )
