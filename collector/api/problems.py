"""Every error leaves as an RFC 9457 problem document with a sentence a person can act on; mapped here, once."""

import http
import logging
from urllib.parse import urlencode

import msgspec
import psycopg
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException

from agent.contract.errors import MalformedError, NetreadyError, SettingsError, SignatureError
from agent.contract.wire import Problem
from collector import pages
from collector.errors import (
    AccessDenied,
    AccountError,
    DatabaseError,
    EnrollmentRefused,
    LoginNeeded,
    NotAllowed,
    NotFound,
    TooManyTries,
)
from collector.evidence.errors import EvidenceError
from collector.ingest import TooLarge
from collector.notices.errors import NoticeError
from collector.pages.rendering import said_by
from collector.people.oidc import OidcError
from collector.verdicts.errors import AgreementError
from collector.words import say

_log = logging.getLogger(__name__)
_RETRY_AFTER_S = "10"
_NOTHING_HERE = say("there is nothing at this address; /docs lists what there is")

_STATUS: tuple[tuple[type[NetreadyError], int], ...] = (
    (TooLarge, 413),
    (MalformedError, 400),
    (SettingsError, 400),
    (AgreementError, 409),
    (SignatureError, 401),
    (EnrollmentRefused, 403),
    (AccessDenied, 401),
    (NotAllowed, 403),
    (AccountError, 400),
    (TooManyTries, 429),
    (OidcError, 502),
    (NotFound, 404),
    (EvidenceError, 400),
    (NoticeError, 409),
    (DatabaseError, 503),
)


class Busy(NetreadyError):  # noqa: N818 - the name is the condition itself
    """More work is waiting than the collector takes; come back later."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"the collector is busy; come back in {retry_after_s} seconds, nothing was lost")
        self.retry_after_s = retry_after_s


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """Return a problem document."""
    title = http.HTTPStatus(status).phrase
    body = msgspec.json.encode(Problem(title=title, status=status, detail=detail))
    return Response(body, status_code=status, media_type="application/problem+json", headers=headers)


def install(app: FastAPI) -> None:
    """Answer every error of the application with a problem document."""

    @app.exception_handler(Busy)
    def busy(_request: Request, error: Busy) -> Response:
        return problem(503, str(error), {"retry-after": str(error.retry_after_s)})

    @app.exception_handler(LoginNeeded)
    def login_needed(request: Request, _error: LoginNeeded) -> Response:
        return RedirectResponse("/login?" + urlencode({"then": _asked(request)}), status_code=303)

    @app.exception_handler(NetreadyError)
    def ours(request: Request, error: NetreadyError) -> Response:
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
        if status == 503:
            _log.error("%s", error)
            return problem(503, "the database does not answer; try again in a moment", {"retry-after": _RETRY_AFTER_S})
        if not request.scope["path"].startswith("/api/"):
            basic = 'Basic realm="netready: your API token is the password", charset="UTF-8"'
            return HTMLResponse(pages.error_page(status, said_by(error)), status, _told(error, status, basic))
        return problem(status, str(error), _told(error, status, 'Bearer realm="netready"'))

    @app.exception_handler(psycopg.DataError)
    def unstorable(_request: Request, error: psycopg.DataError) -> Response:
        return problem(400, f"a value cannot be used: {error.diag.message_primary or error}")

    @app.exception_handler(RequestValidationError)
    def invalid(_request: Request, error: RequestValidationError) -> Response:
        found = "; ".join(f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors())
        return problem(400, found)

    @app.exception_handler(HTTPException)
    def plain(request: Request, error: HTTPException) -> Response:
        return _plain(request, error)

    @app.exception_handler(Exception)
    def bug(_request: Request, error: Exception) -> Response:
        _log.error("unexpected error", exc_info=error)
        return problem(500, "an error in netready itself; it was logged, please report it with the time")


def _told(error: NetreadyError, status: int, scheme: str) -> dict[str, str] | None:
    """Return the headers of a refusal: how to log in, or when to come back."""
    if status == 401:
        return {"www-authenticate": scheme}
    wait = error.retry_after_s if isinstance(error, TooManyTries) else None
    return None if wait is None else {"retry-after": str(wait)}


def _asked(request: Request) -> str:
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")


def _plain(request: Request, error: HTTPException) -> Response:
    """Answer what the framework refuses by itself: unknown addresses and methods."""
    if error.status_code != 404:
        return problem(error.status_code, str(error.detail), dict(error.headers or {}))
    if request.scope["path"].startswith("/api/"):
        return problem(404, str(_NOTHING_HERE))
    return HTMLResponse(pages.error_page(404, _NOTHING_HERE), 404)
