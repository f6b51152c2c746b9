"""What every request can reach, and who is asking."""

import base64
import ipaddress
import re
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from msgspec import Struct

from collector import access, findings, periods, rollup
from collector.errors import AccessDenied, LoginNeeded, NotAllowed
from collector.people import addresses, sessions
from collector.periods import Period
from collector.settings import Settings
from collector.store import accounts, audit
from collector.store.audit import Who
from collector.store.database import MINISTRY, Database, Viewer
from collector.store.logins import SessionRecord

# A request that came through a proxy carries one of these; then the listening address says nothing about who asks.
_PROXY_HEADERS = ("forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip")
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?", re.ASCII | re.IGNORECASE)


class Context(Struct, frozen=True, kw_only=True):
    """The parts of a running collector. ``loopback_only``: it listens on this computer's own address and no other."""

    database: Database
    settings: Settings
    zone: ZoneInfo
    loopback_only: bool

    def now(self) -> datetime:
        """Return the time, aware and in UTC."""
        return datetime.now(UTC)

    def period(self, label: str | None) -> Period:
        """Return the period a caller named, or the current quarter; raises SettingsError for nonsense."""
        return periods.chosen(label, self.now(), self.zone)

    def catch_up(self, found_in: Period | None = None) -> None:
        """See that an answer has what was stored before it was asked for; a large backlog is left to the job.

        ``found_in``: the period of an answer that rests on what rankings found (``rests_on_findings``).
        """
        rollup.catch_up(self.database, rollup.calendars_of(self.settings.policy))
        if found_in is not None:
            findings.catch_up(self.database, found_in.label, self.zone)


def context_of(request: Request) -> Context:
    """Return the context that the application was made with."""
    context: Context = request.app.state.context
    return context


class Asker(Struct, frozen=True, kw_only=True):
    """Somebody who asks: what the database shows them, and what they may do. The log gets ``address`` shortened."""

    name: str
    viewer: Viewer
    rights: tuple[str, ...]
    address: str | None
    login: "Login | None" = None

    def require(self, right: access.Right) -> None:
        """Raise NotAllowed for somebody without this right."""
        if right not in self.rights:
            raise NotAllowed(
                f"this needs the right {right!r}, which {self.name} does not have; whoever runs the collector gives it"
            )

    def who(self) -> Who:
        """Return who this is for the audit log."""
        return Who(self.name, self.viewer.role, self.viewer.scope, addresses.shortened(self.address))


class Login(Struct, frozen=True):
    """A browser's session: the id from its cookie, and what the database knows of it."""

    session_id: str
    session: SessionRecord


def address_of(request: Request) -> str | None:
    """Return the address that asks, as far as our own proxies vouch for it."""
    peer = request.client.host if request.client else None
    trusted = context_of(request).settings.accounts.trusted_proxies
    return addresses.of_request(peer, request.headers.getlist("x-forwarded-for"), trusted)


def is_secure(context: Context) -> bool:
    """Tell whether browsers reach the collector over TLS, its own or that of a proxy in front."""
    public = context.settings.accounts.public_url or ""
    return context.settings.serve.tls_cert is not None or public.startswith("https://")


def cookie_name(context: Context, name: str) -> str:
    """Return what a cookie is called: the prefix makes browsers refuse one from a neighbouring name or without TLS."""
    return f"__Host-netready-{name}" if is_secure(context) else f"netready-{name}"


def login_of(request: Request) -> Login | None:
    """Return the browser's session, whatever is still asked of it; null without one that holds."""
    context = context_of(request)
    session_id = request.cookies.get(cookie_name(context, "session"), "")
    session = sessions.find(context.database, context.settings.accounts, session_id, context.now())
    return None if session is None else Login(session_id, session)


def _logged_in(request: Request) -> Asker | None:
    login = login_of(request)
    if login is None or login.session.stage != "whole":
        return None
    one = login.session
    return Asker(
        name=one.name,
        viewer=Viewer(one.role, one.scope),
        rights=access.ROLE_RIGHTS[one.role],
        address=address_of(request),
        login=login,
    )


def _holder(request: Request, token: str) -> Asker:
    context = context_of(request)
    holder = access.holder_of(context.database, token.strip(), context.now())
    return Asker(name=holder.name, viewer=holder.viewer, rights=holder.rights, address=address_of(request))


def api_asker(request: Request) -> Asker:
    """Return who asks the API: by bearer token, or who is logged in and only reads; raises AccessDenied."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not scheme and request.method in ("GET", "HEAD") and (found := _logged_in(request)) is not None:
        return found
    if scheme.lower() != "bearer" or not token.strip():
        raise AccessDenied(
            "this needs an API token: send the header 'Authorization: Bearer TOKEN';"
            " whoever runs the collector makes one with 'netready-collector access create'"
        )
    return _holder(request, token)


def api_viewer(asker: Annotated[Asker, Depends(api_asker)]) -> Viewer:
    """Return what whoever asks the API may see; raises NotAllowed for a token that is not for reading."""
    asker.require("read")
    return asker.viewer


def is_local(request: Request) -> bool:
    """Tell whether a person at this very computer asks a collector that nobody else can reach.

    The Host header is checked too: a page of a stranger that had its own name resolved to 127.0.0.1 is not local.
    """
    return context_of(request).loopback_only and not _came_through_proxy(request) and names_this_computer(request)


def _came_through_proxy(request: Request) -> bool:
    # nginx adds no header unless told to, but asks in HTTP/1.0, which no browser does.
    return request.scope["http_version"] == "1.0" or any(
        name in _PROXY_HEADERS or name.startswith("x-forwarded-") for name in request.headers
    )


def names_this_computer(request: Request) -> bool:
    """Tell whether the browser typed this computer's own name or address."""
    # Not request.url: where the Host header is missing or nonsense, that falls back to our own address.
    hosts = request.headers.getlist("host")
    found = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    if found is None:
        return False
    try:
        return found["name"].lower() == "localhost" or ipaddress.ip_address(found["name"].strip("[]")).is_loopback
    except ValueError:
        return False


def _local(request: Request) -> Asker:
    return Asker(
        name="a person at the collector's own computer",
        viewer=MINISTRY,
        rights=("read", "export"),
        address=address_of(request),
    )


def local_or_asker(request: Request) -> Asker:
    """Return who asks: a local person with the ministry's view, else as the API knows them; raises AccessDenied."""
    if "authorization" not in request.headers and is_local(request):
        return _logged_in(request) or _local(request)
    return api_asker(request)


def local_or_viewer(asker: Annotated[Asker, Depends(local_or_asker)]) -> Viewer:
    """Return what a local person, or whoever the API knows, may see; raises NotAllowed."""
    asker.require("read")
    return asker.viewer


def page_asker(request: Request) -> Asker:
    """Return who looks at a page: logged in, local, or with an API token as password.

    Raises:
        LoginNeeded: there are accounts, so that a browser can be sent to the login.
        AccessDenied: there is none; only a token helps.
    """
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        return _holder(request, _password(value))
    if scheme:
        return api_asker(request)
    found = _logged_in(request)
    if found is not None:
        return found
    if is_local(request):
        return _local(request)
    if can_log_in(context_of(request)):
        raise LoginNeeded("this page needs a login")
    return api_asker(request)


def page_viewer(asker: Annotated[Asker, Depends(page_asker)]) -> Viewer:
    """Return what whoever looks at a page may see; raises NotAllowed."""
    asker.require("read")
    return asker.viewer


def can_log_in(context: Context) -> bool:
    """Tell whether anybody has an account here, or another login vouches for people."""
    if context.settings.oidc.issuer is not None:
        return True
    with context.database.admitting() as connection:
        return accounts.any_account(connection)


def note(context: Context, asker: Asker, what: audit.What, about: str | None = None, **detail: object) -> None:
    """Write into the audit log what somebody does, before the answer leaves; raises DatabaseError."""
    with context.database.admitting() as connection:
        audit.note(connection, asker.who(), what, about, now=context.now(), detail=detail)


def note_school(context: Context, asker: Asker, school_id: str, **detail: object) -> None:
    """Write into the audit log that somebody outside a school looked at it."""
    if asker.viewer != Viewer("school", school_id):
        note(context, asker, "saw", f"school {school_id}", **detail)


def _password(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except ValueError as error:  # not base64, not ASCII, not UTF-8
        raise AccessDenied("the login could not be read; give your API token as the password") from error


In = Annotated[Context, Depends(context_of)]
By = Annotated[Viewer, Depends(api_viewer)]
ByWhom = Annotated[Asker, Depends(api_asker)]
PageBy = Annotated[Viewer, Depends(page_viewer)]
PageByWhom = Annotated[Asker, Depends(page_asker)]
LocalOrBy = Annotated[Viewer, Depends(local_or_viewer)]
