"""Keeps out of what the doctor says all that nobody else may see: whatever sentence it came with.

Hidden are what this computer keeps secret (keys, tokens, recovery codes, names and passwords of proxies), who uses it
(home folders, user and host names) and public addresses, but for those of the servers that the agent itself names.
"""

import ipaddress
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from msgspec import Struct

HIDDEN = "[hidden]"
_SECRET = re.compile(r"pass|token|secret|key|recover|credential|auth|code|pwd|cookie", re.IGNORECASE)
_SETTING = re.compile(r"""^\s*["']?([\w.-]+)["']?\s*=\s*(.+?)\s*$""", re.MULTILINE)
_QUOTED = re.compile(r"""["']+([^"'\n]+)["']+""")
_NAME_AND_PASSWORD = re.compile(r"://(.*)@")
_SHOWN_NAME_AND_PASSWORD = re.compile(r"://\S*@")
_LONE = re.compile(r"""([^\s"'=,/@]*:[^\s"'=,/@]*)@""")
_LONG_HEX = re.compile(r"(?<![0-9A-Za-z])[0-9a-fA-F]{48,}(?![0-9A-Za-z])")
_QUERY = re.compile(r"(\w+://[^\s?#]*)[?#][^\s]*")
_HOMES = re.compile(r"(?:/(?:home|Users)/[^/\s:;,'\"]+|[A-Za-z]:\\Users\\[^\\\s:;,'\"]+)")
_IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\w)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9a-fA-F:]*:[0-9a-fA-F:]*:[0-9a-fA-F:.]*")
_EXAMPLES = frozenset({"NAME", "PASSWORD", "NAME:PASSWORD"})  # of the remarks in our own agent.toml
_LEAST_LETTERS = 4  # a shorter word would be hidden everywhere, and a secret of three letters is none
_WHOLE_WORDS = 6  # what is shorter than this is hidden only where it stands alone
_MOST_BYTES = 1024 * 1024


class Veil(Struct, frozen=True, kw_only=True):
    """Knows the secrets of this computer; ``over`` returns a sentence without them.

    ``paths`` are folders that are shown as ``~``; ``known`` are the public addresses that are no secret.
    """

    secrets: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    known: frozenset[str] = frozenset()

    def over(self, text: str) -> str:
        """Return the text as one line that may be sent to anybody."""
        text = " ".join("".join(one if one.isprintable() else " " for one in text).split())
        text = _SHOWN_NAME_AND_PASSWORD.sub("://", text)
        for secret in self.secrets:
            text = _without(text, secret, HIDDEN)
        for path in self.paths:
            text = re.sub(rf"{re.escape(path)}(?![\w.-])", "~", text)
        text = _HOMES.sub("~", text)
        for name in self.names:
            text = _alone(name).sub(HIDDEN, text)
        text = _QUERY.sub(r"\1", text)
        text = _LONG_HEX.sub(HIDDEN, text)
        for address in (_IPV4, _IPV6):
            text = address.sub(lambda found: self._address(found[0]), text)
        return text

    def _address(self, written: str) -> str:
        with suppress(ValueError):
            if ipaddress.ip_address(written.rstrip(":.")).is_global and written.rstrip(":.") not in self.known:
                return "[a public address]"
        return written


def of_settings(text: str) -> Iterator[str]:
    """Give what a settings file keeps secret, whether or not it can be parsed."""
    yield from (one for one in _in_urls(text) if one not in _EXAMPLES)
    for name, value in _SETTING.findall(text):
        if _SECRET.search(name):
            yield value
            yield from _QUOTED.findall(value)


def of_environment(environment: Mapping[str, str]) -> Iterator[str]:
    """Give what the environment keeps secret."""
    for name, value in environment.items():
        yield from _in_urls(value)
        if _SECRET.search(name) and not value.startswith("/"):  # a path is no secret
            yield value


def of_state(folder: Path) -> Iterator[str]:
    """Give what the small files of a state folder keep secret; what cannot be read cannot be shown either."""
    with suppress(OSError):
        for file in sorted(folder.iterdir()):
            with suppress(OSError):
                if file.is_file() and file.stat().st_size <= _MOST_BYTES:
                    yield from _of_file(file)


def gather(found: Iterable[str]) -> tuple[str, ...]:
    """Return the secrets that are long enough to be hidden, the longest first, so that none leaves a part standing."""
    kept = {one.strip() for one in found}
    return tuple(sorted((one for one in kept if len(one) >= _LEAST_LETTERS), key=lambda one: (-len(one), one)))


def _of_file(file: Path) -> Iterator[str]:
    if file.suffix == ".json":
        with suppress(ValueError, RecursionError):
            yield from _of_json(json.loads(file.read_bytes()), is_secret=False)
    elif file.suffix in {".sqlite3", ".lock", ".toml"}:
        return
    elif _SECRET.search(file.name):
        yield from file.read_text(encoding="utf-8", errors="replace").split()


def _of_json(value: object, *, is_secret: bool) -> Iterator[str]:
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _of_json(below, is_secret=is_secret or bool(_SECRET.search(name)))
    elif isinstance(value, list):
        for below in value:
            yield from _of_json(below, is_secret=is_secret)
    elif isinstance(value, str):
        yield from _in_urls(value)
        if is_secret:
            yield value


def _in_urls(text: str) -> Iterator[str]:
    """Give names and passwords of URLs, whole and in parts: whoever splits such a URL splits it there."""
    for found in (*_NAME_AND_PASSWORD.findall(text), *_LONE.findall(text)):
        for form in (found, unquote(found)):
            yield form
            yield from re.split(r"[:/@\s]", form)


def _without(text: str, secret: str, mark: str) -> str:
    return text.replace(secret, mark) if len(secret) >= _WHOLE_WORDS else _alone(secret).sub(mark, text)


def _alone(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)
