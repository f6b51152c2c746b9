"""Time as small squares: a week of half hours, and a year of days. Signs say what colours say."""

from collections.abc import Sequence
from datetime import date

from markupsafe import Markup
from msgspec import Struct

from collector.pages.drawing import svg

_SIDE, _GAP, _LEFT, _TOP = 24.0, 3.0, 96.0, 22.0
_DAY_SIDE, _DAY_GAP = 12.0, 2.0
_CSS = {"met": "f-yes", "missed": "f-no", "open": "f-unknown", "absent": "t-unknown", "coming": "f-paper s-line"}
SIGNS = {"met": "✓", "missed": "✗", "open": "?", "absent": "–", "coming": ""}
_WHOLE = 0.999


class Square(Struct, frozen=True):
    """One half hour: how it came out, and what is said of it."""

    outcome: str
    title: str


class Row(Struct, frozen=True):
    """A day: its name, where it leads, and its squares from the first column on (null: no lesson then)."""

    name: str
    squares: tuple[Square | None, ...]


class YearDay(Struct, frozen=True):
    """A day of a year: the share of its half hours that were fit (null: none could be judged)."""

    day: date
    share: float | None
    is_measured: bool
    title: str


def week(title: str, hours: Sequence[str], rows: Sequence[Row]) -> Markup:
    """Draw a week: a row a day, a column a half hour; ``hours`` are the columns' names, empty for those between."""
    marks = []
    for place, name in enumerate(hours):
        if name:
            marks.append(svg.text((_LEFT + place * (_SIDE + _GAP), 14), name, "soft"))
    for number, row in enumerate(rows):
        y = _TOP + number * (_SIDE + _GAP)
        marks.append(svg.text((0, y + 16), row.name))
        for place, square in enumerate(row.squares):
            if square is not None:
                marks += _square(_LEFT + place * (_SIDE + _GAP), y, square)
    width = _LEFT + max(1, len(hours)) * (_SIDE + _GAP)
    return svg.drawing(width, _TOP + len(rows) * (_SIDE + _GAP), title, marks, kind="chart week")


def _square(x: float, y: float, square: Square) -> list[Markup]:
    sign = SIGNS[square.outcome]
    marks = [svg.rect(x, y, _SIDE, _SIDE, _CSS[square.outcome], title=square.title, radius=4)]
    if sign:
        css = "sign soft" if square.outcome == "absent" else "sign on"
        marks.append(svg.text((x + _SIDE / 2, y + 16.5), sign, css, anchor="middle"))
    return marks


def year(title: str, months: Sequence[tuple[date, str]], days: Sequence[YearDay], weekdays: Sequence[str]) -> Markup:
    """Draw a year: a column a week, a row a weekday. Full squares were fit, hollow ones not, with a bar for a part."""
    if not days:
        return Markup("")
    first = days[0].day
    left, top = 40.0, 20.0
    step = _DAY_SIDE + _DAY_GAP

    def column(day: date) -> int:
        return ((day - first).days + first.weekday()) // 7

    marks = [svg.text((left + column(begins) * step, 12), name, "soft") for begins, name in months]
    marks += [svg.text((0, top + place * step + 10), name, "soft") for place, name in enumerate(weekdays) if name]
    for one in days:
        marks += _day(left + column(one.day) * step, top + one.day.weekday() * step, one)
    return svg.drawing(left + (column(days[-1].day) + 1) * step, top + 7 * step, title, marks, kind="chart year")


def _day(x: float, y: float, one: YearDay) -> list[Markup]:
    if one.share is None:
        css = "t-unknown" if one.is_measured else "f-paper s-line"
        return [svg.rect(x, y, _DAY_SIDE, _DAY_SIDE, css, title=one.title, radius=2)]
    if one.share >= _WHOLE:
        return [svg.rect(x, y, _DAY_SIDE, _DAY_SIDE, "f-yes", title=one.title, radius=2)]
    height = _DAY_SIDE * one.share  # as much of it is full as of the day was fit
    return [
        svg.rect(x, y, _DAY_SIDE, _DAY_SIDE, "t-no s-no", title=one.title, radius=2),
        svg.rect(x + 2, y + _DAY_SIDE - height, _DAY_SIDE - 4, height, "f-yes", title=one.title),
    ]
