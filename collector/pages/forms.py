"""Forms that change something: sent from our own page by the browser that got it, or refused (OWASP, CSRF).

What was typed stands in the request's state too, so that a form that comes too late is not lost
(collector.pages.login).
"""

import asyncio
import re
import secrets
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request, Response
from msgspec import Struct
from starlette.requests import ClientDisconnect

from agent.contract.errors import MalformedError
from collector.context import Context, context_of, cookie_name, is_secure, names_this_computer
from collector.errors import NotAllowed
from collector.people import sessions
from collector.words import say

Fields = dict[str, str]
_MOST_BYTES = 96 * 1024
_MOST_FIELDS = 400
_TIMEOUT_S = 20.0
_FILE_TIMEOUT_S = 300.0  # 8 MB over a poor line
_READ_ON = 8  # times what is taken: a browser hears an answer only once it has sent everything
_LONGEST_COOKIE = 64
_BOUNDARY = re.compile(r'boundary=(?:"([^"\r\n]{1,70})"|([^\s;,"]{1,70}))', re.ASCII)
_PARAMETER = r'[;\s]%s="([^"\r\n]*)"'
_LONGEST_NAME = 200


class StaleForm(NotAllowed):
    """A form of our own whose page another login or browser got; what was typed is in the request's state."""


class TooLarge(MalformedError):  # noqa: N818 - the name is the condition itself
    """A file that is larger than the form takes; the fields before it arrived."""


class File(Struct, frozen=True):
    """A file that somebody chose: its name without folders, and what is in it; not all of it if it is too large."""

    name: str
    content: bytes
    is_whole: bool = True


def takes_files(most_bytes: int) -> Callable[[Any], Any]:
    """Let a route take forms with files (multipart/form-data) of so many bytes in all; others take none.

    Its forms have the file as their last field. The name of a chosen file is typed text too, as FIELD.chosen: where the
    rest of a form is shown again, the file is not, and this tells that there was one.
    """

    def marked(endpoint: Any) -> Any:
        endpoint.most_bytes = most_bytes
        return endpoint

    return marked


async def posted(request: Request) -> Fields:
    """Return the fields of a form of our own; each posted page depends on this.

    Raises:
        NotAllowed: it comes from another site.
        StaleForm: it comes from a page that another browser or login got.
        MalformedError: it is no form, or too large.
    """
    fields = await typed(request)
    cookie = _cookie(request)
    if not cookie or not sessions.is_form_token(cookie, fields.pop("form_token", "")):
        raise StaleForm(
            say("this page is out of date, or the browser keeps no cookies; go back, load it again and repeat")
        )
    return fields


Posted = Annotated[Fields, Depends(posted)]


async def typed(request: Request) -> Fields:
    """Return what was typed into a form of our own, whoever's page it was on; raises NotAllowed, MalformedError."""
    _check_origin(request)
    if not hasattr(request.state, "typed"):
        most = getattr(request.scope.get("endpoint"), "most_bytes", None)
        kind = request.headers.get("content-type", "")
        takes_file = most is not None and _kind(kind) == "multipart/form-data"
        limit = most if most is not None and takes_file else _MOST_BYTES
        body = await _body(request, limit, takes_file=takes_file)
        fields, files = _parts(body, kind, is_cut=len(body) > limit) if takes_file else (_parsed(body, kind), {})
        chosen = {f"{name}.chosen": one.name for name, one in files.items() if one.name}
        request.state.typed, request.state.files = fields | chosen, files
    return dict(request.state.typed)


def file_of(request: Request, field: str) -> File | None:
    """Return the file that was chosen in a field of a form that was read; null where none was; raises TooLarge."""
    found: File | None = request.state.files.get(field)
    if found is not None and not found.is_whole:
        raise TooLarge(_too_large(request.scope["endpoint"].most_bytes))
    return found if found is not None and (found.name or found.content) else None


def token_for(request: Request, response_cookie: str | None = None) -> str:
    """Return the token for forms on a page; ``response_cookie``: one that the same answer sets."""
    return sessions.form_token(response_cookie or _cookie(request))


def new_key() -> str:
    """Return a key for a form that shall do its work once, however often it is sent."""
    return secrets.token_urlsafe(12)


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
            say(
                "logging in needs TLS: give --tls-cert and --tls-key, or behind a proxy with TLS set public_url under"
                " [accounts] to the https address that people type"
            )
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
        raise NotAllowed(say("this form was not sent from a page of this collector; open the page here and repeat"))


def _cookie(request: Request) -> str:
    context = context_of(request)
    found = (request.cookies.get(cookie_name(context, name), "") for name in ("session", "form"))
    return next((value for value in found if 0 < len(value) <= _LONGEST_COOKIE), "")


async def _body(request: Request, most: int, *, takes_file: bool) -> bytes:
    """Return a form's body, cut a byte behind ``most`` where it has a larger file; raises MalformedError."""
    body, size = bytearray(), 0
    within_s = _FILE_TIMEOUT_S if takes_file else _TIMEOUT_S
    try:
        async with asyncio.timeout(within_s):
            async for chunk in request.stream():
                size += len(chunk)
                if size > (most * _READ_ON if takes_file else most):
                    raise MalformedError(_too_large(most))
                body += chunk[: most + 1 - len(body)]
    except TimeoutError as error:
        said = say("the form did not arrive within {n} seconds; send it again", n=int(within_s))
        raise MalformedError(said) from error
    except ClientDisconnect as error:
        raise MalformedError(say("the connection ended before the form did; send it again")) from error
    return bytes(body)


def _kind(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _parsed(body: bytes, content_type: str) -> Fields:
    if _kind(content_type) != "application/x-www-form-urlencoded":
        raise MalformedError(say("this is no form; open the page and use the one there"))
    try:
        return dict(
            parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
        )
    except ValueError as error:
        raise MalformedError(_unreadable()) from error


def _parts(body: bytes, content_type: str, *, is_cut: bool = False) -> tuple[Fields, dict[str, File]]:
    """Return the fields and files of a form as RFC 7578 has them, in memory; of one that is cut, those that arrived."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise MalformedError(_unreadable())
    _, *parts = (b"\r\n" + body).split(b"\r\n--" + (found[1] or found[2]).encode())
    if not parts or len(parts) > _MOST_FIELDS or not (is_cut or parts.pop().startswith(b"--")):
        raise MalformedError(_unreadable())
    fields: Fields = {}
    files: dict[str, File] = {}
    for number, part in enumerate(parts, start=1):
        name, value = _part(part)
        is_whole = not is_cut or number < len(parts)
        if isinstance(value, File):
            files[name] = value if is_whole else File(value.name, b"", is_whole=False)
        elif is_whole:
            fields[name] = value
        else:
            raise MalformedError(_too_large(len(body) - 1))
    return fields, files


def _part(part: bytes) -> tuple[str, str | File]:
    head, separator, content = part.partition(b"\r\n\r\n")
    try:
        told = head.decode("utf-8")
        name = re.search(_PARAMETER % "name", told)
        if name is None or not separator:
            raise MalformedError(_unreadable())
        file = re.search(_PARAMETER % "filename", told)
        return name[1], content.decode("utf-8") if file is None else File(bare_name(file[1]), content)
    except UnicodeDecodeError as error:
        raise MalformedError(_unreadable()) from error


def bare_name(name: str) -> str:
    """Return a file's name as it may stand in messages: no folders, nothing that is not printable."""
    last = re.split(r"[/\\]", name.replace("%22", '"'))[-1]
    return "".join(letter for letter in last if letter.isprintable())[:_LONGEST_NAME]


def _unreadable() -> object:
    return say("the form cannot be read; open the page and use the one there")


def _too_large(most: int) -> object:
    return say("a form has at most {most} bytes here", most=most)
