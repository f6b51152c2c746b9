"""The order of names: the Kazakh alphabet (42 Cyrillic letters, the Russian ones among them), numbers by their size."""

import re
import unicodedata

_ALPHABET = "аәбвгғдеёжзийкқлмнңоөпрстуұүфхһцчшщъыіьэюя"
_PLACES = {letter: chr(0xE000 + place) for place, letter in enumerate(_ALPHABET)}  # after all other signs
_NUMBER = re.compile(r"[0-9]{1,18}")


def sort_key(text: str) -> str:
    """Return a text whose plain order of characters is the alphabet's order of names, whatever their case.

    Equal letters in another case come after the whole: the name itself decides there, so that the order is stable.
    """
    plain = unicodedata.normalize("NFC", text).casefold()
    sized = _NUMBER.sub(lambda found: f"{len(found[0].lstrip('0')):02d}{found[0].lstrip('0')}", plain)
    return "".join(_PLACES.get(letter, letter) for letter in sized) + "\x00" + text
