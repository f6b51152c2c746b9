"""The private key at rest: on Windows sealed by DPAPI for this machine, elsewhere as it is (the file's mode guards it).

Sealed for the machine, not for a person, because service and administrator both use it; who may read the file is for
the folder's rights. A copy of the disk alone does not open it. The calls have never been run on Windows.
"""

import ctypes
import sys
from typing import Any

from agent.errors import StateError

MARK = b"dpapi:"
_MACHINE, _SILENT = 0x4, 0x1  # CRYPTPROTECT_LOCAL_MACHINE, CRYPTPROTECT_UI_FORBIDDEN


class Blob(ctypes.Structure):
    """DATA_BLOB."""

    _fields_ = [("size", ctypes.c_uint32), ("data", ctypes.POINTER(ctypes.c_ubyte))]


def seal(plain: bytes, libraries: Any = None) -> bytes:
    """Return what is written to the key's file; raises StateError where Windows refuses."""
    libraries = libraries or _libraries()
    if libraries is None:
        return plain
    try:
        return MARK + _asked(libraries, "CryptProtectData", plain).hex().encode()
    except OSError as error:
        raise StateError(f"the key of this computer cannot be kept safely: {error}; nothing was written") from error


def unseal(raw: bytes, libraries: Any = None) -> bytes:
    """Return the key's text from its file; one that was written before sealing is read too.

    Raises:
        ValueError: it was sealed on another machine, or is damaged.
    """
    if not raw.startswith(MARK):
        return raw
    libraries = libraries or _libraries()
    if libraries is None:
        raise ValueError("sealed on Windows")
    try:
        return _asked(libraries, "CryptUnprotectData", bytes.fromhex(raw.removeprefix(MARK).decode("ascii")))
    except OSError as error:
        raise ValueError("sealed on another machine, or damaged") from error


def _asked(libraries: Any, function: str, given: bytes) -> bytes:
    crypt32, kernel32 = libraries
    room = (ctypes.c_ubyte * len(given)).from_buffer_copy(given)
    source, answer = Blob(len(given), room), Blob()
    flags = ctypes.c_uint32(_MACHINE | _SILENT)
    asked = getattr(crypt32, function)(ctypes.byref(source), None, None, None, None, flags, ctypes.byref(answer))
    if not asked:
        raise OSError(f"{function} of Windows refused the key of this computer")
    try:
        return ctypes.string_at(answer.data, answer.size)
    finally:
        kernel32.LocalFree(answer.data)


def _libraries() -> Any:
    """Load crypt32.dll and kernel32.dll; None on other systems."""
    if sys.platform == "win32":
        return tuple(ctypes.WinDLL(name, winmode=0x800) for name in ("crypt32.dll", "kernel32.dll"))
    return None
