"""Ask M-Lab's locate service for ndt7 servers nearby; what it answers is hostile until checked.

Source: m-lab/locate, USAGE.md. Each result names a machine and the whole URLs of its tests, access tokens and all.
"""

import socket
import time
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from agent.contract.errors import InsecureUrlError, SettingsError
from agent.host import transport
from agent.meter import dial, ndt7
from agent.meter.dial import Dialler, Endpoint
from agent.meter.errors import TransferError
from agent.meter.http_answer import Answers
from agent.meter.http_lane import complaint, get

MAX_ANSWER_BYTES = 64 * 1024
_MAX_URL_BYTES = 8192 - 1024  # a head with it has to stay below what servers take
_MAX_PLACES = 4  # as many as the service gives


class Place(Struct, frozen=True, kw_only=True):
    """A server, and what to ask it for (path and query) in each direction."""

    endpoint: Endpoint
    download: str
    upload: str


class _Result(Struct, frozen=True):
    urls: dict[str, str]


class _Answer(Struct, frozen=True):
    results: list[_Result] = []


def nearest(url: str, key: str | None, ca_file: str | None, deadline: float) -> list[Place]:
    """Return the servers that the service offers, the nearest first, at least one.

    Raises:
        TransferError: it cannot be asked, has no capacity (busy), or names no server that can be used.
        SettingsError: the CA file cannot be used.
        InsecureUrlError: the service's own address is plain and public.
    """
    service = dial.http_endpoint(url)
    dial.check_security(service, deadline)
    path = service.prefix if key is None else service.prefix.replace("/v2/nearest/", "/v2/priority/nearest/", 1)
    query = {"client_name": "netready-agent"} | ({} if key is None else {"key": key})
    context = transport.tls_context(ca_file) if service.is_secure else None
    with Dialler(service, context).dial(deadline) as sock:
        answers = _ask(sock, get(service, f"{path}?{urlencode(query)}"), deadline)
    if answers.status == 204:
        raise TransferError("busy", "M-Lab has no server free for us at present; it asks to come back later")
    if answers.status != 200:
        raise complaint(answers, service)
    return places(answers.kept, deadline)


def _ask(sock: socket.socket, request: bytes, deadline: float) -> Answers:
    answers = Answers(MAX_ANSWER_BYTES)
    try:
        sock.sendall(request)
        while not answers.complete:
            if (left_s := deadline - time.monotonic()) <= 0:
                raise TransferError("stalled", "the locate service took too long to answer")
            sock.settimeout(left_s)
            data = memoryview(sock.recv(65536))
            if not data:
                answers.ended()
                break
            while data:
                data = data[answers.feed(data) :]
            if answers.body_bytes > MAX_ANSWER_BYTES or answers.complete > 1:
                raise TransferError("protocol_error", "the locate service answers far too much; is that its address?")
    except OSError as error:
        raise TransferError.of(error, "the locate service does not answer") from error
    if not answers.complete:
        raise TransferError("closed_early", "the locate service closed the connection without an answer")
    return answers


def places(answer: bytes, deadline: float) -> list[Place]:
    """Read the service's answer.

    Raises:
        TransferError: it is empty (busy), or it is none, or none of its servers can be used (protocol_error).
    """
    try:
        results = msgspec.json.decode(answer, type=_Answer).results
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TransferError("protocol_error", f"the locate service does not answer as M-Lab's does: {error}") from error
    if not results:
        raise TransferError("busy", "M-Lab has no server free for us at present; try again later")
    offered = [_place(result.urls, deadline) for result in results[:_MAX_PLACES]]
    usable = [place for place in offered if place is not None]
    if not usable:
        raise TransferError("protocol_error", "the locate service names no ndt7 server that can be used")
    return usable


def _place(urls: dict[str, str], deadline: float) -> Place | None:
    """Return the server of one result, None where its URLs cannot be trusted."""
    for scheme in ("wss", "ws"):
        download, upload = (
            _checked(urls.get(f"{scheme}://{path}", ""), scheme, path, deadline)
            for path in (ndt7.DOWNLOAD_PATH, ndt7.UPLOAD_PATH)
        )
        if download is not None and upload is not None and download[0] == upload[0]:
            return Place(endpoint=download[0], download=download[1], upload=upload[1])
    return None


def _checked(url: str, scheme: str, path: str, deadline: float) -> tuple[Endpoint, str] | None:
    if not url.isascii() or len(url) > _MAX_URL_BYTES:
        return None
    try:
        parts = transport.parse(url, (scheme,))
        endpoint = Endpoint(scheme, parts.hostname or "", transport.port_of(parts))
        dial.check_security(endpoint, deadline)
    except (SettingsError, InsecureUrlError, TransferError):
        return None
    if parts.path != path or parts.username is not None:
        return None
    return endpoint, f"{path}?{parts.query}" if parts.query else path
