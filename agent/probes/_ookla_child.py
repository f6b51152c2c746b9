"""The process in which speedtest-cli runs: reads an order from standard input, prints lines (agent.probes._ookla_talk).

speedtest-cli decides what is asked for when; its connections, bodies and limits are ours, because of what its own do:
it follows redirects, believes any number in the server's configuration, keeps all bodies in memory, and takes what it
has read from a body for sent.
"""

import math
import os
import ssl
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any
from urllib.request import BaseHandler

import speedtest  # noqa: TID253 - this process is there for nothing else

from agent.contract.failure import Failure
from agent.host import transport
from agent.meter import dial, interception
from agent.meter.errors import TransferError
from agent.meter.lane import Way
from agent.probes import _child
from agent.probes._child import Say
from agent.probes._ookla_sockets import Connections, Trouble
from agent.probes._ookla_talk import Broken, Done, Order, Phase, Transferred
from agent.probes._ookla_watch import LOOK_S, Watch

LONGEST_S = 15.0  # whatever the server's configuration wants
_SHORTEST_S = 1.0
_RESERVE_S = 1.0
_TICK_LOOKS = 2
_MOST_ANSWER_BYTES = 8 << 20  # the longest list of servers has some hundred KiB
_MOST_REQUESTS = 20  # of each size
_PICTURE_BYTES = 2 * 4000 * 4000  # of the largest, which is the last
_MOST_THREADS = 16
_HOUR_S = 3600  # what speedtest-cli counts for a latency request that failed
_OOKLA = ("://www.speedtest.net", "http://c.speedtest.net")
_BLOCK = os.urandom(1 << 16)  # nothing that a line could compress
_FIELD = b"content1="
_HTML = (b"<!doctype html", b"<html", b"<head")
# What it raises for a configuration or a list of servers that it does not understand: a name that it lacks, too.
_NONSENSE = (KeyError, ValueError, TypeError, IndexError, AttributeError, ArithmeticError, NameError)
_SAYS: dict[type[Exception], tuple[Failure, str]] = {
    speedtest.NoMatchedServers: ("no_server", "speedtest.net has no server with this server_id; choose another one"),
    speedtest.SpeedtestBestServerFailure: ("no_server", "speedtest.net names no server near here; give a server_id"),
    speedtest.SpeedtestConfigError: ("protocol_error", "the server's configuration is none that speedtest-cli reads"),
    speedtest.SpeedtestServersError: ("protocol_error", "the list of servers is none that speedtest-cli reads"),
}


class _Body(speedtest.HTTPUploaderData):  # type: ignore[misc]  # an untyped library
    """A body that is made as it is read, instead of all bodies being kept in memory, and has its announced length."""

    def pre_allocate(self) -> None:
        """Allocate nothing."""

    def read(self, size: int = 10_240) -> bytes:
        """Return a piece, none once time is over."""
        if self._shutdown_event.isSet():
            raise speedtest.SpeedtestUploadTimeout
        given = sum(self.total)
        piece = (_BLOCK if given else _FIELD + _BLOCK)[: min(size, self.length - given)]
        self.total[:] = [given + len(piece)]
        return piece


class _Stop:
    """speedtest-cli's shutdown event, with what makes requests that were not begun yet never begin."""

    def __init__(self) -> None:
        self.is_set = False

    def isSet(self) -> bool:  # noqa: N802 - speedtest-cli's name
        return self.is_set


class Run:
    """One test, phase by phase."""

    def __init__(self, order: Order, say: Say) -> None:
        self._order = order
        self._say = say
        self._deadline = time.monotonic() + order.deadline_s
        self._own = None if order.base is None else dial.http_endpoint(order.base)
        self._phase: Phase = "configuration"
        self._stop = _Stop()
        self._watch: Watch | None = None
        self._context = transport.tls_context(order.ca_file)
        self._connections = self._new_connections()
        self._teach()
        threading.Thread(target=self._look_on, daemon=True).start()

    def run(self) -> Done:
        """Measure.

        Raises:
            TransferError: it failed; the text says in which phase.
        """
        self._client = self._doing("configuration", lambda: speedtest.Speedtest(secure=True, shutdown_event=self._stop))
        best = self._best()
        self._bound()
        download = self._transfer("download", 2)
        upload = self._transfer("upload", 1)
        return Done(server=best["url"], ping_ms=float(best["latency"]), download=download, upload=upload)

    # -- what speedtest-cli is taught --------------------------------------------------------------------------------

    def _teach(self) -> None:
        build, opener = speedtest.build_request, speedtest.build_opener
        # Neither the environment's proxies nor redirects: what answers is to be the server itself.
        speedtest.ProxyHandler = speedtest.HTTPRedirectHandler = BaseHandler
        speedtest.gzip = None  # a few KiB could become gigabytes
        speedtest.HTTPUploaderData = _Body
        speedtest.build_request = lambda url, *rest, **options: build(self._place(url), *rest, **options)
        speedtest.build_opener = lambda *rest: self._listening(opener(*rest))
        speedtest.SpeedtestHTTPConnection = self._ours(speedtest.SpeedtestHTTPConnection)
        speedtest.SpeedtestHTTPSConnection = self._ours(speedtest.SpeedtestHTTPSConnection, context=self._context)

    def _place(self, url: str) -> str:
        """Return where a request really goes: to our own server, or over TLS."""
        for ookla in _OOKLA:
            if url.startswith(ookla):
                base = f"https://{ookla.partition('://')[2]}" if self._order.base is None else self._order.base
                return base + url.removeprefix(ookla)
        return url

    def _ours(self, kind: type[HTTPConnection], **settings: ssl.SSLContext) -> type[HTTPConnection]:
        """Return a kind of connection that is dialled and counted by us."""
        run = self

        class Ours(kind):  # type: ignore[valid-type,misc]  # both of speedtest-cli's kinds alike
            def __init__(self, *arguments: Any, **options: Any) -> None:
                super().__init__(*arguments, **options, **settings)

            def connect(self) -> None:
                self.sock = run._connections.open(self.host, self.port, encrypted=bool(settings))

        return Ours

    def _listening(self, opener: "speedtest.OpenerDirector") -> "speedtest.OpenerDirector":
        """Have the opener's errors, and pages for people, noted: speedtest-cli drops what it is told."""
        open_it = opener.open

        def listen(request: "speedtest.Request") -> object:
            try:
                answer = open_it(request)
            except speedtest.HTTPError as error:
                self._refused(error.code, error, error.read(interception.BODY_BYTES))
                raise
            except (speedtest.URLError, OSError) as error:
                self._connections.note_trouble(_transfer_error(error))
                raise
            if self._phase in ("configuration", "servers"):
                start = answer.peek(interception.BODY_BYTES)
                if start.lstrip()[:20].lower().startswith(_HTML):
                    raise self._refused(200, answer, start)
            return answer

        opener.open = listen
        return opener

    def _refused(self, status: int, answer: "speedtest.HTTPError", start: bytes) -> TransferError:
        fields = {name.lower(): value for name, value in answer.headers.items()}
        host = "" if self._own is None else self._own.host
        encrypted = self._own is None or self._own.is_secure
        error = TransferError(*interception.answered(status, fields, start, host=host, encrypted=encrypted))
        self._connections.note_trouble(error)
        return error

    # -- phases --------------------------------------------------------------------------------------------------

    def _new_connections(self, most_bytes: int | None = _MOST_ANSWER_BYTES) -> Connections:
        return Connections(self._own, self._context, most_bytes, self._deadline)

    def _doing(self, phase: Phase, work: Callable[[], "speedtest.Speedtest"]) -> "speedtest.Speedtest":
        """Do what speedtest-cli does in a phase before the transfers."""
        self._phase, self._connections = phase, self._new_connections()
        try:
            return work()
        except (speedtest.SpeedtestException, OSError, *_NONSENSE) as error:
            trouble = self._connections.trouble
            if trouble is None:
                usual: tuple[Failure, str] = ("protocol_error", f"speedtest-cli does not understand it: {error!r}")
                trouble = TransferError(*_SAYS.get(type(error), usual))
            raise TransferError(trouble.failure, f"{phase}: {trouble}") from error

    def _best(self) -> dict[str, str]:
        """Return the server, reached three times for its latency."""
        servers = self._doing("servers", self._servers)
        best: dict[str, str] = self._doing("latency", lambda: self._client.get_best_server(servers))
        if float(best["latency"]) >= _HOUR_S / 6 * 1000:
            usual = TransferError("protocol_error", "the server's latency.txt does not begin with test=test")
            trouble = self._connections.trouble or usual
            raise TransferError(trouble.failure, f"latency: {trouble}")
        return best

    def _servers(self) -> list[dict[str, object]]:
        if self._order.base is not None:
            return [{"url": f"{self._order.base}/speedtest/upload.php", "id": 0, "d": 0, "latency": 0}]
        wanted = [self._order.server_id] if self._order.server_id else []
        self._client.get_servers(wanted)
        if not self._client.servers:
            raise speedtest.SpeedtestBestServerFailure
        closest: list[dict[str, object]] = self._client.get_closest_servers()
        for server in closest:
            scheme, mark, rest = str(server["url"]).partition("://")
            server["url"] = f"https://{rest}" if mark else scheme
        return closest

    def _bound(self) -> None:
        """Replace what the server's configuration says where it must not be believed, or would end a test early."""
        settings = self._client.config
        most = self._order.connections or _MOST_THREADS
        settings["threads"] = {way: max(1, min(most, count)) for way, count in settings["threads"].items()}
        settings["length"] = {
            way: self._order.max_s or max(_SHORTEST_S, min(LONGEST_S, length))
            for way, length in settings["length"].items()
        }
        sizes, counts = settings["sizes"], settings["counts"]
        for way, largest_bytes in (("download", _PICTURE_BYTES), ("upload", sizes["upload"][-1])):
            counts[way] = max(1, min(_MOST_REQUESTS, counts[way]))
            enough = math.ceil(self._order.max_bytes / (largest_bytes * counts[way]))
            sizes[way] = sizes[way] + sizes[way][-1:] * enough
        settings["upload_max"] = counts["upload"] * len(sizes["upload"])

    # -- a transfer ----------------------------------------------------------------------------------------------

    def _transfer(self, way: Way, left: int) -> Transferred:
        lasts_s = min(self._client.config["length"][way], (self._deadline - _RESERVE_S - time.monotonic()) / left)
        if lasts_s < _SHORTEST_S:
            raise TransferError("deadline", f"{way}: too little time is left before the deadline; give more time")
        self._phase, self._connections = way, self._new_connections(None)
        self._connections.limit_bytes = self._order.max_bytes
        self._stop.is_set = False
        self._client.config["length"][way] = lasts_s + self._order.deadline_s  # it is us who end it
        watch = Watch(way, self._connections, lasts_s, self._end)
        self._watch = watch
        threads = {"threads": self._order.connections}
        if way == "download":
            self._client.download(**threads)
        else:
            self._client.upload(pre_allocate=False, **threads)
        self._watch = None
        return watch.result()

    def _end(self, way: Way) -> None:
        """End a transfer: no request that has not begun begins any more, and those that have are cut."""
        self._client.config["length"][way] = 0
        self._stop.is_set = True
        self._connections.cut()

    def _look_on(self) -> None:
        looks = 0
        while True:
            time.sleep(LOOK_S)
            looks += 1
            self._connections.look()
            watch = self._watch
            if watch is not None and watch.look() and looks % _TICK_LOOKS == 0:
                self._say(watch.tick())


def _transfer_error(error: OSError) -> TransferError:
    """Return what was wrong: ours, wrapped by urllib, or the system's."""
    reason = getattr(error, "reason", error)
    if isinstance(reason, Trouble):
        return reason.error
    return TransferError.of(reason if isinstance(reason, BaseException) else error, "the server cannot be reached")


def _test(order: Order, say: Say) -> None:
    try:
        say(Run(order, say).run())
    except TransferError as error:
        say(Broken(failure=error.failure, detail=str(error)))


if __name__ == "__main__":
    _child.obey(Order, _test)
