"""Through which proxy collectors are reached: as the settings say, else the environment, else the system's settings.

Reports and policies only. Nothing that measures goes through a proxy: what comes out would not be the line.
No PAC file is run, for that takes a JavaScript engine; it is named where it may be why a collector is not reached.
"""

import sys
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from agent.contract.errors import SettingsError

DIRECT = "direct"
_INTERNET_SETTINGS = r"Software\Microsoft\Windows\CurrentVersion\Internet Settings"


def check(told: str) -> None:
    """Raise SettingsError where the settings' word is neither ``direct`` nor a proxy's URL; never says its password."""
    if told == DIRECT:
        return
    parts = _split(told)
    if parts.path.endswith((".pac", ".dat")):
        raise SettingsError(
            f"{parts.path} is a PAC file, and those are not run here: give the proxy that it names for the collector, "
            "as http://HOST:PORT"
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
    if not proxy or proxy_bypass(collector.hostname or ""):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _split(proxy: str) -> SplitResult:
    try:
        parts = urlsplit(proxy)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:  # its words may hold the password
        is_whole = False
    if not is_whole:
        raise SettingsError(f'a proxy without a host, or with a wrong port; write "http://HOST:PORT" or "{DIRECT}"')
    return parts
