"""Which machine this is, as hashes that say nothing outside of one school.

A hint, no proof: copies of one disk share what the system keeps, and cheap boards share what the board keeps.
"""

import hashlib
import sys
from pathlib import Path

BOARD = "board"
SYSTEM = "system"
_SYSTEM_FILES = ("/etc/machine-id", "/var/lib/dbus/machine-id")
_BOARD_FILE = "/sys/class/dmi/id/product_uuid"
_RSMB = 0x52534D42  # "RSMB": GetSystemFirmwareTable's name for the SMBIOS
_UUID_CHARACTERS = 32
# What boards say whose maker wrote nothing in: all the same digit, or the example of the standard's template.
_TEMPLATE = "03000200040005000006000700080009"


def hints(school: str) -> tuple[str, ...]:
    """Return this machine's hints for a school, as "board:HEX" and "system:HEX"; fewer where it does not tell."""
    found = {BOARD: board_id(), SYSTEM: system_id()}
    return tuple(f"{kind}:{_hashed(school, kind, value)}" for kind, value in found.items() if value is not None)


def is_another(then: tuple[str, ...], now: tuple[str, ...]) -> bool:
    """Tell whether this is surely another machine than the one whose hints were noted.

    The board decides where it is known both times; a new system on the same board is still that machine.
    """
    before, after = (dict(hint.split(":", 1) for hint in hints) for hints in (then, now))
    for kind in (BOARD, SYSTEM):
        if kind in before and kind in after:
            return before[kind] != after[kind]
    return False


def board_id() -> str | None:
    """Return the SMBIOS UUID; None where only root may read it, or where the maker gave none."""
    if sys.platform == "win32":
        return usable(smbios_uuid(_firmware_table()))
    return usable(_first_line(_BOARD_FILE))


def system_id() -> str | None:
    """Return what the installed system calls itself; a new installation has another."""
    if sys.platform == "win32":
        return usable(_machine_guid())
    return next((found for file in _SYSTEM_FILES if (found := usable(_first_line(file))) is not None), None)


def usable(text: str | None) -> str | None:
    """Return an id in one spelling; None for what many machines have."""
    digits = "".join(letter for letter in (text or "").lower() if letter in "0123456789abcdef")
    if len(digits) < _UUID_CHARACTERS or len(set(digits)) == 1 or digits == _TEMPLATE:
        return None
    return digits


def smbios_uuid(table: bytes) -> str | None:
    """Return the UUID of the first "System Information" in a raw SMBIOS table (DMTF DSP0134, 6.1 and 7.2)."""
    at = 8  # RawSMBIOSData of the Windows API: four bytes of versions, four of length
    while at + 4 <= len(table):
        kind, length = table[at], table[at + 1]
        if length < 4:
            return None
        if kind == 1 and length >= 0x18 and at + 0x18 <= len(table):
            raw = table[at + 8 : at + 24]
            # The first three fields are little-endian since SMBIOS 2.6, as Windows and Linux show them too.
            return (raw[3::-1] + raw[5:3:-1] + raw[7:5:-1] + raw[8:]).hex()
        ends = table.find(b"\0\0", at + length)
        if ends < 0:
            return None
        at = ends + 2
    return None


def _hashed(school: str, kind: str, value: str) -> str:
    return hashlib.sha256(f"netready machine hint\0{school}\0{kind}\0{value}".encode()).hexdigest()


def _first_line(file: str) -> str | None:
    try:
        return Path(file).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None


def _firmware_table() -> bytes:
    """Return the raw SMBIOS table (GetSystemFirmwareTable), empty where Windows gives none."""
    if sys.platform != "win32":
        return b""
    import ctypes

    ask = ctypes.windll.kernel32.GetSystemFirmwareTable
    size = ask(_RSMB, 0, None, 0)
    buffer = ctypes.create_string_buffer(size)
    return buffer.raw[: ask(_RSMB, 0, buffer, size)] if size else b""


def _machine_guid() -> str | None:
    if sys.platform != "win32":
        return None
    import winreg

    try:
        access = winreg.KEY_READ | winreg.KEY_WOW64_64KEY
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SOFTWARE\Microsoft\Cryptography", 0, access) as key:
            return str(winreg.QueryValueEx(key, "MachineGuid")[0])
    except OSError:
        return None
