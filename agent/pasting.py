"""What a person types or pastes to enrol a computer: a token, a whole command line, or the address from a QR code.

Slips of copying are forgiven where only one thing can be meant; anything else is refused in a sentence, never guessed.
"""

import re
import shlex
import unicodedata
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct

from agent.contract import wire
from agent.contract.errors import SettingsError

MAX_PASTE_CHARACTERS = 4096
_QUOTES = dict.fromkeys(map(ord, "“”„‟«»″"), '"') | dict.fromkeys(map(ord, "‘’‚‛′"), "'")
_OPTION = re.compile(r"^[-\u2010-\u2015\u2212]{1,2}(?=[a-z])")  # a chat turns -- into a dash
_KEYS = ("collector", "token", "room", "school", "recover")
_PROPERTY = re.compile(rf"^({'|'.join(_KEYS)})=", re.IGNORECASE)
# Letters that look the same in both alphabets, each in the case in which it does (a small Cyrillic "н" is no "h").
_LOOKALIKES = str.maketrans("аеіјкорсухѕһАВЕЗІЈКМНОРСТУХЅ", "aeijkopcyxshAB" + "E" + "3" + "IJKMHOPCTYXS")


class Pasted(Struct, frozen=True, kw_only=True):
    """What a pasted text says; null where it says nothing of it."""

    collector: str | None = None
    token: str | None = None
    room: str | None = None
    school: str | None = None
    recover: str | None = None


def read(text: str) -> Pasted:
    """Read a pasted token, command line or address.

    Raises:
        SettingsError: it is none of them, or too long to be one.
    """
    if len(text) > MAX_PASTE_CHARACTERS:
        raise SettingsError("that is too long for a token or a line with one: copy only the line that you were given")
    words = _words(_visible(text).translate(_QUOTES))
    lowered = [word.lower() for word in words]
    if "enroll" in lowered:
        words = words[lowered.index("enroll") + 1 :]
    elif first := next((number for number, word in enumerate(words) if _option(word) or _PROPERTY.match(word)), 0):
        # What stands before the first option is the program's name, but for the address.
        words = [word for word in words[:first] if "://" in word] + words[first:]
    return _read_words(words)


def token(text: str) -> str:
    """Return a token as it was made: what was typed without spaces, dashes and quotes, in small Latin letters.

    Raises:
        SettingsError: nothing is left, or it holds what no token has.
    """
    kept = "".join(letter for letter in _visible(text) if not letter.isspace())
    kept = unicodedata.normalize("NFKC", kept).translate(_LOOKALIKES).lower()
    kept = "".join(letter for letter in kept if unicodedata.category(letter) not in {"Pd", "Pi", "Pf"})
    kept = kept.translate(dict.fromkeys(map(ord, "\"'`<>−_.,;:"))).translate(_LOOKALIKES)
    if not 0 < len(kept) <= wire.MAX_TOKEN_CHARACTERS:
        raise SettingsError("that is no enrolment token: copy the whole line that the ministry or region gave you")
    wrong = next((letter for letter in kept if not (letter.isascii() and letter.isalnum())), None)
    if wrong is not None:
        name = unicodedata.name(wrong, "an unknown character")
        advice = (
            "switch the keyboard to English and type it again, or copy it"
            if name.startswith("CYRILLIC")
            else "copy the token alone, as it was given to you"
        )
        raise SettingsError(
            f"the token holds {ascii(wrong) if not wrong.isprintable() else repr(wrong)} ({name.lower()}); tokens are"
            f" of Latin letters and digits: {advice}"
        )
    return kept


def label(text: str | None) -> str | None:
    """Return a room's label without stray spaces, None for nothing; letters of every alphabet are welcome.

    Raises:
        SettingsError: it is too long, or nobody could read it.
    """
    if text is None:
        return None
    room = " ".join(unicodedata.normalize("NFC", text).split())
    if not room:
        return None
    if len(room) > 128 or not room.isprintable():
        raise SettingsError("the room's label is too long or holds unreadable characters; 128 letters are allowed")
    return room


def school_id(text: str | None) -> str | None:
    """Return a school's id without what copying adds; zeros in front are part of it.

    Raises:
        SettingsError: it is too long or nobody could read it.
    """
    if text is None:
        return None
    found = " ".join(unicodedata.normalize("NFKC", _visible(text)).translate(_QUOTES).strip("\"' \t\r\n").split())
    if not found:
        return None
    if len(found) > 64 or not found.isprintable():
        raise SettingsError("that is no school's id: copy it from the list, zeros in front included")
    return found


def _visible(text: str) -> str:
    """Leave out what nobody sees: zero-width characters, marks of direction, byte order marks, control characters."""
    return "".join(
        letter for letter in text if letter.isspace() or unicodedata.category(letter) not in {"Cf", "Cc", "Co", "Cn"}
    )


def _words(text: str) -> list[str]:
    # Without escapes: Windows paths have backslashes.
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.escape, lexer.commenters = True, "", ""
    try:
        return list(lexer)
    except ValueError:  # a quote too many or too few
        return [word.strip("\"'") for word in text.split()]


def _option(word: str) -> str | None:
    """Return which of our options a word is, with its value where that is in the same word."""
    if not _OPTION.match(word):
        return None
    bare = _OPTION.sub("", word)
    return bare if bare.partition("=")[0] in _KEYS else ""


def _read_words(words: list[str]) -> Pasted:
    found: dict[str, list[str]] = {key: [] for key in _KEYS}
    key = "token"
    for word in words:
        said, value = _option(word), word
        if said is None and _PROPERTY.match(word):
            name, _, told = word.partition("=")
            said = f"{name.lower()}={told}"
        if said is not None:
            key, _, value = said.partition("=")
        if key == "token" and "://" in value:
            for name, told in _read_address(value).items():
                found[name].append(told)
        elif value and key:  # an option of no concern, such as --state, has no key
            found[key].append(value)
    glued = {name: (" " if name in {"room", "school"} else "").join(parts) for name, parts in found.items()}
    return Pasted(**{name: value or None for name, value in glued.items()})


def _read_address(address: str) -> dict[str, str]:
    """Read https://COLLECTOR/enroll#TOKEN; what follows # never leaves this computer in a request."""
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise SettingsError(f"{address!r} is not an address: {error}") from error
    read = {"collector": f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix('/enroll')}"}
    for words in (parts.query, parts.fragment):
        if "=" in words:
            named = parse_qs(words)
            read |= {key: named[key][0] for key in _KEYS if key in named and key != "collector"}
    if parts.fragment and "=" not in parts.fragment:
        read["token"] = unquote(parts.fragment)
    return read
