"""Wi-Fi answers written here by the layouts of linux/nl80211.h and wlanapi.h, and systems that give them."""

import ctypes
import struct

from agent.host.wifi.netlink import attribute, message

FAMILY = 28
WPA2 = bytes.fromhex("30140100000fac040100000fac040100000fac020000")
HE = bytes((255, 4, 35, 1, 2, 3))
LOAD = bytes((11, 5, 12, 0, 51, 0, 0))


def elements(ssid: bytes, channel: int, *more: bytes) -> bytes:
    """Write the elements of a beacon."""
    return bytes((0, len(ssid))) + ssid + bytes((3, 1, channel)) + b"".join(more)


def u8(value: int) -> bytes:
    return bytes((value & 0xFF,))


def u32(value: int) -> bytes:
    return struct.pack("=I", value & 0xFFFF_FFFF)


def nested(values: dict[int, bytes]) -> bytes:
    return b"".join(attribute(key, value) for key, value in values.items())


def told(command: int, values: dict[int, bytes]) -> bytes:
    """Write one message of the nl80211 family."""
    return message(FAMILY, command, nested(values), flags=2, sequence=1)


def scanned(
    bssid: str, raw: bytes, *, dbm: float = -50, age_ms: int = 800, associated: bool = False, mhz: int = 2437
) -> bytes:
    """Write one access point of a scan dump."""
    bss = {
        1: bytes.fromhex(bssid.replace(":", "")), 2: u32(mhz), 5: struct.pack("=H", 0x11), 6: raw,
        7: u32(round(dbm * 100)), 10: u32(age_ms),
    }  # fmt: skip
    if associated:
        bss[9] = u32(1)
    return told(34, {3: u32(3), 47 | 0x8000: nested(bss)})


def station(bssid: str, *, average: int = -52, sent: int = 900, retries: int = 100) -> bytes:
    """Write the answer about the access point we talk to: 802.11ax, 1,201 Mbit/s sent, 866.7 received."""
    values = {
        7: u8(-50), 13: u8(average), 10: u32(sent), 11: u32(retries), 12: u32(2),
        8: nested({1: struct.pack("=H", 65_535), 5: u32(12_010), 13: u8(11)}), 14: nested({1: struct.pack("=H", 8667)}),
    }  # fmt: skip
    return told(19, {3: u32(3), 6: bytes.fromhex(bssid.replace(":", "")), 21: nested(values)})


def tuned(mhz: int, width: int) -> bytes:
    """Write the answer about an interface."""
    return told(7, {3: u32(3), 4: b"wlan0\0", 38: u32(mhz), 159: u32(width)})


def survey(mhz: int, *, noise: int = -95, passed: int = 0, busy: int = 0, in_use: bool = True) -> bytes:
    """Write the statistics of one channel."""
    values = {1: u32(mhz), 2: u8(noise), 4: struct.pack("=Q", passed), 5: struct.pack("=Q", busy)}
    if in_use:
        values[3] = b""
    return told(51, {3: u32(3), 84: nested(values)})


def connection_attributes(
    ssid: bytes, bssid: str, *, percent: int = 91, authentication: int = 7, phy: int = 8
) -> bytes:
    """Write WLAN_CONNECTION_ATTRIBUTES: 866.7 Mbit/s received, 780 sent, CCMP."""
    raw = bytearray(604)
    struct.pack_into("<I", raw, 0, 1)
    raw[8:20] = "School".encode("utf-16-le")
    struct.pack_into("<I", raw, 520, len(ssid))
    raw[524 : 524 + len(ssid)] = ssid
    raw[560:566] = bytes.fromhex(bssid.replace(":", ""))
    struct.pack_into("<5I", raw, 568, phy, 0, percent, 866_700, 780_000)
    struct.pack_into("<4I", raw, 588, 1, 0, authentication, 4)
    return bytes(raw)


def realtime_quality(*links: tuple[int, int, int], phy: int = 8, percent: int = 87) -> bytes:
    """Write WLAN_REALTIME_CONNECTION_QUALITY; each link is its MHz, its width and its RSSI."""
    raw = struct.pack("<6I", phy, percent, 780_000, 702_000, len(links) > 1, len(links))
    return raw + b"".join(struct.pack("<B3xIIi256x", index, *link) for index, link in enumerate(links))


def statistics(sent: int, repeated: int) -> bytes:
    """Write WLAN_STATISTICS with one radio."""
    return bytes(216) + struct.pack("<I4x", 1) + struct.pack("<4Q112x", sent, 0, 0, repeated)


def bss_list(*entries: tuple[str, int, bytes]) -> bytes:
    """Write a WLAN_BSS_LIST; each entry is an address, its RSSI and its elements."""
    heads, tails = b"", b""
    for index, (bssid, rssi, raw) in enumerate(entries):
        entry = bytearray(360)
        entry[40:46] = bytes.fromhex(bssid.replace(":", ""))
        struct.pack_into("<iI", entry, 56, rssi, 80)
        struct.pack_into("<H", entry, 88, 0x11)
        struct.pack_into("<I", entry, 92, 2_437_000)
        struct.pack_into("<II", entry, 352, (len(entries) - index) * 360 + len(tails), len(raw))
        heads, tails = heads + bytes(entry), tails + raw
    return struct.pack("<II", 8 + len(heads) + len(tails), len(entries)) + heads + tails


def adapters(*each: tuple[bytes, str, int]) -> bytes:
    """Write a WLAN_INTERFACE_INFO_LIST; each adapter is its GUID, its description and its state."""
    raw = struct.pack("<II", len(each), 0)
    for guid, description, state in each:
        raw += guid + description.encode("utf-16-le").ljust(512, b"\0") + struct.pack("<I", state)
    return raw


class FakeLibrary:
    """A wlanapi.dll: lends memory and knows what was not given back; each call's arguments are in Windows' order."""

    def __init__(self, answers: dict[str | int, bytes | int], opens: int = 0) -> None:
        self.answers, self.opens = answers, opens
        self.lent: dict[int, object] = {}
        self.is_closed = False

    def WlanOpenHandle(self, *asked):  # noqa: N802 - Windows' name
        asked[3]._obj.value = 77
        return self.opens

    def WlanCloseHandle(self, *_asked):  # noqa: N802 - Windows' name
        self.is_closed = True
        return 0

    def WlanFreeMemory(self, data):  # noqa: N802 - Windows' name
        del self.lent[data.value]

    def WlanQueryInterface(self, *asked):  # noqa: N802 - Windows' name
        return self._lend(self.answers.get(asked[2].value, 50), asked[5], asked[4])

    def WlanEnumInterfaces(self, *asked):  # noqa: N802 - Windows' name
        return self._lend(self.answers["adapters"], asked[2])

    def WlanGetNetworkBssList(self, *asked):  # noqa: N802 - Windows' name
        return self._lend(self.answers["networks"], asked[6])

    def WlanScan(self, *_asked):  # noqa: N802 - Windows' name
        return self.answers.get("scan", 0)

    def _lend(self, answer, data, size=None):
        if isinstance(answer, int):
            return answer
        lent = ctypes.create_string_buffer(answer, len(answer))
        data._obj.value = ctypes.addressof(lent)
        self.lent[data._obj.value] = lent
        if size is not None:
            size._obj.value = len(answer)
        return 0
