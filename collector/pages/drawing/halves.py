"""The judged half hours of a month as a drawing: each a mark by its day and height, what was promised as lines.

Draws what collector.pack.charts lays out, with places from 0 to 1. Signs differ by shape: a dot is good, a cross bad, a
hollow dot a lower bound that was good.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from collector.pages.drawing import svg

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 960.0, 280.0, 48.0, 24.0, 8.0
_ARM = 3.6
_LINES = {"promised": "target", "required": "curve s-ink"}


def halves(chart: Mapping[str, Any], title: str) -> Markup:
    """Return the drawing of a chart of the evidence pack."""
    marks = [*_grid(chart), *_spans(chart), *_lines(chart), *_marks(chart)]
    return svg.drawing(_WIDTH, _HEIGHT, title, marks, kind="chart halfhours")


def key(kind: str) -> Markup:
    """Return what stands for a kind of mark in the legend."""
    shapes = {
        "good": [_good(5, 5)],
        "bad": _bad(5, 5),
        "least": [_least(5, 5)],
        "promised": [svg.line((0, 5), (10, 5), "target")],
        "required": [svg.line((0, 5), (10, 5), "curve s-ink")],
        "excluded": [svg.rect(0, 0, 10, 10, "c3 band")],
        "outage": [svg.rect(0, 7, 10, 3, "f-no")],
    }
    return Markup('<svg viewBox="0 0 10 10" aria-hidden="true">{}</svg>').format(Markup("").join(shapes[kind]))


def scale(share: float | None, bound: float | None, limit: float) -> Markup:
    """Return a share from 0 to 1 as a dot, its upper bound as an upright line, and what is required as a triangle."""
    width, middle = 150.0, 11.0

    def place(value: float) -> float:
        return 6 + (width - 12) * min(1.0, max(0.0, value))

    marks = [svg.line((place(0), middle), (place(1), middle), "grid")]
    marks.append(svg.polygon([(place(limit) - 4, 1), (place(limit) + 4, 1), (place(limit), 8)], "f-unknown"))
    if bound is not None:
        marks.append(svg.line((place(bound), middle - 6), (place(bound), middle + 6), "curve s-ink"))
    if share is not None:
        marks.append(svg.circle((place(share), middle), 4, "f-no" if share < limit else "f-yes"))
    return Markup('<svg class="scale" viewBox="0 0 150 20" width="150" height="20" aria-hidden="true">{}</svg>').format(
        Markup("").join(marks)
    )


def _x(share: float) -> float:
    return _LEFT + share * (_WIDTH - _LEFT)


def _y(share: float) -> float:
    return _HEIGHT - _BOTTOM - min(1.0, share) * (_HEIGHT - _BOTTOM - _TOP)


def _grid(chart: Mapping[str, Any]) -> Iterator[Markup]:
    for tick in chart["ticks"]:
        yield svg.line((_LEFT, _y(tick["y"])), (_WIDTH, _y(tick["y"])), "grid")
        yield svg.text((_LEFT - 6, _y(tick["y"]) + 4), tick["label"], "soft", anchor="end")
    width = (_WIDTH - _LEFT) / len(chart["days"])
    for day in chart["days"]:
        if day["rest"]:
            yield svg.rect(_x(day["x"]), _TOP, width, _HEIGHT - _BOTTOM - _TOP, "t-unknown")
        yield svg.text((_x(day["x"]) + width / 2, _HEIGHT - 6), day["label"], "soft", anchor="middle")


def _spans(chart: Mapping[str, Any]) -> Iterator[Markup]:
    for one in chart["bands"]:
        yield svg.rect(_x(one["x1"]), _TOP, _x(one["x2"]) - _x(one["x1"]), _HEIGHT - _BOTTOM - _TOP, "c3 band")
    for one in chart["outages"]:
        yield svg.rect(_x(one["x1"]), _HEIGHT - _BOTTOM - 5, max(2.0, _x(one["x2"]) - _x(one["x1"])), 5, "f-no")


def _lines(chart: Mapping[str, Any]) -> Iterator[Markup]:
    for one in chart["lines"]:
        yield svg.line((_x(one["x1"]), _y(one["y"])), (_x(one["x2"]), _y(one["y"])), _LINES[one["kind"]])


def _marks(chart: Mapping[str, Any]) -> Iterator[Markup]:
    for one in chart["marks"]:
        x, y = _x(one["x"]), _y(one["y"])
        if one["kind"] == "bad":
            yield from _bad(x, y)
        else:
            yield _good(x, y) if one["kind"] == "good" else _least(x, y)


def _good(x: float, y: float) -> Markup:
    return svg.circle((x, y), _ARM - 0.4, "f-yes")


def _least(x: float, y: float) -> Markup:
    return svg.circle((x, y), _ARM - 0.4, "f-paper s-yes curve")


def _bad(x: float, y: float) -> list[Markup]:
    return [
        svg.line((x - _ARM, y - _ARM), (x + _ARM, y + _ARM), "curve s-no"),
        svg.line((x - _ARM, y + _ARM), (x + _ARM, y - _ARM), "curve s-no"),
    ]
