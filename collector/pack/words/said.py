"""A text in all languages of the pack."""

from msgspec import Struct

from collector.words import LANGUAGES, Language

__all__ = ("LANGUAGES", "Language", "Said")


class Said(Struct, frozen=True, kw_only=True):
    """One text in each language, with the same {names} in all."""

    kk: str
    ru: str
    en: str
