"""Says a text, a number or a moment in one of the page's languages."""

from collections.abc import Mapping
from datetime import datetime, tzinfo

from msgspec import Struct

from agent.diagnosis import mbit
from agent.page.words import FRAME, LANGUAGES, Language, Said

FIRST: Language = "kk"
NAMES: dict[Language, str] = {"kk": "Қазақша", "ru": "Русский", "en": "English"}
_MONTHS: dict[Language, tuple[str, ...]] = {
    "kk": (
        "қаңтар",
        "ақпан",
        "наурыз",
        "сәуір",
        "мамыр",
        "маусым",
        "шілде",
        "тамыз",
        "қыркүйек",
        "қазан",
        "қараша",
        "желтоқсан",
    ),
    "ru": (
        "января",
        "февраля",
        "марта",
        "апреля",
        "мая",
        "июня",
        "июля",
        "августа",
        "сентября",
        "октября",
        "ноября",
        "декабря",
    ),
    "en": (
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
}
_DAYS: dict[Language, str] = {
    "kk": "{year} ж. {day} {month}, {clock}",
    "ru": "{day} {month} {year} г., {clock}",
    "en": "{day} {month} {year}, {clock}",
}
_SHORT_DAY = "{day} {month}, {clock}"


class Sentence(Struct, frozen=True, kw_only=True):
    """A text with what goes into its gaps; ``detail`` is what only exists in English (a program's own words)."""

    said: Said
    gaps: Mapping[str, float | int | str] = {}
    detail: str | None = None


class Tongue(Struct, frozen=True, kw_only=True):
    """One language; ``zone`` is the school's, None for this computer's own."""

    language: Language
    zone: tzinfo | None = None

    def say(self, key: str, **gaps: float | str) -> str:
        """Say a text of the frame."""
        return self.sentence(Sentence(said=FRAME[key], gaps=gaps))

    def sentence(self, one: Sentence) -> str:
        """Say a sentence, its figures as the language writes them."""
        text: str = getattr(one.said, self.language)
        return text.format(**{name: self.figure(value) for name, value in one.gaps.items()})

    def figure(self, value: float | str) -> str:
        """Write a figure; a text stays as it is."""
        text = str(value) if isinstance(value, str | int) else f"{value:.10g}"
        return text.replace(".", ",") if self.language != "en" and not isinstance(value, str) else text

    def rate(self, bps: float) -> str:
        """Write a rate in Mbit/s, without its unit."""
        return mbit(bps) if self.language == "en" else mbit(bps).replace(".", ",")

    def moment(self, when: datetime, *, of: datetime | None = None) -> str:
        """Write a day and an hour; the year too, but where it is that of another moment beside it."""
        there = when.astimezone(self.zone)
        is_same = of is not None and of.astimezone(self.zone).year == there.year
        return (_SHORT_DAY if is_same else _DAYS[self.language]).format(
            year=there.year, month=_MONTHS[self.language][there.month - 1], day=there.day, clock=f"{there:%H:%M}"
        )


def megabits(bps: float) -> float:
    """Return a rate as the number that people are shown, in Mbit/s."""
    return float(mbit(bps))


def language_of(asked: str | None, kept: str | None, accepted: str | None) -> Language:
    """Return the language of a request: asked for in the address, kept in a cookie, the browser's, else Kazakh."""
    for one in (asked, kept, *_by_wish(accepted or "")):
        for language in LANGUAGES:
            if one == language:
                return language
    return FIRST


def _by_wish(header: str) -> list[str]:
    """Return the languages of an Accept-Language header, the most wanted first (RFC 9110, 12.5.4)."""
    wishes: list[tuple[float, str]] = []
    for part in header[:200].split(","):
        name, _, weight = part.strip().partition(";q=")
        try:
            wishes.append((-float(weight or 1), name.split("-")[0].lower()))
        except ValueError:
            continue
    return [name for weight, name in sorted(wishes, key=lambda wish: wish[0]) if weight < 0]
