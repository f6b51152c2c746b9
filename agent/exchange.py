"""One HTTP exchange with a collector: asked, limited in time and size, and read; or one sentence why not.

httpx does the asking. What it leaves open is closed here: the time of the whole exchange (its own limits hold for each
read, and bytes that drip defeat them), the size of an answer, redirects, and plain http to public addresses.
"""

import email.utils
import logging
import socket
import ssl
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from types import ModuleType
from typing import Any, Self, TypeVar, cast

import msgspec
from msgspec import Struct

from agent.contract import wire
from agent.contract.errors import InsecureUrlError, SettingsError
from agent.errors import RevokedError, UplinkError
from agent.host import proxy, transport

# httpx loads its own command line where click is installed, and with it rich and pygments: 3 MiB that the resident
# agent never uses. A None here makes that import fail, which is a case httpx provides for (httpx/__init__.py).
sys.modules.setdefault("httpx._main", cast("ModuleType", None))
import httpx  # noqa: E402 - see above

MAX_REPLY_BYTES = 1024 * 1024
RETRY_AFTER_S = (1.0, 6 * 3600.0)
_MAX_SENTENCE = 300

_log = logging.getLogger(__name__)
_Reply = TypeVar("_Reply")


class Answer(Struct, frozen=True, kw_only=True):
    """An HTTP answer, read up to a bound."""

    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def problem(self) -> wire.Problem | None:
        """The problem document (RFC 9457) that it is, if it is one: the collector's own word, not a proxy's."""
        try:
            return msgspec.json.decode(self.body, type=wire.Problem)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    @property
    def told(self) -> str:
        """The sentence of its problem document, or the name of its status."""
        problem = self.problem
        if problem is None:
            return httpx.codes.get_reason_phrase(self.status) or f"status {self.status}"
        return printable(problem.detail or problem.title)


class Asker:
    """Asks collectors, over TLS wherever they are not on this computer or a private network.

    Args:
        timeout_s: how long one exchange may take from the connection to the last byte.
        ca_file: an own certificate authority beside the system's.
        told_proxy: the settings' proxy, or "direct"; None: as the environment and the system say.
    """

    def __init__(self, timeout_s: float, ca_file: str | None, told_proxy: str | None = None) -> None:
        self._timeout_s = timeout_s
        self._ca_file = ca_file
        self._told_proxy = told_proxy
        self._context: ssl.SSLContext | None = None
        self._warned: set[str] = set()

    def ask(
        self,
        method: str,
        collector: str,
        path: str,
        *,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send one request and read the answer, following no redirect.

        Raises:
            UplinkError: no answer, or one that is too long or too slow.
            SettingsError: the CA file cannot be used.
        """
        self._check_security(collector)
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
        if content is not None:
            headers["Content-Type"] = "application/json"
        url = collector.rstrip("/") + path
        through = self._proxy(collector)
        with _TimeLimit(self._timeout_s) as limit, self._client(through) as client:
            watched = {"trace": limit.watch}
            try:
                with client.stream(method, url, content=content, headers=headers, extensions=watched) as response:
                    answer = _read_bounded(response, collector)
            except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
                reason = httpx.ReadTimeout("cut") if limit.over else error
                raise UplinkError(_network_sentence(collector, reason, through)) from error
        if limit.over:  # what was cut may look whole
            raise UplinkError(_network_sentence(collector, httpx.ReadTimeout("cut"), through))
        if answer.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED and through is not None:
            raise UplinkError(_proxy_wants_a_name(through))
        return answer

    def _proxy(self, collector: str) -> str | None:
        try:
            return proxy.of(transport.parse(collector, ("http", "https")), self._told_proxy)
        except SettingsError as error:
            raise UplinkError(
                f"the proxy set on this computer cannot be used ({error}); set [uplink] proxy in agent.toml, or "
                "HTTPS_PROXY or HTTP_PROXY"
            ) from error

    def _client(self, through: str | None) -> httpx.Client:
        if self._context is None:
            self._context = transport.tls_context(self._ca_file)
        # The same authorities for a proxy that is itself reached by TLS; to a plain one httpx allows no context.
        context = self._context if through is not None and through.startswith("https:") else None
        return httpx.Client(
            verify=self._context,
            timeout=self._timeout_s,
            follow_redirects=False,
            proxy=None if through is None else httpx.Proxy(through, ssl_context=context),
            trust_env=False,  # what the environment says has been read: one place decides
        )

    def _check_security(self, collector: str) -> None:
        try:
            warning = transport.check_security(transport.parse(collector, ("http", "https")))
        except InsecureUrlError as error:
            raise UplinkError(str(error)) from error
        except OSError as error:
            raise UplinkError(_network_sentence(collector, error)) from error
        if warning and collector not in self._warned:
            self._warned.add(collector)
            _log.warning(warning)


class _TimeLimit:
    """Cuts the connection when the time of one exchange is over, wherever in it httpx waits."""

    def __init__(self, seconds: float) -> None:
        self.over = False
        self._lock = threading.Lock()
        self._lines: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._timer.cancel()
        with self._lock:
            for line in self._lines:
                line.close()
            self._lines.clear()

    def watch(self, event: str, info: dict[str, Any]) -> None:
        """Take note of each connection (httpcore's trace extension)."""
        if event != "connection.connect_tcp.complete":
            return
        # A duplicate: shutting it down ends the connection, whatever TLS was put around the other since.
        line = info["return_value"].get_extra_info("socket").dup()
        with self._lock:
            self._lines.append(line)
        if self.over:
            self._cut()

    def _cut(self) -> None:
        self.over = True
        with self._lock:
            for line in self._lines:
                with suppress(OSError):  # the far end may have left by itself
                    line.shutdown(socket.SHUT_RDWR)


def _read_bounded(response: httpx.Response, collector: str) -> Answer:
    body = bytearray()
    for piece in response.iter_raw(64 * 1024):
        body += piece
        if len(body) > MAX_REPLY_BYTES:
            raise UplinkError(f"{collector} answers too much; is that the collector's address?")
    return Answer(status=response.status_code, headers=response.headers, body=bytes(body))


def printable(text: str) -> str:
    """Return text from outside as one line that is safe to show on a terminal, not too long."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(shown.split())[:_MAX_SENTENCE]


def is_revoked(answer: Answer) -> bool:
    """Tell whether the collector itself no longer wants this computer; a web server's bare 410 says nothing."""
    return answer.status == httpx.codes.GONE and answer.problem is not None


def is_too_large(answer: Answer) -> bool:
    """Tell whether the collector itself says that this will always be too large; a proxy may change its mind."""
    return answer.status == httpx.codes.REQUEST_ENTITY_TOO_LARGE and answer.problem is not None


def reply(answer: Answer, kind: type[_Reply], collector: str) -> _Reply:
    """Read the answer as this kind of message.

    Raises:
        UplinkError: it is another, or no success: a sentence for every status.
        RevokedError: the collector no longer wants this computer.
    """
    _expect_success(answer, collector)
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UplinkError(
            f"{collector} answered something that is not a netready collector's answer ({printable(str(error))}); "
            "check the address, and that no login page or filter stands in between"
        ) from error


def _expect_success(answer: Answer, collector: str) -> None:
    status = answer.status
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        target = printable(answer.headers.get("location", "nowhere"))
        raise UplinkError(
            f"{collector} sends us to {target}; nothing was sent there: a login page stands in between, or the "
            "collector has moved: then enrol again with its new address"
        )
    if is_revoked(answer):
        raise RevokedError(f"{collector} no longer wants this computer: {answer.told}")
    words = {
        401: "the collector does not know this computer; enrol it again (netready-agent enroll)",
        403: "the collector does not let this computer in",
        404: "there is no collector at this address; check the address",
        429: "the collector is busy and asks us to come back later",
        503: "the collector is busy or in maintenance and asks us to come back later",
    }.get(status, "the collector could not take it")
    raise UplinkError(f"{collector}: {words} (HTTP {status}: {answer.told})", retry_after_s=_retry_after(answer))


def _retry_after(answer: Answer) -> float | None:
    """Return how long a 429 or 503 asks to wait (RFC 9110 10.2.3: seconds or a date), within our bounds."""
    text = answer.headers.get("retry-after", "").strip()
    if answer.status not in {429, 503} or not text:
        return None
    if text.isascii() and text.isdigit():
        seconds = float(text[:12])
    else:
        try:
            moment = email.utils.parsedate_to_datetime(text)
        except ValueError:
            return None
        # By the collector's own clock where it says so: ours may be wrong.
        seconds = (_aware(moment) - _date_of(answer)).total_seconds()
    return min(max(seconds, RETRY_AFTER_S[0]), RETRY_AFTER_S[1])


def _date_of(answer: Answer) -> datetime:
    try:
        return _aware(email.utils.parsedate_to_datetime(answer.headers.get("date", "")))
    except ValueError:
        return datetime.now(UTC)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _proxy_wants_a_name(through: str) -> str:
    return (
        f"the proxy {proxy.shown(through)} wants another name and password, or any: set [uplink] proxy in agent.toml "
        'to "http://NAME:PASSWORD@HOST:PORT"; it has to take them as Basic, not only as NTLM or Kerberos'
    )


def _network_sentence(collector: str, error: Exception, through: str | None = None) -> str:
    reason = printable(str(error)) or type(error).__name__
    if isinstance(error, httpx.TimeoutException):
        return f"{collector} did not answer in time; is this computer online?"
    if isinstance(error, httpx.RemoteProtocolError | httpx.DecodingError):
        return f"{collector} does not speak HTTP ({reason}); check the address"
    if "WRONG_VERSION_NUMBER" in reason:
        return f"{collector} answers without TLS; check the port, or write http:// if it is on your own network"
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return f"the certificate of {collector} is not trusted ({reason}); {_certificate_advice(reason)}"
    return _not_reached(collector, reason) if through is None else _not_through(through, collector, error, reason)


def _not_through(through: str, collector: str, error: Exception, reason: str) -> str:
    if not isinstance(error, httpx.ProxyError):
        return (
            f"{collector} cannot be reached through the proxy {proxy.shown(through)} ({reason}); is that still its "
            "address? It is set under [uplink] proxy in agent.toml, in the environment, or in the system's settings"
        )
    if reason.startswith(str(HTTPStatus.PROXY_AUTHENTICATION_REQUIRED.value)):
        return _proxy_wants_a_name(through)
    return f"the proxy {proxy.shown(through)} does not let us through to {collector} ({reason}); ask who runs it"


def _not_reached(collector: str, reason: str) -> str:
    pac_file = proxy.pac_file()
    if pac_file is None:
        return f"{collector} cannot be reached ({reason}); is this computer online, and the address right?"
    return (
        f"{collector} cannot be reached ({reason}); this computer's settings name the PAC file "
        f"{printable(pac_file)}, by which no proxy was found: set [uplink] proxy in agent.toml to the right one"
    )


def _certificate_advice(reason: str) -> str:
    if "expired" in reason or "not yet valid" in reason:
        return "check this computer's date and time; if they are right, tell whoever runs the collector"
    if "mismatch" in reason:
        return "it is another server's: check the address, and that no filter stands in between"
    return (
        "if it has an own authority, name it in agent.toml: [agent] ca_file; a filter that reads traffic does this too"
    )
