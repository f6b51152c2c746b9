"""What the installer was given (COLLECTOR, TOKEN, ROOM): from the registry to an enroll.toml, once.

The installer cannot quote for TOML, and a value that begins with # or holds [~] would change its kind in the registry;
so each is written as a string behind ``text:``, and the quoting is done here.
"""

import logging
from pathlib import Path
from typing import Any

from agent.host import files
from agent.windows import ENROLL_KEY

NAMES = ("collector", "token", "room", "school")
PREFIX = "text:"
FILE_NAME = "enroll.toml"
_REG_SZ = 1
_KEY_READ_WRITE_64 = 0x20019 | 0x20006 | 0x0100  # KEY_READ | KEY_WRITE | KEY_WOW64_64KEY

_log = logging.getLogger(__name__)


def take(state: Path, registry: Any) -> bool:
    """Write what the registry holds to an enroll.toml and delete it there; return whether there was a token.

    Args:
        state: the service's state folder.
        registry: the module winreg.

    Raises:
        StateError: the file cannot be written; then the registry keeps the token.
    """
    try:
        key = registry.OpenKeyEx(registry.HKEY_LOCAL_MACHINE, ENROLL_KEY, 0, _KEY_READ_WRITE_64)
    except FileNotFoundError:
        return False
    except OSError as error:
        _log.warning(r"what the installer was given (HKLM\%s) cannot be read: %s", ENROLL_KEY, error)
        return False
    with key:
        given = {name: text for name in NAMES if (text := _text(registry, key, name))}
        if "token" in given:
            lines = [f"{name} = {quoted(text)}\n" for name, text in given.items()]
            files.write_atomically(state / FILE_NAME, "".join(lines).encode())
            # The token alone: the others are no secrets, and show who looks for them what was given.
            registry.DeleteValue(key, "token")
    return "token" in given


def quoted(text: str) -> str:
    """Return a TOML basic string (TOML 1.0) that reads back as this text; half a character becomes its mark."""
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08X}" for c in whole) + '"'


def _text(registry: Any, key: Any, name: str) -> str:
    try:
        value, kind = registry.QueryValueEx(key, name)
    except FileNotFoundError:
        return ""
    if kind != _REG_SZ or not value.startswith(PREFIX):
        _log.warning(r"HKLM\%s, %s is not what the installer writes (a string behind %s)", ENROLL_KEY, name, PREFIX)
        return ""
    return str(value.removeprefix(PREFIX)).strip()
