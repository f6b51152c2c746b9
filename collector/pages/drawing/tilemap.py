"""The country as equal tiles, one a unit: a schematic map without any border, on which small places are seen too."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup
from msgspec import Struct

from collector.pages.drawing import shapes, svg
from collector.pages.drawing.shapes import Place

_WIDTH, _HEIGHT, _GAP = 128.0, 96.0, 6.0
_LINE = 14.0
_LETTERS = 17
_MOST_LINES = 3


class Tile(Struct, frozen=True, kw_only=True):
    """A unit and where its tile is: column and row, the first ones 0."""

    place: Place
    column: int
    row: int


def tilemap(tiles: Sequence[Tile], title: str) -> Markup:
    """Return the map; each tile has its name, its code, its figure, and is a link."""
    columns = 1 + max((tile.column for tile in tiles), default=0)
    rows = 1 + max((tile.row for tile in tiles), default=0)
    width, height = columns * (_WIDTH + _GAP) - _GAP, rows * (_HEIGHT + _GAP) - _GAP
    ordered = sorted(tiles, key=lambda tile: (tile.row, tile.column))
    return svg.drawing(width, height, title, (_tile(tile) for tile in ordered), kind="chart tiles")


def _tile(tile: Tile) -> Markup:
    x, y = tile.column * (_WIDTH + _GAP), tile.row * (_HEIGHT + _GAP)
    ink = shapes.ink_class(tile.place.share)
    lines = wrapped(tile.place.name)
    radius = 22 if tile.place.is_city else 4
    marks = [svg.rect(x, y, _WIDTH, _HEIGHT, shapes.fill_class(tile.place.share), radius=radius)]
    middle = x + _WIDTH / 2
    for number, line in enumerate(lines):
        marks.append(svg.text((middle, y + 18 + number * _LINE), line, ink, anchor="middle"))
    marks.append(svg.text((middle, y + _HEIGHT - 24), tile.place.figure, f"{ink} big", anchor="middle"))
    marks.append(svg.text((middle, y + _HEIGHT - 8), tile.place.code, ink, anchor="middle"))
    return svg.link(tile.place.address, tile.place.label, marks)


def wrapped(name: str) -> list[str]:
    """Return a name in lines that fit a tile; what does not fit ends with an ellipsis."""
    lines: list[str] = []
    for word in _words(name):
        joined = lines[-1] + ("" if lines[-1].endswith("-") else " ") + word if lines else word
        if lines and len(joined) <= _LETTERS:
            lines[-1] = joined
        else:
            lines.append(word if len(word) <= _LETTERS else word[: _LETTERS - 1] + "…")
    return lines if len(lines) <= _MOST_LINES else [*lines[: _MOST_LINES - 1], lines[_MOST_LINES - 1] + "…"]


def _words(name: str) -> Iterable[str]:
    for word in name.split():
        first, hyphen, rest = word.partition("-")
        yield first + hyphen
        if rest:
            yield rest
