"""Forms that change something: sent from our own page by the browser that got it, or refused (OWASP, CSRF)."""

import asyncio
import secrets
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request, Response
from starlette.requests import ClientDisconnect

from agent.contract.errors import MalformedError
from collector.context import Context, context_of, cookie_name, is_secure, names_this_computer
from collector.errors import NotAllowed
from collector.people import sessions

Fields = dict[str, str]
_MOST_BYTES = 16 * 1024
_MOST_FIELDS = 30
_TIMEOUT_S = 20.0
_LONGEST_COOKIE = 64


async def posted(request: Request) -> Fields:
    """Return the fields of a form of our own; each posted page depends on this.

    Raises:
        NotAllowed: it comes from another site, or from a page that another browser or login got.
        MalformedError: it is no form, or too large.
    """
    _check_origin(request)
    fields = _parsed(await _body(request), request.headers.get("content-type", ""))
    cookie = _cookie(request)
    if not cookie or not sessions.is_form_token(cookie, fields.pop("form_token", "")):
        raise NotAllowed("this page is out of date, or the browser keeps no cookies; go back, load it again and repeat")
    return fields


Posted = Annotated[Fields, Depends(posted)]


def token_for(request: Request, response_cookie: str | None = None) -> str:
    """Return the token for forms on a page; ``response_cookie``: one that the same answer sets."""
    return sessions.form_token(response_cookie or _cookie(request))


def has_cookie(request: Request) -> bool:
    """Tell whether the browser has something that a form's token can be bound to."""
    return bool(_cookie(request))


def keep_form_cookie(response: Response, context: Context, value: str) -> None:
    """Give a browser that nobody has logged in with something that its forms are bound to."""
    set_cookie(response, context, "form", value)


def new_form_cookie() -> str:
    """Return a value that nobody guesses."""
    return secrets.token_urlsafe(32)


def set_cookie(response: Response, context: Context, name: str, value: str, seconds: int | None = None) -> None:
    """Set a cookie that scripts and other sites' forms do not get at; without ``seconds`` it goes with the browser."""
    response.set_cookie(
        cookie_name(context, name),
        value,
        max_age=seconds,
        path="/",
        secure=is_secure(context),
        httponly=True,
        samesite="lax",
    )


def drop_cookie(response: Response, context: Context, name: str) -> None:
    """Make the browser forget a cookie."""
    response.delete_cookie(
        cookie_name(context, name), path="/", secure=is_secure(context), httponly=True, samesite="lax"
    )


def check_transport(request: Request) -> None:
    """Refuse passwords where others could read them on the way; raises NotAllowed."""
    if not is_secure(context_of(request)) and not names_this_computer(request):
        raise NotAllowed(
            "logging in needs TLS: give --tls-cert and --tls-key, or behind a proxy with TLS set public_url under"
            " [accounts] to the https address that people type"
        )


def own_origin(request: Request) -> str:
    """Return the scheme, host and port that people see."""
    context = context_of(request)
    public = context.settings.accounts.public_url
    if public is not None:
        parts = urlsplit(public)
        return f"{parts.scheme}://{parts.netloc}".lower()
    scheme = "https" if context.settings.serve.tls_cert else "http"
    return f"{scheme}://{request.headers.get('host', '')}".lower()


def _check_origin(request: Request) -> None:
    origin = request.headers.get("origin")
    if origin is None:
        same = request.headers.get("sec-fetch-site") == "same-origin"
    else:
        same = origin.lower() == own_origin(request)
    if not same:
        raise NotAllowed("this form was not sent from a page of this collector; open the page here and repeat")


def _cookie(request: Request) -> str:
    context = context_of(request)
    found = (request.cookies.get(cookie_name(context, name), "") for name in ("session", "form"))
    return next((value for value in found if 0 < len(value) <= _LONGEST_COOKIE), "")


async def _body(request: Request) -> bytes:
    body = b""
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise MalformedError(f"a form has at most {_MOST_BYTES} bytes")
    except TimeoutError as error:
        raise MalformedError(f"the form did not arrive within {_TIMEOUT_S:.0f} seconds; send it again") from error
    except ClientDisconnect as error:
        raise MalformedError("the connection ended before the form did; send it again") from error
    return body


def _parsed(body: bytes, content_type: str) -> Fields:
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise MalformedError("this is no form; open the page and use the one there")
    try:
        return dict(
            parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
        )
    except ValueError as error:
        raise MalformedError("the form cannot be read; open the page and use the one there") from error
