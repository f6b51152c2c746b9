"""Wi-Fi on Windows as wlanapi.dll tells it (wlanapi.h). ``Wlan`` asks, the rest decodes; netsh is never read.

Windows refuses what tells where a computer is (names, neighbours) to programs without consent to location; the signal
it still tells by other questions. All of them are asked, and each that helped is named in ``source``. Types are of
fixed size, so that the structures are read alike on every system. The calls have never been run on Windows.
"""

import ctypes
import struct
import sys
from types import TracebackType
from typing import Any, Protocol, Self

from msgspec import Struct

from agent.contract.values import Denied
from agent.contract.wifi import Generation, Security, WifiConnection
from agent.host.wifi import elements

ACCESS_DENIED, NOT_FOUND, NO_SERVICE, NO_LIBRARY = 5, 1168, 1062, 126  # winerror.h
CONSENT = (
    "Windows keeps this from programs without consent to location: open Settings, Privacy and security, Location "
    "(ms-settings:privacy-location), turn on Location services and let desktop apps access your location"
)
# WLAN_INTF_OPCODE
CONNECTION, REALTIME, RSSI, CHANNEL, STATISTICS = 7, 19, 0x1000_0102, 8, 0x1000_0101
QUESTIONS = (CONNECTION, REALTIME, RSSI, CHANNEL, STATISTICS)
_CONNECTED = 1  # wlan_interface_state_connected
_ANY_BSS = 3  # dot11_BSS_type_any
_INTERFACE_BYTES, _MOST_INTERFACES, _MOST_BYTES = 532, 64, 64 * 1024 * 1024
_CONNECTION_BYTES, _ASSOCIATION_AT, _SECURITY_AT = 604, 520, 588
_REALTIME_BYTES, _LINK_BYTES, _MOST_LINKS = 24, 272, 16
_PHYS_AT, _PHY_BYTES, _MOST_PHYS = 224, 144, 64  # WLAN_STATISTICS.PhyCounters, WLAN_PHY_FRAME_STATISTICS
_GENERATIONS: dict[int, Generation] = {
    2: "legacy", 4: "legacy", 5: "legacy", 6: "legacy", 7: "n", 8: "ac", 10: "ax", 11: "be",
}  # fmt: skip
# DOT11_AUTH_ALGORITHM; 3 and 5 (WPA of 2003 with 802.1X, and ad hoc) have no word of ours.
_SECURITIES: dict[int, Security] = {
    1: "open", 2: "wep", 4: "wpa1-psk", 6: "wpa2-enterprise", 7: "wpa2-psk",
    8: "wpa3-enterprise", 9: "wpa3-sae", 10: "owe", 11: "wpa3-enterprise",
}  # fmt: skip
_WEP_CIPHERS = {0x01, 0x05, 0x101}

Answer = bytes | int
"""What Windows answered, or the number of its error."""


class Adapter(Struct, frozen=True, kw_only=True):
    """A Wi-Fi adapter of WlanEnumInterfaces."""

    guid: bytes
    description: str
    is_connected: bool


class Rates(Struct, frozen=True, kw_only=True):
    """What GetIfEntry2 says of the link's speed."""

    receive_bps: float | None = None
    transmit_bps: float | None = None


class Asks(Protocol):
    """What can be asked of Windows."""

    def adapters(self) -> Answer: ...
    def query(self, guid: bytes, question: int) -> Answer: ...
    def networks(self, guid: bytes) -> Answer: ...
    def scan(self, guid: bytes) -> int: ...


class Wlan:
    """wlanapi.dll with an open handle; where that cannot be, every answer is the error."""

    def __init__(self, library: Any = None) -> None:
        self._library, self._handle = library or _library(), ctypes.c_void_p()
        self._trouble = NO_LIBRARY
        if self._library is not None:
            version = ctypes.c_uint32()
            self._trouble = self._library.WlanOpenHandle(
                ctypes.c_uint32(2), None, ctypes.byref(version), ctypes.byref(self._handle)
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not self._trouble:
            self._library.WlanCloseHandle(self._handle, None)
            self._trouble = NO_SERVICE

    def adapters(self) -> Answer:
        """Return a WLAN_INTERFACE_INFO_LIST."""
        return self._asked("WlanEnumInterfaces", (None,), _size_of_adapters)

    def query(self, guid: bytes, question: int) -> Answer:
        """Return what WlanQueryInterface answers to a WLAN_INTF_OPCODE."""
        if self._trouble:
            return self._trouble
        size, data = ctypes.c_uint32(), ctypes.c_void_p()
        code = self._library.WlanQueryInterface(
            self._handle, _guid(guid), ctypes.c_uint32(question), None, ctypes.byref(size), ctypes.byref(data), None
        )
        return self._taken(code, data, lambda _at: size.value)

    def networks(self, guid: bytes) -> Answer:
        """Return a WLAN_BSS_LIST of every network heard lately."""
        arguments = (_guid(guid), None, ctypes.c_uint32(_ANY_BSS), ctypes.c_int32(0), None)
        return self._asked("WlanGetNetworkBssList", arguments, lambda at: ctypes.c_uint32.from_address(at).value)

    def scan(self, guid: bytes) -> int:
        """Have a scan made; it goes on after this returns 0, for at most 4 s (wlanapi.h, WlanScan)."""
        return self._trouble or int(self._library.WlanScan(self._handle, _guid(guid), None, None, None))

    def _asked(self, name: str, arguments: tuple[Any, ...], size_of: Any) -> Answer:
        if self._trouble:
            return self._trouble
        data = ctypes.c_void_p()
        code = getattr(self._library, name)(self._handle, *arguments, ctypes.byref(data))
        return self._taken(code, data, size_of)

    def _taken(self, code: int, data: ctypes.c_void_p, size_of: Any) -> Answer:
        """Copy what Windows allocated, and free it."""
        if code or data.value is None:
            return code or NOT_FOUND
        try:
            return ctypes.string_at(data.value, min(size_of(data.value), _MOST_BYTES))
        finally:
            self._library.WlanFreeMemory(data)


def _library() -> Any:
    """Load wlanapi.dll; None on other systems, and on servers without the Wireless LAN Service."""
    if sys.platform == "win32":
        try:
            return ctypes.WinDLL("wlanapi.dll", winmode=0x800)  # LOAD_LIBRARY_SEARCH_SYSTEM32
        except OSError:
            return None
    return None


def _guid(raw: bytes) -> Any:
    return ctypes.byref((ctypes.c_uint8 * 16)(*raw))


def _size_of_adapters(at: int) -> int:
    count = min(ctypes.c_uint32.from_address(at).value, _MOST_INTERFACES)
    return 8 + count * _INTERFACE_BYTES


def decode_adapters(raw: bytes) -> tuple[Adapter, ...]:
    """Read a WLAN_INTERFACE_INFO_LIST; what is cut off is left out."""
    if len(raw) < 8:
        return ()
    count = min(struct.unpack_from("<I", raw)[0], _MOST_INTERFACES, (len(raw) - 8) // _INTERFACE_BYTES)
    found = []
    for at in range(8, 8 + count * _INTERFACE_BYTES, _INTERFACE_BYTES):
        description = raw[at + 16 : at + 528].decode("utf-16-le", "replace").partition("\0")[0]
        (state,) = struct.unpack_from("<I", raw, at + 528)
        found.append(Adapter(guid=raw[at : at + 16], description=description, is_connected=state == _CONNECTED))
    return tuple(found)


def decode_connection(
    answers: dict[int, Answer], rates: Rates | None = None
) -> tuple[WifiConnection | None, tuple[Denied, ...]]:
    """Put together what each question brought: the better answer stands before the poorer, nothing is made up.

    Args:
        answers: by their question, one of ``QUESTIONS``.
        rates: what GetIfEntry2 says, the last step of the ladder.
    """
    steps = (
        ("connection", _attributes(_bytes(answers, CONNECTION))),
        ("realtime", _realtime(_bytes(answers, REALTIME))),
        ("rssi", _rssi(_bytes(answers, RSSI))),
        ("channel", _channel(_bytes(answers, CHANNEL))),
        ("statistics", _statistics(_bytes(answers, STATISTICS))),
        ("ifentry", _rates(rates)),
    )
    told: dict[str, Any] = {}
    sources = []
    for name, facts in steps:
        news = {key: value for key, value in facts.items() if value is not None and key not in told}
        told |= news
        sources += [name] if news else []
    is_refused = answers.get(CONNECTION) == ACCESS_DENIED
    denied = tuple(Denied(what=what, setting=CONSENT) for what in ("ssid", "bssid") if is_refused)
    if is_refused and "signal_dbm" not in told:
        denied += (Denied(what="signal", setting=CONSENT),)
    if not set(told) - {"receive_bps", "transmit_bps", "retry_ratio"}:
        return None, denied
    return WifiConnection(source=f"wlanapi-{'+'.join(sources)}", **told), denied


def _bytes(answers: dict[int, Answer], question: int) -> bytes:
    answer = answers.get(question, NOT_FOUND)
    return answer if isinstance(answer, bytes) else b""


def _attributes(raw: bytes) -> dict[str, Any]:
    """Read WLAN_CONNECTION_ATTRIBUTES: all but the signal, of which it has a percentage only."""
    if len(raw) < _CONNECTION_BYTES or struct.unpack_from("<I", raw)[0] != _CONNECTED:
        return {}
    at = _ASSOCIATION_AT
    (length,) = struct.unpack_from("<I", raw, at)
    ssid = raw[at + 4 : at + 4 + min(length, 32)]
    phy, _index, percent, receive, send = struct.unpack_from("<5I", raw, at + 48)
    is_secured, _one_x, authentication, cipher = struct.unpack_from("<4I", raw, _SECURITY_AT)
    return {
        "ssid": elements.text(ssid),
        "ssid_hex": ssid.hex(),
        "bssid": raw[at + 40 : at + 46].hex(":"),
        "generation": _GENERATIONS.get(phy),
        "signal_percent": percent if percent <= 100 else None,
        "receive_bps": _bps(receive),
        "transmit_bps": _bps(send),
        "security": _security(authentication, cipher, is_secured=bool(is_secured)),
    }


def _security(authentication: int, cipher: int, *, is_secured: bool) -> Security:
    """Name the protection; an open network that encrypts with WEP is not open."""
    if authentication == 1 and (is_secured or cipher in _WEP_CIPHERS):
        return "wep" if cipher in _WEP_CIPHERS else "unknown"
    return _SECURITIES.get(authentication, "unknown")


def _realtime(raw: bytes) -> dict[str, Any]:
    """Read WLAN_REALTIME_CONNECTION_QUALITY; of several links (Wi-Fi 7) the strongest is told."""
    if len(raw) < _REALTIME_BYTES:
        return {}
    phy, percent, receive, send, _several, count = struct.unpack_from("<6I", raw)
    count = min(count, _MOST_LINKS, (len(raw) - _REALTIME_BYTES) // _LINK_BYTES)
    links = [struct.unpack_from("<IIi", raw, _REALTIME_BYTES + index * _LINK_BYTES + 4) for index in range(count)]
    told = [(level, center, width) for center, width, rssi in links if (level := elements.signal(rssi)) is not None]
    level, _center, width = max(told, default=(None, 0, 0))
    return {
        "generation": _GENERATIONS.get(phy),
        "signal_percent": percent if percent <= 100 else None,
        "receive_bps": _bps(receive),
        "transmit_bps": _bps(send),
        "signal_dbm": level,
        "width_mhz": width if width in {20, 40, 80, 160, 320} else None,
    }


def _rssi(raw: bytes) -> dict[str, Any]:
    return {"signal_dbm": elements.signal(struct.unpack("<i", raw)[0])} if len(raw) == 4 else {}


def _channel(raw: bytes) -> dict[str, Any]:
    channel = struct.unpack("<I", raw)[0] if len(raw) == 4 else 0
    return {"channel": channel if 1 <= channel <= 233 else None}


def _statistics(raw: bytes) -> dict[str, Any]:
    """Read WLAN_STATISTICS: the share of the frames sent that needed more than one attempt, over all radios."""
    if len(raw) < _PHYS_AT:
        return {}
    (count,) = struct.unpack_from("<I", raw, _PHYS_AT - 8)
    count = min(count, _MOST_PHYS, (len(raw) - _PHYS_AT) // _PHY_BYTES)
    radios = [struct.unpack_from("<4Q", raw, _PHYS_AT + index * _PHY_BYTES) for index in range(count)]
    sent, repeated = sum(radio[0] for radio in radios), sum(radio[3] for radio in radios)
    # A driver that does not count says 0 throughout, or nonsense; neither is a good connection.
    return {"retry_ratio": round(repeated / sent, 4) if 0 < repeated <= sent else None}


def _rates(rates: Rates | None) -> dict[str, Any]:
    return {} if rates is None else {"receive_bps": rates.receive_bps, "transmit_bps": rates.transmit_bps}


def _bps(kilobits: int) -> float | None:
    """Turn Windows' rate, in kbit/s, into ours; 0 and all ones are no rate."""
    return kilobits * 1000.0 if 0 < kilobits < 2**32 - 1 else None
