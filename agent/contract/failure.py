"""The closed list of words for what went wrong in a measurement, and which error is which word."""

import errno
import socket
import ssl
from typing import Literal, get_args

Failure = Literal[
    "no_server",  # nobody said what to measure against
    "dns_failed",  # the name could not be resolved
    "connect_refused",  # a machine answered: nothing listens there
    "connect_timeout",  # no answer to the connection attempt
    "unreachable",  # no route to the network or host; also: no network at all
    "tls_certificate",  # the certificate is wrong, expired or of an unknown authority
    "tls_failed",  # any other failure of the TLS handshake
    "redirected",  # the server sent us elsewhere
    "captive_portal",  # a login page answered in the server's place
    "intercepted",  # something in between answered in the server's place, or swapped its certificate
    "refused_by_server",  # 401 or 403
    "busy",  # 429 or 503: come back later
    "http_status",  # any other unexpected HTTP status
    "protocol_error",  # the far end does not speak the protocol it was asked for
    "connection_reset",  # reset in the middle
    "closed_early",  # ended before the test did
    "stalled",  # connected, but the bytes stopped
    "no_answer",  # not one echo came back
    "deadline",  # out of time before there was anything to report
    "permission_denied",  # the operating system refused
    "host_error",  # this computer's own trouble: memory, files, sockets
]

FAILURES: frozenset[str] = frozenset(get_args(Failure))

_BY_ERRNO: dict[int, Failure] = {
    errno.ECONNREFUSED: "connect_refused",
    errno.ETIMEDOUT: "connect_timeout",
    errno.ENETUNREACH: "unreachable",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETDOWN: "unreachable",
    errno.EADDRNOTAVAIL: "unreachable",
    errno.ECONNRESET: "connection_reset",
    errno.ECONNABORTED: "connection_reset",
    errno.EPIPE: "connection_reset",
    errno.EACCES: "permission_denied",
    errno.EPERM: "permission_denied",
}

# Winsock numbers its errors from 10000; only there are they what a socket raises.
_BY_WINSOCK: dict[int | None, Failure] = {
    10061: "connect_refused",
    10060: "connect_timeout",
    10051: "unreachable",
    10065: "unreachable",
    10050: "unreachable",
    10049: "unreachable",
    10054: "connection_reset",
    10053: "connection_reset",
    10013: "permission_denied",
}

# In this order: an SSLError is an OSError too, and its errno means something else.
_BY_TYPE: tuple[tuple[type[BaseException], Failure], ...] = (
    (socket.gaierror, "dns_failed"),
    (ssl.SSLCertVerificationError, "tls_certificate"),
    (ssl.SSLEOFError, "closed_early"),
    (ssl.SSLZeroReturnError, "closed_early"),
    (ssl.SSLError, "tls_failed"),
    (EOFError, "closed_early"),
)


def failure_of(error: BaseException) -> Failure:
    """Name the failure word for an error that the operating system or TLS raised.

    A ``TimeoutError`` without an errno is a stall: connection attempts that time out carry ``ETIMEDOUT`` or are named
    by their caller.
    """
    for kind, word in _BY_TYPE:
        if isinstance(error, kind):
            return word
    if isinstance(error, OSError) and error.errno is not None:
        winsock = getattr(error, "winerror", None)
        return _BY_WINSOCK.get(winsock) or _BY_ERRNO.get(error.errno, "host_error")
    return "stalled" if isinstance(error, TimeoutError) else "host_error"
