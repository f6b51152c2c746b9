"""The running collector: one process, or several behind one address; bound, served, drained, with its jobs."""

import contextlib
import gc
import ipaddress
import logging
import os
import signal
import socket
import ssl
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from agent.contract.errors import SettingsError
from collector import findings, maintenance, policy, records, rollcall, rollup, unasked
from collector.app import is_loopback, make_app
from collector.jobs import Job, Runner, Work
from collector.judging import running
from collector.ledger import checkpointing, sequencing
from collector.notices import looking, sending
from collector.orders import Orders
from collector.settings import Settings, split_address
from collector.store.database import Database
from collector.supervisor import Supervisor
from collector.timetable import EVERY_S

_log = logging.getLogger(__name__)
_MOST_WORKERS = 8
_FINDINGS_S = 20  # so that a long backlog lets the process end between schools
_OTHER_CONNECTIONS = 20  # the supervisor's, the jobs', and a person's with psql


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
    if settings.serve.tls_cert is None and not is_loopback(host):
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


def serve(database: Database, settings: Settings, listener: socket.socket, ready: Callable[[str], None]) -> bool:
    """Serve until SIGINT or SIGTERM, then finish what is in the air; tell whether it finished within the limit.

    ``ready`` gets the address once requests are answered.
    """
    scheme = "https" if settings.serve.tls_cert else "http"
    host, port = listener.getsockname()[:2]
    address = f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
    database.watch()
    workers = count_workers(database, settings)
    if workers == 1:
        runner = Runner(database, settings, jobs_of(settings))
        runner.start()
        answer(database, settings, listener, lambda: ready(address))
        _end(runner, settings)
        return True
    with tempfile.TemporaryDirectory(prefix="netready-") as folder:
        supervisor = Supervisor(
            listener=listener,
            folder=Path(folder),
            drain_s=settings.serve.drain_s,
            passes_hangup=settings.serve.tls_cert is not None,
        )
        wanted = [
            Orders(
                role="answer", place=f"worker-{number}", settings=settings, folder=folder, listener=listener.fileno()
            )
            for number in range(1, workers + 1)
        ]
        wanted.append(Orders(role="jobs", place="jobs", settings=settings, folder=folder))
        return supervisor.run(wanted, lambda: ready(address))


def count_workers(database: Database, settings: Settings) -> int:
    """Return how many processes answer: as the settings say, or what suits the database and this computer."""
    each = 3 * settings.database.pool_size
    room = (database.max_connections() - _OTHER_CONNECTIONS) // each
    wanted = settings.serve.workers
    if wanted is None:
        return 1 if settings.database.url is None else max(1, min(_MOST_WORKERS, os.cpu_count() or 1, room))
    if wanted > max(1, room):
        _log.warning(
            "%d workers with a database.pool_size of %d may need more connections than the database allows; lower one"
            " of the two, or raise its max_connections to %d",
            *(wanted, settings.database.pool_size, wanted * each + _OTHER_CONNECTIONS),
        )
    return wanted


def jobs_of(settings: Settings) -> tuple[Job, ...]:
    """Return the jobs that run beside the answers."""
    calendars, zone = rollup.calendars_of(settings.policy), policy.zone_of(settings.policy)
    works: dict[str, Work] = {
        "rollup": lambda database, _: rollup.run(database, calendars),
        "yesterday": lambda database, _: rollup.mark_yesterday(database, zone),
        "findings": lambda database, _: findings.run(database, zone, within_s=_FINDINGS_S),
        "new-rules": lambda database, _: findings.judge_by_new_rules(database, datetime.now(UTC), zone),
        "requests": unasked.run,
        "records": lambda database, _: records.run(database, datetime.now(UTC), zone),
        "maintenance": maintenance.run,
        "log": sequencing.run,
        "verdicts": running.run,
        "checkpoint": checkpointing.run,
        "notices": looking.run,
        "messages": sending.run,
        "fleet": lambda database, _: rollcall.run(database, calendars.at, settings.fleet, datetime.now(UTC)),
    }
    return tuple(Job(name, EVERY_S[name], work) for name, work in works.items())


def answer(database: Database, settings: Settings, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Answer requests in this process until SIGINT or SIGTERM; SIGHUP reads the certificate again."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        # What is loaded stays: without this each full collection walks all of it, in the middle of an answer.
        gc.collect()
        gc.freeze()
        ready()
        yield

    app = make_app(database, settings)
    app.router.lifespan_context = lifespan
    # After its own clean end uvicorn raises the signal again; unhandled, that would kill us before the database is
    # released.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    config = server_config(app, settings)
    if settings.serve.tls_cert is not None:
        signal.signal(signal.SIGHUP, lambda *_: _renew_certificate(config, settings))
    uvicorn.Server(config).run(sockets=[listener])


def run_jobs(database: Database, settings: Settings, ready: Callable[[], None]) -> None:
    """Run the jobs in this process until SIGINT or SIGTERM."""
    ending = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ending.set())
    runner = Runner(database, settings, jobs_of(settings))
    runner.start()
    ready()
    ending.wait()
    _end(runner, settings)


def _end(runner: Runner, settings: Settings) -> None:
    if not runner.stop(settings.serve.drain_s):
        _log.warning("a job did not end within %d s and is cut off; it runs again later", settings.serve.drain_s)


def _renew_certificate(config: uvicorn.Config, settings: Settings) -> None:
    """Use the certificate's files as they are now for new connections, or keep the old one if they cannot be used."""
    assert settings.serve.tls_cert is not None  # noqa: S101 - only then is this called
    try:
        _check_certificate(settings)
        if config.ssl is not None:
            config.ssl.load_cert_chain(settings.serve.tls_cert, settings.serve.tls_key)
    except SettingsError as error:
        _log.error("the certificate stays as it was: %s", error)
    else:
        _log.info("the certificate was read again")


def server_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """Return how the application is served. h11 bounds a request's headers (64 KiB); httptools takes gigabytes."""
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        ssl_certfile=settings.serve.tls_cert,
        ssl_keyfile=settings.serve.tls_key,
        timeout_graceful_shutdown=settings.serve.drain_s,
        server_header=False,
        proxy_headers=False,
    )


def _is_public(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return False
