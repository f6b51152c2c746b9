"""The running collector: database, API and pages in one process."""

import contextlib
import ipaddress
import logging
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import uvicorn
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent import __version__
from agent.contract import signing, wire
from agent.contract.errors import SettingsError
from collector import pages, policy, rankings, sla
from collector.api import agents, answers, people, problems
from collector.context import Context, LocalOrBy
from collector.settings import Settings, split_address
from collector.store.database import MINISTRY, Database

_log = logging.getLogger(__name__)
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ABOUT = "netready: is each school's network fit for lessons, and if not, whose job is it to fix it?"
_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)


class SafeHeaders:
    """Adds the headers that keep browsers from doing anything but show our pages (pure ASGI: no cost per chunk)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *_HEADERS]}
            await send(message)

        await self._app(scope, receive, send_with_headers)


def make_app(database: Database, settings: Settings) -> FastAPI:
    """Return the ASGI application over an open database."""
    host, _ = split_address(settings.serve.listen)
    context = Context(
        database=database,
        settings=settings,
        zone=policy.zone_of(settings.policy),
        loopback_only=settings.serve.local_pages and _is_loopback(host),
    )
    app = FastAPI(title="netready", version=__version__, description=_ABOUT, docs_url=None, redoc_url=None)
    app.state.context = context
    metrics = CollectorRegistry()
    door = agents.Door(
        workers=settings.ingest.workers,
        waiting=settings.ingest.waiting,
        retry_after_s=settings.ingest.retry_after_s,
    )
    problems.install(app)
    app.include_router(agents.router(door, metrics))
    app.include_router(people.routes)
    app.include_router(pages.router())
    _add_own_routes(app, context, metrics)
    _describe(app)
    app.add_middleware(SafeHeaders)
    return app


def _add_own_routes(app: FastAPI, context: Context, metrics: CollectorRegistry) -> None:
    Gauge("netready_up", "1 while the collector answers", registry=metrics).set(1)

    @app.get("/healthz", tags=["running it"], summary="Does it work, database included?")
    def health() -> Response:
        with context.database.reading(MINISTRY) as connection:
            connection.execute("select 1")
        return JSONResponse({"status": "ok", "version": __version__})

    @app.get("/metrics", tags=["running it"], summary="For Prometheus", response_class=PlainTextResponse)
    def measures(_viewer: LocalOrBy) -> Response:
        return Response(generate_latest(metrics), media_type=_METRICS_TYPE)

    @app.get("/docs", include_in_schema=False)
    def documentation() -> Response:
        return pages.documentation(app.openapi())


def _describe(app: FastAPI) -> None:
    made = app.openapi
    kinds = [
        signing.Envelope,
        agents.SignedReports,
        wire.EnrollReply,
        wire.BatchReply,
        wire.Policy,
        people.SchoolAnswer,
        people.ListedSchool,
        people.RankingCard,
        rankings.Row,
        sla.Breach,
    ]

    def openapi() -> dict[str, Any]:
        document = made()
        answers.complete(document, kinds)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents for extending its document


def bind(settings: Settings) -> socket.socket:
    """Bind the listening socket; raises SettingsError naming the address that cannot be had."""
    host, port = split_address(settings.serve.listen)
    _check_certificate(settings)
    if settings.serve.tls_cert is None and _is_public(host):
        raise SettingsError(
            f"listening on {host} without TLS is not safe; give --tls-cert and --tls-key, or listen on 127.0.0.1 behind"
            " a proxy that has TLS"
        )
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {settings.serve.listen}: {error.strerror}; choose another --listen"
        ) from error
    if settings.serve.tls_cert is None and not _is_loopback(host):
        _log.warning("%s has no TLS: agents accept it only inside a private network", settings.serve.listen)
    listener.listen(2048)
    return listener


def _check_certificate(settings: Settings) -> None:
    if settings.serve.tls_cert is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.serve.tls_cert, settings.serve.tls_key)
    except (OSError, ssl.SSLError) as error:
        files = f"{settings.serve.tls_cert} and {settings.serve.tls_key}"
        raise SettingsError(f"{files} cannot be used as certificate and key: {error}; give two PEM files") from error


def serve(database: Database, settings: Settings, listener: socket.socket, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; ``ready`` gets the address once requests are answered."""
    scheme = "https" if settings.serve.tls_cert else "http"
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        ready(f"{scheme}://{shown}:{port}")
        yield

    database.watch()
    app = make_app(database, settings)
    app.router.lifespan_context = lifespan
    # After its own clean end uvicorn raises the signal again; unhandled, that would kill us before the database is
    # released.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    uvicorn.Server(server_config(app, settings)).run(sockets=[listener])


def server_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """Return how the application is served. h11 bounds a request's headers (64 KiB); httptools takes gigabytes."""
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        log_level="warning",
        ssl_certfile=settings.serve.tls_cert,
        ssl_keyfile=settings.serve.tls_key,
        timeout_graceful_shutdown=10,
        server_header=False,
        proxy_headers=False,
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_public(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return False
