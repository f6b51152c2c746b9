"""Makes real Wi-Fi bytes: information elements, beacons, radiotap, captures, WLAN_BSS_LIST. For tests only."""

import struct
import zlib
from collections.abc import Iterable, Sequence

AKM_8021X, AKM_PSK, AKM_8021X_SHA256, AKM_PSK_SHA256, AKM_SAE, AKM_FT_SAE, AKM_OWE = 1, 2, 5, 6, 8, 9, 18
RADIOTAP, BARE_80211, ETHERNET = 127, 105, 1
BEACON, PROBE_RESPONSE = 0x80, 0x50
ESS, PRIVACY = 0x0001, 0x0010


def element(number: int, body: bytes) -> bytes:
    """One information element."""
    return bytes((number, len(body))) + body


def extended(number: int, body: bytes) -> bytes:
    """One element with an id extension."""
    return element(255, bytes((number,)) + body)


def ssid(name: bytes) -> bytes:
    return element(0, name)


def rates() -> bytes:
    return element(1, bytes((0x82, 0x84, 0x8B, 0x96)))


def ds(channel: int) -> bytes:
    return element(3, bytes((channel,)))


def load(stations: int, utilisation: int) -> bytes:
    """BSS Load; ``utilisation`` of 255."""
    return element(11, struct.pack("<HBH", stations, utilisation, 0))


def suites(kinds: Iterable[int], oui: bytes = b"\x00\x0f\xac") -> bytes:
    listed = [oui + bytes((kind,)) for kind in kinds]
    return struct.pack("<H", len(listed)) + b"".join(listed)


def rsn(*akms: int, capabilities: int = 0) -> bytes:
    """The RSN element (WPA2, WPA3) with these key managements; capabilities 0x40 demand protected management frames."""
    return element(48, b"\x01\x00\x00\x0f\xac\x04" + suites((4,)) + suites(akms) + struct.pack("<H", capabilities))


def wpa1(*akms: int) -> bytes:
    """The vendor's element of WPA1."""
    oui = b"\x00\x50\xf2"
    return element(221, oui + b"\x01\x01\x00" + oui + b"\x02" + suites((2,), oui) + suites(akms, oui))


def ht(channel: int, *, wide: bool = False) -> bytes:
    """HT capabilities and operation; ``wide`` with a second channel above."""
    return element(45, bytes(26)) + element(61, bytes((channel, 5 if wide else 0)) + bytes(20))


def vht(width: int = 1, first: int = 42, second: int = 0) -> bytes:
    """VHT capabilities and operation."""
    return element(191, bytes(12)) + element(192, bytes((width, first, second, 0, 0)))


def he(six_ghz: bytes = b"") -> bytes:
    """HE capabilities and operation; with the five bytes of 6 GHz information where the network is there."""
    parameters = (1 << 17 if six_ghz else 0).to_bytes(3, "little")
    return extended(35, bytes(21)) + extended(36, parameters + bytes(3) + six_ghz)


def six_ghz(channel: int, width: int = 0) -> bytes:
    """The 6 GHz information of HE operation; width 0 to 3 for 20 to 160 MHz."""
    return bytes((channel, width, channel, 0, 6))


def eht(width: int | None = None) -> bytes:
    """EHT capabilities and operation; width 0 to 4 for 20 to 320 MHz."""
    operation = bytes(5) if width is None else bytes((1, 0, 0, 0, 0, width, 0, 0))
    return extended(108, bytes(13)) + extended(106, operation)


def address(number: int) -> bytes:
    """The n-th access point's address, a locally administered one."""
    return b"\x02" + number.to_bytes(5, "big")


def frame(
    bssid: bytes, elements: bytes, *, kind: int = BEACON, capability: int = ESS, flags: int = 0, checksum: bool = False
) -> bytes:
    """A beacon or probe response."""
    head = bytes((kind, flags, 0, 0)) + b"\xff" * 6 + bssid + bssid + b"\x00\x00"
    control = bytes(4) if flags & 0x80 else b""
    made = head + control + struct.pack("<QHH", 0, 100, capability) + elements
    return made + zlib.crc32(made).to_bytes(4, "little") if checksum else made


def radiotap(made: bytes, *, dbm: int | None = None, mhz: int | None = None, flags: int | None = None) -> bytes:
    """Put radiotap before a frame: time stamp, flags, rate, channel and signal, as Linux drivers do."""
    present, fields = 1, bytes(8)
    if flags is not None:
        present, fields = present | 2, fields + bytes((flags,))
    present, fields = present | 4, fields + b"\x02"
    if mhz is not None:
        fields += b"\x00" * (len(fields) % 2) + struct.pack("<HH", mhz, 0x00A0)
        present |= 8
    if dbm is not None:
        present, fields = present | 32, fields + struct.pack("b", dbm)
    return struct.pack("<BBHI", 0, 0, 8 + len(fields), present) + fields + made


def pcap(frames: Sequence[bytes], *, link: int = RADIOTAP, order: str = "<", cut: int = 0) -> bytes:
    """A pcap file; ``cut`` bytes of each frame were not captured."""
    head = struct.pack(f"{order}IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link)
    records = (struct.pack(f"{order}IIII", 0, 0, len(one) - cut, len(one)) + one[: len(one) - cut] for one in frames)
    return head + b"".join(records)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """One block of pcapng."""
    body += bytes(-len(body) % 4)
    length = struct.pack(f"{order}I", len(body) + 12)
    return struct.pack(f"{order}I", kind) + length + body + length


def pcapng(frames: Sequence[bytes], *, links: Sequence[int] = (RADIOTAP,), order: str = "<") -> bytes:
    """A pcapng file; all frames come from the last interface."""
    made = block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)
    made += b"".join(block(1, struct.pack(f"{order}HHI", link, 0, 0), order) for link in links)
    made += block(4, b"names that nobody needs", order)
    index = len(links) - 1
    for one in frames:
        made += block(6, struct.pack(f"{order}IIIII", index, 0, 0, len(one), len(one)) + one, order)
    return made


def bss_entry(
    bssid: bytes,
    elements_at: int,
    elements_size: int,
    *,
    name: bytes = b"",
    rssi: int = -50,
    khz: int = 2_437_000,
    percent: int = 80,
    capability: int = ESS,
    phy: int = 7,
) -> bytes:
    """A WLAN_BSS_ENTRY; ``elements_at`` counts from its own start."""
    made = bytearray(360)
    struct.pack_into("<I32s", made, 0, len(name), name)
    made[40:46] = bssid
    struct.pack_into("<IIiI", made, 48, 1, phy, rssi, percent)
    struct.pack_into("<H2xI", made, 88, capability, khz)
    struct.pack_into("<II", made, 352, elements_at, elements_size)
    return bytes(made)


def bss_list(networks: Sequence[tuple[bytes, bytes]], **fields: int | bytes) -> bytes:
    """A WLAN_BSS_LIST of (BSSID, elements), the elements behind all entries."""
    entries, tail = b"", b""
    for index, (bssid, elements) in enumerate(networks):
        at = (len(networks) - index) * 360 + len(tail)
        entries += bss_entry(bssid, at, len(elements), **fields)  # type: ignore[arg-type]
        tail += elements
    return struct.pack("<II", 8 + len(entries) + len(tail), len(networks)) + entries + tail
