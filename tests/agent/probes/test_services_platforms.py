"""Platforms of the services probe on loopback, plain and over TLS, and whoever misbehaves in their place."""

import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from agent.contract.measurement import decode, encode
from agent.contract.services import Service
from agent.contract.wire import PlatformAsked
from agent.meter import http_head
from agent.probes import _services_platforms
from agent.probes.services import Probe
from tests.fakes.bad_server import BadServer, drips, page, says, status, wait
from tests.fakes.certificates import Authority

DEADLINE_S = 5.0
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello"
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n"


def asked(*urls: str, deadline_s: float = DEADLINE_S, **settings: object) -> tuple[Service, ...]:
    """Ask platforms at these addresses."""
    platforms = tuple(PlatformAsked(name=f"platform {number}", url=url) for number, url in enumerate(urls))
    result = Probe(platforms=platforms, **settings).measure(deadline_s)
    assert decode(encode(result)) == result
    return result.services


@pytest.fixture
def context(authority: Authority) -> ssl.SSLContext:
    """What a server with a certificate of the authority needs."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*authority.issue())
    return made


def test_a_platform_over_tls(authority: Authority, context: ssl.SSLContext) -> None:
    """Every step to the first byte is timed, and the status told."""
    with BadServer(says(OK), context) as good:
        (found,) = asked(f"https://localhost:{good.port}/login", ca_file=authority.file)
    assert (found.failure, found.status, found.host) == (None, 200, "localhost")
    assert None not in (found.dns_ms, found.connect_ms, found.tls_ms, found.first_byte_ms)


def test_what_a_platform_is_asked() -> None:
    """One request for the beginning of the page, with path and query as they stand, and nothing kept open."""
    heads: list[str] = []

    def behave(sock: socket.socket) -> None:
        head, _ = http_head.read(sock, time.monotonic() + 10)
        heads.extend((head.start, head.fields["range"], head.fields["connection"]))
        sock.sendall(OK)

    with BadServer(behave) as good:
        (found,) = asked(f"http://{good.server}/кіру?next=/a b".replace(" ", "%20"))
        assert good.connections == 1
    assert found.status == 200
    assert heads == ["GET /%D0%BA%D1%96%D1%80%D1%83?next=/a%20b HTTP/1.1", "bytes=0-4095", "close"]


def test_steps_that_a_platform_does_not_need() -> None:
    """An address needs no look-up and plain http no TLS: their times are null."""
    with BadServer(says(OK)) as good:
        (found,) = asked(f"http://{good.server}")
    assert (found.dns_ms, found.tls_ms) == (None, None)
    assert found.first_byte_ms is not None


def test_over_ipv6() -> None:
    """An address of IPv6 is as good as any."""
    listener = socket.create_server(("::1", 0), family=socket.AF_INET6)

    def serve() -> None:
        with suppress(OSError):
            while True:
                sock, _ = listener.accept()
                sock.recv(4096)
                sock.sendall(OK)
                sock.close()

    threading.Thread(target=serve, daemon=True).start()
    with listener:
        found = asked(f"http://[::1]:{listener.getsockname()[1]}/")
    assert [one.status for one in found] == [200]


@pytest.mark.parametrize(
    ("behave", "word", "said"),
    [
        (status("503 Service Unavailable"), "busy", "503"),
        (status("403 Forbidden"), "refused_by_server", "403"),
        (status("500 Oops"), "http_status", "500"),
        (status("426 Upgrade Required"), "http_status", "426"),
        (status("511 Login"), "captive_portal", "login"),
        (status("407 Proxy"), "intercepted", "proxy"),
        (status("302 Found", "Location: http://portal.example/login"), "captive_portal", "portal.example"),
        (page("403 Forbidden", "<html><title>No</title>Access blocked"), "intercepted", "the platform"),
        (says(b"\x00\x01\x02" * 5000), "protocol_error", "HTTP"),
        (says(b"HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n"), "protocol_error", "status"),
        (lambda sock: sock.recv(4096), "closed_early", "closed"),
        (wait, "stalled", "answer"),
        (drips(b"HTTP/1.1 200 OK\r\n"), "stalled", "answer"),
    ],
)
def test_a_platform_that_does_not_answer_as_it_should(behave: Callable[[socket.socket], object], word: str, said: str):
    """What went wrong has its word and a sentence; nobody holds the probe."""
    with BadServer(behave) as bad:
        (found,) = asked(f"http://{bad.server}", deadline_s=2.0)
    assert found.failure == word
    assert said in found.detail
    assert found.connect_ms is not None


def test_a_redirect_is_an_answer_and_is_not_followed(authority: Authority, context: ssl.SSLContext) -> None:
    """A platform that proved who it is may send us on; nobody goes there."""
    with BadServer(wait) as elsewhere:
        to = status("302 Found", f"Location: http://{elsewhere.server}/login")
        with BadServer(to, context) as good:
            (found,) = asked(f"https://localhost:{good.port}", ca_file=authority.file)
        assert elsewhere.connections == 0
    assert (found.failure, found.status) == (None, 302)
    assert elsewhere.server in found.detail


def test_an_endless_body_is_not_read() -> None:
    """Of a body of 10 GB no more comes than has room between the two computers; it is not waited for."""
    sent = [0]

    def behave(sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        sock.recv(4096)
        sock.sendall(LONG)
        with suppress(OSError):
            while True:
                sent[0] += sock.send(b"x" * 1024)

    with BadServer(behave) as bad:
        (found,) = asked(f"http://{bad.server}")
    assert (found.failure, found.status) == (None, 200)
    assert sent[0] < 128 * 1024  # the sender's own buffer is part of it


def test_an_error_page_that_never_ends() -> None:
    """Its beginning says what it is, and is enough."""
    with BadServer(drips(b"HTTP/1.1 500 Oops\r\nContent-Length: 10000000000\r\n\r\n")) as bad:
        (found,) = asked(f"http://{bad.server}", deadline_s=2.0)
    assert (found.failure, found.status) == ("http_status", 500)


def test_a_certificate_that_is_not_trusted(context: ssl.SSLContext) -> None:
    """Without the authority there is no first byte, and the reason is the certificate."""
    with BadServer(says(OK), context) as bad:
        (found,) = asked(f"https://localhost:{bad.port}")
    assert (found.failure, found.status, found.tls_ms) == ("tls_certificate", None, None)
    assert found.connect_ms is not None


def test_somebody_else_s_certificate(tmp_path: Path, authority: Authority) -> None:
    """A filter that shows a certificate of its own is named as one."""
    folder = tmp_path / "filter"
    folder.mkdir()
    filtering = Authority(folder, subject="/O=Fortinet/CN=FortiGate CA")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*filtering.issue())
    with BadServer(says(OK), context) as bad:
        (found,) = asked(f"https://localhost:{bad.port}", ca_file=authority.file)
    assert found.failure == "intercepted"
    assert "Forti" in found.detail


def test_a_login_page_where_tls_should_be() -> None:
    """What answers without TLS on the platform's port is said to do so."""
    with BadServer(lambda sock: (sock.recv(4096), sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))) as bad:
        (found,) = asked(f"https://{bad.server}")
    assert found.failure == "tls_failed"


def test_nobody_there() -> None:
    """A name that cannot be and a port where nothing listens have their words."""
    found = asked("https://no-such-name.invalid", "http://127.0.0.1:1")
    assert [one.failure for one in found] == ["dns_failed", "connect_refused"]


def test_plain_http_stays_in_the_private_network() -> None:
    """Plain http to a public address is not sent."""
    (found,) = asked("http://192.0.43.8")
    assert found.failure == "no_server"
    assert "https://" in found.detail


def test_text_of_strangers_stays_harmless() -> None:
    """What a far end writes reaches the report in one line, short, and with nothing that a terminal would obey."""
    place = "http://portal.example/" + "\x1b[31m" + "x" * 5000
    with BadServer(status("302 Found", f"Location: {place}")) as bad:
        (found,) = asked(f"http://{bad.server}")
    assert found.detail.isprintable()
    assert len(found.detail) <= 1000


@pytest.mark.parametrize("url", ["kundelik.kz", "ftp://kundelik.kz", "https://", "https://a b", "wss://kundelik.kz"])
def test_an_address_of_a_platform_that_is_none(url: str) -> None:
    """It is that platform's failure, by its name, and nothing is asked."""
    (found,) = asked(url)
    assert (found.failure, found.host, found.first_byte_ms) == ("no_server", "", None)
    assert "the address of platform 0" in found.detail


def test_an_international_name() -> None:
    """A name in Cyrillic is asked for in the form that name servers know."""
    found = _services_platforms.platform(PlatformAsked(name="мектеп", url="https://мектеп.қаз/кіру"))
    assert found.endpoint.host.startswith("xn--")
    assert found.target.isascii()


def test_many_silent_platforms() -> None:
    """Ten platforms that say nothing have one failure each."""
    with BadServer(wait) as bad:
        found = asked(*[f"http://{bad.server}/{number}" for number in range(10)], deadline_s=3.0)
    assert [one.failure for one in found] == ["stalled"] * 10
