"""The pages on which people log in and out: password, code, the country's own login."""

import base64
import re
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from agent.contract.errors import NetreadyError, SettingsError
from collector.context import Context, In, Login, address_of, can_log_in, context_of, cookie_name, login_of
from collector.errors import AccessDenied, AccountError, LoginNeeded, TooManyTries
from collector.pages import forms, html
from collector.pages.forms import Posted
from collector.people import login as door
from collector.people import oidc
from collector.people.login import Asking
from collector.people.oidc import Hop, Provider
from collector.people.sessions import Opened
from collector.settings import Settings
from collector.store.logins import Stage

# Only places of our own: no scheme, no other host, nothing that a browser reads as either.
_OWN_PLACE = re.compile(r"/(?![/\\])[^\s\\\x00-\x1f]{0,1000}")
_PAGE_OF: dict[Stage, str] = {"second": "/login/code", "password": "/account/password", "enrol": "/account/second"}
_HOP_S = 600
_LONGEST_COOKIE = 4_000

REFUSED = (AccessDenied, AccountError, TooManyTries)
Known = Annotated[Login | None, Depends(login_of)]


def needs_stage(login: Login | None, *stages: Stage) -> Login:
    """Return the session if it is at one of these stages; raises LoginNeeded."""
    if login is None or login.session.stage not in stages:
        raise LoginNeeded("this page needs a login")
    return login


def asking(request: Request) -> Asking:
    """Return what every step of a login needs."""
    context = context_of(request)
    return Asking(context.database, context.settings.accounts, address_of(request), context.now())


By = Annotated[Asking, Depends(asking)]


def status_of(error: NetreadyError) -> int:
    """Return how a refused form is answered; not 401, for which browsers would ask for a password of their own."""
    return 429 if isinstance(error, TooManyTries) else 400 if isinstance(error, AccountError) else 403


def go_on(context: Context, opened: Opened, then: str | None) -> Response:
    """Send the browser with its new session to what is asked next."""
    place = own_place(then)
    next_page = _PAGE_OF.get(opened.stage)
    target = place if next_page is None else f"{next_page}?{urlencode({'then': place})}"
    response = RedirectResponse(target, status_code=303, headers={"cache-control": "no-store"})
    forms.set_cookie(response, context, "session", opened.session_id)
    forms.drop_cookie(response, context, "form")
    return response


def own_place(then: str | None) -> str:
    """Return where somebody wanted to go, if it is here; else the start."""
    return then if then and _OWN_PLACE.fullmatch(then) and not then.startswith("/login") else "/"


def router(settings: Settings) -> APIRouter:
    """Return the routes of logging in and out; raises SettingsError for an [oidc] that cannot work."""
    routes = APIRouter(include_in_schema=False)
    _add_password(routes)
    _add_code(routes)
    if settings.oidc.issuer is not None:
        if settings.accounts.public_url is None:
            raise SettingsError("[oidc] needs public_url under [accounts]: where the other login sends people back to")
        _add_other(routes, Provider(settings.oidc), settings.accounts.public_url.rstrip("/") + "/login/other/back")
    return routes


def _add_password(routes: APIRouter) -> None:
    @routes.get("/login")
    def form(request: Request, known: Known, then: str | None = None) -> Response:
        forms.check_transport(request)
        if known is not None and known.session.stage == "whole":
            return RedirectResponse(own_place(then), status_code=303)
        return _login_page(request, then)

    @routes.post("/login")
    def check(request: Request, context: In, by: By, fields: Posted) -> Response:
        forms.check_transport(request)
        then = fields.get("then")
        try:
            return go_on(context, door.with_password(by, fields.get("name", ""), fields.get("password", "")), then)
        except REFUSED as error:
            return _login_page(request, then, error)

    @routes.post("/logout")
    def leave(context: In, by: By, known: Known, _fields: Posted) -> Response:
        if known is not None:
            door.end(by, known.session_id, known.session)
        response = RedirectResponse("/login", status_code=303, headers={"clear-site-data": '"cache"'})
        forms.drop_cookie(response, context, "session")
        return response


def _add_code(routes: APIRouter) -> None:
    @routes.get("/login/code")
    def form(request: Request, known: Known, then: str | None = None) -> Response:
        needs_stage(known, "second")
        return _code_page(request, then)

    @routes.post("/login/code")
    def check(request: Request, context: In, by: By, known: Known, fields: Posted) -> Response:
        login = needs_stage(known, "second")
        then = fields.get("then")
        try:
            return go_on(context, door.with_code(by, login.session_id, login.session, fields.get("code", "")), then)
        except REFUSED as error:
            return _code_page(request, then, error)


def _add_other(routes: APIRouter, provider: Provider, back: str) -> None:
    @routes.get("/login/other")
    def begin(request: Request, context: In, then: str | None = None) -> Response:
        forms.check_transport(request)
        address, hop = provider.begin(back, own_place(then))
        response = RedirectResponse(address, status_code=303, headers={"cache-control": "no-store"})
        packed = base64.urlsafe_b64encode(msgspec.json.encode(hop)).decode()
        forms.set_cookie(response, context, "hop", packed, _HOP_S)
        return response

    @routes.get("/login/other/back")
    def finish(request: Request, context: In, by: By) -> Response:
        hop = _hop(request.cookies.get(cookie_name(context, "hop"), ""))
        try:
            claims = provider.finish(back, hop, request.query_params)
            subject = oidc.subject(context.database, context.settings.oidc, claims, by.now)
            response = go_on(context, door.with_subject(by, subject), hop.then)
        except NetreadyError as error:
            door.note_refused(by, "the other login", str(error))
            response = _login_page(request, hop.then, error)
        forms.drop_cookie(response, context, "hop")
        return response


def _hop(cookie: str) -> Hop:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cookie[:_LONGEST_COOKIE]), type=Hop)
    except (ValueError, msgspec.DecodeError) as error:
        raise LoginNeeded("this login was begun in another browser, or too long ago") from error


def _login_page(request: Request, then: str | None, wrong: NetreadyError | None = None) -> Response:
    context = context_of(request)
    made = None if forms.has_cookie(request) else forms.new_form_cookie()
    response = html(
        "login.html",
        200 if wrong is None else status_of(wrong),
        form_token=forms.token_for(request, made),
        then=own_place(then),
        wrong=wrong,
        other=context.settings.oidc.title if context.settings.oidc.issuer else None,
        anybody=can_log_in(context),
    )
    return _kept_private(response, context, made, wrong)


def _code_page(request: Request, then: str | None, wrong: NetreadyError | None = None) -> Response:
    response = html(
        "code.html",
        200 if wrong is None else status_of(wrong),
        form_token=forms.token_for(request),
        then=own_place(then),
        wrong=wrong,
    )
    return _kept_private(response, context_of(request), None, wrong)


def _kept_private(response: Response, context: Context, made: str | None, wrong: NetreadyError | None) -> Response:
    response.headers["cache-control"] = "no-store"
    if isinstance(wrong, TooManyTries) and wrong.retry_after_s is not None:
        response.headers["retry-after"] = str(wrong.retry_after_s)
    if made is not None:
        forms.set_cookie(response, context, "form", made)
    return response
