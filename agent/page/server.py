"""The page's small web server: loopback only, few connections at once, every request bounded in time and size.

It reads, and it begins checks; there is nothing else that it could be asked to do.
"""

import contextlib
import io
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

import msgspec

from agent.contract.errors import SettingsError
from agent.page import document, measuring, standing
from agent.page.checking import PAUSE_S, Checked, Checks, Outcome, Tell
from agent.page.document import View
from agent.page.guard import Guard, bracketed, guard
from agent.page.measuring import Home
from agent.page.speech import Tongue, language_of
from agent.page.standing import Row, Standings

MAX_CONNECTIONS = 32
MAX_STREAMS = 8
MAX_REQUEST_BYTES = 16 * 1024
MAX_FORM_BYTES = 1024
REQUEST_S = 10.0
_COOKIE = "netready_page"
_YEAR_S = 365 * 86_400
_MOST_FIELDS = 8
_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
_SAFETY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": browsers would then say of our own form that it comes from nowhere (Origin: null).
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_log = logging.getLogger(__name__)


class Site:
    """What the page is made of: the checks, where this computer stands, and the static files."""

    def __init__(self, home: Home, *, pause_s: float = PAUSE_S) -> None:
        self.home = home
        self.standings = Standings(home)
        self.checks = Checks(self._check, pause_s)
        self.files = {file.name: file.read_bytes() for file in sorted((Path(__file__).parent / "static").iterdir())}
        self.streams = threading.BoundedSemaphore(MAX_STREAMS)
        self._done: tuple[Row, ...] = ()

    def _check(self, tell: Tell) -> Outcome:
        outcome = measuring.check(self.home, tell)
        if isinstance(outcome, Checked) and self.home.server is not None:
            target = self.standings.read(is_running=True).target
            newest = standing.row(outcome.at, "manual", outcome.measurements, target)
            self._done = (newest, *self._done)[: standing.KEPT]
        self.standings.forget()
        return outcome

    def view(self, token: str) -> View:
        """Return what to show now."""
        step = self.checks.step
        return View(
            standing=self.standings.read(is_running=step is not None),
            token=token,
            step=step,
            outcome=self.checks.outcome,
            pause_left_s=self.checks.pause_left_s,
            server=self.home.server,
            done=self._done,
        )


class Server(ThreadingHTTPServer):
    """Serves a site on a loopback address; connections beyond the bound are closed at once."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 2 * MAX_CONNECTIONS

    def __init__(self, address: tuple[str, int], site: Site) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        # On Windows this option would let another program take over our port.
        self.allow_reuse_address = sys.platform != "win32"
        self.site = site
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__(address, Handler)
        self.guard: Guard = guard(address[0], self.server_port)

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://{bracketed(str(self.server_address[0]))}:{self.server_port}/"

    def server_bind(self) -> None:
        """Bind without asking a name server who we are, as http.server would."""
        # HTTPServer's own asks for this host's name, which can take half a minute where no name server answers.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(self.allow_reuse_address))
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give a connection a thread, if there is a place for it."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection and give its place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - http.server's
        """Pass over clients that went away or were too slow; anything else is a fault and is logged whole."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            _log.exception("the page has a fault; please report this")


class _Bounded(io.RawIOBase):
    """A connection to read from that ends after so many seconds and bytes, however they come."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._ends = time.monotonic() + REQUEST_S
        self._left = MAX_REQUEST_BYTES

    def readable(self) -> bool:
        """Say yes, as a raw stream has to."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what came; raises TimeoutError when time is over."""
        within_s = self._ends - time.monotonic()
        if within_s <= 0:
            raise TimeoutError("the request took too long")
        self._connection.settimeout(within_s)
        count = self._connection.recv_into(memoryview(buffer)[: self._left]) if self._left else 0
        self._left -= count
        self._connection.settimeout(REQUEST_S)
        return count


class Handler(BaseHTTPRequestHandler):
    """One request of one connection."""

    server: Server
    timeout = REQUEST_S
    protocol_version = "HTTP/1.0"  # one request a connection: nobody keeps a place by saying nothing

    def setup(self) -> None:
        """Read within bounds."""
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(_Bounded(self.connection))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Log requests only where somebody looks for a fault."""
        _log.debug(format, *args)

    def version_string(self) -> str:
        """Say as little as possible."""
        return "netready"

    def do_GET(self) -> None:
        """Show the page, the steps of a check, or one of the page's files."""
        path = self._address().path
        if not self._is_ours():
            return
        if path == "/":
            self._page()
        elif path == "/events":
            self._events()
        elif path.startswith("/static/") and path[8:] in self.server.site.files:
            name = path[8:]
            self._send(HTTPStatus.OK, self.server.site.files[name], _TYPES[name.rpartition(".")[2]])
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "missing")

    def do_POST(self) -> None:
        """Begin a check; pressing the button twice begins one."""
        if not self._is_ours():
            return
        if self._address().path != "/check":
            self._refuse(HTTPStatus.NOT_FOUND, "missing")
            return
        form = self._form()
        if form is None:
            self._refuse(HTTPStatus.BAD_REQUEST, "large")
            return
        is_own = self.server.guard.is_own(self.headers.get("Origin"), self.headers.get("Sec-Fetch-Site"))
        if not is_own or not self.server.guard.has_token(form):
            self._refuse(HTTPStatus.FORBIDDEN, "foreign")
            return
        if self._can_check():
            self.server.site.checks.begin()
        language = language_of(form.get("lang", [""])[0], None, self.headers.get("Accept-Language"))
        self._send(HTTPStatus.SEE_OTHER, b"", "text/plain", Location=f"/?lang={language}")

    def _can_check(self) -> bool:
        """Tell whether there is anything to measure against: without a school nothing is begun."""
        status = self.server.site.standings.read(is_running=self.server.site.checks.step is not None).status
        return self.server.site.home.server is not None or (status is not None and status.enrolled)

    def _address(self) -> SplitResult:
        """Return what is asked for; an address that is none is that of nothing."""
        try:
            return urlsplit(self.path)
        except ValueError:
            return urlsplit("/nowhere")

    def _is_ours(self) -> bool:
        if self.server.guard.knows_host(self.headers.get_all("Host", [])):
            return True
        self._refuse(HTTPStatus.MISDIRECTED_REQUEST, "host")
        return False

    def _form(self) -> dict[str, list[str]] | None:
        """Read a form; None where its length is not told, is too much, or did not come."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and int(length[:9]) <= MAX_FORM_BYTES) or len(length) > 9:
            return None
        raw = self.rfile.read(int(length))
        return _fields(raw.decode("ascii", "replace")) if len(raw) == int(length) else None

    def _page(self) -> None:
        view = self.server.site.view(self.server.guard.token)
        text = document.page(view, self._tongue(view))
        cookie = f"{_COOKIE}={self._tongue(view).language}; Path=/; Max-Age={_YEAR_S}; SameSite=Strict; HttpOnly"
        self._send(HTTPStatus.OK, text.encode(), "text/html; charset=utf-8", Set_Cookie=cookie)

    def _events(self) -> None:
        """Stream the steps of the check that runs, then say that it is over; without one that is said at once."""
        streams = self.server.site.streams
        if self.headers.get("Sec-Fetch-Site") not in {None, "same-origin"}:
            self._refuse(HTTPStatus.FORBIDDEN, "foreign")
        elif not streams.acquire(blocking=False):
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "many")
        else:
            try:
                self._stream()
            finally:
                streams.release()

    def _stream(self) -> None:
        site = self.server.site
        view = site.view("")
        tongue = self._tongue(view)
        self._head(HTTPStatus.OK, "text/event-stream; charset=utf-8")
        for step in site.checks.steps():
            told = None if step is None else msgspec.json.encode(document.live(step, view.standing, tongue))
            self.wfile.write(b": still here\n\n" if told is None else b"event: step\ndata: " + told + b"\n\n")
        self.wfile.write(b"event: over\ndata: {}\n\n")

    def _tongue(self, view: View | None = None) -> Tongue:
        asked = _fields(self._address().query)
        try:
            kept = SimpleCookie(self.headers.get("Cookie", "")).get(_COOKIE)
        except CookieError:
            kept = None
        language = language_of(
            asked.get("lang", [None])[0], kept.value if kept else None, self.headers.get("Accept-Language")
        )
        return Tongue(language=language, zone=view.standing.zone if view is not None else None)

    def _refuse(self, status: HTTPStatus, key: str) -> None:
        self._send(status, document.refusal(key, self._tongue()).encode(), "text/html; charset=utf-8")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Answer what http.server refuses by itself as every other refusal, with its safety."""
        if not hasattr(self, "headers"):
            self.headers, self.path, self.request_version = self.MessageClass(), "/", "HTTP/1.0"
        key = "method" if code == HTTPStatus.NOT_IMPLEMENTED else "large"
        self._refuse(HTTPStatus.METHOD_NOT_ALLOWED if key == "method" else HTTPStatus(code), key)

    def _send(self, status: HTTPStatus, body: bytes, kind: str, **headers: str) -> None:
        self._head(status, kind, Content_Length=str(len(body)), **headers)
        self.wfile.write(body)

    def _head(self, status: HTTPStatus, kind: str, **headers: str) -> None:
        self.send_response(status)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in {"Content-Type": kind, **_SAFETY, **named}.items():
            self.send_header(name, value)
        self.end_headers()


def _fields(query: str) -> dict[str, list[str]]:
    """Return the fields of a query or a form; none where there are more than ours could have."""
    try:
        return parse_qs(query, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return {}


@contextlib.contextmanager
def serving(address: tuple[str, int], site: Site) -> Iterator[Server]:
    """Serve in a thread while the block runs; raises SettingsError where nothing can listen there."""
    try:
        server = Server(address, site)
    except OSError as error:
        where = f"{bracketed(address[0])}:{address[1]}"
        raise SettingsError(f"cannot listen on {where}: {error.strerror or error}; give another port") from error
    thread = threading.Thread(target=partial(server.serve_forever, 0.2), name="page", daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def run(address: tuple[str, int], home: Home, ready: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM; ``ready`` is told the page's address."""
    import signal

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with serving(address, Site(home)) as server, contextlib.suppress(KeyboardInterrupt):
        ready(server.url)
        while True:
            time.sleep(1.0)  # not an Event: on Windows Ctrl-C does not end the wait for one
