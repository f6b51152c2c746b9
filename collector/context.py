"""What every request can reach, and who is asking."""

import base64
import ipaddress
import re
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from msgspec import Struct

from collector import access, periods
from collector.errors import AccessDenied
from collector.periods import Period
from collector.settings import Settings
from collector.store.database import MINISTRY, Database, Viewer

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


def context_of(request: Request) -> Context:
    """Return the context that the application was made with."""
    context: Context = request.app.state.context
    return context


def api_viewer(request: Request) -> Viewer:
    """Return who asks the API, by bearer token; raises AccessDenied."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise AccessDenied(
            "this needs an API token: send the header 'Authorization: Bearer TOKEN';"
            " whoever runs the collector makes one with 'netready-collector access create'"
        )
    context = context_of(request)
    return access.viewer_of(context.database, token.strip(), context.now())


def is_local(request: Request) -> bool:
    """Tell whether a person at this very computer asks a collector that nobody else can reach.

    The Host header is checked too: a page of a stranger that had its own name resolved to 127.0.0.1 is not local.
    """
    return context_of(request).loopback_only and not _came_through_proxy(request) and _names_this_computer(request)


def _came_through_proxy(request: Request) -> bool:
    # nginx adds no header unless told to, but asks in HTTP/1.0, which no browser does.
    return request.scope["http_version"] == "1.0" or any(
        name in _PROXY_HEADERS or name.startswith("x-forwarded-") for name in request.headers
    )


def _names_this_computer(request: Request) -> bool:
    # Not request.url: where the Host header is missing or nonsense, that falls back to our own address.
    hosts = request.headers.getlist("host")
    found = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    if found is None:
        return False
    try:
        return found["name"].lower() == "localhost" or ipaddress.ip_address(found["name"].strip("[]")).is_loopback
    except ValueError:
        return False


def local_or_viewer(request: Request) -> Viewer:
    """Return the ministry's view to a local person, else whoever the bearer token names; raises AccessDenied."""
    if "authorization" not in request.headers and is_local(request):
        return MINISTRY
    return api_viewer(request)


def page_viewer(request: Request) -> Viewer:
    """Return who looks at a page: a local person, or whoever gives an API token as password; raises AccessDenied."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return local_or_viewer(request)
    try:
        _, _, token = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError as error:  # not base64, not ASCII, not UTF-8
        raise AccessDenied("the login could not be read; give your API token as the password") from error
    context = context_of(request)
    return access.viewer_of(context.database, token.strip(), context.now())


In = Annotated[Context, Depends(context_of)]
By = Annotated[Viewer, Depends(api_viewer)]
PageBy = Annotated[Viewer, Depends(page_viewer)]
LocalOrBy = Annotated[Viewer, Depends(local_or_viewer)]
