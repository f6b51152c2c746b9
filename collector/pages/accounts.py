"""The pages of one's own account, and the list on which administrators make and end accounts."""

from typing import get_args

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from agent.contract.errors import NetreadyError
from collector import access
from collector.context import Asker, Context, In, PageByWhom
from collector.errors import AccessDenied, AccountError, LoginNeeded, NotAllowed, NotFound
from collector.pages import PAGE_ROWS, forms, html
from collector.pages.admin import ROLE_WORDS, parts_of
from collector.pages.forms import Posted
from collector.pages.login import REFUSED, By, Known, go_on, needs_stage, own_place, status_of
from collector.people import accounts, login, sessions, totp
from collector.people.accounts import Wanted
from collector.store import accounts as stored
from collector.store import agreements, logins, schools
from collector.store.accounts import ListedAccount
from collector.store.database import MINISTRY, Role
from collector.words import say

_REFUSED = (*REFUSED, NotFound)
_TYPED = {"name": "", "full_name": "", "role": "school", "scope": ""}


def router() -> APIRouter:
    """Return the routes."""
    routes = APIRouter(include_in_schema=False)
    _add_own(routes)
    _add_password(routes)
    _add_second(routes)
    _add_list(routes)
    return routes


def _add_own(routes: APIRouter) -> None:
    @routes.get("/account")
    def own(request: Request, context: In, by: By, person: PageByWhom) -> Response:
        session = _session_of(person)
        with context.database.admitting() as connection:
            places = logins.count_sessions(connection, session.name, by.now, sessions.idle(by.settings))
        return html(
            "account.html",
            person=person,
            session=session,
            places=places,
            zone=context.zone,
            role_words=ROLE_WORDS,
            must_have=session.role in by.settings.second_factor,
            manages=_may_see(person),
            form_token=forms.token_for(request),
        )

    @routes.post("/account/sessions")
    def end_others(context: In, by: By, known: Known, _fields: Posted) -> Response:
        return go_on(context, login.end_others(by, needs_stage(known, "whole").session), "/account")


def _add_password(routes: APIRouter) -> None:
    @routes.get("/account/password")
    def form(request: Request, known: Known, then: str | None = None) -> Response:
        return _password_page(request, needs_stage(known, "password", "whole").session.stage, then)

    @routes.post("/account/password")
    def change(request: Request, context: In, by: By, known: Known, fields: Posted) -> Response:
        session = needs_stage(known, "password", "whole").session
        then = fields.get("then")
        try:
            if fields.get("new") != fields.get("again"):
                raise AccessDenied(say("the two new passwords differ; type the same one twice"))
            opened = login.change_password(by, session, fields.get("old", ""), fields.get("new", ""))
        except REFUSED as error:
            return _password_page(request, session.stage, then, error)
        return go_on(context, opened, then)


def _add_second(routes: APIRouter) -> None:
    @routes.get("/account/second")
    def form(request: Request, by: By, known: Known, then: str | None = None) -> Response:
        return _second_page(request, by, known, then)

    @routes.post("/account/second")
    def confirm(request: Request, context: In, by: By, known: Known, fields: Posted) -> Response:
        session = needs_stage(known, "enrol", "whole").session
        then = fields.get("then")
        try:
            opened, codes = login.confirm_second_factor(by, session, fields.get("code", ""))
        except REFUSED as error:
            return _second_page(request, by, known, then, error)
        response = _private(html("codes.html", codes=codes, then=own_place(then)))
        forms.set_cookie(response, context, "session", opened.session_id)
        return response

    @routes.post("/account/second/remove")
    def remove(by: By, known: Known, fields: Posted) -> Response:
        session = needs_stage(known, "whole").session
        try:
            login.remove_second_factor(by, session, fields.get("password", ""))
        except REFUSED as error:
            return _private(html("refused.html", status_of(error), wrong=error, back="/account"))
        return RedirectResponse("/account", status_code=303)


def _add_list(routes: APIRouter) -> None:
    @routes.get("/accounts")
    def everybody(request: Request, context: In, person: PageByWhom) -> Response:
        if not _may_see(person):
            raise NotAllowed(say("the list of accounts is for administrators and auditors"))
        return _list_page(request, context, person)

    @routes.post("/accounts")
    def create(request: Request, context: In, by: By, person: PageByWhom, fields: Posted) -> Response:
        _may_change(person)
        try:
            wanted = _wanted(fields)
            check_scope(context, wanted.role, wanted.scope)
            password = accounts.create(context.database, wanted, person.who(), by.now)
        except _REFUSED as error:
            return _list_page(request, context, person, wrong=error, typed=fields)
        return _list_page(request, context, person, told=(accounts.normal_name(wanted.name), password))

    @routes.get("/accounts/{_name}/{_action}")
    def back(_person: PageByWhom, _name: str, _action: str) -> Response:
        # Where the answer to a form stands; loaded anew, or in another language, it leads to the list.
        return RedirectResponse("/accounts", status_code=303)

    @routes.post("/accounts/{name}/{action}")
    def act(
        request: Request, context: In, by: By, person: PageByWhom, fields: Posted, name: str, action: str
    ) -> Response:
        _may_change(person)
        try:
            password = _do(by, person, name, action, second_factor=fields.get("second_factor") == "yes")
        except _REFUSED as error:
            return _list_page(request, context, person, wrong=error)
        if password is None:
            return RedirectResponse("/accounts", status_code=303)
        return _list_page(request, context, person, told=(accounts.normal_name(name), password))


def _do(by: By, person: Asker, name: str, action: str, *, second_factor: bool) -> str | None:
    """Do something to an account; return the password that came of it."""
    who = person.who()
    match action:
        case "disable":
            accounts.disable(by.database, name, who, by.now)
        case "enable":
            accounts.enable(by.database, name, who, by.now)
        case "unlock":
            accounts.unlock(by.database, name, who, by.now)
        case "reset":
            return accounts.reset_password(by.database, name, who, by.now, second_factor=second_factor)
        case _:
            said = say("there is no such thing to do with an account: {action}; go back to the list", action=action)
            raise NotFound(said)
    return None


def _session_of(person: Asker) -> logins.SessionRecord:
    if person.login is None:
        raise LoginNeeded(say("this page is for people who are logged in"))
    return person.login.session


def _may_see(person: Asker) -> bool:
    return "accounts" in person.rights or (person.login is not None and person.viewer.role == "auditor")


def _may_change(person: Asker) -> None:
    _session_of(person)
    person.require("accounts")


def _wanted(fields: dict[str, str]) -> Wanted:
    role = fields.get("role", "")
    known: dict[str, Role] = {one: one for one in get_args(Role)}
    if role not in known:
        raise NotFound(say("there is no role {role}", role=repr(role)))
    return Wanted(
        name=fields.get("name", ""),
        role=known[role],
        scope=fields.get("scope", "").strip() or None,
        full_name=fields.get("full_name"),
    )


def check_scope(context: Context, role: Role, scope: str | None) -> None:
    """Refuse a role without the region, school or operator that it needs, or with one; raises AccountError."""
    if (role in access.SCOPED) != (scope is not None):
        if scope is None:
            raise AccountError(
                say("this role is limited: write the region's code, the school's id or the operator's name")
            )
        raise AccountError(say("this role sees the whole country: leave the region, school or operator empty"))
    if scope is None:
        return
    with context.database.reading(MINISTRY) as connection:
        known = {
            "region": scope in schools.regions(connection),
            "school": role == "school" and schools.school(connection, scope) is not None,
            "operator": scope in schools.operators(connection) or agreements.has_operator(connection, scope),
        }
    if not known[role]:
        told = repr(scope)
        raise AccountError(
            say("the registry does not know {scope}; import the registry first, or check the spelling", scope=told)
        )


def _chosen(listed: list[ListedAccount], query: str, role: str) -> list[ListedAccount]:
    wanted = query.casefold()
    return [
        one
        for one in listed
        if (not role or one.role == role) and (wanted in one.name or wanted in (one.full_name or "").casefold())
    ]


def _list_page(
    request: Request,
    context: In,
    person: Asker,
    *,
    wrong: NetreadyError | None = None,
    told: tuple[str, str] | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    with context.database.admitting() as connection:
        listed = stored.accounts(connection)
    query, role = request.query_params.get("q", "").strip()[:64], request.query_params.get("role", "")
    found = _chosen(listed, query, role)
    asked_page = request.query_params.get("page", "1")
    pages = max(1, -(-len(found) // PAGE_ROWS))
    page = min(max(int(asked_page) if asked_page.isdecimal() and len(asked_page) < 9 else 1, 1), pages)
    response = html(
        "accounts.html",
        200 if wrong is None else status_of(wrong),
        person=person,
        accounts=found[(page - 1) * PAGE_ROWS : page * PAGE_ROWS],
        total=len(found),
        page=page,
        pages=pages,
        q=query,
        role=role,
        roles=access.ROLES,
        role_words=ROLE_WORDS,
        parts=parts_of(person),
        typed=_TYPED | (typed or {}),
        manages="accounts" in person.rights and person.login is not None,
        wrong=wrong,
        told=told,
        zone=context.zone,
        form_token=forms.token_for(request),
    )
    return _private(response)


def _password_page(request: Request, stage: str, then: str | None, wrong: NetreadyError | None = None) -> Response:
    response = html(
        "password.html",
        200 if wrong is None else status_of(wrong),
        first=stage == "password",
        then=own_place(then),
        wrong=wrong,
        form_token=forms.token_for(request),
    )
    return _private(response)


def _second_page(
    request: Request, by: By, known: Known, then: str | None, wrong: NetreadyError | None = None
) -> Response:
    session = needs_stage(known, "enrol", "whole").session
    if not session.local:
        raise NotAllowed(say("your account comes from another login; that one asks for a second factor, or does not"))
    secret = login.offer_second_factor(by, session)
    response = html(
        "second.html",
        200 if wrong is None else status_of(wrong),
        secret=totp.as_text(secret),
        uri=totp.uri(secret, session.name),
        must_have=session.stage == "enrol",
        then=own_place(then),
        wrong=wrong,
        form_token=forms.token_for(request),
    )
    return _private(response)


def _private(response: Response) -> Response:
    response.headers["cache-control"] = "no-store"
    return response
