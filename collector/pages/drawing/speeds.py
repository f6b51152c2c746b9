"""Speeds against the target: from a hard day to the best, the typical one as a dot; and months as shares."""

from collections.abc import Callable, Sequence

from markupsafe import Markup
from msgspec import Struct

from collector.pages.drawing import svg

_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 720.0, 150.0, 20.0, 58.0, 30.0
_MONTH, _HEIGHT = 56.0, 120.0


class Speed(Struct, frozen=True, kw_only=True):
    """One direction; ``words``: what is written at its begin and at the target. Null where a figure is not known."""

    name: str
    low_bps: float | None
    typical_bps: float | None
    high_bps: float | None
    is_at_least: bool
    target_bps: float | None
    contract_bps: float | None
    typical_said: str
    target_said: str
    contract_said: str


class Month(Struct, frozen=True, kw_only=True):
    """A month's share of fit half hours with its bounds; null without a measured one."""

    name: str
    share: float | None
    low: float | None
    high: float | None
    meets: bool | None
    title: str


def speeds(title: str, rows: Sequence[Speed], ticks: Sequence[tuple[float, str]]) -> Markup:
    """Draw directions below each other on one scale, in which ``ticks`` (bit/s and its words) are written."""
    reach = max([bps for bps, _ in ticks] or [1.0])

    def x(bps: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * min(1.0, bps / reach)

    bottom = _TOP + len(rows) * _ROW
    marks: list[Markup] = []
    for bps, words in ticks:
        marks.append(svg.line((x(bps), _TOP - 8), (x(bps), bottom), "grid"))
        marks.append(svg.text((x(bps), bottom + 16), words, "soft", anchor="middle"))
    for place, one in enumerate(rows):
        y = _TOP + place * _ROW + 26
        marks.append(svg.text((0, y + 4), one.name))
        if one.contract_bps is not None:
            marks.append(svg.rect(x(0), y - 3, x(one.contract_bps) - x(0), 6, "f-track", title=one.contract_said))
        if one.target_bps is not None:
            marks.append(svg.line((x(one.target_bps), y - 24), (x(one.target_bps), y + 18), "target"))
            anchor = "start" if x(one.target_bps) < _WIDTH - 110 else "end"
            shift = 4 if anchor == "start" else -4
            marks.append(svg.text((x(one.target_bps) + shift, y - 16), one.target_said, "soft", anchor=anchor))
        marks += _measured(one, x, y)
    return svg.drawing(_WIDTH, bottom + 24, title, marks)


def _measured(one: Speed, x: Callable[[float], float], y: float) -> list[Markup]:
    marks = []
    is_fit = one.typical_bps is not None and one.target_bps is not None and one.typical_bps >= 0.95 * one.target_bps
    css = "f-yes" if is_fit else "f-no" if one.target_bps is not None else "f-unknown"
    if one.low_bps is not None and one.high_bps is not None:
        marks.append(svg.rect(x(one.low_bps), y - 7, x(one.high_bps) - x(one.low_bps), 14, f"{css} band", radius=7))
        marks += [svg.line((x(end), y - 9), (x(end), y + 9), "axis-line") for end in (one.low_bps, one.high_bps)]
    if one.typical_bps is not None:
        place = x(one.typical_bps)
        if one.is_at_least:  # an arrow: it may be more
            marks.append(svg.polygon([(place, y - 8), (place + 12, y), (place, y + 8)], css, title=one.typical_said))
        else:
            marks.append(svg.circle((place, y), 7, css, title=one.typical_said))
    return marks


def months(title: str, rows: Sequence[Month], limit: float, limit_said: str) -> Markup:
    """Draw months as columns with their bounds, and the share that is needed as a line."""
    left, top = 44.0, 18.0
    marks: list[Markup] = []
    width = left + 12 * _MONTH + 10

    def y(share: float) -> float:
        return top + _HEIGHT * (1 - share)

    marks += [svg.line((left, y(share)), (width, y(share)), "grid") for share in (0, 0.5, 1)]
    for place, one in enumerate(rows):
        x = left + place * _MONTH + 8
        marks.append(svg.text((x + 20, top + _HEIGHT + 16), one.name, "soft", anchor="middle"))
        if one.share is None:
            marks.append(svg.text((x + 20, y(0) - 6), "–", "soft", anchor="middle"))
            continue
        css = {True: "f-yes", False: "f-no", None: "f-unknown"}[one.meets]
        marks.append(svg.rect(x, y(one.share), 40, y(0) - y(one.share), css, title=one.title, radius=2))
        sign = {True: "✓", False: "✗", None: "?"}[one.meets]
        marks.append(svg.text((x + 20, y(0) - 6), sign, "sign on", anchor="middle"))
        if one.low is not None and one.high is not None:
            marks.append(svg.line((x + 20, y(one.low)), (x + 20, y(one.high)), "axis-line"))
    marks.append(svg.line((left, y(limit)), (width, y(limit)), "target"))
    marks.append(svg.text((0, y(limit) + 4), limit_said, "soft"))
    return svg.drawing(width, top + _HEIGHT + 24, title, marks)
