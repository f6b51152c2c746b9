"""Certificates over real connections: which are trusted, and what is said of the others."""

import socket
import ssl
import time
from pathlib import Path

import pytest

from agent.host import transport
from agent.meter import tls
from agent.meter.errors import TransferError
from tests.fakes import reflectors
from tests.fakes.bad_server import BadServer, wait
from tests.fakes.certificates import Authority


def serving(files: tuple[str, str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context


def secured(bad: BadServer, ca_file: str | None, host: str = "localhost") -> ssl.SSLSocket:
    sock = socket.create_connection(("127.0.0.1", bad.port), timeout=10)
    return tls.secure(sock, transport.tls_context(ca_file), host, time.monotonic() + 10)


def refusal(bad: BadServer, ca_file: str | None, host: str = "localhost") -> TransferError:
    with pytest.raises(TransferError) as caught:
        secured(bad, ca_file, host)
    return caught.value


def test_a_trusted_certificate(tmp_path: Path) -> None:
    """A certificate of the authority that was named is trusted, and nobody looks twice."""
    authority = Authority(tmp_path)
    with BadServer(wait, serving(authority.issue())) as bad:
        secured(bad, authority.file).close()
        assert bad.connections == 1


def test_a_filter_s_own_certificate(tmp_path: Path) -> None:
    """A certificate that a filter made is interception, with subject and issuer; one second look, and no third."""
    authority = Authority(tmp_path, subject="/O=Fortinet/CN=FG100 CA")
    with BadServer(wait, serving(authority.issue())) as bad:
        error = refusal(bad, None)
        assert bad.connections == 2
    assert error.failure == "intercepted"
    assert "server, signed by FG100 CA of Fortinet" in str(error)


def test_an_unknown_authority_on_a_private_host(tmp_path: Path) -> None:
    """In a private network an own authority is usual: nobody is accused, and the remedy is named."""
    with BadServer(wait, serving(Authority(tmp_path, "school").issue())) as bad:
        error = refusal(bad, None)
    assert error.failure == "tls_certificate"
    assert "signed by school" in str(error)
    assert "ca_file" in str(error)


def test_an_expired_certificate(tmp_path: Path) -> None:
    """The sentence has the day it expired and this computer's clock."""
    authority = Authority(tmp_path)
    with BadServer(wait, serving(authority.issue(days=-1))) as bad:
        error = refusal(bad, authority.file)
    assert error.failure == "tls_certificate"
    assert "expired on 20" in str(error)
    assert "this computer's clock says 20" in str(error)


def test_a_certificate_of_another_host(tmp_path: Path) -> None:
    """Both names are said: whose it is and who was asked."""
    authority = Authority(tmp_path)
    with BadServer(wait, serving(authority.issue("DNS:elsewhere.test"))) as bad:
        error = refusal(bad, authority.file)
    assert error.failure == "tls_certificate"
    assert "is for elsewhere.test, not for localhost" in str(error)


def test_a_server_that_hides_at_the_second_look(tmp_path: Path) -> None:
    """Where the second look finds nothing, the system's own reason is told."""
    authority, seen = Authority(tmp_path), []
    context = serving(authority.issue())

    def once(sock: socket.socket) -> None:
        seen.append(sock)
        if len(seen) == 1:
            context.wrap_socket(sock, server_side=True)

    with BadServer(once) as bad:
        error = refusal(bad, None)
    assert error.failure == "tls_certificate"
    assert "certificate verify failed" in str(error)


def test_a_page_where_tls_is_due() -> None:
    """A far end that answers a TLS handshake in plain HTTP does not speak TLS, and the sentence says so."""
    with BadServer(lambda sock: (sock.recv(1), sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), wait(sock))) as bad:
        error = refusal(bad, None)
    assert error.failure == "tls_failed"
    assert "does not speak TLS" in str(error)


@pytest.mark.parametrize(("behave", "failure"), [(lambda sock: sock.recv(1), "closed_early"), (wait, "stalled")])
def test_a_handshake_that_breaks_off(behave, failure: str) -> None:
    """A far end that leaves, or says nothing, is given up within the deadline."""
    with (
        BadServer(behave) as bad,
        socket.create_connection(("127.0.0.1", bad.port), timeout=10) as sock,
        pytest.raises(TransferError) as caught,
    ):
        tls.secure(sock, transport.tls_context(None), "localhost", time.monotonic() + 0.3)
    assert caught.value.failure in (failure, "connection_reset")


def test_a_self_signed_certificate(tmp_path: Path) -> None:
    """A server's own makeshift certificate is not trusted, but is no interception either."""
    with BadServer(wait, serving(reflectors.certificate(tmp_path))) as bad:
        error = refusal(bad, None)
    assert error.failure == "tls_certificate"
    assert "test, signed by test" in str(error)
