"""The registry from a file: looked at first, row by row, then taken in just as it was shown, or not at all.

Both steps do what ``netready-collector schools import`` does; the first undoes it. Between them the file is in the page
that shows what would change, sealed; here nothing of it stays.
"""

import contextlib
import hashlib
import re
import tempfile
import zlib
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from msgspec import Struct

from agent.contract.errors import NetreadyError
from collector import registry
from collector.agreements import reading
from collector.context import Asker, Context, In, PageByWhom
from collector.errors import AccountError, LoginNeeded, NotFound, RegistryError
from collector.pages import forms, html, replaying
from collector.pages.admin import check_part
from collector.pages.asking import speech
from collector.pages.forms import Fields, File, Posted
from collector.registry.findings import Problem
from collector.store import audit, history, schools
from collector.store.audit import Wanted
from collector.store.database import Connection
from collector.store.schools import SchoolRecord
from collector.words import Sentence, mark, say

MOST_BYTES = 8_000_000
_MOST_POSTED = 16_000_000  # the file as text between the two steps
_SHOWN = 300
_SHOWN_FOR = timedelta(hours=1)
_LATEST = 50
FIELD_WORDS: dict[str, str] = {
    "name": mark("name"),
    "region_id": mark("region"),
    "district": mark("district"),
    "latitude": mark("latitude"),
    "longitude": mark("longitude"),
    "pupils": mark("pupils"),
    "connectivity_type": mark("kind of line"),
    "connected": mark("connected"),
    "operator": mark("operator"),
    "download_contracted_bps": mark("contracted download, Mbit/s"),
    "upload_contracted_bps": mark("contracted upload, Mbit/s"),
    "synthetic": mark("synthetic"),
    "closed_on": mark("closed on"),
    "merged_into": mark("merged into"),
    "extra": mark("further columns"),
}
CHANGE_WORDS: dict[str, str] = {
    "renamed": mark("renamed"),
    "moved to another region": mark("moved to another region"),
    "moved to another district": mark("moved to another district"),
    "with another number of pupils": mark("with another number of pupils"),
    "with another kind of line": mark("with another kind of line"),
    "with another operator": mark("with another operator"),
    "with another contract": mark("with another contract"),
    "closed": mark("closed"),
    "open again": mark("open again"),
    "merged into another": mark("merged into another"),
}


class Pending(Struct, frozen=True, kw_only=True):
    """A file that was shown, and the state of the registry that it was shown against."""

    name: str
    form: Literal["netready", "giga"]
    as_of: date
    content: bytes
    state: bytes
    outcome: bytes
    by: str
    at: datetime
    key: str


class Change(Struct, frozen=True):
    """One field of a school that the file says otherwise."""

    school: SchoolRecord
    field: str
    before: Any
    after: Any


class Outcome(Struct, frozen=True, kw_only=True):
    """What the file does to the registry."""

    taken: registry.Taken
    contracts: reading.Taken | None
    new: tuple[SchoolRecord, ...]
    changes: tuple[Change, ...]
    doubts: tuple[Sentence, ...]
    same: int


class _Undone(Exception):  # noqa: N818 - raised to undo a rehearsal, never shown
    pass


def router() -> APIRouter:
    """Return the routes."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/admin/registry")
    def registry_page(request: Request, context: In, person: PageByWhom) -> Response:
        return _page(request, context, person)

    @routes.post("/admin/registry")
    @forms.takes_files(_MOST_POSTED)
    def step(request: Request, context: In, person: PageByWhom, fields: Posted) -> Response:
        check_part(person, "/admin/registry")
        if person.login is None:
            raise LoginNeeded(say("this page needs a login"))
        try:
            if fields.get("do") == "apply":
                return _apply(context, person, fields)
            return _preview(request, context, person, fields)
        except RegistryError as error:
            return _page(request, context, person, typed=fields, refused=error)
        except (AccountError, NotFound) as error:
            return _page(request, context, person, typed=fields, wrong=error)

    return routes


def _preview(request: Request, context: Context, person: Asker, fields: Fields) -> Response:
    file = forms.file_of(request, "file")
    if file is None:
        raise AccountError(say("choose the file first: a table as CSV or XLSX"))
    if len(file.content) > MOST_BYTES:
        raise AccountError(
            say("the file has more than {most} MB; is it a registry of schools?", most=MOST_BYTES // 10**6)
        )
    pending = Pending(
        name=_safe(file),
        form="giga" if fields.get("form") == "giga" else "netready",
        as_of=_as_of(context, fields.get("as_of", "")),
        content=zlib.compress(file.content),
        state=b"",
        outcome=b"",
        by=person.name,
        at=replaying.now_of(context.now()),
        key=forms.new_key(),
    )
    found: list[tuple[Outcome, bytes]] = []
    with contextlib.suppress(_Undone), context.database.owning() as connection:
        _alone(connection)
        state = _state(connection)
        found.append((_taken(connection, context, person, pending), state))
        raise _Undone
    outcome, state = found[0]
    shown = msgspec.structs.replace(pending, state=state, outcome=_digest(outcome))
    sealed = replaying.seal(context, msgspec.msgpack.encode(shown))
    if sealed is None:
        raise AccountError(
            say("the file cannot be kept between the two steps: the collector's data folder is not writable")
        )
    return _page(request, context, person, pending=shown, outcome=outcome, sealed=sealed)


def _apply(context: Context, person: Asker, fields: Fields) -> Response:
    """Take in what was shown; raises AccountError where it is not what would happen now."""
    body = replaying.unseal(context, fields.get("sealed", ""))
    try:
        pending = None if body is None else msgspec.msgpack.decode(body, type=Pending)
    except msgspec.DecodeError:
        pending = None
    now = context.now()
    if pending is None or pending.by != person.name or now - pending.at > _SHOWN_FOR:
        raise AccountError(say("what was shown is more than an hour old, or another person's: choose the file again"))
    with context.database.owning() as connection:
        _alone(connection)
        latest = audit.entries(connection, Wanted(who=person.name, about="registry"), limit=_LATEST)
        if not any(one.detail.get("form") == pending.key for one in latest):  # a second press finds it done
            if _state(connection) != pending.state:
                raise AccountError(
                    say("the registry has changed since this was shown, so nothing was done: choose the file again")
                )
            outcome = _taken(connection, context, person, pending)
            if _digest(outcome) != pending.outcome:
                raise AccountError(
                    say("this would do something else now than was shown, so nothing was done: choose the file again")
                )
            detail = {
                "file": pending.name,
                "sha256": hashlib.sha256(zlib.decompress(pending.content)).hexdigest(),
                "added": outcome.taken.added,
                "renewed": outcome.taken.renewed,
                "form": pending.key,
            }
            audit.note(connection, person.who(), "changed", "registry", now=now, detail=detail)
    return RedirectResponse("/admin/registry?done=yes", status_code=303)


def _taken(connection: Connection, context: Context, person: Asker, pending: Pending) -> Outcome:
    """Take a file in, in the caller's transaction, as the command does; raises RegistryError."""
    with tempfile.TemporaryDirectory(prefix="netready-registry-") as folder:
        file = Path(folder) / pending.name
        file.write_bytes(zlib.decompress(pending.content))
        read = registry.read(file, pending.as_of, pending.form)
        promised = reading.read_registry(file) if pending.form == "netready" else []
    ids = [row.school_id for row in read.rows]
    before = {one.school_id: one for one in schools.schools_by_id(connection, ids)}
    taken = registry.take(connection, read)
    agreed = None
    if promised:
        who, now = person.who(), context.now()
        agreed = reading.take(connection, promised, Path(pending.name), who=who, now=now, zone=context.zone)
    after = schools.schools_by_id(connection, ids)
    known = [one for one in after if one.school_id in before]
    changes = tuple(change for one in known for change in _changed(before[one.school_id], one))
    touched = {change.school.school_id for change in changes}
    return Outcome(
        taken=taken,
        contracts=agreed,
        new=tuple(one for one in after if one.school_id not in before),
        changes=changes,
        doubts=read.doubts,
        same=len(before) - len(touched),
    )


def _changed(before: SchoolRecord, after: SchoolRecord) -> list[Change]:
    return [
        Change(after, field, getattr(before, field), getattr(after, field))
        for field in FIELD_WORDS
        if getattr(before, field) != getattr(after, field)
    ]


def _alone(connection: Connection) -> None:
    """Let nobody else write the registry until the transaction ends; reading and measuring go on."""
    connection.execute("lock table school in share row exclusive mode")


def _state(connection: Connection) -> bytes:
    """Return what tells one state of the registry from another."""
    known = schools.schools(connection)
    told = history.told_on(connection, [one.school_id for one in known])
    return hashlib.sha256(msgspec.json.encode([known, sorted(told.items())])).digest()


def _digest(outcome: Outcome) -> bytes:
    return hashlib.sha256(msgspec.json.encode(outcome)).digest()


def _safe(file: File) -> str:
    """Return a file's name that can be one here: its own, for messages."""
    name = re.sub(r"[^\w.() -]", "_", file.name).strip(". ")[-100:]
    return name or "registry.csv"


def _as_of(context: Context, text: str) -> date:
    today = context.now().astimezone(context.zone).date()
    if not text.strip():
        return today
    try:
        day = date.fromisoformat(text.strip())
    except ValueError as error:
        raise AccountError(say("this is no date; write it as {example}", example="2026-09-01")) from error
    if day > today:
        raise AccountError(say("this day lies ahead; import the registry when it holds"))
    return day


def shown(field: str, value: Any) -> str:
    """Return a field's value as people read it."""
    tongue = speech()
    if value is None or value == {}:
        return "–"
    if isinstance(value, bool):
        return tongue.said(say("yes") if value else say("no"))
    if isinstance(value, int | float):
        return tongue.number(value / 1e6, 3) if field.endswith("_bps") else tongue.number(value, 6)
    if isinstance(value, dict):
        return "; ".join(f"{name}: {told}" for name, told in value.items())
    return tongue.day(value) if isinstance(value, date) else str(value)


def _problems(error: RegistryError | None) -> list[tuple[int | None, object, object]]:
    """Return what is wrong with a file: line, column and sentence each."""
    found = (error.found or (error.message,)) if error is not None else ()
    return [(one.line, one.column, one.text) if isinstance(one, Problem) else (None, None, one) for one in found]


def _page(
    request: Request,
    context: Context,
    person: Asker,
    *,
    typed: Fields | None = None,
    refused: RegistryError | None = None,
    wrong: NetreadyError | None = None,
    pending: Pending | None = None,
    outcome: Outcome | None = None,
    sealed: str = "",
) -> Response:
    parts = check_part(person, "/admin/registry")
    with context.database.reading(person.viewer) as connection:
        known = schools.schools(connection)
        latest = next(iter(audit.entries(connection, Wanted(about="registry"), limit=1)), None)
    response = html(
        "admin/registry.html",
        200 if refused is None and wrong is None else 400,
        person=person,
        parts=parts,
        known=len([one for one in known if one.closed_on is None]),
        latest=latest,
        is_done=request.query_params.get("done") == "yes",
        problems=_problems(refused),
        wrong=wrong,
        pending=pending,
        outcome=outcome,
        sealed=sealed,
        most_shown=_SHOWN,
        shown=shown,
        field_words=FIELD_WORDS,
        change_words=CHANGE_WORDS,
        typed={"form": "netready", "as_of": ""} | (typed or {}),
        changes_allowed=person.login is not None,
        most=MOST_BYTES // 10**6,
        columns=registry.COLUMNS,
        zone=context.zone,
        form_token=forms.token_for(request),
    )
    response.headers["cache-control"] = "no-store"
    return response
