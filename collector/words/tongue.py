"""One language's way to say things: its catalogue, and figures, dates and moments as CLDR writes them."""

import functools
import io
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from collector.words import collation
from collector.words.figures import Figures
from collector.words.languages import Language
from collector.words.sentence import Sentence

FOLDER = Path(__file__).parent


class Tongue(Figures, frozen=True):
    """Says sentences in its language."""

    def text(self, english: str) -> str:
        """Return a text of the catalogue with its gaps; one that nobody translated as it is."""
        return catalogue(self.language).gettext(english)

    def plural(self, one: str, many: str, count: int) -> str:
        """Return the text for so many things, with its gaps."""
        return catalogue(self.language).ngettext(one, many, count)

    def say(self, english: str, /, **values: Any) -> str:
        """Return a text with its gaps filled, as in a Sentence."""
        return self.filled(self.text(english), values)

    def counted(self, one: str, many: str, count: int, /, **values: Any) -> str:
        """Return the text for so many things, {n}, with its gaps filled."""
        return self.filled(self.plural(one, many, count), {"n": count, **values})

    def said(self, what: Sentence | str) -> str:
        """Return a sentence in this language; a plain text by the catalogue."""
        if isinstance(what, str):
            return self.text(what)
        if what.many is None or what.count is None:
            return self.filled(self.text(what.text), what.values)
        return self.filled(self.plural(what.text, what.many, what.count), what.values)

    def value(self, value: Any) -> Any:
        """Return what stands in a gap."""
        if isinstance(value, bool):
            raise TypeError("yes and no are words: a gap takes a count, a text or a sentence")
        if isinstance(value, int):
            return self.number(value)
        return self.said(value) if isinstance(value, Sentence) else value

    def filled(self, text: str, values: dict[str, Any]) -> str:
        """Return a text with its gaps filled."""
        return text.format(**{name: self.value(value) for name, value in values.items()}) if values else text

    def sort_key(self, text: str) -> str:
        """Return what puts names into the order of the Kazakh alphabet."""
        return collation.sort_key(text)


@functools.cache
def tongue(language: Language) -> Tongue:
    """Return a language's tongue."""
    return Tongue(language)


@functools.cache
def catalogue(language: Language) -> NullTranslations:
    """Return what was translated into a language: all its files together. English is what stands in the code."""
    found = NullTranslations()
    for path in sorted((FOLDER / language).glob("*.po")) if language != "en" else ():
        compiled = io.BytesIO()
        with path.open("rb") as file:
            write_mo(compiled, read_po(file, locale=language))
        compiled.seek(0)
        one = Translations(compiled)
        if isinstance(found, Translations):
            found.add(one)
        else:
            found = one
    return found
