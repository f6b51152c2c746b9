# ruff: noqa: N802 - names are those of Windows
"""Windows' answer to "through which proxy?", with a library that answers as winhttp.h says."""

import ctypes
import socket
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract.errors import SettingsError
from agent.host import proxy, winhttp
from agent.host.winhttp import Library, ProxyInfo, UserConfig

URL = urlsplit("https://collector.example")


class Windows:
    """Answers as WinHTTP does, in memory that has to be freed."""

    def __init__(self) -> None:
        self.texts: dict[int, object] = {}
        self.config: dict[str, object] | None = {}
        self.answer: tuple[int, str | None, str | None] | None = (3, "proxy.school:3128", "<local>")
        self.asked: list[tuple[str, int, int, str | None, int]] = []
        self.timeouts: tuple[int, ...] = ()
        self.open = 0

    @property
    def library(self) -> Library:
        return Library(self, self.free)

    def text(self, words: str | None) -> int | None:
        if words is None:
            return None
        buffer = ctypes.create_unicode_buffer(words)
        self.texts[ctypes.addressof(buffer)] = buffer
        return ctypes.addressof(buffer)

    def free(self, address: int) -> None:
        del self.texts[address]

    def WinHttpOpen(self, _agent, access, *_more) -> int | None:
        assert access == 1
        self.open += 1
        return 7

    def WinHttpSetTimeouts(self, session, *timeouts) -> int:
        assert session == 7
        self.timeouts = timeouts
        return 1

    def WinHttpGetProxyForUrl(self, session, url, options, info) -> int:
        assert session == 7
        told = options._obj
        self.asked.append((url, told.flags, told.detect_flags, told.config_url, told.logs_on))
        if self.answer is None:
            return 0
        info._obj.access_type, proxy_text, bypass = self.answer[0], *map(self.text, self.answer[1:])
        info._obj.proxy, info._obj.bypass = proxy_text, bypass
        return 1

    def WinHttpGetIEProxyConfigForCurrentUser(self, told) -> int:
        if self.config is None:
            return 0
        told._obj.detects = int(self.config.get("detects", False))
        told._obj.config_url = self.text(self.config.get("pac"))
        told._obj.proxy = self.text(self.config.get("proxy"))
        return 1

    def WinHttpCloseHandle(self, session) -> int:
        assert session == 7
        self.open -= 1
        return 1


@pytest.fixture
def windows(monkeypatch):
    made = Windows()
    monkeypatch.setattr(winhttp, "load", lambda: made.library)
    monkeypatch.setattr(proxy, "getproxies", dict)
    monkeypatch.setattr(proxy, "proxy_bypass", lambda _: False)
    monkeypatch.setattr(proxy, "_known", {})
    monkeypatch.setattr(proxy.socket, "create_connection", lambda *_: socket.socket())
    yield made
    assert not made.texts
    assert not made.open


def test_the_structures_are_as_large_as_windows_ones() -> None:
    """On 64 bits, as mingw-w64's winhttp.h has them."""
    if ctypes.sizeof(ctypes.c_void_p) == 8:
        sizes = [ctypes.sizeof(one) for one in (winhttp.AutoProxyOptions, ProxyInfo, UserConfig)]
        assert sizes == [32, 24, 32]


def test_the_user_s_file_is_run_by_windows(windows) -> None:
    """With the collector's address, without logging on, and within bounds of time."""
    windows.config = {"pac": "http://wpad/proxy.pac", "detects": True, "proxy": "old:1"}
    assert proxy.of(URL, None) == "http://proxy.school:3128"
    assert windows.asked == [("https://collector.example", 2, 0, "http://wpad/proxy.pac", 0)]
    assert 0 < max(windows.timeouts) <= 5000


@pytest.mark.parametrize("config", [None, {"detects": True}])
def test_without_a_file_the_network_is_asked(windows, config) -> None:
    """Where the settings say so, and for a service, which has none."""
    windows.config = config
    assert proxy.of(URL, None) == "http://proxy.school:3128"
    assert windows.asked == [("https://collector.example", 1, 3, None, 0)]


def test_who_wants_neither_is_not_asked_for(windows) -> None:
    """Settings without file and detection: no packet leaves for it."""
    assert proxy.of(URL, None) is None
    assert windows.asked == []


@pytest.mark.parametrize("answer", [None, (1, None, None), (3, None, None), (3, "", ""), (3, "socks=x:1", None)])
def test_no_answer_is_no_proxy(windows, answer) -> None:
    """A file that cannot be had or run, DIRECT, nothing, and what cannot be used."""
    windows.config, windows.answer = {"pac": "http://wpad/proxy.pac"}, answer
    assert proxy.of(URL, None) is None


def test_it_is_asked_once_in_ten_minutes(windows, monkeypatch) -> None:
    """Detection may take seconds; another collector is asked for by itself."""
    windows.config = {"detects": True}
    now = [100.0]
    monkeypatch.setattr(proxy.time, "monotonic", lambda: now[0])
    for _ in range(5):
        proxy.of(URL, None)
    assert len(windows.asked) == 1
    proxy.of(urlsplit("https://other.example"), None)
    assert len(windows.asked) == 2
    now[0] += 601
    proxy.of(URL, None)
    assert len(windows.asked) == 3


@pytest.mark.parametrize(
    ("answer", "dead", "found"),
    [
        ("dead:1;alive:2", {"dead"}, "http://alive:2"),
        ("dead:1;DIRECT", {"dead"}, None),
        ("dead:1;deader:2", {"dead", "deader"}, "http://dead:1"),
        ("DIRECT;alive:2", set(), None),
    ],
)
def test_the_first_that_is_there(windows, monkeypatch, answer, dead, found) -> None:
    """As a browser does; where nobody is there, the failure names the first."""

    def connect(place, _within_s):
        if place[0] in dead:
            raise ConnectionRefusedError
        return socket.socket()

    monkeypatch.setattr(proxy.socket, "create_connection", connect)
    windows.config, windows.answer = {"detects": True}, (3, answer, None)
    assert proxy.of(URL, None) == found


def test_a_fixed_proxy_and_the_environment_come_first(windows, monkeypatch) -> None:
    """PAC is asked only where nothing else is set; an exception for the collector holds for it too."""
    windows.config = {"detects": True}
    monkeypatch.setattr(proxy, "getproxies", lambda: {"https": "fixed:8080"})
    assert proxy.of(URL, None) == "http://fixed:8080"
    assert proxy.of(URL, "direct") is None
    monkeypatch.setattr(proxy, "proxy_bypass", lambda _: True)
    assert proxy.of(URL, None) is None
    assert windows.asked == []


def test_a_file_of_our_own_settings(windows, monkeypatch) -> None:
    """pac+http://... is for Windows; elsewhere, and with nonsense behind it, the sentence says what to write."""
    told = "pac+http://files.school/proxy.pac"
    with pytest.raises(SettingsError, match="is for Windows"):
        proxy.check(told)
    with pytest.raises(SettingsError, match=r'write "pac\+" before'):
        proxy.check("http://files.school/proxy.pac")
    monkeypatch.setattr(proxy.sys, "platform", "win32")
    assert proxy.of(URL, told) == "http://proxy.school:3128"
    assert windows.asked == [("https://collector.example", 2, 0, "http://files.school/proxy.pac", 0)]
    with pytest.raises(SettingsError, match="stands the address of a PAC file"):
        proxy.check("pac+ftp://files.school/proxy.pac")


@pytest.mark.parametrize(
    ("text", "ways"),
    [
        ("proxy:3128", ("http://proxy:3128",)),
        ("PROXY proxy:3128; DIRECT", ("http://proxy:3128", None)),
        ("http=one:1;https=two:2", ("http://two:2",)),
        ("http://one:80/;[2001:db8::1]:3128", ("http://one:80", "http://[2001:db8::1]:3128")),
        ("name:password@proxy:1;proxy:1:2;x;:80;proxy:999999", ()),
        ("a:1 a:1;a:1", ("http://a:1",)),
        (";".join(f"p{number}:1" for number in range(100)), tuple(f"http://p{number}:1" for number in range(8))),
    ],
)
def test_what_windows_answers(text, ways) -> None:
    """Its lists as they come; what is none is left out, and names and passwords are never taken from a file."""
    assert winhttp.read(text, "https") == ways


@given(st.text(max_size=300))
def test_any_answer_is_read_safely(text) -> None:
    """Whatever a hostile file says is a list of proxies that could be used, or nothing."""
    for way in winhttp.read(text, "https"):
        assert way is None or urlsplit(way).hostname


def test_other_systems_have_none() -> None:
    """Nothing is loaded."""
    assert winhttp.load() is None
