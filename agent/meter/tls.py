"""The TLS handshake of a client, and for a certificate that is not trusted a closer look at it."""

import contextlib
import socket
import ssl
import time
from datetime import UTC, datetime

from agent.meter import certificate, interception
from agent.meter.certificate import Certificate
from agent.meter.errors import TransferError
from agent.meter.interception import Distrust

_LOOK_S = 3.0  # at most, for the second look
# OpenSSL, include/openssl/x509_vfy.h: X509_V_ERR_...
WHY: dict[int, Distrust] = {
    9: "dates", 10: "dates",
    18: "authority", 19: "authority", 20: "authority", 21: "authority",
    62: "name", 64: "name",
}  # fmt: skip


def secure(sock: socket.socket, context: ssl.SSLContext, host: str, deadline: float) -> ssl.SSLSocket:
    """Do the handshake; the certificate has to be the host's.

    Raises:
        TransferError: tls_certificate, intercepted, tls_failed, or the connection's own trouble.
    """
    place = _peer(sock)
    try:
        wrapped = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    except (OSError, ValueError) as error:
        sock.close()
        raise TransferError("tls_failed", f"TLS cannot be started with {host}: {error}") from error
    wrapped.settimeout(max(0.001, deadline - time.monotonic()))
    try:
        wrapped.do_handshake()
    except OSError as error:
        wrapped.close()
        raise _trouble(error, place, host, deadline) from error
    return wrapped


def _trouble(error: OSError, place: tuple[str, int] | None, host: str, deadline: float) -> TransferError:
    if isinstance(error, ssl.SSLCertVerificationError) and place is not None:
        with contextlib.suppress(OSError, ValueError):
            seen = look(place, host, min(deadline, time.monotonic() + _LOOK_S))
            why = WHY.get(error.verify_code, "other")
            return TransferError(*interception.distrusted(why, seen, (host, place[0]), datetime.now(UTC)))
    if isinstance(error, ssl.SSLError) and error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST"):
        what = f"what answers at {host} does not speak TLS; a login page or a filter may answer in its place"
        return TransferError("tls_failed", what)
    return TransferError.of(error, f"the TLS handshake with {host} failed")


def look(place: tuple[str, int], host: str, deadline: float) -> Certificate:
    """Return the certificate that answers at an address, unverified: to be named, never to be trusted.

    Over this second connection nothing is sent but the handshake.

    Raises:
        OSError: there is none.
        ValueError: it cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    left = max(0.001, deadline - time.monotonic())
    with (
        socket.create_connection(place, timeout=left) as sock,
        context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False) as wrapped,
    ):
        wrapped.settimeout(max(0.001, deadline - time.monotonic()))
        wrapped.do_handshake()
        return certificate.read(wrapped.getpeercert(binary_form=True) or b"")


def _peer(sock: socket.socket) -> tuple[str, int] | None:
    """Return the address of the far end; an IPv6 one with its zone. None once it is gone."""
    with contextlib.suppress(OSError):
        host, port, *_ = sock.getpeername()
        return str(host), int(port)
    return None
