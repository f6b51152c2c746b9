"""What a page needs to know of the request everywhere: its language, and its own address for links to itself.

The language is what ``?lang=`` says, which is kept in a cookie; else the cookie's; else what the browser likes best of
ours; else Kazakh. It stands in a context variable, so that errors and forms speak it too.
"""

from contextvars import ContextVar
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from msgspec import Struct
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.words import LANGUAGES, Language, Tongue, chosen, tongue

_COOKIE = "netready-lang"
_COOKIE_S = 365 * 24 * 3600
_MOST_FIELDS = 100


class Asked(Struct, frozen=True):
    """A page's own address, and the language that it is to be in."""

    language: Language = "en"
    path: str = "/"
    query: tuple[tuple[str, str], ...] = ()

    def here(self, **changes: object) -> str:
        """Return this page's address with other parameters; null leaves one out."""
        kept = {name: value for name, value in self.query if name != "lang"} | changes
        query = urlencode({name: value for name, value in kept.items() if value is not None})
        return self.path + (f"?{query}" if query else "")


_ASKED: ContextVar[Asked] = ContextVar("asked", default=Asked())  # noqa: B039 - it is frozen


def asked() -> Asked:
    """Return what the request now answered is about."""
    return _ASKED.get()


def speech() -> Tongue:
    """Return the tongue of the request now answered."""
    return tongue(_ASKED.get().language)


class Speaking:
    """Finds out the language of each request, and says in the answer which it was (pure ASGI)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        query = _query(scope)
        wished = dict(query).get("lang")
        headers = Headers(scope=scope)
        language = next((one for one in LANGUAGES if one == wished), None)
        spoken = language or _kept(headers.get("cookie", "")) or chosen(headers.get("accept-language", ""))

        async def send_in_it(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = MutableHeaders(scope=message)
                if told.get("content-type", "").startswith("text/html"):
                    told["content-language"] = spoken
                    told.add_vary_header("Accept-Language, Cookie")
                    if language is not None:
                        told.append(
                            "set-cookie", f"{_COOKIE}={language}; Path=/; Max-Age={_COOKIE_S}; SameSite=Lax; HttpOnly"
                        )
            await send(message)

        token = _ASKED.set(Asked(spoken, scope["path"], query))
        try:
            await self._app(scope, receive, send_in_it)
        finally:
            _ASKED.reset(token)


def _query(scope: Scope) -> tuple[tuple[str, str], ...]:
    try:
        text = scope["query_string"].decode("ascii")
        return tuple(parse_qsl(text, keep_blank_values=False, max_num_fields=_MOST_FIELDS))
    except ValueError:  # no ASCII, or far too many
        return ()


def _kept(cookies: str) -> Language | None:
    try:
        kept = SimpleCookie(cookies).get(_COOKIE)
    except CookieError:
        return None
    return next((one for one in LANGUAGES if kept is not None and kept.value == one), None)
