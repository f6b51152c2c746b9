"""A text as a QR code, for a telephone's camera (ISO/IEC 18004, by the library segno)."""

import segno
from markupsafe import Markup

from collector.pages.drawing import svg

_QUIET = 4  # modules of white around it, as the standard asks


def code(text: str, title: str) -> Markup:
    """Draw a text; dark on white in every mode, or cameras do not read it."""
    rows = [bytes(row) for row in segno.make(text, error="m", micro=False).matrix]
    side = len(rows) + 2 * _QUIET
    marks = [svg.rect(0, 0, side, side, "qr-light")]
    for y, row in enumerate(rows):
        x = 0
        while x < len(row):
            width = _run(row, x)
            if row[x]:
                marks.append(svg.rect(x + _QUIET, y + _QUIET, width, 1, "qr-dark"))
            x += width
    return svg.drawing(side, side, title, marks, kind="qr")


def _run(row: bytes, begin: int) -> int:
    end = begin
    while end < len(row) and row[end] == row[begin]:
        end += 1
    return end - begin
