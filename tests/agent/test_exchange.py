"""One exchange with a collector: who is trusted, through which proxy, and how long it may take."""

import socket
import ssl
import threading
import time
from contextlib import suppress

import pytest

from agent.contract.errors import SettingsError
from agent.errors import UplinkError
from agent.exchange import Answer, Asker
from agent.host import proxy as proxy_of
from tests.fakes.bad_server import BadServer
from tests.fakes.certificates import Authority
from tests.fakes.collector import FakeCollector, Scripted, running

OURS = "/api/v1/policy"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """The machine's own proxy stays out of the tests."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def asked(collector: str, ca_file: str | None = None, timeout_s: float = 5.0) -> Answer:
    return Asker(timeout_s, ca_file).ask("GET", collector, OURS)


def fine(fake: FakeCollector) -> FakeCollector:
    fake.answers.append(Scripted(body=b"fine"))
    return fake


def test_https_with_an_own_authority(tmp_path) -> None:
    """A collector with a certificate of an authority that the settings name is trusted."""
    authority = Authority(tmp_path)
    with running(authority.issue()) as fake:
        assert asked(fine(fake).url, authority.file).body == b"fine"


@pytest.mark.parametrize(
    ("names", "days", "trusted", "words"),
    [
        ("DNS:localhost", 2, "other", r"not trusted.*ca_file"),
        ("DNS:localhost", 2, None, r"not trusted.*ca_file"),
        ("DNS:localhost", -1, "authority", r"not trusted.*expired.*date and time"),
        ("DNS:elsewhere.test", 2, "authority", r"not trusted.*another server's"),
    ],
    ids=["another authority", "no authority named", "expired", "another name"],
)
def test_a_certificate_that_does_not_prove_the_collector(tmp_path, names, days, trusted, words) -> None:
    """Wrong authority, expired, wrong name: nothing is sent, and the sentence says what to do."""
    files = Authority(tmp_path).issue(names, days)
    other = Authority(tmp_path, "other")
    ca_file = {"other": other.file, "authority": str(tmp_path / "authority.pem"), None: None}[trusted]
    with running(files) as fake:
        with pytest.raises(UplinkError, match=words):
            asked(fake.url, ca_file)
        assert fake.requests == []


def drip(sock: socket.socket) -> None:
    """Answer with one header field after the other, without end."""
    sock.recv(65536)
    sock.sendall(b"HTTP/1.1 200 OK\r\n")
    for _ in range(1000):
        sock.sendall(b"X: y\r\n")
        time.sleep(0.05)


@pytest.mark.parametrize("secure", [False, True])
def test_dripping_headers_hold_nobody(tmp_path, *, secure: bool) -> None:
    """The time limit is for the whole exchange: a byte now and then does not stretch it."""
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue())
    with BadServer(drip, context if secure else None) as bad:
        address = f"https://localhost:{bad.port}" if secure else f"http://{bad.server}"
        with pytest.raises(UplinkError, match="did not answer in time"):
            asked(address, authority.file, timeout_s=0.5)


def test_an_answer_that_was_cut_is_no_answer() -> None:
    """A body without a length that is cut by the time limit is not taken for a whole one."""

    def begin(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(1000):
            sock.sendall(b"1")
            time.sleep(0.05)

    with BadServer(begin) as bad, pytest.raises(UplinkError, match="did not answer in time"):
        asked(f"http://{bad.server}", timeout_s=0.5)


def test_through_a_proxy(monkeypatch) -> None:
    """Where the environment names a proxy, plain requests go through it."""
    with running() as fake, running() as proxy:
        proxy.handle = lambda method, path, headers, body: fake.handle(  # type: ignore[method-assign]
            method, path.removeprefix(fake.url), headers, body
        )
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert asked(fine(fake).url).body == b"fine"
        url = fake.url
    assert fake.requests == [("GET", OURS)]
    with pytest.raises(UplinkError, match="cannot be reached"):
        asked(url)


def tunnel(sock: socket.socket) -> None:
    """Be a proxy for CONNECT."""
    host, _, port = sock.recv(65536).split()[1].decode().rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as far:
        sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        threading.Thread(target=pump, args=(far, sock), daemon=True).start()
        pump(sock, far)


def pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)


def test_https_through_a_proxy(tmp_path, monkeypatch) -> None:
    """Through a proxy's tunnel the certificate is still the collector's, and is checked."""
    authority = Authority(tmp_path)
    with running(authority.issue()) as fake, BadServer(tunnel) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.server}")
        assert asked(fine(fake).url, authority.file).body == b"fine"
        assert proxy.connections == 1
        with pytest.raises(UplinkError, match="not trusted"):
            asked(fake.url)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "nonsense://127.0.0.1:1"])
def test_a_proxy_that_cannot_be_used_is_a_sentence(monkeypatch, proxy: str) -> None:
    """A proxy setting that httpx cannot go by ends in a sentence, not in a traceback."""
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(UplinkError, match="the proxy set on this computer cannot be used"):
        asked("http://127.0.0.1:1")


@pytest.mark.parametrize("address", ["http://8.8.8.8", "http://[2001:4860:4860::8888]", "http://[::ffff:8.8.8.8]"])
def test_plain_http_to_a_public_address_is_refused(address: str) -> None:
    """Nothing travels in the open over the internet."""
    with pytest.raises(UplinkError, match="use https"):
        asked(address)


def asked_through(collector: str, told: str, ca_file: str | None = None) -> Answer:
    return Asker(5.0, ca_file, told).ask("GET", collector, OURS)


def passing_on(fake: FakeCollector, proxy: FakeCollector) -> list[str]:
    """Let one be the proxy before the other; returns the headers by which it was asked to let somebody through."""
    names: list[str] = []

    def pass_on(method, path, headers, body):
        names.append(headers.get("Proxy-Authorization", ""))
        return fake.handle(method, path.removeprefix(fake.url), headers, body)

    proxy.handle = pass_on  # type: ignore[method-assign]
    return names


def test_the_settings_proxy_comes_before_the_environments(monkeypatch) -> None:
    """And name and password are given to it alone."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with running() as fake, running() as proxy:
        names = passing_on(fake, proxy)
        assert asked_through(fine(fake).url, proxy.url.replace("://", "://teacher:p%40ss@")).body == b"fine"
    assert names == ["Basic dGVhY2hlcjpwQHNz"]  # teacher:p@ss


@pytest.mark.parametrize("told", ["direct", None], ids=["direct", "NO_PROXY"])
def test_no_proxy_where_there_shall_be_none(monkeypatch, told) -> None:
    """By the settings' word or by the environment's list of exceptions."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    if told is None:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with running() as fake:
        assert Asker(5.0, None, told).ask("GET", fine(fake).url, OURS).body == b"fine"


def test_a_proxy_that_wants_a_name_says_so() -> None:
    """Plain: by the status of the answer. Its password is in no sentence."""
    with running() as fake, running() as proxy:
        proxy.answers.append(Scripted(status=407))
        with pytest.raises(UplinkError, match="wants another name and password") as caught:
            asked_through(fake.url, proxy.url.replace("://", "://teacher:secret@"))
    assert "secret" not in str(caught.value)


def test_a_tunnel_that_wants_a_name_says_so() -> None:
    """With TLS: by the answer to CONNECT."""

    def refuse(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    with BadServer(refuse) as proxy, pytest.raises(UplinkError, match="wants another name and password"):
        asked_through("https://localhost:1", f"http://{proxy.server}")


def test_a_dead_proxy_is_named() -> None:
    """With its address, so that it can be corrected; without what is secret of it."""
    with pytest.raises(UplinkError, match=r"through the proxy 127\.0\.0\.1:1 ") as caught:
        asked_through("http://127.0.0.1:2", "http://teacher:secret@127.0.0.1:1")
    assert "secret" not in str(caught.value)


def test_a_pac_file_is_named_where_it_may_be_why(monkeypatch) -> None:
    """No proxy was found by it; the sentence says what to write instead."""
    monkeypatch.setattr("agent.host.proxy.pac_file", lambda: "http://wpad.school/proxy.pac")
    with pytest.raises(UplinkError, match=r"PAC file http://wpad\.school/proxy\.pac, by which no proxy was found"):
        asked("http://127.0.0.1:2")


def test_a_filter_that_reads_traffic(tmp_path) -> None:
    """With the school's authority named it is let through, as the school wants; without, nothing is sent."""
    school = Authority(tmp_path, "school")
    with running(school.issue()) as filtering:
        with pytest.raises(UplinkError, match=r"not trusted.*a filter that reads traffic does this too"):
            asked(fine(filtering).url)
        assert asked(filtering.url, school.file).body == b"fine"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("http://wpad/proxy.pac", "PAC file"),
        ("socks5://127.0.0.1:1", "no proxy that can be used"),
        ("http://", "without a host"),
        ("http://a:secret@h:99999", "wrong port"),
    ],
)
def test_settings_that_name_no_proxy(told, words) -> None:
    """Refused when the settings are read, without the password in the sentence."""
    with pytest.raises(SettingsError, match=words) as caught:
        proxy_of.check(told)
    assert "secret" not in str(caught.value)


def test_what_is_warned_of_holds_no_password(caplog) -> None:
    """An address with name and password is shown without them in the log."""
    with running() as fake:
        asked(fine(fake).url.replace("://", "://teacher:secret@"))
    assert "is not encrypted" in caplog.text
    assert "secret" not in caplog.text
