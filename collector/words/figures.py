"""Figures, dates and moments as a language writes them (CLDR), with no unit but where the unit is the same in all."""

import functools
from datetime import date, datetime, timedelta
from decimal import Decimal

from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton
from babel.numbers import NumberPattern, format_currency, parse_pattern
from msgspec import Struct

from collector.words.languages import Language

_MOMENTS: dict[Language, str] = {"kk": "dd.MM.y HH:mm", "ru": "dd.MM.y HH:mm", "en": "y-MM-dd HH:mm"}


class Figures(Struct, frozen=True):
    """How one language writes figures."""

    language: Language

    def number(self, value: float | Decimal, places: int = 0) -> str:
        """Return a number with so many decimal places at most."""
        return _written(value, "#,##0" + ("." + "#" * places if places else ""), self.locale)

    def fixed(self, value: float, places: int) -> str:
        """Return a number with just so many decimal places, as columns of a table want."""
        return _written(value, "#,##0" + ("." + "0" * places if places else ""), self.locale)

    def share(self, value: float, places: int = 1) -> str:
        """Return a share, 0 to 1, in percent with so many decimal places at most."""
        pattern = "#,##0" + ("." + "#" * places if places else "") + "\N{NO-BREAK SPACE}%"
        return _written(value, pattern, self.locale)

    def speed(self, bps: float) -> str:
        """Return a speed in Mbit/s for a table, given in bit/s."""
        return self.fixed(bps / 1e6, 1)

    def lasted(self, span: timedelta) -> str:
        """Return hours and minutes."""
        minutes = int(span.total_seconds()) // 60
        return f"{minutes // 60}:{minutes % 60:02d}"

    def money(self, amount: Decimal, currency: str | None) -> str:
        """Return a sum; without its currency where the contract names none."""
        if currency is None:
            return _written(amount, "#,##0.00", self.locale)
        return format_currency(amount, currency, "#,##0.00\N{NO-BREAK SPACE}¤", locale=self.locale)

    def month(self, name: str) -> str:
        """Return a month's name with its year, given as 2026-11."""
        return _spaced(format_skeleton("yMMMM", date.fromisoformat(f"{name}-01"), locale=self.locale))

    def day(self, value: date) -> str:
        """Return a day in figures."""
        return format_date(value, _MOMENTS[self.language].partition(" ")[0], locale=self.locale)

    def weekday(self, value: date) -> str:
        """Return a day with its weekday, for a table."""
        return _spaced(format_date(value, "EEEE, d MMMM", locale=self.locale))

    def moment(self, local: datetime) -> str:
        """Return a moment to the minute, as the clock there shows it."""
        return format_datetime(local.replace(tzinfo=None), _MOMENTS[self.language], locale=self.locale)

    def clock(self, local: datetime) -> str:
        """Return the time of day."""
        return f"{local:%H:%M}"

    @property
    def locale(self) -> Locale:
        """What CLDR knows of the language."""
        return _locale_of(self.language)


def _written(value: float | Decimal, pattern: str, locale: Locale) -> str:
    """Return a number as a pattern of CLDR writes it; a page has hundreds, and reading the pattern takes longest."""
    return str(_pattern(pattern).apply(value, locale))


@functools.cache
def _pattern(pattern: str) -> NumberPattern:
    return parse_pattern(pattern)


@functools.cache
def _locale_of(language: Language) -> Locale:
    return Locale.parse(language)


def _spaced(text: str) -> str:
    """Return a text with ordinary no-break spaces: the narrow one of CLDR is not in every font."""
    return text.replace("\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}")
