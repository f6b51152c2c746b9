"""A share period by period, as columns with their figures above them."""

from collections.abc import Sequence

from markupsafe import Markup
from msgspec import Struct

from collector.pages.drawing import svg

_STEP, _COLUMN = 96.0, 56.0
_TOP, _HEIGHT, _BOTTOM, _LEFT = 22.0, 140.0, 26.0, 52.0


class Column(Struct, frozen=True, kw_only=True):
    """A period: its label, its share (null: not known) and the share as it is written."""

    label: str
    share: float | None
    figure: str


def trend(columns: Sequence[Column], title: str, scale: Sequence[tuple[float, str]]) -> Markup:
    """Return the drawing, the oldest period first; ``scale``: which shares have a line, and how they are written."""
    width = _LEFT + max(1, len(columns)) * _STEP
    marks = []
    for share, words in scale:
        y = _TOP + (1 - share) * _HEIGHT
        marks.append(svg.line((_LEFT, y), (width, y), "grid"))
        marks.append(svg.text((_LEFT - 6, y + 4), words, "soft", anchor="end"))
    for number, one in enumerate(columns):
        middle = _LEFT + (number + 0.5) * _STEP
        high = (one.share or 0.0) * _HEIGHT
        y = _TOP + _HEIGHT - high
        if one.share is not None:
            marks.append(svg.rect(middle - _COLUMN / 2, y, _COLUMN, high, "c3", title=f"{one.label}: {one.figure}"))
        marks.append(svg.text((middle, y - 6), one.figure, "", anchor="middle"))
        marks.append(svg.text((middle, _TOP + _HEIGHT + 18), one.label, "soft", anchor="middle"))
    return svg.drawing(width, _TOP + _HEIGHT + _BOTTOM, title, marks, kind="chart trend")
