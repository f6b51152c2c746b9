"""Windows' own answer to "through which proxy?": PAC files and WPAD, run by WinHTTP (winhttp.h), not by us.

A PAC file is a program in JavaScript; Windows has an engine for it, in a process without rights since Windows 10. Which
file the user's settings name is asked too; a service has no such user, and then the network is asked (WPAD, by DHCP and
DNS) as far as the settings do not forbid it. The calls have not been run on Windows; structures and reading are tested.
"""

import ctypes
import re
import sys
from collections.abc import Callable
from typing import Any

from msgspec import Struct

_NO_PROXY, _NAMED_PROXY = 1, 3  # WINHTTP_ACCESS_TYPE_...
_AUTO_DETECT, _CONFIG_URL = 0x1, 0x2  # WINHTTP_AUTOPROXY_...
_BY_DHCP, _BY_DNS = 0x1, 0x2  # WINHTTP_AUTO_DETECT_TYPE_...
_PATIENCE_MS = 4000  # for each step: name, connection, sending, the file itself
_MOST = 8
_SYSTEM32 = 0x800  # LOAD_LIBRARY_SEARCH_SYSTEM32
_ENTRY = re.compile(r"(?:(?P<scheme>[a-z]+)=)?(?:https?://)?(?P<place>(?:[\w.-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5})/?")
_DIRECT = "DIRECT"


class AutoProxyOptions(ctypes.Structure):
    """WINHTTP_AUTOPROXY_OPTIONS."""

    _fields_ = (
        ("flags", ctypes.c_uint32),
        ("detect_flags", ctypes.c_uint32),
        ("config_url", ctypes.c_wchar_p),
        ("reserved", ctypes.c_void_p),
        ("reserved_too", ctypes.c_uint32),
        ("logs_on", ctypes.c_int32),
    )


class ProxyInfo(ctypes.Structure):
    """WINHTTP_PROXY_INFO; the texts are ours to free."""

    _fields_ = (("access_type", ctypes.c_uint32), ("proxy", ctypes.c_void_p), ("bypass", ctypes.c_void_p))


class UserConfig(ctypes.Structure):
    """WINHTTP_CURRENT_USER_IE_PROXY_CONFIG; the texts are ours to free."""

    _fields_ = (
        ("detects", ctypes.c_int32),
        ("config_url", ctypes.c_void_p),
        ("proxy", ctypes.c_void_p),
        ("bypass", ctypes.c_void_p),
    )


class Wish(Struct, frozen=True, kw_only=True):
    """Whom this computer's settings let us ask: a PAC file, the network (WPAD), or nobody."""

    pac_file: str | None = None
    detects: bool = False


class Library(Struct, frozen=True):
    """The two libraries that are called; a test hands over its own."""

    winhttp: Any
    free: Callable[[int], object]


def load() -> Library | None:
    """Return Windows' libraries; None on other systems."""
    if sys.platform != "win32":
        return None
    winhttp = ctypes.WinDLL("winhttp.dll", winmode=_SYSTEM32)
    winhttp.WinHttpOpen.restype = ctypes.c_void_p
    winhttp.WinHttpOpen.argtypes = (
        ctypes.c_wchar_p,
        ctypes.c_uint32,
        ctypes.c_wchar_p,
        ctypes.c_wchar_p,
        ctypes.c_uint32,
    )
    winhttp.WinHttpSetTimeouts.argtypes = (ctypes.c_void_p, *(ctypes.c_int,) * 4)
    winhttp.WinHttpGetProxyForUrl.argtypes = (
        ctypes.c_void_p,
        ctypes.c_wchar_p,
        ctypes.POINTER(AutoProxyOptions),
        ctypes.POINTER(ProxyInfo),
    )
    winhttp.WinHttpGetIEProxyConfigForCurrentUser.argtypes = (ctypes.POINTER(UserConfig),)
    winhttp.WinHttpCloseHandle.argtypes = (ctypes.c_void_p,)
    free = ctypes.WinDLL("kernel32.dll", winmode=_SYSTEM32).GlobalFree
    free.restype, free.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)
    return Library(winhttp, free)


def wish(library: Library) -> Wish:
    """Return what the user's settings say; a service, which has none, may ask the network."""
    told = UserConfig()
    if not library.winhttp.WinHttpGetIEProxyConfigForCurrentUser(ctypes.byref(told)):
        return Wish(detects=True)
    pac_file, _, _ = (_taken(library, text) for text in (told.config_url, told.proxy, told.bypass))
    return Wish(pac_file=pac_file or None, detects=bool(told.detects))


def proxies(library: Library, url: str, asked: Wish) -> tuple[str | None, ...]:
    """Return the ways to a URL in the order in which they are to be tried, each a proxy's URL or None for none.

    Empty where nobody names any: no file, none that could be loaded or run, no answer in the network.
    """
    if asked.pac_file is None and not asked.detects:
        return ()
    session = library.winhttp.WinHttpOpen("netready-agent", _NO_PROXY, None, None, 0)
    if not session:
        return ()
    try:
        library.winhttp.WinHttpSetTimeouts(session, *(_PATIENCE_MS,) * 4)
        options = AutoProxyOptions(logs_on=0)  # whoever gives out the file learns no password of this computer
        if asked.pac_file is not None:
            options.flags, options.config_url = _CONFIG_URL, asked.pac_file
        else:
            options.flags, options.detect_flags = _AUTO_DETECT, _BY_DHCP | _BY_DNS
        info = ProxyInfo()
        if not library.winhttp.WinHttpGetProxyForUrl(session, url, ctypes.byref(options), ctypes.byref(info)):
            return ()
        text, _ = _taken(library, info.proxy), _taken(library, info.bypass)
        return read(text, url.partition(":")[0]) if info.access_type == _NAMED_PROXY else (None,)
    finally:
        library.winhttp.WinHttpCloseHandle(session)


def read(text: str, scheme: str) -> tuple[str | None, ...]:
    """Read WinHTTP's list for a URL of this scheme: "HOST:PORT", "https=HOST:PORT" or DIRECT, by ; or blanks."""
    ways: list[str | None] = []
    for word in re.split(r"[;\s]+", text.strip())[: 4 * _MOST]:
        if word.upper() == _DIRECT:
            ways.append(None)
            continue
        entry = _ENTRY.fullmatch(word)
        if entry is not None and entry["scheme"] in {None, scheme}:
            ways.append(f"http://{entry['place']}")
    return tuple(dict.fromkeys(ways))[:_MOST]


def _taken(library: Library, text: int | None) -> str:
    """Return a text that Windows made for us, and free it."""
    if not text:
        return ""
    try:
        return ctypes.wstring_at(text)
    finally:
        library.free(text)
