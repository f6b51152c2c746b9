"""The application: what is answered under which address, over an open database."""

import ipaddress
import logging
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent import __version__
from agent.contract import signing, wire
from collector import metrics, pages, policy, rankings, sla
from collector.api import (
    accounts,
    agents,
    agreements,
    answers,
    audit,
    bundles,
    evidence,
    fleet,
    leases,
    notices,
    pack,
    people,
    policies,
    problems,
    records,
    verdicts,
)
from collector.context import Context, LocalOrBy
from collector.errors import NotAllowed
from collector.fleet import RegionFleet
from collector.metrics import DatabaseMetrics, Metrics
from collector.observing import Observed
from collector.pages import accounts as pages_of_accounts
from collector.pages import admin, admin_policy, admin_registry, admin_tokens, assets, it, login, school
from collector.pages import country as pages_of_country
from collector.pages import fleet as pages_of_fleet
from collector.pages import operator as pages_of_operator
from collector.pages.asking import Speaking
from collector.settings import Settings, split_address
from collector.steering import Steered
from collector.store.access import AccessRecord
from collector.store.accounts import ListedAccount
from collector.store.audit import AuditEntry
from collector.store.database import MINISTRY, Database
from collector.store.evidence import newest_log
from collector.store.fleet import ComputerHealth, SchoolFleet
from collector.store.policies import PolicyChange
from collector.store.test_orders import TestOrder
from collector.telling import Teller

_log = logging.getLogger(__name__)
_SEES_METRICS = ("ministry", "auditor", "admin")
_ABOUT = "netready: is each school's network fit for lessons, and if not, whose job is it to fix it?"
_HEADERS = (
    (
        b"content-security-policy",
        (
            b"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self';"
            b" form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        ),
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
        loopback_only=settings.serve.local_pages and is_loopback(host),
    )
    app = FastAPI(title="netready", version=__version__, description=_ABOUT, docs_url=None, redoc_url=None)
    app.state.context = context
    counted = Metrics(CollectorRegistry())
    app.state.metrics = counted
    database.waited = lambda pool, waited_s: counted.pool_wait_seconds.labels(pool).observe(waited_s)
    problems.install(app)
    login.install(app)
    app.include_router(agents.router(context, Teller(settings.policy), counted))
    app.include_router(leases.router())
    app.include_router(records.router(context))
    app.include_router(policies.routes)
    app.include_router(agreements.routes)
    app.include_router(verdicts.routes)
    app.include_router(pack.routes)
    app.include_router(people.routes)
    app.include_router(fleet.routes)
    app.include_router(pages_of_fleet.router())
    app.include_router(pages.router())
    app.include_router(school.router())
    app.include_router(it.router())
    app.include_router(pages_of_country.router())
    app.include_router(pages_of_operator.router())
    app.include_router(assets.router())
    app.include_router(login.router(settings))
    app.include_router(pages_of_accounts.router())
    app.include_router(admin.router())
    app.include_router(admin_tokens.router())
    app.include_router(admin_registry.router())
    app.include_router(admin_policy.router())
    app.include_router(accounts.routes)
    app.include_router(audit.routes)
    app.include_router(evidence.routes)
    app.include_router(bundles.routes)
    app.include_router(notices.routes)
    _add_own_routes(app, context, counted)
    _describe(app)
    app.add_middleware(Speaking)
    app.add_middleware(SafeHeaders)
    app.add_middleware(Observed, metrics=counted, log_requests=settings.log.requests)
    return app


def _add_own_routes(app: FastAPI, context: Context, counted: Metrics) -> None:
    known = CollectorRegistry()
    known.register(DatabaseMetrics(context.database))

    @app.get("/healthz", tags=["running it"], summary="Does it work, database included?")
    def health() -> Response:
        with context.database.reading(MINISTRY) as connection:
            log = newest_log(connection)
        # Whether it takes things in; reports are stored either way, so that this is no reason to send nobody here.
        running = "none" if log is None else "stopped" if log.stopped else "running"
        return JSONResponse({"status": "ok", "version": __version__, "log": running})

    @app.get("/metrics", tags=["running it"], summary="For Prometheus", response_class=PlainTextResponse)
    def measures(viewer: LocalOrBy) -> Response:
        if viewer.role not in _SEES_METRICS:
            raise NotAllowed("the collector's own figures are for the ministry, auditors and administrators")
        return Response(metrics.render(counted.registry, known), media_type=metrics.MEDIA_TYPE)

    @app.get("/docs", include_in_schema=False)
    def documentation() -> Response:
        return pages.documentation(app.openapi())


def _describe(app: FastAPI) -> None:
    made = app.openapi
    kinds = [
        signing.Envelope,
        agents.SignedReports,
        wire.EnrollReply,
        wire.SchoolsRequest,
        wire.SchoolsReply,
        wire.LeaveReply,
        wire.BatchReply,
        wire.Policy,
        wire.LeaseReply,
        leases.Released,
        policies.PolicyAnswer,
        policies.PolicyWish,
        policies.TestWish,
        PolicyChange,
        TestOrder,
        Steered,
        people.SchoolAnswer,
        people.ListedSchool,
        people.RankingCard,
        RegionFleet,
        SchoolFleet,
        ComputerHealth,
        rankings.Row,
        sla.Breach,
        accounts.AccountAsked,
        accounts.Done,
        accounts.FirstPassword,
        AccessRecord,
        AuditEntry,
        ListedAccount,
        *evidence.KINDS,
        *agreements.KINDS,
        *verdicts.KINDS,
        *records.KINDS,
        *notices.KINDS,
    ]

    def openapi() -> dict[str, Any]:
        document = made()
        answers.complete(document, kinds)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents for extending its document


def is_loopback(host: str) -> bool:
    """Tell whether an address to listen on is this computer's own, which nobody else can reach."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
