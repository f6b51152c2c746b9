"""Through which proxy collectors are reached: as the settings say, else the environment, else the system's settings.

Reports and policies only. Nothing that measures goes through a proxy: what comes out would not be the line.
On Windows a PAC file, or what the network names by WPAD, is run by Windows itself (agent.host.winhttp). On Linux and
macOS none is run, for that takes a JavaScript engine.
"""

import socket
import sys
import time
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from agent.contract.errors import SettingsError
from agent.host import winhttp

DIRECT = "direct"
_PAC = "pac+"
_KEPT_S = 600.0  # detection may take seconds, and reports go out every few minutes
_ANSWERS_WITHIN_S = 2.0
_INTERNET_SETTINGS = r"Software\Microsoft\Windows\CurrentVersion\Internet Settings"


def check(told: str) -> None:
    """Raise SettingsError where the settings' word is neither ``direct`` nor a proxy's URL; never says its password."""
    if told == DIRECT:
        return
    if told.startswith(_PAC):
        _check_pac(told)
        return
    parts = _split(told)
    if parts.path.endswith((".pac", ".dat")):
        raise SettingsError(
            f'{parts.path} is a PAC file: on Windows write "{_PAC}" before its address; elsewhere none is run, so give '
            "the proxy that it names for the collector, as http://HOST:PORT"
        )
    if parts.scheme not in {"http", "https"} or parts.path not in {"", "/"}:
        raise SettingsError(
            f'{shown(told)} is no proxy that can be used; write "http://NAME:PASSWORD@HOST:PORT" (name and password '
            f'where it asks for them), or "{DIRECT}" for none'
        )


def of(collector: SplitResult, told: str | None) -> str | None:
    """Return the URL of the proxy on the way to this collector; None where there is none.

    Raises:
        SettingsError: the one that is set cannot be used.
    """
    if told is None:
        told = _of_the_system(collector)
    if told in {None, DIRECT}:
        return None
    if told.startswith(_PAC):
        check(told)
        return _by_pac(collector, winhttp.Wish(pac_file=told.removeprefix(_PAC)))
    check(told)
    return told


def shown(proxy: str) -> str:
    """Return a proxy's address for a sentence or the log: without name and password."""
    return proxy.rpartition("@")[2].rpartition("://")[2].rstrip("/")


def pac_file() -> str | None:
    """Return the PAC file that Windows' settings name for this user; None where there is none, or on other systems."""
    if sys.platform != "win32":
        return None
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, _INTERNET_SETTINGS) as key:
            return str(winreg.QueryValueEx(key, "AutoConfigURL")[0])
    except OSError:
        return None


def _of_the_system(collector: SplitResult) -> str | None:
    """Return what HTTP_PROXY, HTTPS_PROXY or ALL_PROXY say, else Windows' or macOS' settings, with their exceptions."""
    known = getproxies()
    proxy = known.get(collector.scheme) or known.get("all")
    if proxy_bypass(collector.hostname or ""):
        return None
    if not proxy:
        return _by_pac(collector)
    return proxy if "://" in proxy else f"http://{proxy}"


_known: dict[tuple[str, winhttp.Wish | None], tuple[float, str | None]] = {}


def _by_pac(collector: SplitResult, asked: winhttp.Wish | None = None) -> str | None:
    """Return what Windows finds by this file, or by this computer's own settings; it is kept for some minutes."""
    library = winhttp.load()
    if library is None:
        return None
    url, now = collector.geturl(), time.monotonic()
    until, found = _known.get((url, asked), (0.0, None))
    if now >= until:
        found = _first_alive(winhttp.proxies(library, url, winhttp.wish(library) if asked is None else asked))
        _known[url, asked] = now + _KEPT_S, found
    return found


def _first_alive(ways: tuple[str | None, ...]) -> str | None:
    """Return the first way that is there, as a browser does; where none is, the first, whose failure is then said."""
    for way in ways:
        if way is None:
            return None
        parts = urlsplit(way)
        try:
            socket.create_connection((parts.hostname or "", parts.port or 0), _ANSWERS_WITHIN_S).close()
        except (OSError, UnicodeError, ValueError):
            continue
        return way
    return ways[0] if ways else None


def _check_pac(told: str) -> None:
    if sys.platform != "win32":
        raise SettingsError(
            f"{_PAC} is for Windows, which runs PAC files itself; here give the proxy that it names for the collector,"
            " as http://HOST:PORT"
        )
    parts = _split(told.removeprefix(_PAC))
    if parts.scheme not in {"http", "https"}:
        raise SettingsError(f'after {_PAC} stands the address of a PAC file, as "{_PAC}http://HOST/proxy.pac"')


def _split(proxy: str) -> SplitResult:
    try:
        parts = urlsplit(proxy)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:  # its words may hold the password
        is_whole = False
    if not is_whole:
        raise SettingsError(f'a proxy without a host, or with a wrong port; write "http://HOST:PORT" or "{DIRECT}"')
    return parts
