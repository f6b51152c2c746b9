"""A text in all languages of the pack."""

from typing import Literal, get_args

from msgspec import Struct

Language = Literal["kk", "ru", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


class Said(Struct, frozen=True, kw_only=True):
    """One text in each language, with the same {names} in all."""

    kk: str
    ru: str
    en: str
