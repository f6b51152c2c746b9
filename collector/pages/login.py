"""The pages on which people log in and out: password, code, the country's own login.

Whoever sends a form after the login ended loses nothing: it is kept sealed in the login page
(collector.pages.replaying) and shown again, filled in, once the same person has logged in. It is never sent by itself.
"""

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from agent.contract.errors import MalformedError, NetreadyError, SettingsError
from collector.context import Context, In, Login, address_of, can_log_in, context_of, cookie_name, login_of
from collector.errors import AccessDenied, AccountError, LoginNeeded, NotAllowed, TooManyTries
from collector.pages import forms, html, replaying
from collector.pages.asking import speech
from collector.pages.forms import Posted, StaleForm
from collector.pages.replaying import Typed
from collector.people import login as door
from collector.people import oidc, sessions
from collector.people.login import Asking
from collector.people.oidc import Hop, Provider
from collector.people.sessions import Opened
from collector.settings import Settings
from collector.store import logins
from collector.store.logins import Stage
from collector.words import mark, say

# Only places of our own: no scheme, no other host, nothing that a browser reads as either.
_OWN_PLACE = re.compile(r"/(?![/\\])[^\s\\\x00-\x1f]{0,1000}")
_PAGE_OF: dict[Stage, str] = {"second": "/login/code", "password": "/account/password", "enrol": "/account/second"}
_HOP_S = 600
_LONGEST_COOKIE = 4_000
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_AGAIN = mark(
    "Your login had ended, so nothing was saved. What you typed is in the form below: look it over and press its button"
    " once more."
)
_STALE = mark(
    "This page was out of date, so nothing was saved. What you typed is in the form below: look it over and press its"
    " button once more."
)

REFUSED = (AccessDenied, AccountError, TooManyTries)
Known = Annotated[Login | None, Depends(login_of)]


def needs_stage(login: Login | None, *stages: Stage) -> Login:
    """Return the session if it is at one of these stages; raises LoginNeeded."""
    if login is None or login.session.stage not in stages:
        raise LoginNeeded(say("this page needs a login"))
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
    async def check(request: Request, by: By, fields: Posted) -> Response:
        forms.check_transport(request)
        try:
            opened = await _aside(door.with_password, by, fields.get("name", ""), fields.get("password", ""))
        except REFUSED as error:
            refused: Response = await _aside(_login_page, request, fields.get("then"), error, fields.get("kept", ""))
            return refused
        return await _on_with(request, by, opened, fields)

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
    async def check(request: Request, by: By, known: Known, fields: Posted) -> Response:
        login = needs_stage(known, "second")
        try:
            opened = await _aside(door.with_code, by, login.session_id, login.session, fields.get("code", ""))
        except REFUSED as error:
            refused: Response = await _aside(_code_page, request, fields.get("then"), error, fields.get("kept", ""))
            return refused
        return await _on_with(request, by, opened, fields)


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
        raise LoginNeeded(say("this login was begun in another browser, or too long ago")) from error


def install(app: FastAPI) -> None:
    """Let forms that come after the end of a login, or from a page of another one, lose nothing that was typed."""
    usual: Any = app.exception_handlers[NetreadyError]
    to_login: Any = app.exception_handlers[LoginNeeded]

    @app.exception_handler(LoginNeeded)
    async def login_needed(request: Request, error: LoginNeeded) -> Response:
        if request.method != "POST":
            there: Response = await _aside(to_login, request, error)
            return there
        return await _kept_for_login(request) or RedirectResponse(
            "/login?" + urlencode({"then": _page_of(request)}), status_code=303
        )

    @app.exception_handler(NotAllowed)
    async def not_allowed(request: Request, error: NotAllowed) -> Response:
        # On a collector that only this computer reaches, who was logged in is a local person again, who may only read.
        is_form = request.method == "POST" and not request.url.path.startswith("/api/")
        ended = is_form and await _aside(_has_ended, request)
        answer = await _kept_for_login(request) if ended else None
        return answer or await _aside(usual, request, error)

    @app.exception_handler(StaleForm)
    async def stale(request: Request, error: StaleForm) -> Response:
        login = await _aside(login_of, request)
        if login is None:
            return await not_allowed(request, error)
        typed = await _typed(request, login.session.name) if login.session.stage == "whole" else None
        answer = await _again(request, login.session_id, typed, _STALE, 403) if typed is not None else None
        return answer or await _aside(usual, request, error)


async def _aside(work: Callable[..., Any], *given: Any) -> Any:
    """Do what waits for the database beside the loop that serves everybody."""
    return await anyio.to_thread.run_sync(work, *given)


async def _kept_for_login(request: Request) -> Response | None:
    """Return the login page with what was typed sealed in it; null where there is nothing that could be kept."""
    context = context_of(request)
    name = await _aside(_whose, request)
    typed = None if name is None else await _typed(request, name)
    kept = None if typed is None else await _aside(replaying.sealed, context, typed)
    if typed is None or kept is None:
        return None
    response: Response = await _aside(_login_page, request, typed.page, None, kept, 403)
    return response


async def _typed(request: Request, name: str) -> Typed | None:
    try:
        fields = replaying.keepable(request.url.path, await forms.typed(request))
    except (NotAllowed, MalformedError):  # of another site, too large, no form: then nothing is kept
        return None
    fields.pop("form_token", None)
    query = request.url.query
    if not any(fields.values()):
        return None
    return Typed(
        action=request.url.path + (f"?{query}" if query else ""),
        page=_page_of(request),
        fields=fields,
        name=name,
        at=replaying.now_of(context_of(request).now()),
    )


def _page_of(request: Request) -> str:
    """Return the page that a form stood on, as the browser tells; its own address where it does not."""
    told = urlsplit(request.headers.get("referer", ""))
    if f"{told.scheme}://{told.netloc}".lower() != forms.own_origin(request):
        return request.url.path
    place = own_place(told.path + (f"?{told.query}" if told.query else ""))
    return request.url.path if place == "/" else place


def _session_id(request: Request) -> str:
    return request.cookies.get(cookie_name(context_of(request), "session"), "")


def _has_ended(request: Request) -> bool:
    return bool(_session_id(request)) and login_of(request) is None


def _whose(request: Request) -> str | None:
    """Return whose login a browser's ended session was; null where nobody knows any more."""
    session_id = _session_id(request)
    if not session_id:
        return None
    with context_of(request).database.admitting() as connection:
        # As of long ago: then it held, and looking at it makes it no longer.
        found = logins.session(connection, sessions.digest(session_id), _LONG_AGO, timedelta(0))
    return None if found is None else found.name


async def _on_with(request: Request, by: Asking, opened: Opened, fields: dict[str, str]) -> Response:
    """Go on with a login: to the next question, to the form that was kept, or to where somebody wanted to go."""
    context, kept = context_of(request), fields.get("kept", "")
    if kept and opened.stage == "second":
        response: Response = await _aside(_code_page, request, fields.get("then"), None, kept, opened.session_id)
        forms.set_cookie(response, context, "session", opened.session_id)
        return response
    if kept and opened.stage == "whole":
        typed = await _aside(_opened, context, opened, kept, by.now)
        answer = await _again(request, opened.session_id, typed, _AGAIN) if typed is not None else None
        if answer is not None:
            forms.set_cookie(answer, context, "session", opened.session_id)
            forms.drop_cookie(answer, context, "form")
            return answer
    return go_on(context, opened, fields.get("then"))


def _opened(context: Context, opened: Opened, kept: str, now: datetime) -> Typed | None:
    session = sessions.find(context.database, context.settings.accounts, opened.session_id, now)
    return None if session is None else replaying.opened(context, kept, session.name, now)


async def _again(request: Request, session_id: str, typed: Typed, note: str, status: int = 200) -> Response | None:
    """Return the page of a form with what was typed in it; where that page is gone, a plain form with the same."""
    context = context_of(request)
    cookie = (cookie_name(context, "session"), session_id)
    page = await replaying.page_again(request, cookie, typed, speech().text(note))
    if page is not None:
        return HTMLResponse(page, status, {"cache-control": "no-store"})
    shown = {name: value for name, value in typed.fields.items() if value}
    response = html("admin/again.html", status, typed=typed, shown=shown, form_token=sessions.form_token(session_id))
    response.headers["cache-control"] = "no-store"
    return response


def _login_page(
    request: Request, then: str | None, wrong: NetreadyError | None = None, kept: str = "", status: int = 200
) -> Response:
    context = context_of(request)
    made = None if forms.has_cookie(request) else forms.new_form_cookie()
    response = html(
        "login.html",
        status if wrong is None else status_of(wrong),
        form_token=forms.token_for(request, made),
        kept=kept,
        then=own_place(then),
        wrong=wrong,
        other=context.settings.oidc.title if context.settings.oidc.issuer else None,
        anybody=can_log_in(context),
    )
    return _kept_private(response, context, made, wrong)


def _code_page(
    request: Request, then: str | None, wrong: NetreadyError | None = None, kept: str = "", session: str | None = None
) -> Response:
    response = html(
        "code.html",
        200 if wrong is None else status_of(wrong),
        form_token=forms.token_for(request, session),
        kept=kept,
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
