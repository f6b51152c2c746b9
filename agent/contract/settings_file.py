"""Read a TOML file into a struct; whatever is wrong in it is said with the file and the key."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from agent.contract.errors import SettingsError

_Settings = TypeVar("_Settings", bound=Struct)


def read(file: Path, kind: type[_Settings], example: str) -> _Settings:
    """Return the settings of a file; ``example`` names the shipped file that shows all of them.

    Raises:
        SettingsError: it cannot be read, or a key or value in it is wrong.
    """
    try:
        return convert(tomllib.loads(file.read_text(encoding="utf-8")), kind, str(file), example)
    except FileNotFoundError as error:
        raise SettingsError(f"there is no settings file {file}; see {example} for one to begin with") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from error


def convert(table: Mapping[str, Any], kind: type[_Settings], where: str, example: str) -> _Settings:
    """Return the settings of a table that was read from TOML or JSON; raises SettingsError as ``read`` does."""
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{where}: {_with_key(str(error), example)}") from error


def _with_key(message: str, example: str) -> str:
    """Turn msgspec's "Expected `int` - at `$.outbox.max_bytes`" into "outbox.max_bytes: expected `int`"."""
    text, _, place = message.partition(" - at `$")
    key = place.rstrip("`").lstrip(".")
    if unknown := re.fullmatch(r"Object contains unknown field `(.+)`", text):
        return f"{'.'.join(filter(None, (key, unknown[1])))}: there is no such setting; see {example}"
    text = re.sub(r" matching regex .*", " of another form", text)
    text = text[:1].lower() + text[1:]
    return f"{key}: {text}; see {example}" if key else text
