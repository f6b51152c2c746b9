"""Verdicts month by month: a bar for each month, cut by how its lines came out; breaches at the bottom, with a sign."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup
from msgspec import Struct

from collector.pages.drawing import svg

ORDER = ("breach", "watch", "insufficient", "no contract", "compliant")
COLOURS = {"breach": "c2", "watch": "c4", "insufficient": "c6", "no contract": "f-track", "compliant": "c1"}
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 720.0, 220.0, 44.0, 24.0, 18.0
_WIDEST = 44.0


class Bar(Struct, frozen=True, kw_only=True):
    """A month: its short name, where it leads, what that is called, and how many lines came out how."""

    name: str
    place: str
    label: str
    lines: Mapping[str, int]

    @property
    def total(self) -> int:
        """All lines of the month."""
        return sum(self.lines.values())


def months(bars: Sequence[Bar], title: str, figures: Sequence[str], top: int) -> Markup:
    """Return the drawing; ``figures`` are the texts of the axis, from 0 to ``top`` in equal steps."""
    most = max(1, top)
    high = _HEIGHT - _BOTTOM - _TOP
    marks = []
    for number, text in enumerate(figures):
        y = _HEIGHT - _BOTTOM - high * number / max(1, len(figures) - 1)
        marks.append(svg.line((_LEFT, y), (_WIDTH, y), "grid"))
        marks.append(svg.text((_LEFT - 6, y + 4), text, "soft", anchor="end"))
    each = (_WIDTH - _LEFT) / max(1, len(bars))
    wide = min(_WIDEST, each * 0.7)
    for number, one in enumerate(bars):
        middle = _LEFT + each * (number + 0.5)
        marks.append(svg.link(one.place, one.label, _bar(one, middle - wide / 2, wide, high / most)))
        marks.append(svg.text((middle, _HEIGHT - 6), one.name, "soft", anchor="middle"))
    return svg.drawing(_WIDTH, _HEIGHT, title, marks)


def _bar(one: Bar, left: float, width: float, scale: float) -> list[Markup]:
    y = _HEIGHT - _BOTTOM
    found = []
    for state in ORDER:
        if count := one.lines.get(state, 0):
            y -= count * scale
            found.append(svg.rect(left, y, width, count * scale, COLOURS[state]))
    breaches = one.lines.get("breach", 0)
    if breaches:
        found.append(svg.text((left + width / 2, y - 4), f"✘ {breaches}", anchor="middle"))
    return found
