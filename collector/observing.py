"""Each request gets an id, is counted by route and status, and is logged where that was asked for."""

import logging
import secrets
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector import logs
from collector.metrics import Metrics

_log = logging.getLogger(__name__)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NO_ANSWER = 499  # as other servers count a caller who left before the answer


class Observed:
    """Pure ASGI, the outermost layer. Names routes, never addresses: those hold schools' and people's names."""

    def __init__(self, app: ASGIApp, metrics: Metrics, *, log_requests: bool) -> None:
        self._app = app
        self._metrics = metrics
        self._log_requests = log_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = _NO_ANSWER
        # Made here, not taken from the caller: an id that others choose would forge lines of the log.
        request = secrets.token_hex(8)

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message.get("headers", []), (b"x-request-id", request.encode())]}
            await send(message)

        logs.request_id.set(request)  # never reset: each request is a task, with a context of its own
        began = time.perf_counter()
        self._metrics.in_the_air.inc()
        try:
            await self._app(scope, receive, send_with_id)
        except Exception:  # answered further out, as a mistake of ours
            status = 500
            raise
        finally:
            self._metrics.in_the_air.dec()
            self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, took_s: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.requests.labels(route, method, str(status)).inc()
        self._metrics.request_seconds.labels(route, method).observe(took_s)
        if self._log_requests:
            fields = {"route": route, "method": method, "status": status, "took_ms": round(1000 * took_s, 1)}
            _log.info("%s %s %s %.1f ms", method, route, status, 1000 * took_s, extra={"fields": fields})
