"""One language's way to say things: texts of the catalogue, and figures, dates and moments as CLDR writes them."""

import functools
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton
from babel.numbers import format_currency, format_decimal, format_percent
from msgspec import Struct

from collector.pack.words import WORDS, Language

_MOMENTS: dict[Language, str] = {"kk": "dd.MM.y HH:mm", "ru": "dd.MM.y HH:mm", "en": "y-MM-dd HH:mm"}
_LEAST_CHANCE = 1e-6  # what verdicts round to
_LONGEST = 1_000
_INNER_QUOTES = str.maketrans("«»", "„“")


class Speech(Struct, frozen=True):
    """How one language says things."""

    language: Language

    def say(self, key: str, **values: object) -> str:
        """Return a text of the catalogue with its gaps filled."""
        text: str = getattr(WORDS[key], self.language)
        return text.format(**values) if values else text

    def number(self, value: float | Decimal, places: int = 0) -> str:
        """Return a number with so many decimal places at most."""
        return format_decimal(value, "#,##0" + ("." + "#" * places if places else ""), locale=self._locale)

    def share(self, value: float, places: int = 1) -> str:
        """Return a share, 0 to 1, in percent with so many decimal places at most."""
        return format_percent(
            value, "#,##0" + ("." + "#" * places if places else "") + "\N{NO-BREAK SPACE}%", self._locale
        )

    def chance(self, value: float) -> str:
        """Return how likely something is."""
        if value < _LEAST_CHANCE:
            return self.say("below", value=self.share(_LEAST_CHANCE, 4))
        return self.share(value, 4)

    def mbit(self, bps: float) -> str:
        """Return a speed with its unit, given in bit/s."""
        return self.say("mbit", value=self.number(bps / 1e6, 2))

    def speed(self, bps: float) -> str:
        """Return a speed in Mbit/s for a table, given in bit/s."""
        return format_decimal(bps / 1e6, "#,##0.0", locale=self._locale)

    def hours(self, seconds: float) -> str:
        """Return hours, given in seconds."""
        return self.number(seconds / 3600, 1)

    def lasted(self, span: timedelta) -> str:
        """Return hours and minutes."""
        minutes = int(span.total_seconds()) // 60
        return f"{minutes // 60}:{minutes % 60:02d}"

    def money(self, amount: Decimal, currency: str | None) -> str:
        """Return a sum; without its currency where the contract names none."""
        if currency is None:
            return format_decimal(amount, "#,##0.00", locale=self._locale)
        return format_currency(amount, currency, "#,##0.00\N{NO-BREAK SPACE}¤", locale=self._locale)

    def month(self, name: str) -> str:
        """Return a month's name with its year."""
        return _spaced(format_skeleton("yMMMM", date.fromisoformat(f"{name}-01"), locale=self._locale))

    def day(self, value: date) -> str:
        """Return a day in figures."""
        return format_date(value, _MOMENTS[self.language].partition(" ")[0], locale=self._locale)

    def weekday(self, value: date) -> str:
        """Return a day with its weekday, for a table."""
        return _spaced(format_date(value, "EEEE, d MMMM", locale=self._locale))

    def moment(self, local: datetime) -> str:
        """Return a moment to the minute, as the clock there shows it."""
        return format_datetime(local.replace(tzinfo=None), _MOMENTS[self.language], locale=self._locale)

    def clock(self, local: datetime) -> str:
        """Return the time of day."""
        return f"{local:%H:%M}"

    def cut(self, text: str) -> str:
        """Return somebody's text in one paragraph, without its end where that is far off."""
        plain = " ".join(text.split())
        return plain if len(plain) <= _LONGEST else self.say("cut", text=plain[:_LONGEST])

    def named(self, name: str) -> str:
        """Return a name for between quotation marks: its own ones become those of the second order."""
        return name if self.language == "en" else name.translate(_INNER_QUOTES)

    def either(self, numbers: Sequence[str]) -> str:
        """Return numbers of which each held for a while."""
        return " / ".join(dict.fromkeys(numbers))

    def joined(self, texts: Sequence[str]) -> str:
        """Return a list in one line."""
        return "; ".join(texts)

    @property
    def _locale(self) -> Locale:
        return _locale_of(self.language)


@functools.cache
def _locale_of(language: Language) -> Locale:
    return Locale.parse(language)


def _spaced(text: str) -> str:
    """Return a text with ordinary no-break spaces: the narrow one of CLDR is not in every font."""
    return text.replace("\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}")
