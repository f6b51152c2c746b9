"""The languages there are, and which one a browser asks for."""

from typing import Literal, get_args

Language = Literal["kk", "ru", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
NAMES: dict[Language, str] = {"kk": "Қазақша", "ru": "Русский", "en": "English"}
_MOST_RANGES = 20


def chosen(accepted: str) -> Language:
    """Return the language that an Accept-Language header likes best of ours (RFC 9110, 12.5.4); Kazakh if none."""
    weighed: list[tuple[float, int, Language]] = []
    for place, item in enumerate(accepted.split(",")[:_MOST_RANGES]):
        name, _, parameter = item.partition(";")
        language = _ours(name)
        if language is not None and (weight := _weight(parameter)) > 0:
            weighed.append((-weight, place, language))
    return min(weighed)[2] if weighed else "kk"


def _ours(name: str) -> Language | None:
    primary = name.strip().partition("-")[0].lower()
    return next((language for language in LANGUAGES if language == primary), None)


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        return float(value) if name.strip() == "q" else 0.0
    except ValueError:
        return 0.0
