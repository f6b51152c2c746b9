"""Real errors of the operating system get the word that says what happened."""

import contextlib
import errno
import socket
import ssl
import threading
from collections.abc import Iterator

import pytest

from agent.contract.failure import failure_of

WAIT_S = 5.0


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(WAIT_S)
        yield listening


@contextlib.contextmanager
def answering(listener: socket.socket, answer: bytes) -> Iterator[None]:
    """Answer one connection with these bytes and end it."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(WAIT_S)
            connection.recv(4096)
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        thread.join(WAIT_S)


def test_a_port_where_nothing_listens() -> None:
    """A refused connection is refused: the machine is there, the program is not."""
    with socket.create_server(("127.0.0.1", 0)) as closing:
        port = closing.getsockname()[1]
    with pytest.raises(ConnectionRefusedError) as caught:
        socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
    assert failure_of(caught.value) == "connect_refused"


def test_a_name_that_does_not_exist() -> None:
    """A name that cannot be resolved is a trouble of names, not of the line (.invalid never exists: RFC 6761)."""
    with pytest.raises(socket.gaierror) as caught:
        socket.getaddrinfo("school.invalid", 80)
    assert failure_of(caught.value) == "dns_failed"


def test_a_connection_without_an_answer(listener: socket.socket) -> None:
    """Bytes that stop coming on an open connection are a stall."""
    connection = socket.create_connection(listener.getsockname(), timeout=0.05)
    with connection, pytest.raises(TimeoutError) as caught:
        connection.recv(1)
    assert failure_of(caught.value) == "stalled"


def test_a_reset_in_the_middle(listener: socket.socket) -> None:
    """A reset by the far end is a reset, when reading and when writing on."""
    connection = socket.create_connection(listener.getsockname(), timeout=WAIT_S)
    accepted, _ = listener.accept()
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    accepted.close()
    with connection:
        with pytest.raises(ConnectionResetError) as read:
            connection.recv(1)
        with pytest.raises(BrokenPipeError) as written:
            connection.send(b"x")
    assert failure_of(read.value) == failure_of(written.value) == "connection_reset"


def test_a_far_end_without_tls(listener: socket.socket) -> None:
    """Plain HTTP where TLS was asked for is a failed handshake, not a wrong certificate."""
    with answering(listener, b"HTTP/1.1 400 Bad Request\r\n\r\n"):
        connection = socket.create_connection(listener.getsockname(), timeout=WAIT_S)
        with connection, pytest.raises(ssl.SSLError) as caught:
            ssl.create_default_context().wrap_socket(connection, server_hostname="localhost")
    assert failure_of(caught.value) == "tls_failed"


def test_a_handshake_cut_short(listener: socket.socket) -> None:
    """A connection that ends during the handshake ended early, however the system names it."""
    with answering(listener, b""):
        connection = socket.create_connection(listener.getsockname(), timeout=WAIT_S)
        with connection, pytest.raises(OSError) as caught:
            ssl.create_default_context().wrap_socket(connection, server_hostname="localhost")
    assert failure_of(caught.value) in {"closed_early", "connection_reset"}


def test_a_network_that_is_not_there() -> None:
    """An address that is not on this computer cannot be used from it (192.0.2.0/24 is for documentation: RFC 5737)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own, pytest.raises(OSError) as caught:
        own.bind(("192.0.2.1", 0))
    assert caught.value.errno == errno.EADDRNOTAVAIL
    assert failure_of(caught.value) == "unreachable"


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (OSError(errno.ENETUNREACH, "no route"), "unreachable"),
        (OSError(errno.EHOSTUNREACH, "no route"), "unreachable"),
        (TimeoutError(errno.ETIMEDOUT, "timed out"), "connect_timeout"),
        (PermissionError(errno.EPERM, "firewall"), "permission_denied"),
        (OSError(errno.EMFILE, "too many files"), "host_error"),
        (OSError("without a number"), "host_error"),
        (MemoryError(), "host_error"),
        (EOFError(), "closed_early"),
        (ssl.SSLCertVerificationError(1, "expired"), "tls_certificate"),
        (ssl.SSLZeroReturnError(6, "closed"), "closed_early"),
    ],
)
def test_errors_that_cannot_be_made_on_loopback(error: BaseException, word: str) -> None:
    """The other errors a network raises each have their word; trouble of this computer is not the network's."""
    assert failure_of(error) == word
