"""Versions of this program, as both sides compare them."""

import re

from agent.contract.errors import SettingsError

_VERSION = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4}){1,3}", re.ASCII)


def is_version(text: str) -> bool:
    """Tell whether this is a version: two to four numbers with dots between them."""
    return _VERSION.fullmatch(text) is not None


def number_of(version: str) -> tuple[int, ...]:
    """Return what versions are compared by; raises SettingsError for one that is no version of ours."""
    if not is_version(version):
        raise SettingsError(f"{version[:40]!r} is no version of netready; those look like 1.4.2")
    parts = tuple(int(part) for part in version.split("."))
    return parts + (0,) * (4 - len(parts))
