"""One platform, step by step to the first byte of its answer: name, connection, TLS, request.

Nothing is logged in to and no redirect is followed: whoever answers with the host's own certificate is the platform.
"""

import re
import ssl
import time
from socket import SOCK_STREAM, socket
from urllib.parse import quote

import msgspec
from msgspec import Struct

from agent.contract.errors import SettingsError
from agent.contract.failure import Failure
from agent.contract.services import Service
from agent.contract.values import stays_inside
from agent.contract.wire import PlatformAsked
from agent.host import transport
from agent.meter import dial, http_lane, interception, tls
from agent.meter.dial import Address, Endpoint
from agent.meter.errors import TransferError
from agent.meter.http_answer import Answers

_SAFE = "/%:@!$&'()*+,;=~?"
_ROOM_BYTES = 16 * 1024  # for what a server sends unasked; the system doubles it
_READ_BYTES = 24 * 1024  # of an answer, its head included: with the room and TLS's own less than 64 kB
_PIECE_BYTES = 4096
_MOST_DETAIL, _MOST_HOST = 1000, 128
_OWN_WORDS = frozenset({"captive_portal", "intercepted"})  # said better where they are found


class Platform(Struct, frozen=True):
    """A platform as it is asked: its name in reports, its server, and the request's target."""

    name: str
    endpoint: Endpoint
    target: str


def platform(asked: PlatformAsked) -> Platform:
    """Read the address of a platform.

    Raises:
        SettingsError: it is no http or https URL.
    """
    try:
        parts = transport.parse(asked.url, ("http", "https"))
        endpoint = dial.http_endpoint(asked.url)
    except SettingsError as error:
        raise SettingsError(f"platforms: {asked.name}: {error}") from error
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return Platform(asked.name, msgspec.structs.replace(endpoint, prefix=""), quote(target, safe=_SAFE))


def ask(wanted: Platform, context: ssl.SSLContext, deadline: float) -> Service:
    """Ask a platform for its first bytes; what fails stands in the answer, with the steps that did not."""
    steps = _Steps(wanted, context, deadline)
    failure: Failure | None = None
    try:
        steps.walk()
    except TransferError as error:
        failure, steps.detail = error.failure, str(error)
    return Service(
        name=wanted.name,
        host=wanted.endpoint.host[:_MOST_HOST],
        status=steps.status,
        failure=failure,
        detail=interception.shown(steps.detail, _MOST_DETAIL),
        **steps.took_ms,
    )


def unusable(asked: PlatformAsked) -> Service:
    """Return that a platform has no address that can be asked; the address itself may hold a secret and stays here."""
    detail = (
        f"the address of {asked.name} is none that can be asked, for example https://host.example; correct it where "
        "the platforms are listed: the collector's policy, or config/services.toml"
    )
    return Service(name=asked.name, host="", failure="no_server", detail=interception.shown(detail, _MOST_DETAIL))


class _Steps:
    """The way to one platform; every step leaves its milliseconds in ``took_ms``, and what is worth a word."""

    def __init__(self, wanted: Platform, context: ssl.SSLContext, deadline: float) -> None:
        self.took_ms: dict[str, float] = {}
        self.status: int | None = None
        self.detail = ""
        self._wanted, self._context, self._deadline = wanted, context, deadline

    def walk(self) -> None:
        """Take them all.

        Raises:
            TransferError: one failed.
        """
        endpoint = self._wanted.endpoint
        places = self._look_up()
        if not endpoint.is_secure:
            _refuse_public(endpoint, places)
        sock, seconds = dial.connect(places, self._deadline, _ROOM_BYTES)
        self._note("connect_ms", seconds)
        if endpoint.is_secure:
            began = time.monotonic()
            sock = tls.secure(sock, self._context, endpoint.host, self._deadline)
            self._note("tls_ms", time.monotonic() - began)
        with sock:
            self._judge(self._fetch(sock))

    def _look_up(self) -> list[Address]:
        endpoint, began = self._wanted.endpoint, time.monotonic()
        places = dial.addresses(endpoint.host, endpoint.port, SOCK_STREAM, self._deadline)
        if not _is_address(endpoint.host):
            self._note("dns_ms", time.monotonic() - began)
        return places

    def _fetch(self, sock: socket) -> Answers:
        """Ask for the beginning, and read as much of the answer as tells whose it is."""
        request = http_lane.get(self._wanted.endpoint, self._wanted.target)
        request = request.replace(b"Connection: keep-alive\r\n", b"Connection: close\r\nRange: bytes=0-4095\r\n")
        answers, began, read = Answers(interception.BODY_BYTES), time.monotonic(), 0
        self._wait(sock)
        try:
            sock.sendall(request)
            while not _is_enough(answers) and read < _READ_BYTES:
                self._wait(sock)
                piece = memoryview(sock.recv(_PIECE_BYTES))
                if not piece:
                    answers.ended()
                    break
                if not read:
                    self._note("first_byte_ms", time.monotonic() - began)
                read += len(piece)
                while piece and not _is_enough(answers):
                    piece = piece[answers.feed(piece) :]
        except OSError as error:
            if not answers.heads:
                raise TransferError.of(error, "the platform does not answer the request") from error
        except TransferError:
            if not answers.heads:
                raise
        if not answers.heads:
            raise TransferError("closed_early", "the platform closed the connection instead of answering")
        return answers

    def _judge(self, answers: Answers) -> None:
        """Tell a platform that answers from one that refuses, and from somebody else in its place."""
        status, endpoint = answers.status, self._wanted.endpoint
        if status < 100:
            raise TransferError("protocol_error", "the platform answers with an HTTP status that is none")
        self.status = status
        if 200 <= status < 300:
            return
        failure, detail = interception.answered(
            status,
            answers.head.fields,
            answers.kept,
            host=endpoint.host,
            encrypted=endpoint.is_secure,
            server="the platform",
        )
        if failure == "redirected" or status == 304:
            self.detail = detail
            return
        if failure not in _OWN_WORDS or status == 426:  # a test's server would be one for WebSockets; no platform is
            failure = "http_status" if status == 426 else failure
            detail = f"the platform answers with HTTP status {status}"
        raise TransferError(failure, detail)

    def _wait(self, sock: socket) -> None:
        """Let the next call on the socket wait until the deadline."""
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise TransferError("stalled", "connected, but the platform does not answer in time")
        sock.settimeout(left_s)

    def _note(self, step: str, seconds: float) -> None:
        self.took_ms[step] = round(seconds * 1000, 3)


def _is_enough(answers: Answers) -> bool:
    """Tell whether the head is there, with the beginning of the body where that says more."""
    if not answers.heads:
        return False
    is_good = 200 <= answers.status < 400
    return is_good or answers.complete == answers.heads or len(answers.kept) >= interception.BODY_BYTES


def _is_address(host: str) -> bool:
    """Tell whether a host is an IP address, for which no name is looked up."""
    return ":" in host or re.fullmatch(r"[0-9.]+", host) is not None


def _refuse_public(endpoint: Endpoint, places: list[Address]) -> None:
    """Refuse plain http where it leaves the private network (DESIGN 5).

    Raises:
        TransferError: it does.
    """
    if not all(stays_inside(place[0]) for _, place in places):
        what = f"{endpoint.url} is not encrypted and {endpoint.host} is a public address; use https:// there"
        raise TransferError("no_server", what)
