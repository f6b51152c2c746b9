"""Bytes of a text file to text: UTF-8, UTF-16 or Windows-1251, decided by what the bytes prove and never by hope.

A file is UTF-8 or UTF-16 if it says so or decodes strictly. Else it is Windows-1251 if that reads as plausible Russian
or Kazakh, or KZ-1048, its Kazakh sibling with the same Russian letters. Anything else is refused with line and byte.
"""

import re
from typing import NamedTuple

from collector.errors import RegistryError
from collector.words import Sentence, say

ADVICE = say("save the table again as XLSX or as 'CSV UTF-8'")

_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_SHOWN_NAMES = {"utf-8": "UTF-8", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "cp1251": "Windows-1251"}

# Four Cyrillic letters of UTF-8 in a row. In Windows-1251 the same bytes would be "РњРµРєС‚": no language has that.
_UTF8_CYRILLIC = re.compile(rb"(?:[\xd0-\xd3][\x80-\xbf]){4}")
# The only bytes in which KZ-1048 (STRK 1048-2002) differs from Windows-1251; there the latter has letters of neither
# Russian nor Kazakh.
_KAZAKH_BYTES = re.compile(rb"[\x8d\x8e\x9d\x9e\xa1-\xa3\xa5\xaa\xaf\xb4\xba\xbc-\xbf]")
_EXPECTED = re.compile("[а-яёА-ЯЁіІәғқңөұүһӘҒҚҢӨҰҮҺ№«»„“”‘’‚–—…•°§·\u00a0\u00ad]")
_WORD = re.compile(r"[^\W\d_]+")
_MIXED_WORD = re.compile("[a-zA-Z][а-яё]|[а-яё][a-zA-Z]|[а-яё][А-ЯЁ]")


class Decoded(NamedTuple):
    """The text of a file, the encoding it was read as, and what a person should look at."""

    text: str
    encoding: str
    warnings: tuple[Sentence, ...] = ()


def decode(raw: bytes) -> Decoded:
    """Return the text of a file.

    Raises:
        RegistryError: no encoding fits, or two are mixed; names the line and the byte in it (both from 1).
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if raw.startswith(mark):
            return _strictly(raw[len(mark) :], encoding)
    if b"\x00" in raw:
        return _strictly(raw, _utf16_without_mark(raw))
    try:
        return Decoded(raw.decode("utf-8"), "utf-8")
    except UnicodeDecodeError as error:
        return _eight_bit(raw, error)


def _utf16_without_mark(raw: bytes) -> str:
    """Tell the byte order from the header, whose column names are ASCII: every other byte is zero."""
    start = raw[:20]
    if len(start) == 20 and not any(start[1::2]) and all(start[::2]):
        return "utf-16-le"
    if len(start) == 20 and not any(start[::2]) and all(start[1::2]):
        return "utf-16-be"
    told = say("this is no table: the file has zero bytes, as programs and pictures have; {advice}", advice=ADVICE)
    raise RegistryError(told)


def _strictly(raw: bytes, encoding: str) -> Decoded:
    try:
        return Decoded(raw.decode(encoding), encoding)
    except UnicodeDecodeError as error:
        told = say(
            "the file calls itself {encoding}, but this is not ({byte}); it was damaged or two encodings were mixed; "
            "{advice}",
            encoding=_SHOWN_NAMES[encoding],
            byte=_found(raw, error),
            advice=ADVICE,
        )
        raise RegistryError(_placed(raw, error.start, encoding, told)) from error


def _eight_bit(raw: bytes, not_utf8: UnicodeDecodeError) -> Decoded:
    """Read what is not UTF-8 as Windows-1251 or KZ-1048, if that makes sense."""
    mixed = _UTF8_CYRILLIC.search(raw)
    if mixed:
        told = say(
            "the file mixes encodings: this is not UTF-8 ({byte}), while line {line} is; {advice}",
            byte=_found(raw, not_utf8),
            line=_line(raw[: mixed.start()]),
            advice=ADVICE,
        )
        raise RegistryError(_placed(raw, not_utf8.start, "utf-8", told)) from not_utf8
    encoding = "kz1048" if _KAZAKH_BYTES.search(raw) else "cp1251"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        told = say("neither UTF-8 nor Windows-1251 ({byte}); {advice}", byte=_found(raw, error), advice=ADVICE)
        raise RegistryError(_placed(raw, error.start, encoding, told)) from error
    if not _is_plausible(text):
        told = say(
            "not UTF-8 ({byte}), and as Windows-1251 the file reads as no Russian or Kazakh; {advice}",
            byte=_found(raw, not_utf8),
            advice=ADVICE,
        )
        raise RegistryError(_placed(raw, not_utf8.start, "utf-8", told)) from not_utf8
    if encoding == "kz1048":
        note = say("the file was read as KZ-1048, the Kazakh form of Windows-1251; look whether the names are right")
        return Decoded(text, encoding, (note,))
    return Decoded(text, encoding)


def _is_plausible(text: str) -> bool:
    """Tell whether letters, and the way they stand in words, are those of Russian or Kazakh.

    KOI8-R read as Windows-1251 has capitals inside words; Latin alphabets have Cyrillic letters between Latin ones;
    the DOS code page has signs that no school's name has.
    """
    foreign = [character for character in text if character > "\x7f"]
    expected = sum(1 for character in foreign if _EXPECTED.match(character))
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    odd = sum(1 for word in words if _MIXED_WORD.search(word))
    return expected >= 0.95 * len(foreign) and odd <= 0.1 * len(words)


def _found(raw: bytes, error: UnicodeDecodeError) -> Sentence:
    return say("byte {byte}", byte=f"0x{raw[error.start]:02X}")


def _line(before: bytes) -> int:
    return len(re.findall(rb"\r\n|\r|\n", before)) + 1


def _placed(raw: bytes, start: int, encoding: str, what: Sentence) -> Sentence:
    """Say something of a byte: its line and its number in the line, both from 1."""
    before = raw[:start].decode(encoding, "replace").replace("\r\n", "\n").replace("\r", "\n")
    since_line = before.rpartition("\n")[2]
    line, byte = before.count("\n") + 1, len(since_line.encode(encoding, "replace")) + 1
    return say("line {line}, byte {byte}: {what}", line=line, byte=byte, what=what)
