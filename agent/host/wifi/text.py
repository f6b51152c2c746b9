"""What the decoders of other programs' output share: lines of hostile text, addresses, signals, names."""

import io
import re
from collections.abc import Iterator

from agent.errors import CaptureError
from agent.host.wifi import elements
from agent.host.wifi.elements import MAX_SSID_BYTES

MAX_LINE_BYTES = 4096
ADDRESS = r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}"
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_DBM = re.compile(r"(-?\d{1,3}(?:\.\d{1,3})?)\s*(?:\[[^\]]*\]\s*)?dBm\b", re.ASCII)


def lines(raw: bytes, fallback: str | None = None) -> Iterator[str]:
    """Yield the lines of a program's output; an endless one is cut.

    Bytes that are no UTF-8 stand as lone surrogates, so that ``name_bytes`` finds them again.

    Args:
        raw: the output; with a byte order mark it may be UTF-16, as PowerShell writes it.
        fallback: the code page of the whole text where it is no UTF-8.

    Raises:
        CaptureError: this is no text.
    """
    plain = _without_mark(raw)
    if _CONTROL.search(plain):
        raise CaptureError("it holds bytes that no text has")
    return _lines(plain, *_encoding(plain, fallback))


def _without_mark(raw: bytes) -> bytes:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace").encode("utf-8", "replace")
    return raw.removeprefix(b"\xef\xbb\xbf")


def _encoding(plain: bytes, fallback: str | None) -> tuple[str, str]:
    if fallback is not None:
        try:
            plain.decode()
        except UnicodeDecodeError:
            return fallback, "replace"
    return "utf-8", "surrogateescape"


def _lines(plain: bytes, encoding: str, errors: str) -> Iterator[str]:
    for line in io.BytesIO(plain):
        yield line[:MAX_LINE_BYTES].rstrip(b"\r\n").decode(encoding, errors)


def name_bytes(name: str) -> bytes | None:
    """Return the bytes of a network's name; None for what is too long to be one."""
    raw = name.encode("utf-8", "surrogateescape")
    return raw if len(raw) <= MAX_SSID_BYTES else None


def dbm(value: str) -> float | None:
    """Read "-51 dBm" or "-29 [-32, -32] dBm"; None where it is no acceptable signal."""
    match = _DBM.match(value.strip())
    return elements.signal(float(match[1])) if match else None


def whole_number(value: str, most: int) -> int | None:
    """Read a number from 0 to ``most`` written in ASCII digits alone."""
    value = value.strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 9 and int(value) <= most else None
