"""What a map shows of a place, and its steps of colour: one hue from pale to dark, which every eye can order."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup
from msgspec import Struct

STEPS = (0.2, 0.4, 0.6, 0.8)
_FILLS = ("#e3eef9", "#b9d5f0", "#86b5e2", "#2f6db5", "#123f78")
_NO_FIGURE = "#e9edf1"
_BORDER = "#52616f"
_DARK_FROM = 3

Ring = Sequence[tuple[float, float]]


class Place(Struct, frozen=True, kw_only=True):
    """A unit on a map: its name, the figure as it is written, and where a click leads. ``share`` null: no figure."""

    code: str
    name: str
    share: float | None
    figure: str
    label: str
    address: str
    is_city: bool = False


def step(share: float | None) -> int | None:
    """Return which of the five steps of colour a share has; null without a figure."""
    return None if share is None else sum(share >= limit for limit in STEPS)


def fill_class(share: float | None) -> str:
    """Return the class of the colour of a share."""
    found = step(share)
    return "q-none" if found is None else f"q{found}"


def ink_class(share: float | None) -> str:
    """Return the class of a text that is read on the colour of a share."""
    found = step(share)
    return "on-none" if found is None else "on-dark" if found >= _DARK_FROM else "on-light"


def country(shapes: Iterable[tuple[Place, Sequence[Ring]]], title: str, size: tuple[float, float]) -> Markup:
    """Return a whole SVG file of shapes, each a link, with colours of its own: no page's style reaches into it."""
    drawn = Markup("\n").join(_shape(place, rings) for place, rings in shapes)
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {:.0f} {:.0f}" font-family="sans-serif">'
        "<title>{}</title>\n{}\n</svg>\n"
    ).format(size[0], size[1], title, drawn)


def _shape(place: Place, rings: Sequence[Ring]) -> Markup:
    found = step(place.share)
    way = "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in ring) + "Z" for ring in rings)
    outline = Markup(
        '<path d="{}" fill="{}" fill-rule="evenodd" stroke="{}" stroke-width="1"><title>{}</title></path>'
    ).format(way, _NO_FIGURE if found is None else _FILLS[found], _BORDER, place.label)
    x, y = _middle(max(rings, key=_area))
    words = Markup(
        '<text x="{:.1f}" y="{:.1f}" text-anchor="middle" font-size="15" font-weight="bold" fill="{}">{}</text>'
    ).format(x, y + 5, "#fff" if found is not None and found >= _DARK_FROM else "#17212b", place.figure)
    return Markup('<a href="{}" aria-label="{}">{}{}</a>').format(place.address, place.label, outline, words)


def _area(ring: Ring) -> float:
    return abs(_twice_area(ring)) / 2


def _twice_area(ring: Ring) -> float:
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, [*ring[1:], ring[0]], strict=True))


def _middle(ring: Ring) -> tuple[float, float]:
    """Return the centre of gravity of an area, where its figure stands."""
    twice = _twice_area(ring)
    if not twice:
        return ring[0]
    pairs = [(a, b, a[0] * b[1] - b[0] * a[1]) for a, b in zip(ring, [*ring[1:], ring[0]], strict=True)]
    return (
        sum((a[0] + b[0]) * weight for a, b, weight in pairs) / (3 * twice),
        sum((a[1] + b[1]) * weight for a, b, weight in pairs) / (3 * twice),
    )
