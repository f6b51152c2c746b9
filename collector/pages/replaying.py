"""What was typed into a form whose login has ended: sealed until its owner has logged in, then shown in the form again.

Sealed means encrypted and signed with a key of this collector, for one account, for an hour. Passwords, codes and files
are never among it. Nothing is done with it but show it: the person presses once more.
"""

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta
from html import escape
from html.parser import HTMLParser

import httpx
import msgspec
from fastapi import Request
from msgspec import Struct
from nacl.encoding import RawEncoder
from nacl.exceptions import CryptoError
from nacl.hash import blake2b
from nacl.secret import SecretBox

from agent.contract.errors import NetreadyError
from collector.context import Context
from collector.evidence import safekeeping
from collector.ledger import keeping
from collector.pages.forms import Fields

KEPT_FOR = timedelta(hours=1)
_MOST_BYTES = 48 * 1024
_KEY_FILE = "forms.key"
_SECRET = re.compile(r"pass|secret|token|^(code|old|new|again|kept|then)$", re.IGNORECASE)
_NEVER = ("/login", "/logout", "/account")
_PASSED_ON = ("host", "accept-language", "user-agent", "x-forwarded-for", "x-forwarded-proto")
_TIMEOUT_S = 30.0
_VOID_FORM = "post"


class Typed(Struct, frozen=True, kw_only=True):
    """A form as it was sent: where to, from which page, by whom and when."""

    action: str
    page: str
    fields: Fields
    name: str
    at: datetime


def keepable(action: str, fields: Fields) -> Fields:
    """Return what of a form may be kept; nothing of the pages on which passwords are typed."""
    if action.partition("?")[0].startswith(_NEVER) and not action.startswith("/accounts"):
        return {}
    return {name: value for name, value in fields.items() if not _SECRET.search(name)}


def sealed(context: Context, typed: Typed) -> str | None:
    """Return a form as text that only this collector can read; null where it is too large or no key can be kept."""
    body = msgspec.json.encode(typed)
    return seal(context, body) if len(body) <= _MOST_BYTES else None


def opened(context: Context, text: str, name: str, now: datetime) -> Typed | None:
    """Return a form that was sealed for this account not long ago; null for anything else."""
    if not text or len(text) > 2 * _MOST_BYTES:
        return None
    body = unseal(context, text)
    try:
        found = None if body is None else msgspec.json.decode(body, type=Typed)
    except msgspec.DecodeError:  # something else that was sealed here
        return None
    return found if found is not None and found.name == name and now - KEPT_FOR <= found.at <= now else None


def seal(context: Context, body: bytes) -> str | None:
    """Return bytes as text that only this collector can read or make; null where no key can be kept."""
    keys = _keys(context)
    return base64.urlsafe_b64encode(SecretBox(keys[0]).encrypt(body)).decode() if keys else None


def unseal(context: Context, text: str) -> bytes | None:
    """Return the bytes that were sealed here; null for anything else."""
    for key in _keys(context):
        try:
            return SecretBox(key).decrypt(base64.urlsafe_b64decode(text.encode()))
        except (CryptoError, binascii.Error, ValueError):
            continue
    return None


def _keys(context: Context) -> list[bytes]:
    """Return the keys to seal with: of the log's key where all machines share it, and of a file of our own.

    The log's own key is never made here: where it is missing, that has to be seen.
    """
    files = keeping.keeping_of(context.settings)
    found = []
    for read in (files.key, lambda: safekeeping.made_key(files.folder / _KEY_FILE)):
        try:
            key = read()
        except NetreadyError:  # not readable or writable here: then the other one, or none
            continue
        if key is not None:
            found.append(blake2b(bytes(key), digest_size=32, person=b"netready forms", encoder=RawEncoder))
    return found


async def page_again(request: Request, session: tuple[str, str], typed: Typed, note: str) -> str | None:
    """Return the page that a form stood on, as its owner sees it now, with the form filled in; null where it is gone.

    Args:
        request: the one that logged in.
        session: the name of the cookie and the id of the new session.
        typed: what was sent.
        note: what is said above it.
    """
    cookies = {**request.cookies, session[0]: session[1]}
    headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
    headers["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    client = request.client
    transport = httpx.ASGITransport(request.app, client=(client.host, client.port) if client else ("127.0.0.1", 0))
    async with httpx.AsyncClient(transport=transport, base_url="http://own", timeout=_TIMEOUT_S) as own:
        answer = await own.get(typed.page, headers=headers)
    if answer.status_code != 200 or not answer.headers.get("content-type", "").startswith("text/html"):
        return None
    return filled(answer.text, typed, note)


def filled(page: str, typed: Typed, note: str) -> str | None:
    """Return a page with what was typed in its form, and a note on top; null where it has no such form."""
    reading = _Filling(page, typed, note)
    reading.feed(page)
    reading.close()
    return reading.result()


class _Filling(HTMLParser):
    """Copies a page and changes the fields of one form."""

    def __init__(self, page: str, typed: Typed, note: str) -> None:
        super().__init__(convert_charrefs=False)
        self._page, self._typed, self._note = page, typed, note
        self._starts = [0, *(found.end() for found in re.finditer("\n", page))]
        self._changes: list[tuple[int, int, str]] = []
        self._inside = False
        self._is_found = False
        self._select: str | None = None
        self._text_from: tuple[int, str] | None = None

    def result(self) -> str | None:
        """Return the page with the changes."""
        if not self._is_found:
            return None
        parts, at = [], 0
        for start, end, text in self._changes:
            parts += [self._page[at:start], text]
            at = end
        return "".join((*parts, self._page[at:]))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Change a field; forms without an address get the page's own, since this page stands at another."""
        told = dict(attrs)
        match tag:
            case "main":
                self._after(f'\n<p class="hint" role="status">{escape(self._note)}</p>')
            case "form" if "action" not in told:
                self._replace(tag, {**told, "action": self._typed.page})
            case "form":
                is_it = (told.get("method") or "").lower() == _VOID_FORM and told.get("action") == self._typed.action
                self._inside = is_it and not self._is_found
                self._is_found = self._is_found or is_it
            case "input" if self._inside:
                self._input(told)
            case "select" if self._inside:
                self._select = told.get("name")
            case "option" if self._inside and self._select in self._typed.fields:
                self._choose(tag, told, "selected", told.get("value"), str(self._select))
            case "textarea" if self._inside and told.get("name") in self._typed.fields:
                self._text_from = (self._end(), str(told["name"]))

    def handle_endtag(self, tag: str) -> None:
        """Leave a form, a list or a text."""
        if tag == "form":
            self._inside = False
        elif tag == "select":
            self._select = None
        elif tag == "textarea" and self._text_from is not None:
            start, name = self._text_from
            self._changes.append((start, self._at(), "\n" + escape(self._typed.fields[name])))
            self._text_from = None

    def _input(self, told: dict[str, str | None]) -> None:
        name, kind = told.get("name"), (told.get("type") or "text").lower()
        if not name or name == "form_token" or kind in ("password", "file", "submit"):
            return
        if kind in ("checkbox", "radio"):
            self._choose("input", told, "checked", told.get("value") or "on", name)
        elif name in self._typed.fields:
            self._replace("input", {**told, "value": self._typed.fields[name]})

    def _choose(self, tag: str, told: dict[str, str | None], word: str, value: str | None, name: str) -> None:
        rest: dict[str, str | None] = {key: kept for key, kept in told.items() if key != word}
        if self._typed.fields.get(name) == value:
            rest[word] = None
        self._replace(tag, rest)

    def _replace(self, tag: str, told: dict[str, str | None]) -> None:
        words = "".join(f" {name}" if value is None else f' {name}="{escape(value)}"' for name, value in told.items())
        self._changes.append((self._at(), self._end(), f"<{tag}{words}>"))

    def _after(self, text: str) -> None:
        self._changes.append((self._end(), self._end(), text))

    def _at(self) -> int:
        line, column = self.getpos()
        return self._starts[line - 1] + column

    def _end(self) -> int:
        return self._at() + len(self.get_starttag_text() or "")


def now_of(moment: datetime) -> datetime:
    """Return a moment as it is kept: in UTC, to the second."""
    return moment.astimezone(UTC).replace(microsecond=0)
