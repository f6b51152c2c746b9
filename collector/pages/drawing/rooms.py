"""A school's rooms floor by floor: where the Wi-Fi passes, where not, and where nobody looked."""

from collections.abc import Sequence

from markupsafe import Markup
from msgspec import Struct

from collector.pages.drawing import svg

_WIDTH, _LEFT, _CELL, _HEIGHT, _GAP = 960.0, 84.0, 138.0, 44.0, 6.0
_LETTERS = 15
_FLOOR_LETTERS = 11
_CSS = {"good": "t-yes s-yes", "bad": "t-no s-no", "unknown": "t-unknown s-line"}
SIGNS = {"good": "✓", "bad": "✗", "unknown": "?"}


class Room(Struct, frozen=True, kw_only=True):
    """One room: good, bad or unknown; ``below`` is a short figure, ``link`` where it is told of at length."""

    label: str
    state: str
    below: str
    title: str
    link: str


class Floor(Struct, frozen=True):
    """A floor with its rooms in order."""

    name: str
    rooms: tuple[Room, ...]


def rooms(title: str, floors: Sequence[Floor]) -> Markup:
    """Draw floors below each other, each in as many lines as it needs."""
    marks: list[Markup] = []
    a_line = int((_WIDTH - _LEFT) // (_CELL + _GAP))
    y = 4.0
    for floor in floors:
        marks.append(svg.text((0, y + 26), short(floor.name, _FLOOR_LETTERS)))
        for place, room in enumerate(floor.rooms):
            x = _LEFT + (place % a_line) * (_CELL + _GAP)
            marks.append(_room(x, y + place // a_line * (_HEIGHT + _GAP), room))
        y += max(1, -(-len(floor.rooms) // a_line)) * (_HEIGHT + _GAP) + 8
    return svg.drawing(_WIDTH, y, title, marks)


def _room(x: float, y: float, room: Room) -> Markup:
    return svg.link(
        room.link,
        room.title,
        [
            svg.rect(x, y, _CELL, _HEIGHT, _CSS[room.state], title=room.title, radius=4),
            svg.text((x + 8, y + 18), f"{SIGNS[room.state]} {short(room.label, _LETTERS)}"),
            svg.text((x + 8, y + 35), room.below, "soft"),
        ],
    )


def short(text: str, most: int) -> str:
    """Return a name of outside as fits: without marks that turn the direction of writing."""
    plain = "".join(letter for letter in text if letter.isprintable())
    return plain if len(plain) <= most else plain[: most - 1] + "…"
