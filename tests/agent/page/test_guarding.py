import socket
import threading
import time

import pytest

from agent import cli
from agent.contract.errors import SettingsError
from agent.page import guard, server
from agent.page.server import Site, serving
from tests.agent.page.conftest import Browser


class Idle:
    """A site whose checks are only counted."""

    def __init__(self, site):
        self.begun = 0
        site.checks._work = self.work
        self.may_end = threading.Event()

    def work(self, _):
        self.begun += 1
        self.may_end.wait(10)


@pytest.fixture
def idle(site):
    """No check of these tests measures."""
    made = Idle(site)
    yield made
    made.may_end.set()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "8.8.8.8", "example.org", "", "10.0.0.1"])  # noqa: S104
def test_only_loopback_is_listened_on(host):
    """Any address that others could reach is refused with a sentence that says what to give."""
    with pytest.raises(SettingsError, match=r"127\.0\.0\.1:8873"):
        guard.loopback(host, 8873)


@pytest.mark.parametrize(
    ("host", "address"), [("localhost", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("127.9.9.9",) * 2]
)
def test_this_computers_own_addresses_are_listened_on(host, address):
    """Loopback in each of its spellings."""
    assert guard.loopback(host, 1) == (address, 1)


def test_the_command_refuses_other_addresses(capsys):
    """Wrong use: exit 2 and the sentence, before anything listens."""
    assert cli.main(["page", "--listen", "0.0.0.0:0"]) == 2
    assert "on this computer only" in capsys.readouterr().err


def test_a_taken_port_is_said(browser, site):
    """Two pages at one port: the second says so."""
    with (
        pytest.raises(SettingsError, match="give another port"),
        serving(("127.0.0.1", browser.server.server_port), site),
    ):
        pass


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "", None, "[::1]"])
def test_foreign_host_names_are_refused(browser, host):
    """A name that somebody points at this computer reads nothing (DNS rebinding)."""
    named = host.format(port=browser.server.server_port) if host else host
    for path in ("/", "/events", "/static/page.css"):
        status, _, text = browser.ask(path, Host=named)
        assert status == 421
        assert "token" not in text


@pytest.mark.parametrize("host", ["localhost:{port}", "LOCALHOST:{port}", "127.0.0.1:{port}", "[::1]:{port}"])
def test_own_host_names_are_served(browser, host):
    """Each way to write this computer."""
    assert browser.ask(Host=host.format(port=browser.server.server_port))[0] == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
        {"Origin": None, "Sec_Fetch_Site": None},
        {"form": {"token": ""}},
        {"form": {"token": "guessed"}},
        {"form": {"token": "ключ"}},
    ],
)
def test_only_the_pages_own_button_begins_a_check(browser, idle, changes):
    """Other pages, other ports and whoever has not read the token cannot spend this computer's data."""
    named = {
        key: value.format(port=browser.server.server_port) if isinstance(value, str) else value
        for key, value in changes.items()
    }
    status, _, _ = browser.press(**named)
    assert status == 403
    assert idle.begun == 0
    assert browser.server.site.checks.step is None


def test_the_button_works_by_either_header(browser, idle):
    """Older browsers send only one of the two."""
    assert browser.press(Origin=None)[0] == 303
    assert browser.press(Sec_Fetch_Site=None)[0] == 303


def test_tokens_differ_between_processes(site):
    """Each page has its own."""
    with serving(("127.0.0.1", 0), site) as one, serving(("127.0.0.1", 0), site) as other:
        assert one.guard.token != other.guard.token


def test_pressing_twice_begins_one_check(browser, idle):
    """A double click, a second window: one check, and all are led to the page."""
    assert [browser.press()[:2] for _ in range(3)] == [(303, "/?lang=en")] * 3
    time.sleep(0.1)
    assert idle.begun == 1


def test_after_a_check_there_is_a_pause(home):
    """Nobody can spend the data by pressing again and again; the page says how long to wait."""
    site = Site(home, pause_s=60.0)
    made = Idle(site)
    made.may_end.set()
    with serving(("127.0.0.1", 0), site) as running:
        browser = Browser(running)
        browser.press()
        browser.wait()
        assert browser.press()[0] == 303
        assert made.begun == 1
        assert "The next check can begin in" in browser.ask()[2]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE"])
def test_only_get_and_post_are_answered(browser, method):
    """Everything else is refused, with the page's safety."""
    status, headers, _ = browser.ask(method=method)
    assert status == 405
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("path", ["/static/../server.py", "/static/%2e%2e/guard.py", "/etc/passwd", "/check", "/x"])
def test_nothing_else_is_there(browser, path):
    """No path leads out of the page's own files."""
    assert browser.ask(path)[0] == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [("/?" + "a=1&" * 50, 200), ("/?lang=%00%ff", 200), ("http://[", 404), ("/?lang=" + "x" * 9000, 200)],
)
def test_odd_addresses_are_answered(browser, path, status, caplog):
    """Whatever stands in the address is no fault of the page."""
    assert browser.ask(path)[0] == status
    assert caplog.records == []


@pytest.mark.parametrize("path", ["/", "/static/page.js", "/static/page.css", "/static/icon.svg", "/nowhere"])
def test_every_answer_is_locked_down(browser, path):
    """No inline script or style, no foreign request, no frame, no guessing of types."""
    _, headers, text = browser.ask(path)
    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    if path in {"/", "/nowhere"}:
        assert "<style" not in text
        assert " style=" not in text
        assert "<script>" not in text
        assert "http://" not in text.replace(f"http://{browser.host}", "").replace(
            browser.server.site.standings.read(is_running=True).status.collector, ""
        )


@pytest.mark.parametrize("length", ["100000", "-1", "٣", "1e3", "", "9" * 40, "2000"])
def test_large_or_nameless_bodies_are_refused(browser, idle, length):
    """A body is read only when it says that it is small."""
    status, _, _ = browser.ask("/check", "POST", Content_Length=length.encode(), Origin=f"http://{browser.host}")
    assert status == 400
    assert idle.begun == 0


def test_endless_headers_end(browser):
    """A request may have so many bytes and no more."""
    with socket.create_connection(("127.0.0.1", browser.server.server_port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        try:
            for _ in range(200):
                connection.sendall(b"A: " + b"b" * 500 + b"\r\n")
            answer = connection.recv(100)
        except ConnectionError:
            answer = b""
    assert not answer.startswith(b"HTTP/1.0 200")
    assert browser.ask()[0] == 200


def test_slow_clients_time_out(browser, monkeypatch):
    """Who sends a letter now and then is cut off all the same, and the page goes on."""
    monkeypatch.setattr(server, "REQUEST_S", 0.5)
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", browser.server.server_port), timeout=10) as connection:
        try:
            for _ in range(50):
                connection.sendall(b"G")
                time.sleep(0.1)
                if time.monotonic() - began > 1.5:
                    assert connection.recv(10) == b""
                    break
        except ConnectionError:
            pass
    assert time.monotonic() - began < 4
    assert browser.ask()[0] == 200


def test_connections_are_bounded(browser, monkeypatch):
    """More connections than places: the rest are closed at once, and places come free again."""
    held = [
        socket.create_connection(("127.0.0.1", browser.server.server_port), timeout=5)
        for _ in range(server.MAX_CONNECTIONS)
    ]
    time.sleep(0.3)
    with socket.create_connection(("127.0.0.1", browser.server.server_port), timeout=5) as one_more:
        assert one_more.recv(1) == b""
    for one in held:
        one.close()
    time.sleep(0.5)
    assert browser.ask()[0] == 200


def test_streams_are_bounded(browser, idle):
    """Many windows: beyond the bound one is told to close some; the page itself still opens."""
    browser.press()
    streams = []
    for _ in range(server.MAX_STREAMS):
        stream = socket.create_connection(("127.0.0.1", browser.server.server_port), timeout=5)
        stream.sendall(f"GET /events HTTP/1.1\r\nHost: {browser.host}\r\n\r\n".encode())
        assert stream.recv(20).startswith(b"HTTP/1.0 200")
        streams.append(stream)
    assert browser.ask("/events")[0] == 503
    assert browser.ask()[0] == 200
    for one in streams:
        one.close()


def test_foreign_pages_hold_no_stream(browser):
    """A page elsewhere cannot take the places of this one."""
    assert browser.ask("/events", Sec_Fetch_Site="cross-site")[0] == 403
