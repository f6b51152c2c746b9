"""A sentence before it is said in a language: an English text with gaps, and what goes into them."""

from typing import Any

from msgspec import Struct


class Sentence(Struct, frozen=True):
    """A text with {named} gaps and their values, in English until a tongue says it.

    A value is a count (an int, written as the language writes numbers), text that stays as it is (a name, a code), or
    another sentence. ``many`` is the text for another ``count`` than one.
    """

    text: str
    values: dict[str, Any] = {}
    many: str | None = None
    count: int | None = None

    def __str__(self) -> str:
        """Return it in English, with plain figures."""
        text = self.text if self.many is None or self.count == 1 else self.many
        return text.format(**self.values) if self.values else text


def say(text: str, /, **values: Any) -> Sentence:
    """Return a sentence; the text is found by what collects texts for translators."""
    return Sentence(text, values)


def counted(one: str, many: str, count: int, /, **values: Any) -> Sentence:
    """Return a sentence about a number of things, which stands in the gap {n}."""
    return Sentence(one, {"n": count, **values}, many, count)


def mark(text: str) -> str:
    """Return a text that is translated where it is shown, so that translators get it."""
    return text
