"""Spans of time that do not count, as pages: what is filed and claimed, the form to file one, confirm and refuse."""

import secrets
from collections.abc import Mapping
from typing import Any, get_args

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from agent.contract.errors import MalformedError, NetreadyError
from collector.agreements import exclusions
from collector.agreements.exclusions import Filing, FilingError, Settlement, Settling
from collector.context import Asker, Context, In, PageBy, PageByWhom
from collector.errors import NotAllowed, NotFound
from collector.pages import forms
from collector.pages.forms import Posted
from collector.pages.operator_shared import (
    PAGE_ROWS,
    Page,
    Wrong,
    check_text,
    clean,
    known_id,
    may,
    moment,
    numbered,
    pack_speech,
    wrong_of,
)
from collector.pages.rendering import html
from collector.store import agreements, schools
from collector.store.database import Connection
from collector.store.schools import visible_school
from collector.verdicts.errors import AgreementError
from collector.verdicts.exclusions import KINDS, Exclusion, ExclusionId
from collector.verdicts.standard import shipped_standard
from collector.words import Sentence, mark, say

Text = str | None
STATES = {
    "claimed": mark("claimed: counts once it is confirmed"),
    "in_force": mark("in force"),
    "withdrawn": mark("withdrawn"),
    "refused": mark("refused"),
}
SIGNS = {"claimed": "◐", "in_force": "✔", "withdrawn": "–", "refused": "✘"}
SENSES = {"claimed": "unknown", "in_force": "yes", "withdrawn": "unknown", "refused": "no"}
FIELDS = ("kind", "school", "line", "operator", "region", "begins", "ends", "announced_at", "reason", "once")
_MOST_REASON = 1_500  # typed in Kazakh, a letter takes six bytes of a form
_OFFICES = ("ministry", "admin", "region")


def add(routes: APIRouter) -> None:
    """Add the routes."""
    _add_list(routes)
    _add_form(routes)
    _add_one(routes)


def _add_list(routes: APIRouter) -> None:
    @routes.get("/exclusions")
    def list_exclusions(
        context: In,
        viewer: PageBy,
        person: PageByWhom,
        school: Text = None,
        state: Text = None,
        kind: Text = None,
        page: Text = None,
    ) -> Response:
        (school,) = clean(school)
        number = numbered(page)
        with context.database.reading(viewer) as connection:
            found = _listed(connection, school)
            chosen = [one for one in reversed(found) if state in (None, "", one.state) and kind in (None, "", one.kind)]
            at = Page(number=number, total=len(chosen))
            rows = chosen[at.offset : at.offset + PAGE_ROWS]
            names = {
                one.school_id: one.name
                for one in schools.schools_by_id(connection, [one.school for one in rows if one.school is not None])
            }
        return html(
            "operator/exclusions.html",
            person=person,
            school=school,
            state=state or None,
            kind=kind or None,
            kinds=KINDS,
            rows=rows,
            names=names,
            page=at,
            may_file=may(person, "agreements") and bool(exclusions.kinds_of(viewer.role)),
            zone=context.zone,
            pack=pack_speech(),
            **_words(),
        )


def _listed(connection: Connection, school: str | None) -> list[Exclusion]:
    """Return the exclusions of a school or of all; raises NotFound for a school that nobody here may see."""
    try:
        return exclusions.listed(connection, school=school, begins=None, ends=None)
    except NotFound as error:
        raise NotFound(
            say("there is no school of this id that you may see; ids are text, leading zeros count")
        ) from error


def _add_form(routes: APIRouter) -> None:
    @routes.get("/exclusions/new")
    def form(request: Request, context: In, person: PageByWhom, school: Text = None, line: Text = None) -> Response:
        person.require("agreements")
        typed = {"school": school or "", "line": line or "", "once": secrets.token_hex(8)}
        return _form(request, context, person, typed, {})

    @routes.post("/exclusions")
    def file(request: Request, context: In, person: PageByWhom, fields: Posted) -> Response:
        person.require("agreements")
        typed = {name: fields.get(name, "").strip() for name in FIELDS}
        wrong = _check(context, person, typed)
        if wrong:
            return _form(request, context, person, typed, wrong)
        try:
            kept = _file(context, person, typed)
        except (AgreementError, NotAllowed, NotFound, MalformedError) as error:
            return _form(request, context, person, typed, wrong_of(error, typed))
        return RedirectResponse(f"/exclusions/{kept.id}", status_code=303)


def _check(context: Context, person: Asker, typed: Mapping[str, str]) -> Wrong:
    """Return what cannot even be read; what cannot be so, says whoever records it."""
    wrong: Wrong = check_text(typed, "reason", _MOST_REASON)
    if typed["kind"] not in exclusions.kinds_of(person.viewer.role):
        wrong["kind"] = say("choose one")
    for name in ("begins", "ends"):
        if moment(typed[name], context.zone) is None:
            wrong[name] = say("write a day and a time, as 2026-10-05T14:00")
    if typed["announced_at"] and moment(typed["announced_at"], context.zone) is None:
        wrong["announced_at"] = say("write a day and a time, as 2026-10-05T14:00")
    if typed["school"] and not _sees(context, person, typed["school"]):
        wrong["school"] = say("there is no school of this id that you may see; ids are text, leading zeros count")
    if any("\0" in value for value in typed.values()):
        wrong[""] = say("a text here holds a character that nobody can read")
    return wrong


def _sees(context: Context, person: Asker, school_id: str) -> bool:
    """Tell whether somebody may say something of a school: it is theirs to see, or has a line of theirs."""
    if "\0" in school_id:
        return False
    with context.database.reading(person.viewer) as connection:
        if person.viewer.role == "operator":
            return bool(agreements.terms_of(connection, schools=[school_id]))
        return schools.school(connection, school_id) is not None


def _file(context: Context, person: Asker, typed: Mapping[str, str]) -> Exclusion:
    values = {name: typed[name] or None for name in ("kind", "school", "line", "operator", "region", "reason")}
    if person.viewer.role == "operator":
        values["operator"] = person.viewer.scope
    if person.viewer.role == "school":
        values["school"] = person.viewer.scope
    spans = {name: moment(typed[name], context.zone) for name in ("begins", "ends")}
    announced = moment(typed["announced_at"], context.zone) if person.viewer.role in _OFFICES else None
    try:
        filing = msgspec.convert(values | spans | {"announced_at": announced}, Filing)
        exclusion_id = msgspec.convert(typed["once"], ExclusionId)
    except msgspec.ValidationError as error:
        raise FilingError(_field_of(error), say("this is not written as it has to be")) from error
    if filing.school is not None and person.viewer.role in ("region", "school"):
        with context.database.reading(person.viewer) as connection:
            visible_school(connection, filing.school)
    with context.database.ingesting() as connection:
        return exclusions.file_once(connection, filing, exclusion_id, who=person.who(), now=context.now())


def _field_of(error: msgspec.ValidationError) -> str:
    """Return which field a value was refused for, as msgspec names it: `$.line`."""
    return str(error).rpartition("$.")[2].rstrip("`") if "$." in str(error) else ""


def _form(request: Request, context: Context, person: Asker, typed: Mapping[str, str], wrong: Wrong) -> Response:
    role = person.viewer.role
    with context.database.reading(person.viewer) as connection:
        regions = schools.regions(connection)
        operators = schools.operators(connection) if role in _OFFICES else []
    return html(
        "operator/exclusion_new.html",
        409 if wrong else 200,
        person=person,
        role=role,
        typed={name: typed.get(name, "") for name in FIELDS},
        wrong=wrong,
        kinds=exclusions.kinds_of(role),
        claims=[one for one in exclusions.kinds_of(role) if exclusions.is_claim(role, one)],
        regions=regions,
        operators=operators,
        most_reason=_MOST_REASON,
        numbers=shipped_standard().exclusions,
        zone=context.zone,
        pack=pack_speech(),
        form_token=forms.token_for(request),
    )


def _add_one(routes: APIRouter) -> None:
    @routes.get("/exclusions/{exclusion_id}")
    def one(request: Request, context: In, person: PageByWhom, exclusion_id: str) -> Response:
        person.require("read")
        return _page(request, context, person, exclusion_id)

    @routes.post("/exclusions/{exclusion_id}/{action}")
    def settle(
        request: Request, context: In, person: PageByWhom, fields: Posted, exclusion_id: str, action: str
    ) -> Response:
        person.require("agreements")
        wanted = _settling(action)
        with context.database.reading(person.viewer) as connection:
            last = exclusions.records_of(connection, known_id(exclusion_id))[-1]
        if (last.state, last.author) == (_DONE[wanted], person.name):
            return RedirectResponse(f"/exclusions/{exclusion_id}", status_code=303)  # sent twice
        reason = fields.get("reason", "").strip()
        try:
            _check_reason(reason)
            with context.database.ingesting() as connection:
                settlement = Settlement(action=wanted, reason=reason)
                exclusions.settle(connection, exclusion_id, settlement, who=person.who(), now=context.now())
        except (AgreementError, NotAllowed) as error:
            return _page(request, context, person, exclusion_id, reason=reason, wrong=error)
        return RedirectResponse(f"/exclusions/{exclusion_id}", status_code=303)


_DONE: dict[Settling, str] = {"confirm": "in_force", "refuse": "refused", "withdraw": "withdrawn"}


def _check_reason(reason: str) -> None:
    if len(reason) > _MOST_REASON or "\0" in reason:
        raise AgreementError(say("this is too long; the most characters: {most}", most=_MOST_REASON))


def _settling(text: str) -> Settling:
    found: Settling | None = next((one for one in get_args(Settling) if one == text), None)
    if found is None:
        raise NotFound(say("there is nothing at this address"))
    return found


def _page(
    request: Request,
    context: Context,
    person: Asker,
    exclusion_id: str,
    *,
    reason: str = "",
    wrong: NetreadyError | None = None,
) -> Response:
    with context.database.reading(person.viewer) as connection:
        records = exclusions.records_of(connection, known_id(exclusion_id))
        last = records[-1]
        school = None if last.school is None else schools.school(connection, last.school)
    choices: list[Settling] = []
    if may(person, "agreements"):
        with context.database.ingesting() as connection:
            choices = exclusions.choices(connection, exclusion_id, who=person.who(), now=context.now())
    said: Mapping[str, Sentence] = {} if wrong is None else wrong_of(wrong, {})
    return html(
        "operator/exclusion.html",
        200 if wrong is None else 409,
        person=person,
        one=last,
        records=records,
        school=school,
        choices=choices,
        reason=reason,
        wrong=said,
        is_past=last.begins <= context.now(),
        most_reason=_MOST_REASON,
        zone=context.zone,
        pack=pack_speech(),
        form_token=forms.token_for(request),
        **_words(),
    )


def _words() -> dict[str, Any]:
    return {"signs": SIGNS, "states": STATES, "senses": SENSES}
