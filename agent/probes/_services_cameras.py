"""One camera, or the police control centre: does it answer? RTSP is asked for its options (RFC 2326, 10.1), no more.

No name and no password is ever sent: a camera that wants them (401) has answered.
"""

import re
import socket
import time
from typing import Literal
from urllib.parse import quote

from msgspec import Struct

from agent.contract.errors import SettingsError
from agent.contract.failure import Failure
from agent.contract.services import Camera
from agent.contract.wire import CameraAsked
from agent.host import transport
from agent.meter import dial, http_head, interception
from agent.meter.client import USER_AGENT
from agent.meter.errors import HeadError, TransferError

_RTSP_PORT = 554
_STATUS = re.compile(r"RTSP/[12]\.[0-9] ([1-9][0-9]{2})(?: .*)?")
_ROOM_BYTES = 16 * 1024
_MOST_DETAIL = 1000


class Place(Struct, frozen=True):
    """Where a camera is: ``url`` is what RTSP asks about, None where a connection is all there is to see."""

    name: str
    kind: Literal["camera", "control_centre"]
    host: str
    port: int
    url: str | None


def place(asked: CameraAsked) -> Place:
    """Read the address of a camera; a name and a password in it are left out.

    Raises:
        SettingsError: it is no rtsp or tcp URL, or a tcp one without a port.
    """
    try:
        parts = transport.parse(asked.url, ("rtsp", "tcp"))
        host = parts.hostname or ""
        host = host if host.isascii() else host.encode("idna").decode("ascii")
    except SettingsError as error:
        raise SettingsError(f"cameras: {asked.name}: {error}") from error
    except UnicodeError as error:
        raise SettingsError(f"cameras: {asked.name}: {asked.url!r} has a host name that cannot exist") from error
    port = parts.port or (_RTSP_PORT if parts.scheme == "rtsp" else None)
    if port is None:
        raise SettingsError(f"cameras: {asked.name}: {asked.url!r} has no port; expected tcp://host.example:PORT")
    path = quote(f"{parts.path}?{parts.query}" if parts.query else parts.path, safe="/%:@!$&'()*+,;=~?")
    url = f"rtsp://{dial.authority(host, port)}{path}" if parts.scheme == "rtsp" else None
    return Place(asked.name, asked.kind, host, port, url)


def ask(wanted: Place, deadline: float) -> Camera:
    """Ask a camera whether it is there; what fails stands in the answer."""
    connect_ms: float | None = None
    status: int | None = None
    failure: Failure | None = None
    detail = ""
    try:
        places = dial.addresses(wanted.host, wanted.port, socket.SOCK_STREAM, deadline)
        sock, seconds = dial.connect(places, deadline, _ROOM_BYTES)
        connect_ms = round(seconds * 1000, 3)
        with sock:
            status = None if wanted.url is None else _options(sock, wanted.url, deadline)
    except TransferError as error:
        failure, detail = error.failure, interception.shown(str(error), _MOST_DETAIL)
    return Camera(
        name=wanted.name, kind=wanted.kind, connect_ms=connect_ms, status=status, failure=failure, detail=detail
    )


def unusable(asked: CameraAsked) -> Camera:
    """Return that a camera has no address that can be asked; the address itself may hold a password and stays here."""
    detail = (
        f"the address of {asked.name} is none that can be asked, for example rtsp://10.0.0.9/ or tcp://10.0.0.9:554; "
        "correct it in the registry or the collector's policy"
    )
    return Camera(
        name=asked.name, kind=asked.kind, failure="no_server", detail=interception.shown(detail, _MOST_DETAIL)
    )


def _options(sock: socket.socket, url: str, deadline: float) -> int:
    """Ask for the options and return the status of the answer."""
    request = f"OPTIONS {url} RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: {USER_AGENT}\r\n\r\n"
    sock.settimeout(max(0.001, deadline - time.monotonic()))
    try:
        sock.sendall(request.encode("ascii"))
        head, _ = http_head.read(sock, deadline)
    except OSError as error:
        raise TransferError.of(error, "the camera cannot be asked") from error
    except HeadError as error:
        raise TransferError("protocol_error", f"what answers there does not speak RTSP: {error}") from error
    match = _STATUS.fullmatch(head.start)
    if match is None:
        raise TransferError("protocol_error", "what answers there does not speak RTSP; is it the camera's port?")
    return int(match[1])
