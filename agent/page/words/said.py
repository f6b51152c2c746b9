"""A text in the three languages of the page, side by side."""

from typing import Literal, get_args

from msgspec import Struct

Language = Literal["kk", "ru", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


class Said(Struct, frozen=True, kw_only=True):
    """One text in each language, with the same {names} in all."""

    kk: str
    ru: str
    en: str


def of_both_ways(texts: dict[str, Said]) -> dict[str, Said]:
    """Return each text for download and for upload: ``<way>`` stands where the speed is named."""
    names = {
        "download": Said(kk="Жүктеп алу жылдамдығы", ru="Скорость загрузки", en="Download speed"),
        "upload": Said(kk="Жүктеп салу жылдамдығы", ru="Скорость отправки", en="Upload speed"),
    }
    return {
        f"{way}.{key}": Said(**{one: getattr(said, one).replace("<way>", getattr(name, one)) for one in LANGUAGES})
        for way, name in names.items()
        for key, said in texts.items()
    }
