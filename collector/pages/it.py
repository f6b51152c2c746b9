"""A school's IT teacher's pages: what to do, computers, a token for a new one, and a test now with its progress."""

import shlex
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from collector import coverage, enrollment, policies, readiness, steering
from collector.context import In, PageBy, PageByWhom, note, note_school
from collector.diagnosis import stored
from collector.errors import NotAllowed, NotFound
from collector.pages import PAGE_ROWS, forms, it_live, it_progress, it_work
from collector.pages.admin_tokens import end_token, open_tokens
from collector.pages.asking import speech
from collector.pages.drawing import qr
from collector.pages.forms import Fields, Posted
from collector.pages.it_live import Shown
from collector.pages.school import Look, look, visible
from collector.steering import Steering
from collector.store import fleet, school_looks, schools
from collector.store.fleet import ComputerHealth
from collector.store.policies import Scope
from collector.words import Sentence, say

_MOST_COMPUTERS = 500
_MOST_USES, _MOST_DAYS = 200, 90
_USUAL = {"uses": "1", "days": "7", "room": ""}
_LONGEST_ROOM = 128


def work_look(context: In, viewer: PageBy, person: PageByWhom, school_id: str) -> Look:
    """Find the school; raises NotAllowed for operators, who judge lines."""
    if viewer.role == "operator":
        raise NotAllowed(say("operators judge lines; what is to be done inside a school is not shown to them"))
    return look(context, viewer, person, school_id)


Working = Annotated[Look, Depends(work_look)]


def router() -> APIRouter:
    """Return the routes; those with a word of their own stand before the school's id."""
    routes = APIRouter(include_in_schema=False)
    routes.get("/it/enrol/{school_id:path}")(enrol_form)
    routes.post("/it/enrol/{school_id:path}")(enrol)
    routes.get("/it/computers/{school_id:path}")(computers)
    routes.get("/it/run/{school_id:path}")(run_page)
    routes.post("/it/run/{school_id:path}")(run)
    routes.get("/it/live/{school_id:path}")(live)
    routes.get("/it/{school_id:path}")(to_do)
    return routes


def to_do(one: Working) -> Response:
    """Answer what is to be done, the most urgent first."""
    with one.context.database.reading(one.viewer) as connection:
        judged = readiness.of_school(connection, one.school, one.period)
        known = it_work.Known(
            judged=judged,
            told=stored.told_of_school(connection, one.school, one.period),
            covered=coverage.of_school(connection, one.school, one.period),
            computers=_computers(one, connection)[0] if one.sees_computers else None,
        )
    return one.page(
        "it/todo.html",
        judged=judged,
        reason=readiness.said(judged),
        tasks=it_work.tasks(known, one.address),
        known=known,
        may_enrol=may(one, "policy"),
        may_run=may(one, "run-now"),
    )


def computers(one: Working) -> Response:
    """Answer the school's computers one by one."""
    if not one.sees_computers:
        raise NotAllowed(
            say("regions see their schools' computers counted; single computers are the school's own matter")
        )
    with one.context.database.reading(one.viewer) as connection:
        rows, total = _computers(one, connection)
        judged = fleet.mark(connection)
    note_school(one.context, one.person, one.school.school_id, part="computers")
    return one.page(
        "it/computers.html",
        rows=rows,
        total=total,
        judged=judged,
        states=it_work.STATES,
        keys=it_work.KEYS,
        settings=one.context.settings.fleet,
        sees_service="registry" in one.person.rights,
        may_enrol=may(one, "policy"),
        may_run=may(one, "run-now"),
    )


def enrol_form(request: Request, one: Working) -> Response:
    """Answer the form for a new computer's token."""
    return _enrol_page(request, one, _USUAL)


def enrol(request: Request, one: Working, fields: Posted) -> Response:
    """Make a token and show it, this once; or end one."""
    _require(one, "policy")
    if fields.get("do") == "end":
        end_token(one.context, one.person, one.school.school_id, fields.get("token", ""))
        return RedirectResponse(f"/it/enrol/{one.address}", status_code=303)
    wrong = _wrong(fields)
    if wrong:
        return _enrol_page(request, one, fields, wrong=wrong, status=400)
    uses, days = int(fields["uses"]), int(fields["days"])
    with one.context.database.owning() as connection:
        token = enrollment.create_token(connection, one.school.school_id, uses=uses, days=days, now=one.context.now())
    about = f"school {one.school.school_id}"
    made = {"enrollment": "token created", "uses": uses, "days": days, "token": enrollment.mark_of(token)}
    note(one.context, one.person, "changed", about, **made)
    room = fields.get("room", "").strip()
    command = f"netready-agent enroll --collector {forms.own_origin(request)} --token {token}"
    if room:
        command += f" --room {shlex.quote(room)}"
    response = one.page(
        "it/token.html",
        token=token,
        command=command,
        uses=uses,
        days=days,
        qr=qr.code(command, speech().say("The command as a QR code")),
    )
    response.headers["cache-control"] = "no-store"
    return response


def run_page(request: Request, one: Working) -> Response:
    """Answer the form that asks for a test now, and how far the newest one is."""
    return _run_page(request, one)


def run(request: Request, one: Working, fields: Posted) -> Response:
    """Ask for a test now; asked for again it is the same wish anew."""
    _require(one, "run-now")
    agent = fields.get("computer") or None
    scope = Scope(one.school.region_id, one.school.school_id)
    asked = Steering(action="now", scope=scope, agents=None if agent is None else (agent,))
    try:
        with one.context.database.ingesting() as connection:
            steering.steer(connection, asked, one.context.settings.policy, who=one.person.who(), now=one.context.now())
    except NotFound:
        return _run_page(
            request,
            one,
            wrong=say("No such computer is in service at this school: enrol one first."),
            status=404,
        )
    return RedirectResponse(f"/it/run/{one.address}", status_code=303)


def live(context: In, viewer: PageBy, person: PageByWhom, school_id: str) -> Response:
    """Answer how far the newest test is, as events."""
    if viewer.role == "operator":
        raise NotAllowed(say("operators judge lines; what is to be done inside a school is not shown to them"))
    with context.database.reading(viewer) as connection:
        school = visible(connection, school_id)
        region = schools.regions(connection)[school.region_id]
    one = Look(context=context, viewer=viewer, person=person, school=school, region=region, period=context.period(None))

    def shown() -> Shown:
        found = _progress(one)
        page = one.page("it/progress.html", progress=found, summary=it_progress.summary(found))
        return Shown(bytes(page.body).decode(), it_progress.is_over(found))

    return it_live.stream(person.name, shown)


def may(one: Look, right: str) -> bool:
    """Tell whether somebody has a right, and has it at this school."""
    try:
        policies.check_may_change(one.viewer, Scope(one.school.region_id, one.school.school_id))
    except NotAllowed:
        return False
    return right in one.person.rights


def _require(one: Look, right: str) -> None:
    if not may(one, right):
        raise NotAllowed(
            say("this is for the school's own account, the ministry and administrators; ask one of them for it")
        )


def _computers(one: Look, connection: Any) -> tuple[list[ComputerHealth], int]:
    asked = fleet.Asked(school_id=one.school.school_id)
    return fleet.by_computer(connection, asked, limit=_MOST_COMPUTERS, offset=0)


def _progress(one: Look) -> list[it_progress.Progress]:
    now: datetime = one.context.now()
    with one.context.database.reading(one.viewer) as connection:
        orders = school_looks.orders_followed(connection, one.school.school_id, now - it_progress.SHOWN)
    return it_progress.progress(orders, now)


def _run_page(request: Request, one: Look, wrong: Sentence | None = None, status: int = 200) -> Response:
    found = _progress(one)
    with one.context.database.reading(one.viewer) as connection:
        rows = _computers(one, connection)[0] if one.sees_computers else []
    return one.page(
        "it/run.html",
        status=status,
        wrong=wrong,
        rows=rows,
        progress=found,
        summary=it_progress.summary(found),
        goes_on=not it_progress.is_over(found),
        may_run=may(one, "run-now"),
        form_token=forms.token_for(request),
    )


def _enrol_page(
    request: Request, one: Look, fields: Fields, wrong: dict[str, Sentence] | None = None, status: int = 200
) -> Response:
    may_enrol = may(one, "policy")
    tokens, makers = open_tokens(one.context, one.school.school_id) if may_enrol else ([], {})
    return one.page(
        "it/enrol.html",
        status=status,
        fields=_USUAL | fields,
        wrong=wrong or {},
        most_uses=_MOST_USES,
        most_days=_MOST_DAYS,
        longest_room=_LONGEST_ROOM,
        may_enrol=may_enrol,
        open_tokens=tokens[:PAGE_ROWS],
        has_more_open=len(tokens) > PAGE_ROWS,
        makers=makers,
        form_token=forms.token_for(request),
    )


def _wrong(fields: Fields) -> dict[str, Sentence]:
    """Return what is wrong with a form, by field."""
    found = {}
    if not _is_between(fields.get("uses", ""), _MOST_USES):
        found["uses"] = say("a whole number from 1 to {most}", most=_MOST_USES)
    if not _is_between(fields.get("days", ""), _MOST_DAYS):
        found["days"] = say("a whole number from 1 to {most}", most=_MOST_DAYS)
    if len(fields.get("room", "")) > _LONGEST_ROOM or not fields.get("room", "").isprintable():
        found["room"] = say("at most {most} letters, without line breaks or control characters", most=_LONGEST_ROOM)
    return found


def _is_between(text: str, most: int) -> bool:
    plain = text.strip()
    return plain.isascii() and plain.isdecimal() and len(plain) < 6 and 1 <= int(plain) <= most
